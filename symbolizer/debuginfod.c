/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/debuginfod.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "symbolizer/cache_directory.h"
#include "symbolizer/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

enum {
	ID_MIN = 8, /* bytes; a shorter one is no hash of anything */
	ID_MAX = 64,
	SLOW_MAX = 2, /* times that a server may be too slow */
	HOUR_MS = 3600 * 1000,
	IN_MEMORY_MAX = 256 << 20, /* of a file, where there is no directory for it */
};

static const char white[] = " \t\r\n\f\v";

struct server {
	char *url;	   /* without a slash at its end */
	bool is_down;	   /* not asked again */
	unsigned int slow; /* times */
};

struct debuginfod {
	struct server servers[DEBUGINFOD_SERVERS_MAX];
	size_t server_count;
	uint32_t servers_crc;		       /* of all URLs: what is not here may be there */
	struct debuginfod_limits limits, left; /* left: its hour_bytes count down */
	int64_t hour_ms;		       /* of asking, and so do these */
	int64_t hour_began;		       /* clock_ms() */
	struct cache_directory cache;
	char fetched[CACHE_NAME_SIZE]; /* not judged yet; or "" */
};

/* Nothing of a file that was not judged is believed later. */
static void forget_unjudged(struct debuginfod *d)
{
	if (d->fetched[0])
		cache_directory_remove(&d->cache, d->fetched);
	d->fetched[0] = '\0';
}

/* Another hour: what was down may be up, and there is time and room again. */
static void renew(struct debuginfod *d)
{
	int64_t now = clock_ms();

	if (d->hour_began && now - d->hour_began < HOUR_MS)
		return;
	d->hour_began = now;
	d->left = d->limits;
	d->hour_ms = d->limits.hour_s * (int64_t)1000;
	for (size_t i = 0; i < d->server_count; i++) {
		d->servers[i].is_down = false;
		d->servers[i].slow = 0;
	}
}

/* --- URLs --- */

static int add_server(struct debuginfod *d, const char *url, size_t length)
{
	char *copy = strndup(url, length);

	if (!copy)
		return -ENOMEM;
	while (length && copy[length - 1] == '/')
		copy[--length] = '\0';
	if (d->server_count == DEBUGINFOD_SERVERS_MAX || length > FETCH_URL_MAX / 2 ||
	    !fetch_url_origin(copy)) {
		free(copy);
		return -EINVAL;
	}
	d->servers_crc = (uint32_t)crc32(d->servers_crc, (const uint8_t *)copy, (uInt)length + 1);
	d->servers[d->server_count++].url = copy;
	return 0;
}

static int add_servers(struct debuginfod *d, const char *urls, const char **ret_bad)
{
	for (urls += strspn(urls, white); *urls; urls += strspn(urls, white)) {
		size_t length = strcspn(urls, white);
		int err = add_server(d, urls, length);

		if (err) {
			*ret_bad = urls;
			return err;
		}
		urls += length;
	}
	return d->server_count ? 0 : -ENOENT;
}

int debuginfod_new(const char *urls, const struct debuginfod_limits *limits,
		   struct debuginfod **ret_debuginfod, const char **ret_bad)
{
	_cleanup_(debuginfod_freep) struct debuginfod *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->cache = CACHE_DIRECTORY_NONE;
	d->limits = *limits;
	if (!urls)
		urls = getenv("DEBUGINFOD_URLS");
	err = urls ? add_servers(d, urls, ret_bad) : -ENOENT;
	if (err)
		return err;
	if (cache_directory_open(NULL, "debuginfod", limits->cache_bytes, &d->cache) &&
	    d->limits.file_bytes > IN_MEMORY_MAX)
		d->limits.file_bytes = IN_MEMORY_MAX;
	if (d->limits.file_bytes > limits->cache_bytes)
		d->limits.file_bytes = limits->cache_bytes;
	renew(d);
	*ret_debuginfod = TAKE_PTR(d);
	return 0;
}

void debuginfod_free(struct debuginfod *d)
{
	if (!d)
		return;
	forget_unjudged(d);
	for (size_t i = 0; i < d->server_count; i++)
		free(d->servers[i].url);
	cache_directory_release(&d->cache);
	free(d);
}

/* --- what is kept --- */

static void print_id(char *ret, size_t room, const uint8_t *id, size_t size)
{
	ret[0] = '\0';
	for (size_t i = 0; i < size && 2 * i + 3 <= room; i++)
		snprintf(ret + 2 * i, 3, "%02x", id[i]);
}

static void name_kept(char ret_name[CACHE_NAME_SIZE], const uint8_t *id, size_t size)
{
	print_id(ret_name, CACHE_NAME_SIZE - 16, id, size);
	strcat(ret_name, ".debug");
}

static void name_missing(const struct debuginfod *d, char ret_name[CACHE_NAME_SIZE],
			 const uint8_t *id, size_t size)
{
	char servers[16];

	print_id(ret_name, CACHE_NAME_SIZE - 16, id, size);
	snprintf(servers, sizeof(servers), "-%08x.none", d->servers_crc);
	strcat(ret_name, servers);
}

static bool is_remembered_missing(const struct debuginfod *d, const uint8_t *id, size_t size)
{
	char name[CACHE_NAME_SIZE];
	struct stat st;

	name_missing(d, name, id, size);
	return d->cache.fd >= 0 && !fstatat(d->cache.fd, name, &st, AT_SYMLINK_NOFOLLOW) &&
	       S_ISREG(st.st_mode) && time(NULL) - st.st_mtime < (time_t)d->left.missing_s;
}

static void remember_missing(const struct debuginfod *d, const uint8_t *id, size_t size)
{
	char temporary[CACHE_NAME_SIZE], name[CACHE_NAME_SIZE];
	_cleanup_close_ int fd =
		d->cache.fd >= 0 ? cache_directory_create(&d->cache, temporary) : -1;

	name_missing(d, name, id, size);
	if (fd >= 0)
		cache_directory_keep(&d->cache, temporary, name);
}

static bool take_kept(struct debuginfod *d, const uint8_t *id, size_t size,
		      struct debug_file *ret_file)
{
	char name[CACHE_NAME_SIZE], *path = NULL;
	struct stat st;
	int fd;

	name_kept(name, id, size);
	fd = d->cache.fd >= 0 ? cache_directory_get(&d->cache, name, &st) : -1;
	if (fd < 0)
		return false;
	if (asprintf(&path, "%s/%s", d->cache.path, name) < 0)
		path = NULL;
	*ret_file = (struct debug_file){fd, path};
	return true;
}

void debuginfod_judge(struct debuginfod *d, const uint8_t *id, size_t size, bool is_right)
{
	char name[CACHE_NAME_SIZE];
	struct stat st = {0};

	name_kept(name, id, size);
	if (is_right && d->fetched[0]) {
		fstatat(d->cache.fd, d->fetched, &st, AT_SYMLINK_NOFOLLOW);
		cache_directory_keep(&d->cache, d->fetched, name);
		cache_directory_evict(&d->cache, (uint64_t)st.st_size);
	} else if (!is_right) {
		if (d->cache.fd >= 0)
			cache_directory_remove(&d->cache, d->fetched[0] ? d->fetched : name);
		remember_missing(d, id, size);
	}
	d->fetched[0] = '\0';
}

/* --- asking --- */

/* What was asked for, and what has come of it so far. */
struct question {
	struct debuginfod *d;
	char id[2 * ID_MAX + 1];
	int body_fd;
	char *detail;
	bool all_have_not; /* each server says so */
};

static void tell(struct question *q, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(struct question *q, const char *format, ...)
{
	size_t used = strlen(q->detail);
	va_list arguments;

	if (used && used + 3 < DEBUGINFOD_DETAIL_MAX) {
		strcpy(q->detail + used, "; ");
		used += 2;
	}
	va_start(arguments, format);
	vsnprintf(q->detail + used, DEBUGINFOD_DETAIL_MAX - used, format, arguments);
	va_end(arguments);
}

static void tell_outcome(struct question *q, struct server *server,
			 const struct fetch_request *request, const struct fetch_reply *reply)
{
	switch ((enum fetch_outcome)reply->outcome) {
	case FETCH_NO_ANSWER:
		server->is_down = true;
		tell(q, "%s does not answer: %s", server->url, reply->detail);
		return;
	case FETCH_NOT_TRUSTED:
		server->is_down = true;
		tell(q, "%s is not trusted: %s", server->url, reply->detail);
		return;
	case FETCH_TOO_SLOW:
		server->is_down = ++server->slow >= SLOW_MAX;
		tell(q, "%s is too slow: nothing whole in %u s", server->url, request->max_s);
		return;
	case FETCH_TOO_LARGE:
		tell(q, "%s has one that is too large: more than %llu MB", server->url,
		     (unsigned long long)request->max_bytes >> 20);
		return;
	case FETCH_ELSEWHERE:
		tell(q, "%s sends to another server, which is not asked: %s", server->url,
		     reply->detail);
		return;
	case FETCH_NO_LIBRARY:
		tell(q, "libcurl is not installed");
		return;
	default:
		tell(q, "%s failed: %s", server->url, reply->detail);
	}
}

static void make_request(const struct question *q, const struct server *server,
			 struct fetch_request *ret_request)
{
	const struct debuginfod *d = q->d;
	unsigned int hour_s = (unsigned int)(d->hour_ms / 1000);

	*ret_request = (struct fetch_request){
		.max_bytes = d->left.file_bytes < d->left.hour_bytes ? d->left.file_bytes
								     : d->left.hour_bytes,
		.max_s = d->left.file_s < hour_s ? d->left.file_s : hour_s,
	};
	snprintf(ret_request->url, sizeof(ret_request->url), "%s/buildid/%s/debuginfo", server->url,
		 q->id);
}

/* True: it is in body_fd. */
static bool ask(struct question *q, struct server *server)
{
	int64_t began = clock_ms();
	struct fetch_request request;
	struct fetch_reply reply = {0};
	int err;

	make_request(q, server, &request);
	err = fetch_file(&request, q->body_fd, &reply);
	q->d->hour_ms -= clock_ms() - began;
	q->d->left.hour_bytes -= reply.bytes;
	if (err) {
		q->all_have_not = false;
		tell(q, "%s: the child that fetches %s", server->url,
		     err == -EAGAIN ? "could not be started" : "died");
	} else if (reply.outcome != FETCH_DONE && reply.outcome != FETCH_NOT_FOUND) {
		q->all_have_not = false;
		tell_outcome(q, server, &request, &reply);
	}
	if (!err && reply.outcome == FETCH_DONE)
		return true;
	if (ftruncate(q->body_fd, 0) || lseek(q->body_fd, 0, SEEK_SET))
		q->d->hour_ms = 0; /* no place for files any more */
	return false;
}

static bool is_over(const struct debuginfod *d)
{
	return d->hour_ms < 1000 || !d->left.hour_bytes;
}

static bool ask_all(struct question *q, char **ret_url)
{
	for (size_t i = 0; i < q->d->server_count && !is_over(q->d); i++) {
		struct server *server = &q->d->servers[i];

		if (server->is_down) {
			q->all_have_not = false;
			tell(q, "%s failed before", server->url);
		} else if (ask(q, server)) {
			*ret_url = strdup(server->url);
			return true;
		}
	}
	return false;
}

/* A file for what comes: in the directory where it may stay, or in memory. */
static int open_body(struct debuginfod *d)
{
	return d->cache.fd >= 0 ? cache_directory_create(&d->cache, d->fetched)
				: memfd_create("wick-debuginfo", MFD_CLOEXEC);
}

static enum debuginfod_answer fetch(struct debuginfod *d, const uint8_t *id, size_t size,
				    struct debug_file *ret_file, char *detail)
{
	_cleanup_close_ int body = open_body(d);
	struct question q = {.d = d, .body_fd = body, .detail = detail, .all_have_not = true};
	char *url = NULL;

	print_id(q.id, sizeof(q.id), id, size);
	if (body < 0) {
		tell(&q, "no place for it: %s", strerror(errno));
		return DEBUGINFOD_FAILED;
	}
	if (ask_all(&q, &url)) {
		*ret_file = (struct debug_file){TAKE_FD(body), url};
		return DEBUGINFOD_FOUND;
	}
	forget_unjudged(d);
	if (is_over(d))
		return DEBUGINFOD_OVER;
	if (!q.all_have_not)
		return DEBUGINFOD_FAILED;
	remember_missing(d, id, size);
	return DEBUGINFOD_NOT_FOUND;
}

enum debuginfod_answer debuginfod_get(struct debuginfod *d, const uint8_t *id, size_t size,
				      struct debug_file *ret_file,
				      char ret_detail[DEBUGINFOD_DETAIL_MAX])
{
	ret_detail[0] = '\0';
	renew(d);
	forget_unjudged(d);
	if (size < ID_MIN || size > ID_MAX)
		return DEBUGINFOD_NO_ID;
	if (take_kept(d, id, size, ret_file))
		return DEBUGINFOD_FOUND;
	if (is_remembered_missing(d, id, size))
		return DEBUGINFOD_REMEMBERED;
	if (is_over(d))
		return DEBUGINFOD_OVER;
	return fetch(d, id, size, ret_file, ret_detail);
}

bool debuginfod_may_have(struct debuginfod *d, const uint8_t *id, size_t size)
{
	bool any = false;

	renew(d);
	for (size_t i = 0; i < d->server_count; i++)
		any |= !d->servers[i].is_down;
	return any && size >= ID_MIN && size <= ID_MAX && !is_over(d) &&
	       !is_remembered_missing(d, id, size);
}

const char *debuginfod_answer_text(enum debuginfod_answer answer)
{
	static const char *const texts[DEBUGINFOD_ANSWERS] = {
		[DEBUGINFOD_OFF] = "not asked: --debuginfod asks",
		[DEBUGINFOD_FOUND] = "found",
		[DEBUGINFOD_NO_ID] = "not asked: the file has no build id",
		[DEBUGINFOD_NOT_FOUND] = "not found",
		[DEBUGINFOD_REMEMBERED] = "not found when it was asked for before",
		[DEBUGINFOD_OVER] = "not asked: the limits of an hour are reached",
		[DEBUGINFOD_FAILED] = "failed",
	};

	return texts[answer];
}
