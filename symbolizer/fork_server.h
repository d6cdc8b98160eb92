/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process without rights that does nothing but fork, so that a child costs a fourth of an exec of
 * this program, whose libraries take most of it. What it forks are its parent's own children
 * (CLONE_PARENT), to wait for as for any other. They hold nothing of the parent's memory, as it was
 * exec'd itself, and nothing of each other's; but their addresses are drawn once, not each time.
 */
#ifndef WICK_SYMBOLIZER_FORK_SERVER_H
#define WICK_SYMBOLIZER_FORK_SERVER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What a child gets: a verb of fewer bytes than this, and at most PASS_FDS_MAX descriptors. */
enum { FORK_SERVER_VERB_MAX = 64 };

/*
 * In the parent: asks the server at `to` (a SOCK_SEQPACKET socket) for a child. fds[i] becomes its
 * descriptor first_fd + i, or is -1: then it is what the server has there. One thread at a time.
 * 0: the child runs; a negative errno: there is none. -EPIPE: nor a server any more; -EIO: likewise,
 * but it may have forked.
 */
int fork_server_ask(int to, const char *verb, const int *fds, size_t count, pid_t *ret_pid);

/*
 * In the server, which has one thread: forks whenever it is asked at `from`, ends the process when
 * nobody can ask any more, and returns, with its verb, in each child. A child has the server's
 * descriptors up to first_fd + count, but for those that it was given, and no others; so all of
 * these must be open.
 */
const char *fork_server_serve(int from, int first_fd, size_t count);

#endif
