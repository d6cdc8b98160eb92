/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/symindex.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct symindex {
	size_t size; /* of the mapping */
	const struct symindex_header *header;
	const struct symindex_segment *segments;
	const struct symindex_symbol *symbols;
	const char *strings;
};

/* The sizes are below their caps when this is called, so that the sum cannot wrap. */
static uint64_t layout_size(const struct symindex_header *h)
{
	return sizeof(*h) + h->segment_count * (uint64_t)sizeof(struct symindex_segment) +
	       h->symbol_count * (uint64_t)sizeof(struct symindex_symbol) + h->string_size;
}

static bool header_is_sound(const struct symindex_header *h, uint64_t size)
{
	static const uint8_t zeros[SYMINDEX_BUILD_ID_MAX];

	if (memcmp(h->magic, SYMINDEX_MAGIC, sizeof(h->magic)) != 0 ||
	    h->version != SYMINDEX_VERSION || h->source > SYMINDEX_SYMTAB ||
	    (h->source == SYMINDEX_NONE) != (h->symbol_count == 0))
		return false;
	/* Ranges cut by inner symbols make at most two of each symbol. */
	if (!h->segment_count || h->segment_count > SYMINDEX_SEGMENTS_MAX ||
	    h->symbol_count > 2 * SYMINDEX_SYMBOLS_MAX || !h->string_size ||
	    h->string_size > SYMINDEX_STRINGS_MAX || h->build_id_size > SYMINDEX_BUILD_ID_MAX)
		return false;
	if (memcmp(h->build_id + h->build_id_size, zeros,
		   SYMINDEX_BUILD_ID_MAX - h->build_id_size) != 0)
		return false;
	return h->size == size && layout_size(h) == size;
}

static bool segments_are_sound(const struct symindex *index)
{
	uint64_t last = 0;

	for (uint32_t i = 0; i < index->header->segment_count; i++) {
		const struct symindex_segment *s = &index->segments[i];
		uint64_t end;

		if (s->off < last || s->zero || (s->flags & ~(uint32_t)(PF_R | PF_W | PF_X)) ||
		    __builtin_add_overflow(s->off, s->size, &end) ||
		    __builtin_add_overflow(s->vaddr, s->size, &end))
			return false;
		last = s->off;
	}
	return true;
}

static bool symbols_are_sound(const struct symindex *index)
{
	uint32_t string_size = index->header->string_size;
	uint64_t end = 0;

	if (index->strings[0] || index->strings[string_size - 1])
		return false;
	for (uint32_t i = 0; i < index->header->symbol_count; i++) {
		const struct symindex_symbol *s = &index->symbols[i];
		uint32_t name = s->name & ~SYMINDEX_PLT;

		if (s->vaddr < end || !s->size || __builtin_add_overflow(s->vaddr, s->size, &end))
			return false;
		if (!name || name >= string_size || index->strings[name - 1] ||
		    !index->strings[name])
			return false;
	}
	return true;
}

int symindex_open(int fd, struct symindex **ret_index)
{
	_cleanup_(symindex_freep) struct symindex *index = calloc(1, sizeof(*index));
	const void *bytes = NULL;
	int err;

	if (!index)
		return -ENOMEM;
	err = file_map(fd, sizeof(struct symindex_header), &bytes, &index->size);
	if (!bytes)
		return err;
	index->header = bytes;
	if (!header_is_sound(index->header, index->size))
		return -EBADMSG;
	index->segments = (const void *)(index->header + 1);
	index->symbols = (const void *)(index->segments + index->header->segment_count);
	index->strings = (const void *)(index->symbols + index->header->symbol_count);
	if (!segments_are_sound(index) || !symbols_are_sound(index))
		return -EBADMSG;
	*ret_index = TAKE_PTR(index);
	return 0;
}

void symindex_free(struct symindex *index)
{
	if (!index)
		return;
	if (index->header)
		munmap((void *)index->header, index->size);
	free(index);
}

bool symindex_at(const struct symindex *index, uint32_t n, struct symindex_name *ret_name)
{
	const struct symindex_symbol *s;

	if (n >= index->header->symbol_count)
		return false;
	s = &index->symbols[n];
	*ret_name = (struct symindex_name){
		.symbol = index->strings + (s->name & ~SYMINDEX_PLT),
		.start = s->vaddr,
		.size = s->size,
		.is_plt = s->name & SYMINDEX_PLT,
	};
	return true;
}

bool symindex_lookup(const struct symindex *index, uint64_t vaddr, struct symindex_name *ret_name)
{
	uint32_t low = 0, high = index->header->symbol_count;

	/* low: the number of symbols that start at or before vaddr */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (index->symbols[middle].vaddr <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || vaddr - index->symbols[low - 1].vaddr >= index->symbols[low - 1].size)
		return false;
	return symindex_at(index, low - 1, ret_name);
}

/* Two segments may share a page of the file and, in odd files, more: code is what is asked for. */
bool symindex_vaddr(const struct symindex *index, uint64_t off, uint64_t *ret_vaddr)
{
	const struct symindex_segment *found = NULL;

	for (uint32_t i = 0; i < index->header->segment_count; i++) {
		const struct symindex_segment *s = &index->segments[i];

		if (off < s->off)
			break;
		if (off - s->off < s->size && (!found || !(found->flags & PF_X)))
			found = s;
	}
	if (!found)
		return false;
	*ret_vaddr = found->vaddr + (off - found->off);
	return true;
}

void symindex_text(const struct symindex *index, uint64_t *ret_start, uint64_t *ret_limit,
		   uint64_t *ret_off)
{
	uint64_t start = 0, limit = 0, off = 0;
	bool any = false;

	for (uint32_t i = 0; i < index->header->segment_count; i++) {
		const struct symindex_segment *s = &index->segments[i];

		if (!(s->flags & PF_X))
			continue;
		if (!any || s->vaddr < start) {
			start = s->vaddr;
			off = s->off;
		}
		if (s->vaddr + s->size > limit)
			limit = s->vaddr + s->size;
		any = true;
	}
	*ret_start = start;
	*ret_limit = limit;
	*ret_off = off;
}

const uint8_t *symindex_build_id(const struct symindex *index, size_t *ret_size)
{
	*ret_size = index->header->build_id_size;
	return index->header->build_id;
}

enum symindex_source symindex_source(const struct symindex *index)
{
	return (enum symindex_source)index->header->source;
}

uint32_t symindex_count(const struct symindex *index)
{
	return index->header->symbol_count;
}

const struct symindex_segment *symindex_segment(const struct symindex *index, uint32_t n)
{
	return n < index->header->segment_count ? &index->segments[n] : NULL;
}

size_t symindex_bytes(const struct symindex *index)
{
	return sizeof(*index) + index->size;
}
