/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/diff.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "formats/diff_names.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum {
	DRIFT_FUNCTIONS_MIN = 3,   /* for the median of ratios */
	SPREAD_FUNCTIONS_MIN = 10, /* to estimate it where units do not show it */
	SPREAD_SAMPLES_MIN = 50,   /* of such a function, on each side */
	SPREAD_FUNCTIONS = 9,	   /* of about example_share, where units do */
};

/* What samples_needed is about. */
static const double example_share = 0.02, example_growth = 0.05;
static const double drift_voice_max = 0.05;
/* From run to run, where nothing tells it. */
static const double spread_assumed = 0.05;
/* A deviation by medians tells as much as one by squares from so many times fewer values [P. J.
 * Huber, Robust Statistics, Wiley 1981, section 5.1]. */
static const double median_efficiency = 0.37;

int diff_new(const struct diff_options *options, struct diff **ret_diff)
{
	struct diff *diff = calloc(1, sizeof(*diff));

	if (!diff)
		return -ENOMEM;
	diff->options = *options;
	diff->drift = 1;
	*ret_diff = diff;
	return 0;
}

void diff_free(struct diff *diff)
{
	if (!diff)
		return;
	for (uint32_t i = 0; i < diff->unit_count; i++) {
		profile_free(diff->units[i].profile);
		free(diff->units[i].functions);
	}
	strtab_release(&diff->names);
	free(diff->units);
	free(diff->points);
	free(diff->functions);
	free(diff->point_first);
	free(diff->sizes);
	free(diff->counts);
	free(diff);
}

/* ---- from profiles to counts ---- */

/* Counts of one profile, by function. */
struct counting {
	struct diff_point *points; /* .unit is the last sample that counted it, from 1 */
	uint32_t count;
};

static int intern(struct diff *diff, const char *name, struct buf *stable, uint32_t *ret_function)
{
	uint32_t id;
	int err;

	buf_clear(stable);
	if (diff->options.raw_names)
		buf_add_str(stable, name);
	else
		diff_name_add(stable, name, diff->options.without_templates);
	if (!stable->used)
		buf_add_str(stable, "[unknown]");
	err = buf_error(stable);
	if (!err)
		err = strtab_add_n(&diff->names, stable->bytes, stable->used, &id);
	if (!err)
		*ret_function = id - 1; /* id 0 is "", which is no function */
	return err;
}

static int name_functions(struct diff *diff, struct diff_unit *unit)
{
	const struct profile *profile = unit->profile;
	_cleanup_(buf_release) struct buf stable = {0};
	uint32_t *to;
	int err = 0;

	to = unit->functions =
		calloc((size_t)profile->function_count + profile->location_count + 1, sizeof(*to));
	if (!to)
		return -ENOMEM;
	for (uint32_t i = 0; !err && i < profile->function_count; i++)
		err = intern(diff, profile_string(profile, profile->functions[i].name), &stable,
			     to++);
	for (uint32_t i = 0; !err && i < profile->location_count; i++, to++) {
		char name[512];

		if (profile->locations[i].line_count)
			continue;
		err = intern(
			diff,
			profile_frame_name(profile, &profile->locations[i], 0, name, sizeof(name)),
			&stable, to);
	}
	for (uint32_t i = 0; !err && i < profile->sample_count; i++)
		if (!profile->samples[i].location_count)
			return intern(diff, "[unknown]", &stable, to);
	return err;
}

uint32_t diff_frame(const struct diff_unit *unit, uint32_t location, uint32_t line)
{
	const struct profile *profile = unit->profile;
	const struct profile_location *at;

	if (location == UINT32_MAX)
		return unit->functions[profile->function_count + profile->location_count];
	at = &profile->locations[location];
	return at->line_count ? unit->functions[profile->lines[at->line_first + line].function]
			      : unit->functions[profile->function_count + location];
}

static void count_frame(struct counting *counting, uint32_t function, uint32_t sample, double value,
			bool is_leaf, bool is_inlined)
{
	struct diff_point *point = &counting->points[function];

	if (point->unit != sample + 1) {
		point->unit = sample + 1;
		point->total += value;
		if (is_inlined)
			point->inlined += value;
	}
	if (is_leaf)
		point->self += value;
}

static void count_sample(struct counting *counting, const struct diff_unit *unit, uint32_t index)
{
	const struct profile *profile = unit->profile;
	const struct profile_sample *sample = &profile->samples[index];
	double value = (double)sample->values[unit->type];

	for (uint32_t i = 0; i < sample->location_count; i++) {
		uint32_t id = profile->sample_locations[sample->location_first + i];
		uint32_t lines = profile->locations[id].line_count;

		for (uint32_t line = 0; line < (lines ? lines : 1); line++)
			count_frame(counting, diff_frame(unit, id, line), index, value, !i && !line,
				    line + 1 < lines);
	}
	if (!sample->location_count)
		count_frame(counting, diff_frame(unit, UINT32_MAX, 0), index, value, true, false);
}

static int count_unit(struct diff *diff, const struct diff_unit *unit, uint32_t position)
{
	struct counting counting = {.count = strtab_count(&diff->names) - 1};
	_cleanup_free_ struct diff_point *points = calloc(counting.count + 1, sizeof(*points));

	counting.points = points;
	if (!points)
		return -ENOMEM;
	for (uint32_t i = 0; i < unit->profile->sample_count; i++)
		count_sample(&counting, unit, i);
	for (uint32_t i = 0; i < counting.count; i++) {
		if (points[i].total <= 0)
			continue;
		if (array_reserve(&diff->points, &diff->points_size, diff->point_count + 1))
			return -ENOMEM;
		points[i].function = i;
		points[i].unit = position;
		diff->points[diff->point_count++] = points[i];
	}
	return 0;
}

static const char *type_name(const struct diff_unit *unit)
{
	return profile_string(unit->profile, unit->profile->types[unit->type].type);
}

/* Whole samples are what the statistics are about; a file without counts has its own value. */
static int find_value(struct diff_unit *unit, const struct diff_unit *first)
{
	const struct profile *profile = unit->profile;
	int samples = profile_find_type(profile, "samples"), cpu;

	if (!profile->type_count)
		return -EINVAL;
	if (samples < 0 && profile->default_type)
		samples =
			profile_find_type(profile, profile_string(profile, profile->default_type));
	unit->type = samples < 0 ? 0 : (uint32_t)samples;
	if (strcmp(type_name(unit), type_name(first)) != 0)
		return -EINVAL;
	for (uint32_t i = 0; i < profile->sample_count; i++) {
		if (profile->samples[i].values[unit->type] < 0)
			return -ERANGE;
		unit->samples += (double)profile->samples[i].values[unit->type];
	}
	cpu = profile_find_type(profile, "cpu");
	unit->cpu_s = NAN;
	if (cpu >= 0 && !strcmp(profile_string(profile, profile->types[cpu].unit), "nanoseconds"))
		unit->cpu_s = (double)profile_total(profile, (uint32_t)cpu) / 1e9;
	unit->duration_s = (double)profile->duration_ns / 1e9;
	return 0;
}

static int find_size(struct diff_unit *unit, enum diff_denominator denominator)
{
	unit->size = denominator == DIFF_SHARE	 ? unit->samples
		     : denominator == DIFF_CORES ? unit->duration_s
						 : unit->work;
	if (denominator != DIFF_SHARE && (!(unit->size > 0) || isnan(unit->cpu_s)))
		return -ENODATA;
	return 0;
}

int diff_add(struct diff *diff, enum diff_side side, struct profile *profile, double work)
{
	struct diff_unit *unit;
	int err = array_reserve(&diff->units, &diff->units_size, (size_t)diff->unit_count + 1);

	if (err) {
		profile_free(profile);
		return err;
	}
	unit = &diff->units[diff->unit_count++];
	*unit = (struct diff_unit){.profile = profile, .side = side, .work = work, .weight = 1};
	err = find_value(unit, &diff->units[0]);
	if (!err)
		err = find_size(unit, diff->options.denominator);
	if (!err)
		err = name_functions(diff, unit);
	if (!err)
		err = count_unit(diff, unit, diff->unit_count - 1);
	return err;
}

/* ---- the sides ---- */

/* One counting sort; points of a function stay in the order of their units. */
static int sort_points(struct diff *diff)
{
	uint32_t count = diff->function_count = strtab_count(&diff->names) - 1;
	struct diff_point *sorted = calloc(diff->point_count + 1, sizeof(*sorted));
	_cleanup_free_ size_t *next = calloc((size_t)count + 1, sizeof(*next));

	diff->point_first = calloc((size_t)count + 2, sizeof(*diff->point_first));
	diff->functions = calloc((size_t)count + 1, sizeof(*diff->functions));
	if (!sorted || !next || !diff->point_first || !diff->functions) {
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < diff->point_count; i++)
		diff->point_first[diff->points[i].function + 1]++;
	for (uint32_t i = 0; i < count; i++) {
		diff->point_first[i + 1] += diff->point_first[i];
		next[i] = diff->point_first[i];
	}
	for (size_t i = 0; i < diff->point_count; i++)
		sorted[next[diff->points[i].function]++] = diff->points[i];
	free(diff->points);
	diff->points = sorted;
	diff->points_size = diff->point_count + 1;
	return 0;
}

static void add_totals(struct diff_totals *totals, struct diff_unit *unit)
{
	unit->slot = totals->units++;
	totals->samples += unit->samples;
	totals->cpu_s += unit->cpu_s;
	totals->duration_s += unit->duration_s;
	totals->size += unit->size;
}

static int make_sides(struct diff *diff)
{
	bool is_share = diff->options.denominator == DIFF_SHARE;

	diff->sizes = calloc(diff->unit_count, sizeof(*diff->sizes));
	diff->counts = calloc(diff->unit_count, sizeof(*diff->counts));
	if (!diff->sizes || !diff->counts)
		return -ENOMEM;
	for (uint32_t i = 0; i < diff->unit_count; i++)
		add_totals(&diff->totals[diff->units[i].side], &diff->units[i]);
	for (int side = 0; side < DIFF_SIDES; side++) {
		const struct diff_totals *totals = &diff->totals[side];

		if (!totals->units || totals->samples <= 0)
			return -ENODATA;
		diff->scale[side] = is_share ? 1 : totals->cpu_s / totals->samples;
		diff->sides[side] = (struct stats_side){
			.sizes = diff->sizes + (side ? diff->totals[DIFF_BEFORE].units : 0),
			.units = totals->units,
			/* The sum of one profile is as random as its parts. */
			.samples = is_share || totals->units > 1 ? totals->samples : INFINITY,
			.freedom = INFINITY,
		};
	}
	for (uint32_t i = 0; i < diff->unit_count; i++) {
		struct diff_unit *unit = &diff->units[i];
		const struct diff_totals *totals = &diff->totals[unit->side];
		uint32_t at = unit->slot + (unit->side ? diff->totals[DIFF_BEFORE].units : 0);

		diff->sizes[at] = unit->size;
		if (!is_share && unit->samples > 0)
			unit->weight =
				unit->cpu_s / unit->samples * totals->samples / totals->cpu_s;
	}
	return 0;
}

/* ---- one change ---- */

enum kind { SELF, TOTAL };

/* Where the counts of a side's units stand. */
static double *side_counts(const struct diff *diff, enum diff_side side)
{
	return diff->counts + (side ? diff->totals[DIFF_BEFORE].units : 0);
}

static void clear_counts(const struct diff *diff)
{
	memset(diff->counts, 0, diff->unit_count * sizeof(*diff->counts));
}

/* Adds a function's counts by unit to diff->counts, and its samples by side to *change. */
static void add_counts(const struct diff *diff, uint32_t function, enum kind kind,
		       struct diff_change *change)
{
	for (size_t i = diff->point_first[function]; i < diff->point_first[function + 1]; i++) {
		const struct diff_point *point = &diff->points[i];
		const struct diff_unit *unit = &diff->units[point->unit];
		double count = kind == SELF ? point->self : point->total;

		side_counts(diff, unit->side)[unit->slot] += count * unit->weight;
		change->samples[unit->side] += count;
	}
}

/* Fills diff->counts with those of one function. */
static struct diff_change load_counts(const struct diff *diff, uint32_t function, enum kind kind)
{
	struct diff_change change = {0};

	clear_counts(diff);
	add_counts(diff, function, kind, &change);
	return change;
}

static struct stats_rate side_rate(const struct diff *diff, const struct stats_side *side,
				   enum diff_side which)
{
	struct stats_rate rate = stats_rate(side, side_counts(diff, which));

	rate.value *= diff->scale[which];
	rate.variance *= diff->scale[which] * diff->scale[which];
	return rate;
}

/* Both rates, from diff->counts. A side of one profile is taken to spread as the other one does. */
static void both_rates(const struct diff *diff, struct stats_rate rates[DIFF_SIDES])
{
	for (int side = 0; side < DIFF_SIDES; side++)
		rates[side] = side_rate(diff, &diff->sides[side], side);
	for (int side = 0; side < DIFF_SIDES; side++) {
		const struct stats_rate *other = &rates[!side];
		struct stats_side single = diff->sides[side];

		if (single.units > 1 || diff->sides[!side].units == 1)
			continue;
		single.spread = fmax(other->spread, 0);
		single.freedom = other->freedom;
		rates[side] = side_rate(diff, &single, side);
	}
}

/* What a function's rate would have become by the drift alone, as far as that is in the direction
 * in which it went: the rate has to change beyond it. */
static double own_factor(const struct diff *diff, double difference)
{
	return difference > 0 ? fmax(diff->drift, 1) : fmin(diff->drift, 1);
}

/* From diff->counts. detectable is still a difference; q and verdict are left. */
static void measure(const struct diff *diff, struct diff_change *change)
{
	double alpha = diff->options.alpha;
	struct stats_rate rates[DIFF_SIDES], *a = &rates[DIFF_BEFORE], *b = &rates[DIFF_AFTER];
	struct stats_test plain, own;
	double factor;

	both_rates(diff, rates);
	plain = stats_compare(a, b, 1);
	factor = own_factor(diff, plain.difference);
	own = stats_compare(a, b, factor);
	change->rate[DIFF_BEFORE] = a->value;
	change->rate[DIFF_AFTER] = b->value;
	change->difference = plain.difference;
	stats_interval(&plain, alpha, &change->low, &change->high);
	change->growth = a->value > 0 ? b->value / a->value - 1 : b->value > 0 ? INFINITY : 0;
	stats_growth(a, b, alpha, &change->growth_low, &change->growth_high);
	change->own_growth = change->growth;
	if (a->value > 0)
		change->own_growth = b->value / (factor * a->value) - 1;
	change->p = own.p;
	/* Between what it was and what the drift made of it: no change of its own. */
	if (own.difference * plain.difference <= 0) {
		change->own_growth = 0;
		change->p = 1;
	}
	change->q = NAN;
	change->detectable = stats_detectable(&own, alpha / fmax(diff->tests, 1));
	change->detectable /= a->value > 0 ? a->value : b->value;
}

struct diff_change diff_sum(const struct diff *diff, const uint32_t *functions, uint32_t count)
{
	struct diff_change change = {0};

	clear_counts(diff);
	for (uint32_t i = 0; i < count; i++)
		add_counts(diff, functions[i], SELF, &change);
	measure(diff, &change);
	return change;
}

/* ---- what is estimated from all functions together ---- */

static double samples_of(const struct diff_change *change)
{
	return change->samples[DIFF_BEFORE] + change->samples[DIFF_AFTER];
}

static bool is_tested(const struct diff *diff, const struct diff_change *change)
{
	return samples_of(change) >= diff->options.min_samples;
}

/* Of those functions that spread: drawing samples is not correlated, and would dilute it. */
static void estimate_correlation(struct diff *diff, enum diff_side side)
{
	struct stats_side *stats = &diff->sides[side];
	double total = 0;
	uint32_t count = 0;

	for (uint32_t i = 0; i < diff->function_count; i++) {
		struct diff_change change = load_counts(diff, i, SELF);
		struct stats_rate rate;
		double r1;

		rate = stats_rate(stats, side_counts(diff, side));
		if (rate.spread * change.samples[side] / stats->units <= 1)
			continue;
		r1 = stats_neighbours(stats, side_counts(diff, side));
		if (isnan(r1))
			continue;
		total += r1;
		count++;
	}
	if (count)
		stats->correlation = stats_correlation(total / count, stats->units);
}

/* Each function has a voice by its share, but none a larger one than drift_voice_max: neither shall
 * one large function that changed be "most", nor many tiny ones. */
static int estimate_drift(struct diff *diff)
{
	_cleanup_free_ struct stats_weighted *ratios =
		calloc((size_t)diff->function_count + 1, sizeof(*ratios));
	double minimum = diff->options.min_samples / 2;
	uint32_t count = 0;

	if (!ratios)
		return -ENOMEM;
	for (uint32_t i = 0; i < diff->function_count; i++) {
		struct diff_change change = load_counts(diff, i, SELF);
		double shares[DIFF_SIDES];

		if (change.samples[0] < minimum || change.samples[1] < minimum)
			continue;
		for (int side = 0; side < DIFF_SIDES; side++)
			shares[side] = change.samples[side] / diff->totals[side].samples;
		ratios[count].value = log(shares[DIFF_AFTER] / shares[DIFF_BEFORE]);
		ratios[count++].weight =
			fmin((shares[DIFF_BEFORE] + shares[DIFF_AFTER]) / 2, drift_voice_max);
	}
	if (count >= DRIFT_FUNCTIONS_MIN)
		diff->drift = exp(stats_sure_median(ratios, count));
	return 0;
}

/* With one profile a side: from how far all functions differ between the two. */
static int estimate_common_spread(struct diff *diff)
{
	size_t room = (size_t)diff->function_count + 1, count = 0;
	_cleanup_free_ double *differences = calloc(room, sizeof(*differences));
	_cleanup_free_ double *variances = calloc(room, sizeof(*variances));
	_cleanup_free_ double *scratch = calloc(room, sizeof(*scratch));
	double spread = spread_assumed * spread_assumed;

	if (!differences || !variances || !scratch)
		return -ENOMEM;
	for (uint32_t i = 0; i < diff->function_count; i++) {
		struct diff_change change = load_counts(diff, i, SELF);
		struct stats_rate rates[DIFF_SIDES];

		if (change.samples[0] < SPREAD_SAMPLES_MIN ||
		    change.samples[1] < SPREAD_SAMPLES_MIN)
			continue;
		both_rates(diff, rates);
		differences[count] = log(rates[1].value / rates[0].value / diff->drift);
		for (int side = 0; side < DIFF_SIDES; side++)
			variances[count] +=
				rates[side].variance / (rates[side].value * rates[side].value);
		count++;
	}
	diff->spread_is_assumed = count < SPREAD_FUNCTIONS_MIN;
	if (!diff->spread_is_assumed)
		spread = stats_spread(differences, variances, scratch, count) / 2;
	for (int side = 0; side < DIFF_SIDES; side++) {
		diff->sides[side].spread = spread;
		if (!diff->spread_is_assumed)
			diff->sides[side].freedom = median_efficiency * (double)count;
		diff->spread[side] = sqrt(spread);
	}
	return 0;
}

/* With several: what those functions show that are nearest to example_share. */
static void estimate_unit_spread(struct diff *diff, enum diff_side side)
{
	double spreads[SPREAD_FUNCTIONS], distances[SPREAD_FUNCTIONS];
	uint32_t count = 0;

	for (uint32_t i = 0; i < diff->function_count; i++) {
		struct diff_change change = load_counts(diff, i, SELF);
		double share, distance;
		uint32_t at;

		if (!is_tested(diff, &change) || change.samples[side] <= 0)
			continue;
		share = change.samples[side] / diff->totals[side].samples;
		distance = fabs(log(share / example_share));
		at = count < SPREAD_FUNCTIONS ? count++ : SPREAD_FUNCTIONS;
		/* Insertion into the list of the nearest. */
		for (; at > 0 && distances[at - 1] > distance; at--)
			if (at < SPREAD_FUNCTIONS) {
				distances[at] = distances[at - 1];
				spreads[at] = spreads[at - 1];
			}
		if (at < SPREAD_FUNCTIONS) {
			distances[at] = distance;
			/* Of the odds: a large share can vary less than what it is a share of. */
			spreads[at] = side_rate(diff, &diff->sides[side], side).spread /
				      ((1 - share) * (1 - share));
		}
	}
	if (count)
		diff->spread[side] = sqrt(fmax(stats_median(spreads, count), 0));
}

static int estimate_spread(struct diff *diff)
{
	bool is_single[] = {diff->sides[0].units == 1, diff->sides[1].units == 1};

	if (is_single[0] && is_single[1])
		return estimate_common_spread(diff);
	for (int side = 0; side < DIFF_SIDES; side++)
		if (!is_single[side])
			estimate_unit_spread(diff, side);
	for (int side = 0; side < DIFF_SIDES; side++)
		if (is_single[side])
			diff->spread[side] = diff->spread[!side];
	return 0;
}

static int estimate(struct diff *diff)
{
	int err = 0;

	for (int side = 0; side < DIFF_SIDES; side++)
		if (diff->sides[side].units > 1)
			estimate_correlation(diff, side);
	if (diff->options.denominator == DIFF_SHARE)
		err = estimate_drift(diff);
	return err ? err : estimate_spread(diff);
}

/* Of a function of example_share: the variance of its count over that of drawing. */
static double design_effect(const struct diff *diff, enum diff_side side)
{
	const struct diff_totals *totals = &diff->totals[side];

	return 1 + diff->spread[side] * diff->spread[side] * example_share / (1 - example_share) *
			   totals->samples / totals->units;
}

/* What these data, and how many more of the kind, can show of a function of example_share. */
static void predict(struct diff *diff)
{
	double alpha = diff->options.alpha / fmax(diff->tests, 1), error = 0, parts = 0, effect = 0;
	uint32_t units = diff->sides[DIFF_BEFORE].units;
	struct stats_test test = {.freedom = INFINITY};

	for (int side = 0; side < DIFF_SIDES; side++) {
		double variance = design_effect(diff, side) * example_share * (1 - example_share) /
				  diff->totals[side].samples;

		effect += design_effect(diff, side) / DIFF_SIDES;
		error += variance;
		if (diff->sides[side].units > 1)
			parts += variance * variance / (diff->sides[side].units - 1);
	}
	test.error = sqrt(error);
	if (parts > 0)
		test.freedom = error * error / parts;
	diff->detectable = stats_detectable(&test, alpha) / example_share;
	if (units > diff->sides[DIFF_AFTER].units)
		units = diff->sides[DIFF_AFTER].units;
	diff->samples_needed =
		stats_samples_needed(example_share, example_growth, effect, alpha, units);
}

/* ---- all changes ---- */

static bool is_self_only(const struct diff *diff, uint32_t function)
{
	for (size_t i = diff->point_first[function]; i < diff->point_first[function + 1]; i++)
		if (diff->points[i].self != diff->points[i].total)
			return false;
	return true;
}

static void measure_function(struct diff *diff, uint32_t position)
{
	struct diff_function *function = &diff->functions[position];
	double inlined[DIFF_SIDES] = {0};

	function->name = position + 1;
	function->self = load_counts(diff, position, SELF);
	measure(diff, &function->self);
	function->total = function->self;
	if (!is_self_only(diff, position)) {
		function->total = load_counts(diff, position, TOTAL);
		measure(diff, &function->total);
	}
	for (size_t i = diff->point_first[position]; i < diff->point_first[position + 1]; i++)
		inlined[diff->units[diff->points[i].unit].side] += diff->points[i].inlined;
	for (int side = 0; side < DIFF_SIDES; side++) {
		const struct diff_totals *totals = &diff->totals[side];

		function->is_inlined[side] = inlined[side] * 2 > function->total.samples[side];
		function->self_cpu_s[side] =
			function->self.samples[side] * totals->cpu_s / totals->samples;
		function->cpu_s[side] =
			function->total.samples[side] * totals->cpu_s / totals->samples;
	}
}

static enum diff_verdict verdict_of(const struct diff *diff, const struct diff_change *change)
{
	if (!is_tested(diff, change))
		return DIFF_TOO_FEW;
	if (!(change->q < diff->options.alpha) || change->own_growth == 0)
		return DIFF_NO_EVIDENCE;
	if (change->samples[DIFF_BEFORE] <= 0)
		return DIFF_NEW;
	if (change->samples[DIFF_AFTER] <= 0)
		return DIFF_GONE;
	return change->own_growth > 0 ? DIFF_SLOWER : DIFF_FASTER;
}

/* Is the total a number of its own, not self once more? */
static bool has_own_total(const struct diff_function *function)
{
	return samples_of(&function->total) > samples_of(&function->self);
}

/* The tests there are, as changes and their p, in the order of functions. */
static uint32_t list_tests(struct diff *diff, struct diff_change **changes, double *p)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < diff->function_count; i++) {
		struct diff_function *function = &diff->functions[i];

		if (is_tested(diff, &function->self))
			changes[count++] = &function->self;
		if (has_own_total(function) && is_tested(diff, &function->total))
			changes[count++] = &function->total;
	}
	for (uint32_t i = 0; i < count; i++)
		p[i] = changes[i]->p;
	return count;
}

static int judge(struct diff *diff)
{
	_cleanup_free_ struct diff_change **changes =
		calloc((size_t)diff->function_count * 2 + 1, sizeof(struct diff_change *));
	_cleanup_free_ double *p = calloc((size_t)diff->function_count * 2 + 1, sizeof(*p));
	uint32_t count;
	int err;

	if (!changes || !p)
		return -ENOMEM;
	count = list_tests(diff, changes, p);
	err = stats_adjust(p, count);
	if (err)
		return err;
	for (uint32_t i = 0; i < count; i++)
		changes[i]->q = p[i];
	for (uint32_t i = 0; i < diff->function_count; i++) {
		struct diff_function *function = &diff->functions[i];

		if (!has_own_total(function))
			function->total.q = function->self.q;
		function->self.verdict = verdict_of(diff, &function->self);
		function->total.verdict = verdict_of(diff, &function->total);
	}
	return 0;
}

/* Before measure(), which needs their number. */
static void count_tests(struct diff *diff)
{
	for (uint32_t i = 0; i < diff->function_count; i++) {
		struct diff_change self = load_counts(diff, i, SELF);
		struct diff_change total = load_counts(diff, i, TOTAL);

		diff->tests += is_tested(diff, &self);
		diff->tests += samples_of(&total) > samples_of(&self) && is_tested(diff, &total);
	}
}

static void measure_whole(struct diff *diff)
{
	struct diff_change *whole = &diff->whole;

	if (diff->options.denominator == DIFF_SHARE)
		return;
	clear_counts(diff);
	for (uint32_t i = 0; i < diff->unit_count; i++) {
		const struct diff_unit *unit = &diff->units[i];

		side_counts(diff, unit->side)[unit->slot] += unit->samples * unit->weight;
		whole->samples[unit->side] += unit->samples;
	}
	measure(diff, whole);
	whole->q = whole->p; /* one question, asked by itself */
	whole->verdict = verdict_of(diff, whole);
}

int diff_compare(struct diff *diff)
{
	int err = make_sides(diff);

	if (!err)
		err = sort_points(diff);
	if (!err)
		err = estimate(diff);
	if (err)
		return err;
	count_tests(diff);
	for (uint32_t i = 0; i < diff->function_count; i++)
		measure_function(diff, i);
	measure_whole(diff);
	predict(diff);
	err = judge(diff);
	if (!err)
		err = diff_find_shifts(diff);
	return err;
}

/* ---- what came out ---- */

bool diff_is_change(enum diff_verdict verdict)
{
	return verdict == DIFF_SLOWER || verdict == DIFF_FASTER || verdict == DIFF_NEW ||
	       verdict == DIFF_GONE;
}

const char *diff_verdict_name(enum diff_verdict verdict)
{
	static const char *const names[] = {
		[DIFF_TOO_FEW] = "too few samples",
		[DIFF_NO_EVIDENCE] = "no evidence",
		[DIFF_SLOWER] = "slower",
		[DIFF_FASTER] = "faster",
		[DIFF_NEW] = "new",
		[DIFF_GONE] = "gone",
		[DIFF_MOVED] = "moved",
	};

	return names[verdict];
}

const struct diff_change *diff_headline(const struct diff_function *function)
{
	if (diff_is_change(function->self.verdict) || function->self.verdict == DIFF_MOVED)
		return &function->self;
	if (diff_is_change(function->total.verdict) && !function->total.is_passed_on)
		return &function->total;
	if (function->self.verdict == DIFF_TOO_FEW && function->total.verdict == DIFF_NO_EVIDENCE)
		return &function->total;
	return &function->self;
}

struct ranked {
	uint32_t function;
	int group; /* 0: changed, 1: moved, 2: the others */
	double size;
};

static int by_rank(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;

	if (a->group != b->group)
		return a->group - b->group;
	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	return (a->function > b->function) - (a->function < b->function);
}

uint32_t *diff_ranking(const struct diff *diff, uint32_t *ret_count)
{
	_cleanup_free_ struct ranked *ranked =
		calloc((size_t)diff->function_count + 1, sizeof(*ranked));
	uint32_t *order = calloc((size_t)diff->function_count + 1, sizeof(*order));
	uint32_t count = 0;

	if (!ranked || !order) {
		free(order);
		return NULL;
	}
	for (uint32_t i = 0; i < diff->function_count; i++) {
		const struct diff_change *change = diff_headline(&diff->functions[i]);
		struct ranked *at = &ranked[count];

		if (samples_of(&diff->functions[i].total) <= 0)
			continue; /* in a profile's tables, but in none of its samples */
		*at = (struct ranked){i, 2, diff->functions[i].self.rate[DIFF_AFTER]};
		if (diff_is_change(change->verdict) || change->verdict == DIFF_MOVED) {
			at->group = change->verdict == DIFF_MOVED;
			at->size = fabs(change->difference);
		}
		count++;
	}
	qsort(ranked, count, sizeof(*ranked), by_rank);
	for (uint32_t i = 0; i < count; i++)
		order[i] = ranked[i].function;
	*ret_count = count;
	return order;
}

bool diff_gate_function(const struct diff *diff, const struct diff_gate *gate,
			const struct diff_function *function)
{
	const struct diff_change *change = diff_headline(function);
	double share = 0;

	for (int side = 0; side < DIFF_SIDES; side++)
		share = fmax(share, change->samples[side] / diff->totals[side].samples);
	return (change->verdict == DIFF_SLOWER || change->verdict == DIFF_NEW) &&
	       change->own_growth > gate->growth && share >= gate->min_share &&
	       !(gate->allow && !regexec(gate->allow, diff_name(diff, function), 0, NULL, 0));
}

bool diff_gate_whole(const struct diff *diff, const struct diff_gate *gate)
{
	return diff->options.denominator != DIFF_SHARE && diff->whole.verdict == DIFF_SLOWER &&
	       diff->whole.own_growth > gate->growth;
}
