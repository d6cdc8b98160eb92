/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hands out ranges of the numbers [0, size), for arrays that somebody else reads without a lock: a
 * range that is given up rests until a time before it is handed out again.
 *
 * Zero-initialised is valid and empty. Not thread safe.
 */
#ifndef WICK_PROFILER_RANGES_H
#define WICK_PROFILER_RANGES_H

#include <stdint.h>

struct range {
	uint32_t start, count;
};

struct resting_range {
	struct range range;
	uint64_t ready_ns;
};

struct ranges {
	uint32_t size;
	uint32_t block;	    /* no range reaches over a multiple of it; 0 = no such bounds */
	struct range *free; /* sorted; neighbours of one block are one */
	uint32_t free_count, free_size;
	struct resting_range *resting; /* [resting_next, resting_count): in order of time */
	uint32_t resting_next, resting_count, resting_size;
	uint32_t taken, rests; /* numbers */
};

void ranges_release(struct ranges *ranges);

/* Adds [size, size + count), free. -ENOMEM: nothing changed. */
int ranges_grow(struct ranges *ranges, uint32_t count);

/* The smallest free range that holds count (at least 1). -ENOSPC: none does. */
int ranges_take(struct ranges *ranges, uint32_t count, struct range *ret_range);

/* The size of the largest free range. */
uint32_t ranges_largest(const struct ranges *ranges);

/* Gives a range (or a part of one) back, to be handed out again at once. */
void ranges_give(struct ranges *ranges, struct range range);

/* The same, not before ready_ns; times may only grow from call to call. */
void ranges_rest(struct ranges *ranges, struct range range, uint64_t ready_ns);

/* Frees what has rested until now. */
void ranges_wake(struct ranges *ranges, uint64_t now_ns);

#endif
