/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes and what they have mapped, as a state that moves forward in time: feed it the kernel's
 * task events and ask it for samples, both in order of boot time, and each sample meets the
 * mappings that were there when it was taken.
 *
 * A process is pid + start time + exec generation. Its executable mappings are an address space
 * that is shared, copy on write, between a parent and its forked children. An address space never
 * changes under its serial: any change gives it a new one, so (serial, stack) is a sound key for
 * caches.
 *
 * One thread.
 */
#ifndef WICK_PROFILER_PROCS_H
#define WICK_PROFILER_PROCS_H

#include "profiler/modules.h"
#include "profiler/task_events.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct procs;

struct proc_map {
	uint64_t start, end; /* addrs */
	uint64_t off;	     /* of start in the file */
	uint32_t module;
	bool is_jitdump;   /* the marker of one: jitdump.h */
	bool is_anonymous; /* no file's, but maybe a copy of one */
	bool is_over;	   /* anonymous, where a file was or should be: may be a copy of it soon */
	bool is_copy;	   /* the module's text, copied to anonymous memory: copied_text.h */
};

struct address_space {
	uint64_t serial;
	uint32_t refs;
	uint32_t count, size;
	uint32_t front;	       /* free places before maps[0]; size counts them too */
	bool has_jitdump;      /* one of the maps is, or was, the marker of one */
	bool has_over;	       /* one of the maps is_over */
	struct proc_map *maps; /* sorted, disjoint */
};

/* modules number the mappings' files. */
int procs_new(struct modules *modules, struct procs **ret_procs);

/* The same with numbers from elsewhere: gives 0, or a negative errno. */
typedef int (*procs_number)(void *context, const struct task_event *map, uint32_t *ret_module);
int procs_new_numbered(procs_number number, void *context, struct procs **ret_procs);

/* Who has the pid now, by the kernel's own word, which is older than the call: gives 0, -ENOENT if
 * none has that began after procs_ask(), or another negative errno. */
typedef int (*procs_identity)(void *context, pid_t pid, uint64_t *ret_start_ns,
			      uint64_t *ret_exec_id);
/* Ask this before what /proc says is believed. Without it, a process is told from another by the clock
 * tick in which it started, and programs within it are not told apart. */
void procs_ask(struct procs *procs, procs_identity ask, void *context);

void procs_free(struct procs *procs);
static inline void procs_freep(struct procs **procs)
{
	procs_free(*procs);
}

/* Reads the mappings of all processes there are. Call it after the task events have been opened and
 * before sampling starts, so that nothing falls between. */
int procs_scan(struct procs *procs);
/* The same for one process; one that is gone is nothing. */
void procs_read(struct procs *procs, pid_t pid);

/* When it started, by its clock tick; 0 if it is gone. */
uint64_t procs_started_ns(pid_t pid);

/* Applies an event. For TASK_MAP, module is its module. */
void procs_event(struct procs *procs, const struct task_event *event, uint32_t module);

/*
 * The address space of a sample's process; never NULL but when out of memory. A process that is not
 * known, that turns out to be another one (start time), that has exec'd unseen (exec id), or that
 * may be old after lost records is read from /proc now, once, through tid (which outlives a leader
 * that has exited). If by now another process or program has the pid, nothing is known: the space is
 * empty, rather than the other's. Where anonymous memory has come in the place of a file's text, it
 * is read until it is found whether that is a copy of the text. Borrowed until the next call.
 */
const struct address_space *procs_space(struct procs *procs, pid_t pid, pid_t tid,
					uint64_t start_ns, uint64_t exec_id);

/* When it is to be asked for anew as such a copy may be there by then; 0: no need. */
uint64_t procs_look_ns(const struct procs *procs, pid_t pid);

/* The mapping that holds addr, or NULL. */
const struct proc_map *address_space_find(const struct address_space *space, uint64_t addr);

/* The address space as it stands, or NULL if it is not known or may be old. Reads nothing. */
const struct address_space *procs_peek(const struct procs *procs, pid_t pid);

/* What is known of the process may be old: as after lost records. */
void procs_doubt(struct procs *procs, pid_t pid);

/* Forgets processes that have exited before this boot time. Call it now and then. */
void procs_sweep(struct procs *procs, uint64_t before_ns);

/* Not every end of a process is told, or believed: a share of them is looked for now and then, and
 * who is not there any more has exited by now_ns. Cheap. */
void procs_audit(struct procs *procs, uint64_t now_ns);

/* Every module that a process has mapped, more than once if several have. */
void procs_each_module(const struct procs *procs, void (*take)(void *context, uint32_t module),
		       void *context);

uint32_t procs_count(const struct procs *procs);

/* Bytes of all that is known of them. */
size_t procs_bytes(const struct procs *procs);

/* Mappings that were not kept, as their process had too many (65536), and /proc files not read to
 * their end (32 MB); so far. */
uint64_t procs_refused(const struct procs *procs);

#endif
