/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wick serve: profiles that are there already, in the browser. */
#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "formats/codec.h"
#include "profiler/commands.h"
#include "profiler/server.h"
#include "profiler/store_export.h"
#include "profiler/store_index.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

static const struct server_options defaults = {.listen = "127.0.0.1:7878"};

static const struct option_spec serve_options[] = {
	{.letter = 'l',
	 .name = "listen",
	 .kind = OPTION_STRING,
	 .value = "ADDR:PORT",
	 .help = "where the viewer is (127.0.0.1:7878)",
	 .offset = offsetof(struct server_options, listen)},
	{.name = "no-token",
	 .kind = OPTION_FLAG,
	 .help = "let everybody read who reaches the port",
	 .offset = offsetof(struct server_options, no_token)},
	{.name = NULL},
};

/* A file that is offered. Its id stays its own for as long as it is there. */
struct entry {
	char *path;
	const char *name; /* shown: the path, or its last part where one directory is served */
	int64_t time_ns;  /* of the last change */
	unsigned int id;
};

struct shelf {
	struct entry *entries;
	size_t count, size;
};

struct serving {
	char **arguments;
	int argument_count;
	struct shelf shelf;
	unsigned int next_id;
};

static void shelf_release(struct shelf *shelf)
{
	for (size_t i = 0; i < shelf->count; i++)
		free(shelf->entries[i].path);
	free(shelf->entries);
	*shelf = (struct shelf){0};
}

static int shelf_add(struct shelf *shelf, const char *path, size_t name_at, const struct stat *st)
{
	struct entry entry = {.path = strdup(path),
			      .time_ns = st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec};

	if (!entry.path || array_reserve(&shelf->entries, &shelf->size, shelf->count + 1)) {
		free(entry.path);
		return -ENOMEM;
	}
	entry.name = entry.path + name_at;
	shelf->entries[shelf->count++] = entry;
	return 0;
}

static bool is_readable_name(const char *name)
{
	struct profile_codec codec;

	return name[0] != '.' && !profile_codec_by_name(name, &codec) &&
	       profile_format_is_readable(codec.format);
}

/* Files of a directory that are profiles by their names; links are not followed out of it. */
static int add_directory(struct shelf *shelf, const char *path, bool is_only)
{
	_cleanup_(buf_release) struct buf full = {0};
	DIR *dir = opendir(path);
	const struct dirent *found;
	struct stat st;
	int err = 0;

	if (!dir)
		return -errno;
	while (!err && (found = readdir(dir))) {
		if (!is_readable_name(found->d_name) ||
		    fstatat(dirfd(dir), found->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		buf_clear(&full);
		buf_printf(&full, "%s/%s", path, found->d_name);
		err = buf_cstr(&full)
			      ? shelf_add(shelf, full.bytes, is_only ? strlen(path) + 1 : 0, &st)
			      : -ENOMEM;
	}
	closedir(dir);
	return err;
}

static int newest_first(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;

	if (left->time_ns != right->time_ns)
		return left->time_ns < right->time_ns ? 1 : -1;
	return strcmp(left->path, right->path);
}

static void keep_ids(struct serving *serving, struct shelf *fresh)
{
	const struct shelf *old = &serving->shelf;

	for (size_t i = 0; i < fresh->count; i++) {
		struct entry *entry = &fresh->entries[i];
		size_t at = 0;

		while (at < old->count && strcmp(old->entries[at].path, entry->path))
			at++;
		entry->id = at < old->count ? old->entries[at].id : serving->next_id++;
	}
}

/* Looks anew at what there is: files given stay in their order, those of directories follow. */
static int scan(struct serving *serving)
{
	_cleanup_(shelf_release) struct shelf fresh = {0};
	int err = 0;

	for (int i = 0; !err && i < serving->argument_count; i++) {
		const char *path = serving->arguments[i];
		size_t first = fresh.count;
		struct stat st;

		if (stat(path, &st) < 0)
			continue; /* it was there at the start */
		if (!S_ISDIR(st.st_mode)) {
			err = shelf_add(&fresh, path, 0, &st);
			continue;
		}
		err = add_directory(&fresh, path, serving->argument_count == 1);
		if (fresh.count > first)
			qsort(fresh.entries + first, fresh.count - first, sizeof(*fresh.entries),
			      newest_first);
	}
	if (err)
		return err;
	while (fresh.count > SERVER_LIST_MAX)
		free(fresh.entries[--fresh.count].path);
	keep_ids(serving, &fresh);
	shelf_release(&serving->shelf);
	serving->shelf = fresh;
	fresh = (struct shelf){0};
	return 0;
}

/* ---- a store ---- */

static bool is_store(const char *path)
{
	char index[PATH_MAX];

	return (size_t)snprintf(index, sizeof(index), "%s/" INDEX_NAME, path) < sizeof(index) &&
	       !access(index, F_OK);
}

static int list_ranges(void *context, struct buf *json)
{
	(void)context;
	buf_add_char(json, '[');
	server_add_ranges(json, true);
	buf_add_char(json, ']');
	return buf_error(json);
}

static int open_none(void *context, unsigned int id, int *ret_fd)
{
	(void)context;
	(void)id;
	(void)ret_fd;
	return -ENOENT;
}

static int open_range(void *context, int64_t from_ns, int64_t to_ns, int *ret_fd)
{
	const struct store_range range = {.from_ns = from_ns, .to_ns = to_ns};

	return store_bundle(((struct serving *)context)->arguments[0], &range, ret_fd);
}

/* ---- files ---- */

static int list(void *context, struct buf *json)
{
	struct serving *serving = context;
	int err = scan(serving);

	if (err)
		return err;
	buf_add_char(json, '[');
	for (size_t i = 0; i < serving->shelf.count; i++) {
		const struct entry *entry = &serving->shelf.entries[i];

		buf_printf(json, "%s{\"id\":%u,\"name\":", i ? "," : "", entry->id);
		buf_add_json(json, entry->name);
		buf_printf(json, ",\"time_ns\":%lld}", (long long)entry->time_ns);
	}
	buf_add_char(json, ']');
	return buf_error(json);
}

static int open_entry(void *context, unsigned int id, int *ret_fd)
{
	const struct shelf *shelf = &((const struct serving *)context)->shelf;
	_cleanup_close_ int fd = -1;
	struct stat st;
	size_t at = 0;

	while (at < shelf->count && shelf->entries[at].id != id)
		at++;
	if (at == shelf->count)
		return -ENOENT;
	/* A FIFO or a link that took the file's place since is not opened, and not waited for. */
	fd = open(shelf->entries[at].path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EINVAL;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* ---- the command ---- */

static int bad_argument(const char *path, const char *why, const char *hint)
{
	char shown[256];

	log_error("cannot serve '%s': %s", quote(shown, sizeof(shown), path), why);
	if (hint)
		log_hint("%s", hint);
	return STATUS_ERROR;
}

/* A name that one types may be a link: it is resolved here, once, and never followed again. */
static int check_argument(char **argument)
{
	struct profile_codec codec;
	struct stat st;
	char *resolved;

	if (stat(*argument, &st) < 0)
		return bad_argument(*argument, strerror(errno),
				    errno == ENOENT ? "give profiles, or a directory of them"
						    : NULL);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return bad_argument(*argument, "not a file or directory", NULL);
	if (S_ISREG(st.st_mode) && !profile_codec_by_name(*argument, &codec) &&
	    !profile_format_is_readable(codec.format))
		return bad_argument(*argument, "it is a picture, not a profile",
				    "open it in a browser as it is");
	if (access(*argument, S_ISDIR(st.st_mode) ? R_OK | X_OK : R_OK) < 0)
		return bad_argument(*argument, strerror(errno), NULL);
	resolved = realpath(*argument, NULL);
	if (!resolved)
		return bad_argument(*argument, strerror(errno), NULL);
	*argument = resolved;
	return STATUS_OK;
}

static int open_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -errno;
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int serve(struct server *server, const struct server_source *source, int signal_fd)
{
	struct pollfd waited[] = {{.fd = signal_fd, .events = POLLIN},
				  {.fd = server_fd(server), .events = POLLIN}};

	for (;;) {
		if (poll(waited, ARRAY_SIZE(waited), -1) < 0 && errno != EINTR)
			return STATUS_ERROR;
		if (waited[0].revents)
			return STATUS_OK;
		if (waited[1].revents && server_handle(server, source)) {
			log_error("the web server's process ended unexpectedly");
			log_hint("start 'wick serve' again; a profile it cannot bear may be there");
			return STATUS_ERROR;
		}
	}
}

static int run_checked(const struct server_options *options, struct serving *serving)
{
	const struct server_source files = {serving, list, open_entry, NULL};
	const struct server_source store = {serving, list_ranges, open_none, open_range};
	bool is_one_store = serving->argument_count == 1 && is_store(serving->arguments[0]);
	_cleanup_(server_stopp) struct server *server = NULL;
	_cleanup_close_ int signal_fd = open_signals();
	int err = signal_fd < 0 ? signal_fd : server_start(options, &server);

	if (err)
		return err == -EINVAL ? STATUS_USAGE : STATUS_ERROR;
	log_info("open %s", server_url(server));
	return serve(server, is_one_store ? &store : &files, signal_fd);
}

static int run(const void *options, int argc, char **argv)
{
	struct serving serving = {.arguments = argv};
	int status = STATUS_OK;

	if (!argc) {
		log_error("'wick serve' needs profiles, or a directory of them");
		log_hint("see 'wick serve --help'");
		return STATUS_USAGE;
	}
	for (; status == STATUS_OK && serving.argument_count < argc;) {
		status = check_argument(&argv[serving.argument_count]);
		serving.argument_count += status == STATUS_OK;
	}
	if (status == STATUS_OK)
		status = run_checked(options, &serving);
	shelf_release(&serving.shelf);
	for (int i = 0; i < serving.argument_count; i++)
		free(argv[i]);
	return status;
}

const struct command serve_command = {
	.name = "serve",
	.arguments = "DIR|FILE..",
	.summary = "show profiles in the browser, until Ctrl-C",
	.details = "A directory is looked at anew for each list, the newest profile first; of a\n"
		   "store of 'wick agent' ranges are shown, each as one profile.\n",
	.options = serve_options,
	.options_size = sizeof(struct server_options),
	.defaults = &defaults,
	.run = run,
};
