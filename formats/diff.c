/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/diff.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "formats/diff_names.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum {
	DRIFT_FUNCTIONS_MIN = 3,       /* for the median of ratios */
	DISPERSION_FUNCTIONS_MIN = 10, /* for genomic control */
	DISPERSION_ASSUMED = 2,	       /* where there are fewer */
};

/* What samples_needed is about. */
static const double example_share = 0.02, example_growth = 0.05;

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
	return err ? err : intern(diff, "[unknown]", &stable, to);
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
			.dispersion = 1,
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

static struct stats_rate side_rate(const struct diff *diff, enum diff_side side)
{
	struct stats_rate rate = stats_rate(&diff->sides[side], side_counts(diff, side));

	rate.value *= diff->scale[side];
	rate.variance *= diff->scale[side] * diff->scale[side];
	return rate;
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
	struct stats_rate a = side_rate(diff, DIFF_BEFORE), b = side_rate(diff, DIFF_AFTER);
	struct stats_test plain = stats_compare(&a, &b, 1);
	double factor = own_factor(diff, plain.difference);
	struct stats_test own = stats_compare(&a, &b, factor);

	change->rate[DIFF_BEFORE] = a.value;
	change->rate[DIFF_AFTER] = b.value;
	change->difference = plain.difference;
	stats_interval(&plain, alpha, &change->low, &change->high);
	change->growth = a.value > 0 ? b.value / a.value - 1 : b.value > 0 ? INFINITY : 0;
	stats_growth(&a, &b, alpha, &change->growth_low, &change->growth_high);
	change->own_growth = change->growth;
	if (a.value > 0)
		change->own_growth = b.value / (factor * a.value) - 1;
	change->p = own.p;
	/* Between what it was and what the drift made of it: no change of its own. */
	if (own.difference * plain.difference <= 0) {
		change->own_growth = 0;
		change->p = 1;
	}
	change->q = NAN;
	change->detectable = stats_detectable(&own, alpha / fmax(diff->tests, 1));
	change->detectable /= a.value > 0 ? a.value : b.value;
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

static int ascending(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static double median(double *values, uint32_t count)
{
	qsort(values, count, sizeof(*values), ascending);
	return (values[count / 2] + values[(count - 1) / 2]) / 2;
}

/* Calls what() with diff->counts filled, for the self time of each function that is tested; gives
 * how many numbers it stored. */
static uint32_t over_functions(const struct diff *diff, enum diff_side side, double *numbers,
			       double (*what)(const struct diff *diff, enum diff_side side,
					      const struct diff_change *change))
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < diff->function_count; i++) {
		struct diff_change change = {0};
		double number;

		clear_counts(diff);
		add_counts(diff, i, SELF, &change);
		if (!is_tested(diff, &change))
			continue;
		number = what(diff, side, &change);
		if (!isnan(number))
			numbers[count++] = number;
	}
	return count;
}

static double neighbours(const struct diff *diff, enum diff_side side,
			 const struct diff_change *change)
{
	(void)change;
	return stats_neighbours(&diff->sides[side], side_counts(diff, side));
}

static double ratio(const struct diff *diff, enum diff_side side, const struct diff_change *change)
{
	double minimum = diff->options.min_samples / 2;

	(void)side;
	if (change->samples[DIFF_BEFORE] < minimum || change->samples[DIFF_AFTER] < minimum)
		return NAN;
	return side_rate(diff, DIFF_AFTER).value / side_rate(diff, DIFF_BEFORE).value;
}

static double dispersion(const struct diff *diff, enum diff_side side,
			 const struct diff_change *change)
{
	return change->samples[side] > 0 ? side_rate(diff, side).dispersion : NAN;
}

static double z_square(const struct diff *diff, enum diff_side side,
		       const struct diff_change *change)
{
	struct stats_rate a = side_rate(diff, DIFF_BEFORE), b = side_rate(diff, DIFF_AFTER);
	struct stats_test test = stats_compare(&a, &b, diff->drift);

	(void)side;
	(void)change;
	return test.difference * test.difference / (test.error * test.error);
}

static void estimate_correlation(struct diff *diff, double *numbers)
{
	for (int side = 0; side < DIFF_SIDES; side++) {
		uint32_t count = over_functions(diff, side, numbers, neighbours);
		double total = 0;

		for (uint32_t i = 0; i < count; i++)
			total += numbers[i];
		diff->sides[side].correlation =
			count ? stats_correlation(total / count, diff->sides[side].units) : 0;
	}
}

static void estimate_drift(struct diff *diff, double *numbers)
{
	uint32_t count;

	if (diff->options.denominator != DIFF_SHARE)
		return;
	count = over_functions(diff, DIFF_BEFORE, numbers, ratio);
	if (count >= DRIFT_FUNCTIONS_MIN)
		diff->drift = median(numbers, count);
}

static void estimate_dispersion(struct diff *diff, double *numbers)
{
	bool is_single[DIFF_SIDES];

	for (int side = 0; side < DIFF_SIDES; side++) {
		uint32_t count;

		is_single[side] = diff->sides[side].units == 1;
		diff->dispersion[side] = 1;
		count = is_single[side] ? 0 : over_functions(diff, side, numbers, dispersion);
		if (count)
			diff->dispersion[side] = fmax(median(numbers, count), 1);
	}
	if (is_single[DIFF_BEFORE] && is_single[DIFF_AFTER]) {
		uint32_t count = over_functions(diff, DIFF_BEFORE, numbers, z_square);

		diff->dispersion_is_assumed = count < DISPERSION_FUNCTIONS_MIN;
		diff->dispersion[DIFF_BEFORE] = diff->dispersion[DIFF_AFTER] =
			diff->dispersion_is_assumed ? DISPERSION_ASSUMED
						    : stats_dispersion(numbers, count);
	} else if (is_single[DIFF_BEFORE] || is_single[DIFF_AFTER]) {
		/* What the other side's units show. */
		diff->dispersion[is_single[DIFF_AFTER]] = diff->dispersion[!is_single[DIFF_AFTER]];
	}
	for (int side = 0; side < DIFF_SIDES; side++)
		diff->sides[side].dispersion = diff->dispersion[side];
}

static int estimate(struct diff *diff)
{
	_cleanup_free_ double *numbers = calloc((size_t)diff->function_count + 1, sizeof(*numbers));

	if (!numbers)
		return -ENOMEM;
	estimate_correlation(diff, numbers);
	estimate_drift(diff, numbers);
	estimate_dispersion(diff, numbers);
	return 0;
}

/* What these data, and how many more of the kind, can show of a function of example_share. */
static void predict(struct diff *diff)
{
	double alpha = diff->options.alpha / fmax(diff->tests, 1), error = 0, parts = 0;
	uint32_t units = diff->sides[DIFF_BEFORE].units;
	struct stats_test test = {.freedom = INFINITY};

	for (int side = 0; side < DIFF_SIDES; side++) {
		double variance = diff->dispersion[side] * example_share * (1 - example_share) /
				  diff->totals[side].samples;

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
	diff->samples_needed = stats_samples_needed(
		example_share, example_growth,
		(diff->dispersion[DIFF_BEFORE] + diff->dispersion[DIFF_AFTER]) / 2, alpha, units);
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
	clear_counts(diff);
	add_counts(diff, position, SELF, &function->self);
	measure(diff, &function->self);
	function->total = function->self;
	if (!is_self_only(diff, position)) {
		function->total = (struct diff_change){0};
		clear_counts(diff);
		add_counts(diff, position, TOTAL, &function->total);
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

/* The tests there are, as changes, in the order of functions. */
static uint32_t list_tests(struct diff *diff, struct diff_change **changes)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < diff->function_count; i++) {
		struct diff_function *function = &diff->functions[i];

		if (is_tested(diff, &function->self))
			changes[count++] = &function->self;
		if (has_own_total(function) && is_tested(diff, &function->total))
			changes[count++] = &function->total;
	}
	return count;
}

static int judge(struct diff *diff)
{
	_cleanup_free_ struct diff_change **changes =
		calloc((size_t)diff->function_count * 2 + 1, sizeof(struct diff_change *));
	_cleanup_free_ double *p = calloc((size_t)diff->function_count * 2 + 1, sizeof(*p));
	int err;

	if (!changes || !p)
		return -ENOMEM;
	list_tests(diff, changes);
	for (uint32_t i = 0; i < diff->tests; i++)
		p[i] = changes[i]->p;
	err = stats_adjust(p, diff->tests);
	if (err)
		return err;
	for (uint32_t i = 0; i < diff->tests; i++)
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
		struct diff_change self = {0}, total = {0};

		add_counts(diff, i, SELF, &self);
		add_counts(diff, i, TOTAL, &total);
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

uint32_t *diff_ranking(const struct diff *diff)
{
	_cleanup_free_ struct ranked *ranked =
		calloc((size_t)diff->function_count + 1, sizeof(*ranked));
	uint32_t *order = calloc((size_t)diff->function_count + 1, sizeof(*order));

	if (!ranked || !order) {
		free(order);
		return NULL;
	}
	for (uint32_t i = 0; i < diff->function_count; i++) {
		const struct diff_change *change = diff_headline(&diff->functions[i]);

		ranked[i] = (struct ranked){i, 2, change->rate[0] + change->rate[1]};
		if (diff_is_change(change->verdict) || change->verdict == DIFF_MOVED) {
			ranked[i].group = change->verdict == DIFF_MOVED;
			ranked[i].size = fabs(change->difference);
		}
	}
	qsort(ranked, diff->function_count, sizeof(*ranked), by_rank);
	for (uint32_t i = 0; i < diff->function_count; i++)
		order[i] = ranked[i].function;
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
