/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sums of stored profiles, for roll-ups and for ranges that somebody asks for. */
#ifndef WICK_PROFILER_STORE_MERGE_H
#define WICK_PROFILER_STORE_MERGE_H

#include "formats/profile.h"

/* Takes the comments away that speak of this slice alone. The profile is good for a merge into
 * another one then, and for nothing else. */
void store_drop_own_words(struct profile *profile);

/* Takes the labels pid, tid, nspid and nstid from all samples. Samples that are equal then stay
 * apart until the profile is merged into another one. */
int store_drop_ids(struct profile *profile);

/* label=value: text, or a number in decimal. */
struct store_match {
	const char *label, *value;
};

/* Sets the values of samples to 0 that do not match all of them; profile_merge() leaves such out. 0
 * or -ENOMEM. */
int store_keep_matching(struct profile *profile, const struct store_match *matches, size_t count);

#endif
