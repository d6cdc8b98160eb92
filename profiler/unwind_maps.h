/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's maps that the walk reads (bpf/abi.h has their layout), as memory and a few calls; so
 * that tests can put plain memory in their place.
 */
#ifndef WICK_PROFILER_UNWIND_MAPS_H
#define WICK_PROFILER_UNWIND_MAPS_H

#include "bpf/abi.h"

#include <stdint.h>
#include <sys/types.h>

/* Entries of each map, set before the program is loaded. */
struct unwind_sizes {
	uint32_t rules, pages, mappings;
	uint32_t shards; /* of 1 MiB each, made when they are needed */
};

/* What fits in so many bytes; at least one shard and an eighth of that for all else. */
struct unwind_sizes unwind_sizes(uint64_t bytes);

struct unwind_maps {
	struct unwind_sizes sizes;
	struct wick_rule *rules;
	struct wick_page *pages;
	struct wick_mapping *mappings;

	void *context;
	/* Makes a shard, all zeros, and puts it in its place. May wait for 10 ms. Any thread. */
	int (*add_shard)(void *context, uint32_t index, uint32_t **ret_rows);
	/* The entry of a process in procs: -ENOENT if it has none. Any thread, like those below. */
	int (*get)(void *context, pid_t pid, struct wick_proc *ret_proc);
	/* Replaces the entry; -ENOENT if there is none: the process is gone. */
	int (*put)(void *context, pid_t pid, const struct wick_proc *proc);
	/* Makes one; -EEXIST if there is one. */
	int (*add)(void *context, pid_t pid, const struct wick_proc *proc);
	void (*remove)(void *context, pid_t pid);
};

/* The real ones, by their descriptors (borrowed). */
struct unwind_map_fds {
	int rules, pages, mappings, shards, procs;
};

int unwind_maps_open(const struct unwind_map_fds *fds, const struct unwind_sizes *sizes,
		     struct unwind_maps **ret_maps);
void unwind_maps_close(struct unwind_maps *maps);

#endif
