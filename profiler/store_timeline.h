/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each service used, step by step. A sample's service is its label "service", or "comm" where
 * it has none. In a file there is one comment for each service; tools show none that begins with
 * '#':
 *
 *	#wick-timeline 10 1764350520 0s99 1s120c2 3s80p792000000: firefox
 *
 * Steps of 10 s, the first one from 1764350520 on, by the clock that roll-ups are cut by
 * (slice.align_ns): n-th step, (s) samples, (c) those of them that are cut, (p) CPU time in ns where
 * it is not samples times period, (d) dropped. Nobody knows whose a dropped sample was: they stand
 * under "".
 *
 * 1. What a timeline says adds up to what the samples and the ledger of its profile say:
 *    timeline_settle() sees to that.
 * 2. It is no longer than TIMELINE_ROWS_MAX: the least services are told together, under "".
 */
#ifndef WICK_PROFILER_STORE_TIMELINE_H
#define WICK_PROFILER_STORE_TIMELINE_H

#include "base/hashmap.h"
#include "base/strtab.h"
#include "formats/profile.h"
#include "profiler/store_slice.h"
#include "profiler/window.h"

#include <stdint.h>

#define TIMELINE_COMMENT "#wick-timeline "

enum { TIMELINE_ROWS_MAX = 512 };

/* What a service used in [at_s, at_s + step_s). */
struct timeline_row {
	uint32_t service; /* of the timeline's names */
	uint32_t step_s;
	int64_t at_s;
	int64_t samples, cpu_ns;
	int64_t cut; /* of the samples: those whose stack is not whole */
	int64_t dropped;
};

struct timeline {
	struct strtab names;
	struct timeline_row *rows;
	uint32_t count, size;
	struct hashmap index; /* by service, step and start */
};

void timeline_release(struct timeline *timeline);

/* Adds to the row of the same service, step and start; row->service is ignored. */
int timeline_add(struct timeline *timeline, const char *service, const struct timeline_row *row);

/* The finest step of 10 s, a minute, 10 minutes, an hour and a day that makes at most 24 of the length of
 * such a file. */
uint32_t timeline_step(const struct slice *slice);

/* Adds all rows of another one, in steps of step_s. */
int timeline_merge(struct timeline *timeline, const struct timeline *other, uint32_t step_s);

/* Adds what a window has counted: steps of a second, by the boot clock. period: ns of a sample. */
int timeline_add_window(struct timeline *timeline, const struct window *window, int64_t period);

/* Puts it into the profile's comments, in the place of what they said. */
int timeline_write(const struct timeline *timeline, struct profile *profile);

/*
 * Makes it true of a file's profile: where it does not have the profile's sums, each service gets
 * one row instead, for all of the file's time; so do dropped samples beyond those that it has. Then
 * the least services are put together, as far as must be.
 */
int timeline_settle(struct timeline *timeline, const struct profile *profile,
		    const struct slice *slice);

/* What the comments of a file's profile say, settled. */
int timeline_of(const struct profile *profile, const struct slice *slice,
		struct timeline *ret_timeline);

/* All that is known of a file without a look into it: one row. */
int timeline_guess(struct timeline *timeline, const struct slice *slice);

/* Brings what timeline_write() put there for a window into the form that a slice has. */
int timeline_fit(struct profile *profile, const struct slice *slice);

#endif
