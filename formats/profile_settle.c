/* SPDX-License-Identifier: GPL-2.0-or-later */
/* profile_settle(): all of a flat profile's elements added one by one to tables with an index. */
#include "formats/profile.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* The ids after settling, by those before. */
struct settling {
	struct profile *from, *to;
	uint32_t *mappings, *functions, *locations;
};

static void settling_release(struct settling *settling)
{
	free(settling->mappings);
	free(settling->functions);
	free(settling->locations);
	profile_free(settling->to);
}

static int allocate(struct settling *settling)
{
	const struct profile *from = settling->from;

	settling->mappings = calloc((size_t)from->mapping_count + 1, sizeof(uint32_t));
	settling->functions = calloc((size_t)from->function_count + 1, sizeof(uint32_t));
	settling->locations = calloc((size_t)from->location_count + 1, sizeof(uint32_t));
	if (!settling->mappings || !settling->functions || !settling->locations)
		return -ENOMEM;
	return profile_new(&settling->to);
}

static int settle_location(const struct settling *settling, uint32_t i)
{
	const struct profile *from = settling->from;
	struct profile_location location = from->locations[i];
	struct profile_line lines[PROFILE_LINES_MAX];

	for (uint32_t n = 0; n < location.line_count; n++) {
		lines[n] = from->lines[location.line_first + n];
		lines[n].function = settling->functions[lines[n].function];
	}
	if (location.mapping != PROFILE_NO_MAPPING)
		location.mapping = settling->mappings[location.mapping];
	return profile_add_location(settling->to, &location, lines, location.line_count,
				    &settling->locations[i]);
}

static int settle_tables(const struct settling *settling)
{
	const struct profile *from = settling->from;
	int err = 0;

	for (uint32_t i = 0; !err && i < from->mapping_count; i++)
		err = profile_add_mapping(settling->to, &from->mappings[i], &settling->mappings[i]);
	for (uint32_t i = 0; !err && i < from->function_count; i++)
		err = profile_add_function(settling->to, &from->functions[i],
					   &settling->functions[i]);
	for (uint32_t i = 0; !err && i < from->location_count; i++)
		err = settle_location(settling, i);
	return err;
}

static int settle_samples(const struct settling *settling)
{
	const struct profile *from = settling->from;
	uint32_t stack[PROFILE_DEPTH_MAX];
	int err = 0;

	for (uint32_t i = 0; !err && i < from->sample_count; i++) {
		const struct profile_sample *sample = &from->samples[i];
		uint32_t label_count;
		const struct profile_label *labels = profile_labels(from, sample, &label_count);

		for (uint32_t n = 0; n < sample->location_count; n++)
			stack[n] =
				settling->locations[from->sample_locations[sample->location_first +
									   n]];
		err = profile_add_sample(settling->to, stack, sample->location_count, labels,
					 label_count, sample->values);
	}
	return err;
}

/* Strings, and what names them alone, stay; the tables change places with those that were made. */
static void take_tables(struct profile *profile, struct profile *made)
{
	enum { AT = offsetof(struct profile, mappings), SIZE = sizeof(struct profile) - AT };
	char *ours = (char *)profile + AT, *theirs = (char *)made + AT, kept[SIZE];

	memcpy(kept, ours, SIZE);
	memcpy(ours, theirs, SIZE);
	memcpy(theirs, kept, SIZE);
}

static bool is_flat(const struct profile *profile)
{
	return profile->mapping_index.used != profile->mapping_count ||
	       profile->function_index.used != profile->function_count ||
	       profile->location_index.used != profile->location_count ||
	       profile->sample_index.used != profile->sample_count;
}

int profile_settle(struct profile *profile)
{
	_cleanup_(settling_release) struct settling settling = {.from = profile};
	int err = is_flat(profile) ? allocate(&settling) : 0;

	if (err || !settling.to)
		return err;
	settling.to->type_count = profile->type_count;
	err = settle_tables(&settling);
	if (!err)
		err = settle_samples(&settling);
	if (!err)
		take_tables(profile, settling.to);
	return err;
}
