/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Samples and process records between the rings, of which each CPU has its own, and who takes them:
 * in order of time.
 */
#ifndef WICK_PROFILER_ARRIVALS_H
#define WICK_PROFILER_ARRIVALS_H

#include "base/buf.h"
#include "bpf/abi.h"
#include "profiler/task_events.h"

struct arrival; /* one of them */

struct arrival_event {
	struct task_event event; /* path is NULL: the module stands for it */
	uint32_t module;
	char *name; /* malloc()ed, or NULL; freed with it */
};

/* All zero: nothing has arrived. */
struct arrivals {
	struct arrivals_queue {
		struct arrival *items;
		uint32_t count, items_size;
		struct arrival_event *events;
		uint32_t event_count, events_size;
		struct buf records; /* struct wick_sample and its whole pcs, each 8-aligned */
	} queue, spare;		    /* what stays behind moves to spare, then they swap */
};

void arrivals_release(struct arrivals *arrivals);

/* Of the heap. */
size_t arrivals_bytes(const struct arrivals *arrivals);

/* -ENOMEM: it is not there. Else the event's name is theirs. */
int arrivals_add_event(struct arrivals *arrivals, const struct arrival_event *event);
int arrivals_add_sample(struct arrivals *arrivals, const struct wick_sample *sample);

uint32_t arrivals_count(const struct arrivals *arrivals);

/* The i-th, in no order; NULL: it is of the other kind. */
const struct wick_sample *arrivals_sample(const struct arrivals *arrivals, uint32_t i);
const struct arrival_event *arrivals_event(const struct arrivals *arrivals, uint32_t i);

/*
 * Gives all up to the horizon (CLOCK_BOOTTIME) in order of time, an event before a sample of the same
 * instant; the rest waits, unless there is no memory for that. sample is NULL, or event. Nothing may
 * be added meanwhile.
 */
typedef void (*arrivals_each)(void *context, const struct wick_sample *sample,
			      struct arrival_event *event);
void arrivals_take(struct arrivals *arrivals, uint64_t horizon_ns, arrivals_each take,
		   void *context);

#endif
