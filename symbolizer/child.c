/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/child.h"

#include "base/cleanup.h"
#include "base/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	FD_HIGH = 16, /* above the child's, so that no dup2() overwrites a source */
	CPU_SECONDS_MAX = 60,
	MEMORY_MAX = 1 << 30, /* beside the mapped files */
	STACK_MAX = 96 << 20, /* the C++ demangler's arrays; the kernel keeps 128 MB free for it */
};

static int describe_files(posix_spawn_file_actions_t *files, int in_fd, int in_fd_2, int out_fd)
{
	int err = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDWR, 0);

	if (!err)
		err = posix_spawn_file_actions_adddup2(files, 0, 1);
	if (!err)
		err = posix_spawn_file_actions_adddup2(files, 0, 2);
	if (!err)
		err = posix_spawn_file_actions_adddup2(files, in_fd, CHILD_IN);
	if (!err)
		err = posix_spawn_file_actions_adddup2(files, out_fd, CHILD_OUT);
	if (!err && in_fd_2 >= 0)
		err = posix_spawn_file_actions_adddup2(files, in_fd_2, CHILD_IN_2);
	if (!err)
		err = posix_spawn_file_actions_addclosefrom_np(files, in_fd_2 >= 0 ? CHILD_IN_2 + 1
										   : CHILD_OUT + 1);
	return -err;
}

/* A session of its own: a Ctrl-C at the terminal is for the parent. */
static int describe_attributes(posix_spawnattr_t *attributes)
{
	sigset_t signals;
	int err;

	sigfillset(&signals);
	err = posix_spawnattr_setsigdefault(attributes, &signals);
	sigemptyset(&signals);
	if (!err)
		err = posix_spawnattr_setsigmask(attributes, &signals);
	if (!err)
		err = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF |
								   POSIX_SPAWN_SETSIGMASK |
								   POSIX_SPAWN_SETSID);
	return -err;
}

/* glibc's posix_spawn() is a vfork() that threads survive: it costs nothing for a big parent. */
static int spawn(const char *verb, int in_fd, int in_fd_2, int out_fd, pid_t *ret_pid)
{
	_cleanup_(posix_spawn_file_actions_destroy) posix_spawn_file_actions_t files;
	_cleanup_(posix_spawnattr_destroy) posix_spawnattr_t attributes;
	char parent[16], name[] = "wick-parser", arg[] = CHILD_ARG;
	char *argv[] = {name, arg, (char *)verb, parent, NULL};
	char *no_environment[] = {NULL};
	int err;

	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	snprintf(parent, sizeof(parent), "%d", (int)getpid());
	err = describe_files(&files, in_fd, in_fd_2, out_fd);
	if (!err)
		err = describe_attributes(&attributes);
	if (!err)
		err = -posix_spawn(ret_pid, "/proc/self/exe", &files, &attributes, argv,
				   no_environment);
	return err ? -EAGAIN : 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* True: the child has ended. */
static bool wait_until(int pidfd, int64_t deadline)
{
	struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
	int ready;

	do {
		int64_t left = deadline - now_ms();

		ready = poll(&poll_fd, 1, left > 0 ? (int)left : 0);
	} while (ready < 0 && errno == EINTR);
	return ready > 0;
}

static int reap(pid_t pid, bool in_time)
{
	static const int verdicts[] = {ENOEXEC, EBADMSG, EFBIG, ENOMEM};
	siginfo_t info = {0};

	if (!in_time)
		kill(pid, SIGKILL); /* not reaped yet, so the pid is still its own */
	while (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0)
		if (errno != EINTR)
			return -ECHILD;
	if (!in_time)
		return -ETIMEDOUT;
	if (info.si_code == CLD_EXITED && info.si_status == 0)
		return 0;
	for (size_t i = 0; info.si_code == CLD_EXITED && i < ARRAY_SIZE(verdicts); i++)
		if (info.si_status == verdicts[i])
			return -verdicts[i];
	return -ECHILD;
}

int child_run(const char *verb, int in_fd, int out_fd, unsigned int deadline_ms)
{
	return child_run_2(verb, in_fd, -1, out_fd, deadline_ms);
}

int child_run_2(const char *verb, int in_fd, int in_fd_2, int out_fd, unsigned int deadline_ms)
{
	int64_t deadline = now_ms() + (deadline_ms < INT32_MAX ? deadline_ms : INT32_MAX);
	_cleanup_close_ int in = fcntl(in_fd, F_DUPFD_CLOEXEC, FD_HIGH);
	_cleanup_close_ int in_2 = in_fd_2 < 0 ? -1 : fcntl(in_fd_2, F_DUPFD_CLOEXEC, FD_HIGH);
	_cleanup_close_ int out = fcntl(out_fd, F_DUPFD_CLOEXEC, FD_HIGH);
	_cleanup_close_ int pidfd = -1;
	pid_t pid;
	int err;

	if (in < 0 || out < 0 || (in_fd_2 >= 0 && in_2 < 0))
		return -EAGAIN;
	err = spawn(verb, in, in_2, out, &pid);
	if (err)
		return err;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	err = reap(pid, pidfd >= 0 && wait_until(pidfd, deadline));
	if (pidfd < 0)
		err = -EAGAIN;
	if (fcntl(out_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) <
	    0)
		return -EAGAIN;
	return err;
}

int child_memfd(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return fd < 0 ? -errno : fd;
}

const char *child_verb(int argc, char **argv)
{
	return argc == 4 && !strcmp(argv[1], CHILD_ARG) ? argv[2] : NULL;
}

static rlim_t file_bytes(int fd)
{
	struct stat st;

	return fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size < 0 ? 0 : (rlim_t)st.st_size;
}

/* A file that is mapped takes room, but no memory: unstripped servers have gigabytes. */
static rlim_t memory_max(void)
{
	return MEMORY_MAX + file_bytes(CHILD_IN) + file_bytes(CHILD_IN_2);
}

static int limit_resources(void)
{
	int last_fd = fcntl(CHILD_IN_2, F_GETFD) < 0 ? CHILD_OUT : CHILD_IN_2;
	int err = rights_limit(RLIMIT_CORE, 0);

	if (!err && rights_may_limit_memory())
		err = rights_limit(RLIMIT_AS, memory_max());
	if (!err)
		err = rights_limit(RLIMIT_CPU, CPU_SECONDS_MAX);
	if (!err)
		err = rights_limit(RLIMIT_STACK, STACK_MAX);
	if (!err)
		err = rights_limit(RLIMIT_FSIZE, CHILD_OUT_MAX);
	if (!err)
		err = rights_limit(RLIMIT_NOFILE, (rlim_t)last_fd + 1);
	return err ? err : rights_limit(RLIMIT_NPROC, 0);
}

void child_confine(char **argv)
{
	int err;

	signal(SIGXFSZ, SIG_IGN); /* too much output is -EFBIG, not a death */
	err = rights_drop((pid_t)strtol(argv[3], NULL, 10));
	if (!err)
		err = limit_resources();
	prctl(PR_SET_NAME, argv[0]);
	/* seccomp and Landlock belong here, last: what follows only reads, maps and writes. */
	if (err)
		child_exit(err);
}

void child_exit(int err)
{
	_exit(-err);
}
