/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rows, pages and rules of modules in the kernel's maps: copied there from a module's table,
 * and taken away again. Rules are interned for good; rows and pages come and go.
 *
 * Any thread; a placement copies outside the lock, so the others do not wait for it.
 */
#ifndef WICK_PROFILER_UNWIND_ROWS_H
#define WICK_PROFILER_UNWIND_ROWS_H

#include "profiler/unwind_maps.h"
#include "symbolizer/cfi.h"

#include <stdint.h>

/* An executable segment whose rows are in the maps. */
struct unwind_segment {
	uint64_t off, vaddr, size; /* as in struct cfi_segment */
	uint32_t page;		   /* for struct wick_mapping */
};

/* A module that is in the maps. */
struct unwind_placed;

struct unwind_rows_stats {
	uint32_t shards, rows, pages, rules; /* in use */
	uint32_t resting;		     /* rows that wait for their time */
	uint64_t rules_refused;		     /* rules that stand as unsupported: no room */
};

struct unwind_rows;

int unwind_rows_new(const struct unwind_maps *maps, struct unwind_rows **ret_rows);
void unwind_rows_free(struct unwind_rows *rows);

/* Copies a table into the maps. -ENOSPC: no room for it now; -EFBIG: not even if all were free.
 * Waits for 10 ms for each new shard. */
int unwind_rows_place(struct unwind_rows *rows, const struct cfi_table *table,
		      struct unwind_placed **ret_placed);

/* Makes a shard ahead of its need, if not much is left. Waits for it; from where modules are placed. */
void unwind_rows_prepare(struct unwind_rows *rows);

/* Gives up the module's room, from ready_ns on, and frees placed. Times may only grow. */
void unwind_rows_rest(struct unwind_rows *rows, struct unwind_placed *placed, uint64_t ready_ns);

/* What has rested until now can be used again. */
void unwind_rows_wake(struct unwind_rows *rows, uint64_t now_ns);

const struct unwind_segment *unwind_placed_segments(const struct unwind_placed *placed,
						    uint32_t *ret_count);
uint32_t unwind_placed_rows(const struct unwind_placed *placed);

struct unwind_rows_stats unwind_rows_stats(struct unwind_rows *rows);

#endif
