/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wick store: looks after a store's directory. */
#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/commands.h"
#include "profiler/output.h"
#include "profiler/store.h"
#include "profiler/store_files.h"
#include "profiler/store_index.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

static int need_directory(const char *verb, int argc)
{
	if (argc == 1)
		return STATUS_OK;
	log_error("'wick store %s' takes one directory", verb);
	log_hint("it is the one that 'wick agent --store' was given");
	return STATUS_USAGE;
}

/* ---- check ---- */

struct check {
	const char *path;
	int directory;
	struct catalog rows, files; /* what the index says, and what the files themselves say */
	unsigned int problems;
};

static void check_release(struct check *check)
{
	catalog_release(&check->rows);
	catalog_release(&check->files);
	if (check->directory >= 0)
		close(check->directory);
}

static void problem(struct check *check, const char *name, const char *what)
{
	char shown[256], text[256];

	check->problems++;
	log_warn("'%s': %s", quote(shown, sizeof(shown), name), quote(text, sizeof(text), what));
}

static void on_bad(void *context, const char *name, int err, const char *why)
{
	(void)err;
	problem(context, name, why);
}

static void check_index(struct check *check)
{
	_cleanup_(index_closep) struct index *index = NULL;
	char why[256];
	int err = index_open(check->path, true, &index);

	if (!err)
		err = index_check(index, why, sizeof(why));
	else
		snprintf(why, sizeof(why), "%s", strerror(-err));
	if (!err) {
		err = index_load(index, &check->rows);
		snprintf(why, sizeof(why), "%s", strerror(-err));
	}
	if (err)
		problem(check, INDEX_NAME, why);
}

/* All files are read: nothing is taken from the index. */
static int check_files(struct check *check)
{
	const struct store_files_watch watch = {check, on_bad, false};
	const struct catalog nothing = {0};
	_cleanup_(store_files_release) struct store_files files = {0};
	size_t read;
	int err = store_files_list(check->directory, false, &files);

	return err ? err
		   : store_files_match(check->directory, &files, &nothing, &watch, &check->files,
				       &read);
}

static bool is_same(const struct slice *a, const struct slice *b)
{
	return a->last == b->last && a->parts == b->parts && a->bytes == b->bytes &&
	       a->start_ns == b->start_ns && a->end_ns == b->end_ns && a->age_ns == b->age_ns &&
	       !strcmp(a->boot, b->boot) && !memcmp(&a->sums, &b->sums, sizeof(a->sums));
}

static void compare(struct check *check)
{
	char name[SLICE_NAME_SIZE];

	for (size_t i = 0; i < check->files.count; i++) {
		const struct slice *file = &check->files.rows[i];
		size_t at = catalog_find(&check->rows, file->level, file->first);

		if (at == CATALOG_NONE)
			problem(check, slice_name(file, name), "the index has no row of it");
		else if (!is_same(file, &check->rows.rows[at]))
			problem(check, slice_name(file, name), "its row says something else");
	}
	for (size_t i = 0; i < check->rows.count; i++) {
		const struct slice *row = &check->rows.rows[i];

		if (catalog_find(&check->files, row->level, row->first) == CATALOG_NONE)
			problem(check, slice_name(row, name), "it is in the index, but not there");
	}
}

/* The sums of a roll-up, where all its parts are still there. */
static void check_roll_up(struct check *check, size_t at)
{
	const struct catalog *files = &check->files;
	const struct slice *whole = &files->rows[at];
	struct slice_sums left = whole->sums;
	uint32_t parts = 0;
	char name[SLICE_NAME_SIZE];

	for (size_t i = at + 1; i < files->count && files->rows[i].first <= whole->last; i++) {
		const struct slice *part = &files->rows[i];

		if (part->level + 1 != whole->level)
			continue;
		parts += part->parts;
		left.samples -= part->sums.samples;
		left.cpu_ns -= part->sums.cpu_ns;
		left.taken -= part->sums.taken;
		left.written -= part->sums.written;
		left.dropped -= part->sums.dropped;
		left.complete -= part->sums.complete;
	}
	if (parts == whole->parts && memcmp(&left, &(struct slice_sums){0}, sizeof(left)))
		problem(check, slice_name(whole, name), "its sums are not those of its parts");
}

static void print_time(struct buf *text, int64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	char date[32] = "?";
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_add_str(text, date);
}

static void print_level(struct buf *text, const struct catalog *files, uint32_t level)
{
	const struct slice *oldest = NULL, *newest = NULL;
	size_t count = 0;
	int64_t samples = 0;

	for (size_t i = 0; i < files->count; i++) {
		const struct slice *file = &files->rows[i];

		if (file->level != level)
			continue;
		oldest = oldest ? oldest : file;
		newest = file;
		count++;
		samples += file->sums.samples;
	}
	buf_printf(text, "%-6s %6zu files %10.1f MB %12" PRId64 " samples", slice_level_name(level),
		   count, (double)files->bytes[level] / 1e6, samples);
	if (count) {
		buf_add_str(text, "  ");
		print_time(text, oldest->wall_ns);
		buf_add_str(text, " to ");
		print_time(text, newest->wall_end_ns);
	}
	buf_add_char(text, '\n');
}

static int report(struct check *check)
{
	_cleanup_(buf_release) struct buf text = {0};
	int status;

	for (uint32_t level = 0; level < STORE_LEVELS; level++)
		print_level(&text, &check->files, level);
	buf_printf(&text, "index  %27.1f MB\n", (double)index_disk_bytes(check->directory) / 1e6);
	status = output_text(&text);
	if (!check->problems)
		return status;
	log_error("%u problems", check->problems);
	log_hint("'wick store rebuild' sets damaged files aside and makes the index anew");
	return STATUS_ERROR;
}

static int run_check(const void *options, int argc, char **argv)
{
	_cleanup_(check_release) struct check check = {.directory = -1};
	int err, status = need_directory("check", argc);
	char shown[256];

	(void)options;
	if (status != STATUS_OK)
		return status;
	check.path = argv[0];
	check.directory = open(argv[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = check.directory < 0 ? -errno : check_files(&check);
	if (err) {
		log_error("cannot read the store '%s': %s", quote(shown, sizeof(shown), argv[0]),
			  strerror(-err));
		return STATUS_ERROR;
	}
	/* The writer holds a lock: without one, nothing moves between this look and the next. */
	if (flock(check.directory, LOCK_SH | LOCK_NB))
		log_info("the store is being written: what changes meanwhile may be named here");
	check_index(&check);
	compare(&check);
	for (size_t i = 0; i < check.files.count; i++)
		if (check.files.rows[i].level > LEVEL_SLICE)
			check_roll_up(&check, i);
	return report(&check);
}

static const struct command store_check_command = {
	.name = "check",
	.arguments = "DIR",
	.summary = "read every file and row, name what does not hold",
	.run = run_check,
};

/* ---- rebuild ---- */

static int forget_index(const char *path)
{
	_cleanup_close_ int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char shown[256];

	if (directory < 0) {
		log_error("cannot read the store '%s': %s", quote(shown, sizeof(shown), path),
			  strerror(errno));
		return STATUS_ERROR;
	}
	if (flock(directory, LOCK_EX | LOCK_NB)) {
		log_error("the store '%s' is in use: another wick writes to it",
			  quote(shown, sizeof(shown), path));
		log_hint("end that one first");
		return STATUS_ERROR;
	}
	return index_forget(directory) ? STATUS_ERROR : STATUS_OK;
}

static int run_rebuild(const void *raw, int argc, char **argv)
{
	const struct store_options options = STORE_DEFAULTS;
	const struct store_moment now = store_now();
	_cleanup_(store_closep) struct store *store = NULL;
	int status = need_directory("rebuild", argc);

	(void)raw;
	if (status == STATUS_OK)
		status = forget_index(argv[0]);
	if (status != STATUS_OK)
		return status;
	if (store_open(argv[0], &options, &now, &store))
		return STATUS_ERROR;
	log_info("%zu files are in the index, %" PRIu64 " damaged ones were set aside",
		 store_catalog(store)->count, store_stats(store)->damaged);
	return STATUS_OK;
}

static const struct command store_rebuild_command = {
	.name = "rebuild",
	.arguments = "DIR",
	.summary = "make the index anew from the files",
	.run = run_rebuild,
};

static const struct command *const verbs[] = {&store_check_command, &store_rebuild_command,
					      &store_timeline_command, NULL};

const struct command store_command = {
	.name = "store",
	.arguments = "WHAT DIR",
	.summary = "check a store, make its index anew, show its timelines",
	.verbs = verbs,
};
