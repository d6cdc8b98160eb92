/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/store_merge.h"

#include "base/cleanup.h"
#include "profiler/store_timeline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Numbers of processes and threads. */
static const char *const ids[] = {"pid", "tid", "nspid", "nstid"};

/* Comments that speak of one slice and of no other: thousands of them would pile up. */
static const char *const own_words[] = {
	"callers in distinct user stacks: ", "unwind tables: ", TIMELINE_COMMENT};

static bool is_own_word(const char *comment)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_words); i++)
		if (!strncmp(comment, own_words[i], strlen(own_words[i])))
			return true;
	return false;
}

void store_drop_own_words(struct profile *profile)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < profile->comment_count; i++)
		if (!is_own_word(profile_string(profile, profile->comments[i])))
			profile->comments[kept++] = profile->comments[i];
	profile->comment_count = kept;
}

static bool is_id(const uint32_t *keys, uint32_t key)
{
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		if (keys[i] == key)
			return true;
	return false;
}

int store_drop_ids(struct profile *profile)
{
	uint32_t keys[ARRAY_SIZE(ids)];
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(ids); i++)
		err = profile_add_string(profile, ids[i], &keys[i]);
	for (uint32_t i = 0; !err && i < profile->label_set_count; i++) {
		struct profile_label_set *set = &profile->label_sets[i];
		struct profile_label *labels = profile->labels + set->first;
		uint32_t kept = 0;

		for (uint32_t j = 0; j < set->count; j++)
			if (!is_id(keys, labels[j].key))
				labels[kept++] = labels[j];
		set->count = kept;
	}
	return err;
}

static bool is_match(const struct profile *profile, const struct profile_label_set *set,
		     const struct store_match *match)
{
	const struct profile_label *label = profile_find_label(profile, set, match->label);
	char number[24];

	if (!label)
		return false;
	if (label->string)
		return !strcmp(profile_string(profile, label->string), match->value);
	snprintf(number, sizeof(number), "%" PRId64, label->number);
	return !strcmp(number, match->value);
}

static bool is_kept(const struct profile *profile, const struct profile_label_set *set,
		    const struct store_match *matches, size_t count)
{
	size_t met = 0;

	while (met < count && is_match(profile, set, &matches[met]))
		met++;
	return met == count;
}

int store_keep_matching(struct profile *profile, const struct store_match *matches, size_t count)
{
	_cleanup_free_ bool *kept = calloc(profile->label_set_count, sizeof(*kept));

	if (!kept)
		return -ENOMEM;
	for (uint32_t i = 0; i < profile->label_set_count; i++)
		kept[i] = is_kept(profile, &profile->label_sets[i], matches, count);
	for (uint32_t i = 0; i < profile->sample_count; i++) {
		struct profile_sample *sample = &profile->samples[i];

		if (!kept[sample->label_set])
			memset(sample->values, 0, sizeof(sample->values));
	}
	return 0;
}
