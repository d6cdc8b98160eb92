/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/unwind_stats.h"

#include <inttypes.h>

void unwind_span_add(struct unwind_span *span, uint64_t ns)
{
	if (!span->count || ns < span->min_ns)
		span->min_ns = ns;
	if (ns > span->max_ns)
		span->max_ns = ns;
	span->sum_ns += ns;
	span->count++;
}

static double mean_us(uint64_t sum_ns, uint64_t count)
{
	return count ? (double)sum_ns / (double)count / 1000 : 0;
}

void unwind_stats_print(const struct unwind_stats *stats, struct buf *text)
{
	const struct unwind_modules_stats *modules = &stats->modules;
	const struct unwind_rows_stats *rows = &stats->rows;

	buf_printf(text,
		   "unwind: %u of %u modules, %u rows in %u MiB, %u pages, %u rules\n"
		   "unwind: %u processes in %u regions of %u mappings, %u more rest\n",
		   modules->ready, modules->known, rows->rows, rows->shards, rows->pages,
		   rows->rules, stats->processes, stats->regions, stats->mappings,
		   stats->mappings_resting);
	buf_printf(text,
		   "unwind: %" PRIu64 " events (%" PRIu64 " lost), %" PRIu64 " rounds, %" PRIu64
		   " publishes, %" PRIu64 " reads of maps, delay %.0f us (%.0f..%.0f)\n",
		   stats->events, stats->lost, stats->rounds, stats->publishes, stats->reads,
		   mean_us(stats->delay.sum_ns, stats->delay.count),
		   (double)stats->delay.min_ns / 1e3, (double)stats->delay.max_ns / 1e3);
	buf_printf(text,
		   "unwind: %" PRIu64 " builds (%" PRIu64
		   " failed) of %.0f us (at most %.0f), %.0f us "
		   "after the first want (at most %.0f)\n",
		   modules->builds, modules->failures, mean_us(modules->build_ns, modules->builds),
		   (double)modules->build_max_ns / 1e3,
		   mean_us(modules->from_want_ns, modules->builds),
		   (double)modules->from_want_max_ns / 1e3);
	buf_printf(text,
		   "unwind: evictions %" PRIu64 ", no room for rows %" PRIu64
		   ", for mappings %" PRIu64 ", for rules %" PRIu64 "\n",
		   modules->evictions, modules->refusals, stats->refusals, rows->rules_refused);
}

void unwind_stats_comment(const struct unwind_stats *stats, struct buf *text)
{
	const struct unwind_modules_stats *modules = &stats->modules;

	buf_printf(
		text,
		"unwind tables: %u modules, %u rows, %u MiB; new mappings known after %.1f ms on "
		"average; %" PRIu64 " modules evicted",
		modules->ready, stats->rows.rows, stats->rows.shards,
		mean_us(stats->delay.sum_ns, stats->delay.count) / 1000, modules->evictions);
	if (modules->refusals || stats->refusals || stats->rows.rules_refused)
		buf_printf(text,
			   "; no room for rows of a module %" PRIu64 " times, for mappings of a "
			   "process %" PRIu64 " times, for %" PRIu64 " rules (--unwind-memory)",
			   modules->refusals, stats->refusals, stats->rows.rules_refused);
}
