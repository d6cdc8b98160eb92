/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/system.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "profiler/options.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif
#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

static const char capability_hint[] = "run wick with sudo, or give the service "
				      "AmbientCapabilities=CAP_BPF CAP_PERFMON CAP_SYS_PTRACE "
				      "CAP_SYSLOG CAP_CHECKPOINT_RESTORE CAP_DAC_READ_SEARCH";

/* CAP_SYS_ADMIN stands in for those that were split off from it (5.8, 5.9). */
static const struct right {
	int number;
	const char *name;
	bool in_sys_admin, is_needed;
	const char *missing;
} rights[] = {
	{CAP_BPF, "CAP_BPF", true, true, "the program cannot be loaded: nothing is sampled"},
	{CAP_PERFMON, "CAP_PERFMON", true, true,
	 "perf events cannot be opened: nothing is sampled"},
	{CAP_SYS_PTRACE, "CAP_SYS_PTRACE", false, false,
	 "mappings of other users' processes cannot be read: their frames read [unmapped]"},
	{CAP_SYSLOG, "CAP_SYSLOG", false, false,
	 "kernel symbols are hidden: kernel frames read [kernel]"},
	{CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE", true, false,
	 "deleted and replaced files cannot be opened: their frames have no names"},
	{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", false, false,
	 "files of other users and containers cannot be read: their frames have no names"},
};

static uint64_t effective_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	if (syscall(SYS_capget, &head, data))
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

static bool has_right(const struct right *right)
{
	uint64_t have = effective_capabilities();

	return (have >> right->number & 1) || (right->in_sys_admin && (have >> CAP_SYS_ADMIN & 1));
}

int system_check_rights(void)
{
	int status = STATUS_OK;

	for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
		if (has_right(&rights[i]))
			continue;
		if (rights[i].is_needed) {
			log_error("%s is missing: %s", rights[i].name, rights[i].missing);
			status = STATUS_ERROR;
		}
	}
	if (status != STATUS_OK) {
		log_hint("%s", capability_hint);
		return status;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rights); i++)
		if (!has_right(&rights[i]))
			log_warn("%s is missing: %s", rights[i].name, rights[i].missing);
	return status;
}

void system_explain_perf(int err, const char *event)
{
	log_error("cannot open perf event '%s': %s", event, strerror(-err));
	switch (err) {
	case -EACCES:
	case -EPERM:
		log_hint("needs CAP_PERFMON, and in a container a seccomp profile that allows "
			 "perf_event_open; see 'wick dump system'");
		break;
	case -ENOENT:
	case -EOPNOTSUPP:
	case -ENODEV:
		log_hint("this machine has no PMU for it (often so in virtual machines): leave out "
			 "--event");
		break;
	case -EMFILE:
		log_hint("raise the limit of open files: 'ulimit -n 65536'");
		break;
	case -EBUSY:
		log_hint("another profiler holds the PMU: leave out --event");
		break;
	default:
		log_hint("see 'wick dump system'");
	}
}

static int read_word(const char *path, char *ret, size_t size)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");

	if (!file || !fgets(ret, (int)size, file))
		return -ENOENT;
	ret[strcspn(ret, "\n")] = '\0';
	return 0;
}

static bool is_locked_down(void)
{
	char state[128];

	return !read_word("/sys/kernel/security/lockdown", state, sizeof(state)) &&
	       strstr(state, "[confidentiality]");
}

void system_explain_bpf(int err)
{
	log_error("cannot set up the BPF program: %s", strerror(-err));
	if (is_locked_down())
		log_hint("the kernel is locked down (confidentiality): BPF may not read memory");
	else if (access("/sys/kernel/btf/vmlinux", R_OK))
		log_hint("the kernel has no BTF (/sys/kernel/btf/vmlinux): it needs "
			 "CONFIG_DEBUG_INFO_BTF");
	else if (err == -EPERM || err == -EACCES)
		log_hint("needs CAP_BPF and CAP_PERFMON, and in a container a seccomp profile that "
			 "allows bpf");
	else if (err == -ENOMEM)
		log_hint("the maps do not fit in memory: lower -F, or raise the memory limit");
	else
		log_hint("wick needs Linux 5.15 or newer; see 'wick dump system'");
}

/* --- facts --- */

struct gather {
	struct system_fact *facts;
	unsigned int count;
};

static void __attribute__((format(printf, 5, 6)))
add(struct gather *gather, const char *name, bool is_good, const char *means, const char *format,
    ...)
{
	struct system_fact *fact = &gather->facts[gather->count];
	va_list args;

	if (gather->count >= SYSTEM_FACTS_MAX)
		return;
	gather->count++;
	fact->name = name;
	fact->is_good = is_good;
	fact->means = means;
	va_start(args, format);
	vsnprintf(fact->value, sizeof(fact->value), format, args);
	va_end(args);
}

static bool opens(uint32_t type, uint64_t config)
{
	struct perf_event_attr attr = {.size = sizeof(attr),
				       .type = type,
				       .config = config,
				       .sample_period = 1000000,
				       .disabled = 1};
	long fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return false;
	close((int)fd);
	return true;
}

static void add_kernel(struct gather *gather)
{
	struct utsname host;
	int major = 0, minor = 0;
	bool has_btf = !access("/sys/kernel/btf/vmlinux", R_OK);
	bool is_new;

	if (uname(&host))
		return;
	sscanf(host.release, "%d.%d", &major, &minor);
	is_new = major > 5 || (major == 5 && minor >= 15);
	add(gather, "kernel", is_new, is_new ? "new enough" : "wick needs Linux 5.15 or newer",
	    "%s", host.release);
	add(gather, "architecture", !strcmp(host.machine, "x86_64"),
	    strcmp(host.machine, "x86_64") ? "only x86_64 is tested" : "supported", "%s",
	    host.machine);
	add(gather, "BTF", has_btf,
	    has_btf ? "the program fits itself to this kernel"
		    : "the program cannot be loaded (CONFIG_DEBUG_INFO_BTF)",
	    "%s", has_btf ? "yes" : "no");
	add(gather, "lockdown", !is_locked_down(),
	    is_locked_down() ? "BPF may not read memory: nothing is sampled" : "no hindrance", "%s",
	    is_locked_down() ? "confidentiality" : "none");
	add(gather, "CPUs", true, "each online CPU is sampled", "%ld online of %ld",
	    sysconf(_SC_NPROCESSORS_ONLN), sysconf(_SC_NPROCESSORS_CONF));
}

static void add_rights(struct gather *gather)
{
	add(gather, "uid", true, "rights are told by the capabilities", "%d", (int)geteuid());
	for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
		bool has = has_right(&rights[i]);

		add(gather, rights[i].name, has, has ? "held" : rights[i].missing, "%s",
		    has ? "yes" : "no");
	}
}

static void add_events(struct gather *gather)
{
	bool clock = opens(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK);
	bool cycles = opens(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES);

	add(gather, "cpu-clock", clock, clock ? "can be sampled" : "cannot be opened by this user",
	    "%s", clock ? "yes" : "no");
	add(gather, "cycles", true,
	    cycles ? "--event cycles works"
		   : "no PMU here, or no right: --event cycles will not work",
	    "%s", cycles ? "yes" : "no");
}

static void add_sysctl(struct gather *gather, const char *name, const char *path, const char *means)
{
	char value[64] = "unknown";

	read_word(path, value, sizeof(value));
	add(gather, name, true, means, "%s", value);
}

static bool kallsyms_are_shown(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/kallsyms", "re");
	unsigned long long addr = 0;

	/* The first ones may be per-CPU offsets, 0 for everybody. */
	for (int i = 0; file && !addr && i < 10000; i++)
		if (fscanf(file, "%llx %*[^\n]", &addr) != 1)
			break;
	return addr != 0;
}

static void add_limits(struct gather *gather)
{
	bool shown = kallsyms_are_shown();
	struct statfs fs;
	void *mhd = dlopen("libmicrohttpd.so.12", RTLD_LAZY);

	add_sysctl(gather, "perf_event_paranoid", "/proc/sys/kernel/perf_event_paranoid",
		   "no limit to a user with CAP_PERFMON");
	add_sysctl(gather, "perf_event_max_stack", "/proc/sys/kernel/perf_event_max_stack",
		   "frames of a kernel stack (127 are taken)");
	add_sysctl(gather, "perf_event_max_sample_rate",
		   "/proc/sys/kernel/perf_event_max_sample_rate", "Hz; -F may not go beyond");
	add_sysctl(gather, "perf_cpu_time_max_percent",
		   "/proc/sys/kernel/perf_cpu_time_max_percent",
		   "% of a CPU, past which the kernel throttles sampling");
	add_sysctl(gather, "kptr_restrict", "/proc/sys/kernel/kptr_restrict",
		   "2 hides kernel symbols from everybody");
	add(gather, "kallsyms", shown,
	    shown ? "kernel frames have names" : "kernel symbols unavailable: frames read [kernel]",
	    "%s", shown ? "shown" : "hidden");
	add(gather, "cgroups", true, "labels of containers come from here", "%s",
	    !statfs("/sys/fs/cgroup", &fs) && fs.f_type == 0x63677270 ? "v2" : "v1 or hybrid");
	add(gather, "libmicrohttpd", mhd != NULL,
	    mhd ? "the viewer can be served" : "no server: install libmicrohttpd12", "%s",
	    mhd ? "found" : "not found");
	if (mhd)
		dlclose(mhd);
}

unsigned int system_facts(struct system_fact facts[SYSTEM_FACTS_MAX])
{
	struct gather gather = {.facts = facts};

	add_kernel(&gather);
	add_rights(&gather);
	add_events(&gather);
	add_limits(&gather);
	return gather.count;
}
