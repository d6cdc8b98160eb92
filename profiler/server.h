/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The HTTP server, in a process of its own: a child without capabilities, as nobody where wick is
 * root, that serves the embedded viewer and, read only, profiles it asks its parent for. The parent
 * parses nothing that came from the network: it gets fixed-size requests over a socketpair and
 * answers with descriptors. The child parses profiles (foreign bytes) where they are not gzip
 * pprof.
 */
#ifndef WICK_PROFILER_SERVER_H
#define WICK_PROFILER_SERVER_H

#include "base/buf.h"

#include <stdbool.h>

/* The child is this program, exec'd anew with SERVER_ARG, so that nothing of the parent's memory is
 * in it. For main(): if argv asks for it, be the child and return its exit status; else -1. */
#define SERVER_ARG "--server-child"
int server_main(int argc, char **argv);

struct server;

enum { SERVER_LIST_MAX = 1000 };

struct server_options {
	const char *listen; /* "127.0.0.1:7878", "[::1]:0" (0: any free port) */
	bool no_token;	    /* let everybody read who reaches the port */
};

/* What the parent offers. Called from server_handle(), on its thread. */
struct server_source {
	void *context;
	/* The profiles there are, at most SERVER_LIST_MAX: names are shown to people and stand in
	 * their links, ids are given back to open(). Appends a JSON array of them, the one to show
	 * first in front: [{"id": 0, "name": "..", "time_ns": 0, "live": false}, ..]. The page
	 * fetches a live one again every few seconds. One with "from" and "to" instead of an id is
	 * a range of the store, for `range` (server_add_ranges()). */
	int (*list)(void *context, struct buf *json);
	/* A descriptor (memfd or regular file) with the profile in any readable format. -ENOENT: no
	 * such id (any more). */
	int (*open)(void *context, unsigned int id, int *ret_fd);
	/* NULL where there is no store; else a descriptor with the bundle (store_export.h) of
	 * [from, to). -ENODATA: the store has nothing there. */
	int (*range)(void *context, int64_t from_ns, int64_t to_ns, int *ret_fd);
};

/* Appends the usual ranges to a JSON array that is open, first: it has no element yet. */
void server_add_ranges(struct buf *json, bool is_first);

/* Opens the port, starts the child. Says what is wrong (port in use: the hint names --listen) and
 * gives 0 or a negative errno; -EINVAL: options->listen is not an address and a port. */
int server_start(const struct server_options *options, struct server **ret_server);

/* The address to open, with the token: "http://127.0.0.1:7878/#token=..". */
const char *server_url(const struct server *server);

/* Readable when a request of the child waits (or the child has died): poll it, then call
 * server_handle(), which answers without blocking for long. -EPIPE: the child is gone (killed, or
 * it broke the protocol): server_stop() it and say so; it is not started again, as a child that
 * died of what it read would do so again. */
int server_fd(const struct server *server);
int server_handle(struct server *server, const struct server_source *source);

/* Ends the child and waits for it. NULL is fine. */
void server_stop(struct server *server);
static inline void server_stopp(struct server **server)
{
	server_stop(*server);
}

#endif
