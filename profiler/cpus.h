/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUs of this machine and the time they were busy. */
#ifndef WICK_PROFILER_CPUS_H
#define WICK_PROFILER_CPUS_H

#include <stdbool.h>
#include <stdint.h>

/* ret_online[cpu] for cpu < *ret_count; freed by the caller. From /sys/devices/system/cpu/online.
 */
int cpus_online(bool **ret_online, int *ret_count);

/* Parses a CPU list such as "0-3,8,10-11" (cpuset(7), list format). -EINVAL: not one. */
int cpus_parse(const char *list, bool **ret_set, int *ret_count);

/*
 * Seconds, over all CPUs, in which something other than the idle task ran since the boot: wall time
 * less idle, iowait and steal of /proc/stat. (Idle time is measured to the nanosecond where the
 * tick stops in idle, busy time only by ticks: so busy is what idle leaves.) 0 if unknown.
 */
double cpus_busy_s(void);

#endif
