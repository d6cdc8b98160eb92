/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From an ELF file and its debug files to a symindex, in the parser child. */
#include "symbolizer/debug_sections.h"
#include "symbolizer/dwarf_index.h"
#include "symbolizer/elf_symtab.h"
#include "symbolizer/go_pclntab.h"
#include "symbolizer/split_files.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum {
	LINK_NAME_MAX = 4096,
	HASTE_BYTES = 256 << 10, /* of .debug_info as it stands in the file: some 20 ms */
};

/* All files that make one index. */
struct build {
	struct elf_file elf, debug, alt;
	struct dwarf dwarf, alt_dwarf;
	struct split_files split;
	struct dwarf_range *text; /* of its code sections */
	size_t text_count;
	struct dwarf_index index;
	struct go_pclntab go;
	bool has_go;
	const char *debuglink, *altlink; /* borrowed from the ELF files */
	size_t debuglink_length, altlink_length;
};

static void build_release(struct build *b)
{
	dwarf_index_release(&b->index);
	split_files_release(&b->split);
	dwarf_release(&b->dwarf);
	dwarf_release(&b->alt_dwarf);
	elf_file_release(&b->elf);
	elf_file_release(&b->debug);
	elf_file_release(&b->alt);
	free(b->text);
}

/* --- links --- */

/* .gnu_debuglink: a name, padded to 4 bytes, and the CRC of the file. */
static void read_debuglink(struct build *b)
{
	struct symindex_header *header = &b->elf.header;
	const char *name;
	const uint8_t *start;
	struct cursor c;

	if (!debug_section_raw(b->elf.elf, ".gnu_debuglink", &c))
		return;
	start = c.pos;
	if (!cursor_cstr(&c, &name) || strlen(name) > LINK_NAME_MAX ||
	    !cursor_skip(&c, -(uint64_t)(c.pos - start) & 3) ||
	    !cursor_u32(&c, &header->debuglink_crc))
		return;
	b->debuglink = name;
	b->debuglink_length = strlen(name);
}

/* .gnu_debugaltlink: a name and the build id of the file. */
static void read_altlink(struct build *b, Elf *elf)
{
	struct symindex_header *header = &b->elf.header;
	const char *name;
	struct cursor c;

	if (!debug_section_raw(elf, ".gnu_debugaltlink", &c) || !cursor_cstr(&c, &name) ||
	    strlen(name) > LINK_NAME_MAX || cursor_left(&c) > SYMINDEX_BUILD_ID_MAX)
		return;
	b->altlink = name;
	b->altlink_length = strlen(name);
	header->alt_id_size = (uint32_t)cursor_left(&c);
	memcpy(header->alt_id, c.pos, header->alt_id_size);
}

static bool crc_is(int fd, uint32_t wanted)
{
	uint8_t bytes[64 << 10];
	uLong crc = crc32(0, NULL, 0);
	off_t off = 0;
	ssize_t got;

	while ((got = pread(fd, bytes, sizeof(bytes), off)) > 0) {
		crc = crc32(crc, bytes, (uInt)got);
		off += got;
	}
	return !got && crc == wanted;
}

/* A debug file is believed by its build id; where there is none, by the CRC of the link. */
static bool is_debug_of(const struct build *b, int fd)
{
	const struct symindex_header *have = &b->debug.header, *want = &b->elf.header;

	if (want->build_id_size && have->build_id_size)
		return have->build_id_size == want->build_id_size &&
		       !memcmp(have->build_id, want->build_id, want->build_id_size);
	return b->debuglink && crc_is(fd, want->debuglink_crc);
}

/* --- debug info --- */

/* The code sections, in order. */
static int find_text(struct build *b)
{
	size_t n = 0;

	b->text = calloc(b->elf.section_count + 1, sizeof(*b->text));
	if (!b->text)
		return -ENOMEM;
	for (size_t i = 1; i < b->elf.section_count; i++) {
		const struct section *s = &b->elf.sections[i];
		size_t at = n;

		if (!s->is_code || !s->size)
			continue;
		while (at && b->text[at - 1].start > s->vaddr)
			at--;
		memmove(b->text + at + 1, b->text + at, (n - at) * sizeof(*b->text));
		b->text[at] = (struct dwarf_range){s->vaddr, s->vaddr + s->size};
		n++;
	}
	for (size_t i = 1; i < n; i++) /* no linker lets them overlap */
		if (b->text[i].start < b->text[i - 1].end)
			return -EBADMSG;
	b->text_count = n;
	return 0;
}

static bool is_named(const void *context, uint64_t vaddr)
{
	const struct elf_file *f = context;
	size_t low = 0, high = f->range_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (f->ranges[middle].vaddr <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low && vaddr - f->ranges[low - 1].vaddr < f->ranges[low - 1].size;
}

/* The alt file of dwz: believed by its build id. Without it names are missing, lines are there. */
static int read_alt(struct build *b, int fd)
{
	const struct symindex_header *have = &b->alt.header, *want = &b->elf.header;
	int err = elf_file_open(&b->alt, fd, true);

	if (!err)
		err = elf_file_sections(&b->alt);
	if (err || !have->build_id_size || have->build_id_size != want->alt_id_size ||
	    memcmp(have->build_id, want->alt_id, have->build_id_size) != 0)
		return err == -ENOMEM ? err : 0;
	err = debug_sections_read(b->alt.elf, false, &b->alt_dwarf);
	if (!err)
		err = dwarf_read_units(&b->alt_dwarf);
	if (!err)
		b->dwarf.alt = &b->alt_dwarf;
	return err;
}

static uint32_t count_skeletons(const struct dwarf *dwarf)
{
	uint32_t count = 0;

	for (size_t i = 0; i < dwarf->unit_count; i++)
		count += dwarf_is_skeleton(&dwarf->units[i]);
	return count;
}

static int index_debug_info(struct build *b, const struct symindex_input *input)
{
	struct dwarf_text text = {.is_named = is_named, .context = &b->elf};
	struct dwarf_splits splits = {split_files_open, &b->split};
	int err;

	err = split_files_init(&b->split, input->package_fd, input->open_split);
	if (!err)
		err = find_text(b);
	text.range = b->text;
	text.count = b->text_count;
	return err ? err : dwarf_index_build(&b->dwarf, &text, &splits, &b->index);
}

/* Stops where it could ask for more files first; *ret_asks: it does. */
static int read_units(struct build *b, const struct symindex_input *input, bool *ret_asks)
{
	struct symindex_header *h = &b->elf.header;
	int err;

	*ret_asks = input->may_ask && b->altlink;
	if (*ret_asks)
		return 0;
	err = b->altlink && input->alt_fd >= 0 ? read_alt(b, input->alt_fd) : 0;
	if (!err)
		err = dwarf_read_units(&b->dwarf);
	if (err)
		return err;
	h->split_count = count_skeletons(&b->dwarf);
	*ret_asks = input->may_ask && h->split_count;
	return 0;
}

/* What its debug info is worth; only -ENOMEM fails. */
static int read_debug_info(struct build *b, const struct symindex_input *input, Elf *debug)
{
	enum symindex_debug kind = SYMINDEX_DEBUG_OWN;
	Elf *elf = b->elf.elf;
	bool asks = false;
	int err = debug_sections_read(elf, false, &b->dwarf);

	if (!err && debug && !debug_sections_there(&b->dwarf)) {
		kind = SYMINDEX_DEBUG_SEPARATE;
		elf = debug;
		dwarf_release(&b->dwarf);
		err = debug_sections_read(elf, false, &b->dwarf);
	}
	if (!err && !debug_sections_there(&b->dwarf)) {
		if (b->dwarf.is_damaged)
			b->elf.header.debug = SYMINDEX_DEBUG_DAMAGED;
		return 0;
	}
	read_altlink(b, elf);
	if (!err)
		err = read_units(b, input, &asks);
	if (asks)
		return 0;
	if (!err)
		err = index_debug_info(b, input);
	if (err == -EFBIG)
		kind = SYMINDEX_DEBUG_TOO_BIG;
	else if (err == -EBADMSG ||
		 (!err && !b->index.area_count && !b->index.row_count && b->dwarf.is_damaged))
		kind = SYMINDEX_DEBUG_DAMAGED;
	else if (err)
		return err;
	b->elf.header.debug = kind;
	return 0;
}

/* --- Go --- */

/* What the table of the runtime has and nothing better had. */
static int read_go(struct build *b)
{
	struct go_pclntab table;
	int err;

	if (!go_pclntab_find(&b->elf, &table))
		return 0;
	if (b->elf.header.source < SYMINDEX_SYMTAB) {
		err = go_pclntab_symbols(&table, &b->elf);
		if (err)
			return err;
	}
	b->has_go = true;
	b->go = table;
	return 0;
}

static int read_go_lines(struct build *b)
{
	int err;

	if (!b->has_go || b->elf.header.debug != SYMINDEX_DEBUG_NONE)
		return 0;
	free(TAKE_PTR(b->text));
	err = find_text(b);
	if (err || !b->text_count)
		return err == -ENOMEM ? err : 0;
	b->index.text = b->text[0].start;
	err = go_pclntab_rows(&b->go, &b->elf, &b->index);
	if (!err && b->index.row_count)
		b->elf.header.debug = SYMINDEX_DEBUG_GO;
	return err;
}

/* --- writing --- */

static uint32_t add_string(struct buf *strings, const char *string, size_t length)
{
	size_t at = strings->used;

	if (!string || !length)
		return 0;
	buf_add(strings, string, length);
	buf_add_char(strings, '\0');
	return (uint32_t)at;
}

/* Ids of the debug info's strings become places in the index's strings. */
static void place_strings(struct build *b)
{
	struct symindex_header *h = &b->elf.header;
	struct dwarf_index *d = &b->index;
	uint32_t base = (uint32_t)b->elf.strings.used;

	for (size_t i = 0; i < d->node_count; i++) {
		struct symindex_node *n = &d->nodes[i];

		n->name = n->name ? base + d->strings.offsets[n->name] : 0;
		n->file = n->file ? base + d->strings.offsets[n->file] : 0;
	}
	if (d->split_name) {
		h->split_dir = d->split_dir ? base + d->strings.offsets[d->split_dir] : 0;
		h->split_name = base + d->strings.offsets[d->split_name];
	}
	for (size_t i = 0; i < d->row_count; i++) {
		struct symindex_row *r = &d->rows[i];

		r->file = r->file ? base + d->strings.offsets[r->file] : 0;
	}
	buf_add(&b->elf.strings, d->strings.bytes, d->strings.bytes_used);
}

/* The symbols stand without the rest. */
static void leave_out_debug_info(struct build *b)
{
	dwarf_index_release(&b->index);
	b->elf.header.debug = SYMINDEX_DEBUG_TOO_BIG;
}

static void fill_header(struct build *b)
{
	struct symindex_header *h = &b->elf.header;

	memcpy(h->magic, SYMINDEX_MAGIC, sizeof(h->magic));
	h->version = SYMINDEX_VERSION;
	h->symbol_count = (uint32_t)b->elf.range_count;
	h->text = b->index.text;
	h->split_missing = b->index.split_missing;
	h->split_other = b->index.split_other;
	h->has_package = b->split.has_package;
	h->area_count = (uint32_t)b->index.area_count;
	h->node_count = (uint32_t)b->index.node_count;
	h->row_count = (uint32_t)b->index.row_count;
	h->string_size = (uint32_t)b->elf.strings.used;
	h->size = sizeof(*h) + h->segment_count * sizeof(struct symindex_segment) +
		  h->symbol_count * sizeof(struct symindex_symbol) +
		  h->area_count * sizeof(struct symindex_area) +
		  h->node_count * sizeof(struct symindex_node) +
		  h->row_count * sizeof(struct symindex_row) + h->string_size;
}

static int write_index(struct build *b, int fd)
{
	struct symindex_header *h = &b->elf.header;
	struct buf *strings = &b->elf.strings;
	int err;

	h->debuglink = add_string(strings, b->debuglink, b->debuglink_length);
	h->altlink = add_string(strings, b->altlink, b->altlink_length);
	if (strings->used + b->index.strings.bytes_used > SYMINDEX_STRINGS_MAX)
		leave_out_debug_info(b);
	place_strings(b);
	err = buf_error(strings);
	fill_header(b);
	if (!err)
		err = file_write_all(fd, h, sizeof(*h));
	if (!err)
		err = file_write_all(fd, b->elf.segments,
				     h->segment_count * sizeof(b->elf.segments[0]));
	if (!err)
		err = file_write_all(fd, b->elf.ranges, h->symbol_count * sizeof(b->elf.ranges[0]));
	if (!err)
		err = file_write_all(fd, b->index.areas, h->area_count * sizeof(b->index.areas[0]));
	if (!err)
		err = file_write_all(fd, b->index.nodes, h->node_count * sizeof(b->index.nodes[0]));
	if (!err)
		err = file_write_all(fd, b->index.rows, h->row_count * sizeof(b->index.rows[0]));
	return err ? err : file_write_all(fd, strings->bytes, strings->used);
}

/* --- all of it --- */

static int read_elf(struct build *b, int fd)
{
	int err = elf_file_open(&b->elf, fd, false);

	if (!err)
		err = elf_file_segments(&b->elf);
	if (!err)
		err = elf_file_sections(&b->elf);
	if (!err)
		err = elf_file_symbols(&b->elf);
	if (!err)
		read_debuglink(b);
	return err;
}

/* True: debug_fd is the debug file; its symbols are among the candidates. */
static bool read_debug_file(struct build *b, int fd)
{
	return fd >= 0 && !elf_file_open(&b->debug, fd, false) && !elf_file_sections(&b->debug) &&
	       is_debug_of(b, fd) && !elf_file_symbols(&b->debug) &&
	       !elf_file_add_symbols(&b->elf, &b->debug);
}

static bool takes_time(Elf *elf)
{
	struct cursor info;

	return (debug_section_raw(elf, ".debug_info", &info) ||
		debug_section_raw(elf, ".zdebug_info", &info)) &&
	       cursor_left(&info) > HASTE_BYTES;
}

int symindex_build(const struct symindex_input *input, int out_fd)
{
	_cleanup_(build_release) struct build b = {.split.fd = -1};
	Elf *debug = NULL;
	int err = read_elf(&b, input->elf_fd);

	if (err)
		return err;
	if (read_debug_file(&b, input->debug_fd))
		debug = b.debug.elf;
	err = read_go(&b);
	if (!err)
		err = elf_file_ranges(&b.elf);
	if (input->given_up)
		b.elf.header.debug = input->given_up;
	else if (!err && input->in_haste && takes_time(b.elf.elf))
		b.elf.header.debug = SYMINDEX_DEBUG_LATER;
	else if (!err)
		err = read_debug_info(&b, input, debug);
	if (!err)
		err = read_go_lines(&b);
	return err ? err : write_index(&b, out_fd);
}
