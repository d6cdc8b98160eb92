/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mapped files: what names one, and how the very file that is mapped is opened. Any thread.
 */
#ifndef WICK_PROFILER_MODULE_FILE_H
#define WICK_PROFILER_MODULE_FILE_H

#include "profiler/task_events.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum module_kind {
	MODULE_FILE,
	MODULE_VDSO,
	MODULE_OTHER, /* anonymous memory and the like */
	MODULE_JIT,   /* code that one process made at run time: an off in it is an addr */
};

/* A build id where the kernel knows it, else device, inode and path. */
struct module_name {
	enum module_kind kind;
	const char *path; /* as the mapping names it; or "[vdso]", "[anon]" */
	uint64_t dev, inode;
	uint8_t build_id[TASK_BUILD_ID_MAX];
	uint8_t build_id_size;
};

/* The name of what an event maps; path is borrowed from the event, or static. */
struct module_name module_name_of(const struct task_event *map);
uint64_t module_name_hash(const struct module_name *name);
bool module_name_equal(const struct module_name *a, const struct module_name *b);

/*
 * Opens the file that the process has mapped at [start, end): through /proc/PID/map_files, so that
 * deleted, replaced and container-private files are those that are mapped; by its path when that
 * fails (the process or the mapping is gone), if inode or name agree. Another file may be mapped there by
 * now: where a build id is known, the caller has to look. Gives a descriptor or a negative errno.
 */
int module_open(const struct module_name *name, pid_t pid, uint64_t start, uint64_t end);

/* Whatever regular file the process has mapped at [start, end). */
int module_open_mapped(pid_t pid, uint64_t start, uint64_t end);

/* By its path alone, below a root (an O_PATH descriptor, or -1), else ours; with the same belief. */
int module_open_by_path(const struct module_name *name, int root_fd);

/* The root of the process, where that is another one than ours; else -1. */
int module_open_root(pid_t pid);

/*
 * Opens the jitdump that the process has mapped at [start, end), likewise; by its path below root_fd
 * (its root). The path may lead anywhere: nothing but a regular file is opened, of the process's
 * user or of root.
 */
int module_open_jitdump(const struct module_name *name, pid_t pid, uint64_t start, uint64_t end,
			int root_fd, uid_t uid);

/* What tells two open files apart, or not. */
struct module_file {
	uint64_t dev, inode, size;
	int64_t mtime_ns;
};

/* All zeros if the kernel does not tell. */
struct module_file module_file_of(int fd);

/* Has the process this very file mapped at [start, end), but with other contents by now: written to,
 * or copied over, in place? */
bool module_file_is_rewritten(const struct module_file *file, pid_t pid, uint64_t start,
			      uint64_t end);

/* Was the open file written to since then? */
bool module_file_is_newer(int fd, int64_t wall_ns);

#endif
