/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two sides of profiles, before and after, compared function by function with statistics
 * (formats/diff_stats.h has the formulas).
 *
 *   profiles --diff_add()--> units: counts by function --diff_compare()--> functions with verdicts
 *
 * A function is a name, made stable across builds (formats/diff_names.h). It has two counts in each
 * profile: self, the samples in it, and total, those in it and all it calls; recursion counts once.
 *
 * What a share can and cannot say. Shares sum up to 1: one function that gets slower makes all
 * others' shares fall. So the test of a share is not against "the same share" alone but against
 * what most functions did: the *drift*, the weighted median of after / before over the functions'
 * self shares, or 1 where that is not surely another [the median of ratios of S. Anders and W.
 * Huber, Genome Biology 11, 2010, R106, for the same trouble with counts of genes]. A share counts
 * as grown only where it grew beyond both 1 and drift, and as fallen where it fell below both. With
 * the other denominators the drift is 1.
 *
 * All is association: one restart is one layout of memory, one warm-up, one load. Not thread safe.
 * Functions give 0 or -ENOMEM unless they say more.
 */
#ifndef WICK_FORMATS_DIFF_H
#define WICK_FORMATS_DIFF_H

#include "formats/diff_stats.h"
#include "formats/profile.h"

#include <regex.h>

enum diff_side { DIFF_BEFORE, DIFF_AFTER, DIFF_SIDES };

/* What a function's CPU time is divided by. */
enum diff_denominator {
	DIFF_SHARE, /* all CPU time of its side: a fraction */
	DIFF_CORES, /* the profiles' duration: CPU seconds a second */
	DIFF_WORK,  /* a number of requests, rows, .. that the user gives: CPU seconds each */
};

enum diff_verdict {
	DIFF_TOO_FEW,	  /* fewer than min_samples on both sides together */
	DIFF_NO_EVIDENCE, /* it may have changed by less than `detectable` */
	DIFF_SLOWER,	  /* costs more. "Takes more CPU", the word does not say why */
	DIFF_FASTER,
	DIFF_NEW,   /* not there before */
	DIFF_GONE,  /* not there after */
	DIFF_MOVED, /* changed, but others together mirror it: inlined, outlined, renamed, split */
};

struct diff_options {
	enum diff_denominator denominator;
	double alpha;	    /* of the verdicts, after Benjamini-Hochberg, and of the intervals */
	double min_samples; /* of both sides, to be tested at all */
	bool raw_names;
	bool without_templates;
};

#define DIFF_DEFAULTS                                                                              \
	{                                                                                          \
		.denominator = DIFF_SHARE, .alpha = 0.05, .min_samples = 20                        \
	}

/* One number on both sides. Rates and differences are in the denominator's unit. */
struct diff_change {
	double samples[DIFF_SIDES];
	double rate[DIFF_SIDES];
	double difference, low, high;		/* after - before, and its interval */
	double growth, growth_low, growth_high; /* after / before - 1; INFINITY: nothing before */
	/* The growth beyond the drift, of the same sign as growth or 0: what verdict and gate mean.
	 */
	double own_growth;
	double p, q;	   /* NAN: not tested */
	double detectable; /* the smallest growth that these data would show with 80 % power */
	enum diff_verdict verdict;
	bool is_passed_on; /* total only: callees' changes, which have verdicts themselves, are it
			    */
};

#define DIFF_PARTNERS_MAX 4

struct diff_function {
	uint32_t name;
	bool is_inlined[DIFF_SIDES]; /* in most of its samples */
	struct diff_change self, total;
	double cpu_s[DIFF_SIDES], self_cpu_s[DIFF_SIDES];    /* NAN: not known */
	uint32_t partners[DIFF_PARTNERS_MAX], partner_count; /* DIFF_MOVED: from or to these */
};

/* One profile. */
struct diff_unit {
	struct profile *profile;
	enum diff_side side;
	uint32_t type;	   /* the value that is counted */
	double samples;	   /* all of it */
	double size;	   /* by what a count is divided */
	double cpu_s;	   /* NAN: not known */
	double duration_s; /* 0: not known */
	double work;
	double weight; /* what its samples stand for, over what those of its side do: 1 at one Hz */
	uint32_t slot; /* among the units of its side */
	/* Of diff, by the profile's functions, then its locations, then one for no location. */
	uint32_t *functions;
};

/* A function's counts in a unit. */
struct diff_point {
	uint32_t function, unit;
	double self, total, inlined;
};

struct diff_totals {
	uint32_t units;
	double samples, cpu_s, duration_s, size;
};

struct diff {
	struct diff_options options;
	struct strtab names; /* stable names; a function's position is its name's id - 1 */
	struct diff_unit *units;
	uint32_t unit_count, units_size;
	struct diff_point *points; /* sorted by function and unit after diff_compare() */
	size_t point_count, points_size;

	/* After diff_compare(). */
	struct diff_function *functions;
	size_t *point_first; /* by function; one more for the end */
	uint32_t function_count;
	struct diff_totals totals[DIFF_SIDES];
	struct diff_change whole; /* all CPU time by the denominator; of shares it is always 1 */
	double drift;		  /* see above; 1 with other denominators than shares */
	/* How far a function of 2 % share is from itself in the next profile, beyond what drawing
	 * samples does: a standard deviation, as a fraction. From functions of about that share. */
	double spread[DIFF_SIDES];
	bool spread_is_assumed; /* one profile a side and too few functions to estimate it from */
	struct stats_side sides[DIFF_SIDES];
	double scale[DIFF_SIDES]; /* from samples by size to the denominator's unit */
	double *sizes, *counts;	  /* of the sides' units: those before, then those after */
	uint32_t tests;
	/* Samples a side that show a growth of 5 % of a function with 2 % share. */
	double samples_needed;
	double detectable; /* the growth of such a function that these data show */
};

int diff_new(const struct diff_options *options, struct diff **ret_diff);
void diff_free(struct diff *diff);
static inline void diff_freep(struct diff **diff)
{
	diff_free(*diff);
}

/*
 * Takes a profile over, also on failure. work: how much was done in it, for DIFF_WORK. -EINVAL: it
 * counts something else than those before; -ERANGE: it holds negative counts (is a difference
 * itself); -ENODATA: its duration, CPU time or work is not known and the denominator needs it. */
int diff_add(struct diff *diff, enum diff_side side, struct profile *profile, double work);

/* Once, after at least one profile of each side. -ENODATA: a side without any samples. */
int diff_compare(struct diff *diff);

static inline const char *diff_name(const struct diff *diff, const struct diff_function *function)
{
	return strtab_get(&diff->names, function->name);
}

/* The verdict of a function: that of its self time where that changed, else that of its total where
 * that changed and is not only passed on from callees; of no change, the one that says more. */
const struct diff_change *diff_headline(const struct diff_function *function);

/* "slower", "no evidence".. */
const char *diff_verdict_name(enum diff_verdict verdict);
/* Changed, and not only moved. */
bool diff_is_change(enum diff_verdict verdict);

/* Positions of the functions that have samples: first those that changed, the largest change on
 * top, then those that moved, then the others by what they have themselves. The caller frees it.
 * NULL: no memory. */
uint32_t *diff_ranking(const struct diff *diff, uint32_t *ret_count);

/* ---- the gate ---- */

struct diff_gate {
	double growth;	      /* more than this is too much: 0.05 */
	double min_share;     /* of the CPU time of either side */
	const regex_t *allow; /* functions whose names match may grow; NULL: none */
};

/* Is this function slower beyond the gate, in size and in certainty? */
bool diff_gate_function(const struct diff *diff, const struct diff_gate *gate,
			const struct diff_function *function);
/* Is the whole, by its denominator? Never with shares. */
bool diff_gate_whole(const struct diff *diff, const struct diff_gate *gate);

/* ---- between diff.c and diff_shift.c ---- */

/* The id of the function of a frame: line of a location (or its only one), or location UINT32_MAX
 * for a sample without any. */
uint32_t diff_frame(const struct diff_unit *unit, uint32_t location, uint32_t line);

/* The change of the sum of several functions' self times: p is set, q and verdict are not. */
struct diff_change diff_sum(const struct diff *diff, const uint32_t *functions, uint32_t count);

/* Finds what only moved, and what callers pass on. */
int diff_find_shifts(struct diff *diff);

#endif
