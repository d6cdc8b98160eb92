/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * profile_merge(): what the other profile's samples point to is found first; then each table is
 * translated in one go: strings, mappings, functions, locations, at last the samples. What no sample
 * points to stays behind (as in google/pprof profile/merge.go).
 *
 * Nearly all time is spent in waiting for memory: the sum's tables fit no cache. So elements go
 * through in batches, and a batch goes through three times: to hint at the slots of the index, to
 * touch what they point to, and to search (hashmap_hint()). That is several times as fast as one by
 * one.
 */
#include "formats/profile.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "formats/profile_tables.h"

#include <errno.h>
#include <string.h>

enum { BATCH = 64 };

struct batch {
	uint32_t ids[BATCH]; /* in from */
	uint64_t hashes[BATCH];
	uint32_t count;
};

#define MARKED UINT32_MAX

struct merge {
	struct profile *to;
	const struct profile *from;
	/* to's id plus one, by from's; 0 = not wanted; MARKED = wanted */
	uint32_t *strings, *mappings, *functions, *locations, *label_sets;
	struct batch batch;
	struct profile_line lines[PROFILE_LINES_MAX];	 /* of the location that is translated */
	struct profile_label labels[PROFILE_LABELS_MAX]; /* and of the label set */
	uint32_t *stacks; /* of the batch's samples, one after the other */
	size_t stack_first[BATCH], stacks_size;
};

static void merge_free(struct merge *merge)
{
	if (!merge)
		return;
	free(merge->strings);
	free(merge->mappings);
	free(merge->functions);
	free(merge->locations);
	free(merge->label_sets);
	free(merge->stacks);
	free(merge);
}

static void merge_freep(struct merge **merge)
{
	merge_free(*merge);
}

static int allocate(struct merge *merge)
{
	const struct profile *from = merge->from;

	merge->strings = calloc(strtab_count(&from->strings), sizeof(*merge->strings));
	merge->mappings = calloc((size_t)from->mapping_count + 1, sizeof(*merge->mappings));
	merge->functions = calloc((size_t)from->function_count + 1, sizeof(*merge->functions));
	merge->locations = calloc((size_t)from->location_count + 1, sizeof(*merge->locations));
	merge->label_sets = calloc(from->label_set_count, sizeof(*merge->label_sets));
	if (!merge->strings || !merge->mappings || !merge->functions || !merge->locations ||
	    !merge->label_sets)
		return -ENOMEM;
	return 0;
}

/* ---- the profile's own words ---- */

static int merge_string(const struct merge *merge, uint32_t *id)
{
	uint32_t *known = &merge->strings[*id];
	int err = 0;

	if (!*known) {
		err = profile_add_string(merge->to, profile_string(merge->from, *id), known);
		*known += !err;
	}
	if (!err)
		*id = *known - 1;
	return err;
}

static int translate(const struct merge *merge, struct profile_value_type *type)
{
	int err = merge_string(merge, &type->type);

	return err ? err : merge_string(merge, &type->unit);
}

static bool type_equals(struct profile_value_type a, struct profile_value_type b)
{
	return a.type == b.type && a.unit == b.unit;
}

static bool types_equal(const struct profile *to, const struct profile_value_type *types,
			uint32_t count, struct profile_value_type period_type)
{
	if (to->type_count != count || !type_equals(to->period_type, period_type))
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!type_equals(to->types[i], types[i]))
			return false;
	return true;
}

static int merge_types(const struct merge *merge)
{
	struct profile *to = merge->to;
	const struct profile *from = merge->from;
	struct profile_value_type types[PROFILE_VALUES_MAX], period_type = from->period_type;
	int err = translate(merge, &period_type);

	for (uint32_t i = 0; !err && i < from->type_count; i++) {
		types[i] = from->types[i];
		err = translate(merge, &types[i]);
	}
	if (err)
		return err;
	if (to->type_count || to->sample_count)
		return types_equal(to, types, from->type_count, period_type) ? 0 : -EINVAL;
	memcpy(to->types, types, from->type_count * sizeof(*types));
	to->type_count = from->type_count;
	to->period_type = period_type;
	return 0;
}

/* What there is one of: the first profile's word counts, except for times and the period. */
static int merge_words(const struct merge *merge)
{
	struct profile *to = merge->to;
	const struct profile *from = merge->from;
	const struct {
		uint32_t *to, from;
	} words[] = {{&to->default_type, from->default_type},
		     {&to->drop_frames, from->drop_frames},
		     {&to->keep_frames, from->keep_frames},
		     {&to->doc_url, from->doc_url}};
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(words); i++) {
		uint32_t id = words[i].from;

		if (*words[i].to)
			continue;
		err = merge_string(merge, &id);
		if (!err)
			*words[i].to = id;
	}
	return err;
}

static void merge_numbers(const struct merge *merge)
{
	struct profile *to = merge->to;
	const struct profile *from = merge->from;

	if (from->period > to->period)
		to->period = from->period;
	if (!to->time_ns || (from->time_ns && from->time_ns < to->time_ns))
		to->time_ns = from->time_ns;
	to->duration_ns = (int64_t)((uint64_t)to->duration_ns + (uint64_t)from->duration_ns);
}

static int merge_comments(const struct merge *merge)
{
	const struct profile *from = merge->from;
	int err = 0;

	for (uint32_t i = 0; !err && i < from->comment_count; i++)
		err = profile_add_comment(merge->to, profile_string(from, from->comments[i]));
	for (uint32_t i = 0; !err && i < from->ledger_count; i++)
		err = profile_ledger_add(merge->to, profile_string(from, from->ledger[i].name),
					 from->ledger[i].count);
	return err;
}

/* ---- what is wanted ---- */

static bool is_zero(const struct profile *profile, const struct profile_sample *sample)
{
	for (uint32_t i = 0; i < profile->type_count; i++)
		if (sample->values[i])
			return false;
	return true;
}

static void mark(uint32_t *ids, uint32_t id)
{
	if (!ids[id])
		ids[id] = MARKED;
}

static void mark_sample(const struct merge *merge, const struct profile_sample *sample)
{
	const uint32_t *stack = merge->from->sample_locations + sample->location_first;

	for (uint32_t i = 0; i < sample->location_count; i++)
		mark(merge->locations, stack[i]);
	mark(merge->label_sets, sample->label_set);
}

static void mark_labels(const struct merge *merge, const struct profile_label_set *set)
{
	const struct profile_label *labels = merge->from->labels + set->first;

	for (uint32_t i = 0; i < set->count; i++) {
		mark(merge->strings, labels[i].key);
		mark(merge->strings, labels[i].string);
		mark(merge->strings, labels[i].unit);
	}
}

static void mark_location(const struct merge *merge, const struct profile_location *location)
{
	const struct profile_line *lines = merge->from->lines + location->line_first;

	if (location->mapping != PROFILE_NO_MAPPING)
		mark(merge->mappings, location->mapping);
	for (uint32_t i = 0; i < location->line_count; i++)
		mark(merge->functions, lines[i].function);
}

static void mark_names(const struct merge *merge)
{
	const struct profile *from = merge->from;

	for (uint32_t i = 0; i < from->mapping_count; i++)
		if (merge->mappings[i]) {
			mark(merge->strings, from->mappings[i].file);
			mark(merge->strings, from->mappings[i].build_id);
		}
	for (uint32_t i = 0; i < from->function_count; i++)
		if (merge->functions[i]) {
			mark(merge->strings, from->functions[i].name);
			mark(merge->strings, from->functions[i].system_name);
			mark(merge->strings, from->functions[i].file);
		}
}

static void mark_all(const struct merge *merge)
{
	const struct profile *from = merge->from;

	for (uint32_t i = 0; i < from->sample_count; i++)
		if (!is_zero(from, &from->samples[i]))
			mark_sample(merge, &from->samples[i]);
	for (uint32_t i = 0; i < from->label_set_count; i++)
		if (merge->label_sets[i])
			mark_labels(merge, &from->label_sets[i]);
	for (uint32_t i = 0; i < from->location_count; i++)
		if (merge->locations[i])
			mark_location(merge, &from->locations[i]);
	/* A profile's first mapping is its main program: it stays so, whether a sample has it or
	 * not. */
	if (from->mapping_count && !merge->to->mapping_count)
		mark(merge->mappings, 0);
	mark_names(merge);
}

/* ---- tables ---- */

/* Fills the batch with the next ids that are marked. */
static bool next_batch(struct batch *batch, const uint32_t *ids, uint32_t count, uint32_t *next)
{
	batch->count = 0;
	for (; *next < count && batch->count < BATCH; ++*next)
		if (ids[*next] == MARKED)
			batch->ids[batch->count++] = *next;
	return batch->count;
}

static int merge_string_batch(struct merge *merge)
{
	const struct strtab *from = &merge->from->strings;
	struct strtab *to = &merge->to->strings;
	struct batch *batch = &merge->batch;
	int err = 0;

	for (uint32_t i = 0; i < batch->count; i++) {
		batch->hashes[i] = strtab_hash(strtab_get(from, batch->ids[i]),
					       strtab_length(from, batch->ids[i]));
		hashmap_hint(&to->index, batch->hashes[i]);
	}
	for (uint32_t i = 0; i < batch->count; i++) {
		uint32_t guess = hashmap_guess(&to->index, batch->hashes[i]);

		if (guess != HASHMAP_NONE)
			__builtin_prefetch(strtab_get(to, guess));
	}
	for (uint32_t i = 0; !err && i < batch->count; i++) {
		uint32_t id = batch->ids[i], added;

		err = strtab_add_hashed(to, strtab_get(from, id), strtab_length(from, id),
					batch->hashes[i], &added);
		merge->strings[id] = added + 1;
	}
	return err;
}

static int merge_strings(struct merge *merge)
{
	uint32_t next = 0, count = strtab_count(&merge->from->strings);
	int err = 0;

	while (!err && next_batch(&merge->batch, merge->strings, count, &next))
		err = merge_string_batch(merge);
	return err;
}

static int merge_mappings(const struct merge *merge)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < merge->from->mapping_count; i++) {
		struct profile_mapping mapping = merge->from->mappings[i];
		uint32_t added;

		if (!merge->mappings[i])
			continue;
		mapping.file = merge->strings[mapping.file] - 1;
		mapping.build_id = merge->strings[mapping.build_id] - 1;
		err = profile_add_mapping(merge->to, &mapping, &added);
		merge->mappings[i] = added + 1;
	}
	return err;
}

static struct profile_function function_of(const struct merge *merge, uint32_t id)
{
	struct profile_function function = merge->from->functions[id];

	function.name = merge->strings[function.name] - 1;
	function.system_name = merge->strings[function.system_name] - 1;
	function.file = merge->strings[function.file] - 1;
	return function;
}

static int merge_function_batch(struct merge *merge)
{
	struct profile *to = merge->to;
	struct batch *batch = &merge->batch;
	int err = 0;

	for (uint32_t i = 0; i < batch->count; i++) {
		struct profile_function function = function_of(merge, batch->ids[i]);

		batch->hashes[i] = profile_function_hash(&function);
		hashmap_hint(&to->function_index, batch->hashes[i]);
	}
	for (uint32_t i = 0; i < batch->count; i++) {
		uint32_t guess = hashmap_guess(&to->function_index, batch->hashes[i]);

		if (guess != HASHMAP_NONE)
			__builtin_prefetch(&to->functions[guess]);
	}
	for (uint32_t i = 0; !err && i < batch->count; i++) {
		struct profile_function function = function_of(merge, batch->ids[i]);
		uint32_t added;

		err = profile_add_function_hashed(to, &function, batch->hashes[i], &added);
		merge->functions[batch->ids[i]] = added + 1;
	}
	return err;
}

static int merge_functions(struct merge *merge)
{
	uint32_t next = 0;
	int err = 0;

	while (!err &&
	       next_batch(&merge->batch, merge->functions, merge->from->function_count, &next))
		err = merge_function_batch(merge);
	return err;
}

/* Its lines are in merge->lines then. */
static struct profile_location location_of(struct merge *merge, uint32_t id)
{
	struct profile_location location = merge->from->locations[id];

	for (uint32_t i = 0; i < location.line_count; i++) {
		merge->lines[i] = merge->from->lines[location.line_first + i];
		merge->lines[i].function = merge->functions[merge->lines[i].function] - 1;
	}
	if (location.mapping != PROFILE_NO_MAPPING)
		location.mapping = merge->mappings[location.mapping] - 1;
	return location;
}

/* What stands there is wanted soon. As a number: the array may be NULL, or end before. */
static void touch(const void *array, size_t bytes)
{
	__builtin_prefetch((const void *)((uintptr_t)array + bytes));
}

static int merge_location_batch(struct merge *merge)
{
	struct profile *to = merge->to;
	struct batch *batch = &merge->batch;
	int err = 0;

	for (uint32_t i = 0; i < batch->count; i++) {
		struct profile_location location = location_of(merge, batch->ids[i]);

		batch->hashes[i] =
			profile_location_hash(&location, merge->lines, location.line_count);
		hashmap_hint(&to->location_index, batch->hashes[i]);
	}
	for (uint32_t i = 0; i < batch->count; i++) {
		uint32_t guess = hashmap_guess(&to->location_index, batch->hashes[i]);

		if (guess != HASHMAP_NONE)
			touch(to->lines, to->locations[guess].line_first * sizeof(*to->lines));
	}
	for (uint32_t i = 0; !err && i < batch->count; i++) {
		struct profile_location location = location_of(merge, batch->ids[i]);
		uint32_t added;

		err = profile_add_location_hashed(to, &location, merge->lines, location.line_count,
						  batch->hashes[i], &added);
		merge->locations[batch->ids[i]] = added + 1;
	}
	return err;
}

static int merge_locations(struct merge *merge)
{
	uint32_t next = 0;
	int err = 0;

	while (!err &&
	       next_batch(&merge->batch, merge->locations, merge->from->location_count, &next))
		err = merge_location_batch(merge);
	return err;
}

static int merge_label_set(struct merge *merge, uint32_t id)
{
	const struct profile_label_set *set = &merge->from->label_sets[id];
	uint32_t added;
	int err;

	for (uint32_t i = 0; i < set->count; i++) {
		const struct profile_label *label = &merge->from->labels[set->first + i];

		merge->labels[i] = (struct profile_label){
			.key = merge->strings[label->key] - 1,
			.string = merge->strings[label->string] - 1,
			.number = label->number,
			.unit = merge->strings[label->unit] - 1,
		};
	}
	err = profile_add_label_set(merge->to, merge->labels, set->count, &added);
	merge->label_sets[id] = added + 1;
	return err;
}

static int merge_label_sets(struct merge *merge)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < merge->from->label_set_count; i++)
		if (merge->label_sets[i])
			err = merge_label_set(merge, i);
	return err;
}

/* ---- samples ---- */

static void touch_sample(const struct profile *to, uint64_t hash)
{
	uint32_t guess = hashmap_guess(&to->sample_index, hash);
	const struct profile_sample *sample;

	if (guess == HASHMAP_NONE)
		return;
	sample = &to->samples[guess];
	touch(to->sample_locations, sample->location_first * sizeof(*to->sample_locations));
	touch(to->sample_locations, (sample->location_first + 16) * sizeof(*to->sample_locations));
}

static int translate_stacks(struct merge *merge)
{
	const struct profile *from = merge->from;
	struct batch *batch = &merge->batch;
	size_t used = 0;

	for (uint32_t i = 0; i < batch->count; i++) {
		merge->stack_first[i] = used;
		used += from->samples[batch->ids[i]].location_count;
	}
	if (array_reserve(&merge->stacks, &merge->stacks_size, used + 1))
		return -ENOMEM;
	for (uint32_t i = 0; i < batch->count; i++) {
		const struct profile_sample *sample = &from->samples[batch->ids[i]];
		const uint32_t *stack = from->sample_locations + sample->location_first;
		uint32_t *translated = merge->stacks + merge->stack_first[i];

		for (uint32_t n = 0; n < sample->location_count; n++)
			translated[n] = merge->locations[stack[n]] - 1;
	}
	return 0;
}

static int merge_sample_batch(struct merge *merge)
{
	const struct profile_sample *samples = merge->from->samples;
	struct profile *to = merge->to;
	struct batch *batch = &merge->batch;
	int err = translate_stacks(merge);

	for (uint32_t i = 0; !err && i < batch->count; i++) {
		const struct profile_sample *sample = &samples[batch->ids[i]];

		batch->hashes[i] = profile_sample_hash(merge->stacks + merge->stack_first[i],
						       sample->location_count,
						       merge->label_sets[sample->label_set] - 1);
		hashmap_hint(&to->sample_index, batch->hashes[i]);
	}
	for (uint32_t i = 0; !err && i < batch->count; i++)
		touch_sample(to, batch->hashes[i]);
	for (uint32_t i = 0; !err && i < batch->count; i++) {
		const struct profile_sample *sample = &samples[batch->ids[i]];

		err = profile_add_sample_hashed(
			to, merge->stacks + merge->stack_first[i], sample->location_count,
			merge->label_sets[sample->label_set] - 1, sample->values, batch->hashes[i]);
	}
	return err;
}

static int merge_samples(struct merge *merge)
{
	const struct profile *from = merge->from;
	struct batch *batch = &merge->batch;
	int err = profile_index_samples(merge->to);

	for (uint32_t next = 0; !err && next < from->sample_count;) {
		batch->count = 0;
		for (; next < from->sample_count && batch->count < BATCH; next++)
			if (!is_zero(from, &from->samples[next]))
				batch->ids[batch->count++] = next;
		err = merge_sample_batch(merge);
	}
	return err;
}

static int merge_tables(struct merge *merge)
{
	int err = merge_strings(merge);

	if (!err)
		err = merge_mappings(merge);
	if (!err)
		err = merge_functions(merge);
	if (!err)
		err = merge_locations(merge);
	return err ? err : merge_label_sets(merge);
}

int profile_merge(struct profile *profile, const struct profile *other)
{
	_cleanup_(merge_freep) struct merge *merge = malloc(sizeof(*merge));
	int err;

	if (!merge)
		return -ENOMEM;
	*merge = (struct merge){.to = profile, .from = other};
	err = allocate(merge);
	if (!err)
		err = merge_types(merge);
	if (!err)
		err = merge_words(merge);
	if (err)
		return err;

	merge_numbers(merge);
	err = merge_comments(merge);
	if (err)
		return err;
	mark_all(merge);
	err = merge_tables(merge);
	return err ? err : merge_samples(merge);
}
