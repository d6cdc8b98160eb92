/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the server's parent and child say to each other, over a SOCK_SEQPACKET pair:
 *
 *	parent -> child   struct server_setup, with the listening socket   once, first
 *	child -> parent   struct server_request SERVER_READY               once: it listens, or
 *	                                                                 has said why not
 *	child -> parent   struct server_request                            one at a time
 *	parent -> child   struct server_reply, with a descriptor if err == 0
 *
 * Nobody waits without an end: the parent never waits for the child after its start, the child at
 * most SERVER_REPLY_MS. A reply that comes too late is told by its serial number and dropped.
 */
#ifndef WICK_PROFILER_SERVER_PROTOCOL_H
#define WICK_PROFILER_SERVER_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SERVER_CONTROL_FD = 3, /* the child's end of the pair */
	SERVER_START_MS = 10000,
	SERVER_REPLY_MS = 10000,
	SERVER_TOKEN_BYTES = 16,
	SERVER_TOKEN_SIZE = 2 * SERVER_TOKEN_BYTES + 1, /* lower-case hex, NUL */
};

enum server_verb { SERVER_READY, SERVER_LIST, SERVER_OPEN, SERVER_RANGE };

struct server_setup {
	char token[SERVER_TOKEN_SIZE];
	bool no_token;
};

struct server_request {
	uint32_t verb;
	uint32_t id; /* SERVER_OPEN: of the profile; SERVER_READY: 0, or 1 if it cannot start */
	uint32_t serial;
	int64_t from_ns, to_ns; /* SERVER_RANGE */
};

struct server_reply {
	int32_t err; /* 0 or a negative errno */
	uint32_t serial;
};

/* Sends one message, and with it the descriptor fd unless that is -1; does not block. */
int server_send(int socket, const void *message, size_t size, int fd);

/* Receives one message of exactly this size; waits for it at most timeout_ms. *ret_fd: the
 * descriptor that came with it, or -1; where ret_fd is NULL descriptors are refused. -EAGAIN: none
 * came in time. -EPIPE: the other end is gone. -EBADMSG: not a message of this protocol. */
int server_receive(int socket, void *ret_message, size_t size, int timeout_ms, int *ret_fd);

#endif
