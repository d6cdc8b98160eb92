/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How often a thread that follows events may wake: for every one as long as that is cheap; when it is
 * not, in a storm of execs, every 8 ms, for many at a time.
 */
#ifndef WICK_PROFILER_UNWIND_PACE_H
#define WICK_PROFILER_UNWIND_PACE_H

#include <stdint.h>
#include <time.h>

/* parts and nap are the caller's, the rest is zero at first. */
struct unwind_pace {
	uint64_t parts; /* of its time, one is for wake-ups on the average, and 50 ms at once */
	uint64_t last_ns, cpu_ns;
	int64_t credit_ns;
	struct timespec nap; /* between two rounds: an exec maps in a burst; or 0 */
};

/* Between two rounds of the calling thread. */
void unwind_pace_rest(struct unwind_pace *pace);

#endif
