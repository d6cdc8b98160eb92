/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Retention. Each level has a share of the budget, which others may use while it does not need it.
 * When room is wanted, the level that exceeds its share most gives: its oldest file, but the finest
 * detail under that file first. So for any stretch of time the finest detail goes first, and within
 * a level the oldest; and neither can minutes crowd out years, nor years this week's minutes.
 *
 * Two pressures: the budget is hard, so at its end even the last copy of something goes, oldest
 * first. The file system's floor may be broken by others: to keep it, detail is given up whose
 * sums a roll-up has; last copies only as far as the new file needs, so that the store does not
 * grow, nor is eaten up by what somebody else does to the disk.
 */
#include "profiler/store_state.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

/* What the index may grow by with a file: by a row for each service in it. */
static uint64_t index_slack(uint64_t file_bytes)
{
	return (64 << 10) + file_bytes / 4;
}

#define FLOOR_MAX     (4ULL << 30)
#define FLOOR_PERCENT 15

static const unsigned int shares[STORE_LEVELS] = {40, 25, 20, 9, 4, 2}; /* percent */

uint64_t store_bytes(const struct store *store)
{
	uint64_t bytes = index_disk_bytes(store->directory);

	for (uint32_t level = 0; level < STORE_LEVELS; level++)
		bytes += store->catalog.bytes[level];
	for (size_t i = 0; i < store->damaged_count; i++)
		bytes += store->damaged[i].bytes;
	return bytes;
}

/* ---- taking one file ---- */

static int delete_row(struct store *store, size_t at)
{
	const struct slice *row = &store->catalog.rows[at];
	uint32_t level = row->level, first = row->first;
	char name[SLICE_NAME_SIZE];

	if (TEMP_FAILURE_RETRY(unlinkat(store->directory, slice_name(row, name), 0)) &&
	    errno != ENOENT)
		return -errno;
	catalog_remove(&store->catalog, at);
	store->stats.deleted++;
	if (store->index) {
		int err = index_remove(store->index, level, first);

		if (err)
			store_drop_index(store, err);
	}
	return 0;
}

static int delete_damaged(struct store *store, size_t at)
{
	char name[STORE_DAMAGED_NAME + 16];

	snprintf(name, sizeof(name), STORE_DAMAGED "/%s", store->damaged[at].name);
	if (TEMP_FAILURE_RETRY(unlinkat(store->directory, name, 0)) && errno != ENOENT)
		return -errno;
	store->damaged_count--;
	memmove(&store->damaged[at], &store->damaged[at + 1],
		(store->damaged_count - at) * sizeof(*store->damaged));
	return 0;
}

/* The oldest file of a level whose sums something coarser has; the coarsest have nothing above them. */
static size_t oldest_rolled(const struct catalog *catalog, uint32_t level)
{
	for (size_t i = 0; i < catalog->count; i++)
		if (catalog->rows[i].level == level && catalog_parent(catalog, i) != CATALOG_NONE)
			return i;
	return CATALOG_NONE;
}

static size_t oldest_coarsest(const struct catalog *catalog)
{
	for (size_t i = 0; i < catalog->count; i++)
		if (catalog->rows[i].level == STORE_LEVELS - 1)
			return i;
	return CATALOG_NONE;
}

static size_t choose(const struct catalog *catalog, bool may_take_last)
{
	size_t chosen = CATALOG_NONE;
	uint64_t most = 0;

	for (uint32_t level = 0; level < STORE_LEVELS; level++) {
		uint64_t use = catalog->bytes[level] / shares[level];
		size_t at = CATALOG_NONE;

		if (use <= most && chosen != CATALOG_NONE)
			continue;
		if (level != STORE_LEVELS - 1)
			at = oldest_rolled(catalog, level);
		else if (may_take_last)
			at = oldest_coarsest(catalog);
		if (at != CATALOG_NONE) {
			chosen = at;
			most = use;
		}
	}
	if (chosen == CATALOG_NONE && may_take_last && catalog->count)
		chosen = 0;
	return chosen == CATALOG_NONE ? chosen : catalog_finest(catalog, chosen);
}

static size_t oldest_damaged(const struct store *store)
{
	for (size_t i = 0; i < store->damaged_count; i++)
		if (store->damaged[i].is_old)
			return i;
	return CATALOG_NONE;
}

/* Gives the bytes that are free now, or a negative errno; -ENOENT: there is nothing to take. */
static int64_t take_one(struct store *store, bool may_take_last)
{
	size_t damaged = oldest_damaged(store);
	size_t at = damaged == CATALOG_NONE ? choose(&store->catalog, may_take_last) : CATALOG_NONE;
	uint64_t bytes;
	int err;

	if (damaged != CATALOG_NONE) {
		bytes = store->damaged[damaged].bytes;
		err = delete_damaged(store, damaged);
	} else if (at != CATALOG_NONE) {
		bytes = slice_disk_bytes(store->catalog.rows[at].bytes);
		err = delete_row(store, at);
	} else {
		return -ENOENT;
	}
	return err ? err : (int64_t)bytes;
}

/* ---- room ---- */

/* 0 where the file system does not say. */
static uint64_t missing_to_floor(const struct store *store, uint64_t need)
{
	uint64_t floor = store->options.floor_bytes, whole, available;
	struct statvfs fs;

	if (TEMP_FAILURE_RETRY(fstatvfs(store->directory, &fs)))
		return 0;
	whole = (uint64_t)fs.f_blocks * fs.f_frsize;
	available = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (floor == STORE_FLOOR_DEFAULT) {
		floor = whole / 100 * FLOOR_PERCENT;
		floor = floor < FLOOR_MAX ? floor : FLOOR_MAX;
	}
	return available < floor + need ? floor + need - available : 0;
}

int store_make_room(struct store *store, uint64_t need)
{
	int64_t freed = 0, got;
	uint64_t whole;

	need = slice_disk_bytes(need);
	whole = need + index_slack(need);
	for (;;) {
		bool is_over = store_bytes(store) + whole > store->options.max_bytes;
		bool is_low = !is_over && missing_to_floor(store, whole);
		bool may_take_last = is_over || freed < (int64_t)need;

		if (!is_over && !is_low)
			return 0;
		got = take_one(store, may_take_last);
		if (got == -ENOENT)
			return is_low && freed >= (int64_t)need ? 0 : -ENOSPC;
		if (got < 0)
			return (int)got;
		freed += got;
	}
}

/* ---- age ---- */

/* Detail goes with the roll-up it stands under, before it. What is not rolled up yet stays. */
static size_t find_expired(const struct store *store)
{
	const struct catalog *catalog = &store->catalog;

	for (size_t i = 0; i < catalog->count; i++) {
		const struct slice *row = &catalog->rows[i];
		double age_s = (double)(int64_t)(store->clock.age_ns - row->age_ns) * 1e-9;

		if (age_s > store->options.keep_s[row->level] &&
		    (row->level == STORE_LEVELS - 1 || catalog_parent(catalog, i) != CATALOG_NONE))
			return catalog_finest(catalog, i);
	}
	return CATALOG_NONE;
}

enum { EXPIRE_AT_ONCE = 64 };

int store_expire(struct store *store)
{
	int count = 0, err = 0;

	while (!err && count < EXPIRE_AT_ONCE) {
		size_t at = find_expired(store);

		if (at == CATALOG_NONE)
			break;
		err = delete_row(store, at);
		count += !err;
	}
	return err ? err : count > 0;
}
