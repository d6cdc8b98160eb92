/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * profile_merge(): another profile's samples added one by one, and what they point to: strings,
 * functions, mappings and locations are translated when they are first met, so that what no sample
 * points to stays behind (as in google/pprof profile/merge.go).
 */
#include "formats/profile.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

struct merge {
	struct profile *to;
	const struct profile *from;
	/* to's id plus one, by from's; 0 = not met yet */
	uint32_t *strings, *mappings, *functions, *locations;
};

static void merge_release(struct merge *merge)
{
	free(merge->strings);
	free(merge->mappings);
	free(merge->functions);
	free(merge->locations);
}

static int allocate(struct merge *merge)
{
	const struct profile *from = merge->from;

	merge->strings = calloc(strtab_count(&from->strings), sizeof(*merge->strings));
	merge->mappings = calloc((size_t)from->mapping_count + 1, sizeof(*merge->mappings));
	merge->functions = calloc((size_t)from->function_count + 1, sizeof(*merge->functions));
	merge->locations = calloc((size_t)from->location_count + 1, sizeof(*merge->locations));
	if (!merge->strings || !merge->mappings || !merge->functions || !merge->locations)
		return -ENOMEM;
	return 0;
}

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

static int merge_mapping(const struct merge *merge, uint32_t *id)
{
	struct profile_mapping mapping = merge->from->mappings[*id];
	uint32_t *known = &merge->mappings[*id];
	int err = 0;

	if (!*known) {
		err = merge_string(merge, &mapping.file);
		if (!err)
			err = merge_string(merge, &mapping.build_id);
		if (!err)
			err = profile_add_mapping(merge->to, &mapping, known);
		*known += !err;
	}
	if (!err)
		*id = *known - 1;
	return err;
}

static int merge_function(const struct merge *merge, uint32_t *id)
{
	struct profile_function function = merge->from->functions[*id];
	uint32_t *known = &merge->functions[*id];
	int err = 0;

	if (!*known) {
		err = merge_string(merge, &function.name);
		if (!err)
			err = merge_string(merge, &function.system_name);
		if (!err)
			err = merge_string(merge, &function.file);
		if (!err)
			err = profile_add_function(merge->to, &function, known);
		*known += !err;
	}
	if (!err)
		*id = *known - 1;
	return err;
}

static int add_location(const struct merge *merge, struct profile_location location,
			uint32_t *ret_id)
{
	struct profile_line lines[PROFILE_LINES_MAX];
	int err = 0;

	for (uint32_t i = 0; !err && i < location.line_count; i++) {
		lines[i] = merge->from->lines[location.line_first + i];
		err = merge_function(merge, &lines[i].function);
	}
	if (!err && location.mapping != PROFILE_NO_MAPPING)
		err = merge_mapping(merge, &location.mapping);
	return err ? err
		   : profile_add_location(merge->to, &location, lines, location.line_count, ret_id);
}

static int merge_location(const struct merge *merge, uint32_t *id)
{
	uint32_t *known = &merge->locations[*id];
	int err = 0;

	if (!*known) {
		err = add_location(merge, merge->from->locations[*id], known);
		*known += !err;
	}
	if (!err)
		*id = *known - 1;
	return err;
}

static int merge_label(const struct merge *merge, struct profile_label *label)
{
	int err = merge_string(merge, &label->key);

	if (!err)
		err = merge_string(merge, &label->string);
	return err ? err : merge_string(merge, &label->unit);
}

static bool is_zero(const struct profile *profile, const struct profile_sample *sample)
{
	for (uint32_t i = 0; i < profile->type_count; i++)
		if (sample->values[i])
			return false;
	return true;
}

static int merge_sample(const struct merge *merge, const struct profile_sample *sample)
{
	const struct profile *from = merge->from;
	uint32_t locations[PROFILE_DEPTH_MAX];
	struct profile_label labels[PROFILE_LABELS_MAX];
	int err = 0;

	for (uint32_t i = 0; !err && i < sample->location_count; i++) {
		locations[i] = from->sample_locations[sample->location_first + i];
		err = merge_location(merge, &locations[i]);
	}
	for (uint32_t i = 0; !err && i < sample->label_count; i++) {
		labels[i] = from->labels[sample->label_first + i];
		err = merge_label(merge, &labels[i]);
	}
	return err ? err
		   : profile_add_sample(merge->to, locations, sample->location_count, labels,
					sample->label_count, sample->values);
}

static int merge_samples(const struct merge *merge)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < merge->from->sample_count; i++)
		if (!is_zero(merge->from, &merge->from->samples[i]))
			err = merge_sample(merge, &merge->from->samples[i]);
	return err;
}

/* A profile's first mapping is its main program: it stays so, whether a sample has it or not. */
static int merge_main_mapping(const struct merge *merge)
{
	uint32_t first = 0;

	return merge->from->mapping_count && !merge->to->mapping_count
		       ? merge_mapping(merge, &first)
		       : 0;
}

int profile_merge(struct profile *profile, const struct profile *other)
{
	_cleanup_(merge_release) struct merge merge = {.to = profile, .from = other};
	int err = allocate(&merge);

	if (!err)
		err = merge_types(&merge);
	if (!err)
		err = merge_words(&merge);
	if (err)
		return err;

	merge_numbers(&merge);
	err = merge_comments(&merge);
	if (!err)
		err = merge_main_mapping(&merge);
	return err ? err : merge_samples(&merge);
}
