/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/diff_stats.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { CORRELATION_UNITS_MIN = 8 };

/* ---- distributions ---- */

/* The continued fraction of the incomplete beta function, by Lentz's method [A. R. DiDonato and
 * A. H. Morris, ACM TOMS 18, 1992, p. 360; Abramowitz and Stegun 26.5.8]. */
static double beta_fraction(double x, double a, double b)
{
	double c = 1, d = 1 - (a + b) * x / (a + 1), value;

	d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d);
	value = d;
	for (int m = 1; m < 1000; m++) {
		double terms[] = {m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
				  -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))};
		double step = 1;

		for (int i = 0; i < 2; i++) {
			d = 1 + terms[i] * d;
			d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d);
			c = 1 + terms[i] / c;
			c = fabs(c) < 1e-300 ? 1e-300 : c;
			step = c * d;
			value *= step;
		}
		if (fabs(step - 1) < 1e-15)
			break;
	}
	return value;
}

static double incomplete_beta(double x, double a, double b)
{
	double front;

	if (x <= 0 || x >= 1)
		return x > 0;
	front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	/* It converges fast on this side of the mean only. */
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(x, a, b) / a;
	return 1 - front * beta_fraction(1 - x, b, a) / b;
}

double stats_t_two_sided(double t, double freedom)
{
	if (isnan(t))
		return 1;
	if (isinf(t))
		return 0;
	if (freedom > 1e6)
		return erfc(fabs(t) / M_SQRT2);
	return incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5);
}

static double t_density(double t, double freedom)
{
	if (freedom > 1e6)
		return exp(-t * t / 2) / sqrt(2 * M_PI);
	return exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2) -
		   (freedom + 1) / 2 * log1p(t * t / freedom)) /
	       sqrt(freedom * M_PI);
}

/* Newton's steps on the logarithm of the tail, which is nearly straight, kept in what is known. */
double stats_t_quantile(double p, double freedom)
{
	double low = 0, high = INFINITY, t = 2;

	if (p < 0.5)
		return -stats_t_quantile(1 - p, freedom);
	for (int i = 0; i < 200; i++) {
		double tail = stats_t_two_sided(t, freedom) / 2, step;

		if (tail > 1 - p)
			low = t;
		else
			high = t;
		step = log(tail / (1 - p)) * tail / t_density(t, freedom);
		if (fabs(step) <= 1e-12 * t)
			break;
		if (t + step > low && t + step < high)
			t += step;
		else
			t = isinf(high) ? 2 * t : (low + high) / 2;
	}
	return t;
}

double stats_normal_quantile(double p)
{
	return stats_t_quantile(p, INFINITY);
}

/* ---- one side ---- */

static double sum(const double *values, uint32_t count)
{
	double total = 0;

	for (uint32_t i = 0; i < count; i++)
		total += values[i];
	return total;
}

/* Step 3, of the count. */
static double drawing_variance(double count, double samples)
{
	double p = (count + 1) / (samples + 2);

	return isinf(samples) ? count + 1 : (samples + 2) * p * (1 - p);
}

/* Steps 1 and 2, of the count. */
static double unit_variance(const struct stats_side *side, const double *counts, double rate)
{
	double n = side->units, squares = 0;
	/* So many units tell as much as one that is independent. */
	double like_one = (1 + side->correlation) / (1 - side->correlation);

	like_one = fmin(like_one, fmax(n / 2, 1));
	for (uint32_t i = 0; i < side->units; i++) {
		double rest = counts[i] - rate * side->sizes[i];

		squares += rest * rest;
	}
	return n / (n - like_one) * squares * like_one;
}

static double unit_freedom(const struct stats_side *side)
{
	double square = side->correlation * side->correlation;

	return (side->units - 1) * (1 - square) / (1 + square);
}

struct stats_rate stats_rate(const struct stats_side *side, const double *counts)
{
	double size = sum(side->sizes, side->units), count = sum(counts, side->units);
	double drawn = drawing_variance(count, side->samples), variance;
	struct stats_rate rate = {.freedom = side->freedom, .spread = side->spread};

	if (size <= 0)
		return (struct stats_rate){.variance = INFINITY, .freedom = INFINITY};
	rate.value = count / size;
	variance = drawn + side->spread * count * count;
	if (side->units > 1) {
		variance = unit_variance(side, counts, rate.value);
		rate.freedom = unit_freedom(side);
		rate.spread = count > 0 ? (variance - drawn) * side->units / (count * count) : 0;
		variance = fmax(variance, drawn);
	}
	rate.variance = variance / (size * size);
	return rate;
}

double stats_neighbours(const struct stats_side *side, const double *counts)
{
	double size = sum(side->sizes, side->units), rate, before = 0, squares = 0, products = 0;

	if (side->units < 3 || size <= 0)
		return NAN;
	rate = sum(counts, side->units) / size;
	for (uint32_t i = 0; i < side->units; i++) {
		double rest = counts[i] - rate * side->sizes[i];

		squares += rest * rest;
		products += i ? rest * before : 0;
		before = rest;
	}
	return squares > 0 ? products / squares : NAN;
}

double stats_correlation(double mean_r1, uint32_t units)
{
	double corrected;

	if (units < CORRELATION_UNITS_MIN || isnan(mean_r1))
		return 0;
	/* r1 = R - (1 + 3 R) / n, solved for R. */
	corrected = (mean_r1 * units + 1) / (units - 3.0);
	return fmin(fmax(corrected, 0), 0.9);
}

static int ascending(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

double stats_median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), ascending);
	return (values[count / 2] + values[(count - 1) / 2]) / 2;
}

static int by_value(const void *left, const void *right)
{
	const struct stats_weighted *a = left, *b = right;

	return (a->value > b->value) - (a->value < b->value);
}

static double weighted_median(struct stats_weighted *values, size_t count)
{
	double total = 0, below = 0;
	size_t i = 0;

	qsort(values, count, sizeof(*values), by_value);
	for (size_t j = 0; j < count; j++)
		total += values[j].weight;
	while (i + 1 < count && below + values[i].weight < total / 2)
		below += values[i++].weight;
	return values[i].value;
}

double stats_sure_median(struct stats_weighted *values, size_t count)
{
	double median = weighted_median(values, count), total = 0, squares = 0, error;

	for (size_t i = 0; i < count; i++) {
		values[i].value = fabs(values[i].value - median);
		total += values[i].weight;
		squares += values[i].weight * values[i].weight;
	}
	error = 1.4826 * weighted_median(values, count) * sqrt(M_PI / 2 * squares) / total;
	return fabs(median) >= 2 * error ? median : 0;
}

double stats_spread(const double *differences, const double *variances, double *scratch,
		    size_t count)
{
	double z = stats_normal_quantile(0.75), low = 0, high = 100;

	/* The median falls as the spread rises. */
	for (int i = 0; i < 60; i++) {
		double spread = i ? (low + high) / 2 : 0;

		for (size_t j = 0; j < count; j++)
			scratch[j] = differences[j] * differences[j] / (variances[j] + spread);
		if (stats_median(scratch, count) > z * z)
			low = spread;
		else
			high = spread;
	}
	return high;
}

/* ---- two sides ---- */

struct stats_test stats_compare(const struct stats_rate *a, const struct stats_rate *b,
				double factor)
{
	double variance_a = factor * factor * a->variance, variance = variance_a + b->variance;
	struct stats_test test = {.difference = b->value - factor * a->value,
				  .error = sqrt(variance)};
	/* An infinite freedom makes its part 0. */
	double parts =
		variance_a * variance_a / a->freedom + b->variance * b->variance / b->freedom;

	test.freedom = parts > 0 ? variance * variance / parts : INFINITY;
	if (isinf(variance))
		test.freedom = INFINITY;
	test.p = stats_t_two_sided(test.difference / test.error, test.freedom);
	return test;
}

void stats_interval(const struct stats_test *test, double alpha, double *ret_low, double *ret_high)
{
	double half = stats_t_quantile(1 - alpha / 2, test->freedom) * test->error;

	*ret_low = test->difference - half;
	*ret_high = test->difference + half;
}

void stats_growth(const struct stats_rate *a, const struct stats_rate *b, double alpha,
		  double *ret_low, double *ret_high)
{
	/* As in stats_compare(), of the logarithms: their variances are the relative ones. */
	struct stats_rate log_a = *a, log_b = *b;
	struct stats_test test;
	double low, high;

	*ret_low = -1;
	*ret_high = INFINITY;
	if (a->value <= 0 || b->value <= 0)
		return;
	log_a.value = log(a->value);
	log_b.value = log(b->value);
	log_a.variance /= a->value * a->value;
	log_b.variance /= b->value * b->value;
	test = stats_compare(&log_a, &log_b, 1);
	stats_interval(&test, alpha, &low, &high);
	*ret_low = expm1(low);
	*ret_high = expm1(high);
}

/* ---- many tests ---- */

static int by_p(const void *left, const void *right, void *context)
{
	const double *p = context;
	size_t i = *(const size_t *)left, j = *(const size_t *)right;

	if (p[i] != p[j])
		return p[i] < p[j] ? -1 : 1;
	return (i > j) - (i < j);
}

int stats_adjust(double *p, size_t count)
{
	size_t *order = malloc((count + 1) * sizeof(*order));
	double least = 1;

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		order[i] = i;
	qsort_r(order, count, sizeof(*order), by_p, p);
	for (size_t rank = count; rank > 0; rank--) {
		double *at = &p[order[rank - 1]];

		least = fmin(least, *at * (double)count / (double)rank);
		*at = least;
	}
	free(order);
	return 0;
}

/* ---- power ---- */

double stats_detectable(const struct stats_test *test, double alpha)
{
	return (stats_t_quantile(1 - alpha / 2, test->freedom) +
		stats_t_quantile(STATS_POWER, test->freedom)) *
	       test->error;
}

double stats_samples_needed(double share, double growth, double design_effect, double alpha,
			    uint32_t units)
{
	double freedom = units > 1 ? 2.0 * (units - 1) : INFINITY;
	double quantiles =
		stats_t_quantile(1 - alpha / 2, freedom) + stats_t_quantile(STATS_POWER, freedom);
	double grown = share * (1 + growth), difference = share * growth;

	return quantiles * quantiles * design_effect * (share * (1 - share) + grown * (1 - grown)) /
	       (difference * difference);
}
