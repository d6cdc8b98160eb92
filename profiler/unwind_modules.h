/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The modules (mapped files) whose rows are, were or will be in the kernel's maps, each once
 * whatever processes map it, and the thread that compiles them (symbolizer/cfi.h, in a parser
 * child) and puts them there.
 *
 *	NEW --want--> QUEUED --+--> READY --evict--> EVICTED --want--> QUEUED ..
 *	                       +--> BARE      no rows to be had: for good
 *	                       +--> NO_ROOM   --want, a while later--> QUEUED ..
 *	NEW --want, but the file cannot be opened--> CLOSED --want, a while later--> ..
 *
 * A host that deploys for years has ever new modules: unwind_modules_sweep() forgets those that
 * nothing uses any more, whatever their state.
 *
 * All functions belong to one thread at a time (the caller's lock); the worker is inside.
 */
#ifndef WICK_PROFILER_UNWIND_MODULES_H
#define WICK_PROFILER_UNWIND_MODULES_H

#include "profiler/module_file.h"
#include "profiler/unwind_rows.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum unwind_module_state {
	UNWIND_NEW,
	UNWIND_QUEUED,
	UNWIND_READY,
	UNWIND_BARE,
	UNWIND_NO_ROOM,
	UNWIND_EVICTED,
	UNWIND_CLOSED,
};

struct unwind_module {
	struct module_name name;
	enum unwind_module_state state;
	const struct unwind_placed *placed; /* READY only */
	uint32_t id;
	uint32_t refs;	   /* regions that lead to its rows */
	uint64_t used_ns;  /* last sample of a process that maps it */
	uint64_t retry_ns; /* not wanted again before */
};

struct unwind_modules_stats {
	uint32_t known, ready, queued;
	size_t bytes;
	uint64_t swept, builds, failures, evictions, refusals;
	uint64_t build_ns, build_max_ns;	 /* of all builds, of the longest */
	uint64_t from_want_ns, from_want_max_ns; /* from the first want to the rows, the same */
};

struct unwind_modules;

/* Makes the table of an ELF file, on the worker; errors as those of parser_unwind(). */
typedef int (*unwind_compile)(int elf_fd, struct cfi_table **ret_table);
int unwind_compile_elf(int elf_fd, struct cfi_table **ret_table);

/* How many modules are kept that nothing uses, as they may come again; some 3 MB. */
enum { UNWIND_MODULES_LIMIT = 8192 };

/* How many files wait to be compiled at most; each holds a descriptor. */
enum { UNWIND_JOBS_MAX = 256 };

/* The worker writes to bell_fd (an eventfd) when unwind_modules_take() has something. rows,
 * bell_fd: borrowed. limit: UNWIND_MODULES_LIMIT, or what a test wants. */
int unwind_modules_new(struct unwind_rows *rows, unwind_compile compile, int bell_fd,
		       uint32_t limit, struct unwind_modules **ret_modules);
void unwind_modules_free(struct unwind_modules *modules);

/* The number of what an event maps; a procs_number. Beyond 65536 modules in use, new ones are all
 * one without rows. */
int unwind_modules_number(void *modules, const struct task_event *map, uint32_t *ret_id);

/* The module that holds the rows for this one (another file may have the same content), valid until
 * the next call that is not unwind_modules_get(). */
struct unwind_module *unwind_modules_get(struct unwind_modules *modules, uint32_t id);

/*
 * A process maps the module at [start, end): have its rows made, if that can help. What is wanted
 * most is made first: each call adds its weight. Opens the file now, for the process may be gone
 * soon.
 */
enum {
	UNWIND_WANT_SAMPLED = 1, /* of a process that goes on */
	UNWIND_WANT_NEW = 16,	 /* of a process that has just begun and may be short */
};
struct unwind_want {
	pid_t pid;
	uint64_t start, end;
	uint32_t weight;
};
void unwind_modules_want(struct unwind_modules *modules, uint32_t id,
			 const struct unwind_want *want, uint64_t now_ns);

/* Brings home what the worker has done. True: a module changed its state. Rows that found no room
 * raise *ret_short, the rows that are missing. */
bool unwind_modules_take(struct unwind_modules *modules, uint64_t now_ns, uint32_t *ret_short);

/* A region leads to the rows of this very module, or does so no more. */
void unwind_modules_ref(struct unwind_modules *modules, uint32_t id);
void unwind_modules_unref(struct unwind_modules *modules, uint32_t id);

/* The module with rows in the maps that is best taken away: used longest ago of those that nobody
 * is led to, else of those not used since before_ns. False if there is none. */
bool unwind_modules_oldest(const struct unwind_modules *modules, uint64_t before_ns,
			   uint32_t *ret_id);

/* Takes the module's rows away, which nobody is led to any more: they are overwritten from ready_ns
 * on. */
void unwind_modules_evict(struct unwind_modules *modules, uint32_t id);
void unwind_modules_rest(struct unwind_modules *modules, uint32_t id, uint64_t ready_ns);

/*
 * When unwind_modules_is_crowded(), whoever keeps numbers marks every one that it has (those of
 * regions are known) and sweeps: of the others, those met longest ago are forgotten, and their
 * numbers are given anew. Their rows are overwritten from ready_ns on.
 */
bool unwind_modules_is_crowded(const struct unwind_modules *modules);
void unwind_modules_mark(struct unwind_modules *modules, uint32_t id);
void unwind_modules_sweep(struct unwind_modules *modules, uint64_t ready_ns);

/* Waits until nothing is queued or being made; unwind_modules_take() then brings it home. */
void unwind_modules_wait(struct unwind_modules *modules);

struct unwind_modules_stats unwind_modules_stats(struct unwind_modules *modules);

#endif
