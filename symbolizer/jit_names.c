/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/jit_names.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const uint64_t early_ns = 1000000000; /* so long before its record, code may have run */

struct jit_names {
	const struct jit_names_header *header; /* of the mapped bytes */
	size_t size;
	const struct jit_spot *spots;
	const struct jit_version *versions;
	const struct jit_piece *pieces;
	const struct jit_row *rows;
	const char *strings;
};

/* --- opening --- */

static bool place_arrays(struct jit_names *names)
{
	const struct jit_names_header *h = names->header;
	uint64_t size;

	if (memcmp(h->magic, JIT_NAMES_MAGIC, sizeof(h->magic)) != 0 || h->is_part > 1 ||
	    !h->piece_count || !h->string_size)
		return false;
	names->spots = (const void *)(h + 1);
	size = sizeof(*h) + h->spot_count * sizeof(struct jit_spot) +
	       h->version_count * sizeof(struct jit_version) +
	       h->piece_count * sizeof(struct jit_piece) + h->row_count * sizeof(struct jit_row) +
	       h->string_size;
	if (size != names->size)
		return false;
	names->versions = (const void *)(names->spots + h->spot_count);
	names->pieces = (const void *)(names->versions + h->version_count);
	names->rows = (const void *)(names->pieces + h->piece_count);
	names->strings = (const void *)(names->rows + h->row_count);
	return !names->strings[0] && !names->strings[h->string_size - 1];
}

/* Parts follow each other without gaps: *at is where this one has to begin. */
static bool is_next(uint32_t first, uint32_t count, uint32_t all, uint32_t *at)
{
	if (first != *at || count > all - first)
		return false;
	*at += count;
	return true;
}

static bool spots_are_sound(const struct jit_names *names)
{
	const struct jit_names_header *h = names->header;
	uint32_t at = 0;

	for (uint32_t i = 0; i < h->spot_count; i++) {
		const struct jit_spot *s = &names->spots[i];

		if (s->first > s->last || (i && s->first <= names->spots[i - 1].last) ||
		    !is_next(s->version, s->version_count, h->version_count, &at))
			return false;
		for (uint32_t j = 1; j < s->version_count; j++)
			if (names->versions[s->version + j].from_ns <
			    names->versions[s->version + j - 1].from_ns)
				return false;
	}
	for (uint32_t i = 0; i < h->version_count; i++)
		if (names->versions[i].piece >= h->piece_count)
			return false;
	return true;
}

static bool pieces_are_sound(const struct jit_names *names)
{
	const struct jit_names_header *h = names->header;
	uint32_t at = 0;

	for (uint32_t i = 0; i < h->piece_count; i++) {
		const struct jit_piece *p = &names->pieces[i];

		if (p->name >= h->string_size || !is_next(p->row, p->row_count, h->row_count, &at))
			return false;
		for (uint32_t j = 1; j < p->row_count; j++)
			if (names->rows[p->row + j].addr < names->rows[p->row + j - 1].addr)
				return false;
	}
	for (uint32_t i = 0; i < h->row_count; i++)
		if (names->rows[i].file >= h->string_size)
			return false;
	return true;
}

int jit_names_open(int fd, struct jit_names **ret_names)
{
	_cleanup_(jit_names_freep) struct jit_names *names = calloc(1, sizeof(*names));
	const void *bytes;
	int err = names ? file_map(fd, sizeof(*names->header), &bytes, &names->size) : -ENOMEM;

	if (err)
		return err;
	names->header = bytes;
	if (!place_arrays(names) || !spots_are_sound(names) || !pieces_are_sound(names))
		return -EBADMSG;
	*ret_names = TAKE_PTR(names);
	return 0;
}

void jit_names_free(struct jit_names *names)
{
	if (!names)
		return;
	if (names->header)
		munmap((void *)names->header, names->size);
	free(names);
}

bool jit_names_is_part(const struct jit_names *names)
{
	return names->header->is_part;
}

size_t jit_names_bytes(const struct jit_names *names)
{
	return sizeof(*names) + names->size;
}

/* --- looking up --- */

static const struct jit_spot *find_spot(const struct jit_names *names, uint64_t addr)
{
	size_t low = 0, high = names->header->spot_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (names->spots[middle].last < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < names->header->spot_count && names->spots[low].first <= addr
		       ? &names->spots[low]
		       : NULL;
}

bool jit_names_knows(const struct jit_names *names, uint64_t addr)
{
	return find_spot(names, addr) != NULL;
}

/* What came last at or before a time. */
static const struct jit_version *find_version(const struct jit_names *names,
					      const struct jit_spot *spot, uint64_t when_ns)
{
	const struct jit_version *first = &names->versions[spot->version], *found = NULL;

	for (uint32_t i = 0; i < spot->version_count && first[i].from_ns <= when_ns; i++)
		found = &first[i];
	if (!found && spot->version_count && first->from_ns - when_ns <= early_ns)
		found = first;
	return found;
}

static void find_row(const struct jit_names *names, const struct jit_piece *piece, uint64_t addr,
		     struct jit_name *name)
{
	const struct jit_row *rows = names->rows + piece->row;
	uint32_t low = 0, high = piece->row_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (rows[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || !rows[low - 1].file)
		return;
	name->file = names->strings + rows[low - 1].file;
	name->line = rows[low - 1].line;
}

bool jit_names_find(const struct jit_names *names, uint64_t addr, uint64_t when_ns,
		    struct jit_name *ret_name)
{
	const struct jit_spot *spot = find_spot(names, addr);
	const struct jit_version *version = spot ? find_version(names, spot, when_ns) : NULL;
	const struct jit_piece *piece;
	struct jit_name name = {0};

	if (!version || !version->piece)
		return false;
	piece = &names->pieces[version->piece];
	name.symbol = names->strings + piece->name;
	name.start = piece->start;
	find_row(names, piece, addr, &name);
	*ret_name = name;
	return true;
}

uint64_t jit_names_until(const struct jit_names *names, uint64_t addr, uint64_t when_ns)
{
	const struct jit_spot *spot = find_spot(names, addr);

	for (uint32_t i = 0; spot && i < spot->version_count; i++) {
		uint64_t from = names->versions[spot->version + i].from_ns;

		/* the first one counts early */
		if (!i)
			from = from > early_ns ? from - early_ns : 0;
		if (from > when_ns)
			return from;
	}
	return UINT64_MAX;
}
