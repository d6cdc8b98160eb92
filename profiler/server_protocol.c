/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/server_protocol.h"

#include "base/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

union control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int server_send(int socket, const void *message, size_t size, int fd)
{
	struct iovec iov = {(void *)message, size};
	union control control = {0};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *cmsg;

		header.msg_control = control.bytes;
		header.msg_controllen = sizeof(control.bytes);
		cmsg = CMSG_FIRSTHDR(&header);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	if (sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return 0;
}

/* The one descriptor there is room for, or -1. */
static int descriptor_of(struct msghdr *header)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(header);
	int fd = -1;

	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS &&
	    cmsg->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

static int wait_readable(int socket, int timeout_ms)
{
	struct pollfd waited = {.fd = socket, .events = POLLIN};
	int ready = poll(&waited, 1, timeout_ms);

	if (ready < 0 && errno != EINTR)
		return -errno;
	return ready > 0 ? 0 : -EAGAIN;
}

int server_receive(int socket, void *ret_message, size_t size, int timeout_ms, int *ret_fd)
{
	struct iovec iov = {ret_message, size};
	union control control = {0};
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = ret_fd ? control.bytes : NULL,
		.msg_controllen = ret_fd ? sizeof(control.bytes) : 0,
	};
	_cleanup_close_ int fd = -1;
	ssize_t got;
	int err = timeout_ms ? wait_readable(socket, timeout_ms) : 0;

	if (err)
		return err;
	got = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got < 0)
		return errno == EINTR ? -EAGAIN : errno == ECONNRESET ? -EPIPE : -errno;
	fd = descriptor_of(&header);
	if (got == 0)
		return -EPIPE;
	if ((size_t)got != size || header.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return -EBADMSG;
	if (ret_fd)
		*ret_fd = TAKE_FD(fd);
	return 0;
}
