/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/system.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/options.h"

#include <dlfcn.h>
#include <errno.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
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

enum {
	STACK_WANTED = 127, /* frames that bpf/ takes of a stack */
};

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

unsigned int system_pid_namespace(void)
{
	enum { INITIAL = 0xeffffffc }; /* PROC_PID_INIT_INO */
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) || st.st_ino == INITIAL)
		return 0;
	return (unsigned int)st.st_ino;
}

void system_check_namespace(void)
{
	char self[32] = "";

	if (readlink("/proc/self", self, sizeof(self) - 1) > 0 && atoi(self) != getpid()) {
		log_warn("/proc is of another pid namespace than wick: processes will have no "
			 "names");
		log_hint("mount -t proc proc /proc, in a mount namespace of wick's own");
	}
	if (!system_pid_namespace())
		return;
	log_warn("wick is in a pid namespace of its own: processes outside of it are sampled "
		 "without pid and user frames' names");
	log_hint("give its container the host's pid namespace (--pid=host, hostPID: true)");
}

static int read_word(const char *path, char *ret, size_t size)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");

	if (!file || !fgets(ret, (int)size, file))
		return -ENOENT;
	ret[strcspn(ret, "\n")] = '\0';
	return 0;
}

/* The file reads "none [integrity] confidentiality"; only the last mode keeps BPF from memory. */
static const char *lockdown_mode(char *ret, size_t size)
{
	char modes[128], *from, *to;

	snprintf(ret, size, "none");
	if (read_word("/sys/kernel/security/lockdown", modes, sizeof(modes)))
		return ret;
	from = strchr(modes, '[');
	to = from ? strchr(from, ']') : NULL;
	if (to) {
		*to = '\0';
		snprintf(ret, size, "%s", from + 1);
	}
	return ret;
}

static bool is_locked_down(void)
{
	char mode[32];

	return !strcmp(lockdown_mode(mode, sizeof(mode)), "confidentiality");
}

/* EPERM and EACCES look the same whether rights, lockdown or a container's seccomp filter is
 * behind. */
static void explain_refusal(const char *system_call)
{
	for (size_t i = 0; i < ARRAY_SIZE(rights); i++)
		if (rights[i].is_needed && !has_right(&rights[i])) {
			log_hint("%s is missing; %s", rights[i].name, capability_hint);
			return;
		}
	if (is_locked_down())
		log_hint("the kernel is locked down (confidentiality): BPF may not read memory");
	else
		log_hint("the rights are there: in a container or user namespace, %s must be "
			 "allowed by its seccomp profile and by the host; see 'wick dump system'",
			 system_call);
}

void system_explain_perf(int err, const char *event)
{
	log_error("cannot open perf event '%s': %s", event, strerror(-err));
	switch (err) {
	case -EACCES:
	case -EPERM:
		explain_refusal("perf_event_open");
		break;
	case -ENOENT:
	case -EOPNOTSUPP:
	case -ENODEV:
		log_hint("this machine has no PMU for it (often so in virtual machines): leave out "
			 "--event");
		break;
	case -EMFILE:
	case -ENFILE:
		log_hint("one descriptor a CPU is needed: raise the limit with 'ulimit -n 65536'");
		break;
	case -ENOSPC:
		log_hint("all counters of the PMU are taken: leave out --event");
		break;
	case -ENOSYS:
		log_hint("the kernel was built without CONFIG_PERF_EVENTS");
		break;
	case -EBUSY:
		log_hint("another profiler holds the PMU: leave out --event");
		break;
	default:
		log_hint("see 'wick dump system'");
	}
}

/* libbpf and, through it, the verifier talk a lot. What counts is kept: the last line of substance.
 */
static char last_words[256];

static bool has_substance(const char *line)
{
	static const char *const noise[] = {"processed ", "-- END ",
					    "libbpf: failed to load object", "libbpf: prog '"};

	for (size_t i = 0; i < ARRAY_SIZE(noise); i++)
		if (!strncmp(line, noise[i], strlen(noise[i])))
			return !last_words[0];
	return *line;
}

static int __attribute__((format(printf, 2, 0)))
keep_words(enum libbpf_print_level level, const char *format, va_list args)
{
	_cleanup_free_ char *text = NULL;
	char *line, *rest, shown[sizeof(last_words)];

	if (level != LIBBPF_WARN || vasprintf(&text, format, args) < 0)
		return 0;
	for (rest = text; (line = strsep(&rest, "\n"));) {
		if (!has_substance(line))
			continue;
		log_debug("%s", quote(shown, sizeof(shown), line));
		memcpy(last_words, shown, sizeof(shown));
	}
	return 0;
}

void system_listen_to_libbpf(void)
{
	last_words[0] = '\0';
	libbpf_set_print(keep_words);
}

void system_explain_bpf(int err)
{
	log_error("cannot set up the BPF program: %s%s%s", strerror(-err),
		  last_words[0] ? ": " : "", last_words);
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		log_hint("the kernel has no BTF (/sys/kernel/btf/vmlinux): it needs "
			 "CONFIG_DEBUG_INFO_BTF");
	else if (err == -EPERM) /* EACCES is the verifier's */
		explain_refusal("bpf");
	else if (err == -ENOMEM)
		log_hint("the maps do not fit in memory: lower -F, or raise the memory limit");
	else if (err == -EMFILE || err == -ENFILE)
		log_hint("raise the limit of open files: 'ulimit -n 65536'");
	else if (is_locked_down())
		log_hint("the kernel is locked down (confidentiality): BPF may not read memory");
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

/* 0, or why not: a negative errno. */
static int try_event(uint32_t type, uint64_t config)
{
	struct perf_event_attr attr = {.size = sizeof(attr),
				       .type = type,
				       .config = config,
				       .sample_period = 1000000,
				       .disabled = 1};
	long fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return -errno;
	close((int)fd);
	return 0;
}

/* The smallest thing bpf() can be asked for. */
static int try_bpf(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "wick_try", 4, 8, 1, NULL);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* "yes", or "no (EPERM)" */
static const char *yes_or_why(int err, char *ret, size_t size)
{
	if (err)
		snprintf(ret, size, "no (%s)", strerrorname_np(-err));
	else
		snprintf(ret, size, "yes");
	return ret;
}

static void add_kernel(struct gather *gather)
{
	struct utsname host;
	int major = 0, minor = 0;
	char lockdown[32];
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
	    lockdown_mode(lockdown, sizeof(lockdown)));
	add(gather, "CPUs", true, "each online CPU is sampled", "%ld online of %d possible",
	    sysconf(_SC_NPROCESSORS_ONLN), libbpf_num_possible_cpus());
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
	int bpf = try_bpf(), clock = try_event(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK);
	int cycles = try_event(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES);
	char why[32];
	bool is_refused = cycles == -EACCES || cycles == -EPERM;

	add(gather, "bpf", !bpf,
	    bpf ? "BPF maps cannot be made: nothing is sampled" : "maps can be made", "%s",
	    yes_or_why(bpf, why, sizeof(why)));
	add(gather, "cpu-clock", !clock,
	    clock ? "cannot be opened: nothing is sampled" : "can be sampled", "%s",
	    yes_or_why(clock, why, sizeof(why)));
	add(gather, "cycles", !cycles,
	    !cycles	 ? "--event cycles works"
	    : is_refused ? "not allowed: --event cycles will not work"
			 : "no PMU here: --event cycles will not work, cpu-clock is used",
	    "%s", yes_or_why(cycles, why, sizeof(why)));
}

static long read_number(const char *path, long otherwise)
{
	char value[64], *end;
	long number;

	if (read_word(path, value, sizeof(value)))
		return otherwise;
	number = strtol(value, &end, 10);
	return end == value || *end ? otherwise : number;
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

static void add_perf_limits(struct gather *gather)
{
	long paranoid = read_number("/proc/sys/kernel/perf_event_paranoid", 2);
	long stack = read_number("/proc/sys/kernel/perf_event_max_stack", STACK_WANTED);
	long rate = read_number("/proc/sys/kernel/perf_event_max_sample_rate", 100000);
	long share = read_number("/proc/sys/kernel/perf_cpu_time_max_percent", 25);

	add(gather, "perf_event_paranoid", true, "no limit to who has CAP_PERFMON", "%ld",
	    paranoid);
	add(gather, "perf_event_max_stack", stack >= STACK_WANTED,
	    stack >= STACK_WANTED ? "frames of a kernel stack: all that wick asks for"
				  : "kernel stacks are cut after so many frames",
	    "%ld", stack);
	add(gather, "perf_event_max_sample_rate", true,
	    "Hz, past which the kernel throttles, and --event cycles cannot go", "%ld", rate);
	add(gather, "perf_cpu_time_max_percent", true,
	    share > 0 && share < 100 ? "% of a CPU for sampling, past which the kernel throttles"
				     : "the kernel does not throttle sampling",
	    "%ld", share);
}

static void add_symbols(struct gather *gather)
{
	static const char *const meaning[] = {"shows kernel symbols to who has CAP_SYSLOG",
					      "shows kernel symbols to who has CAP_SYSLOG",
					      "hides kernel symbols from everybody"};
	long restrict_mode = read_number("/proc/sys/kernel/kptr_restrict", 0);
	bool shown = kallsyms_are_shown();

	if (restrict_mode < 0 || restrict_mode > 2)
		restrict_mode = 2;
	add(gather, "kptr_restrict", restrict_mode < 2, meaning[restrict_mode], "%ld",
	    restrict_mode);
	add(gather, "kallsyms", shown,
	    shown ? "kernel frames have names" : "kernel symbols unavailable: frames read [kernel]",
	    "%s", shown ? "shown" : "hidden");
}

static void add_memlock(struct gather *gather)
{
	struct rlimit limit = {0};
	const char *means = "no limit to BPF maps since Linux 5.11";

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return;
	if (limit.rlim_cur == RLIM_INFINITY)
		add(gather, "memlock", true, means, "unlimited");
	else
		add(gather, "memlock", true, means, "%llu KiB",
		    (unsigned long long)limit.rlim_cur / 1024);
}

static void add_rest(struct gather *gather)
{
	struct statfs fs;
	bool is_v2 = !statfs("/sys/fs/cgroup", &fs) && fs.f_type == CGROUP2_SUPER_MAGIC;
	void *mhd = dlopen("libmicrohttpd.so.12", RTLD_LAZY);

	add_memlock(gather);
	add(gather, "cgroups", is_v2,
	    is_v2 ? "containers can be told apart" : "v2 is what tells containers apart", "%s",
	    is_v2 ? "v2" : "v1 or hybrid");
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
	add_perf_limits(&gather);
	add_symbols(&gather);
	add_rest(&gather);
	return gather.count;
}
