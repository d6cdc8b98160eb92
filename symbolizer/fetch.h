/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file from a server, in a child of its own (see child.h): the only process of wick that makes a
 * connection, and the only one that loads libcurl, which is not needed otherwise. It gets a URL and
 * limits, has no environment (so no proxies), and writes what comes into the file it was given. The
 * certificates that it trusts are the system's, or those of the parent's $SSL_CERT_FILE.
 */
#ifndef WICK_SYMBOLIZER_FETCH_H
#define WICK_SYMBOLIZER_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FETCH_VERB "fetch"

enum { FETCH_URL_MAX = 2048, FETCH_DETAIL_MAX = 160 };

enum fetch_outcome {
	FETCH_FAILED, /* detail says why */
	FETCH_DONE,
	FETCH_NOT_FOUND,   /* 404 and 410 */
	FETCH_NO_ANSWER,   /* no connection: detail */
	FETCH_NOT_TRUSTED, /* its certificate, or there are none to trust: detail */
	FETCH_TOO_LARGE,
	FETCH_TOO_SLOW,
	FETCH_ELSEWHERE, /* redirected to another server: detail is where to */
	FETCH_NO_LIBRARY,
	FETCH_OUTCOMES,
};

struct fetch_request {
	char url[FETCH_URL_MAX]; /* http or https */
	uint64_t max_bytes;
	uint32_t max_s;	      /* for all of it; half of that without progress is too much as well */
	uint32_t has_trusted; /* fetch_file() sets it: CHILD_MORE + 1 holds certificates */
};

struct fetch_reply {
	uint32_t outcome; /* enum fetch_outcome */
	uint32_t status;  /* of HTTP, or 0 */
	uint64_t bytes;
	char detail[FETCH_DETAIL_MAX];
};

/* Writes to body_fd, which nobody else has. 0: the child has answered; its reply is checked, as far
 * as it can be. Else an error of child_run(). */
int fetch_file(const struct fetch_request *request, int body_fd, struct fetch_reply *ret_reply);

/* In the child, rights dropped: does it; a value for child_exit(). */
int fetch_in_child(void);

/* "scheme://host[:port]", at the start of a URL of plain characters without user, query or
 * fragment; 0 = it is no such URL. */
size_t fetch_url_origin(const char *url);

#endif
