/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the store's own files share: store.c, store_recover.c, store_room.c, store_rollup.c. */
#ifndef WICK_PROFILER_STORE_STATE_H
#define WICK_PROFILER_STORE_STATE_H

#include "base/log.h"
#include "profiler/store.h"
#include "profiler/store_index.h"

#define STORE_DAMAGED "damaged"

enum { STORE_PATH_SHOWN = 256, STORE_DAMAGED_NAME = 96 };

/* A file in damaged/. */
struct store_damaged {
	char name[STORE_DAMAGED_NAME];
	uint64_t bytes;
	bool is_old; /* found by an earlier run: of slices, only such ones are ever deleted */
};

/* The store's own clock, which ages files: it never goes back. See store_clock.c. */
struct store_clock {
	uint64_t age_ns;
	struct store_moment last;
	int64_t gap_ns; /* time between two boots that is not believed yet */
	int64_t gap_offset_ns;
	uint64_t gap_since_ns;
};

/* A slice that is not on the disk yet. */
struct store_pending {
	struct slice slice;
	struct buf bytes;
};

/* A roll-up that could not be made, by its first part. */
struct store_stuck {
	uint32_t level, first;
	unsigned int tries;
};

struct store {
	struct store_options options;
	char *path;
	int directory;	     /* holds the lock */
	struct index *index; /* NULL while it cannot be had */
	struct catalog catalog;
	struct store_damaged *damaged;
	size_t damaged_count, damaged_size;
	struct store_clock clock;
	uint32_t serial;  /* the last one given */
	int64_t align_ns; /* of the slices of this boot */
	char align_boot[SLICE_BOOT_SIZE];
	struct store_pending *pending;
	size_t pending_count, pending_size, pending_bytes;
	struct profile *lost; /* only its ledger: of slices that were lost */
	struct store_stuck stuck;
	struct store_stats stats;
	struct log_limit warned;
	int hindrance; /* what store_flush() last said */
};

/* ---- store_clock.c ---- */

/* Goes on from the newest file, if there is one. */
void store_clock_start(struct store_clock *clock, const struct slice *newest,
		       const struct store_moment *now);
void store_clock_advance(struct store_clock *clock, const struct store_moment *now);
/* The store's clock at a moment of this boot, not after the last one that it knows. */
uint64_t store_clock_at(const struct store_clock *clock, uint64_t boot_ns);

/* ---- store_recover.c ---- */

/* Brings catalog, index and directory together; fills the catalog. */
int store_recover(struct store *store);
/* Opens the index if it is not open, and brings it to what the catalog says. */
int store_sync_index(struct store *store);
/* After an index function failed: drops it, to be opened anew by store_sync_index(). */
void store_drop_index(struct store *store, int err);
/* Moves a file to damaged/ and says so. Its row is not touched. */
void store_set_aside(struct store *store, const char *name, const char *why);

/* ---- store_room.c ---- */

/* Deletes files until `need` more bytes fit. -ENOSPC: they do not. */
int store_make_room(struct store *store, uint64_t need);
/* Deletes what is older than its level is kept; gives how many files, or a negative errno. */
int store_expire(struct store *store);

/* Deletes an index that was set aside if there is no room for it and the new one. */
void store_fit_damaged_index(struct store *store);

/* ---- store_rollup.c ---- */

/* As store_tend(), for roll-ups. */
int store_roll_up(struct store *store);

/* ---- store.c ---- */

/* Writes a file, then its row; the catalog has it either way. */
int store_write(struct store *store, struct slice *slice, const struct buf *bytes);

#endif
