/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Samples become stacks of a window: addresses become modules and offsets, by what is mapped in the
 * process now. So samples come in order of time, each after what happened to its process before it.
 */
#ifndef WICK_PROFILER_STACKS_H
#define WICK_PROFILER_STACKS_H

#include "profiler/ksymbols.h"
#include "profiler/modules.h"
#include "profiler/procs.h"
#include "profiler/sampler.h"
#include "profiler/window.h"

/* What it takes; all borrowed, of one thread. */
struct stacks {
	struct sampler *sampler; /* its maps hold the stacks of epochs that are not taken yet */
	struct modules *modules;
	struct procs *procs;
	struct ksymbols *ksymbols;
	bool threads;  /* are told apart */
	bool timeline; /* of seconds, too */
};

/* Counts the sample in the window: as written, whole or cut, or as dropped for want of memory. */
void stacks_add(const struct stacks *stacks, struct window *window,
		const struct wick_sample *sample);

#endif
