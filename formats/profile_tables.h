/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables of a profile by hash, for who adds many elements at once and has their searches overlap
 * (hashmap_hint()): as the add functions of profile.h, the hash being that of the same arguments and
 * these within the caps.
 */
#ifndef WICK_FORMATS_PROFILE_TABLES_H
#define WICK_FORMATS_PROFILE_TABLES_H

#include "formats/profile.h"

uint64_t profile_function_hash(const struct profile_function *function);
int profile_add_function_hashed(struct profile *profile, const struct profile_function *function,
				uint64_t hash, uint32_t *ret_id);

uint64_t profile_location_hash(const struct profile_location *location,
			       const struct profile_line *lines, uint32_t line_count);
int profile_add_location_hashed(struct profile *profile, const struct profile_location *location,
				const struct profile_line *lines, uint32_t line_count,
				uint64_t hash, uint32_t *ret_id);

int profile_add_label_set(struct profile *profile, const struct profile_label *labels,
			  uint32_t count, uint32_t *ret_set);

/* profile_sort() leaves samples without their index: it is made anew here, before the first of
 * profile_add_sample_hashed(). */
int profile_index_samples(struct profile *profile);
uint64_t profile_sample_hash(const uint32_t *locations, uint32_t location_count,
			     uint32_t label_set);
int profile_add_sample_hashed(struct profile *profile, const uint32_t *locations,
			      uint32_t location_count, uint32_t label_set, const int64_t *values,
			      uint64_t hash);

#endif
