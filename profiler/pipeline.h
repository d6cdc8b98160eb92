/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the kernel's rings to windows of counted stacks:
 *
 *	sampler ----records--+
 *	                     +--> one queue, in order of boot time --> procs, modules --> window
 *	task events ---------+
 *
 * Samples and events are taken out of their rings as they come and applied in order of time, up to
 * a horizon a few milliseconds in the past: whatever happened before it has reached its ring by now.
 *
 * A window holds whole epochs, so its ledger is exact once its last epoch has ended.
 * One thread (the sampler and the modules have one of their own each inside).
 */
#ifndef WICK_PROFILER_PIPELINE_H
#define WICK_PROFILER_PIPELINE_H

#include "formats/profile.h"
#include "profiler/memory.h"
#include "profiler/sampler.h"
#include "profiler/window.h"

#include <stdbool.h>

struct pipeline_options {
	struct sampler_options sampler;
	unsigned int task_ring_pages; /* of each CPU's ring of task events; 0 = default */
	bool threads;		      /* tell threads apart */
	bool timeline;		      /* count by seconds, too: window->seconds */
	uint32_t modules;	      /* that are kept though nothing uses them; 0 = default */
	/* The program that the (only) pid has not begun yet; borrowed. "": not known. NULL: all pids
	 * run theirs. */
	const char *program;
	struct debuginfod *debuginfod; /* taken over by pipeline_new(), in any case; or NULL */
};

struct pipeline;

/* Opens everything and reads the processes there are; nothing samples yet. Says what is wrong. */
int pipeline_new(const struct pipeline_options *options, struct pipeline **ret_pipeline);
void pipeline_free(struct pipeline *pipeline);
static inline void pipeline_freep(struct pipeline **pipeline)
{
	pipeline_free(*pipeline);
}

int pipeline_start(struct pipeline *pipeline);

/* A descriptor that is readable when there is work, and the work; call it a few times a second too.
 */
int pipeline_fd(const struct pipeline *pipeline);
void pipeline_work(struct pipeline *pipeline);

/* Stops sampling and brings everything that was sampled into the window. */
int pipeline_stop(struct pipeline *pipeline);

/* The open window, with its ledger as it stands: exact for ended epochs, and for the current one as
 * far as its records have arrived. */
const struct window *pipeline_window(struct pipeline *pipeline);

/* A new window from the next epoch but one on (no-op while one is being cut); pipeline_closed() is
 * the old one as soon as its last epoch has ended and its names are there, as far as they come within
 * some seconds (now the caller's: to be named before the next pipeline_work()); NULL until then. */
void pipeline_cut(struct pipeline *pipeline);
struct window *pipeline_closed(struct pipeline *pipeline);

/* How many files servers are still to be asked for, once all that was sampled is named. */
unsigned int pipeline_asked(struct pipeline *pipeline);

/* A window with names. Waits so long at most for those that are on their way; PIPELINE_ALL_NAMES:
 * until all are there. Later, there may be more. */
#define PIPELINE_ALL_NAMES UINT32_MAX
int pipeline_profile(struct pipeline *pipeline, const struct window *window, uint32_t wait_ms,
		     struct profile **ret_profile);

/* What it holds, cache by cache. */
void pipeline_tell_memory(struct pipeline *pipeline, memory_take take, void *context);

#endif
