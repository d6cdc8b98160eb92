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
 * Time in which something other than the idle task ran, summed over the CPUs: wall time less idle,
 * iowait and steal of /proc/stat. (Idle time is measured to the nanosecond where the tick stops in
 * idle, busy time only by ticks: so busy is what idle leaves.) Zeros are an empty one.
 */
struct cpus_busy {
	double *rest_s; /* by CPU: idle, iowait and steal when last looked at; < 0 = it was not
			   there */
	int count;
	double at_s, total_s;
};

/* Seconds since the first call. A CPU that comes or goes between two calls is not counted for that
 * stretch; one that does both unseen must be told of. */
double cpus_busy_s(struct cpus_busy *busy);
void cpus_busy_forget(struct cpus_busy *busy, unsigned int cpu);
void cpus_busy_release(struct cpus_busy *busy);

#endif
