/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The child of server.c: takes over the port, gives away its rights, serves until its parent goes.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rights.h"
#include "profiler/server.h"
#include "profiler/server_http.h"
#include "profiler/server_protocol.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum {
	FILES_MAX = 256, /* a connection has at most its socket and what it sends */
	SWEEP_MS = 1000,
	ARENAS_MAX = 2, /* of malloc: each reserves 64 MB, one a thread would meet the limit */
};

#define MEMORY_MAX (3ULL << 30)

static struct {
	pthread_mutex_t lock; /* one request is under way at a time */
	uint32_t serial;
} control = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The reply to this request; replies to earlier ones, which came too late, are dropped. */
static int await_reply(uint32_t serial, int *ret_fd)
{
	int64_t deadline = clock_ms() + SERVER_REPLY_MS;

	for (;;) {
		int64_t left = deadline - clock_ms();
		struct server_reply reply;
		_cleanup_close_ int fd = -1;
		int err = left > 0 ? server_receive(SERVER_CONTROL_FD, &reply, sizeof(reply),
						    (int)left, &fd)
				   : -ETIMEDOUT;

		if (err == -EAGAIN)
			continue;
		if (err)
			return err;
		if (reply.serial != serial)
			continue;
		if (!reply.err && fd < 0)
			return -EBADMSG;
		if (!reply.err)
			*ret_fd = TAKE_FD(fd);
		return reply.err;
	}
}

static int ask_parent(const struct server_request *asked, int *ret_fd)
{
	struct server_request request = *asked;
	int err;

	pthread_mutex_lock(&control.lock);
	request.serial = ++control.serial;
	err = server_send(SERVER_CONTROL_FD, &request, sizeof(request), -1);
	if (err == -EAGAIN) /* the parent has not read earlier ones yet */
		err = -ETIMEDOUT;
	if (!err)
		err = await_reply(request.serial, ret_fd);
	pthread_mutex_unlock(&control.lock);
	return err;
}

static int confine(pid_t parent)
{
	int err = rights_drop(parent);

	if (!err)
		err = rights_limit(RLIMIT_CORE, 0);
	if (!err)
		err = rights_limit(RLIMIT_NOFILE, FILES_MAX);
	if (!err)
		err = rights_limit(RLIMIT_FSIZE, 0);
	if (!err && rights_may_limit_memory())
		err = rights_limit(RLIMIT_AS, MEMORY_MAX);
	return err;
}

static int receive_setup(struct server_setup *ret_setup, int *ret_listen_fd)
{
	_cleanup_close_ int listen_fd = -1;
	int err = server_receive(SERVER_CONTROL_FD, ret_setup, sizeof(*ret_setup), SERVER_START_MS,
				 &listen_fd);

	if (err || listen_fd < 0)
		return err ? err : -EBADMSG;
	ret_setup->token[SERVER_TOKEN_SIZE - 1] = '\0';
	*ret_listen_fd = TAKE_FD(listen_fd);
	return 0;
}

static int start(pid_t parent, struct server_setup *setup)
{
	int listen_fd = -1;
	int err = receive_setup(setup, &listen_fd);

	if (!err && http_load())
		return -ENOENT; /* it has said why */
	if (!err)
		err = confine(parent);
	if (!err)
		err = http_start(setup, listen_fd, ask_parent);
	if (err)
		log_error("cannot start the web server: %s", strerror(-err));
	return err;
}

/* Nothing is read here: replies are for the threads that wait for them. */
static bool parent_is_there(void)
{
	struct pollfd gone = {.fd = SERVER_CONTROL_FD, .events = POLLRDHUP};

	return poll(&gone, 1, SWEEP_MS) <= 0;
}

int server_main(int argc, char **argv)
{
	static struct server_setup setup; /* read by threads as long as the process lives */
	struct server_request ready = {.verb = SERVER_READY};

	if (argc != 3 || strcmp(argv[1], SERVER_ARG))
		return -1;
	prctl(PR_SET_NAME, argv[0]);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	mallopt(M_ARENA_MAX, ARENAS_MAX);
	ready.id = start((pid_t)atoi(argv[2]), &setup) ? 1 : 0;
	if (server_send(SERVER_CONTROL_FD, &ready, sizeof(ready), -1) || ready.id)
		_exit(1);
	while (parent_is_there())
		http_sweep();
	_exit(0); /* threads are at work: nothing of the program's exit is run */
}
