/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/store_merge.h"

#include "base/cleanup.h"
#include "profiler/store_timeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Numbers of processes and threads. */
static const char *const ids[] = {"pid", "tid", "nspid", "nstid"};

/* Comments that speak of one slice and of no other: thousands of them would pile up. */
static const char *const own_words[] = {"callers in distinct user stacks: ", TIMELINE_COMMENT};

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
	for (uint32_t i = 0; !err && i < profile->sample_count; i++) {
		struct profile_sample *sample = &profile->samples[i];
		struct profile_label *labels = profile->labels + sample->label_first;
		uint32_t kept = 0;

		for (uint32_t j = 0; j < sample->label_count; j++)
			if (!is_id(keys, labels[j].key))
				labels[kept++] = labels[j];
		sample->label_count = kept;
	}
	return err;
}

static bool is_match(const struct profile *profile, const struct profile_sample *sample,
		     const struct store_match *match)
{
	const struct profile_label *label = profile_sample_label(profile, sample, match->label);
	char number[24];

	if (!label)
		return false;
	if (label->string)
		return !strcmp(profile_string(profile, label->string), match->value);
	snprintf(number, sizeof(number), "%" PRId64, label->number);
	return !strcmp(number, match->value);
}

void store_keep_matching(struct profile *profile, const struct store_match *matches, size_t count)
{
	for (uint32_t i = 0; i < profile->sample_count; i++) {
		struct profile_sample *sample = &profile->samples[i];
		size_t met = 0;

		while (met < count && is_match(profile, sample, &matches[met]))
			met++;
		if (met < count)
			memset(sample->values, 0, sizeof(sample->values));
	}
}
