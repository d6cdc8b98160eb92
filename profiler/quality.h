/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How good the names of a profile are, by its leaf frames: where each sample's name is from, and which
 * modules lack what, and why. */
#ifndef WICK_PROFILER_QUALITY_H
#define WICK_PROFILER_QUALITY_H

#include "base/buf.h"
#include "formats/profile.h"

/* A module whose leaf frames lack names or lines. */
struct quality_lack {
	int64_t value; /* of the samples that this touches */
	uint32_t mapping;
	uint8_t best;	      /* enum profile_quality of those frames */
	bool has_other_lines; /* other frames of it have lines */
};

struct quality {
	const struct profile *profile;
	int64_t whole;
	int64_t named;		  /* whose leaf has a name */
	int64_t user, with_lines; /* whose leaf is not in the kernel; and has a line */
	int64_t from[PROFILE_QUALITIES];
	struct quality_lack *lacks; /* the heaviest first */
	uint32_t lack_count;
};

/* Weighs by the values of a sample type. 0 or -ENOMEM. The profile is to outlive it. */
int quality_weigh(const struct profile *profile, uint32_t type, struct quality *ret_quality);
void quality_release(struct quality *quality);

/* "names     98.3 % of samples named, 91.0 % of those in user code with lines" and so on; nothing for
 * a profile without samples. */
void quality_as_text(const struct quality *quality, struct buf *out);
/* A member "names" with a comma behind it. */
void quality_as_json(const struct quality *quality, struct buf *out);

#endif
