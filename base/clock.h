/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clocks. That of samples, task events and windows is clock_boot_ns(): since the boot, suspend
 * included; deadlines go by clock_ms(); wall time is a label. */
#ifndef WICK_BASE_CLOCK_H
#define WICK_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline uint64_t clock_boot_ns(void)
{
	return (uint64_t)clock_ns(CLOCK_BOOTTIME);
}

/* The same in seconds. */
static inline double clock_boot_s(void)
{
	return (double)clock_boot_ns() * 1e-9;
}

/* CPU time of the calling thread. */
static inline uint64_t clock_cpu_ns(void)
{
	return (uint64_t)clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* Since 1970; may be set back and forth. */
static inline int64_t clock_wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

/* Milliseconds of a clock that nobody sets: for deadlines. */
static inline int64_t clock_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

#endif
