/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interned strings: each distinct string once, under a dense id. Id 0 is always "" (as in pprof's
 * string table). Strings may hold any byte but NUL. Zero-initialised is valid and holds only "".
 * Not thread safe.
 */
#ifndef WICK_BASE_STRTAB_H
#define WICK_BASE_STRTAB_H

#include "base/hashmap.h"

struct strtab {
	char *bytes; /* NUL-terminated strings, back to back */
	size_t bytes_used, bytes_size;
	uint32_t *offsets; /* by id */
	uint32_t count, offsets_size;
	struct hashmap index;
};

void strtab_release(struct strtab *tab);

/* Interns a string (NULL counts as ""). Gives its id, or -ENOMEM. */
int strtab_add(struct strtab *tab, const char *string, uint32_t *ret_id);
int strtab_add_n(struct strtab *tab, const char *string, size_t length, uint32_t *ret_id);

/* The same for a string that is not NULL and has no NUL within length, by its hash: see
 * hashmap_hint() and hashmap_guess() of the index. */
uint64_t strtab_hash(const char *string, size_t length);
int strtab_add_hashed(struct strtab *tab, const char *string, size_t length, uint64_t hash,
		      uint32_t *ret_id);

/* The id of a string that was interned, or -ENOENT. */
int strtab_find(const struct strtab *tab, const char *string, uint32_t *ret_id);

/* The string of an id; "" for an id that was never given. Valid until the next add. */
const char *strtab_get(const struct strtab *tab, uint32_t id);

/* Its length, without a walk along it. */
size_t strtab_length(const struct strtab *tab, uint32_t id);

/* The number of ids given, "" included (so at least 1). */
uint32_t strtab_count(const struct strtab *tab);

size_t strtab_bytes(const struct strtab *tab);

#endif
