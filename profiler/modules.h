/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The modules (mapped files) that samples fell into, each known once whatever process maps it, and
 * the thread that has their symbols read: one parser child after another.
 *
 * A module is named by its build id where the kernel knows it, else by device, inode and path. A
 * file reached under both names is parsed once (the opened descriptor tells). The file is opened,
 * and kept open until parsed, at the first sample that falls into it: through /proc/PID/map_files,
 * so that deleted, replaced and container-private files are those that are mapped; through the path
 * only when the process is gone, and then believed only if build id or inode agree.
 *
 * All functions belong to one thread; the parsing thread is inside.
 */
#ifndef WICK_PROFILER_MODULES_H
#define WICK_PROFILER_MODULES_H

#include "profiler/module_file.h"
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
};

struct modules;

int modules_new(struct modules **ret_modules);
void modules_free(struct modules *modules);
static inline void modules_freep(struct modules **modules)
{
	modules_free(*modules);
}

/* The id of a mapping's module; adds it if new. Beyond 65536 modules, new ones are all one without
 * names, "[too many files]"; modules_refused() tells how many mappings that met. path, dev, inode,
 * build_id of event are used. */
int modules_add(struct modules *modules, const struct task_event *map, uint32_t *ret_id);

/* A sample fell into the module, mapped at [start, end) by the process: open it and queue it for
 * parsing, unless that was tried. Cheap to call for every sample. */
void modules_use(struct modules *modules, uint32_t id, pid_t pid, uint64_t start, uint64_t end);

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
void modules_jit_files(struct modules *modules, uint32_t id, int *ret_map_fd, int *ret_dump_fd);

/* Waits until all that is queued is parsed (each has its deadline). */
void modules_wait(struct modules *modules);

/* The module as it stands now; index and why stay valid until modules_free(). */
struct module modules_get(struct modules *modules, uint32_t id);

uint32_t modules_count(struct modules *modules);
uint64_t modules_refused(const struct modules *modules);

/* off in the file -> the module's vaddr, if its index is there; else off itself. */
uint64_t module_vaddr(const struct module *module, uint64_t off);

#endif
