/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/unwind_pace.h"

#include "base/clock.h"

enum {
	BURST_NS = 50000000,
	PAUSE_NS = 8000000,
};

void unwind_pace_rest(struct unwind_pace *pace)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	uint64_t now = clock_boot_ns(), cpu = clock_cpu_ns();

	pace->credit_ns += (int64_t)((now - pace->last_ns) / pace->parts);
	pace->credit_ns -= (int64_t)(cpu - pace->cpu_ns);
	if (pace->credit_ns > BURST_NS)
		pace->credit_ns = BURST_NS;
	pace->last_ns = now;
	pace->cpu_ns = cpu;
	if (pace->credit_ns < 0)
		nanosleep(&pause, NULL);
	else if (pace->nap.tv_nsec)
		nanosleep(&pace->nap, NULL);
}
