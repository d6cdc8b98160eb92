/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/pass_fds.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(PASS_FDS_MAX * sizeof(int))];
};

/* CMSG_LEN(), not CMSG_SPACE(): the kernel would fill the padding with one more descriptor. */
static struct msghdr describe(struct iovec *bytes, union control *control, size_t fds)
{
	return (struct msghdr){
		.msg_iov = bytes,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = fds ? CMSG_LEN(fds * sizeof(int)) : 0,
	};
}

/* A peer that left something unread is as gone as any other. */
static int peer_error(void)
{
	return errno == ECONNRESET ? -EPIPE : -errno;
}

int pass_fds_send(int socket, const void *bytes, size_t size, const int *fds, size_t count,
		  int flags)
{
	struct iovec iov = {(void *)bytes, size};
	union control control = {0};
	struct msghdr message = describe(&iov, &control, count);

	if (count > PASS_FDS_MAX)
		return -EINVAL;
	if (count) {
		control.header = (struct cmsghdr){
			.cmsg_len = message.msg_controllen,
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	}
	while (sendmsg(socket, &message, flags | MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return peer_error();
	return 0;
}

/* Those that the kernel has installed; it puts in no more than there was room for. */
static size_t installed(struct msghdr *message, int *ret_fds)
{
	size_t count = 0;

	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part;
	     part = CMSG_NXTHDR(message, part)) {
		size_t size = part->cmsg_len - CMSG_LEN(0);

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(ret_fds + count, CMSG_DATA(part), size);
		count += size / sizeof(int);
	}
	return count;
}

int pass_fds_receive(int socket, void *ret_bytes, size_t size, int *ret_fds, size_t most, int flags)
{
	struct iovec iov = {ret_bytes, size};
	union control control = {0};
	struct msghdr message = describe(&iov, &control, most);
	size_t count;
	ssize_t got;

	if (most > PASS_FDS_MAX)
		return -EINVAL;
	while ((got = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC)) < 0)
		if (errno != EINTR)
			return peer_error();
	count = installed(&message, ret_fds);
	if ((size_t)got == size && !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return (int)count;
	while (count)
		close(ret_fds[--count]);
	return got ? -EBADMSG : -EPIPE;
}
