/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Task events on their way from the kernel's rings to two readers, each at its own pace:
 *
 *	rings --fill--> batch, batch, ..  --next--> whoever must know at once
 *	                               \--take--> whoever comes now and then
 *
 * A batch is what one fill found, in order of time. It is freed when both have read it.
 *
 * Any thread may fill it; of each reader there is one. The locks inside are held to read the kernel's
 * rings, no longer.
 */
#ifndef WICK_PROFILER_TASK_INBOX_H
#define WICK_PROFILER_TASK_INBOX_H

#include "profiler/task_events.h"

#include <stdbool.h>
#include <stdint.h>

struct task_inbox;
struct task_batch;

/* events: borrowed; NULL: what task_inbox_put() puts in, for tests. */
int task_inbox_new(struct task_events *events, struct task_inbox **ret_inbox);
void task_inbox_free(struct task_inbox *inbox);

void task_inbox_put(struct task_inbox *inbox, const struct task_event *event);

/* Empties the rings. A reader that has too much before it (65,536 events, 8 MB of paths) gets a
 * TASK_LOST in place of what comes. */
void task_inbox_fill(struct task_inbox *inbox);

/*
 * The next event for the first reader, valid until the next call; NULL: none. Left out is all that
 * happened to a process that came and went within one batch and had no children or threads: in a
 * storm, most.
 */
const struct task_event *task_inbox_next(struct task_inbox *inbox);
bool task_inbox_has_next(struct task_inbox *inbox);

/* Events that were left out, so far. */
uint64_t task_inbox_brief(struct task_inbox *inbox);

/* All that the second reader has not seen, now its own; then gives them out and frees them. NULL:
 * nothing. */
struct task_batch *task_inbox_take(struct task_inbox *inbox);
void task_batches_each(struct task_batch *batches, task_event_take take, void *context);

#endif
