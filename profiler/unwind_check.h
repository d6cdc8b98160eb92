/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Holds wick's walks of user stacks against libunwind's, sample by sample, and keeps the sums by
 * module: of the module whose code a step started from.
 *
 * Pcs are equal, open (libunwind could not say: no .eh_frame it can search, memory that was not
 * copied; or wick has said that it had no tables yet, or left frames out) or different. A stack's
 * first different pc makes the rest of it different.
 *
 * One thread.
 */
#ifndef WICK_PROFILER_UNWIND_CHECK_H
#define WICK_PROFILER_UNWIND_CHECK_H

#include "base/buf.h"
#include "bpf/abi.h"
#include "profiler/reference.h"

enum { UNWIND_CHECK_IMAGES = 64 };

struct unwind_check_module {
	char *path;
	uint64_t equal, open, different;
};

struct unwind_check {
	struct reference *reference;
	const char *cases; /* a directory for what differs, or NULL */
	unsigned int cases_left;
	uint64_t stacks, no_tables, gone;
	uint64_t ends[REFERENCE_ENDS]; /* how libunwind's walks ended */
	struct unwind_check_module *modules;
	size_t module_count, modules_size;
	struct unwind_check_image {
		uint64_t start_ns, exec_id, used;
		pid_t pid;
		struct process_image *image;
	} images[UNWIND_CHECK_IMAGES];
	uint64_t turn;
	unsigned int case_count;
};

/* cases: borrowed, or NULL. -ENOENT: libunwind is not installed. */
int unwind_check_init(struct unwind_check *check, const char *cases, unsigned int cases_max);
void unwind_check_release(struct unwind_check *check);

/* Compares a sample, as soon as possible: while its process has its mappings. */
void unwind_check_sample(struct unwind_check *check, const struct wick_check *sample);

/* The sums over the modules (path NULL). */
struct unwind_check_module unwind_check_sum(const struct unwind_check *check);

/* A table by module, and what was left open. */
void unwind_check_print(const struct unwind_check *check, struct buf *text);

#endif
