/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/ranges.h"

#include "base/array.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

void ranges_release(struct ranges *ranges)
{
	free(ranges->free);
	free(ranges->resting);
	*ranges = (struct ranges){0};
}

/* The number of free ranges that start before `start`. */
static uint32_t before(const struct ranges *ranges, uint32_t start)
{
	uint32_t low = 0, high = ranges->free_count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (ranges->free[mid].start < start)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool joins(const struct ranges *ranges, const struct range *left, const struct range *right)
{
	uint32_t edge = left->start + left->count;

	return edge == right->start && !(ranges->block && edge % ranges->block == 0);
}

static int insert(struct ranges *ranges, struct range range)
{
	uint32_t at = before(ranges, range.start);
	struct range *free = ranges->free;
	bool left = at && joins(ranges, &free[at - 1], &range);
	bool right = at < ranges->free_count && joins(ranges, &range, &free[at]);

	if (left && right) {
		free[at - 1].count += range.count + free[at].count;
		memmove(&free[at], &free[at + 1], (--ranges->free_count - at) * sizeof(*free));
	} else if (left) {
		free[at - 1].count += range.count;
	} else if (right) {
		free[at] = (struct range){range.start, range.count + free[at].count};
	} else {
		if (array_reserve(&ranges->free, &ranges->free_size,
				  (size_t)ranges->free_count + 1))
			return -ENOMEM;
		free = ranges->free;
		memmove(&free[at + 1], &free[at], (ranges->free_count++ - at) * sizeof(*free));
		free[at] = range;
	}
	return 0;
}

int ranges_grow(struct ranges *ranges, uint32_t count)
{
	uint32_t start = ranges->size, left = count;
	int err = 0;

	while (!err && left) {
		uint32_t part = ranges->block && ranges->block < left ? ranges->block : left;

		err = insert(ranges, (struct range){start, part});
		start += part;
		left -= part;
	}
	if (!err)
		ranges->size += count;
	return err;
}

int ranges_take(struct ranges *ranges, uint32_t count, struct range *ret_range)
{
	uint32_t best = UINT32_MAX;
	struct range *free = ranges->free;

	for (uint32_t i = 0;
	     i < ranges->free_count && (best == UINT32_MAX || free[best].count != count); i++)
		if (free[i].count >= count &&
		    (best == UINT32_MAX || free[i].count < free[best].count))
			best = i;
	if (best == UINT32_MAX)
		return -ENOSPC;
	*ret_range = (struct range){free[best].start, count};
	free[best].start += count;
	free[best].count -= count;
	if (!free[best].count)
		memmove(&free[best], &free[best + 1],
			(--ranges->free_count - best) * sizeof(*free));
	ranges->taken += count;
	return 0;
}

uint32_t ranges_largest(const struct ranges *ranges)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < ranges->free_count; i++)
		if (ranges->free[i].count > most)
			most = ranges->free[i].count;
	return most;
}

/* Without memory to note it the range is lost, which costs room and nothing else. */
void ranges_give(struct ranges *ranges, struct range range)
{
	if (range.count && !insert(ranges, range))
		ranges->taken -= range.count;
}

static int make_room(struct ranges *ranges)
{
	uint32_t left = ranges->resting_count - ranges->resting_next;

	if (ranges->resting_next && left <= ranges->resting_next) {
		memcpy(ranges->resting, ranges->resting + ranges->resting_next,
		       left * sizeof(*ranges->resting));
		ranges->resting_next = 0;
		ranges->resting_count = left;
	}
	return array_reserve(&ranges->resting, &ranges->resting_size,
			     (size_t)ranges->resting_count + 1);
}

void ranges_rest(struct ranges *ranges, struct range range, uint64_t ready_ns)
{
	if (!range.count || make_room(ranges))
		return;
	ranges->resting[ranges->resting_count++] = (struct resting_range){range, ready_ns};
	ranges->rests += range.count;
}

void ranges_wake(struct ranges *ranges, uint64_t now_ns)
{
	while (ranges->resting_next < ranges->resting_count &&
	       ranges->resting[ranges->resting_next].ready_ns <= now_ns) {
		struct range range = ranges->resting[ranges->resting_next++].range;

		ranges->rests -= range.count;
		ranges_give(ranges, range);
	}
}
