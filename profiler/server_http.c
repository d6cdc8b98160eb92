/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/server_http.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "formats/codec.h"
#include "formats/packing.h"
#include "profiler/assets.h"
#include "profiler/store_export.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum {
	CONNECTIONS_MAX = 64,
	/* Of one address. On the loopback everybody has the same: half is left for a second tab. */
	CONNECTIONS_OF_ONE = 32,
	IDLE_S = 15,	    /* without a byte either way */
	REQUEST_MS = 15000, /* from the connection, or the last answer, to the end of the headers */
	ANSWER_MS = 120000, /* from there to the last byte of the answer */
	HEAD_MAX =
		16 << 10, /* a connection's memory: request line, headers and those of the answer */
	URL_MAX = 8 << 10,
	STACK_SIZE = 1 << 20, /* of a connection's thread */
	HOST_SIZE = INET6_ADDRSTRLEN + sizeof("[]:65535"),
};

/*
 * libmicrohttpd brings GnuTLS and nine more libraries with it. Linked, they would be loaded by
 * every `wick`, and so by each parser child, one for each ELF file: 5 ms instead of 1. So the one
 * process that needs it loads it, and these are the functions used.
 */
#define MHD_FUNCTIONS(DO)                                                                          \
	DO(start_daemon)                                                                           \
	DO(create_response_from_buffer)                                                            \
	DO(create_response_from_fd)                                                                \
	DO(add_response_header)                                                                    \
	DO(queue_response)                                                                         \
	DO(destroy_response)                                                                       \
	DO(lookup_connection_value)                                                                \
	DO(get_connection_values)                                                                  \
	DO(get_connection_info)

static struct {
#define FIELD(name) __typeof__(MHD_##name) *name;
	MHD_FUNCTIONS(FIELD)
#undef FIELD
} mhd;

static struct {
	const struct server_setup *setup;
	http_ask ask;
	pthread_mutex_t decoding; /* one foreign profile at a time, as it may need much memory */
} http = {.decoding = PTHREAD_MUTEX_INITIALIZER};

/* Connections with the moment at which each must be done with what it does now. */
struct peer {
	int fd; /* or -1 */
	int64_t deadline_ms;
};

static struct {
	pthread_mutex_t lock;
	struct peer list[CONNECTIONS_MAX];
} peers = {.lock = PTHREAD_MUTEX_INITIALIZER};

int http_load(void)
{
	void *library = dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);

	if (!library) {
		log_error("cannot load 'libmicrohttpd.so.12', which serves the viewer");
		log_hint("install the package libmicrohttpd12 (Ubuntu 24.04: libmicrohttpd12t64)");
		return -ENOENT;
	}
#define LOAD(name)                                                                                 \
	mhd.name = (__typeof__(mhd.name))dlsym(library, "MHD_" #name);                             \
	if (!mhd.name) {                                                                           \
		log_error("'libmicrohttpd.so.12' has no function '%s'", "MHD_" #name);             \
		return -ENOENT;                                                                    \
	}
	MHD_FUNCTIONS(LOAD)
#undef LOAD
	return 0;
}

/* ---- time limits that slow bytes do not stretch ---- */

static void set_deadline(struct MHD_Connection *connection, int ms)
{
	const union MHD_ConnectionInfo *info =
		mhd.get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct peer *peer = info ? info->socket_context : NULL;

	if (!peer)
		return;
	pthread_mutex_lock(&peers.lock);
	peer->deadline_ms = clock_ms() + ms;
	pthread_mutex_unlock(&peers.lock);
}

static struct peer *add_peer(int fd)
{
	struct peer *free_peer = NULL;

	pthread_mutex_lock(&peers.lock);
	for (int i = 0; i < CONNECTIONS_MAX && !free_peer; i++) {
		if (peers.list[i].fd < 0)
			free_peer = &peers.list[i];
	}
	if (free_peer)
		*free_peer = (struct peer){fd, clock_ms() + REQUEST_MS};
	pthread_mutex_unlock(&peers.lock);
	return free_peer;
}

static void drop_peer(struct peer *peer)
{
	pthread_mutex_lock(&peers.lock);
	peer->fd = -1;
	pthread_mutex_unlock(&peers.lock);
}

/* Called before a connection's socket is closed, so that no peer names a descriptor of another. */
static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	(void)context;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info =
			mhd.get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

		*socket_context = info ? add_peer(info->connect_fd) : NULL;
	} else if (*socket_context) {
		drop_peer(*socket_context);
	}
}

static void on_answered(void *context, struct MHD_Connection *connection, void **request,
			enum MHD_RequestTerminationCode code)
{
	(void)context;
	(void)request;
	(void)code;
	set_deadline(connection, REQUEST_MS);
}

void http_sweep(void)
{
	int64_t now = clock_ms();

	pthread_mutex_lock(&peers.lock);
	for (int i = 0; i < CONNECTIONS_MAX; i++) {
		if (peers.list[i].fd >= 0 && now >= peers.list[i].deadline_ms)
			shutdown(peers.list[i].fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&peers.lock);
}

/* ---- answers ---- */

static const char *const common_headers[][2] = {
	{"Content-Security-Policy",
	 "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
	 "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cache-Control", "no-store"},
};

/* Takes the response. */
static enum MHD_Result send_response(struct MHD_Connection *connection, unsigned int status,
				     struct MHD_Response *response, const char *content_type)
{
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	for (size_t i = 0; i < ARRAY_SIZE(common_headers); i++)
		mhd.add_response_header(response, common_headers[i][0], common_headers[i][1]);
	mhd.add_response_header(response, "Content-Type", content_type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		mhd.add_response_header(response, "Allow", "GET, HEAD");
	if (status == MHD_HTTP_UNAUTHORIZED)
		mhd.add_response_header(response, "WWW-Authenticate", "Bearer");
	result = mhd.queue_response(connection, status, response);
	mhd.destroy_response(response);
	return result;
}

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned int status,
				 const char *text, enum MHD_ResponseMemoryMode mode,
				 const char *content_type)
{
	return send_response(
		connection, status,
		mhd.create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, mode),
		content_type);
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned int status,
			      const char *why)
{
	return send_text(connection, status, why, MHD_RESPMEM_MUST_COPY,
			 "text/plain; charset=utf-8");
}

/* ---- who may ask ---- */

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
	return mhd.lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* The address and port that the client connected to, as a Host header writes them. */
static int own_host(struct MHD_Connection *connection, char ret_host[HOST_SIZE], char ret_port[6])
{
	const union MHD_ConnectionInfo *info =
		mhd.get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	char literal[INET6_ADDRSTRLEN];
	bool is_v6;

	if (!info || getsockname(info->connect_fd, (struct sockaddr *)&address, &size) < 0)
		return -EINVAL;
	if (getnameinfo((struct sockaddr *)&address, size, literal, sizeof(literal), ret_port, 6,
			NI_NUMERICHOST | NI_NUMERICSERV))
		return -EINVAL;
	is_v6 = address.ss_family == AF_INET6;
	snprintf(ret_host, HOST_SIZE, is_v6 ? "[%s]:%s" : "%s:%s", literal, ret_port);
	return 0;
}

/* Exactly one of few: a page of another site whose name was made to point here (DNS rebinding) has
 * that name in its Host header. */
static bool host_is_ours(struct MHD_Connection *connection, const char *host)
{
	static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
	char own[HOST_SIZE], port[6], allowed[HOST_SIZE];

	if (own_host(connection, own, port))
		return false;
	if (!strcasecmp(host, own))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(allowed, sizeof(allowed), "%s:%s", names[i], port);
		if (!strcasecmp(host, allowed) || (!strcmp(port, "80") && !strcmp(host, names[i])))
			return true;
	}
	return false;
}

static bool comes_from_elsewhere(struct MHD_Connection *connection, const char *host)
{
	const char *origin = header_of(connection, "Origin");
	const char *site = header_of(connection, "Sec-Fetch-Site");

	if (site && !strcmp(site, "cross-site"))
		return true;
	return origin && (strncmp(origin, "http://", 7) || strcasecmp(origin + 7, host));
}

/* In a time that does not tell how much of it is right. */
static bool token_equals(const char *given)
{
	const char *token = http.setup->token;
	unsigned char differs = 0;

	if (strlen(given) != SERVER_TOKEN_SIZE - 1)
		return false;
	for (size_t i = 0; i < SERVER_TOKEN_SIZE - 1; i++)
		differs |= (unsigned char)(given[i] ^ token[i]);
	return !differs;
}

static bool has_token(struct MHD_Connection *connection)
{
	const char *header = header_of(connection, "Authorization");
	const char *argument =
		mhd.lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "token");

	if (http.setup->no_token)
		return true;
	if (header && !strncmp(header, "Bearer ", 7))
		return token_equals(header + 7);
	return argument && token_equals(argument);
}

/* ---- profiles ---- */

static enum MHD_Result refuse_ask(struct MHD_Connection *connection, int err)
{
	if (err == -ENOENT)
		return refuse(connection, MHD_HTTP_NOT_FOUND, "no such profile\n");
	if (err == -ENODATA)
		return refuse(connection, MHD_HTTP_NOT_FOUND,
			      "the store has nothing in this range\n");
	if (err == -ETIMEDOUT)
		return refuse(connection, MHD_HTTP_GATEWAY_TIMEOUT, "wick is busy: try again\n");
	return refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, strerror(-err));
}

/* Takes the descriptor. */
static enum MHD_Result send_fd(struct MHD_Connection *connection, int fd, size_t size,
			       const char *content_type)
{
	struct MHD_Response *response = mhd.create_response_from_fd(size, fd);

	if (!response)
		close(fd);
	return send_response(connection, MHD_HTTP_OK, response, content_type);
}

/* Does a gzip pprof begin here? Its first field is a sample type, a short message that begins with
 * a varint field; no text has these bytes. */
static bool is_gzip_pprof(int fd)
{
	_cleanup_(buf_release) struct buf begin = {0};
	char bytes[4096];
	ssize_t got = pread(fd, bytes, sizeof(bytes), 0);
	const char *why;

	if (got < 4 || !gzip_probe(bytes, (size_t)got))
		return false;
	gzip_unpack(bytes, (size_t)got, sizeof(bytes), &begin, &why); /* a part is enough */
	return begin.used > 3 && begin.bytes[0] == 0x0a && begin.bytes[1] <= 0x0f &&
	       (begin.bytes[2] == 0x08 || begin.bytes[2] == 0x10);
}

/* Not mapped: a file that shrinks meanwhile would be a SIGBUS. */
static int read_whole(int fd, size_t size, struct buf *ret)
{
	if (!buf_reserve(ret, size))
		return -ENOMEM;
	while (ret->used < size) {
		ssize_t got = pread(fd, ret->bytes + ret->used, size - ret->used, (off_t)ret->used);

		if (got < 0 && errno != EINTR)
			return -errno;
		if (got == 0)
			break;
		if (got > 0)
			ret->used += (size_t)got;
	}
	return 0;
}

static int recode(int fd, size_t size, struct buf *ret_pprof, const char **ret_why)
{
	static const struct profile_codec codec = {FORMAT_PPROF, PACKING_GZIP};
	_cleanup_(profile_freep) struct profile *profile = NULL;
	_cleanup_(buf_release) struct buf bytes = {0};
	int err = read_whole(fd, size, &bytes);

	*ret_why = strerror(-err);
	if (!err)
		err = profile_decode(bytes.bytes, bytes.used, &profile, ret_why);
	if (err)
		return err;
	*ret_why = "out of memory";
	return profile_encode(profile, codec, NULL, ret_pprof);
}

/* Takes the bytes. */
static enum MHD_Result send_pprof(struct MHD_Connection *connection, struct buf *pprof)
{
	struct MHD_Response *response =
		mhd.create_response_from_buffer(pprof->used, pprof->bytes, MHD_RESPMEM_MUST_FREE);

	if (response)
		pprof->bytes = NULL; /* is the response's now */
	return send_response(connection, MHD_HTTP_OK, response, "application/octet-stream");
}

static enum MHD_Result send_recoded(struct MHD_Connection *connection, int fd, size_t size)
{
	_cleanup_(buf_release) struct buf pprof = {0};
	const char *why = NULL;
	char text[256];
	int err;

	pthread_mutex_lock(&http.decoding);
	err = recode(fd, size, &pprof, &why);
	snprintf(text, sizeof(text), "cannot read this profile: %s\n", why ? why : strerror(-err));
	pthread_mutex_unlock(&http.decoding);
	if (err)
		return refuse(connection, MHD_HTTP_UNPROCESSABLE_CONTENT, text);
	return send_pprof(connection, &pprof);
}

static enum MHD_Result send_profile(struct MHD_Connection *connection, const char *id_text)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	char *end;
	unsigned long id;
	int err;

	errno = 0;
	id = strtoul(id_text, &end, 10);
	if (*id_text < '0' || *id_text > '9' || *end || errno || id > UINT32_MAX)
		return refuse(connection, MHD_HTTP_NOT_FOUND, "no such profile\n");
	err = http.ask(&(struct server_request){.verb = SERVER_OPEN, .id = (uint32_t)id}, &fd);
	if (err)
		return refuse_ask(connection, err);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > PROFILE_UNPACKED_MAX)
		return refuse(connection, MHD_HTTP_UNPROCESSABLE_CONTENT,
			      "cannot read this profile: too large, or not a regular file\n");
	if (is_gzip_pprof(fd))
		return send_fd(connection, TAKE_FD(fd), (size_t)st.st_size,
			       "application/octet-stream");
	return send_recoded(connection, fd, (size_t)st.st_size);
}

static enum MHD_Result send_list(struct MHD_Connection *connection)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int err = http.ask(&(struct server_request){.verb = SERVER_LIST}, &fd);

	if (!err && fstat(fd, &st) < 0)
		err = -errno;
	if (err)
		return refuse_ask(connection, err);
	return send_fd(connection, TAKE_FD(fd), (size_t)st.st_size, "application/json");
}

/* ---- ranges ---- */

/* What a request asks for; the texts of the matches are its own. */
struct wanted {
	struct store_range range;
	char *texts[STORE_MATCHES_MAX];
	bool is_bad;
};

static void wanted_release(struct wanted *wanted)
{
	for (size_t i = 0; i < STORE_MATCHES_MAX; i++)
		free(wanted->texts[i]);
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* %XX, in place; false: a bad escape, or a NUL. */
static bool unescape(char *text)
{
	char *to = text;

	for (; *text; text++, to++) {
		int high, low;

		*to = *text == '+' ? ' ' : *text;
		if (*text != '%')
			continue;
		high = hex_digit(text[1]);
		low = high < 0 ? -1 : hex_digit(text[2]);
		if (low < 0 || !(high || low))
			return false;
		*to = (char)(high << 4 | low);
		text += 2;
	}
	*to = '\0';
	return true;
}

static enum MHD_Result take_where(void *context, enum MHD_ValueKind kind, const char *key,
				  const char *value)
{
	struct wanted *wanted = context;
	size_t n = wanted->range.match_count;

	(void)kind;
	if (strcmp(key, "where") != 0)
		return MHD_YES;
	wanted->is_bad = true;
	if (!value || n == STORE_MATCHES_MAX)
		return MHD_NO;
	wanted->texts[n] = strdup(value);
	if (!wanted->texts[n] || !unescape(wanted->texts[n]) ||
	    store_parse_match(wanted->texts[n], &wanted->range))
		return MHD_NO;
	wanted->is_bad = false;
	return MHD_YES;
}

static bool take_time(struct MHD_Connection *connection, const char *name, const char *otherwise,
		      int64_t *ret_ns)
{
	const char *text = mhd.lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
	_cleanup_free_ char *own = strdup(text ? text : otherwise);

	/* A '+' here is that of a time zone: no form is decoded. */
	return own && !store_parse_time(own, clock_wall_ns(), ret_ns);
}

static bool take_wanted(struct MHD_Connection *connection, struct wanted *wanted)
{
	mhd.get_connection_values(connection, MHD_GET_ARGUMENT_KIND, take_where, wanted);
	return !wanted->is_bad && take_time(connection, "from", "-1h", &wanted->range.from_ns) &&
	       take_time(connection, "to", "now", &wanted->range.to_ns) &&
	       wanted->range.from_ns < wanted->range.to_ns;
}

static int merge_range(int fd, const struct store_range *range, struct buf *ret_pprof,
		       const char **ret_why)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	int err = store_merge_bundle(fd, range, &profile, ret_why);

	if (err)
		return err;
	*ret_why = "out of memory";
	return profile_encode(profile, (struct profile_codec){FORMAT_PPROF, PACKING_GZIP}, NULL,
			      ret_pprof);
}

static enum MHD_Result send_range(struct MHD_Connection *connection)
{
	_cleanup_(wanted_release) struct wanted wanted = {0};
	_cleanup_(buf_release) struct buf pprof = {0};
	_cleanup_close_ int fd = -1;
	struct server_request request = {.verb = SERVER_RANGE};
	const char *why = NULL;
	char text[256];
	int err;

	if (!take_wanted(connection, &wanted))
		return refuse(connection, MHD_HTTP_BAD_REQUEST,
			      "?from=T&to=T&where=label=value: T is 2026-11-22T10:15:00Z, -1h or "
			      "now\n");
	request.from_ns = wanted.range.from_ns;
	request.to_ns = wanted.range.to_ns;
	err = http.ask(&request, &fd);
	if (err)
		return refuse_ask(connection, err);
	pthread_mutex_lock(&http.decoding);
	err = merge_range(fd, &wanted.range, &pprof, &why);
	snprintf(text, sizeof(text), "cannot read this range: %s\n", why ? why : strerror(-err));
	pthread_mutex_unlock(&http.decoding);
	if (err)
		return refuse(connection, MHD_HTTP_UNPROCESSABLE_CONTENT, text);
	return send_pprof(connection, &pprof);
}

/* ---- routes ---- */

static enum MHD_Result route_api(struct MHD_Connection *connection, const char *path)
{
	if (!has_token(connection))
		return refuse(
			connection, MHD_HTTP_UNAUTHORIZED,
			"the token is missing or wrong: open the address that wick printed\n");
	if (!strcmp(path, "profiles"))
		return send_list(connection);
	if (!strcmp(path, "export"))
		return send_range(connection);
	if (!strncmp(path, "profile/", strlen("profile/")))
		return send_profile(connection, path + strlen("profile/"));
	return refuse(connection, MHD_HTTP_NOT_FOUND, "not found\n");
}

/* The viewer's own files hold nothing secret: they come without a token. */
static enum MHD_Result route(struct MHD_Connection *connection, const char *url)
{
	const struct asset *asset = assets_find(url);

	if (asset)
		return send_text(connection, MHD_HTTP_OK, asset->text, MHD_RESPMEM_PERSISTENT,
				 asset->content_type);
	if (!strncmp(url, "/api/", strlen("/api/")))
		return route_api(connection, url + strlen("/api/"));
	return refuse(connection, MHD_HTTP_NOT_FOUND, "not found\n");
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **request)
{
	const char *host = header_of(connection, "Host");

	(void)context;
	(void)version;
	(void)upload;
	(void)upload_size;
	(void)request;
	set_deadline(connection, ANSWER_MS);
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	if (header_of(connection, "Content-Length") || header_of(connection, "Transfer-Encoding"))
		return refuse(connection, MHD_HTTP_BAD_REQUEST, "a body has no meaning here\n");
	if (!host || !host_is_ours(connection, host))
		return refuse(connection, MHD_HTTP_BAD_REQUEST,
			      "the Host header is not the address wick listens at\n");
	if (comes_from_elsewhere(connection, host))
		return refuse(connection, MHD_HTTP_FORBIDDEN, "not for pages of other sites\n");
	if (strlen(url) > URL_MAX)
		return refuse(connection, MHD_HTTP_URI_TOO_LONG, "the address is too long\n");
	return route(connection, url);
}

/* Every path and argument there is needs no escapes: what has some is not one of them. */
static size_t leave_escapes(void *context, struct MHD_Connection *connection, char *text)
{
	(void)context;
	(void)connection;
	return strlen(text);
}

int http_start(const struct server_setup *setup, int listen_fd, http_ask ask)
{
	const struct MHD_OptionItem options[] = {
		{MHD_OPTION_LISTEN_SOCKET, listen_fd, NULL},
		{MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, NULL},
		{MHD_OPTION_PER_IP_CONNECTION_LIMIT, CONNECTIONS_OF_ONE, NULL},
		{MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, NULL},
		{MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_MAX, NULL},
		{MHD_OPTION_THREAD_STACK_SIZE, STACK_SIZE, NULL},
		{MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
		{MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)leave_escapes, NULL},
		{MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, NULL},
		{MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_answered, NULL},
		{MHD_OPTION_END, 0, NULL},
	};

	http.setup = setup;
	http.ask = ask;
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		peers.list[i].fd = -1;
	if (!mhd.start_daemon(
		    MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL,
		    0, NULL, NULL, answer, NULL, MHD_OPTION_ARRAY, options, MHD_OPTION_END))
		return -EIO;
	return 0;
}
