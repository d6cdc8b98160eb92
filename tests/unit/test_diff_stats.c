/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The formulas against printed tables and numbers worked out by hand; how true they are together is
 * test_diff_calibration's. */
#include "formats/diff_stats.h"
#include "tests/test.h"

#include <math.h>

#define CHECK_NEAR(have, want, by)                                                                 \
	do {                                                                                       \
		double _have = (have), _want = (want);                                             \
		if (!(fabs(_have - _want) <= (by)))                                                \
			TEST_FAIL("%s is %.12g, want %.12g", #have, _have, _want);                 \
	} while (0)

/* Abramowitz and Stegun, tables 26.5 and 26.10. */
TEST(quantiles_are_those_of_the_tables)
{
	CHECK_NEAR(stats_normal_quantile(0.975), 1.959963985, 1e-8);
	CHECK_NEAR(stats_normal_quantile(0.8), 0.841621234, 1e-8);
	CHECK_NEAR(stats_normal_quantile(0.025), -1.959963985, 1e-8);
	CHECK_NEAR(stats_normal_quantile(0.5), 0, 1e-9);
	CHECK_NEAR(stats_t_quantile(0.975, 1), 12.706, 1e-3);
	CHECK_NEAR(stats_t_quantile(0.975, 2), 4.303, 1e-3);
	CHECK_NEAR(stats_t_quantile(0.975, 4), 2.776, 1e-3);
	CHECK_NEAR(stats_t_quantile(0.975, 10), 2.228, 1e-3);
	CHECK_NEAR(stats_t_quantile(0.975, 30), 2.042, 1e-3);
	CHECK_NEAR(stats_t_quantile(0.9995, 1), 636.619, 1e-2);
	CHECK_NEAR(stats_t_quantile(0.9995, 5), 6.869, 1e-3);
	CHECK_NEAR(stats_t_quantile(0.995, 120), 2.617, 1e-3);
}

TEST(quantiles_and_probabilities_undo_each_other)
{
	static const double freedoms[] = {0.7, 1, 3.3, 8, 57, 1e4, 1e9, INFINITY};

	for (size_t i = 0; i < sizeof(freedoms) / sizeof(*freedoms); i++)
		for (double tail = 0.4; tail > 1e-12; tail /= 7) {
			double t = stats_t_quantile(1 - tail, freedoms[i]);

			CHECK_NEAR(stats_t_two_sided(t, freedoms[i]) / 2 / tail, 1, 1e-3);
		}
	CHECK_NEAR(stats_t_two_sided(0, 5), 1, 1e-12);
	CHECK_NEAR(stats_t_two_sided(INFINITY, 5), 0, 0);
	CHECK_NEAR(stats_t_two_sided(NAN, 5), 1, 0);
}

/* X 10, 12, 20 of T 100, 100, 200: r = 42 / 400 = 0.105; rests -0.5, 1.5, -1; squares 3.5;
 * variance of the sum 3 / 2 * 3.5 = 5.25, which is less than drawing 42 of 400 gives:
 * p = 43 / 402, 402 p (1 - p) = 38.4005. */
TEST(rate_is_the_ratio_of_sums_and_no_surer_than_drawing)
{
	const double sizes[] = {100, 100, 200}, counts[] = {10, 12, 20};
	struct stats_side side = {.sizes = sizes, .units = 3, .samples = 400};
	struct stats_rate rate = stats_rate(&side, counts);

	CHECK_NEAR(rate.value, 0.105, 1e-12);
	CHECK_NEAR(rate.freedom, 2, 0);
	CHECK_NEAR(rate.variance * 400 * 400, 38.4005, 1e-3);
	CHECK_NEAR(rate.spread, (5.25 - 38.4005) * 3 / (42 * 42), 1e-4);
}

/* X 5, 15, 40: rests -10, 0, 10 of the mean rate 0.15; 3 / 2 * 200 = 300. */
TEST(rate_varies_as_its_units_do)
{
	const double sizes[] = {100, 100, 200}, counts[] = {5, 15, 40};
	struct stats_side side = {.sizes = sizes, .units = 3, .samples = 400};

	CHECK_NEAR(stats_rate(&side, counts).variance * 400 * 400, 300, 1e-9);
}

/* R = 0.5: 3 units tell as much as one; of 8 units of rests +-10 the variance is
 * 8 / (8 - 3) * 800 * 3. */
TEST(rate_varies_more_where_neighbours_are_alike)
{
	const double sizes[] = {100, 100, 100, 100, 100, 100, 100, 100};
	const double counts[] = {60, 60, 60, 60, 40, 40, 40, 40};
	struct stats_side side = {.sizes = sizes, .units = 8, .samples = 800, .correlation = 0.5};
	struct stats_rate rate = stats_rate(&side, counts);

	CHECK_NEAR(rate.variance * 800 * 800, 3840, 1e-9);
	CHECK_NEAR(rate.freedom, 7 * 0.75 / 1.25, 1e-12);
	/* Products of neighbours: 6 of 7 are +100, one is -100. */
	CHECK_NEAR(stats_neighbours(&side, counts), 500.0 / 800, 1e-12);
	CHECK_NEAR(stats_correlation(0.5, 8), 1, 0.11);	     /* (4 + 1) / 5, capped at 0.9 */
	CHECK_NEAR(stats_correlation(0.2, 13), 0.36, 1e-12); /* (2.6 + 1) / 10 */
	CHECK_NEAR(stats_correlation(-0.5, 20), 0, 0);
	CHECK_NEAR(stats_correlation(0.5, 7), 0, 0);
}

TEST(nothing_of_many_is_not_certain)
{
	const double sizes[] = {1000}, none[] = {0}, all[] = {1000};
	struct stats_side side = {.sizes = sizes, .units = 1, .samples = 1000, .freedom = INFINITY};

	CHECK_NEAR(stats_rate(&side, none).variance * 1e6, 1, 0.01);
	CHECK_NEAR(stats_rate(&side, all).variance * 1e6, 1, 0.01);
	side.spread = 0.01;
	CHECK_NEAR(stats_rate(&side, all).variance * 1e6, 1 + 0.01 * 1e6, 0.01);
	side.spread = 0;
	side.samples = INFINITY;
	CHECK_NEAR(stats_rate(&side, all).variance * 1e6, 1001, 1e-9);
}

/* Variances 4 and 9 with 4 and 9 degrees: (4 + 9)^2 / (16 / 4 + 81 / 9) = 13. */
TEST(difference_has_welchs_freedom)
{
	struct stats_rate a = {.value = 10, .variance = 4, .freedom = 4};
	struct stats_rate b = {.value = 17, .variance = 9, .freedom = 9};
	struct stats_test test = stats_compare(&a, &b, 1);
	double low, high;

	CHECK_NEAR(test.difference, 7, 0);
	CHECK_NEAR(test.error, sqrt(13), 1e-12);
	CHECK_NEAR(test.freedom, 13, 1e-12);
	CHECK_NEAR(test.p, stats_t_two_sided(7 / sqrt(13), 13), 1e-12);
	stats_interval(&test, 0.05, &low, &high);
	CHECK_NEAR(low, 7 - 2.160 * sqrt(13), 2e-3);
	CHECK_NEAR(high, 7 + 2.160 * sqrt(13), 2e-3);
	/* Twice a: 4 * 4 + 9 = 25. */
	test = stats_compare(&a, &b, 2);
	CHECK_NEAR(test.difference, -3, 0);
	CHECK_NEAR(test.error, 5, 1e-12);
	CHECK_NEAR(
		stats_detectable(&test, 0.05),
		5 * (stats_t_quantile(0.975, test.freedom) + stats_t_quantile(0.8, test.freedom)),
		1e-12);
}

TEST(growth_has_the_interval_of_its_logarithm)
{
	struct stats_rate a = {.value = 100, .variance = 100, .freedom = INFINITY}; /* 10 % */
	struct stats_rate b = {.value = 200, .variance = 400, .freedom = INFINITY};
	struct stats_rate none = {.variance = 1, .freedom = INFINITY};
	double low, high;

	stats_growth(&a, &b, 0.05, &low, &high);
	CHECK_NEAR(low, 2 * exp(-1.959964 * sqrt(0.02)) - 1, 1e-6);
	CHECK_NEAR(high, 2 * exp(1.959964 * sqrt(0.02)) - 1, 1e-6);
	stats_growth(&none, &b, 0.05, &low, &high);
	CHECK_NEAR(low, -1, 0);
	CHECK(isinf(high));
}

/* The example of Benjamini and Hochberg 1995, section 3: 15 p-values, 4 of them below 0.05 as q. */
TEST(q_is_the_rate_of_false_findings)
{
	double p[] = {0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
		      0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000};
	double turned[] = {0.04, 0.01, 0.03, 0.02};

	CHECK_INT(stats_adjust(p, 15), 0);
	CHECK_NEAR(p[0], 0.0015, 1e-12);
	CHECK_NEAR(p[3], 0.035625, 1e-12);
	CHECK_NEAR(p[4], 0.0603, 1e-12);
	CHECK_NEAR(p[5], 0.0298 * 15 / 7, 1e-12); /* 0.0278 * 15 / 6 would be more */
	CHECK_NEAR(p[14], 1, 0);
	CHECK_INT(stats_adjust(turned, 4), 0);
	for (int i = 0; i < 4; i++)
		CHECK_NEAR(turned[i], 0.04, 1e-12);
	CHECK_INT(stats_adjust(NULL, 0), 0);
}

TEST(median_is_the_middle_and_its_error_decides)
{
	double odd[] = {3, 1, 2}, even[] = {4, 1, 3, 2};
	struct stats_weighted sure[] = {{1.0, 1}, {1.1, 1}, {0.9, 1}, {1.05, 1}, {0.95, 1}};
	struct stats_weighted unsure[] = {{-1, 1}, {0.2, 1}, {0.1, 1}, {-0.1, 1}, {1, 1}};
	struct stats_weighted heavy[] = {{5, 1}, {1, 10}, {6, 1}, {7, 1}, {8, 1}};

	CHECK_NEAR(stats_median(odd, 3), 2, 0);
	CHECK_NEAR(stats_median(even, 4), 2.5, 0);
	CHECK_NEAR(stats_sure_median(sure, 5), 1, 0);
	CHECK_NEAR(stats_sure_median(unsure, 5), 0, 0);
	CHECK_NEAR(stats_sure_median(heavy, 5), 1, 0);
}

/* Differences that are quantiles of a normal distribution of variance 1 + 3. */
TEST(spread_is_what_drawing_does_not_explain)
{
	double differences[199], variances[199], scratch[199];

	for (int i = 0; i < 199; i++) {
		differences[i] = 2 * stats_normal_quantile((i + 1) / 200.0);
		variances[i] = 1;
	}
	CHECK_NEAR(stats_spread(differences, variances, scratch, 199), 3, 0.05);
	differences[0] = differences[1] = differences[2] = 1e6; /* these did change */
	CHECK_NEAR(stats_spread(differences, variances, scratch, 199), 3, 0.15);
	for (int i = 0; i < 199; i++)
		variances[i] = 10;
	CHECK_NEAR(stats_spread(differences, variances, scratch, 199), 0, 1e-9);
}

/* Fleiss, Levin and Paik, without continuity correction:
 * (1.96 + 0.84)^2 (p q + p' q') / (p - p')^2. */
TEST(samples_needed_are_those_of_two_proportions)
{
	double want = 7.84888 * (0.02 * 0.98 + 0.021 * 0.979) / (0.001 * 0.001);

	CHECK_NEAR(stats_samples_needed(0.02, 0.05, 1, 0.05, 1) / want, 1, 1e-4);
	CHECK_NEAR(stats_samples_needed(0.02, 0.05, 3, 0.05, 1) / want, 3, 1e-3);
	CHECK(stats_samples_needed(0.02, 0.05, 1, 0.05, 3) > 1.3 * want);
}

TEST_MAIN()
