/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libcurl and not libdebuginfod: the latter is the former and more on top (33 mapped libraries to
 * 31), wants a directory to write into, follows redirects to any server, and takes its URLs from
 * the environment.
 */
#include "symbolizer/fetch.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "symbolizer/child.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	REDIRECTS_MAX = 3, /* on one server */
	SLOW_BYTES = 1024, /* a second; less than that for half of the time is too slow */
	GRACE_MS = 2000,   /* for the child to say that its time is over, before it is killed */
	TRUSTED = CHILD_MORE + 1,
	TRUSTED_BYTES_MAX = 8 << 20,
};

/* --- URLs --- */

static size_t span_port(const char *at)
{
	size_t digits = *at == ':' ? strspn(at + 1, "0123456789") : 0;

	return digits && digits <= 5 ? 1 + digits : 0;
}

static size_t span_host(const char *at)
{
	size_t length;

	if (*at == '[') {
		length = 1 + strspn(at + 1, "0123456789abcdefABCDEF:.");
		return length > 1 && at[length] == ']' ? length + 1 : 0;
	}
	return strspn(at, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_");
}

size_t fetch_url_origin(const char *url)
{
	static const char path[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "/._~-%+";
	size_t scheme = !strncmp(url, "https://", 8) ? 8 : !strncmp(url, "http://", 7) ? 7 : 0;
	size_t host = scheme ? span_host(url + scheme) : 0;
	size_t origin = scheme + host;

	if (!host || strlen(url) >= FETCH_URL_MAX)
		return 0;
	origin += span_port(url + origin);
	if (url[origin] && url[origin] != '/')
		return 0;
	return !url[origin + strspn(url + origin, path)] ? origin : 0;
}

/* --- libcurl --- */

static struct {
	__typeof__(&curl_global_init) global_init;
	CURL *(*easy_init)(void);
	CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
	CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
	CURLcode (*easy_perform)(CURL *);
	const char *(*easy_strerror)(CURLcode);
	struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
} curl;

/* Debian has it with either TLS library; that of GnuTLS comes with gdb and elfutils. */
static bool load_curl(void)
{
	static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
	static const struct {
		void *to;
		const char *name;
	} symbols[] = {
		{&curl.global_init, "curl_global_init"},
		{&curl.easy_init, "curl_easy_init"},
		{&curl.easy_setopt, "curl_easy_setopt"},
		{&curl.easy_getinfo, "curl_easy_getinfo"},
		{&curl.easy_perform, "curl_easy_perform"},
		{&curl.easy_strerror, "curl_easy_strerror"},
		{&curl.slist_append, "curl_slist_append"},
	};
	void *library = NULL;

	for (size_t i = 0; !library && i < ARRAY_SIZE(names); i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; library && i < ARRAY_SIZE(symbols); i++) {
		void *symbol = dlsym(library, symbols[i].name);

		if (!symbol)
			return false;
		memcpy(symbols[i].to, &symbol, sizeof(symbol));
	}
	return library && !curl.global_init(CURL_GLOBAL_SSL);
}

/* --- in the child --- */

struct transfer {
	const struct fetch_request *request;
	struct fetch_reply *reply;
	CURL *handle;
	char url[FETCH_URL_MAX];
	bool is_too_large, is_write_error;
};

static size_t on_body(char *bytes, size_t one, size_t count, void *context)
{
	struct transfer *t = context;
	long status = 0;

	(void)one;
	curl.easy_getinfo(t->handle, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return count; /* a page for people; CURLOPT_TIMEOUT bounds it */
	if (count > t->request->max_bytes - t->reply->bytes) {
		t->is_too_large = true;
		return 0;
	}
	if (file_write_all(CHILD_MORE, bytes, count)) {
		t->is_write_error = true;
		return 0;
	}
	t->reply->bytes += count;
	return count;
}

static void say(struct fetch_reply *reply, enum fetch_outcome outcome, const char *detail)
{
	reply->outcome = outcome;
	snprintf(reply->detail, sizeof(reply->detail), "%s", detail);
}

/* libcurl would start a thread for it. "host:port:address", or NULL. */
static struct curl_slist *resolve(struct transfer *t)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	const char *host = strstr(t->url, "://") + 3;
	size_t length = span_host(host), port_length = span_port(host + length);
	_cleanup_(buf_release) struct buf entry = {0};
	struct curl_slist *list = NULL;
	struct addrinfo *found = NULL;
	char name[256], address[INET6_ADDRSTRLEN + 2];
	bool any = false;

	if (*host == '[')
		return NULL; /* an address: nothing to look up */
	snprintf(name, sizeof(name), "%.*s", (int)length, host);
	if (getaddrinfo(name, NULL, &hints, &found))
		return NULL;
	buf_printf(&entry, "%s:", name);
	if (port_length)
		buf_add(&entry, host + length + 1, port_length - 1);
	else
		buf_add_str(&entry, t->url[4] == 's' ? "443" : "80");
	for (const struct addrinfo *a = found; a; a = a->ai_next) {
		if (getnameinfo(a->ai_addr, a->ai_addrlen, address, sizeof(address), NULL, 0,
				NI_NUMERICHOST))
			continue;
		buf_printf(&entry, any ? "," : ":");
		buf_printf(&entry, strchr(address, ':') ? "[%s]" : "%s", address);
		any = true;
	}
	freeaddrinfo(found);
	if (any && buf_cstr(&entry))
		list = curl.slist_append(NULL, entry.bytes);
	return list;
}

static void set_options(struct transfer *t, struct curl_slist *addresses)
{
	const struct fetch_request *r = t->request;
	CURL *c = t->handle;
	char path[32];

	curl.easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl.easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl.easy_setopt(c, CURLOPT_PROXY, "");
	curl.easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl.easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl.easy_setopt(c, CURLOPT_USERAGENT, "wick/" WICK_VERSION);
	curl.easy_setopt(c, CURLOPT_TIMEOUT, (long)r->max_s);
	curl.easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)r->max_s / 4 + 1);
	curl.easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
	curl.easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)r->max_s / 2 + 1);
	curl.easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)r->max_bytes);
	curl.easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl.easy_setopt(c, CURLOPT_WRITEDATA, t);
	if (addresses)
		curl.easy_setopt(c, CURLOPT_RESOLVE, addresses);
	if (r->has_trusted) { /* with GnuTLS it takes no bytes, only a path */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", TRUSTED);
		curl.easy_setopt(c, CURLOPT_CAINFO, path);
	}
}

static void take_status(struct transfer *t)
{
	char text[64];

	switch (t->reply->status) {
	case 200:
		t->reply->outcome = FETCH_DONE;
		return;
	case 404:
	case 410:
		t->reply->outcome = FETCH_NOT_FOUND;
		return;
	default:
		snprintf(text, sizeof(text), "HTTP status %u", t->reply->status);
		say(t->reply, FETCH_FAILED, text);
	}
}

static void take_error(struct transfer *t, CURLcode code)
{
	const char *text = curl.easy_strerror(code);

	switch (code) {
	case CURLE_FILESIZE_EXCEEDED:
		t->reply->outcome = FETCH_TOO_LARGE;
		return;
	case CURLE_WRITE_ERROR:
		say(t->reply, t->is_too_large ? FETCH_TOO_LARGE : FETCH_FAILED,
		    t->is_write_error ? "no room for it" : text);
		return;
	case CURLE_OPERATION_TIMEDOUT:
		t->reply->outcome = FETCH_TOO_SLOW;
		return;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
		say(t->reply, FETCH_NO_ANSWER, text);
		return;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		say(t->reply, FETCH_NOT_TRUSTED, text);
		return;
	default:
		say(t->reply, FETCH_FAILED, text);
	}
}

/* True: the server has it at another of its own places, which is now in url. Build ids go to no
 * server that was not named. */
static bool follow(struct transfer *t)
{
	size_t origin = fetch_url_origin(t->request->url);
	const char *to = NULL;

	curl.easy_getinfo(t->handle, CURLINFO_REDIRECT_URL, &to);
	if (!to)
		return false;
	if (fetch_url_origin(to) != origin || strncasecmp(to, t->request->url, origin) != 0) {
		say(t->reply, FETCH_ELSEWHERE, to);
		return false;
	}
	snprintf(t->url, sizeof(t->url), "%s", to);
	return true;
}

static void transfer(struct transfer *t)
{
	CURLcode code = CURLE_OK;
	long status;

	snprintf(t->url, sizeof(t->url), "%s", t->request->url);
	set_options(t, resolve(t));
	for (int hops = 0; hops <= REDIRECTS_MAX; hops++) {
		status = 0;
		curl.easy_setopt(t->handle, CURLOPT_URL, t->url);
		code = curl.easy_perform(t->handle);
		curl.easy_getinfo(t->handle, CURLINFO_RESPONSE_CODE, &status);
		t->reply->status = (uint32_t)status;
		if (code) {
			take_error(t, code);
			return;
		}
		if (status < 300 || status > 399) {
			take_status(t);
			return;
		}
		if (!follow(t))
			break;
	}
	if (t->reply->outcome != FETCH_ELSEWHERE)
		say(t->reply, FETCH_FAILED, "redirected in circles");
}

static int answer(const struct fetch_reply *reply)
{
	return file_write_all(CHILD_OUT, reply, sizeof(*reply));
}

int fetch_in_child(void)
{
	struct fetch_request request;
	struct fetch_reply reply = {0};
	struct transfer t = {.request = &request, .reply = &reply};

	if (pread(CHILD_IN, &request, sizeof(request), 0) != sizeof(request) ||
	    !memchr(request.url, 0, sizeof(request.url)) || !fetch_url_origin(request.url))
		return -EBADMSG;
	if (!load_curl() || !(t.handle = curl.easy_init())) {
		reply.outcome = FETCH_NO_LIBRARY;
		return answer(&reply);
	}
	child_confine_to_network(request.max_bytes + sizeof(reply));
	transfer(&t);
	return answer(&reply);
}

/* --- in the parent --- */

/* A copy, as the child may open neither the file's place nor, perhaps, the file. */
static int copy_trusted(const char *path)
{
	_cleanup_close_ int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_close_ int copy = child_memfd("wick-trusted");
	const void *bytes;
	size_t size;
	int err;

	if (file < 0 || copy < 0)
		return file < 0 ? -errno : copy;
	err = file_map(file, 1, &bytes, &size);
	if (err)
		return err;
	err = size > TRUSTED_BYTES_MAX ? -EFBIG : file_write_all(copy, bytes, size);
	munmap((void *)bytes, size);
	return err ? err : TAKE_FD(copy);
}

/* -1: the child trusts whom the system trusts. False: the certificates cannot be had. */
static bool open_trusted(const char *url, int *ret_fd, struct fetch_reply *ret_reply)
{
	const char *path = getenv("SSL_CERT_FILE");

	*ret_fd = -1;
	if (!path || !*path || strncmp(url, "https:", 6) != 0)
		return true;
	*ret_fd = copy_trusted(path);
	if (*ret_fd >= 0)
		return true;
	*ret_reply = (struct fetch_reply){.outcome = FETCH_NOT_TRUSTED};
	snprintf(ret_reply->detail, sizeof(ret_reply->detail), "SSL_CERT_FILE cannot be read: %s",
		 strerror(-*ret_fd));
	return false;
}

int fetch_file(const struct fetch_request *given, int body_fd, struct fetch_reply *ret_reply)
{
	_cleanup_close_ int in = child_memfd("wick-fetch"), out = child_memfd("wick-fetch");
	_cleanup_close_ int trusted = -1;
	struct fetch_request request = *given;
	struct fetch_reply reply;
	int err;

	if (!open_trusted(request.url, &trusted, ret_reply))
		return 0;
	request.has_trusted = trusted >= 0;
	err = in < 0 || out < 0 ? -EAGAIN : file_write_all(in, &request, sizeof(request));
	if (!err)
		err = child_run_files(FETCH_VERB, (const int[]){in, body_fd, trusted}, 3, NULL, out,
				      request.max_s * 1000 + GRACE_MS);
	if (err == -ETIMEDOUT) {
		*ret_reply = (struct fetch_reply){.outcome = FETCH_TOO_SLOW};
		return 0;
	}
	if (!err && (pread(out, &reply, sizeof(reply), 0) != sizeof(reply) ||
		     reply.outcome >= FETCH_OUTCOMES || reply.bytes > request.max_bytes))
		err = -EBADMSG;
	if (err)
		return err;
	reply.detail[sizeof(reply.detail) - 1] = '\0';
	*ret_reply = reply;
	return 0;
}
