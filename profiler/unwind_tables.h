/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * User space's side of the walk by unwind rows: which process has which tables.
 *
 *	task events ----+--> processes and their mappings --> regions of the mappings map --+
 *	no_tables ------+                  |                                                 |
 *	samples                            v                                                 v
 *	                     modules (unwind_modules: rows by a worker)             procs[pid], one update
 *
 * Follows the task events by a thread of its own, as they come: a process that is unwound from its
 * first sample on cannot wait for whoever turns samples into profiles. What is drained here is
 * handed on by unwind_tables_drain().
 *
 * Invariants:
 *  1. procs[pid] names the process (start time) and the program in it (exec id) that its mappings
 *     are of; the walk takes no other's. Start times are the kernel's word (its entry of the pid,
 *     which fork and exec keep up to date), exec ids are counted from there: one more each exec.
 *  2. A region of mappings is never changed once an entry leads to it. It is given up when the last
 *     one that leads there is gone or led elsewhere, and written anew WICK_GRACE_NS later. So are
 *     rows and pages. What fork copied in the kernel is told by the entry's serial.
 *  3. What is not known for sure (lost records, no room) is no tables, never old tables.
 *
 * Any thread, one at a time inside (a lock), but for what waits for nobody: unwind_tables_drain(), .._look(),
 * .._sample().
 */
#ifndef WICK_PROFILER_UNWIND_TABLES_H
#define WICK_PROFILER_UNWIND_TABLES_H

#include "profiler/memory.h"
#include "profiler/task_events.h"
#include "profiler/unwind_maps.h"
#include "profiler/unwind_modules.h"
#include "profiler/unwind_stats.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum unwind_scope {
	UNWIND_ALL,    /* every process */
	UNWIND_LISTED, /* those that are told of by unwind_tables_add() */
	UNWIND_FOLLOW, /* and their children from then on */
};

struct unwind_tables;

struct unwind_options {
	enum unwind_scope scope;
	const struct unwind_maps *maps; /* borrowed */
	struct task_events *events;	/* borrowed; NULL: fed by unwind_tables_event() alone */
	unwind_compile compile;		/* unwind_compile_elf */
	uint32_t modules_limit;		/* 0: UNWIND_MODULES_LIMIT */
};

int unwind_tables_new(const struct unwind_options *options, struct unwind_tables **ret_tables);
void unwind_tables_free(struct unwind_tables *tables);
static inline void unwind_tables_freep(struct unwind_tables **tables)
{
	unwind_tables_free(*tables);
}

/* A process that was there between since_ns and until_ns: what the kernel knows it by. */
void unwind_tables_add(struct unwind_tables *tables, const struct wick_task *task,
		       uint64_t since_ns, uint64_t until_ns);

/* Reads the mappings of a process that was added and has all its modules made;
 * unwind_tables_wait() ends when they are there, or after so long. */
void unwind_tables_load(struct unwind_tables *tables, pid_t pid);
/* The same for a program that will be started. */
void unwind_tables_load_file(struct unwind_tables *tables, const char *path);
/* Has the modules made that nearly every process will map: those that this one has as its C
 * library, its loader and the kernel's vdso. */
void unwind_tables_load_common(struct unwind_tables *tables);
void unwind_tables_wait(struct unwind_tables *tables);

/* From here on the thread follows the events. */
int unwind_tables_start(struct unwind_tables *tables);

/* And no further than to here: nothing is sampled any more, and nobody drains what happens. */
void unwind_tables_stop(struct unwind_tables *tables);

/* All events since the last call, also those that nobody has drained yet, in place of
 * task_events_drain(). */
void unwind_tables_drain(struct unwind_tables *tables, task_event_take take, void *context);

/* Empties the rings of task events for those who will read them: what is long at work need not be
 * waited for. The thread is told. */
void unwind_tables_look(struct unwind_tables *tables);

/* A sample has come out of its ring. One at a time calls it. Cheap; waits for nobody's work. */
void unwind_tables_sample(struct unwind_tables *tables, const struct wick_sample *sample);

struct unwind_stats unwind_tables_stats(struct unwind_tables *tables);

void unwind_tables_tell_memory(struct unwind_tables *tables, memory_take take, void *context);

/* For tests: applies events without a thread or rings, then does what the thread would. */
void unwind_tables_event(struct unwind_tables *tables, const struct task_event *event);
void unwind_tables_work(struct unwind_tables *tables, uint64_t now_ns);

#endif
