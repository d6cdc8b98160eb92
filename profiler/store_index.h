/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store's index on disk: a SQLite database (WAL) with one row for each file (table slice), so that
 * a start needs no file read, and what each service used in it, step by step (table timeline), so
 * that other tools can ask. Files are the truth: the index can be made anew from them, and a row is
 * written only after its file is durable.
 *
 * Errors are -EBADMSG for a damaged database, else what the file system said as near as SQLite
 * tells it (-ENOSPC, -EROFS, -EBUSY, -EIO). One thread.
 */
#ifndef WICK_PROFILER_STORE_INDEX_H
#define WICK_PROFILER_STORE_INDEX_H

#include "profiler/store_catalog.h"
#include "profiler/store_timeline.h"

#include <stdbool.h>

#define INDEX_NAME "index.sqlite"

struct index;

/* store: the store's directory. Makes the database if it is not there, unless read_only. */
int index_open(const char *store, bool read_only, struct index **ret_index);
void index_close(struct index *index);
static inline void index_closep(struct index **index)
{
	index_close(*index);
}

/* Adds all rows to the catalog, as indexed. */
int index_load(struct index *index, struct catalog *catalog);

/* Changes between begin and end are written together or not at all; a change outside is its own.
 * end writes if no change failed, else it takes all back and gives the failure. */
int index_begin(struct index *index);
int index_end(struct index *index);

/* Adds a row, or replaces that of the same level and first slice. */
int index_add(struct index *index, const struct slice *slice);
/* Adds a row of a file's timeline. */
int index_add_timeline(struct index *index, const struct slice *slice,
		       const struct timeline *timeline, uint32_t row);
/* Adds all rows of a file's timeline to another one. */
int index_load_timeline(struct index *index, const struct slice *slice, struct timeline *timeline);
/* Removes a file's row and its part of the timeline. */
int index_remove(struct index *index, uint32_t level, uint32_t first);

/* SQLite's own check of the whole file, and whether each file's timeline has the sums of its row.
 * -EBADMSG: ret_why says what is wrong. */
int index_check(struct index *index, char *ret_why, size_t size);

/* Bytes of the database, its log and its shared memory on disk. */
uint64_t index_disk_bytes(int directory);

/* Takes the database's files away, for one to be made anew; the first of them is kept as `kept`. */
int index_set_aside(int directory, const char *kept);

/* The same, and keeps nothing. */
int index_forget(int directory);

#endif
