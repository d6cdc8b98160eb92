/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The samples of a stretch of time, equal ones counted, before they have names.
 *
 * Stacks are paths in one tree that grows from the roots: a node is (parent, frame), a stack is the
 * node of its leaf. Thousands of stacks share their root halves, so a stack costs as many nodes as
 * it has frames of its own. The kernel's frames continue the path behind the user's leaf.
 *
 *	frames   (module, offset in its file), each once
 *	nodes    (parent, frame), each once
 *	counts   (process, thread, leaf node) -> ticks
 *	moments  when samples were taken of processes that may replace their code
 *	seconds  (second, process's name) -> ticks, where a timeline is wanted
 *	known    (space serial or node, hash, check) -> node: stacks seen before, by their names
 *
 * A window owns all its memory and is freed as a whole. One thread.
 */
#ifndef WICK_PROFILER_WINDOW_H
#define WICK_PROFILER_WINDOW_H

#include "base/hashmap.h"
#include "base/strtab.h"
#include "profiler/ledger.h"

#include <stdint.h>

/* Modules that are none. */
#define FRAME_KERNEL   UINT32_MAX	/* off is an address in the kernel */
#define FRAME_UNMAPPED (UINT32_MAX - 1) /* an address in no mapping we know of; off is 0 */
#define FRAME_GAP      (UINT32_MAX - 2) /* frames that were left out; off is 0 */

struct frame {
	uint64_t off; /* in the module's file: of the pc, less one where it is a return address */
	uint32_t module;
	uint32_t name; /* FRAME_KERNEL: a string, of code that comes and goes; off counts from its
			* start then. 0: off is an address */
};

#define NODE_NONE UINT32_MAX

struct node {
	uint32_t parent; /* NODE_NONE: a root */
	uint32_t frame;
};

struct window_count {
	uint32_t pid, tid;	 /* tid 0: threads are not told apart */
	uint32_t ns_pid, ns_tid; /* in the process's own pid namespace; 0 = that is ours */
	uint32_t comm, thread;	 /* string ids */
	uint32_t node;		 /* NODE_NONE: no stack at all */
	uint8_t cut;		 /* why it is not whole: enum wick_end, wick_cut; 0 = it is */
	uint64_t ticks;
};

/* When a sample was taken, where that may decide what its frames are called. */
struct window_moment {
	uint64_t time_ns; /* CLOCK_BOOTTIME */
	uint32_t count;	  /* that it is counted in */
	uint32_t ticks;
};

enum { WINDOW_MOMENTS_MAX = 1 << 18 }; /* 4 MB; what comes later counts as of the window's end */

/* What the processes of one name used in a second. */
struct window_second {
	uint32_t second; /* CLOCK_BOOTTIME */
	uint32_t comm;	 /* string id; 0 with dropped: nobody knows whose */
	uint64_t ticks, cut, dropped;
};

enum { WINDOW_SECONDS_MAX = 1 << 17 }; /* 4 MB; what comes later is in no second */

struct window_known {
	uint64_t base, hash;
	uint32_t check, node;
};

struct window {
	struct strtab strings;
	struct frame *frames;
	uint32_t frame_count, frames_size;
	struct node *nodes;
	uint32_t node_count, nodes_size;
	struct window_count *counts;
	uint32_t count_count, counts_size;
	struct window_known *known;
	uint32_t known_count, known_size;
	struct window_moment *moments; /* in order of time, about */
	uint32_t moment_count, moments_size;
	struct window_second *seconds;
	uint32_t second_count, seconds_size;
	uint64_t noted_dropped; /* of the ledger: in the seconds already */
	struct hashmap frame_index, node_index, count_index, known_index, second_index;

	struct ledger ledger;
	uint32_t first_epoch;
	int64_t wall_ns;   /* CLOCK_REALTIME at its start */
	uint64_t start_ns; /* CLOCK_BOOTTIME at its start and end; end 0 = it is open */
	uint64_t end_ns;
	double busy_s;		/* cpus_busy_s() at its start; set by who made it */
	double hz;		/* the rate it was really sampled at; 0 = as asked for */
	uint64_t by_row, by_fp; /* how the callers in its distinct user stacks were found */
};

int window_new(uint32_t first_epoch, struct window **ret_window);
void window_free(struct window *window);
static inline void window_freep(struct window **window)
{
	window_free(*window);
}

/* The node of a stack by its name under a base (below), or -ENOENT. */
int window_find(const struct window *window, uint64_t base, uint64_t hash, uint32_t check,
		uint32_t *ret_node);
/* Remembers it. */
int window_learn(struct window *window, uint64_t base, uint64_t hash, uint32_t check,
		 uint32_t node);

/* Bases: a user stack means something only in its address space, a kernel stack is appended to a
 * node, and means something only as long as the kernel's own code stays the same. The two never
 * meet. */
static inline uint64_t window_base_user(uint64_t space_serial)
{
	return space_serial << 1;
}
static inline uint64_t window_base_kernel(uint32_t node, uint32_t ksymbols_serial)
{
	return (uint64_t)ksymbols_serial << 33 | (uint64_t)node << 1 | 1;
}

/* The node of frame behind parent; made if it is new. */
int window_push(struct window *window, uint32_t parent, const struct frame *frame,
		uint32_t *ret_node);

/* Whose ticks: of a process, or of one of its threads if tid is not 0. comm, thread: at most
 * WICK_COMM bytes, NUL-terminated or full. */
struct window_task {
	uint32_t pid, tid, ns_pid, ns_tid;
	const char *comm, *thread;
	uint64_t moment_ns; /* of the sample, to be kept; 0 = it decides nothing */
	uint64_t second_ns; /* the same for the timeline; 0 = none is wanted */
};

/* Counts ticks of a task in a stack. */
int window_add(struct window *window, const struct window_task *task, uint32_t node, uint8_t cut,
	       uint64_t ticks);

/* What the ledger counts as dropped since the last call was dropped about then, for the timeline. */
int window_note_dropped(struct window *window, uint64_t time_ns);

/* Bytes held, for budgets. */
size_t window_bytes(const struct window *window);

#endif
