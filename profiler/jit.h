/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of code that processes make at run time, from their perf maps and jitdumps, which a parser
 * child reads. Answers are kept, within bounds: a file is read again when its size or its mtime has
 * changed, or when something is asked of it that was not asked before; one that its reader dies of is
 * left alone after a few tries. One thread.
 */
#ifndef WICK_PROFILER_JIT_H
#define WICK_PROFILER_JIT_H

#include "profiler/modules.h"
#include "symbolizer/jit_names.h"

struct jit;

int jit_new(struct modules *modules, struct jit **ret_jit);
void jit_free(struct jit *jit);
static inline void jit_freep(struct jit **jit)
{
	jit_free(*jit);
}

/* What is known of addrs (sorted) of such a module, at any time. NULL: nothing. Borrowed until the
 * next call. */
const struct jit_names *jit_ask(struct jit *jit, uint32_t module, const uint64_t *addrs,
				uint32_t count, enum perf_map_refusal *ret_refusal);

/* Readers started so far. */
uint64_t jit_reads(const struct jit *jit);

#endif
