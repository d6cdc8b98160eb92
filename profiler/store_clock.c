/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clock that ages files. Within a boot it runs with the boot clock. Over a boot it goes on by
 * the machine's uptime, and by the time it was off, which only wall clocks tell: less than a day of
 * that is believed at once, more only when the wall clock still says so after GAP_TRUSTED_NS of
 * uptime. So a machine that wakes up in another year, before its clock is set, deletes nothing.
 */
#include "profiler/store_state.h"

#include <stdlib.h>
#include <string.h>

#define GAP_DOUBTED_NS (86400 * 1000000000LL)
#define GAP_TRUSTED_NS (600 * 1000000000ULL)
#define GAP_AGREES_NS  (60 * 1000000000LL)

static int64_t offset_of(const struct store_moment *now)
{
	return now->wall_ns - (int64_t)now->boot_ns;
}

static void believe_later(struct store_clock *clock, int64_t gap_ns, const struct store_moment *now)
{
	clock->gap_ns = gap_ns;
	clock->gap_offset_ns = offset_of(now);
	clock->gap_since_ns = now->boot_ns;
}

static void cross_boot(struct store_clock *clock, const struct store_moment *now)
{
	int64_t gap_ns = now->wall_ns - clock->last.wall_ns - (int64_t)now->boot_ns;

	clock->age_ns += now->boot_ns;
	clock->gap_ns = 0;
	if (gap_ns >= GAP_DOUBTED_NS)
		believe_later(clock, gap_ns, now);
	else if (gap_ns > 0)
		clock->age_ns += (uint64_t)gap_ns;
}

static void settle_gap(struct store_clock *clock, const struct store_moment *now)
{
	int64_t moved_ns = offset_of(now) - clock->gap_offset_ns;

	if (llabs(moved_ns) > GAP_AGREES_NS) {
		believe_later(clock, clock->gap_ns + moved_ns, now);
		if (clock->gap_ns < 0)
			clock->gap_ns = 0;
	} else if (now->boot_ns - clock->gap_since_ns >= GAP_TRUSTED_NS) {
		clock->age_ns += (uint64_t)clock->gap_ns;
		clock->gap_ns = 0;
	}
}

void store_clock_advance(struct store_clock *clock, const struct store_moment *now)
{
	if (strcmp(clock->last.boot, now->boot))
		cross_boot(clock, now);
	else if (now->boot_ns > clock->last.boot_ns)
		clock->age_ns += now->boot_ns - clock->last.boot_ns;
	if (clock->gap_ns)
		settle_gap(clock, now);
	clock->last = *now;
}

void store_clock_start(struct store_clock *clock, const struct slice *newest,
		       const struct store_moment *now)
{
	*clock = (struct store_clock){.last = *now};
	if (!newest)
		return;
	clock->age_ns = newest->age_ns;
	memcpy(clock->last.boot, newest->boot, sizeof(clock->last.boot));
	clock->last.boot_ns = newest->end_ns;
	clock->last.wall_ns = newest->wall_end_ns;
	store_clock_advance(clock, now);
}

uint64_t store_clock_at(const struct store_clock *clock, uint64_t boot_ns)
{
	uint64_t since_ns = clock->last.boot_ns > boot_ns ? clock->last.boot_ns - boot_ns : 0;

	return clock->age_ns > since_ns ? clock->age_ns - since_ns : 0;
}
