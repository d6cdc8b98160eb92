/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/target.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "bpf/abi.h"
#include "profiler/limits.h"
#include "profiler/options.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIDS_MAX = WICK_FILTER_MAX };

static int no_such_process(pid_t pid)
{
	log_error("no such process: %d", pid);
	log_hint("'pgrep -a NAME' lists processes by name");
	return STATUS_ERROR;
}

static int add_pid(struct target *target, pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	pid_t *pids;
	int *pidfds;

	/* EINVAL: the id of a thread that is no process. */
	if (fd < 0 && (errno == ESRCH || errno == EINVAL))
		return no_such_process(pid);
	pids = realloc(target->pids, (target->count + 1) * sizeof(*pids));
	if (pids)
		target->pids = pids;
	pidfds = realloc(target->pidfds, (target->count + 1) * sizeof(*pidfds));
	if (pidfds)
		target->pidfds = pidfds;
	if (fd < 0 || !pids || !pidfds) {
		log_error("cannot watch process %d: %s", pid, strerror(fd < 0 ? errno : ENOMEM));
		return STATUS_ERROR;
	}
	target->pids[target->count] = pid;
	target->pidfds[target->count++] = fd;
	return STATUS_OK;
}

int target_of_pids(const char *list, struct target *ret_target)
{
	_cleanup_(target_release) struct target target = {.go_fd = -1, .error_fd = -1};
	int status = STATUS_OK;

	for (const char *at = list; status == STATUS_OK;) {
		char *end, shown[64];
		long pid = strtol(at, &end, 10);

		if (end == at || pid <= 0 || pid > INT_MAX || !strchr(", ", *end) ||
		    target.count >= PIDS_MAX) {
			log_error("not a list of process ids: '%s'",
				  quote(shown, sizeof(shown), list));
			log_hint("give them as -p 12,34");
			return STATUS_USAGE;
		}
		status = add_pid(&target, (pid_t)pid);
		if (!*end)
			break;
		at = end + 1;
	}
	if (status != STATUS_OK)
		return status;
	*ret_target = target;
	target = (struct target){.go_fd = -1, .error_fd = -1};
	return STATUS_OK;
}

/* In the child: wait for the word, become the command, or say why not. */
static void __attribute__((noreturn)) run(char **argv, int go_fd, int error_fd)
{
	sigset_t none;
	char go;
	int err;

	if (read(go_fd, &go, 1) != 1)
		_exit(127); /* wick gave up */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	limits_restore_files();
	execvp(argv[0], argv);
	err = errno;
	if (write(error_fd, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

static bool is_program(const char *path)
{
	struct stat status;

	return !stat(path, &status) && S_ISREG(status.st_mode) && !access(path, X_OK);
}

static void find_program(const char *name, char *ret_path, size_t size)
{
	const char *at = getenv("PATH");

	if (strchr(name, '/')) {
		snprintf(ret_path, size, "%s", name);
		return;
	}
	for (; at && *at; at += *at == ':') {
		int length = (int)strcspn(at, ":");

		snprintf(ret_path, size, "%.*s/%s", length ? length : 1, length ? at : ".", name);
		if (is_program(ret_path))
			return;
		at += length;
	}
	*ret_path = '\0';
}

int target_of_command(char **argv, struct target *ret_target)
{
	_cleanup_(target_release) struct target target = {.go_fd = -1, .error_fd = -1};
	int go[2], error[2], status;
	pid_t pid;

	if (pipe2(go, O_CLOEXEC) || pipe2(error, O_CLOEXEC) || (pid = fork()) < 0) {
		log_error("cannot start a command: %s", strerror(errno));
		return STATUS_ERROR;
	}
	if (!pid) {
		close(go[1]);
		run(argv, go[0], error[1]);
	}
	close(go[0]);
	close(error[1]);
	target.go_fd = go[1];
	target.error_fd = error[0];
	target.is_command = true;
	target.command = argv[0];
	find_program(argv[0], target.program, sizeof(target.program));
	status = add_pid(&target, pid);
	if (status != STATUS_OK)
		return status;
	*ret_target = target;
	target = (struct target){.go_fd = -1, .error_fd = -1};
	return STATUS_OK;
}

int target_go(struct target *target)
{
	char shown[128];
	int err = 0;

	if (!target->is_command)
		return STATUS_OK;
	if (write(target->go_fd, "g", 1) != 1)
		err = errno;
	close(TAKE_FD(target->go_fd));
	/* Its end of this pipe closes at the exec. */
	if (!err && read(target->error_fd, &err, sizeof(err)) == 0)
		return STATUS_OK;
	log_error("cannot run '%s': %s", quote(shown, sizeof(shown), target->command),
		  strerror(err));
	log_hint("the command and its arguments stand behind '--'");
	return STATUS_ERROR;
}

bool target_has_ended(const struct target *target)
{
	for (size_t i = 0; i < target->count; i++) {
		struct pollfd poll_fd = {.fd = target->pidfds[i], .events = POLLIN};

		if (poll(&poll_fd, 1, 0) == 0)
			return false;
	}
	return target->count > 0;
}

void target_report(const struct target *target)
{
	int status;

	if (!target->is_command || waitpid(target->pids[0], &status, WNOHANG) <= 0)
		return;
	if (WIFSIGNALED(status))
		log_info("the command was ended by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		log_info("the command ended with status %d", WEXITSTATUS(status));
}

void target_release(struct target *target)
{
	for (size_t i = 0; i < target->count; i++)
		close(target->pidfds[i]);
	free(target->pids);
	free(target->pidfds);
	if (target->go_fd >= 0)
		close(target->go_fd);
	if (target->error_fd >= 0)
		close(target->error_fd);
	*target = (struct target){.go_fd = -1, .error_fd = -1};
}
