/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What became of every sample of a window (bpf/stats.def has names and sentences):
 *
 *	taken   = written + sum of dropped
 *	written = complete + sum of cut
 *
 * Both hold exactly, always; a difference is a bug and is shown. not_run is an estimate beside
 * them: ticks on which the kernel did not run the program at all, Hz x busy CPU time - runs.
 */
#ifndef WICK_PROFILER_LEDGER_H
#define WICK_PROFILER_LEDGER_H

#include "bpf/abi.h"
#include "formats/profile.h"

#include <stdbool.h>
#include <stdint.h>

struct ledger {
	uint64_t taken, filtered, written, complete;
	uint64_t dropped[WICK_DROPS];
	uint64_t cut[WICK_CUTS]; /* by enum wick_end and enum wick_cut */
	uint64_t whole;		 /* stacks that travelled whole */
	uint64_t filter_full;
	uint64_t refused;  /* mappings that were not kept */
	uint64_t replaced; /* mapped files, in place */
	uint64_t not_run;
	uint64_t throttled;    /* how often the kernel held an event back */
	uint64_t runs, run_ns; /* the kernel's own count; 0 unless asked for */
};

/* 0 when both equations hold; else how far they are off, together. */
uint64_t ledger_difference(const struct ledger *ledger);

/* Every count by its name and sentence, those that are 0 too; ends at the first that is not 0. */
typedef int (*ledger_take)(void *context, const char *name, const char *sentence, uint64_t count);
int ledger_each(const struct ledger *ledger, ledger_take take, void *context);

/* Puts all counts into the profile's ledger. */
int ledger_store(const struct ledger *ledger, struct profile *profile);

/* A cut's name without the "cut.": "depth". */
const char *ledger_cut(unsigned int cut);

/* The sentence for "dropped.ring_full", "cut.depth", ..; NULL for an unknown name. */
const char *ledger_sentence(const char *name);

/* A few lines on stderr for the end of a run. */
void ledger_print(const struct ledger *ledger);

#endif
