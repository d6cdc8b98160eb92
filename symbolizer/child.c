/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/child.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hashmap.h"
#include "base/pass_fds.h"
#include "base/rights.h"
#include "symbolizer/fork_server.h"
#include "symbolizer/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	FD_HIGH = 16, /* above all of the child's, so that no dup2() overwrites a source */
	CPU_SECONDS_MAX = 60,
	MEMORY_MAX = 2047 << 20,	/* beside the mapped files */
	NETWORK_MEMORY_MAX = 512 << 20, /* its libraries are mapped, too */
	NETWORK_FILES_MAX = 64,
	FORK_SECONDS_MAX = 10, /* without an answer the fork server is given up */
	STACK_MAX = 96 << 20,  /* the C++ demangler's arrays; the kernel keeps 128 MB free for it */
};

static struct {
	_Atomic uint64_t children, cpu_us;
} costs[2]; /* [1]: for unwind tables */

/* Main has asked child_verb(): the program knows what it is started for. */
static bool knows_children;

/* The parent's duplicates of what the child shall have from CHILD_IN to CHILD_ASK; -1 = not given. */
enum { CHILD_FILES = CHILD_ASK + 1 - CHILD_IN };
struct child_files {
	int fds[CHILD_FILES];
};
#define NO_FILES                                                                                   \
	{                                                                                          \
		.fds = { [0 ... CHILD_FILES - 1] = -1 }                                            \
	}

static void close_fd(int *fd)
{
	cleanup_closep(fd);
	*fd = -1;
}

static void child_files_release(struct child_files *files)
{
	for (size_t i = 0; i < CHILD_FILES; i++)
		close_fd(&files->fds[i]);
}

/* Duplicates fd for the child's descriptor `as`; -1 is nothing. False: it cannot be. */
static bool give(struct child_files *files, int as, int fd)
{
	files->fds[as - CHILD_IN] = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FD_HIGH);
	return fd < 0 || files->fds[as - CHILD_IN] >= 0;
}

static int describe_files(posix_spawn_file_actions_t *files, const struct child_files *given)
{
	int err = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDWR, 0);

	if (!err)
		err = posix_spawn_file_actions_adddup2(files, 0, 1);
	if (!err)
		err = posix_spawn_file_actions_adddup2(files, 0, 2);
	for (int i = 0; !err && i < CHILD_FILES; i++)
		err = posix_spawn_file_actions_adddup2(
			files, given->fds[i] >= 0 ? given->fds[i] : 0, CHILD_IN + i);
	if (!err)
		err = posix_spawn_file_actions_addclosefrom_np(files, CHILD_ASK + 1);
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
static int spawn_anew(const char *verb, const struct child_files *given, pid_t *ret_pid)
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
	err = describe_files(&files, given);
	if (!err)
		err = describe_attributes(&attributes);
	if (!err)
		err = -posix_spawn(ret_pid, "/proc/self/exe", &files, &attributes, argv,
				   no_environment);
	return err ? -EAGAIN : 0;
}

/* --- the fork server --- */

/* The verb of the child that becomes one, and is asked at CHILD_IN; with spaces behind it, so that
 * those whom it forks have room to show theirs in /proc. */
#define FORK_SERVER "forks "

static struct {
	pthread_mutex_t lock;
	int fd; /* -1: there is none */
	pid_t pid, owner;
} forks = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

/* Its parent's end of the socket, or a negative errno. */
static int start_fork_server(pid_t *ret_pid)
{
	_cleanup_(child_files_release) struct child_files files = NO_FILES;
	_cleanup_close_ int own = -1, its = -1;
	const struct timeval patience = {.tv_sec = FORK_SECONDS_MAX};
	char verb[FORK_SERVER_VERB_MAX];
	int ends[2], err;

	snprintf(verb, sizeof(verb), "%-*s", (int)sizeof(verb) - 1, FORK_SERVER);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	own = ends[0];
	its = ends[1];
	if (setsockopt(own, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    !give(&files, CHILD_IN, its))
		return -errno;
	err = spawn_anew(verb, &files, ret_pid);
	return err ? err : TAKE_FD(own);
}

void child_prepare(void)
{
	pthread_mutex_lock(&forks.lock);
	if (knows_children && forks.fd < 0) {
		forks.fd = start_fork_server(&forks.pid);
		forks.owner = getpid();
	}
	pthread_mutex_unlock(&forks.lock);
}

static void lose_fork_server(void)
{
	close_fd(&forks.fd);
	kill(forks.pid, SIGKILL);
	while (waitpid(forks.pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int spawn_by_fork(const char *verb, const struct child_files *given, pid_t *ret_pid)
{
	int err = -EPIPE;

	pthread_mutex_lock(&forks.lock);
	if (forks.fd >= 0 && forks.owner == getpid()) {
		err = fork_server_ask(forks.fd, verb, given->fds, CHILD_FILES, ret_pid);
		if (err == -EPIPE || err == -EIO)
			lose_fork_server();
	}
	pthread_mutex_unlock(&forks.lock);
	return err;
}

static int spawn(const char *verb, const struct child_files *given, pid_t *ret_pid)
{
	int err = spawn_by_fork(verb, given, ret_pid);

	if (err == -EIO)
		return -EAGAIN; /* it may have made one that nobody knows */
	return err ? spawn_anew(verb, given, ret_pid) : 0;
}

static uint64_t fork_server_cpu_us(void)
{
	struct timespec used;
	clockid_t clock;
	uint64_t us = 0;

	pthread_mutex_lock(&forks.lock);
	if (forks.fd >= 0 && !clock_getcpuclockid(forks.pid, &clock) &&
	    !clock_gettime(clock, &used))
		us = (uint64_t)used.tv_sec * 1000000 + (uint64_t)used.tv_nsec / 1000;
	pthread_mutex_unlock(&forks.lock);
	return us;
}

/* --- asking --- */

/* The parent's end. */
struct asking {
	const struct child_opener *opener;
	int fd; /* -1: nobody asks any more */
	unsigned int count;
};

/* One question; a child that breaks the rules is not heard any more. */
static bool answer(struct asking *asking)
{
	char what[CHILD_ASK_BYTES_MAX];
	ssize_t size = recv(asking->fd, what, sizeof(what), MSG_DONTWAIT | MSG_TRUNC);
	_cleanup_close_ int fd = -1;

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (size <= 0 || (size_t)size > sizeof(what) || asking->count++ >= CHILD_ASKS_MAX)
		return false;
	fd = asking->opener->open(asking->opener->context, what, (size_t)size);
	return !pass_fds_send(asking->fd, "", 1, &fd, fd >= 0, MSG_DONTWAIT);
}

int child_ask(const void *what, size_t size)
{
	char nothing; /* the descriptor, or that none came, is the answer */
	int fd;

	close(STDIN_FILENO); /* the one number below the limit that a new descriptor may have */
	if (write(CHILD_ASK, what, size) != (ssize_t)size)
		return -ENOENT;
	return pass_fds_receive(CHILD_ASK, &nothing, 1, &fd, 1, 0) == 1 ? fd : -ENOENT;
}

static _Thread_local int end_fd = -1; /* no child outlives its being readable */

void child_end_with(int fd)
{
	end_fd = fd;
}

/* True: the child has ended. Answers it until then. */
static bool wait_until(int pidfd, struct asking *asking, int64_t deadline)
{
	for (;;) {
		struct pollfd poll_fds[] = {
			{.fd = pidfd, .events = POLLIN},
			{.fd = asking->fd, .events = POLLIN},
			{.fd = end_fd, .events = POLLIN},
		};
		int64_t left = deadline - clock_ms();
		int ready = poll(poll_fds, ARRAY_SIZE(poll_fds), left > 0 ? (int)left : 0);

		if (poll_fds[0].revents || (ready < 0 && errno != EINTR))
			return ready > 0;
		if (!ready || left <= 0 || poll_fds[2].revents)
			return false;
		if (ready > 0 && poll_fds[1].revents && !answer(asking))
			close_fd(&asking->fd);
	}
}

/* A SIGKILL that is not ours: its CPU time was up, or the machine's memory. */
static int why_killed(const struct rusage *used)
{
	/* Ticks and exact times differ by a little. */
	return used->ru_utime.tv_sec + used->ru_stime.tv_sec >= CPU_SECONDS_MAX - 1 ? -ETIMEDOUT
										    : -ENOMEM;
}

static uint64_t cpu_us(const struct rusage *used)
{
	return (uint64_t)(used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(used->ru_utime.tv_usec + used->ru_stime.tv_usec);
}

static void count_cost(const char *verb, const struct rusage *used)
{
	bool for_tables = !strncmp(verb, "unwind", strlen("unwind"));

	costs[for_tables].children++;
	costs[for_tables].cpu_us += cpu_us(used);
}

struct child_cost child_cost(bool for_tables)
{
	return (struct child_cost){
		.children = costs[for_tables].children,
		.cpu_us = costs[for_tables].cpu_us + (for_tables ? 0 : fork_server_cpu_us()),
	};
}

static int reap(pid_t pid, const char *verb, bool in_time)
{
	static const int verdicts[] = {ENOEXEC, EBADMSG, EFBIG, ENOMEM};
	struct rusage used;
	int status;

	if (!in_time)
		kill(pid, SIGKILL); /* not reaped yet, so the pid is still its own */
	while (wait4(pid, &status, 0, &used) < 0)
		if (errno != EINTR)
			return -ECHILD;
	count_cost(verb, &used);
	if (!in_time)
		return -ETIMEDOUT;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	for (size_t i = 0; WIFEXITED(status) && i < ARRAY_SIZE(verdicts); i++)
		if (WEXITSTATUS(status) == verdicts[i])
			return -verdicts[i];
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? why_killed(&used) : -ECHILD;
}

static int run(const char *verb, struct child_files *files, struct asking *asking, int out_fd,
	       unsigned int deadline_ms)
{
	int64_t deadline = clock_ms() + (deadline_ms < INT32_MAX ? deadline_ms : INT32_MAX);
	_cleanup_close_ int pidfd = -1;
	pid_t pid;
	int err = spawn(verb, files, &pid);

	if (err)
		return err;
	child_files_release(files); /* the child's end of asking is its own */
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	err = reap(pid, verb, pidfd >= 0 && wait_until(pidfd, asking, deadline));
	if (pidfd < 0)
		err = -EAGAIN;
	if (fcntl(out_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) <
	    0)
		return -EAGAIN;
	return err;
}

/* A message each way at a time, with its bounds. */
static bool open_asking(const struct child_opener *opener, struct asking *asking,
			struct child_files *files)
{
	_cleanup_close_ int child = -1;
	int ends[2];

	if (!opener)
		return true;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return false;
	asking->fd = ends[0];
	child = ends[1];
	return give(files, CHILD_ASK, child);
}

static void asking_release(struct asking *asking)
{
	cleanup_closep(&asking->fd);
}

int child_run_files(const char *verb, const int *in_fds, size_t count,
		    const struct child_opener *opener, int out_fd, unsigned int deadline_ms)
{
	_cleanup_(asking_release) struct asking asking = {.opener = opener, .fd = -1};
	_cleanup_(child_files_release) struct child_files files = NO_FILES;
	bool is_whole = knows_children && in_fds[0] >= 0 && give(&files, CHILD_IN, in_fds[0]) &&
			give(&files, CHILD_OUT, out_fd) && open_asking(opener, &asking, &files);

	for (size_t i = 1; is_whole && i < count; i++)
		is_whole = give(&files, CHILD_MORE + (int)i - 1, in_fds[i]);
	return is_whole ? run(verb, &files, &asking, out_fd, deadline_ms) : -EAGAIN;
}

int child_run(const char *verb, int in_fd, int out_fd, unsigned int deadline_ms)
{
	return child_run_files(verb, &in_fd, 1, NULL, out_fd, deadline_ms);
}

int child_memfd(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return fd < 0 ? -errno : fd;
}

const char *child_verb(int argc, char **argv)
{
	knows_children = true;
	if (argc != 4 || strcmp(argv[1], CHILD_ARG) != 0)
		return NULL;
	if (!strncmp(argv[2], FORK_SERVER, strlen(FORK_SERVER))) {
		child_drop_rights(argv); /* so that those whom it forks are born without */
		strncpy(argv[2], fork_server_serve(CHILD_IN, CHILD_IN, CHILD_FILES),
			strlen(argv[2]));
	}
	return argv[2];
}

static rlim_t file_bytes(int fd)
{
	struct stat st;

	return fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size < 0 ? 0 : (rlim_t)st.st_size;
}

/* A file that is mapped takes room, but no memory: unstripped servers have gigabytes. */
static rlim_t memory_max(void)
{
	rlim_t most = MEMORY_MAX + file_bytes(CHILD_IN);

	for (int i = 0; i < CHILD_MORE_MAX; i++)
		most += file_bytes(CHILD_MORE + i);
	return most;
}

struct limits {
	rlim_t memory, cpu_s, file_bytes, files;
};

static int limit_resources(const struct limits *most)
{
	int err = rights_limit(RLIMIT_CORE, 0);

	if (!err && rights_may_limit_memory())
		err = rights_limit(RLIMIT_AS, most->memory);
	if (!err)
		err = rights_limit(RLIMIT_CPU, most->cpu_s);
	if (!err)
		err = rights_limit(RLIMIT_STACK, STACK_MAX);
	if (!err)
		err = rights_limit(RLIMIT_FSIZE, most->file_bytes);
	if (!err)
		err = rights_limit(RLIMIT_NOFILE, most->files);
	return err ? err : rights_limit(RLIMIT_NPROC, 0);
}

void child_drop_rights(char **argv)
{
	int err;

	signal(SIGXFSZ, SIG_IGN); /* too much output is -EFBIG, not a death */
	signal(SIGPIPE, SIG_IGN); /* nor is a question that nobody answers */
	err = rights_drop((pid_t)strtol(argv[3], NULL, 10));
	prctl(PR_SET_NAME, argv[0]);
	if (err)
		child_exit(err);
}

void child_confine(void)
{
	const struct limits most = {memory_max(), CPU_SECONDS_MAX, CHILD_OUT_MAX, CHILD_OUT + 1};
	int err = sandbox_no_files();

	if (!err)
		err = limit_resources(&most);
	hash_bytes("", 0); /* draws its seed while it may */
	if (!err)
		err = sandbox_few_calls();
	if (err)
		child_exit(err);
}

void child_confine_to_network(uint64_t most_bytes)
{
	const struct limits most = {NETWORK_MEMORY_MAX, CPU_SECONDS_MAX, most_bytes,
				    NETWORK_FILES_MAX};
	int err = sandbox_network_files();

	if (!err)
		err = limit_resources(&most);
	if (!err)
		err = sandbox_network_calls();
	if (err)
		child_exit(err);
}

void child_exit(int err)
{
	_exit(-err);
}
