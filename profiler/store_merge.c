/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/store_merge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int store_drop_ids(struct profile *profile)
{
	uint32_t pid, tid;
	int err = profile_add_string(profile, "pid", &pid);

	if (!err)
		err = profile_add_string(profile, "tid", &tid);
	if (err)
		return err;
	for (uint32_t i = 0; i < profile->sample_count; i++) {
		struct profile_sample *sample = &profile->samples[i];
		struct profile_label *labels = profile->labels + sample->label_first;
		uint32_t kept = 0;

		for (uint32_t j = 0; j < sample->label_count; j++)
			if (labels[j].key != pid && labels[j].key != tid)
				labels[kept++] = labels[j];
		sample->label_count = kept;
	}
	return 0;
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
