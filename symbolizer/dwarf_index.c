/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 *	walk the DIEs of each unit  -> nodes, one a function or inlined call that has code
 *	                               pieces of a function: which node is innermost where
 *	                               scopes: namespaces and classes, for names
 *	run the line programs       -> sequences of rows
 *	name the nodes
 *	lay all out                 -> areas and rows, disjoint and in order
 *
 * A unit that is in a split file is walked where the program's unit stands for it, and its nodes are
 * named at once, so that only one split file is open at a time.
 *
 * A linker leaves several copies of one function's debug info (templates, inline functions) that
 * all speak of the one copy it kept: so an address belongs to one function first (of equal ones the
 * first, as in llvm-symbolizer), and only then to an inlined call inside that function.
 */
#include "symbolizer/dwarf_index.h"

#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "symbolizer/spans.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	DEPTH_MAX = 1024, /* of DIEs; a unit that goes deeper is left there */
	HOPS_MAX = 16,	  /* from a DIE to the one that has its name */
	SCOPES_MAX = 64,  /* around one name */
	NAME_MAX_LENGTH = 4096,
	PATH_MAX_LENGTH = 4096,
};

#define FROM_ALT (1ULL << 63)

/* A namespace or a class: DIEs in [start, end) are in it. */
struct scope {
	uint64_t start, end;
	const char *name; /* of the section */
	uint32_t parent;  /* plus one; 0 = none */
};

struct scopes {
	struct scope *scope;
	size_t count, size;
};

/* A function: its pieces, in order. */
struct root {
	size_t first, count;
};

/* A sequence of a line program: its rows. */
struct sequence {
	size_t first, count;
};

enum level_kind { LEVEL_PLAIN, LEVEL_ROOT, LEVEL_SCOPE };

/* What holds below an open DIE is undone behind it. */
struct level {
	enum level_kind kind;
	uint32_t node, chain, scope, root;
	size_t open_first;
};

struct builder {
	struct dwarf_index *out;
	const struct dwarf_text *text;
	const struct dwarf_splits *splits;
	const struct dwarf *dwarf; /* of the program */

	/* by node: the DIE that has its name, in the info of its file; or'ed with FROM_ALT;
	 * UINT64_MAX = none, or named already */
	uint64_t *origins;
	size_t origins_size;
	struct scopes scopes, alt_scopes, split_scopes;
	struct root *roots;
	size_t root_count, roots_size;
	struct spans open;   /* of the functions that are open: ids are nodes, ranks their chain */
	struct spans pieces; /* ids are nodes */
	struct spans claims; /* whole functions; ids are roots */
	struct dwarf_ranges ranges;

	/* where the walk stands */
	struct level level[DEPTH_MAX];
	size_t depth;
	struct level now;

	/* the unit's files */
	struct dwarf_files files;
	uint64_t files_of;  /* the program they are of */
	uint32_t *file_ids; /* plus one; 0 = not made yet */
	size_t file_ids_size;
	struct buf path;

	/* lines */
	struct symindex_row *rows;
	size_t row_count, rows_size;
	struct sequence *sequences;
	size_t sequence_count, sequences_size;
	struct spans sequence_spans;
	struct hashmap programs; /* that have been run */
	uint64_t *program_offs;
	size_t program_count, program_offs_size;
	const struct dwarf_unit *unit;
	uint64_t row_start, row_last; /* of the open sequence */
	size_t row_first;
	struct symindex_row pending;
	bool in_sequence, is_dead;
	int err;
};

static void builder_release(struct builder *b)
{
	free(b->origins);
	free(b->scopes.scope);
	free(b->alt_scopes.scope);
	free(b->split_scopes.scope);
	free(b->roots);
	spans_release(&b->open);
	spans_release(&b->pieces);
	spans_release(&b->claims);
	free(b->ranges.range);
	dwarf_files_release(&b->files);
	free(b->file_ids);
	buf_release(&b->path);
	free(b->rows);
	free(b->sequences);
	spans_release(&b->sequence_spans);
	hashmap_release(&b->programs);
	free(b->program_offs);
}

void dwarf_index_release(struct dwarf_index *index)
{
	free(index->areas);
	free(index->nodes);
	free(index->rows);
	strtab_release(&index->strings);
	*index = (struct dwarf_index){0};
}

/* The end of the code range that holds vaddr, or 0. */
static uint64_t text_end(const struct builder *b, uint64_t vaddr)
{
	size_t low = 0, high = b->text->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (b->text->range[middle].start <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low && vaddr < b->text->range[low - 1].end ? b->text->range[low - 1].end : 0;
}

/* --- files --- */

static void add_path_part(struct buf *path, const char *part)
{
	if (!part || !*part)
		return;
	if (*part == '/')
		buf_clear(path);
	else if (path->used && path->bytes[path->used - 1] != '/')
		buf_add_char(path, '/');
	buf_add(path, part, strnlen(part, PATH_MAX_LENGTH));
}

/* The id of a file of the unit's table, 0 if there is none of this number. */
static int file_id(struct builder *b, const struct dwarf_unit *unit, uint64_t number,
		   uint32_t *ret_id)
{
	const struct dwarf_file *file;
	int err;

	*ret_id = 0;
	if (number >= b->files.count || !b->files.file[number].name)
		return 0;
	if (b->file_ids[number]) {
		*ret_id = b->file_ids[number] - 1;
		return 0;
	}
	file = &b->files.file[number];
	buf_clear(&b->path);
	add_path_part(&b->path, unit->comp_dir);
	add_path_part(&b->path, file->directory);
	add_path_part(&b->path, file->name);
	err = buf_error(&b->path);
	if (!err)
		err = strtab_add_n(&b->out->strings, b->path.bytes, b->path.used, ret_id);
	if (!err)
		b->file_ids[number] = *ret_id + 1;
	return err;
}

/* --- lines --- */

static int add_row(struct builder *b, const struct symindex_row *row)
{
	const struct symindex_row *last = b->row_count ? &b->rows[b->row_count - 1] : NULL;

	if (b->row_count > b->row_first && last->file == row->file && last->line == row->line)
		return 0;
	if (b->row_count >= SYMINDEX_AREAS_MAX)
		return -EFBIG;
	if (array_reserve(&b->rows, &b->rows_size, b->row_count + 1))
		return -ENOMEM;
	b->rows[b->row_count++] = *row;
	return 0;
}

static int end_sequence(struct builder *b, uint64_t end)
{
	struct sequence sequence = {b->row_first, 0};
	struct span span;
	int err;

	b->in_sequence = false;
	if (b->is_dead || end <= b->row_start)
		return 0;
	err = add_row(b, &b->pending);
	if (err)
		return err;
	sequence.count = b->row_count - b->row_first;
	span = (struct span){
		.start = (uint32_t)(b->row_start - b->out->text),
		.end = (uint32_t)(end - b->out->text),
		.id = (uint32_t)b->sequence_count,
		.rank = UINT32_MAX - (uint32_t)b->sequence_count,
	};
	if (array_reserve(&b->sequences, &b->sequences_size, b->sequence_count + 1))
		return -ENOMEM;
	b->sequences[b->sequence_count++] = sequence;
	return spans_add(&b->sequence_spans, &span);
}

static void begin_sequence(struct builder *b, const struct dwarf_row *row)
{
	b->in_sequence = true;
	b->is_dead = !text_end(b, row->vaddr);
	b->row_start = b->row_last = row->vaddr;
	b->row_first = b->row_count;
	b->pending.at = (uint32_t)(row->vaddr - b->out->text);
}

/* Of several rows at one address the last one counts. */
static bool on_row(void *context, const struct dwarf_row *row)
{
	struct builder *b = context;
	uint64_t end = text_end(b, b->row_start);

	if (!b->in_sequence) {
		if (row->is_end)
			return true;
		begin_sequence(b, row);
	} else if (row->vaddr < b->row_last || (!b->is_dead && row->vaddr > end)) {
		b->is_dead = true;
	}
	if (!b->is_dead && row->vaddr > b->row_last)
		b->err = add_row(b, &b->pending);
	if (!b->err && row->is_end)
		b->err = end_sequence(b, row->vaddr);
	else if (!b->err && !b->is_dead)
		b->err = file_id(b, b->unit, row->file, &b->pending.file);
	if (b->is_dead && b->in_sequence)
		b->row_count = b->row_first;
	b->row_last = row->vaddr;
	b->pending.at = (uint32_t)(row->vaddr - b->out->text);
	b->pending.line = row->line <= UINT32_MAX ? (uint32_t)row->line : 0;
	return !b->err;
}

static bool program_equal(const void *offs, uint32_t position, const void *off)
{
	return ((const uint64_t *)offs)[position] == *(const uint64_t *)off;
}

/* True once for each program: units may share one. */
static bool is_new_program(struct builder *b, uint64_t off)
{
	uint64_t hash = hash_mix(off, 1);

	if (hashmap_find(&b->programs, hash, program_equal, b->program_offs, &off) != HASHMAP_NONE)
		return false;
	if (array_reserve(&b->program_offs, &b->program_offs_size, b->program_count + 1) ||
	    hashmap_add(&b->programs, hash, (uint32_t)b->program_count)) {
		b->err = -ENOMEM;
		return false;
	}
	b->program_offs[b->program_count++] = off;
	return true;
}

/* The unit's files, and its rows if they have not been taken yet. */
static int read_lines(struct builder *b, const struct dwarf_unit *unit)
{
	struct dwarf_program program;

	if (unit->line == b->files_of)
		return 0;
	b->files_of = DWARF_NO_LINE;
	if (!dwarf_read_files(unit, &b->files, &program)) {
		dwarf_files_release(&b->files);
		return 0;
	}
	b->files_of = unit->line;
	if (array_reserve(&b->file_ids, &b->file_ids_size, b->files.count + 1))
		return -ENOMEM;
	memset(b->file_ids, 0, b->file_ids_size * sizeof(*b->file_ids));
	if (is_new_program(b, unit->line)) {
		b->unit = unit;
		b->in_sequence = false;
		dwarf_run_lines(&program, on_row, b);
		if (b->in_sequence) /* torn off */
			b->row_count = b->row_first;
	}
	return b->err;
}

/* --- the walk --- */

static int add_node(struct builder *b, const struct symindex_node *node, uint64_t origin)
{
	struct dwarf_index *out = b->out;

	if (out->node_count >= SYMINDEX_AREAS_MAX)
		return -EFBIG;
	if (array_reserve(&out->nodes, &out->nodes_size, out->node_count + 1) ||
	    array_reserve(&b->origins, &b->origins_size, out->node_count + 1))
		return -ENOMEM;
	b->origins[out->node_count] = origin;
	out->nodes[out->node_count++] = *node;
	return 0;
}

/* The ranges of a DIE that are code, in b->ranges. */
static int live_ranges(struct builder *b, const struct dwarf_unit *unit,
		       const struct dwarf_die *die)
{
	size_t kept = 0;
	int err;

	b->ranges.count = 0;
	err = dwarf_die_ranges(unit, die, &b->ranges);
	for (size_t i = 0; i < b->ranges.count; i++) {
		struct dwarf_range range = b->ranges.range[i];
		uint64_t end = text_end(b, range.start);

		if (!end)
			continue;
		if (range.end > end)
			range.end = end;
		b->ranges.range[kept++] = range;
	}
	b->ranges.count = kept;
	return err;
}

static int add_spans(struct builder *b, struct spans *to, uint32_t id, uint32_t rank)
{
	for (size_t i = 0; i < b->ranges.count; i++) {
		struct span span = {
			.start = (uint32_t)(b->ranges.range[i].start - b->out->text),
			.end = (uint32_t)(b->ranges.range[i].end - b->out->text),
			.id = id,
			.rank = rank,
		};

		if (to->count >= 2 * (size_t)SYMINDEX_AREAS_MAX)
			return -EFBIG;
		if (spans_add(to, &span))
			return -ENOMEM;
	}
	return 0;
}

/* What Go made before 1.15 has a line program of one sequence a unit, over other units' code as well:
 * it is of the unit's own ranges. Ranges that are nowhere in it tell nothing. */
static int clip_sequence(struct builder *b, const struct dwarf_unit *unit)
{
	struct spans *spans = &b->sequence_spans;
	size_t first = spans->count - 1, kept = first;
	const struct span whole = spans->span[first];
	struct dwarf_die die;
	int err;

	if (!dwarf_die_at(unit, unit->first_die, &die) || !dwarf_has(&die, SLOT_RANGES) ||
	    !dwarf_has(&die, SLOT_LANGUAGE) || die.value[SLOT_LANGUAGE].number != DW_LANG_Go)
		return 0;
	err = live_ranges(b, unit, &die);
	if (!err)
		err = add_spans(b, spans, whole.id, whole.rank);
	for (size_t i = first + 1; !err && i < spans->count; i++) {
		struct span span = spans->span[i];

		if (span.start < whole.start)
			span.start = whole.start;
		if (span.end > whole.end)
			span.end = whole.end;
		if (span.start < span.end)
			spans->span[kept++] = span;
	}
	spans->count = kept > first ? kept : first + 1;
	return err;
}

/* A function. One without code (declared, abstract) is stepped into all the same: classes inside it
 * have functions that are code. */
static int enter_function(struct builder *b, const struct dwarf_unit *unit,
			  const struct dwarf_die *die, enum level_kind *ret_kind)
{
	struct symindex_node node = {0};
	int err = live_ranges(b, unit, die);

	*ret_kind = LEVEL_PLAIN;
	b->now.node = 0;
	if (err || !b->ranges.count)
		return err;
	*ret_kind = LEVEL_ROOT;
	b->now.node = (uint32_t)b->out->node_count;
	b->now.chain = 1;
	b->now.root = (uint32_t)b->root_count;
	b->now.open_first = b->open.count;
	err = add_node(b, &node, die->off);
	if (!err)
		err = add_spans(b, &b->open, b->now.node, 1);
	if (!err)
		err = add_spans(b, &b->claims, b->now.root, UINT32_MAX - b->now.root);
	if (!err && array_reserve(&b->roots, &b->roots_size, b->root_count + 1))
		err = -ENOMEM;
	if (!err)
		b->roots[b->root_count++] = (struct root){0};
	return err;
}

static int enter_inlined(struct builder *b, const struct dwarf_unit *unit,
			 const struct dwarf_die *die)
{
	struct symindex_node node = {.parent = b->now.node};
	const struct dwarf_unit *origin_unit;
	uint64_t origin;
	int err;

	if (!b->now.node || b->now.chain >= SYMINDEX_DEPTH_MAX)
		return 0;
	err = live_ranges(b, unit, die);
	if (err || !b->ranges.count)
		return err;
	if (!dwarf_reference(unit, die, SLOT_ORIGIN, &origin_unit, &origin))
		origin = UINT64_MAX;
	else if (origin_unit->dwarf != unit->dwarf)
		origin |= FROM_ALT;
	if (dwarf_has(die, SLOT_CALL_FILE))
		err = file_id(b, unit, die->value[SLOT_CALL_FILE].number, &node.file);
	if (dwarf_has(die, SLOT_CALL_LINE) && die->value[SLOT_CALL_LINE].number <= UINT32_MAX)
		node.line = (uint32_t)die->value[SLOT_CALL_LINE].number;
	b->now.node = (uint32_t)b->out->node_count;
	b->now.chain++;
	if (!err)
		err = add_node(b, &node, origin);
	return err ? err : add_spans(b, &b->open, b->now.node, b->now.chain);
}

static int enter_scope(struct builder *b, struct scopes *scopes, const struct dwarf_unit *unit,
		       const struct dwarf_die *die)
{
	const char *name = dwarf_string(unit, die, SLOT_NAME);

	if (!name)
		name = die->abbrev->tag == DW_TAG_namespace ? "(anonymous namespace)"
							    : "(anonymous class)";
	if (scopes->count >= UINT32_MAX - 1 ||
	    array_reserve(&scopes->scope, &scopes->size, scopes->count + 1))
		return -ENOMEM;
	scopes->scope[scopes->count++] = (struct scope){
		.start = die->off,
		.end = unit->end,
		.name = name,
		.parent = b->now.scope,
	};
	b->now.scope = (uint32_t)scopes->count;
	return 0;
}

/* All spans from open_first on are this function's: those inside it have been finished. */
static int finish_function(struct builder *b)
{
	struct root *root = &b->roots[b->now.root];
	int err;

	root->first = b->pieces.count;
	err = spans_flatten(b->open.span + b->now.open_first, b->open.count - b->now.open_first,
			    &b->pieces);
	root->count = b->pieces.count - root->first;
	b->open.count = b->now.open_first;
	return err;
}

/* What a DIE is to us, besides its place in the tree. */
static int enter(struct builder *b, struct scopes *scopes, const struct dwarf_unit *unit,
		 const struct dwarf_die *die, enum level_kind *ret_kind)
{
	bool has_code = unit->dwarf != b->dwarf->alt;

	*ret_kind = LEVEL_PLAIN;
	switch (die->abbrev->tag) {
	case DW_TAG_subprogram:
		return has_code ? enter_function(b, unit, die, ret_kind) : 0;
	case DW_TAG_inlined_subroutine:
		return has_code ? enter_inlined(b, unit, die) : 0;
	default:
		*ret_kind = LEVEL_SCOPE;
		return enter_scope(b, scopes, unit, die);
	}
}

static bool is_wanted(const struct dwarf_abbrev *abbrev)
{
	switch (abbrev->tag) {
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
		return true;
	case DW_TAG_namespace:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_interface_type:
	case DW_TAG_enumeration_type: /* Rust has functions in them */
		return abbrev->has_children;
	default:
		return false;
	}
}

/* Back to before the DIE that was entered last; off: behind it. */
static int leave(struct builder *b, struct scopes *scopes, const struct level *before, uint64_t off)
{
	int err = 0;

	if (b->now.kind == LEVEL_ROOT)
		err = finish_function(b);
	else if (b->now.kind == LEVEL_SCOPE)
		scopes->scope[b->now.scope - 1].end = off;
	b->now = *before;
	return err;
}

/* One DIE, without its children. False: damaged. */
static bool walk_die(struct builder *b, struct scopes *scopes, const struct dwarf_unit *unit,
		     struct cursor *at, const struct dwarf_abbrev *abbrev, uint64_t off)
{
	struct level before = b->now;
	struct dwarf_die die;

	if (abbrev->has_children && b->depth == DEPTH_MAX)
		return false;
	b->now.kind = LEVEL_PLAIN;
	if (is_wanted(abbrev)) {
		enum level_kind kind;

		die.off = off;
		if (!dwarf_read_die(unit, at, abbrev, &die)) {
			b->now = before;
			return false;
		}
		b->err = enter(b, scopes, unit, &die, &kind);
		b->now.kind = kind;
	} else if (!dwarf_skip_die(unit, at, abbrev)) {
		b->now = before;
		return false;
	}
	if (b->err)
		return false;
	if (abbrev->has_children)
		b->level[b->depth++] = before;
	else
		b->err = leave(b, scopes, &before, off + 1);
	return !b->err;
}

/* Without recursion; a damaged unit ends where the damage is. */
static int walk_unit(struct builder *b, struct scopes *scopes, const struct dwarf_unit *unit)
{
	const uint8_t *info = unit->dwarf->section[DWARF_INFO].pos;
	struct cursor at = cursor_of(info + unit->first_die, unit->end - unit->first_die);

	b->depth = 0;
	b->now = (struct level){0};
	do {
		uint64_t off = (uint64_t)(at.pos - info);
		const struct dwarf_abbrev *abbrev;

		if (!dwarf_next_die(unit, &at, &abbrev))
			break;
		if (!abbrev && !b->depth)
			break;
		if (abbrev ? !walk_die(b, scopes, unit, &at, abbrev, off)
			   : (b->err = leave(b, scopes, &b->level[--b->depth], off)))
			break;
	} while (b->depth);
	while (!b->err && b->depth)
		b->err = leave(b, scopes, &b->level[--b->depth], unit->end);
	return b->err;
}

/* --- layout --- */

static int add_area(struct dwarf_index *out, uint32_t at, uint32_t node)
{
	if (out->area_count && out->areas[out->area_count - 1].node == node)
		return 0;
	if (!out->area_count && !node)
		return 0;
	if (out->area_count >= SYMINDEX_AREAS_MAX)
		return -EFBIG;
	if (array_reserve(&out->areas, &out->areas_size, out->area_count + 1))
		return -ENOMEM;
	out->areas[out->area_count++] = (struct symindex_area){at, node};
	return 0;
}

/* The pieces of a function inside one of its stretches. */
static int lay_out_pieces(struct builder *b, const struct span *claim)
{
	const struct root *root = &b->roots[claim->id];
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a claim has its root */
	const struct span *piece = b->pieces.span + root->first;
	size_t low = 0, high = root->count;
	int err = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (piece[middle].end <= claim->start)
			low = middle + 1;
		else
			high = middle;
	}
	for (; !err && low < root->count && piece[low].start < claim->end; low++)
		err = add_area(b->out,
			       piece[low].start > claim->start ? piece[low].start : claim->start,
			       piece[low].id);
	return err;
}

static int lay_out_areas(struct builder *b)
{
	_cleanup_(spans_release) struct spans claims = {0};
	int err = spans_flatten(b->claims.span, b->claims.count, &claims);

	for (size_t i = 0; !err && i < claims.count; i++) {
		err = lay_out_pieces(b, &claims.span[i]);
		if (!err &&
		    (i + 1 == claims.count || claims.span[i].end < claims.span[i + 1].start))
			err = add_area(b->out, claims.span[i].end, 0);
	}
	return err;
}

static int put_row(struct dwarf_index *out, uint32_t at, uint32_t file, uint32_t line)
{
	const struct symindex_row *last = out->row_count ? &out->rows[out->row_count - 1] : NULL;

	if (last && last->file == file && last->line == line)
		return 0;
	if (out->row_count >= SYMINDEX_AREAS_MAX)
		return -EFBIG;
	if (array_reserve(&out->rows, &out->rows_size, out->row_count + 1))
		return -ENOMEM;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there by now */
	out->rows[out->row_count++] = (struct symindex_row){at, file, line};
	return 0;
}

/* The rows of a sequence inside one of its stretches: the last one at or before its start, and on.
 */
static int lay_out_sequence(struct builder *b, const struct span *claim)
{
	const struct sequence *sequence = &b->sequences[claim->id];
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a claim has its sequence */
	const struct symindex_row *row = b->rows + sequence->first;
	size_t low = 0, high = sequence->count;
	int err = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (row[middle].at <= claim->start)
			low = middle + 1;
		else
			high = middle;
	}
	for (low -= low > 0; !err && low < sequence->count && row[low].at < claim->end; low++)
		err = put_row(b->out, row[low].at > claim->start ? row[low].at : claim->start,
			      row[low].file, row[low].line);
	return err;
}

static int lay_out_rows(struct builder *b)
{
	_cleanup_(spans_release) struct spans claims = {0};
	int err = spans_flatten(b->sequence_spans.span, b->sequence_spans.count, &claims);

	for (size_t i = 0; !err && i < claims.count; i++) {
		err = lay_out_sequence(b, &claims.span[i]);
		if (!err &&
		    (i + 1 == claims.count || claims.span[i].end < claims.span[i + 1].start))
			err = put_row(b->out, claims.span[i].end, 0, 0);
	}
	return err;
}

/* --- names --- */

/* The innermost scope around a DIE, plus one. */
static uint32_t scope_of(const struct scopes *scopes, uint64_t off)
{
	size_t low = 0, high = scopes->count;
	uint32_t scope;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (scopes->scope[middle].start < off)
			low = middle + 1;
		else
			high = middle;
	}
	scope = (uint32_t)low;
	while (scope && scopes->scope[scope - 1].end <= off)
		scope = scopes->scope[scope - 1].parent;
	return scope;
}

static int qualify(struct builder *b, const struct scopes *scopes, uint64_t off, const char *name,
		   uint32_t *ret_id)
{
	const char *part[SCOPES_MAX];
	size_t count = 0;
	uint32_t scope = scope_of(scopes, off);

	for (; scope && count < SCOPES_MAX; scope = scopes->scope[scope - 1].parent)
		part[count++] = scopes->scope[scope - 1].name;
	buf_clear(&b->path);
	while (count-- > 0 && b->path.used < NAME_MAX_LENGTH) {
		buf_add_str(&b->path, part[count]);
		buf_add_str(&b->path, "::");
	}
	buf_add(&b->path, name, strnlen(name, NAME_MAX_LENGTH));
	if (buf_error(&b->path))
		return -ENOMEM;
	return strtab_add_n(&b->out->strings, b->path.bytes, b->path.used, ret_id);
}

/* Nodes whose names are in one file: those from first_node on that have none yet. */
struct naming {
	const struct dwarf *dwarf;
	const struct scopes *scopes;
	size_t first_node, first_root;
};

/* The linkage name of the DIE or of what it stands for; else its name with all it is in. */
static int name_of(struct builder *b, const struct naming *naming, uint64_t origin,
		   uint32_t *ret_id)
{
	const struct dwarf *dwarf = origin & FROM_ALT ? naming->dwarf->alt : naming->dwarf;
	uint64_t off = origin & ~FROM_ALT;
	const struct dwarf_unit *unit = dwarf_unit_at(dwarf, off);
	const char *name = NULL, *linkage = NULL;
	struct dwarf_die die;

	*ret_id = 0;
	for (int hops = 0; unit && hops < HOPS_MAX && dwarf_die_at(unit, off, &die); hops++) {
		linkage = dwarf_string(unit, &die, SLOT_LINKAGE_NAME);
		if (!name)
			name = dwarf_string(unit, &die, SLOT_NAME);
		if (linkage || (!dwarf_reference(unit, &die, SLOT_ORIGIN, &unit, &off) &&
				!dwarf_reference(unit, &die, SLOT_SPECIFICATION, &unit, &off)))
			break;
	}
	if (linkage && *linkage)
		return strtab_add_n(&b->out->strings, linkage, strnlen(linkage, NAME_MAX_LENGTH),
				    ret_id);
	if (!unit || !name || !*name)
		return 0;
	return qualify(b, unit->dwarf == naming->dwarf ? naming->scopes : &b->alt_scopes, off, name,
		       ret_id);
}

/* Names by origin: a function is inlined in many places. */
struct known_names {
	uint64_t *origin;
	uint32_t *id;
	size_t count, origins_size, ids_size;
	struct hashmap index;
};

static void known_names_release(struct known_names *known)
{
	free(known->origin);
	free(known->id);
	hashmap_release(&known->index);
}

static int known_name_of(struct builder *b, const struct naming *naming, struct known_names *known,
			 uint64_t origin, uint32_t *ret_id)
{
	uint64_t hash = hash_mix(origin, 2);
	uint32_t at = hashmap_find(&known->index, hash, program_equal, known->origin, &origin);
	int err;

	if (at != HASHMAP_NONE) {
		*ret_id = known->id[at];
		return 0;
	}
	err = name_of(b, naming, origin, ret_id);
	if (err)
		return err;
	if (array_reserve(&known->origin, &known->origins_size, known->count + 1) ||
	    array_reserve(&known->id, &known->ids_size, known->count + 1) ||
	    hashmap_add(&known->index, hash, (uint32_t)known->count))
		return -ENOMEM;
	known->origin[known->count] = origin;
	known->id[known->count++] = *ret_id;
	return 0;
}

/* Functions that a symbol names keep its name: DWARF has no names for constructors' variants, and
 * often none for what is local. */
static void find_named_roots(struct builder *b, const struct naming *naming, bool *is_named)
{
	for (size_t i = naming->first_root; i < b->root_count; i++) {
		const struct root *root = &b->roots[i];
		bool named = root->count > 0;

		for (size_t j = 0; named && j < root->count; j++)
			named = b->text->is_named(b->text->context,
						  b->out->text +
							  b->pieces.span[root->first + j].start);
		for (size_t j = 0; j < root->count; j++) {
			uint32_t node = b->pieces.span[root->first + j].id;

			while (b->out->nodes[node].parent)
				node = b->out->nodes[node].parent;
			is_named[node - naming->first_node] = named;
		}
	}
}

static int name_nodes(struct builder *b, const struct naming *naming)
{
	size_t first = naming->first_node, count = b->out->node_count - first;
	_cleanup_(known_names_release) struct known_names known = {0};
	_cleanup_free_ bool *is_named = calloc(count + 1, sizeof(*is_named));
	int err = 0;

	if (!is_named)
		return -ENOMEM;
	find_named_roots(b, naming, is_named);
	for (size_t i = first; !err && i < b->out->node_count; i++) {
		if (!is_named[i - first] && b->origins[i] != UINT64_MAX)
			err = known_name_of(b, naming, &known, b->origins[i],
					    &b->out->nodes[i].name);
		b->origins[i] = UINT64_MAX;
	}
	return err;
}

/* --- units --- */

static bool is_type_unit(const struct dwarf_unit *unit)
{
	return unit->type == DW_UT_type || unit->type == DW_UT_split_type;
}

/* The unit that a skeleton stands for. -ENOENT, -EBADMSG: it cannot be had. */
static int walk_split_unit(struct builder *b, const struct dwarf_unit *skeleton)
{
	struct naming naming = {
		.scopes = &b->split_scopes,
		.first_node = b->out->node_count,
		.first_root = b->root_count,
	};
	const struct dwarf_unit *unit;
	struct dwarf *split;
	int err = b->splits ? b->splits->open(b->splits->context, skeleton, &split) : -ENOENT;

	if (err)
		return err;
	unit = dwarf_split_unit(split, skeleton);
	if (!unit)
		return -EBADMSG;
	naming.dwarf = split;
	b->split_scopes.count = 0;
	err = walk_unit(b, &b->split_scopes, unit);
	return err ? err : name_nodes(b, &naming);
}

static int note_missing(struct builder *b, const struct dwarf_unit *skeleton, bool is_there)
{
	int err;

	b->out->split_other += is_there;
	if (is_there || b->out->split_missing++)
		return 0;
	err = strtab_add(&b->out->strings, skeleton->comp_dir, &b->out->split_dir);
	return err ? err : strtab_add(&b->out->strings, skeleton->dwo_name, &b->out->split_name);
}

/* Lines are in the program, also of what is in a split file. Where that is missing, what the program
 * has of its calls is better than nothing (clang's -fsplit-dwarf-inlining). */
static int walk_program_unit(struct builder *b, const struct dwarf_unit *unit)
{
	size_t first = b->sequence_spans.count;
	int err = read_lines(b, unit);

	if (!err && b->sequence_spans.count == first + 1)
		err = clip_sequence(b, unit);
	if (!err && dwarf_is_skeleton(unit)) {
		err = walk_split_unit(b, unit);
		if (err != -ENOENT && err != -EBADMSG)
			return err;
		err = note_missing(b, unit, err == -EBADMSG);
	}
	return err ? err : walk_unit(b, &b->scopes, unit);
}

static int walk_all(struct builder *b)
{
	const struct naming naming = {.dwarf = b->dwarf, .scopes = &b->scopes, .first_node = 1};
	const struct dwarf *alt = b->dwarf->alt;
	int err = 0;

	for (size_t i = 0; !err && alt && i < alt->unit_count; i++)
		err = walk_unit(b, &b->alt_scopes, &alt->units[i]);
	for (size_t i = 0; !err && i < b->dwarf->unit_count; i++)
		if (!is_type_unit(&b->dwarf->units[i]))
			err = walk_program_unit(b, &b->dwarf->units[i]);
	return err ? err : name_nodes(b, &naming);
}

/* --- all of it --- */

int dwarf_index_build(struct dwarf *dwarf, const struct dwarf_text *text,
		      const struct dwarf_splits *splits, struct dwarf_index *ret_index)
{
	_cleanup_(dwarf_index_release) struct dwarf_index out = {0};
	_cleanup_free_ struct builder *b = calloc(1, sizeof(*b));
	const struct symindex_node none = {0};
	int err;

	if (!b)
		return -ENOMEM;
	b->out = &out;
	b->text = text;
	b->splits = splits;
	b->dwarf = dwarf;
	b->files_of = DWARF_NO_LINE;
	out.text = text->count ? text->range[0].start : 0;
	if (text->count && text->range[text->count - 1].end - out.text > UINT32_MAX)
		return -EFBIG;
	err = add_node(b, &none, UINT64_MAX);
	if (!err)
		err = walk_all(b);
	if (!err)
		err = lay_out_areas(b);
	if (!err)
		err = lay_out_rows(b);
	builder_release(b);
	if (err)
		return err;
	*ret_index = out;
	out = (struct dwarf_index){0};
	return 0;
}
