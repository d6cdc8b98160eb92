/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel tells of processes as it happens, without any polling: one software dummy event a
 * CPU, whose ring carries a record for every fork, exec, exit and executable mapping of the machine
 * (perf_event_open(2): PERF_RECORD_FORK, COMM with MISC_COMM_EXEC, EXIT, MMAP2 with build ids since
 * 5.12). Times are CLOCK_BOOTTIME, as those of the samples.
 *
 * One thread, but for what says otherwise.
 */
#ifndef WICK_PROFILER_TASK_EVENTS_H
#define WICK_PROFILER_TASK_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum task_event_kind {
	TASK_FORK,   /* a new process */
	TASK_THREAD, /* a new thread of a process */
	TASK_EXEC,
	TASK_EXIT, /* of a thread; of the process when tid == pid */
	TASK_MAP,  /* an executable mapping was made, or became executable */
	TASK_CODE, /* code of the kernel's own has come, or gone: ksymbols.h; of no process */
	TASK_LOST, /* records were lost from then on: what is known of any process may be old */
};

enum { TASK_BUILD_ID_MAX = 20 };

struct task_event {
	uint64_t time_ns;
	enum task_event_kind kind;
	pid_t pid, tid;
	pid_t parent;  /* FORK */
	uint64_t lost; /* LOST: records; 0 = unknown */

	/* MAP, CODE */
	uint64_t start, end; /* addrs */
	bool is_gone;	     /* CODE */
	uint64_t off;	     /* in the file */
	uint64_t dev;	     /* makedev(), 0 where a build id takes its place */
	uint64_t inode;
	uint8_t build_id[TASK_BUILD_ID_MAX];
	uint8_t build_id_size; /* 0 = none known */
	const char *path;      /* or CODE's name, as /proc/kallsyms has it; borrowed for the call */
	bool is_jitdump;       /* path says that the file is one: see jitdump.h */
	bool is_anonymous;     /* path says that there is no file */
};

struct task_events;

typedef void (*task_event_take)(void *context, const struct task_event *event);

/* Opens the events of all online CPUs, which run from then on. pages: of each CPU's ring of
 * mappings, a power of two; that of all else is smaller. at_once: task_events_fd() is readable from
 * the first mapping on, not from half a ring on. */
int task_events_new(unsigned int pages, bool at_once, struct task_events **ret_events);
void task_events_free(struct task_events *events);
static inline void task_events_freep(struct task_events **events)
{
	task_events_free(*events);
}

/* A CPU went offline or came online: from any thread, done by the next drain. The event of one that
 * went is closed; that of one that came is opened, and as nobody knows what happened on it before,
 * a TASK_LOST of 0 records is handed out. */
int task_events_cpu(struct task_events *events, unsigned int cpu, bool is_online);

/* Readable when a ring is half full, or at once. */
int task_events_fd(const struct task_events *events);

/* Hands out all records, CPU by CPU: in order of time within a CPU, not over all of them. Malformed
 * records (a kernel newer than this program) are stepped over. Records that were lost are told of
 * twice: at the last one before them, and at the end of the gap; the first also for a ring so full
 * that the kernel may have no room to tell. */
void task_events_drain(struct task_events *events, task_event_take take, void *context);

#endif
