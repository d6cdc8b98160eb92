/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is held for as long as the process runs, told by its keepers, and the heap below it all.
 *
 * Whatever lives as long as the process has a limit and is let go of when it is exceeded: a host that
 * deploys for years has ever new files, names and processes. `wick dump stats` tells these items, and
 * an agent at SIGUSR1.
 */
#ifndef WICK_PROFILER_MEMORY_H
#define WICK_PROFILER_MEMORY_H

#include <stdint.h>

struct memory_item {
	const char *name, *sentence;
	uint64_t entries; /* 0 where it has none */
	uint64_t limit;	  /* of entries, or of bytes where it has none; 0 = that of what it is of */
	uint64_t bytes;
};

typedef void (*memory_take)(void *context, const struct memory_item *item);

/* Heap, resident memory by kind, descriptors and bytes of BPF maps. */
void memory_of_process(memory_take take, void *context);

/* Before there is a second thread: large arrays are given back to the kernel as soon as they are
 * freed, and not kept for the next one. */
void memory_limit_heap(void);

/* Gives back what lies unused between what is used. Some milliseconds: for now and then. */
void memory_trim(void);

#endif
