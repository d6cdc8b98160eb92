/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the server's child says over HTTP: routes, who may ask, limits. Runs in the child only. */
#ifndef WICK_PROFILER_SERVER_HTTP_H
#define WICK_PROFILER_SERVER_HTTP_H

#include "profiler/server_protocol.h"

/* How the routes get at what the parent has; called on any thread. Gives 0 and a descriptor, or
 * -ENOENT, -ETIMEDOUT, or another negative errno. */
typedef int (*http_ask)(const struct server_request *request, int *ret_fd);

/* Loads libmicrohttpd; before rights are dropped. Says what is wrong. */
int http_load(void);

/* Serves on threads of its own, a connection each, until the process ends. */
int http_start(const struct server_setup *setup, int listen_fd, http_ask ask);

/* To be called about once a second: ends connections whose request or answer takes too long. */
void http_sweep(void);

#endif
