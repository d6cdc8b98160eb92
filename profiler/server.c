/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parent's side: port, token, child, answers. The child's is in server_child.c. */
#include "profiler/server.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/server_protocol.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum {
	FD_HIGH = 16, /* above SERVER_CONTROL_FD, so that a dup2() cannot meet its own target */
	BACKLOG = 64,
	STOP_MS = 1000,
	REQUESTS_AT_ONCE = 8,
	SHOWN_SIZE = 128, /* of an address in an error text */
};

struct server {
	pid_t pid;
	int pidfd, control;
	char url[160];
};

/* ---- the port ---- */

/* "127.0.0.1:7878", "[::1]:7878", "localhost:7878". */
static int parse_listen(const char *text, char ret_host[INET6_ADDRSTRLEN], char ret_port[6])
{
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;
	bool is_bracketed = length > 2 && text[0] == '[' && text[length - 1] == ']';

	if (!length || strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return -EINVAL;
	if (!colon[1] || strlen(colon + 1) > 5 || atoi(colon + 1) > 65535)
		return -EINVAL;
	if (is_bracketed) {
		text++;
		length -= 2;
	}
	if (length >= INET6_ADDRSTRLEN || (!is_bracketed && memchr(text, ':', length)))
		return -EINVAL;
	if (length == strlen("localhost") && !strncmp(text, "localhost", length))
		strcpy(ret_host, "127.0.0.1");
	else
		snprintf(ret_host, INET6_ADDRSTRLEN, "%.*s", (int)length, text);
	strcpy(ret_port, colon + 1);
	return 0;
}

static int resolve_listen(const char *text, struct sockaddr_storage *ret_address,
			  socklen_t *ret_size)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
				       .ai_socktype = SOCK_STREAM};
	char host[INET6_ADDRSTRLEN], port[6];
	struct addrinfo *found;

	if (parse_listen(text, host, port) || getaddrinfo(host, port, &hints, &found))
		return -EINVAL;
	memcpy(ret_address, found->ai_addr, found->ai_addrlen);
	*ret_size = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int listen_at(const struct sockaddr_storage *address, socklen_t size, int *ret_fd)
{
	_cleanup_close_ int fd =
		socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)address, size) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int open_port(const char *listen, int *ret_fd)
{
	struct sockaddr_storage address = {0};
	char shown[SHOWN_SIZE];
	socklen_t size = 0;
	int err = resolve_listen(listen, &address, &size);

	quote(shown, sizeof(shown), listen);
	if (err) {
		log_error("cannot listen at '%s': not an address and a port", shown);
		log_hint("--listen takes 127.0.0.1:7878 or [::1]:7878; port 0 is any free one");
		return err;
	}
	err = listen_at(&address, size, ret_fd);
	if (!err)
		return 0;
	log_error("cannot listen at '%s': %s", shown, strerror(-err));
	if (err == -EADDRINUSE)
		log_hint("another wick may run; --listen 127.0.0.1:0 takes any free port");
	else if (err == -EACCES)
		log_hint("ports below 1024 are root's; choose another with --listen");
	else
		log_hint("--listen takes an address of this machine");
	return err;
}

/* The address to type; a wildcard is reached at the loopback address. */
static int describe_url(struct server *server, int listen_fd, const struct server_setup *setup)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	char host[INET6_ADDRSTRLEN], port[6];
	bool is_v6;

	if (getsockname(listen_fd, (struct sockaddr *)&address, &size) < 0)
		return -errno;
	if (getnameinfo((struct sockaddr *)&address, size, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return -EINVAL;
	is_v6 = address.ss_family == AF_INET6;
	if (!strcmp(host, "0.0.0.0") || !strcmp(host, "::"))
		strcpy(host, is_v6 ? "::1" : "127.0.0.1");
	snprintf(server->url, sizeof(server->url), "http://%s%s%s:%s/%s%s", is_v6 ? "[" : "", host,
		 is_v6 ? "]" : "", port,
		 setup->no_token ? "" : "#token=", setup->no_token ? "" : setup->token);
	return 0;
}

/* ---- the child ---- */

static int draw_token(char ret[SERVER_TOKEN_SIZE])
{
	unsigned char bytes[SERVER_TOKEN_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

/* A session of its own: a Ctrl-C at the terminal is for the parent. Its stderr is ours: it may say
 * why it cannot start. */
static int spawn(int control, pid_t *ret_pid)
{
	_cleanup_(posix_spawn_file_actions_destroy) posix_spawn_file_actions_t files;
	_cleanup_(posix_spawnattr_destroy) posix_spawnattr_t attributes;
	char parent[16], name[] = "wick-server", arg[] = SERVER_ARG;
	char *argv[] = {name, arg, parent, NULL}, *no_environment[] = {NULL};
	sigset_t signals;
	int err;

	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	snprintf(parent, sizeof(parent), "%d", (int)getpid());
	err = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDWR, 0);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&files, 0, 1);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&files, control, SERVER_CONTROL_FD);
	if (!err)
		err = posix_spawn_file_actions_addclosefrom_np(&files, SERVER_CONTROL_FD + 1);
	sigfillset(&signals);
	posix_spawnattr_setsigdefault(&attributes, &signals);
	sigemptyset(&signals);
	posix_spawnattr_setsigmask(&attributes, &signals);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSID);
	if (!err)
		err = posix_spawn(ret_pid, "/proc/self/exe", &files, &attributes, argv,
				  no_environment);
	return -err;
}

static int start_child(struct server *server)
{
	int pair[2], err;
	_cleanup_close_ int theirs = -1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	server->control = pair[0];
	theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, FD_HIGH);
	close(pair[1]);
	if (theirs < 0)
		return -errno;
	err = spawn(theirs, &server->pid);
	if (err)
		return err;
	server->pidfd = (int)syscall(SYS_pidfd_open, server->pid, 0);
	return server->pidfd < 0 ? -errno : 0;
}

/* -EIO: the child has said what is wrong. */
static int await_ready(struct server *server)
{
	struct server_request request;
	int err = server_receive(server->control, &request, sizeof(request), SERVER_START_MS, NULL);

	if (!err && request.verb != SERVER_READY)
		err = -EBADMSG;
	if (!err && request.id)
		return -EIO;
	if (err)
		log_error("cannot start the web server: %s", err == -EPIPE ? "its process died"
							     : err == -EAGAIN
								     ? "its process does not answer"
								     : strerror(-err));
	return err;
}

int server_start(const struct server_options *options, struct server **ret_server)
{
	_cleanup_(server_stopp) struct server *server = calloc(1, sizeof(*server));
	struct server_setup setup = {.no_token = options->no_token};
	_cleanup_close_ int listen_fd = -1;
	int err;

	if (!server)
		return -ENOMEM;
	server->control = server->pidfd = -1;
	err = open_port(options->listen, &listen_fd);
	if (err)
		return err; /* it has said why */
	err = draw_token(setup.token);
	if (!err)
		err = describe_url(server, listen_fd, &setup);
	if (!err)
		err = start_child(server);
	if (!err)
		err = server_send(server->control, &setup, sizeof(setup), listen_fd);
	if (err) {
		log_error("cannot start the web server: %s", strerror(-err));
		return err;
	}
	err = await_ready(server);
	if (err)
		return err;
	*ret_server = TAKE_PTR(server);
	return 0;
}

const char *server_url(const struct server *server)
{
	return server->url;
}

int server_fd(const struct server *server)
{
	return server->control;
}

/* ---- answers ---- */

/* The list in a memfd that nobody can change any more. */
static int open_list(const struct server_source *source, int *ret_fd)
{
	_cleanup_(buf_release) struct buf json = {0};
	_cleanup_close_ int fd = memfd_create("wick-list", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int err;

	if (fd < 0)
		return -errno;
	err = source->list(source->context, &json);
	if (!err)
		err = buf_error(&json);
	if (err)
		return err;
	if (write(fd, json.bytes, json.used) != (ssize_t)json.used)
		return -EIO;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

void server_add_ranges(struct buf *json, bool is_first)
{
	static const struct {
		const char *name, *from;
	} ranges[] = {{"the last 10 minutes", "-10m"},
		      {"the last hour", "-1h"},
		      {"the last day", "-1d"},
		      {"the last 7 days", "-7d"},
		      {"the last 30 days", "-30d"}};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		buf_printf(json, "%s{\"name\":\"%s\",\"from\":\"%s\",\"to\":\"now\",\"time_ns\":0}",
			   i || !is_first ? "," : "", ranges[i].name, ranges[i].from);
}

static int answer(struct server *server, const struct server_source *source,
		  const struct server_request *request)
{
	struct server_reply reply = {.serial = request->serial};
	_cleanup_close_ int fd = -1;
	int err;

	if (request->verb == SERVER_LIST)
		reply.err = open_list(source, &fd);
	else if (request->verb == SERVER_OPEN)
		reply.err = source->open(source->context, request->id, &fd);
	else if (request->verb == SERVER_RANGE)
		reply.err = source->range ? source->range(source->context, request->from_ns,
							  request->to_ns, &fd)
					  : -ENOENT;
	else
		return -EBADMSG;
	err = server_send(server->control, &reply, sizeof(reply), reply.err ? -1 : fd);
	/* A child that does not read its answers goes without them. */
	return err == -EAGAIN ? 0 : err;
}

int server_handle(struct server *server, const struct server_source *source)
{
	struct server_request request;
	int err = 0;

	for (int i = 0; !err && i < REQUESTS_AT_ONCE; i++) {
		err = server_receive(server->control, &request, sizeof(request), 0, NULL);
		if (err == -EAGAIN)
			return 0;
		if (!err)
			err = answer(server, source, &request);
	}
	return err ? -EPIPE : 0;
}

/* The child ends when its end of the pair does; one that hangs is killed. */
void server_stop(struct server *server)
{
	struct pollfd ended;

	if (!server)
		return;
	if (server->control >= 0)
		close(server->control);
	if (server->pid > 0) {
		ended = (struct pollfd){.fd = server->pidfd, .events = POLLIN};
		if (server->pidfd < 0 || poll(&ended, 1, STOP_MS) <= 0)
			kill(server->pid, SIGKILL); /* not reaped yet, so the pid is its own */
		while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (server->pidfd >= 0)
		close(server->pidfd);
	free(server);
}
