/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/symindex.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	GUIDE_SHIFT = 8,
	GUIDE_MAX = 1 << 22, /* 1 GiB of text */
};

/* Where in an ordered table to search: first[n] is the number of entries below base + (n << GUIDE_SHIFT). */
struct guide {
	uint64_t base;
	uint32_t count; /* of steps; first has one more */
	uint32_t *first;
};

struct symindex {
	size_t size;  /* of the mapping */
	bool is_held; /* in memory, not in a file that we keep */
	const struct symindex_header *header;
	const struct symindex_segment *segments;
	const struct symindex_symbol *symbols;
	const struct symindex_area *areas;
	const struct symindex_node *nodes;
	const struct symindex_row *rows;
	const char *strings;
	char *debug_file;
	struct guide symbol_guide, area_guide, row_guide;
};

/* The sizes are below their caps when this is called, so that the sum cannot wrap. */
static uint64_t layout_size(const struct symindex_header *h)
{
	return sizeof(*h) + h->segment_count * (uint64_t)sizeof(struct symindex_segment) +
	       h->symbol_count * (uint64_t)sizeof(struct symindex_symbol) +
	       h->area_count * (uint64_t)sizeof(struct symindex_area) +
	       h->node_count * (uint64_t)sizeof(struct symindex_node) +
	       h->row_count * (uint64_t)sizeof(struct symindex_row) + h->string_size;
}

static bool header_is_sound(const struct symindex_header *h, uint64_t size)
{
	static const uint8_t zeros[SYMINDEX_BUILD_ID_MAX];

	if (memcmp(h->magic, SYMINDEX_MAGIC, sizeof(h->magic)) != 0 ||
	    h->version != SYMINDEX_VERSION || h->source >= SYMINDEX_SOURCES ||
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
	if (h->area_count > SYMINDEX_AREAS_MAX || h->node_count > SYMINDEX_AREAS_MAX ||
	    h->row_count > SYMINDEX_AREAS_MAX || h->debug >= SYMINDEX_DEBUG_KINDS ||
	    h->alt_id_size > SYMINDEX_BUILD_ID_MAX || h->split_missing > h->split_count ||
	    h->split_other > h->split_count - h->split_missing || h->has_package > 1 ||
	    h->alt_state >= SYMINDEX_LAYER_STATES)
		return false;
	for (size_t i = 0; i < SYMINDEX_LAYERS; i++)
		if (h->layers[i].state >= SYMINDEX_LAYER_STATES)
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

/* A whole string that is not empty begins there. */
static bool is_string(const struct symindex *index, uint32_t at)
{
	return at && at < index->header->string_size && !index->strings[at - 1] &&
	       index->strings[at];
}

static bool strings_are_sound(const struct symindex *index)
{
	const struct symindex_header *h = index->header;

	return !index->strings[0] && !index->strings[h->string_size - 1] &&
	       (!h->debuglink || is_string(index, h->debuglink)) &&
	       (!h->altlink || is_string(index, h->altlink)) &&
	       (!h->split_dir || is_string(index, h->split_dir)) &&
	       (!h->split_name || is_string(index, h->split_name));
}

static enum symindex_source source_of(const struct symindex_symbol *symbol)
{
	return (enum symindex_source)(symbol->name >> SYMINDEX_SOURCE_SHIFT & 7);
}

/*
 * Whoever made the file that the index is of decides how large it is, and whatever is looked at stays in
 * memory: so all is looked at in its order, and let go of behind. Strings are referred to in any order;
 * where they begin is noted before, a part of them at a time. Of most files there is one part.
 */
enum {
	PART_BYTES = 16 << 20,
	BYTES_BEHIND = 1 << 20,
	ENTRIES_BEHIND = 1 << 16,
};

struct part {
	const struct symindex *index;
	uint32_t from, size; /* of the strings */
	uint8_t *starts;     /* a bit each */
};

static void let_go_behind(const struct symindex *index, uint32_t i, uint32_t most)
{
	if (i && i % most == 0)
		symindex_rest(index);
}

static void note_starts(struct part *part)
{
	const char *strings = part->index->strings;

	memset(part->starts, 0, part->size / 8 + 1);
	for (uint32_t i = 0; i < part->size; i++) {
		uint32_t at = part->from + i;

		let_go_behind(part->index, i, BYTES_BEHIND);
		if (at && strings[at] && !strings[at - 1])
			part->starts[i / 8] |= (uint8_t)(1u << i % 8);
	}
}

/* As is_string(); those of other parts are looked at with these. */
static bool may_be_string(const struct part *part, uint32_t at)
{
	uint32_t i = at - part->from;

	if (i >= part->size)
		return at && at < part->index->header->string_size;
	return part->starts[i / 8] >> i % 8 & 1;
}

static bool symbols_are_sound(const struct part *part)
{
	const struct symindex *index = part->index;
	uint64_t end = 0;

	for (uint32_t i = 0; i < index->header->symbol_count; i++) {
		const struct symindex_symbol *s = &index->symbols[i];

		let_go_behind(index, i, ENTRIES_BEHIND);
		if (s->vaddr < end || !s->size || __builtin_add_overflow(s->vaddr, s->size, &end) ||
		    !may_be_string(part, s->name & SYMINDEX_NAME_MASK) ||
		    source_of(s) == SYMINDEX_NONE || (uint32_t)source_of(s) > index->header->source)
			return false;
	}
	return true;
}

/* Parents stand before their children, so that no chain is endless. */
static bool calls_are_sound(const struct part *part)
{
	const struct symindex *index = part->index;
	const struct symindex_header *h = index->header;

	for (uint32_t i = 0; i < h->area_count; i++) {
		const struct symindex_area *a = &index->areas[i];

		let_go_behind(index, i, ENTRIES_BEHIND);
		if ((i && a->at <= a[-1].at) || (a->node && a->node >= h->node_count))
			return false;
	}
	for (uint32_t i = 0; i < h->node_count; i++) {
		const struct symindex_node *n = &index->nodes[i];

		let_go_behind(index, i, ENTRIES_BEHIND);
		if ((n->parent && n->parent >= i) || (n->name && !may_be_string(part, n->name)) ||
		    (n->file && !may_be_string(part, n->file)))
			return false;
	}
	return true;
}

static bool rows_are_sound(const struct part *part)
{
	const struct symindex *index = part->index;

	for (uint32_t i = 0; i < index->header->row_count; i++) {
		const struct symindex_row *r = &index->rows[i];

		let_go_behind(index, i, ENTRIES_BEHIND);
		if ((i && r->at <= r[-1].at) || (r->file && !may_be_string(part, r->file)))
			return false;
	}
	return true;
}

static int check(const struct symindex *index)
{
	uint32_t size = index->header->string_size;
	_cleanup_free_ uint8_t *starts = malloc(PART_BYTES / 8 + 1);
	struct part part = {.index = index, .starts = starts};

	if (!starts)
		return -ENOMEM;
	if (!segments_are_sound(index))
		return -EBADMSG;
	for (; part.from < size; part.from += part.size) {
		part.size = size - part.from < PART_BYTES ? size - part.from : PART_BYTES;
		note_starts(&part);
		if (!symbols_are_sound(&part) || !calls_are_sound(&part) || !rows_are_sound(&part))
			return -EBADMSG;
	}
	symindex_rest(index);
	return 0;
}

static int open_index(int fd, bool is_trusted, struct symindex **ret_index)
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
	index->areas = (const void *)(index->symbols + index->header->symbol_count);
	index->nodes = (const void *)(index->areas + index->header->area_count);
	index->rows = (const void *)(index->nodes + index->header->node_count);
	index->strings = (const void *)(index->rows + index->header->row_count);
	if (!strings_are_sound(index))
		return -EBADMSG;
	err = is_trusted ? 0 : check(index);
	if (err)
		return err;
	index->is_held = !is_trusted;
	*ret_index = TAKE_PTR(index);
	return 0;
}

int symindex_open(int fd, struct symindex **ret_index)
{
	return open_index(fd, false, ret_index);
}

int symindex_open_trusted(int fd, struct symindex **ret_index)
{
	return open_index(fd, true, ret_index);
}

void symindex_free(struct symindex *index)
{
	if (!index)
		return;
	if (index->header)
		munmap((void *)index->header, index->size);
	free(index->debug_file);
	free(index->symbol_guide.first);
	free(index->area_guide.first);
	free(index->row_guide.first);
	free(index);
}

/* --- guides --- */

typedef uint64_t (*position_of)(const struct symindex *index, uint32_t n);

static uint64_t symbol_position(const struct symindex *index, uint32_t n)
{
	return index->symbols[n].vaddr;
}

static uint64_t area_position(const struct symindex *index, uint32_t n)
{
	return index->areas[n].at;
}

static uint64_t row_position(const struct symindex *index, uint32_t n)
{
	return index->rows[n].at;
}

/* A file that is trusted may be damaged, and its entries in no order: each step is within them all the same. */
static int guide_make(struct guide *guide, const struct symindex *index, uint32_t count,
		      position_of position)
{
	uint64_t base = count ? position(index, 0) : 0, steps;
	uint32_t at = 0;

	if (!count || guide->first)
		return 0;
	steps = ((position(index, count - 1) - base) >> GUIDE_SHIFT) + 1;
	if (steps > GUIDE_MAX)
		return 0;
	guide->first = malloc((steps + 1) * sizeof(*guide->first));
	if (!guide->first)
		return -ENOMEM;
	for (uint64_t step = 0; step < steps; step++) {
		while (at < count && position(index, at) - base < step << GUIDE_SHIFT)
			at++;
		guide->first[step] = at;
	}
	guide->first[steps] = count;
	guide->base = base;
	guide->count = (uint32_t)steps;
	return 0;
}

int symindex_guide(struct symindex *index)
{
	const struct symindex_header *h = index->header;
	int err = guide_make(&index->symbol_guide, index, h->symbol_count, symbol_position);

	if (!err)
		err = guide_make(&index->area_guide, index, h->area_count, area_position);
	if (!err)
		err = guide_make(&index->row_guide, index, h->row_count, row_position);
	return err;
}

/* Narrows [low, high], where the number of entries at or before position lies. */
static void guide_use(const struct guide *guide, uint64_t position, uint32_t *low, uint32_t *high)
{
	uint64_t step = (position - guide->base) >> GUIDE_SHIFT;

	if (position < guide->base || step >= guide->count)
		return;
	*low = guide->first[step];
	*high = guide->first[step + 1];
}

bool symindex_at(const struct symindex *index, uint32_t n, struct symindex_name *ret_name)
{
	const struct symindex_symbol *s;

	if (n >= index->header->symbol_count)
		return false;
	s = &index->symbols[n];
	*ret_name = (struct symindex_name){
		.symbol = symindex_string(index, s->name & SYMINDEX_NAME_MASK),
		.start = s->vaddr,
		.size = s->size,
		.is_plt = s->name & SYMINDEX_PLT,
		.source = source_of(s),
	};
	return true;
}

bool symindex_lookup(const struct symindex *index, uint64_t vaddr, struct symindex_name *ret_name)
{
	uint32_t low = 0, high = index->header->symbol_count;

	/* low: the number of symbols that start at or before vaddr */
	guide_use(&index->symbol_guide, vaddr, &low, &high);
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

/* --- calls and lines --- */

static uint32_t node_at(const struct symindex *index, uint32_t at)
{
	uint32_t low = 0, high = index->header->area_count;

	guide_use(&index->area_guide, at, &low, &high);
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (index->areas[middle].at <= at)
			low = middle + 1;
		else
			high = middle;
	}
	low = low ? index->areas[low - 1].node : 0;
	return low < index->header->node_count ? low : 0;
}

static const struct symindex_row *row_at(const struct symindex *index, uint32_t at)
{
	uint32_t low = 0, high = index->header->row_count;

	guide_use(&index->row_guide, at, &low, &high);
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (index->rows[middle].at <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &index->rows[low - 1] : NULL;
}

static uint32_t parent_of(const struct symindex *index, uint32_t node)
{
	uint32_t parent = index->nodes[node].parent;

	return parent < node ? parent : 0;
}

static void set_place(const struct symindex *index, struct symindex_frame *frame, uint32_t file,
		      uint32_t line)
{
	frame->file = file ? symindex_string(index, file) : NULL;
	frame->line = file ? line : 0;
}

uint32_t symindex_frames(const struct symindex *index, uint64_t vaddr,
			 struct symindex_frame *ret_frames, uint32_t max)
{
	uint64_t at = vaddr - index->header->text;
	bool has_debug = vaddr >= index->header->text && at <= UINT32_MAX;
	uint32_t node = has_debug ? node_at(index, (uint32_t)at) : 0, count = 0;
	const struct symindex_row *row = has_debug ? row_at(index, (uint32_t)at) : NULL;
	struct symindex_frame frame = {0};
	struct symindex_name name;

	if (row)
		set_place(index, &frame, row->file, row->line);
	for (; node && index->nodes[node].parent && count < max; node = parent_of(index, node)) {
		const struct symindex_node *n = &index->nodes[node];

		frame.function = n->name ? symindex_string(index, n->name) : "(inlined)";
		frame.is_inlined = true;
		ret_frames[count++] = frame;
		frame = (struct symindex_frame){0};
		set_place(index, &frame, n->file, n->line);
	}
	if (count >= max)
		return count;
	if (symindex_lookup(index, vaddr, &name)) {
		frame.function = name.symbol;
		frame.is_plt = name.is_plt;
		frame.source = name.source;
		frame.start = name.start;
	} else if (node && index->nodes[node].name) {
		frame.function = symindex_string(index, index->nodes[node].name);
	}
	ret_frames[count++] = frame;
	return count;
}

enum symindex_debug symindex_debug(const struct symindex *index)
{
	return (enum symindex_debug)index->header->debug;
}

bool symindex_has_lines(const struct symindex *index)
{
	return index->header->row_count > 0;
}

const char *symindex_debug_problem(const struct symindex *index)
{
	static const char *const problems[SYMINDEX_DEBUG_KINDS] = {
		[SYMINDEX_DEBUG_DAMAGED] = "its debug info is damaged",
		[SYMINDEX_DEBUG_TOO_BIG] = "its debug info is too big",
		[SYMINDEX_DEBUG_CRASHED] = "its debug info crashed its reader",
		[SYMINDEX_DEBUG_TOO_SLOW] = "its debug info took too long: its reader was killed",
		[SYMINDEX_DEBUG_TOO_HUNGRY] = "its debug info took too much memory",
	};

	if (index && index->header->split_missing)
		return "split debug info missing";
	if (index && index->header->split_other)
		return "split debug info of another build";
	return index ? problems[index->header->debug] : NULL;
}

void symindex_note_debug_file(struct symindex *index, char *path)
{
	free(index->debug_file);
	index->debug_file = path;
}

const char *symindex_debug_file(const struct symindex *index)
{
	return index->debug_file;
}

const struct symindex_header *symindex_header(const struct symindex *index)
{
	return index->header;
}

const char *symindex_string(const struct symindex *index, uint32_t at)
{
	return at < index->header->string_size ? index->strings + at : "";
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

size_t symindex_held(const struct symindex *index)
{
	return index->is_held ? index->size : 0;
}

void symindex_rest(const struct symindex *index)
{
	madvise((void *)index->header, index->size, MADV_DONTNEED);
}
