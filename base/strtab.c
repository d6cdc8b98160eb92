/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/strtab.h"

#include "base/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct key {
	const char *string;
	size_t length;
};

static bool equals(const void *table, uint32_t position, const void *key)
{
	const char *have = strtab_get(table, position);
	const struct key *want = key;

	return !strncmp(have, want->string, want->length) && !have[want->length];
}

void strtab_release(struct strtab *tab)
{
	free(tab->bytes);
	free(tab->offsets);
	hashmap_release(&tab->index);
	*tab = (struct strtab){0};
}

static int append(struct strtab *tab, const struct key *key, uint64_t hash, uint32_t *ret_id)
{
	int err;

	if (tab->bytes_used + key->length + 1 > UINT32_MAX)
		return -ENOMEM;
	err = array_reserve(&tab->bytes, &tab->bytes_size, tab->bytes_used + key->length + 1);
	if (!err)
		err = array_reserve(&tab->offsets, &tab->offsets_size, (size_t)tab->count + 1);
	if (!err)
		err = hashmap_add(&tab->index, hash, tab->count);
	if (err)
		return err;

	memcpy(tab->bytes + tab->bytes_used, key->string, key->length);
	tab->bytes[tab->bytes_used + key->length] = '\0';
	tab->offsets[tab->count] = (uint32_t)tab->bytes_used;
	tab->bytes_used += key->length + 1;
	*ret_id = tab->count++;
	return 0;
}

static int intern(struct strtab *tab, const struct key *key, uint64_t hash, uint32_t *ret_id)
{
	uint32_t id = hashmap_find(&tab->index, hash, equals, tab, key);

	if (id == HASHMAP_NONE)
		return append(tab, key, hash, ret_id);
	*ret_id = id;
	return 0;
}

uint64_t strtab_hash(const char *string, size_t length)
{
	return hash_bytes(string, length);
}

int strtab_add_hashed(struct strtab *tab, const char *string, size_t length, uint64_t hash,
		      uint32_t *ret_id)
{
	if (!tab->count) {
		uint32_t empty;
		int err = intern(tab, &(struct key){"", 0}, strtab_hash("", 0), &empty);

		if (err)
			return err;
	}
	return intern(tab, &(struct key){string, length}, hash, ret_id);
}

int strtab_add_n(struct strtab *tab, const char *string, size_t length, uint32_t *ret_id)
{
	length = strnlen(string, length);
	return strtab_add_hashed(tab, string, length, strtab_hash(string, length), ret_id);
}

int strtab_find(const struct strtab *tab, const char *string, uint32_t *ret_id)
{
	struct key key = {string, strlen(string)};
	uint32_t id = hashmap_find(&tab->index, hash_bytes(string, key.length), equals, tab, &key);

	if (id == HASHMAP_NONE)
		return -ENOENT;
	*ret_id = id;
	return 0;
}

int strtab_add(struct strtab *tab, const char *string, uint32_t *ret_id)
{
	return strtab_add_n(tab, string ? string : "", string ? strlen(string) : 0, ret_id);
}

const char *strtab_get(const struct strtab *tab, uint32_t id)
{
	return id < tab->count ? tab->bytes + tab->offsets[id] : "";
}

size_t strtab_length(const struct strtab *tab, uint32_t id)
{
	size_t end;

	if (id >= tab->count)
		return 0;
	end = id + 1 < tab->count ? tab->offsets[id + 1] : tab->bytes_used;
	return end - tab->offsets[id] - 1;
}

uint32_t strtab_count(const struct strtab *tab)
{
	return tab->count ? tab->count : 1;
}

size_t strtab_bytes(const struct strtab *tab)
{
	return tab->bytes_size + tab->offsets_size * sizeof(*tab->offsets) +
	       hashmap_bytes(&tab->index);
}
