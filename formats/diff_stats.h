/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The statistics of a comparison: from counts by unit to "this changed, with this certainty".
 *
 * A *unit* is one profile: a run, or a slice of a long one. The samples inside of one unit are not
 * independent (a burst of one kind of work puts many into one place), so units are what varies and
 * samples only set the least variance there can be. In the order of use:
 *
 *  1. A function's rate on one side is the ratio estimator r = sum X / sum T, X its samples in a
 * unit and T the unit's size (all its samples, its seconds, its requests). Its variance between
 * units is n / (n - 1) * sum (X - r T)^2 / (sum T)^2. [W. G. Cochran, Sampling Techniques, 3rd ed.,
 * Wiley 1977, section 6.3: ratio estimates; here without the correction for finite populations]
 *  2. Slices that follow each other resemble each other. With a correlation of R between neighbours
 *     k = (1 + R) / (1 - R) units tell as much as one: the variance grows k times, n - 1 becomes
 *     n - k, and the degrees of freedom are (n - 1) (1 - R^2) / (1 + R^2). R is the mean over the
 *     functions that spread, for one function's few units do not tell it; r1 of n values is low by
 *     about (1 + 3 R) / n.  [M. S. Bartlett, J. Royal Stat. Soc. 98, 1935, p. 536, and 9 (suppl.),
 *     1946, p. 27; bias: F. H. C. Marriott and J. A. Pope, Biometrika 41, 1954, p. 390]
 *  3. The variance is never less than that of drawing X of S samples: S p (1 - p), with
 *     p = (X + 1) / (S + 2), so that 0 of S is not certain to be 0.
 *     [A. Agresti and B. Caffo, The American Statistician 54, 2000, p. 280]
 *     What units vary more than that is their *spread*: the share of itself by which a function's
 *     rate differs from unit to unit (a standard deviation over a mean, squared here).
 *     One profile cannot show its spread. With one a side it is estimated from all functions
 *     together, as the random effect that makes the median of z^2 0.455 (that of chi^2 with one
 *     degree of freedom): most functions did not change, the median does not mind those that did.
 *     [R. DerSimonian and N. Laird, Controlled Clinical Trials 7, 1986, p. 177: random effects;
 *     B. Devlin and K. Roeder, Biometrics 55, 1999, p. 997: the median of z^2]
 *  4. The difference of two rates over its standard error is compared with Student's t, its degrees
 *     of freedom by Welch's formula.  [B. L. Welch, Biometrika 34, 1947, p. 28]
 *     The interval of a growth (b / a - 1) is that of log (b / a).
 *     [D. Katz et al., Biometrics 34, 1978, p. 469]
 *  5. p becomes q, the share of false findings among all with a q as small.
 *     [Y. Benjamini and Y. Hochberg, J. Royal Stat. Soc. B 57, 1995, p. 289]
 *  6. The smallest change that would be found with a power of 80 % is
 *     (t(1 - alpha/2) + t(0.8)) standard errors.  [H. S. Bloom, Evaluation Review 19, 1995, p. 547]
 *     The samples it takes are those of two proportions times the design effect, which for units of
 *     T samples is 1 + spread T p / (1 - p).  [J. L. Fleiss, B. Levin, M. C. Paik, Statistical
 *     Methods for Rates and Proportions, 3rd ed., Wiley 2003, section 4.2; L. Kish, Survey
 * Sampling, Wiley 1965, section 8.2]
 *
 * Nothing here is random: the same counts give the same answer. No allocation but in
 * stats_adjust().
 */
#ifndef WICK_FORMATS_DIFF_STATS_H
#define WICK_FORMATS_DIFF_STATS_H

#include <stddef.h>
#include <stdint.h>

#define STATS_POWER 0.8

/* The normal and Student's distribution. freedom may be INFINITY: then t is the normal one. */
double stats_normal_quantile(double p);
double stats_t_quantile(double p, double freedom);
/* The probability of a |t| as large or larger. */
double stats_t_two_sided(double t, double freedom);

/* One side of a comparison: what a function's rate is and how well it is known. */
struct stats_rate {
	double value;
	double variance;
	double freedom; /* degrees, INFINITY where the variance is not estimated from units */
	/* Of step 3; below 0 where units vary less than drawing would. What was given, where there
	 * is one unit. */
	double spread;
};

/* What is the same for all functions of a side. */
struct stats_side {
	const double *sizes; /* T of each unit */
	uint32_t units;
	double samples; /* S: all samples of the side; INFINITY: X is not a part of a known sum */
	double correlation; /* R of step 2, 0 <= R < 1 */
	/* Of a side of one unit: its spread, and the degrees of freedom with which that is known.
	 */
	double spread, freedom;
};

/* Steps 1 to 3. counts: X of each unit. */
struct stats_rate stats_rate(const struct stats_side *side, const double *counts);

/* r1 of step 2 for one function: the correlation of neighbours among X - r T, not yet corrected.
 * NAN: it does not vary, or there are fewer than 3 units. */
double stats_neighbours(const struct stats_side *side, const double *counts);
/* R from the mean of many r1: corrected, at least 0 and at most 0.9; 0 for fewer than 8 units. */
double stats_correlation(double mean_r1, uint32_t units);

/* Of functions with differences d (of logarithms, say) and variances v, the spread of step 3 of
 * both sides together: it makes the median of d^2 / (v + spread) 0.455; 0 where v is enough.
 * scratch: room for count numbers. */
double stats_spread(const double *differences, const double *variances, double *scratch,
		    size_t count);

double stats_median(double *values, size_t count); /* sorts them; count > 0 */

struct stats_weighted {
	double value, weight;
};

/* The weighted median, or 0 where it is not two of its standard errors away from 0: those are
 * sqrt(pi / 2 / n) deviations, n = (sum w)^2 / sum w^2, and the deviation is 1.4826 times the
 * median of |x - median|.  [P. J. Huber, Robust Statistics, Wiley 1981, sections 1.3 and 5.1;
 * n: L. Kish, as in step 6, section 11.7] values are changed. */
double stats_sure_median(struct stats_weighted *values, size_t count);

struct stats_test {
	double difference; /* b - factor * a */
	double error;	   /* its standard error */
	double freedom;
	double p;
};

/* Step 4. factor: what a would have become without any change of its own, 1 for a plain difference.
 */
struct stats_test stats_compare(const struct stats_rate *a, const struct stats_rate *b,
				double factor);

/* The interval of a test's difference that covers the truth with a probability of 1 - alpha. */
void stats_interval(const struct stats_test *test, double alpha, double *ret_low, double *ret_high);
/* That of the growth b / a - 1; from -1 to INFINITY where a or b is 0. */
void stats_growth(const struct stats_rate *a, const struct stats_rate *b, double alpha,
		  double *ret_low, double *ret_high);

/* Step 5: turns p (0..1) into q, in place. 0 or -ENOMEM. */
int stats_adjust(double *p, size_t count);

/* Step 6: the smallest difference that is found at this alpha with STATS_POWER. */
double stats_detectable(const struct stats_test *test, double alpha);
/* The samples a side, spread over so many units a side, with which a change of a share by the
 * fraction growth is found at alpha with STATS_POWER. */
double stats_samples_needed(double share, double growth, double design_effect, double alpha,
			    uint32_t units);

#endif
