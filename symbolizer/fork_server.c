/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/fork_server.h"

#include "base/pass_fds.h"

#include <errno.h>
#include <linux/sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct request {
	char verb[FORK_SERVER_VERB_MAX];
	uint32_t given; /* bit i: descriptor i comes with it, in order */
};

int fork_server_ask(int to, const char *verb, const int *fds, size_t count, pid_t *ret_pid)
{
	struct request request = {0};
	int sent[PASS_FDS_MAX], answer;
	size_t n = 0;

	if (strlen(verb) >= sizeof(request.verb) || count > PASS_FDS_MAX)
		return -EINVAL;
	strcpy(request.verb, verb);
	for (size_t i = 0; i < count; i++) {
		if (fds[i] < 0)
			continue;
		request.given |= 1U << i;
		sent[n++] = fds[i];
	}
	if (pass_fds_send(to, &request, sizeof(request), sent, n, 0))
		return -EPIPE;
	if (pass_fds_receive(to, &answer, sizeof(answer), NULL, 0, 0))
		return -EIO;
	if (answer < 0)
		return answer;
	*ret_pid = answer;
	return 0;
}

/* Those that came are above all places, as the server has something in each. */
static void take_places(const struct request *request, const int *fds, int first_fd, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (request->given & 1U << i && dup2(fds[n++], first_fd + (int)i) < 0)
			_exit(EBADF);
	if (close_range((unsigned int)first_fd + (unsigned int)count, ~0U, 0) < 0)
		_exit(EBADF);
}

const char *fork_server_serve(int from, int first_fd, size_t count)
{
	static struct request request;
	int fds[PASS_FDS_MAX];

	for (;;) {
		int n = pass_fds_receive(from, &request, sizeof(request), fds, PASS_FDS_MAX, 0);
		int pid;

		if (n != __builtin_popcount(request.given))
			_exit(0);
		/* fork() cannot make a sibling. What it does beside is for several threads. */
		pid = (int)syscall(SYS_clone, CLONE_PARENT, 0, 0, 0, 0);
		if (pid == 0) {
			take_places(&request, fds, first_fd, count);
			return request.verb;
		}
		if (pid < 0)
			pid = -errno;
		while (n)
			close(fds[--n]);
		if (pass_fds_send(from, &pid, sizeof(pid), NULL, 0, 0))
			_exit(0);
	}
}
