/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pprof's profile.proto, not packed (google/pprof proto/profile.proto).
 *
 * What is written suits the strictest of its readers: ids dense from 1, string_table[0] = "", valid
 * UTF-8 only, packed numbers, a named function for every location (a location without lines gets
 * "module+0xaddress": viewers drop frames that have no function). Reading takes such a stand-in
 * away again, so that writing and reading lose nothing.
 */
#ifndef WICK_FORMATS_PPROF_H
#define WICK_FORMATS_PPROF_H

#include "base/buf.h"
#include "formats/profile.h"

/* Appends profile, its samples in the order they have. */
int pprof_write(const struct profile *profile, struct buf *out);

/*
 * Reads foreign bytes: sparse ids, unknown fields, any order of fields, numbers packed or not, no
 * mappings, text that is not UTF-8. Gives a flat profile (profile_append_mapping()): elements that
 * are there twice stay so. Time and memory are linear in size. Errors as profile_decode().
 */
int pprof_read_flat(const void *bytes, size_t size, struct profile **ret_profile,
		    const char **ret_why);

/* Could these bytes be pprof, rather than text? A look at the first fields. */
bool pprof_probe(const void *bytes, size_t size);

#endif
