/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/server_protocol.h"

#include "base/pass_fds.h"

#include <errno.h>
#include <poll.h>

int server_send(int socket, const void *message, size_t size, int fd)
{
	return pass_fds_send(socket, message, size, &fd, fd >= 0, MSG_DONTWAIT);
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
	int err = timeout_ms ? wait_readable(socket, timeout_ms) : 0;
	int fd = -1, count;

	if (err)
		return err;
	count = pass_fds_receive(socket, ret_message, size, &fd, ret_fd != NULL, MSG_DONTWAIT);
	if (count < 0)
		return count;
	if (ret_fd)
		*ret_fd = fd;
	return 0;
}
