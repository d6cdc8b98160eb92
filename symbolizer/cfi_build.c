/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From an ELF file to its unwind table, in the parser child.
 *
 *	segments, .eh_frame_hdr, sections
 *	.eh_frame, .debug_frame, the debug file's .debug_frame -> functions   by start
 *	sweep over each executable segment -> rows    functions may overlap, rows do not
 *	write
 */
#include "symbolizer/cfi.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "symbolizer/cfi_frame.h"
#include "symbolizer/cfi_image.h"

#include <errno.h>

enum {
	SCANNED_MAX = 32 << 20,	 /* bytes of code without CFI that are searched for a trampoline */
	TRAMPOLINE_FDE_MAX = 64, /* bytes of a function that may be one */
	ENTRY_SIZE = 64,	 /* bytes of a program's start, at most */
};

static struct cfi_section section_of(const struct cfi_image *image, struct cursor entries,
				     uint64_t vaddr)
{
	return (struct cfi_section){
		.entries = entries,
		.bases = {.text = cfi_image_text(image),
			  .data = image->hdr_vaddr,
			  .bytes = entries.pos,
			  .vaddr = vaddr},
	};
}

/* What .eh_frame_hdr (LSB, 10.6.2) says: where .eh_frame is, and its search table if it is of the
 * only kind that linkers write. */
struct eh_frame_hdr {
	uint64_t frame_vaddr;
	uint64_t count;	     /* of the table's pairs */
	struct cursor table; /* empty: none that can be used */
};

static bool read_hdr(const struct cfi_image *image, struct eh_frame_hdr *ret_hdr)
{
	const struct cfi_bases bases = {
		.data = image->hdr_vaddr, .bytes = image->hdr.pos, .vaddr = image->hdr_vaddr};
	enum { TABLE_ENCODING = 0x3b }; /* pairs of data-relative 32-bit numbers */
	struct cursor c = image->hdr;
	uint8_t version, frame, count, table;

	*ret_hdr = (struct eh_frame_hdr){.table = {c.end, c.end}};
	if (!cursor_u8(&c, &version) || version != 1 || !cursor_u8(&c, &frame) ||
	    !cursor_u8(&c, &count) || !cursor_u8(&c, &table) ||
	    !cfi_pointer(&c, frame, &bases, &ret_hdr->frame_vaddr))
		return false;
	if (count != CFI_POINTER_OMIT && table == TABLE_ENCODING &&
	    cfi_pointer(&c, count, &bases, &ret_hdr->count) &&
	    ret_hdr->count <= cursor_left(&c) / 8)
		ret_hdr->table = c;
	return true;
}

static int gather_eh_frame(struct cfi_frames *frames, const struct cfi_image *image)
{
	struct cfi_section section;
	struct eh_frame_hdr hdr;
	struct cursor bytes;
	uint64_t vaddr;

	if (read_hdr(image, &hdr) && cfi_image_at(image, hdr.frame_vaddr, &bytes)) {
		section = section_of(image, bytes, hdr.frame_vaddr);
		section.ends_at_zero = true;
		if (cursor_left(&hdr.table))
			return cfi_frames_look_up(frames, &section, hdr.table, image->hdr_vaddr,
						  hdr.count);
		return cfi_frames_scan(frames, &section);
	}
	if (!cfi_image_section(image, ".eh_frame", &vaddr, &bytes))
		return 0;
	section = section_of(image, bytes, vaddr);
	return cfi_frames_scan(frames, &section);
}

static int gather_debug_frame(struct cfi_frames *frames, const struct cfi_image *image)
{
	struct cfi_section section;
	struct cursor bytes;
	uint64_t vaddr;

	if (!cfi_image_section(image, ".debug_frame", &vaddr, &bytes))
		return 0;
	section = section_of(image, bytes, 0);
	section.is_debug = true;
	return cfi_frames_scan(frames, &section);
}

/* A debug file of another build would put rows in wrong places. */
static int gather_debug_file(struct cfi_frames *frames, const struct cfi_image *image,
			     struct cfi_image *debug, int debug_fd)
{
	if (debug_fd < 0 || cfi_image_open(debug, debug_fd) || debug->arch != image->arch ||
	    debug->build_id_size != image->build_id_size ||
	    memcmp(debug->build_id, image->build_id, image->build_id_size) != 0)
		return 0;
	return gather_debug_frame(frames, debug);
}

/* .eh_frame's functions come before .debug_frame's: those end where one of the former starts. */
static void yield_to_better(struct cfi_frames *frames)
{
	uint64_t next[CFI_SECTIONS_MAX];

	for (uint32_t i = 0; i < CFI_SECTIONS_MAX; i++)
		next[i] = UINT64_MAX;
	for (uint32_t i = frames->function_count; i-- > 0;) {
		struct cfi_function *function = &frames->functions[i];
		uint32_t rank = cfi_frames_rank(frames, function);

		for (uint32_t better = 0; better < rank; better++)
			if (function->end > next[better] && next[better] > function->start)
				function->end = next[better];
		next[rank] = function->start;
	}
}

/* The sweep over one segment. */
struct sweep {
	const struct cfi_image *image;
	struct cfi_frames *frames;
	struct cfi_rows *rows;
	const struct cfi_arch *arch;
	uint64_t vaddr;	    /* of the first byte of code */
	struct cursor code; /* all of it */
	uint64_t covered;   /* vaddr up to which rows are put */
	uint32_t rank;	    /* of the section that covered it last */
	uint64_t may_scan;  /* bytes */
	bool any;
};

static const struct cfi_rule none = {.cfa = CFI_NONE};

static struct cursor code_between(const struct sweep *s, uint64_t start, uint64_t end)
{
	return cursor_of(s->code.pos + (start - s->vaddr), end - start);
}

/* not_before: where what stands before it ends. */
static void put_trampoline(struct sweep *s, uint64_t not_before, uint64_t vaddr)
{
	const struct cfi_rule rule = cfi_rule_signal(s->arch);

	/* A signal handler returns to code that never called it, and callers are looked up at
	 * pc - 1: the byte before it counts too, unless it is something else's last. */
	if (vaddr > not_before && vaddr > s->rows->since)
		vaddr--;
	cfi_rows_put(s->rows, vaddr, &rule);
}

static void find_trampolines(struct sweep *s, uint64_t start, uint64_t end)
{
	struct cursor code = code_between(s, start, end);
	size_t size = s->arch->trampoline_size;
	const uint8_t *found;

	if (end - start > s->may_scan)
		return;
	s->may_scan -= end - start;
	while ((found = memmem(code.pos, cursor_left(&code), s->arch->trampoline, size))) {
		uint64_t vaddr = s->vaddr + (uint64_t)(found - s->code.pos);

		put_trampoline(s, start, vaddr);
		cfi_rows_put(s->rows, vaddr + size, &none);
		code.pos = found + size;
	}
}

/* What no FDE covers; where it is code, a trampoline may be in it. */
static void sweep_bare(struct sweep *s, uint64_t start, uint64_t end)
{
	const struct cfi_image *image = s->image;

	cfi_rows_put(s->rows, start, &none);
	if (!image->code_count)
		find_trampolines(s, start, end);
	for (uint32_t i = 0; i < image->code_count; i++) {
		const struct span *span = &image->code[i];
		uint64_t from = span->vaddr > start ? span->vaddr : start;
		uint64_t to = span->vaddr + span->size < end ? span->vaddr + span->size : end;

		if (from < to) {
			find_trampolines(s, from, to);
			start = to; /* sections of a hostile file may overlap */
		}
	}
}

/* A C library whose start has no CFI (musl) still has it where the file says. */
static bool has_entry(const struct sweep *s, uint64_t start, uint64_t end)
{
	uint64_t entry = s->image->entry;
	struct cursor code;

	if (entry < start || entry >= end || !s->arch->is_entry)
		return false;
	code = code_between(s, entry, end);
	return s->arch->is_entry(code.pos, cursor_left(&code));
}

static void sweep_gap(struct sweep *s, uint64_t start, uint64_t end)
{
	static const struct cfi_rule root = {.cfa = CFI_END};
	uint64_t entry = s->image->entry;

	if (has_entry(s, start, end)) {
		if (entry > start)
			sweep_bare(s, start, entry);
		cfi_rows_put(s->rows, entry, &root);
		start = end - entry > ENTRY_SIZE ? entry + ENTRY_SIZE : end;
	}
	if (start < end)
		sweep_bare(s, start, end);
}

/* Go describes its trampoline in .debug_frame as if it were called. */
static bool is_trampoline(const struct sweep *s, const struct cfi_function *function)
{
	struct cursor code;

	if (!s->frames->sections[cfi_frames_rank(s->frames, function)].is_debug ||
	    function->end - function->start > TRAMPOLINE_FDE_MAX ||
	    function->end - function->start < s->arch->trampoline_size ||
	    function->end > s->vaddr + cursor_left(&s->code))
		return false;
	code = code_between(s, function->start, function->end);
	return !memcmp(code.pos, s->arch->trampoline, s->arch->trampoline_size);
}

static struct cursor go_code(const struct sweep *s, const struct cfi_function *function,
			     uint64_t end)
{
	if (!s->image->is_go || !s->arch->go_entry ||
	    !s->frames->sections[cfi_frames_rank(s->frames, function)].is_debug)
		return (struct cursor){0};
	return code_between(s, function->start, end);
}

static void sweep_function(struct sweep *s, const struct cfi_function *function)
{
	uint64_t limit = s->vaddr + cursor_left(&s->code);
	uint64_t end = function->end < limit ? function->end : limit;
	uint64_t from = function->start > s->covered ? function->start : s->covered;
	uint32_t rank = cfi_frames_rank(s->frames, function);

	if (function->start < s->covered && rank == s->rank)
		s->rows->stats.overlaps++;
	if (end <= s->covered)
		return;
	if (from - s->covered > CFI_PADDING_MAX || (!s->any && from > s->covered))
		sweep_gap(s, s->covered, from);
	if (is_trampoline(s, function))
		put_trampoline(s, s->covered, from);
	else
		cfi_frames_run(s->frames, function, from, end, go_code(s, function, end), s->rows);
	s->rows->stats.fdes++;
	s->covered = end;
	s->rank = rank;
	s->any = true;
}

/* The functions that start in the segment, from the i-th on. */
static void sweep_segment(struct sweep *s, uint32_t *i)
{
	uint64_t end = s->vaddr + cursor_left(&s->code);
	struct cfi_frames *frames = s->frames;

	while (*i < frames->function_count && frames->functions[*i].start < s->vaddr)
		++*i;
	for (; *i < frames->function_count && frames->functions[*i].start < end; ++*i)
		sweep_function(s, &frames->functions[*i]);
	if (end > s->covered && (end - s->covered > CFI_PADDING_MAX || !s->any))
		sweep_gap(s, s->covered, end);
}

static int make_rows(const struct cfi_image *image, struct cfi_frames *frames,
		     struct cfi_rows *rows, struct cfi_segment *segments, uint32_t *ret_count)
{
	uint64_t may_scan = SCANNED_MAX, last = 0;
	uint32_t next = 0, count = 0;

	for (uint32_t i = 0; i < image->load_count; i++) {
		const struct load *load = &image->loads[i];
		struct sweep sweep = {
			.frames = frames,
			.rows = rows,
			.arch = image->arch,
			.image = image,
			.vaddr = load->vaddr,
			.code = cfi_image_bytes(image, load->off, load->size),
			.covered = load->vaddr,
			.may_scan = may_scan,
		};

		if (!load->is_code)
			continue;
		if (load->vaddr < last)
			return -EBADMSG;
		last = load->vaddr + load->size;
		segments[count] = (struct cfi_segment){
			.off = load->off, .vaddr = load->vaddr, .size = load->size};
		cfi_rows_begin(rows, &segments[count]);
		sweep_segment(&sweep, &next);
		cfi_rows_end(rows, &segments[count++]);
		may_scan = sweep.may_scan;
	}
	*ret_count = count;
	return count ? rows->err : -ENOEXEC;
}

static int write_table(const struct cfi_image *image, const struct cfi_rows *rows,
		       const struct cfi_segment *segments, uint32_t segment_count, int fd)
{
	struct cfi_header header = {
		.magic = CFI_MAGIC,
		.version = CFI_VERSION,
		.machine = image->arch->machine,
		.segment_count = segment_count,
		.rule_count = rows->rule_count,
		.page_count = rows->page_count,
		.row_count = rows->row_count,
		.build_id_size = image->build_id_size,
		.stats = rows->stats,
	};
	const struct {
		const void *bytes;
		size_t size;
	} parts[] = {
		{&header, sizeof(header)},
		{segments, segment_count * sizeof(*segments)},
		{rows->rules, rows->rule_count * sizeof(*rows->rules)},
		{rows->pages, rows->page_count * sizeof(*rows->pages)},
		{rows->rows, rows->row_count * sizeof(*rows->rows)},
	};
	int err = 0;

	memcpy(header.build_id, image->build_id, image->build_id_size);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		header.size += parts[i].size;
	for (size_t i = 0; !err && i < ARRAY_SIZE(parts); i++)
		err = file_write_all(fd, parts[i].bytes, parts[i].size);
	return err;
}

int cfi_build(int elf_fd, int debug_fd, int out_fd)
{
	_cleanup_(cfi_image_release) struct cfi_image image = {0}, debug = {0};
	_cleanup_(cfi_frames_release) struct cfi_frames frames = {0};
	_cleanup_(cfi_rows_release) struct cfi_rows rows;
	struct cfi_segment segments[CFI_SEGMENTS_MAX];
	uint32_t segment_count;
	int err;

	cfi_rows_init(&rows);
	err = cfi_image_open(&image, elf_fd);
	frames.arch = image.arch;
	if (!err)
		err = gather_eh_frame(&frames, &image);
	if (!err)
		err = gather_debug_frame(&frames, &image);
	if (!err)
		err = gather_debug_file(&frames, &image, &debug, debug_fd);
	if (err)
		return err;
	cfi_frames_sort(&frames);
	yield_to_better(&frames);
	err = make_rows(&image, &frames, &rows, segments, &segment_count);
	rows.stats.damaged = frames.damaged;
	rows.stats.text = cfi_image_code_bytes(&image);
	return err ? err : write_table(&image, &rows, segments, segment_count, out_fd);
}
