/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of code made at run time, from /tmp/perf-PID.map, the text that node, Java, Python, .NET
 * and others write: "START SIZE NAME", both numbers hexadecimal, newer lines behind older ones.
 * Anybody may write such a file: it is opened with care, read as a stream in pieces, and capped.
 */
#ifndef WICK_SYMBOLIZER_PERF_MAP_H
#define WICK_SYMBOLIZER_PERF_MAP_H

#include "symbolizer/jit_code.h"

#include <stdbool.h>
#include <sys/types.h>

enum {
	PERF_MAP_BYTES_MAX = 16 << 20,
	PERF_MAP_LINES_MAX = 200000,
};

/* What is needed of a process while it is there, so that its map can be opened later. */
struct perf_map_owner {
	pid_t ns_pid; /* as the process itself knows it */
	uid_t uid;
};

/* 0 or -ESRCH. */
int perf_map_find_owner(pid_t pid, struct perf_map_owner *ret_owner);

/* Why a map is not believed. */
enum perf_map_refusal {
	PERF_MAP_NOT_REFUSED, /* nor, maybe, there */
	PERF_MAP_SYMLINK,
	PERF_MAP_NO_FILE,
	PERF_MAP_OTHER_NAMES,
	PERF_MAP_OTHER_OWNER,
	PERF_MAP_UNREADABLE,
	PERF_MAP_REFUSALS,
};

/* "it is a symbolic link" */
const char *perf_map_refusal_text(enum perf_map_refusal refusal);

/* The map of a process below its root (an O_PATH descriptor): a regular file with one name, owned by
 * the process's user or by root. -ENOENT: there is none, or it is refused. */
int perf_map_open(int root_fd, const struct perf_map_owner *owner,
		  enum perf_map_refusal *ret_refusal);

/* In the parser child: hands out all lines. Past a cap the rest of the file is not read (is_part); a last
 * line without its end is none. 0, -ENOMEM, or what take gives. */
int perf_map_read(int fd, jit_code_take take, void *context, bool *ret_is_part);

#endif
