/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The modules (mapped files) that samples fell into, each known once whatever process maps it, and
 * the threads that have their symbols read: one parser child after another for what is soon had, and
 * another one for debug info that takes its time.
 *
 * A module is named by its build id where the kernel knows it, else by device, inode and path. A
 * file reached under both names is parsed once (the opened descriptor tells). The file is opened,
 * and kept open until parsed, at the first sample that falls into it: through /proc/PID/map_files,
 * so that deleted, replaced and container-private files are those that are mapped; through the path
 * only when the process is gone, and then believed only if build id or inode agree.
 *
 * All functions belong to one thread; the parsing threads are inside.
 */
#ifndef WICK_PROFILER_MODULES_H
#define WICK_PROFILER_MODULES_H

#include "profiler/memory.h"
#include "profiler/module_file.h"
#include "symbolizer/debuginfod.h"
#include "symbolizer/perf_map.h"
#include "symbolizer/symindex.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum module_state {
	MODULE_SEEN,   /* mapped somewhere, no sample yet */
	MODULE_QUEUED, /* open, waits for its parser child */
	MODULE_READY,  /* index is there */
	MODULE_FAILED, /* no names: why says so */
};

struct module {
	struct module_name name;
	enum module_state state;
	const struct symindex *index; /* READY only */
	const char *why;	      /* FAILED only: a sentence, static */
	bool is_rewritten;	      /* in place, while it was mapped: see modules_look() */
};

struct modules;

/* How many modules are kept that nothing uses, as they may come again; some 3 MB. */
enum { MODULES_LIMIT = 8192 };

/* limit: MODULES_LIMIT, or what a test wants. */
int modules_new(uint32_t limit, struct modules **ret_modules);
void modules_free(struct modules *modules);
static inline void modules_freep(struct modules **modules)
{
	modules_free(*modules);
}

/* The id of a mapping's module; adds it if new. Beyond 65536 modules in use, new ones are all one
 * without names, "[too many files]"; modules_refused() tells how many mappings that met. path, dev,
 * inode, build_id of event are used. */
int modules_add(struct modules *modules, const struct task_event *map, uint32_t *ret_id);

/* A sample fell into the module, mapped at [start, end) by the process: open it and queue it for
 * parsing, unless that was tried, or too many wait already. Cheap to call for every sample. */
void modules_use(struct modules *modules, uint32_t id, pid_t pid, uint64_t start, uint64_t end);

/*
 * Was the file written to, or copied over, since it was mapped? Its names are then of what it was
 * before, if they were read in time; else it has none. Looks once in a round (any other number than
 * in the round before), and tells it once.
 */
bool modules_look(struct modules *modules, uint32_t id, uint64_t round);

/* The module of the code that a process makes at run time, where map is memory that may hold such
 * code; else map's own. pid is to be there still the first time it is asked for. */
uint32_t modules_jit(struct modules *modules, uint32_t id, pid_t pid, uint64_t start_ns,
		     uint64_t exec_id);

/* Of such a module: the process has its jitdump mapped as that map, in the address space of that
 * serial. wants: has it not been looked for there yet? */
bool modules_wants_jitdump(const struct modules *modules, uint32_t id, uint64_t serial);
void modules_use_jitdump(struct modules *modules, uint32_t id, pid_t pid, uint64_t serial,
			 uint32_t map_id, uint64_t start, uint64_t end);

/* The files with the names of such a module's code, -1 where there is none. The caller closes
 * map_fd; dump_fd is ours. */
struct module_jit_files {
	int map_fd, dump_fd;
	enum perf_map_refusal refusal; /* of the map */
};
struct module_jit_files modules_jit_files(struct modules *modules, uint32_t id);

/* From now on servers are asked for what has no debug info, and names become better when it comes.
 * Before any module is used. debuginfod is taken over, in any case. */
int modules_ask_servers(struct modules *modules, struct debuginfod *debuginfod);

/* How many modules the servers are still to be asked for. */
uint32_t modules_asked(struct modules *modules);

/*
 * Waits until all that is queued is parsed, for so long at most. MODULES_ALL: as long as it takes
 * (each has its deadline). Symbols are read first, debug info that takes its time later, by a second
 * thread: a module may be READY and still get better.
 */
#define MODULES_ALL UINT32_MAX
void modules_wait(struct modules *modules, uint32_t ms);

/* The same without waiting: serial tells what is queued by now; is all that was queued by then
 * parsed? */
uint64_t modules_serial(struct modules *modules);
bool modules_is_done(struct modules *modules, uint64_t serial);

/*
 * A host that deploys for years has ever new modules. When modules_is_crowded(), the keeper of ids
 * marks every one that it has (sampled: in frames that will be named) and sweeps: of the others,
 * those met longest ago are forgotten, and their ids are given anew. So are indexes that are not in
 * the cache's files, beyond 32 MB of those, but for modules sampled: they are read again when they
 * are met again.
 */
bool modules_is_crowded(struct modules *modules);
void modules_mark_mapped(struct modules *modules, uint32_t id);
void modules_mark_sampled(struct modules *modules, uint32_t id); /* or FRAME_KERNEL and the like */
void modules_sweep(struct modules *modules);

/* The module as it stands now; its index is lent until modules_rest() or modules_sweep(). */
struct module modules_get(struct modules *modules, uint32_t id);
/* Nothing is lent any more: what has been replaced meanwhile is freed, and memory that look-ups have
 * touched is let go of. */
void modules_rest(struct modules *modules);

/* CPU time that its threads have used. */
uint64_t modules_cpu_ns(const struct modules *modules);

/* All ids are below. */
uint32_t modules_count(struct modules *modules);
uint64_t modules_refused(const struct modules *modules);
void modules_tell_memory(struct modules *modules, memory_take take, void *context);

/* off in the file -> the module's vaddr, if its index is there; else off itself. */
uint64_t module_vaddr(const struct module *module, uint64_t off);

#endif
