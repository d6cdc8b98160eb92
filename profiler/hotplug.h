/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUs that come and go while wick runs. A perf event dies with its CPU and stays dead when that
 * comes back (enabling it anew reports success and counts nothing), so events have to be opened
 * again.
 */
#ifndef WICK_PROFILER_HOTPLUG_H
#define WICK_PROFILER_HOTPLUG_H

#include <stdbool.h>
#include <stddef.h>

/* A descriptor that is readable when a device came, went or changed; or a negative errno. */
int hotplug_open(void);

/* Reads what waits and tells of each CPU, in order. Gives -ENOBUFS if something was lost: any CPU
 * may have gone and come back. */
typedef void (*hotplug_take)(void *context, unsigned int cpu, bool is_online);
int hotplug_read(int fd, hotplug_take take, void *context);

/* A message of the kernel: "offline@/devices/system/cpu/cpu1" and, NUL between them, its variables.
 */
bool hotplug_parse(const char *message, size_t size, unsigned int *ret_cpu, bool *ret_is_online);

#endif
