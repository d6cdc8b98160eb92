/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work that moved, and changes that are passed on.
 *
 * A function whose self time changed *moved* if relatives of it (callers, callees, what is new or
 * gone under the same caller, or one other under it) changed the other way so that together nothing
 * is left: the sum of their counts, tested as one function, shows no change, and what is left of it
 * is less than a fifth of the first one's. So it is with what was inlined, outlined, renamed, split
 * or joined.
 *
 * A function *passes on* a change of its total if callees whose totals changed the same way make up
 * three quarters of it: the reason is further down.
 */
#include "formats/diff.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <errno.h>
#include <math.h>

enum {
	/* The largest changes are looked at; each with each. */
	SHIFT_FUNCTIONS_MAX = 512,
	ROOT = UINT32_MAX, /* the caller of the first frame */
};

static const double residue_max = 0.2, passed_min = 0.75;

/* A call between two functions, of which the callee changed. */
struct edge {
	uint32_t caller, callee;
	uint32_t unit, sample; /* that counted it last, from 1: recursion counts once */
	double samples[DIFF_SIDES];
};

struct shift {
	struct diff *diff;
	bool *is_changed;   /* by function */
	struct edge *edges; /* sorted by callee and caller, once all are there */
	uint32_t edge_count, edges_size;
	struct hashmap edge_index;
	uint32_t *edge_first; /* by callee; one more for the end */
	uint32_t *order;      /* functions whose self time changed, the largest change first */
	uint32_t count;
};

static void shift_release(struct shift *shift)
{
	free(shift->is_changed);
	free(shift->edges);
	hashmap_release(&shift->edge_index);
	free(shift->edge_first);
	free(shift->order);
}

/* ---- edges ---- */

static bool edge_equals(const void *table, uint32_t position, const void *key)
{
	const struct edge *have = &((const struct shift *)table)->edges[position];
	const struct edge *want = key;

	return have->caller == want->caller && have->callee == want->callee;
}

static int count_edge(struct shift *shift, const struct edge *key, enum diff_side side,
		      double value)
{
	uint64_t hash = hash_mix(key->caller, key->callee);
	uint32_t at = hashmap_find(&shift->edge_index, hash, edge_equals, shift, key);
	struct edge *edge;
	int err;

	if (at == HASHMAP_NONE) {
		at = shift->edge_count;
		err = array_reserve(&shift->edges, &shift->edges_size, (size_t)at + 1);
		if (!err)
			err = hashmap_add(&shift->edge_index, hash, at);
		if (err)
			return err;
		shift->edges[shift->edge_count++] =
			(struct edge){.caller = key->caller, .callee = key->callee};
	}
	edge = &shift->edges[at];
	if (edge->unit != key->unit || edge->sample != key->sample)
		edge->samples[side] += value;
	edge->unit = key->unit;
	edge->sample = key->sample;
	return 0;
}

static int count_sample(struct shift *shift, uint32_t position, uint32_t index)
{
	const struct diff_unit *unit = &shift->diff->units[position];
	const struct profile *profile = unit->profile;
	const struct profile_sample *sample = &profile->samples[index];
	double value = (double)sample->values[unit->type];
	struct edge key = {.unit = position + 1, .sample = index + 1, .caller = ROOT};
	int err = 0;

	for (uint32_t i = sample->location_count; !err && i-- > 0;) {
		uint32_t id = profile->sample_locations[sample->location_first + i];
		uint32_t lines = profile->locations[id].line_count;

		for (uint32_t line = lines ? lines : 1; !err && line-- > 0;) {
			key.callee = diff_frame(unit, id, line);
			if (shift->is_changed[key.callee])
				err = count_edge(shift, &key, unit->side, value);
			key.caller = key.callee;
		}
	}
	return err;
}

static int by_callee(const void *left, const void *right)
{
	const struct edge *a = left, *b = right;

	if (a->callee != b->callee)
		return a->callee < b->callee ? -1 : 1;
	return (a->caller > b->caller) - (a->caller < b->caller);
}

static int find_edges(struct shift *shift)
{
	const struct diff *diff = shift->diff;
	int err = 0;

	for (uint32_t unit = 0; !err && unit < diff->unit_count; unit++)
		for (uint32_t i = 0; !err && i < diff->units[unit].profile->sample_count; i++)
			err = count_sample(shift, unit, i);
	shift->edge_first = calloc((size_t)diff->function_count + 2, sizeof(*shift->edge_first));
	if (err || !shift->edge_first)
		return -ENOMEM;
	if (shift->edge_count)
		qsort(shift->edges, shift->edge_count, sizeof(*shift->edges), by_callee);
	for (uint32_t i = 0; i < shift->edge_count; i++)
		shift->edge_first[shift->edges[i].callee + 1]++;
	for (uint32_t i = 0; i < diff->function_count; i++)
		shift->edge_first[i + 1] += shift->edge_first[i];
	return 0;
}

static bool calls(const struct shift *shift, uint32_t caller, uint32_t callee)
{
	for (uint32_t i = shift->edge_first[callee]; i < shift->edge_first[callee + 1]; i++)
		if (shift->edges[i].caller == caller)
			return true;
	return false;
}

static bool share_a_caller(const struct shift *shift, uint32_t f, uint32_t g)
{
	uint32_t i = shift->edge_first[f], j = shift->edge_first[g];

	while (i < shift->edge_first[f + 1] && j < shift->edge_first[g + 1]) {
		uint32_t a = shift->edges[i].caller, b = shift->edges[j].caller;

		if (a == b)
			return true;
		if (a < b)
			i++;
		else
			j++;
	}
	return false;
}

/* A caller or callee takes work over by inlining; what is gone may be what is new beside it. */
static bool is_likely_partner(const struct shift *shift, uint32_t f, uint32_t g)
{
	enum diff_verdict a = shift->diff->functions[f].self.verdict,
			  b = shift->diff->functions[g].self.verdict;

	if (calls(shift, f, g) || calls(shift, g, f))
		return true;
	return ((a == DIFF_NEW && b == DIFF_GONE) || (a == DIFF_GONE && b == DIFF_NEW)) &&
	       share_a_caller(shift, f, g);
}

/* ---- what moved ---- */

static double self_change(const struct shift *shift, uint32_t function)
{
	return shift->diff->functions[function].self.difference;
}

static int by_change(const void *left, const void *right, void *context)
{
	uint32_t f = *(const uint32_t *)left, g = *(const uint32_t *)right;
	double a = fabs(self_change(context, f)), b = fabs(self_change(context, g));

	if (a != b)
		return a > b ? -1 : 1;
	return (f > g) - (f < g);
}

static int find_changed(struct shift *shift)
{
	const struct diff *diff = shift->diff;

	shift->is_changed = calloc((size_t)diff->function_count + 1, sizeof(*shift->is_changed));
	shift->order = calloc((size_t)diff->function_count + 1, sizeof(*shift->order));
	if (!shift->is_changed || !shift->order)
		return -ENOMEM;
	for (uint32_t i = 0; i < diff->function_count; i++) {
		const struct diff_function *function = &diff->functions[i];
		bool is_changed = diff_is_change(function->self.verdict);

		shift->is_changed[i] = is_changed || diff_is_change(function->total.verdict);
		if (is_changed)
			shift->order[shift->count++] = i;
	}
	qsort_r(shift->order, shift->count, sizeof(*shift->order), by_change, shift);
	if (shift->count > SHIFT_FUNCTIONS_MAX)
		shift->count = SHIFT_FUNCTIONS_MAX;
	return 0;
}

/* The function in that relation to group[0] that, added, leaves the least of the sum; ROOT: none
 * makes it less. */
static uint32_t best_partner(const struct shift *shift, const uint32_t *group, uint32_t size,
			     double left,
			     bool (*is_related)(const struct shift *shift, uint32_t f, uint32_t g))
{
	uint32_t best = ROOT;
	double least = fabs(left);

	for (uint32_t i = 0; i < shift->count; i++) {
		uint32_t candidate = shift->order[i];
		double change = self_change(shift, candidate);
		bool is_taken = !diff_is_change(shift->diff->functions[candidate].self.verdict);

		for (uint32_t j = 0; j < size; j++)
			is_taken |= group[j] == candidate;
		if (is_taken || change * self_change(shift, group[0]) >= 0 ||
		    fabs(left + change) >= least || !is_related(shift, group[0], candidate))
			continue;
		best = candidate;
		least = fabs(left + change);
	}
	return best;
}

static bool cancels_out(const struct shift *shift, const uint32_t *group, uint32_t size)
{
	struct diff_change together = diff_sum(shift->diff, group, size);

	return fabs(together.difference) <= residue_max * fabs(self_change(shift, group[0])) &&
	       together.p >= shift->diff->options.alpha;
}

static void set_moved(struct shift *shift, const uint32_t *group, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++) {
		struct diff_function *function = &shift->diff->functions[group[i]];
		double rest = function->total.difference - function->self.difference;

		/* All that it has in all moved with it, unless its callees changed as well. */
		if (fabs(rest) <= residue_max * fabs(function->self.difference) &&
		    diff_is_change(function->total.verdict))
			function->total.verdict = DIFF_MOVED;
		function->self.verdict = DIFF_MOVED;
		for (uint32_t j = 0; j < size; j++)
			if ((i == 0) != (j == 0) && function->partner_count < DIFF_PARTNERS_MAX)
				function->partners[function->partner_count++] = group[j];
	}
}

/* Several together, of which each is a likely partner. */
static void find_group(struct shift *shift, uint32_t function)
{
	uint32_t group[1 + DIFF_PARTNERS_MAX] = {function}, size = 1;
	double left = self_change(shift, function);

	while (size <= DIFF_PARTNERS_MAX) {
		uint32_t partner = best_partner(shift, group, size, left, is_likely_partner);

		if (partner == ROOT)
			return;
		group[size++] = partner;
		left += self_change(shift, partner);
		if (cancels_out(shift, group, size)) {
			set_moved(shift, group, size);
			return;
		}
	}
}

/* One that is called beside it and changed as much the other way. Sums of several such would fit
 * too often by chance. */
static void find_pair(struct shift *shift, uint32_t function)
{
	uint32_t pair[2] = {function};

	pair[1] = best_partner(shift, pair, 1, self_change(shift, function), share_a_caller);
	if (pair[1] != ROOT && cancels_out(shift, pair, 2))
		set_moved(shift, pair, 2);
}

static void find_moves(struct shift *shift, void (*find)(struct shift *shift, uint32_t function))
{
	for (uint32_t i = 0; i < shift->count; i++)
		if (diff_is_change(shift->diff->functions[shift->order[i]].self.verdict))
			find(shift, shift->order[i]);
}

/* ---- what is passed on ---- */

static double edge_change(const struct diff *diff, const struct edge *edge)
{
	double rates[DIFF_SIDES];

	for (int side = 0; side < DIFF_SIDES; side++)
		rates[side] = edge->samples[side] * diff->scale[side] / diff->totals[side].size;
	return rates[DIFF_AFTER] - rates[DIFF_BEFORE];
}

static int find_passed_on(struct shift *shift)
{
	struct diff *diff = shift->diff;
	_cleanup_free_ double *below = calloc((size_t)diff->function_count + 1, sizeof(*below));

	if (!below)
		return -ENOMEM;
	for (uint32_t i = 0; i < shift->edge_count; i++) {
		const struct edge *edge = &shift->edges[i];
		const struct diff_function *callee = &diff->functions[edge->callee];

		if (edge->caller != ROOT && edge->caller != edge->callee &&
		    diff_is_change(callee->total.verdict) &&
		    callee->total.difference * diff->functions[edge->caller].total.difference > 0)
			below[edge->caller] += edge_change(diff, edge);
	}
	for (uint32_t i = 0; i < diff->function_count; i++) {
		struct diff_change *total = &diff->functions[i].total;

		total->is_passed_on = diff_is_change(total->verdict) &&
				      below[i] / total->difference >= passed_min;
	}
	return 0;
}

int diff_find_shifts(struct diff *diff)
{
	_cleanup_(shift_release) struct shift shift = {.diff = diff};
	int err = find_changed(&shift);

	if (!err)
		err = find_edges(&shift);
	if (err)
		return err;
	/* The likely ones have the first choice. */
	find_moves(&shift, find_group);
	find_moves(&shift, find_pair);
	return find_passed_on(&shift);
}
