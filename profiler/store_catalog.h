/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All files of a store, in memory, in the order of the slices in them; what holds others stands
 * before them:
 *
 *	4w 1-40320 | 1w 1-10080 | 1d 1-1440 | 1h 1-60 | 10m 1-10 | 1 | 2 | .. | 10 | 10m 11-20 | 11 | ..
 *
 * Files of one level never share a slice. A file's parts are the files one level below with slices
 * of its range; retention takes them away one by one, so a file may have all of them, some or none.
 * Positions are valid until the next change. Not thread safe.
 */
#ifndef WICK_PROFILER_STORE_CATALOG_H
#define WICK_PROFILER_STORE_CATALOG_H

#include "profiler/store_slice.h"

#include <stddef.h>

#define CATALOG_NONE SIZE_MAX

struct catalog {
	struct slice *rows;
	size_t count, size;
	uint64_t bytes[STORE_LEVELS]; /* on disk, of the files of each level */
};

void catalog_release(struct catalog *catalog);

/* Adds a copy; replaces a row of the same level and first slice. */
int catalog_add(struct catalog *catalog, const struct slice *slice);
void catalog_remove(struct catalog *catalog, size_t at);

/* By level and first slice, or CATALOG_NONE. */
size_t catalog_find(const struct catalog *catalog, uint32_t level, uint32_t first);

/* The file one level up that has this one's slices, or CATALOG_NONE: not rolled up yet. */
size_t catalog_parent(const struct catalog *catalog, size_t at);

/* The finest and oldest file in the range of this one; itself, if it is alone. */
size_t catalog_finest(const struct catalog *catalog, size_t at);

/* The newest row by the store's clock, or CATALOG_NONE. */
size_t catalog_newest(const struct catalog *catalog);

/*
 * Files of a level that are due to be rolled up: not rolled up yet, of one boot and one stretch of
 * the next level's length, and that stretch is over, as a file of the same level follows behind it.
 * Gives how many, in order, into ret (at most max); 0: nothing is due.
 */
size_t catalog_due(const struct catalog *catalog, uint32_t level, size_t *ret, size_t max);

/*
 * The files whose sums are those of [from, to), in wall time: coarse where they fit, fine at the
 * edges, each slice once. Where the detail that an edge needs is gone, a file belongs to the range
 * that holds its start; so ranges side by side add up exactly. ret holds catalog->count.
 */
size_t catalog_plan(const struct catalog *catalog, int64_t from_ns, int64_t to_ns, size_t *ret);

/* The same of everything, as fine as it is still there. */
size_t catalog_plan_fine(const struct catalog *catalog, size_t *ret);

#endif
