/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Weeks of profiles in a fixed amount of disk, in one directory:
 *
 *	DIR/20261122T101500Z-slice-0000000042.pb.gz	the files (store_slice.h)
 *	DIR/index.sqlite				a row for each (store_index.h)
 *	DIR/damaged/					what could not be read, counted and named
 *
 * 1. A slice is closed once its row is in the index. Its file is durable before that, under its
 *    final name, so nothing that ends wick or the machine can lose it.
 * 2. Files are the truth. A start takes up files without a row, drops rows without a file, sweeps
 *    temporary files and sets damaged files aside; no state of the directory stops it.
 * 3. Roll-ups are exact: the sums of a file equal those of its parts. A part is only taken away once
 *    its roll-up is there, unless the budget leaves no other choice. A part that cannot be read any
 *    more is set aside, and what it took stands as dropped.store in the roll-up's ledger.
 * 4. All files together, index and damaged ones included, stay within max_bytes at any instant;
 *    room is made before a file is written.
 * 5. Order and age come from the boot clock. Wall time is a label: no step of it deletes or moves
 *    anything.
 * 6. A slice that cannot be written waits in memory, within backlog_bytes. Past that the oldest one
 *    is lost, and its samples are counted as dropped.store in the next one's ledger.
 *
 * A lock on the directory (flock) makes the writer the only one; readers need none. One thread.
 */
#ifndef WICK_PROFILER_STORE_H
#define WICK_PROFILER_STORE_H

#include "formats/profile.h"
#include "profiler/store_catalog.h"

#include <stdbool.h>
#include <stdint.h>

/* Where all clocks stand; given to the store, so that tests can have clocks of their own. */
struct store_moment {
	char boot[SLICE_BOOT_SIZE]; /* the boot's id, 32 hex digits */
	uint64_t boot_ns;	    /* CLOCK_BOOTTIME */
	int64_t wall_ns;	    /* CLOCK_REALTIME */
};

/* Now, on this machine. */
struct store_moment store_now(void);

#define STORE_FLOOR_DEFAULT UINT64_MAX /* min(15 % of the file system, 4 GiB) */

struct store_options {
	uint64_t max_bytes;
	double keep_s[STORE_LEVELS]; /* age at which files of each level go */
	uint64_t floor_bytes;	     /* of the file system, left free */
	uint64_t backlog_bytes;	     /* of memory, for slices that cannot be written */
};

#define STORE_DAYS(n) ((n)*86400.0)

#define STORE_DEFAULTS                                                                             \
	{                                                                                          \
		.max_bytes = 1ULL << 30,                                                           \
		.keep_s = {STORE_DAYS(7),   STORE_DAYS(30),  STORE_DAYS(90),                       \
			   STORE_DAYS(730), STORE_DAYS(730), STORE_DAYS(730)},                     \
		.floor_bytes = STORE_FLOOR_DEFAULT, .backlog_bytes = 16 << 20                      \
	}

/* What has happened since the start. */
struct store_stats {
	uint64_t written, rolled, deleted, adopted, vanished, swept, damaged;
	uint64_t failures;     /* writes that failed and were tried again later */
	uint64_t lost;	       /* slices */
	uint64_t lost_samples; /* in them */
};

struct store;

/* Opens and recovers the store, makes the directory if it is not there. Says what is wrong; -EBUSY:
 * another process writes to it. */
int store_open(const char *path, const struct store_options *options,
	       const struct store_moment *now, struct store **ret_store);
void store_close(struct store *store);
static inline void store_closep(struct store **store)
{
	store_close(*store);
}

/*
 * Takes in the next slice: the profile of [start_ns, end_ns) by this boot's clock; its wall time is
 * the profile's, and so is its timeline, in seconds (timeline_add_window()), if it has one. The profile gets what earlier slices lost into its ledger and is sorted. Then
 * writes whatever waits, as store_flush(). -ENOMEM: not taken in.
 */
int store_put(struct store *store, struct profile *profile, uint64_t start_ns, uint64_t end_ns,
	      const struct store_moment *now);

/* Writes slices that wait, and rows that the index lacks. 0: nothing waits any more; else what
 * hinders. Says so once, and once when it is over. */
int store_flush(struct store *store, const struct store_moment *now);

/* Does one piece of what is due: a roll-up, or what retention takes. 1: did some, call again; 0:
 * nothing is due; negative: it cannot be done now. */
int store_tend(struct store *store, const struct store_moment *now);

/* Adds the ledger of a lost profile to another's: what was written in it is now dropped.store, so
 * that taken = written + dropped stays true. */
int store_move_ledger(struct profile *to, const struct profile *from);

const struct store_stats *store_stats(const struct store *store);
const struct catalog *store_catalog(const struct store *store);
uint64_t store_bytes(const struct store *store);
/* Nothing waits in memory, and the index has a row for each file. */
bool store_is_settled(const struct store *store);
/* Slices that wait in memory. */
size_t store_waiting(const struct store *store);

#endif
