/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Are the certainties true? Comparisons of simulated profiles, of which the truth is known: how
 * often is something found where there is nothing, how often does an interval cover the truth, how
 * often is a change found. Seeds are fixed: a run gives the same numbers again.
 *
 * A unit draws each function's weight anew (log-normal around its share), neighbours in time with a
 * given correlation, then its counts (Poisson): samples of one unit are not independent.
 */
#include "formats/diff.h"
#include "tests/test.h"

#include <math.h>
#include <stdlib.h>

/* A sanitizer makes it ten times slower: then fewer comparisons are made. */
#ifdef __SANITIZE_ADDRESS__
enum { FEWER = 8 };
#else
enum { FEWER = 1 };
#endif
enum { FUNCTIONS_MAX = 64, SEED = 20261125 };

/* ---- randomness (xorshift64*, Box and Muller, Knuth) ---- */

static uint64_t random_state = SEED;

static double uniform(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return ((double)(random_state * UINT64_C(2685821657736338717) >> 11) + 0.5) /
	       9007199254740992.0;
}

static double normal(void)
{
	return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

static double poisson(double mean)
{
	double limit = exp(-mean), product = uniform(), count = 0;

	if (mean > 60)
		return fmax(0, round(mean + sqrt(mean) * normal()));
	while (product > limit) {
		product *= uniform();
		count++;
	}
	return count;
}

/* ---- profiles ---- */

struct world {
	uint32_t functions;
	double shares[FUNCTIONS_MAX]; /* sum 1 */
	double unit_samples;
	double spread;	    /* sigma of a function's weight in a unit */
	double correlation; /* of neighbours */
};

/* Some large, many small, and one of exactly 2 %: number 0. */
static struct world make_world(uint32_t functions, double unit_samples, double spread,
			       double correlation)
{
	struct world world = {.functions = functions,
			      .unit_samples = unit_samples,
			      .spread = spread,
			      .correlation = correlation};
	double sum = 0;

	for (uint32_t i = 1; i < functions; i++)
		sum += 1.0 / i;
	world.shares[0] = 0.02;
	for (uint32_t i = 1; i < functions; i++)
		world.shares[i] = 0.98 / i / sum;
	return world;
}

static struct profile *make_unit(const struct world *world, double growth, double *weights)
{
	struct profile *profile;

	profile_new(&profile);
	profile_init_cpu(profile, 100);
	profile->duration_ns = 1000000000;
	for (uint32_t i = 0; i < world->functions; i++) {
		struct profile_location location = {.mapping = PROFILE_NO_MAPPING, .address = i};
		struct profile_function function = {0};
		struct profile_line line = {0};
		double rho = world->correlation, mean, count;
		uint32_t id;
		char name[16];

		weights[i] = rho * weights[i] + sqrt(1 - rho * rho) * normal();
		mean = world->unit_samples * world->shares[i] * (i ? 1 : 1 + growth) *
		       exp(world->spread * weights[i] - world->spread * world->spread / 2);
		count = poisson(mean);
		snprintf(name, sizeof(name), "f%u", i);
		profile_add_string(profile, name, &function.name);
		profile_add_function(profile, &function, &line.function);
		profile_add_location(profile, &location, &line, 1, &id);
		profile_add_sample(profile, &id, 1, NULL, 0,
				   (int64_t[]){(int64_t)count, (int64_t)count * 10000000});
	}
	return profile;
}

/* growth: of function 0, afterwards. */
static struct diff *make_diff(const struct world *world, const uint32_t units[DIFF_SIDES],
			      double growth)
{
	const struct diff_options options = DIFF_DEFAULTS;
	struct diff *diff;

	diff_new(&options, &diff);
	for (int side = 0; side < DIFF_SIDES; side++) {
		double weights[FUNCTIONS_MAX];

		for (uint32_t i = 0; i < world->functions; i++)
			weights[i] = normal();
		for (uint32_t unit = 0; unit < units[side]; unit++)
			diff_add(diff, side, make_unit(world, side ? growth : 0, weights), 0);
	}
	diff_compare(diff);
	return diff;
}

static bool is_slower(enum diff_verdict verdict)
{
	return verdict == DIFF_SLOWER || verdict == DIFF_NEW;
}

/* ---- what is counted ---- */

struct outcome {
	double any_slower; /* share of the comparisons with a false "slower" */
	double any;	   /* with any false verdict */
	double covered;	   /* share of the intervals that cover the truth */
	double found;	   /* share of the comparisons in which function 0 is slower */
};

static struct outcome run(const struct world *world, uint32_t before, uint32_t after, double growth,
			  uint32_t comparisons)
{
	struct outcome outcome = {0};
	double intervals = 0;

	if (comparisons > 1)
		comparisons /= FEWER;
	for (uint32_t n = 0; n < comparisons; n++) {
		struct diff *diff = make_diff(world, (uint32_t[]){before, after}, growth);
		bool any_slower = false, any = false;

		for (uint32_t i = 0; i < diff->function_count; i++) {
			const struct diff_change *self = &diff->functions[i].self;
			uint32_t number = (uint32_t)atoi(diff_name(diff, &diff->functions[i]) + 1);
			double share = world->shares[number], grown = 1 + 0.02 * growth;
			double truth = share * (number ? 1 : 1 + growth) / grown - share;

			outcome.covered += self->low <= truth && truth <= self->high;
			intervals++;
			if (!number && growth > 0) {
				outcome.found += is_slower(self->verdict);
			} else {
				any |= diff_is_change(self->verdict);
				any_slower |= is_slower(self->verdict);
			}
		}
		outcome.any += any;
		outcome.any_slower += any_slower;
		diff_free(diff);
	}
	outcome.any /= comparisons;
	outcome.any_slower /= comparisons;
	outcome.found /= comparisons;
	outcome.covered /= intervals;
	return outcome;
}

/* The share of false findings that is borne: 6 % of 1,000, and what chance makes of 5 % with fewer. */
static double borne(uint32_t comparisons)
{
	return fmax(0.06, 0.05 + 2.5 * sqrt(0.05 * 0.95 / (comparisons / FEWER)));
}

static void check_same(const char *what, const struct world *world, uint32_t before, uint32_t after,
		       uint32_t comparisons, double least, double most)
{
	struct outcome outcome = run(world, before, after, 0, comparisons);

	printf("     %s: of %u, %.1f %% with a false slower, %.1f %% with any false verdict, "
	       "%.1f %% of the intervals cover\n",
	       what, comparisons / FEWER, 100 * outcome.any_slower, 100 * outcome.any,
	       100 * outcome.covered);
	CHECK(outcome.any_slower <= (FEWER > 1 ? borne(comparisons) : 0.06));
	CHECK(outcome.any <= borne(comparisons));
	CHECK(outcome.covered >= least);
	CHECK(outcome.covered <= most);
}

/* ---- the tests ---- */

TEST(the_same_program_twice_is_rarely_called_slower)
{
	struct world world = make_world(40, 3000, 0.2, 0);

	check_same("20 units a side", &world, 20, 20, 1000, 0.93, 0.97);
}

TEST(units_that_resemble_their_neighbours_are_rarely_called_slower)
{
	struct world world = make_world(40, 3000, 0.3, 0.4);

	check_same("20 slices a side, correlated by 0.4", &world, 20, 20, 1000, 0.93, 0.97);
}

TEST(unequal_numbers_of_units_are_no_harm)
{
	struct world world = make_world(40, 3000, 0.2, 0);

	check_same("8 against 30 units", &world, 8, 30, 1000, 0.93, 0.97);
}

/* A variance that few units show too small is held up by that of the samples: the intervals may
 * cover more, never less. */
TEST(few_units_are_no_harm)
{
	struct world world = make_world(40, 3000, 0.2, 0);

	check_same("3 units a side", &world, 3, 3, 1000, 0.93, 0.99);
	check_same("5 units a side", &world, 5, 5, 1000, 0.93, 0.98);
}

TEST(samples_that_are_independent_are_no_harm)
{
	struct world world = make_world(40, 3000, 0, 0);

	check_same("20 units without a spread of their own", &world, 20, 20, 1000, 0.93, 0.975);
}

/* Spread that one profile cannot show, but all functions together do. */
TEST(one_profile_a_side_is_guarded)
{
	struct world world = make_world(40, 60000, 0.1, 0);

	check_same("1 unit a side", &world, 1, 1, 1000, 0.90, 1);
}

TEST(intervals_cover_a_true_change)
{
	struct world world = make_world(40, 3000, 0.2, 0);
	struct outcome outcome = run(&world, 20, 20, 0.3, 1000);

	printf("     30 %% more: found in %.1f %%, %.1f %% of the intervals cover\n",
	       100 * outcome.found, 100 * outcome.covered);
	CHECK(outcome.covered >= 0.93 && outcome.covered <= 0.97);
	CHECK(outcome.any <= borne(1000));
}

/* A first comparison says how many samples a side it takes; with so many, in more units of the same
 * length, the change is found in 80 of 100. */
TEST(the_number_of_samples_it_asks_for_is_enough)
{
	struct world world = make_world(12, 20000, 0.08, 0);
	double found = 0, mean_units = 0, count = 304 / FEWER;

	for (int n = 0; n < count; n++) {
		struct diff *pilot = make_diff(&world, (uint32_t[]){30, 30}, 0);
		uint32_t units = (uint32_t)ceil(pilot->samples_needed / world.unit_samples);

		diff_free(pilot);
		mean_units += units / count;
		found += run(&world, units, units, 0.05, 1).found / count;
	}
	printf("     5 %% more of 2 %%: %.0f units a side predicted, found in %.1f %%\n",
	       mean_units, 100 * found);
	CHECK(found >= (FEWER > 1 ? 0.64 : 0.78));
	CHECK(found <= (FEWER > 1 ? 0.96 : 0.92));
}

TEST_MAIN()
