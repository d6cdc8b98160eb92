/* SPDX-License-Identifier: GPL-2.0-or-later */
/* profile_merge(): another profile's elements added one by one, its ids translated on the way. */
#include "formats/profile.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

struct merge {
	struct profile *to;
	const struct profile *from;
	uint32_t *strings, *mappings, *functions, *locations; /* to's id, by from's */
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

static int merge_strings(struct merge *merge)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < strtab_count(&merge->from->strings); i++)
		err = profile_add_string(merge->to, profile_string(merge->from, i),
					 &merge->strings[i]);
	return err;
}

static struct profile_value_type translated(const struct merge *merge,
					    struct profile_value_type type)
{
	return (struct profile_value_type){merge->strings[type.type], merge->strings[type.unit]};
}

static bool type_equals(struct profile_value_type a, struct profile_value_type b)
{
	return a.type == b.type && a.unit == b.unit;
}

static int merge_types(struct merge *merge)
{
	struct profile *to = merge->to;
	const struct profile *from = merge->from;

	if (!to->type_count && !to->sample_count) {
		for (uint32_t i = 0; i < from->type_count; i++)
			to->types[i] = translated(merge, from->types[i]);
		to->type_count = from->type_count;
		to->period_type = translated(merge, from->period_type);
		return 0;
	}
	if (to->type_count != from->type_count ||
	    !type_equals(to->period_type, translated(merge, from->period_type)))
		return -EINVAL;
	for (uint32_t i = 0; i < from->type_count; i++)
		if (!type_equals(to->types[i], translated(merge, from->types[i])))
			return -EINVAL;
	return 0;
}

/* What there is one of: the first profile's word counts, except for times and the period. */
static void merge_header(const struct merge *merge)
{
	struct profile *to = merge->to;
	const struct profile *from = merge->from;

	if (!to->default_type)
		to->default_type = merge->strings[from->default_type];
	if (!to->drop_frames)
		to->drop_frames = merge->strings[from->drop_frames];
	if (!to->keep_frames)
		to->keep_frames = merge->strings[from->keep_frames];
	if (!to->doc_url)
		to->doc_url = merge->strings[from->doc_url];
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

static int merge_mappings(const struct merge *merge)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < merge->from->mapping_count; i++) {
		struct profile_mapping mapping = merge->from->mappings[i];

		mapping.file = merge->strings[mapping.file];
		mapping.build_id = merge->strings[mapping.build_id];
		err = profile_add_mapping(merge->to, &mapping, &merge->mappings[i]);
	}
	return err;
}

static int merge_functions(const struct merge *merge)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < merge->from->function_count; i++) {
		struct profile_function function = merge->from->functions[i];

		function.name = merge->strings[function.name];
		function.system_name = merge->strings[function.system_name];
		function.file = merge->strings[function.file];
		err = profile_add_function(merge->to, &function, &merge->functions[i]);
	}
	return err;
}

static int merge_locations(const struct merge *merge)
{
	struct profile_line lines[PROFILE_LINES_MAX];
	int err = 0;

	for (uint32_t i = 0; !err && i < merge->from->location_count; i++) {
		struct profile_location location = merge->from->locations[i];

		for (uint32_t j = 0; j < location.line_count; j++) {
			lines[j] = merge->from->lines[location.line_first + j];
			lines[j].function = merge->functions[lines[j].function];
		}
		if (location.mapping != PROFILE_NO_MAPPING)
			location.mapping = merge->mappings[location.mapping];
		err = profile_add_location(merge->to, &location, lines, location.line_count,
					   &merge->locations[i]);
	}
	return err;
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
	uint32_t locations[PROFILE_DEPTH_MAX];
	struct profile_label labels[PROFILE_LABELS_MAX];

	for (uint32_t i = 0; i < sample->location_count; i++)
		locations[i] =
			merge->locations[merge->from->sample_locations[sample->location_first + i]];
	for (uint32_t i = 0; i < sample->label_count; i++) {
		labels[i] = merge->from->labels[sample->label_first + i];
		labels[i].key = merge->strings[labels[i].key];
		labels[i].string = merge->strings[labels[i].string];
		labels[i].unit = merge->strings[labels[i].unit];
	}
	return profile_add_sample(merge->to, locations, sample->location_count, labels,
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

int profile_merge(struct profile *profile, const struct profile *other)
{
	_cleanup_(merge_release) struct merge merge = {.to = profile, .from = other};
	int err = allocate(&merge);

	if (!err)
		err = merge_strings(&merge);
	if (!err)
		err = merge_types(&merge);
	if (err)
		return err;

	merge_header(&merge);
	err = merge_comments(&merge);
	if (!err)
		err = merge_mappings(&merge);
	if (!err)
		err = merge_functions(&merge);
	if (!err)
		err = merge_locations(&merge);
	if (!err)
		err = merge_samples(&merge);
	return err;
}
