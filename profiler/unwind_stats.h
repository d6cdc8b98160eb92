/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tables of user stacks hold, what they cost, and how it is told. */
#ifndef WICK_PROFILER_UNWIND_STATS_H
#define WICK_PROFILER_UNWIND_STATS_H

#include "base/buf.h"
#include "profiler/unwind_modules.h"
#include "profiler/unwind_rows.h"

#include <stdint.h>

struct unwind_span {
	uint64_t count, sum_ns, min_ns, max_ns;
};

struct unwind_stats {
	uint32_t processes, regions, mappings, mappings_resting;
	struct unwind_modules_stats modules;
	struct unwind_rows_stats rows;
	uint64_t events, lost, rounds; /* task events; rounds of the thread */
	uint64_t publishes, refusals;  /* entries written; for want of room for mappings */
	uint64_t reads;		       /* of /proc/PID/maps */
	struct unwind_span delay;      /* from a record to the entry that knows of it */
};

void unwind_span_add(struct unwind_span *span, uint64_t ns);

/* All of it, in a few lines. */
void unwind_stats_print(const struct unwind_stats *stats, struct buf *text);
/* What the reader of a profile may ask, in one line. */
void unwind_stats_comment(const struct unwind_stats *stats, struct buf *text);

#endif
