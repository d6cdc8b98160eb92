/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What samples tell of their processes, on its way from whoever reads the samples to the thread that
 * keeps the unwind tables. A process is heard of once a second; while it has no tables, after 5 ms, and
 * then twice as long each time. */
#ifndef WICK_PROFILER_UNWIND_NOTES_H
#define WICK_PROFILER_UNWIND_NOTES_H

#include "bpf/abi.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { UNWIND_NOTES_MAX = 4096, UNWIND_HEARD_SLOTS = 256 };

struct unwind_note {
	pid_t pid, tid;
	uint64_t start_ns, exec_id, time_ns;
	bool no_tables; /* said the walk */
};

struct unwind_heard {
	pid_t pid;
	uint64_t start_ns, exec_id, time_ns;
	uint64_t bare_pause_ns; /* while it has no tables */
};

struct unwind_notes {
	struct unwind_heard heard[UNWIND_HEARD_SLOTS]; /* of who reads the samples */

	pthread_mutex_t lock; /* of all below; never held for long */
	struct unwind_note *notes;
	uint32_t count, size;
};

void unwind_notes_init(struct unwind_notes *notes);
void unwind_notes_release(struct unwind_notes *notes);

/* One caller at a time. True: the process waits for its tables. */
bool unwind_notes_hear(struct unwind_notes *notes, const struct wick_sample *sample);

/* All that there are; the caller frees them. */
uint32_t unwind_notes_take(struct unwind_notes *notes, struct unwind_note **ret_notes);

#endif
