/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/hashmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { HASHMAP_MIN_SLOTS = 16 };

void hashmap_release(struct hashmap *map)
{
	free(map->slots);
	*map = (struct hashmap){0};
}

void hashmap_clear(struct hashmap *map)
{
	if (map->slots)
		memset(map->slots, 0, ((size_t)map->mask + 1) * sizeof(*map->slots));
	map->used = 0;
}

uint32_t hashmap_find(const struct hashmap *map, uint64_t hash, hashmap_eq eq, const void *table,
		      const void *key)
{
	if (!map->slots)
		return HASHMAP_NONE;

	for (uint32_t i = (uint32_t)hash & map->mask;; i = (i + 1) & map->mask) {
		const struct hashmap_slot *slot = &map->slots[i];

		if (!slot->position)
			return HASHMAP_NONE;
		if (slot->hash == (uint32_t)hash && eq(table, slot->position - 1, key))
			return slot->position - 1;
	}
}

static void place(struct hashmap_slot *slots, uint32_t mask, struct hashmap_slot entry)
{
	uint32_t i = entry.hash & mask;

	while (slots[i].position)
		i = (i + 1) & mask;
	slots[i] = entry;
}

static int grow(struct hashmap *map)
{
	size_t count = map->slots ? ((size_t)map->mask + 1) * 2 : HASHMAP_MIN_SLOTS;
	struct hashmap_slot *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; map->slots && i <= map->mask; i++)
		if (map->slots[i].position)
			place(slots, (uint32_t)count - 1, map->slots[i]);
	free(map->slots);
	map->slots = slots;
	map->mask = (uint32_t)count - 1;
	return 0;
}

int hashmap_add(struct hashmap *map, uint64_t hash, uint32_t position)
{
	/* Half full at most: a search for what is not there meets a free slot soon. */
	if (!map->slots || map->used >= map->mask / 2) {
		int err = grow(map);

		if (err)
			return err;
	}
	place(map->slots, map->mask, (struct hashmap_slot){(uint32_t)hash, position + 1});
	map->used++;
	return 0;
}

static struct hashmap_slot *slot_of(const struct hashmap *map, uint64_t hash, uint32_t position)
{
	if (!map->slots)
		return NULL;
	for (uint32_t i = (uint32_t)hash & map->mask; map->slots[i].position;
	     i = (i + 1) & map->mask)
		if (map->slots[i].position == position + 1)
			return &map->slots[i];
	return NULL;
}

void hashmap_remove(struct hashmap *map, uint64_t hash, uint32_t position)
{
	struct hashmap_slot *slot = slot_of(map, hash, position);
	uint32_t hole, i;

	if (!slot)
		return;

	/* Close the gap: pull back each later entry of the run that may stand in the hole. */
	hole = (uint32_t)(slot - map->slots);
	for (i = (hole + 1) & map->mask; map->slots[i].position; i = (i + 1) & map->mask) {
		uint32_t home = map->slots[i].hash & map->mask;

		if (((i - home) & map->mask) >= ((i - hole) & map->mask)) {
			map->slots[hole] = map->slots[i];
			hole = i;
		}
	}
	map->slots[hole] = (struct hashmap_slot){0};
	map->used--;
}

void hashmap_move(struct hashmap *map, uint64_t hash, uint32_t from, uint32_t to)
{
	struct hashmap_slot *slot = slot_of(map, hash, from);

	if (slot)
		slot->position = to + 1;
}

size_t hashmap_bytes(const struct hashmap *map)
{
	return map->slots ? ((size_t)map->mask + 1) * sizeof(*map->slots) : 0;
}

/* Before there is a second thread: all shall hash alike. */
static uint64_t seed;

__attribute__((constructor)) static void draw_seed(void)
{
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = 0x9e3779b97f4a7c15;
}

uint64_t hash_bytes(const void *bytes, size_t size)
{
	return XXH3_64bits_withSeed(bytes, size, seed);
}

uint64_t hash_mix(uint64_t a, uint64_t b)
{
	uint64_t pair[2] = {a, b};

	return hash_bytes(pair, sizeof(pair));
}
