/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock of samples, task events and windows: nanoseconds since the boot, suspend included. */
#ifndef WICK_PROFILER_CLOCK_H
#define WICK_PROFILER_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_boot_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The same in seconds. */
static inline double clock_boot_s(void)
{
	return (double)clock_boot_ns() * 1e-9;
}

/* CPU time of the calling thread. */
static inline uint64_t clock_cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

#endif
