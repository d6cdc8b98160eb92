/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/sandbox.h"

#include "base/cleanup.h"
#include "base/rights.h"
#include "symbolizer/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What malloc, stdio, libelf, zlib, zstd and abort() need. */
static const int allowed_calls[] = {
	SCMP_SYS(read),	      SCMP_SYS(pread64),       SCMP_SYS(write),
	SCMP_SYS(lseek),      SCMP_SYS(fstat),	       SCMP_SYS(close),
	SCMP_SYS(mmap),	      SCMP_SYS(munmap),	       SCMP_SYS(mremap),
	SCMP_SYS(madvise),    SCMP_SYS(brk),	       SCMP_SYS(getrandom),
	SCMP_SYS(getpid),     SCMP_SYS(gettid),	       SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(futex),      SCMP_SYS(clock_gettime), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(exit_group), SCMP_SYS(exit),	       SCMP_SYS(restart_syscall),
};

/* What a resolver and a client of TCP and TLS need beside. */
static const int network_calls[] = {
	SCMP_SYS(openat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(getdents64),
	SCMP_SYS(mprotect),
	SCMP_SYS(fcntl),
	SCMP_SYS(ioctl),
	SCMP_SYS(connect),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(writev),
	SCMP_SYS(readv),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(pipe2),
	SCMP_SYS(eventfd2),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_yield),
};

static void seccomp_releasep(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

/* Calls that are allowed with one value of one argument. */
static const struct bounded_call {
	int call;
	unsigned int argument;
	uint64_t value;
} bounded_calls[] = {
	{SCMP_SYS(newfstatat), 3, AT_EMPTY_PATH}, /* fstat(), as glibc calls it */
	{SCMP_SYS(fcntl), 1, F_GETFL},
	{SCMP_SYS(fcntl), 1, F_GETFD},
	{SCMP_SYS(prlimit64), 2, 0}, /* limits are asked for, not changed */
	{SCMP_SYS(recvmsg), 0, CHILD_ASK},
};

static int allow_bounded(scmp_filter_ctx filter, const struct bounded_call *bounded)
{
	const struct scmp_arg_cmp is_value = {
		.arg = bounded->argument,
		.op = SCMP_CMP_EQ,
		.datum_a = bounded->value,
	};

	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, bounded->call, 1, &is_value);
}

static const struct bounded_call network_bounded[] = {
	{SCMP_SYS(socket), 0, AF_INET},
	{SCMP_SYS(socket), 0, AF_INET6},
};

static int allow_calls(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int err = 0;

	for (size_t i = 0; !err && i < count; i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return err;
}

static int allow_few_calls(scmp_filter_ctx filter)
{
	const struct bounded_call kill_itself = {SCMP_SYS(tgkill), 0, (uint64_t)getpid()};
	int err = allow_bounded(filter, &kill_itself);

	for (size_t i = 0; !err && i < ARRAY_SIZE(bounded_calls); i++)
		err = allow_bounded(filter, &bounded_calls[i]);
	return err ? err : allow_calls(filter, allowed_calls, ARRAY_SIZE(allowed_calls));
}

int sandbox_few_calls(void)
{
	_cleanup_(seccomp_releasep) scmp_filter_ctx filter = NULL;
	int err;

	if (!rights_may_limit_memory())
		return 0;
	filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	err = filter ? allow_few_calls(filter) : -ENOMEM;
	return err ? err : seccomp_load(filter);
}

int sandbox_network_calls(void)
{
	_cleanup_(seccomp_releasep) scmp_filter_ctx filter = NULL;
	int err;

	if (!rights_may_limit_memory())
		return 0;
	filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	err = filter ? allow_few_calls(filter) : -ENOMEM;
	for (size_t i = 0; !err && i < ARRAY_SIZE(network_bounded); i++)
		err = allow_bounded(filter, &network_bounded[i]);
	if (!err)
		err = allow_calls(filter, network_calls, ARRAY_SIZE(network_calls));
	return err ? err : seccomp_load(filter);
}

/* What the first version of Landlock knows. */
enum { ALL_FILE_RIGHTS = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1 };

/* Where the kernel has no Landlock, or has it turned off, it is left to seccomp and the uid:
 * *ret_ruleset is then -1. */
static int make_ruleset(int *ret_ruleset)
{
	const struct landlock_ruleset_attr handled = {.handled_access_fs = ALL_FILE_RIGHTS};
	int ruleset = -1;

	if (rights_may_limit_memory())
		ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
	*ret_ruleset = ruleset;
	return ruleset >= 0 || !rights_may_limit_memory() || errno == ENOSYS || errno == EOPNOTSUPP
		       ? 0
		       : -errno;
}

static int restrict_self(int ruleset)
{
	return ruleset >= 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}

int sandbox_no_files(void)
{
	_cleanup_close_ int ruleset = -1;
	int err = make_ruleset(&ruleset);

	return err ? err : restrict_self(ruleset);
}

/* A path that is not there grants nothing. */
static int allow_reading(int ruleset, const char *path)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
	const struct landlock_path_beneath_attr beneath = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
		.parent_fd = fd,
	};

	if (fd < 0)
		return 0;
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0
		       ? -errno
		       : 0;
}

int sandbox_network_files(void)
{
	static const char *const readable[] = {"/etc", "/usr", "/run"};
	_cleanup_close_ int ruleset = -1;
	int err = make_ruleset(&ruleset);

	for (size_t i = 0; !err && ruleset >= 0 && i < ARRAY_SIZE(readable); i++)
		err = allow_reading(ruleset, readable[i]);
	return err ? err : restrict_self(ruleset);
}
