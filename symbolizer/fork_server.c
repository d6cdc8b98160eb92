/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/fork_server.h"

#include "base/cleanup.h"

#include <errno.h>
#include <linux/sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct request {
	char verb[FORK_SERVER_VERB_MAX];
	uint32_t given; /* bit i: descriptor i comes with it, in order */
};

union descriptors {
	struct cmsghdr header;
	char room[CMSG_SPACE(FORK_SERVER_FDS_MAX * sizeof(int))];
};

static bool send_request(int to, const struct request *request, const int *fds, size_t count)
{
	struct iovec bytes = {(void *)request, sizeof(*request)};
	union descriptors control = {0};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};

	if (count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(count * sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	}
	return sendmsg(to, &message, MSG_NOSIGNAL) == sizeof(*request);
}

/* A pid or a negative errno. */
static int receive_answer(int from)
{
	int answer;
	ssize_t size;

	do
		size = recv(from, &answer, sizeof(answer), 0);
	while (size < 0 && errno == EINTR);
	return size == sizeof(answer) ? answer : -EIO;
}

int fork_server_ask(int to, const char *verb, const int *fds, size_t count, pid_t *ret_pid)
{
	struct request request = {0};
	int sent[FORK_SERVER_FDS_MAX], answer;
	size_t n = 0;

	if (strlen(verb) >= sizeof(request.verb) || count > FORK_SERVER_FDS_MAX)
		return -EINVAL;
	strcpy(request.verb, verb);
	for (size_t i = 0; i < count; i++) {
		if (fds[i] < 0)
			continue;
		request.given |= 1U << i;
		sent[n++] = fds[i];
	}
	if (!send_request(to, &request, sent, n))
		return -EPIPE;
	answer = receive_answer(to);
	if (answer < 0)
		return answer;
	*ret_pid = answer;
	return 0;
}

/* How many descriptors came, or -1: the other side is gone. */
static int receive_request(int from, struct request *request, int *fds)
{
	struct iovec bytes = {request, sizeof(*request)};
	union descriptors control = {0};
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	size_t room = 0;
	ssize_t size;

	do
		size = recvmsg(from, &message, MSG_CMSG_CLOEXEC);
	while (size < 0 && errno == EINTR);
	if (size != sizeof(*request) || (message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)))
		return -1;
	if (message.msg_controllen >= sizeof(control.header) &&
	    control.header.cmsg_type == SCM_RIGHTS)
		room = control.header.cmsg_len - CMSG_LEN(0);
	memcpy(fds, CMSG_DATA(&control.header), room);
	return (int)(room / sizeof(int));
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
	int fds[FORK_SERVER_FDS_MAX] = {0}, n;

	while ((n = receive_request(from, &request, fds)) == __builtin_popcount(request.given)) {
		/* fork() cannot make a sibling. What it does beside is for several threads. */
		int pid = (int)syscall(SYS_clone, CLONE_PARENT, 0, 0, 0, 0);

		if (pid == 0) {
			take_places(&request, fds, first_fd, count);
			return request.verb;
		}
		if (pid < 0)
			pid = -errno;
		for (int i = 0; i < n; i++)
			close(fds[i]);
		if (send(from, &pid, sizeof(pid), MSG_NOSIGNAL) != sizeof(pid))
			break;
	}
	_exit(0);
}
