/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages with descriptors (SCM_RIGHTS) over SOCK_SEQPACKET sockets. A receiver says how many
 * bytes it wants and how many descriptors it has room for. Whatever else a sender comes with, no
 * descriptor is left behind.
 */
#ifndef WICK_BASE_PASS_FDS_H
#define WICK_BASE_PASS_FDS_H

#include <stddef.h>
#include <sys/socket.h>

enum { PASS_FDS_MAX = 8 };

/* Both: flags is MSG_DONTWAIT or 0, -EAGAIN what that or the socket's timeout gives, -EPIPE that the
 * other end is gone. A signal is no reason to give up. */

/* Sends size > 0 bytes, and with them descriptors, which stay the caller's. 0 or a negative errno. */
int pass_fds_send(int socket, const void *bytes, size_t size, const int *fds, size_t count,
		  int flags);

/*
 * Receives one message of exactly size > 0 bytes. Returns how many descriptors came with it, at
 * most `most` <= PASS_FDS_MAX; they are close-on-exec and the caller's. Or a negative errno, and
 * nothing came, but bytes and fds may be overwritten. -EBADMSG: another size, or more descriptors
 * than there was room for, also in the process's table.
 */
int pass_fds_receive(int socket, void *ret_bytes, size_t size, int *ret_fds, size_t most,
		     int flags);

#endif
