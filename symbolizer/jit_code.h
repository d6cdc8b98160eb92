/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pieces of code that a process made at run time, as the readers of what such processes write about
 * them (perf_map.h, jitdump.h) hand them out: in the order of the file, newer ones behind older
 * ones, each name still in the file.
 */
#ifndef WICK_SYMBOLIZER_JIT_CODE_H
#define WICK_SYMBOLIZER_JIT_CODE_H

#include <stdint.h>

enum { JIT_NAME_MAX = 1024 }; /* bytes of a name; the rest is cut off */

struct jit_code {
	uint64_t start, size; /* addrs; start + size may wrap around to 0 */
	uint64_t from_ns;     /* CLOCK_MONOTONIC, as the writer says; 0 = it does not */
	uint64_t name_off;    /* in the file */
	uint32_t name_length; /* 0: what stood there is gone */
	/* Its lines, a jitdump's JIT_CODE_DEBUG_INFO: where the entries are in the file (0: none), and
	 * the address that they take the code to be at, or that and row_shift: see jitdump.c. */
	uint32_t row_shift;
	uint64_t row_off, row_end, row_addr;
};

/* 0, or a negative errno that ends the reading. */
typedef int (*jit_code_take)(void *context, const struct jit_code *code);

#endif
