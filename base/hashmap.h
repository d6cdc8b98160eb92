/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An index from keys to positions in an array that the caller owns.
 *
 * The map stores no keys and no values: only (hash, position) pairs, by open addressing. Equality
 * is asked of the caller, so one map serves every table here: the caller keeps a dense array (good
 * to iterate, to sort, to write out) and this map finds positions in it.
 *
 * Zero-initialised is a valid empty map. Not thread safe.
 */
#ifndef WICK_BASE_HASHMAP_H
#define WICK_BASE_HASHMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASHMAP_NONE UINT32_MAX

struct hashmap_slot {
	uint32_t hash;
	uint32_t position; /* plus one; 0 = free */
};

struct hashmap {
	struct hashmap_slot *slots;
	uint32_t mask; /* slots - 1, or 0 while empty */
	uint32_t used;
};

/* Does the element at position of the caller's array equal key? */
typedef bool (*hashmap_eq)(const void *table, uint32_t position, const void *key);

void hashmap_release(struct hashmap *map);
void hashmap_clear(struct hashmap *map);

/* The position of key, or HASHMAP_NONE. */
uint32_t hashmap_find(const struct hashmap *map, uint64_t hash, hashmap_eq eq, const void *table,
		      const void *key);

/*
 * Many searches in tables that no cache holds wait for memory, one after the other, unless they are
 * told of beforehand: first hashmap_hint() for each of them, then hashmap_guess(), whose element the
 * caller touches or prefetches, then the searches. A guess is a position under the same hash whose
 * key may be another one, or HASHMAP_NONE.
 */
static inline void hashmap_hint(const struct hashmap *map, uint64_t hash)
{
	if (map->slots)
		__builtin_prefetch(&map->slots[(uint32_t)hash & map->mask]);
}

static inline uint32_t hashmap_guess(const struct hashmap *map, uint64_t hash)
{
	if (!map->slots)
		return HASHMAP_NONE;
	for (uint32_t i = (uint32_t)hash & map->mask; map->slots[i].position;
	     i = (i + 1) & map->mask)
		if (map->slots[i].hash == (uint32_t)hash)
			return map->slots[i].position - 1;
	return HASHMAP_NONE;
}

/* Adds a position under a hash; the caller has made sure that its key is not there yet.
 * Returns 0 or -ENOMEM, in which case the map is unchanged. */
int hashmap_add(struct hashmap *map, uint64_t hash, uint32_t position);

/* Removes the entry of this very position, if there is one. */
void hashmap_remove(struct hashmap *map, uint64_t hash, uint32_t position);

/* After the caller moved its element from one position to another. */
void hashmap_move(struct hashmap *map, uint64_t hash, uint32_t from, uint32_t to);

/* Bytes held, for memory accounting. */
size_t hashmap_bytes(const struct hashmap *map);

/* A 64-bit hash (XXH3) with a seed drawn at the start: keys here are often chosen by others. */
uint64_t hash_bytes(const void *bytes, size_t size);

/* A mix of two 64-bit values, for keys that are already hashes or small integers. */
uint64_t hash_mix(uint64_t a, uint64_t b);

#endif
