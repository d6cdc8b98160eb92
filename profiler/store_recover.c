/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/array.h"
#include "base/cleanup.h"
#include "base/quote.h"
#include "profiler/store_files.h"
#include "profiler/store_state.h"
#include "profiler/store_timeline.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static DIR *open_again(int directory, const char *name)
{
	int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* ---- damaged files ---- */

static int note_damaged(struct store *store, const char *name, uint64_t bytes, bool is_old)
{
	struct store_damaged *damaged;
	int err = array_reserve(&store->damaged, &store->damaged_size, store->damaged_count + 1);

	if (err)
		return err;
	damaged = &store->damaged[store->damaged_count++];
	*damaged = (struct store_damaged){.bytes = bytes, .is_old = is_old};
	snprintf(damaged->name, sizeof(damaged->name), "%s", name);
	return 0;
}

static int scan_damaged(struct store *store)
{
	_cleanup_(closedirp) DIR *dir = open_again(store->directory, STORE_DAMAGED);
	const struct dirent *entry;
	int err = 0;

	while (!err && dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strlen(entry->d_name) < STORE_DAMAGED_NAME)
			err = note_damaged(
				store, entry->d_name,
				slice_disk_bytes(slice_file_bytes(dirfd(dir), entry->d_name)),
				true);
	return err;
}

void store_set_aside(struct store *store, const char *name, const char *why)
{
	char to[STORE_DAMAGED_NAME + 16], shown[STORE_PATH_SHOWN], reason[STORE_PATH_SHOWN];
	uint64_t bytes = slice_disk_bytes(slice_file_bytes(store->directory, name));

	snprintf(to, sizeof(to), STORE_DAMAGED "/%s", name);
	quote(shown, sizeof(shown), name);
	store->stats.damaged++;
	if (mkdirat(store->directory, STORE_DAMAGED, 0700) && errno != EEXIST) {
		log_warn("leaving the damaged file '%s' where it is: %s", shown, strerror(errno));
		return;
	}
	log_warn("setting aside '%s': %s", shown, quote(reason, sizeof(reason), why));
	if (renameat(store->directory, name, store->directory, to))
		log_warn("cannot set aside '%s': %s", shown, strerror(errno));
	else
		note_damaged(store, name, bytes, false);
}

/* ---- index ---- */

static void set_index_aside(struct store *store)
{
	char kept[STORE_DAMAGED_NAME], name[STORE_DAMAGED_NAME + 16];
	uint64_t bytes = index_disk_bytes(store->directory);

	snprintf(kept, sizeof(kept), "index-%lld.sqlite", (long long)time(NULL));
	snprintf(name, sizeof(name), STORE_DAMAGED "/%s", kept);
	log_warn("the index is damaged: making it anew from the files");
	store->stats.damaged++;
	mkdirat(store->directory, STORE_DAMAGED, 0700);
	if (index_set_aside(store->directory, name))
		log_warn("cannot set aside the index: %s", strerror(errno));
	else
		note_damaged(store, kept, bytes, false);
}

void store_drop_index(struct store *store, int err)
{
	index_close(store->index);
	store->index = NULL;
	if (err == -EBADMSG)
		set_index_aside(store);
}

static int open_index(struct store *store, struct catalog *ret_rows)
{
	int err = index_open(store->path, false, &store->index);

	if (!err)
		err = index_load(store->index, ret_rows);
	if (!err)
		return 0;
	store_drop_index(store, err);
	catalog_release(ret_rows);
	return err;
}

/* A damaged one is replaced at once. Other failures are for later. */
static int open_any_index(struct store *store, struct catalog *ret_rows)
{
	int err = open_index(store, ret_rows);

	return err == -EBADMSG ? open_index(store, ret_rows) : err;
}

/* Rows that the catalog does not have go; those that it has count as indexed. */
static void match_rows(struct store *store, const struct catalog *rows)
{
	for (size_t i = 0; i < store->catalog.count; i++)
		store->catalog.rows[i].is_indexed = false;
	for (size_t i = 0; i < rows->count; i++) {
		const struct slice *row = &rows->rows[i];
		size_t at = catalog_find(&store->catalog, row->level, row->first);

		if (at == CATALOG_NONE)
			index_remove(store->index, row->level, row->first);
		else
			store->catalog.rows[at].is_indexed = !memcmp(
				&row->sums, &store->catalog.rows[at].sums, sizeof(row->sums));
	}
}

/* The file is read for it: what the index says of it is what can be read of it. Why one cannot be
 * read is found and said when it is wanted; the sums are known. */
static void add_timeline(struct store *store, const struct slice *row)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	_cleanup_(timeline_release) struct timeline timeline = {0};
	char name[SLICE_NAME_SIZE];
	struct slice slice;
	const char *why;

	if (slice_read(store->directory, slice_name(row, name), &slice, &profile, &why) ||
	    timeline_of(profile, &slice, &timeline))
		timeline_guess(&timeline, row);
	for (uint32_t i = 0; i < timeline.count; i++)
		index_add_timeline(store->index, row, &timeline, i);
}

static void add_rows(struct store *store)
{
	for (size_t i = 0; i < store->catalog.count; i++)
		if (!store->catalog.rows[i].is_indexed) {
			index_add(store->index, &store->catalog.rows[i]);
			add_timeline(store, &store->catalog.rows[i]);
		}
}

static int write_rows(struct store *store, const struct catalog *rows)
{
	int err;

	index_begin(store->index);
	if (rows)
		match_rows(store, rows);
	add_rows(store);
	err = index_end(store->index);
	for (size_t i = 0; !err && i < store->catalog.count; i++)
		store->catalog.rows[i].is_indexed = true;
	if (err)
		store_drop_index(store, err);
	return err;
}

static bool is_complete(const struct store *store)
{
	for (size_t i = store->catalog.count; i-- > 0;)
		if (!store->catalog.rows[i].is_indexed)
			return false;
	return true;
}

int store_sync_index(struct store *store)
{
	_cleanup_(catalog_release) struct catalog rows = {0};
	int err;

	if (store->index)
		return is_complete(store) ? 0 : write_rows(store, NULL);
	err = open_any_index(store, &rows);
	return err ? err : write_rows(store, &rows);
}

/* ---- directory ---- */

/* A file that cannot be read for another reason than damage may be read another day. */
static void on_bad(void *context, const char *name, int err, const char *why)
{
	char shown[STORE_PATH_SHOWN];

	if (slice_is_damage(err))
		store_set_aside(context, name, why);
	else
		log_warn("cannot read '%s', leaving it out: %s", quote(shown, sizeof(shown), name),
			 strerror(-err));
}

static void count_vanished(struct store *store, const struct catalog *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		if (catalog_find(&store->catalog, rows->rows[i].level, rows->rows[i].first) ==
		    CATALOG_NONE)
			store->stats.vanished++;
}

static void tell_recovery(const struct store *store)
{
	const struct store_stats *stats = &store->stats;

	if (stats->adopted || stats->swept || stats->vanished || stats->damaged)
		log_info("the store is recovered: %llu files taken up, %llu rows without a file, "
			 "%llu parts of files swept, %llu damaged files set aside",
			 (unsigned long long)stats->adopted, (unsigned long long)stats->vanished,
			 (unsigned long long)stats->swept, (unsigned long long)stats->damaged);
}

int store_recover(struct store *store)
{
	const struct store_files_watch watch = {store, on_bad, false};
	_cleanup_(catalog_release) struct catalog rows = {0};
	_cleanup_(store_files_release) struct store_files files = {0};
	int index_err = open_any_index(store, &rows);
	size_t adopted = 0;
	int err = scan_damaged(store);

	if (!err)
		err = store_files_list(store->directory, true, &files);
	if (!err)
		err = store_files_match(store->directory, &files, &rows, &watch, &store->catalog,
					&adopted);
	if (err)
		return err;
	store->stats.swept = files.temporary;
	store->stats.adopted = adopted;
	count_vanished(store, &rows);
	tell_recovery(store);
	if (!index_err)
		index_err = write_rows(store, &rows);
	if (index_err)
		log_warn("the store goes on without its index, for now: %s", strerror(-index_err));
	return 0;
}
