/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/ranges.h"

#include "tests/test.h"

#include <errno.h>

TEST(the_smallest_range_that_fits_is_taken)
{
	struct ranges ranges = {0};
	struct range a, b, c;

	CHECK_INT(ranges_grow(&ranges, 100), 0);
	CHECK_INT(ranges_take(&ranges, 10, &a), 0);
	CHECK_INT(ranges_take(&ranges, 20, &b), 0);
	CHECK_INT(ranges_take(&ranges, 5, &c), 0);
	CHECK_INT(a.start, 0);
	CHECK_INT(b.start, 10);
	ranges_give(&ranges, a);
	CHECK_INT(ranges_largest(&ranges), 65);
	CHECK_INT(ranges_take(&ranges, 8, &c), 0);
	CHECK_INT(c.start, 0);
	CHECK_INT(ranges_take(&ranges, 66, &c), -ENOSPC);
	ranges_release(&ranges);
}

TEST(what_is_given_back_joins_its_neighbours)
{
	struct ranges ranges = {0};
	struct range part[10];

	CHECK_INT(ranges_grow(&ranges, 100), 0);
	for (int i = 0; i < 10; i++)
		CHECK_INT(ranges_take(&ranges, 10, &part[i]), 0);
	CHECK_INT(ranges_largest(&ranges), 0);
	for (int i = 0; i < 10; i += 2)
		ranges_give(&ranges, part[i]);
	CHECK_INT(ranges.free_count, 5);
	CHECK_INT(ranges_largest(&ranges), 10);
	for (int i = 1; i < 10; i += 2)
		ranges_give(&ranges, part[i]);
	CHECK_INT(ranges.free_count, 1);
	CHECK_INT(ranges_largest(&ranges), 100);
	CHECK_INT(ranges.taken, 0);
	ranges_release(&ranges);
}

TEST(no_range_reaches_over_a_block)
{
	struct ranges ranges = {.block = 64};
	struct range a, b;

	CHECK_INT(ranges_grow(&ranges, 64), 0);
	CHECK_INT(ranges_grow(&ranges, 128), 0);
	CHECK_INT(ranges_largest(&ranges), 64);
	CHECK_INT(ranges_take(&ranges, 65, &a), -ENOSPC);
	CHECK_INT(ranges_take(&ranges, 64, &a), 0);
	CHECK_INT(ranges_take(&ranges, 64, &b), 0);
	ranges_give(&ranges, a);
	ranges_give(&ranges, b);
	CHECK_INT(ranges_largest(&ranges), 64);
	CHECK_INT(ranges.free_count, 3);
	ranges_release(&ranges);
}

TEST(what_rests_is_not_handed_out_before_its_time)
{
	struct ranges ranges = {0};
	struct range a, b;

	CHECK_INT(ranges_grow(&ranges, 10), 0);
	CHECK_INT(ranges_take(&ranges, 10, &a), 0);
	ranges_rest(&ranges, a, 1000);
	ranges_wake(&ranges, 999);
	CHECK_INT(ranges_take(&ranges, 1, &b), -ENOSPC);
	CHECK_INT(ranges.rests, 10);
	ranges_wake(&ranges, 1000);
	CHECK_INT(ranges.rests, 0);
	CHECK_INT(ranges_take(&ranges, 10, &b), 0);
	ranges_release(&ranges);
}

/* Beside a plain array of owners. */
TEST(a_long_row_of_takes_and_gives_never_hands_a_number_out_twice)
{
	enum { SIZE = 1000, HELD = 100 };
	static unsigned char owned[SIZE];
	struct ranges ranges = {.block = 128};
	struct range held[HELD] = {{0, 0}};
	uint32_t seed = 1, taken = 0;

	CHECK_INT(ranges_grow(&ranges, SIZE), 0);
	for (uint64_t now = 0; now < 20000; now++) {
		struct range *slot = &held[(seed = seed * 1103515245 + 12345) >> 16 & 63];
		uint32_t count = 1 + (seed >> 8 & 31);

		ranges_wake(&ranges, now);
		if (slot->count) {
			memset(owned + slot->start, 0, slot->count);
			taken -= slot->count;
			if (seed & 1)
				ranges_give(&ranges, *slot);
			else
				ranges_rest(&ranges, *slot, now + 5);
			slot->count = 0;
		} else if (!ranges_take(&ranges, count, slot)) {
			CHECK(slot->start + slot->count <= SIZE);
			CHECK_INT(slot->start / 128, (slot->start + slot->count - 1) / 128);
			for (uint32_t i = 0; i < count; i++)
				CHECK(!owned[slot->start + i]++);
			taken += count;
		}
		CHECK_INT(ranges.taken - ranges.rests, taken);
	}
	ranges_release(&ranges);
}

TEST_MAIN()
