/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/sandbox.h"

#include "base/cleanup.h"
#include "base/rights.h"
#include "symbolizer/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
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

int sandbox_few_calls(void)
{
	const struct bounded_call kill_itself = {SCMP_SYS(tgkill), 0, (uint64_t)getpid()};
	_cleanup_(seccomp_releasep) scmp_filter_ctx filter = NULL;
	int err;

	if (!rights_may_limit_memory())
		return 0;
	filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	err = filter ? allow_bounded(filter, &kill_itself) : -ENOMEM;
	for (size_t i = 0; !err && i < ARRAY_SIZE(bounded_calls); i++)
		err = allow_bounded(filter, &bounded_calls[i]);
	for (size_t i = 0; !err && i < ARRAY_SIZE(allowed_calls); i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_calls[i], 0);
	return err ? err : seccomp_load(filter);
}

/* All rights to files that the first version knows are handled, and none is granted. A kernel
 * without Landlock, or one that has it turned off, leaves it to seccomp. */
int sandbox_no_files(void)
{
	const struct landlock_ruleset_attr none = {
		.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
	};
	_cleanup_close_ int ruleset = -1;

	if (!rights_may_limit_memory())
		return 0;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &none, sizeof(none), 0);
	if (ruleset < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
	return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}
