/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The layouts are those of Go's runtime/symtab.go and debug/gosym/pclntab.go. */
#include "symbolizer/go_pclntab.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "symbolizer/debug_sections.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

enum {
	MAGIC_1_2 = 0xfffffffb,
	MAGIC_1_16 = 0xfffffffa,
	MAGIC_1_18 = 0xfffffff0,
	MAGIC_1_20 = 0xfffffff1,
	FUNCTIONS_MAX = 8 << 20,
	STRING_MAX = 4096,
};

/* What is used of a function's entry. */
struct function {
	uint64_t vaddr, end;
	uint32_t name, pc_file, pc_line, cu;
	uint32_t pc_data_count;
	uint8_t data_count;
	struct cursor data; /* offsets of pc data, then of other data */
};

static bool table_at(const struct go_pclntab *t, uint64_t off, struct cursor *ret_cursor)
{
	struct cursor c = t->table;

	if (!cursor_skip(&c, off))
		return false;
	*ret_cursor = c;
	return true;
}

static bool read_pointer(struct cursor *c, unsigned int size, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (!cursor_copy(c, &number, size))
		return false;
	*ret_number = number;
	return true;
}

static const char *string_at(const struct go_pclntab *t, uint64_t off, uint32_t *ret_length)
{
	struct cursor c;
	size_t most;
	const uint8_t *nul;

	if (!table_at(t, off, &c))
		return NULL;
	most = cursor_left(&c) < STRING_MAX ? cursor_left(&c) : STRING_MAX;
	nul = most ? memchr(c.pos, 0, most) : NULL;
	if (!nul || nul == c.pos)
		return NULL;
	*ret_length = (uint32_t)(nul - c.pos);
	return (const char *)c.pos;
}

/* What the file has from a vaddr to the end of its segment. */
static bool bytes_at(const struct elf_file *f, uint64_t vaddr, struct cursor *ret_cursor)
{
	size_t size;
	const char *bytes = elf_rawfile(f->elf, &size);

	for (uint32_t i = 0; bytes && i < f->header.segment_count; i++) {
		const struct symindex_segment *s = &f->segments[i];
		uint64_t skip = vaddr - s->vaddr;

		if (vaddr < s->vaddr || skip >= s->size || s->off > size || s->size > size - s->off)
			continue;
		*ret_cursor = cursor_of(bytes + s->off + skip, s->size - skip);
		return true;
	}
	return false;
}

/* --- functions --- */

/* What follows the entry: name, args, deferreturn, pcsp, pcfile, pcln, npcdata, cuOffset, startLine,
 * then funcID, flag, a gap, nfuncdata, then the offsets of npcdata tables, then of nfuncdata data. The
 * oldest form has neither cuOffset nor startLine. */
static bool read_body(const struct go_pclntab *t, struct cursor *c, struct function *function)
{
	uint8_t ignored[3];

	return cursor_u32(c, &function->name) && cursor_skip(c, 12) &&
	       cursor_u32(c, &function->pc_file) && cursor_u32(c, &function->pc_line) &&
	       cursor_u32(c, &function->pc_data_count) &&
	       (t->form < GO_1_16 || cursor_u32(c, &function->cu)) &&
	       (t->form < GO_1_20 || cursor_skip(c, 4)) && cursor_copy(c, ignored, 3) &&
	       cursor_u8(c, &function->data_count);
}

static bool read_function(const struct go_pclntab *t, uint64_t n, struct function *ret_function)
{
	unsigned int size = t->form >= GO_1_18 ? 4 : t->pointer_size;
	struct function function = {0};
	struct cursor c = t->functions, body;
	uint64_t off;

	if (!cursor_skip(&c, n * 2 * size) || !read_pointer(&c, size, &function.vaddr) ||
	    !read_pointer(&c, size, &off) || !read_pointer(&c, size, &function.end) ||
	    !table_at(t, t->pcln, &body) || !cursor_skip(&body, off) || !cursor_skip(&body, size) ||
	    !read_body(t, &body, &function))
		return false;
	function.data = body;
	function.vaddr += t->text;
	function.end += t->text;
	*ret_function = function;
	return function.end > function.vaddr;
}

static uint64_t code_end(const struct elf_file *f, uint64_t vaddr)
{
	for (size_t i = 1; i < f->section_count; i++) {
		const struct section *s = &f->sections[i];

		if (s->is_code && vaddr >= s->vaddr && vaddr - s->vaddr < s->size)
			return s->vaddr + s->size;
	}
	return 0;
}

int go_pclntab_symbols(const struct go_pclntab *table, struct elf_file *f)
{
	int err = 0;

	for (uint64_t i = 0; !err && i < table->count; i++) {
		struct candidate c = {.source = SYMINDEX_GO};
		struct function function;

		if (!read_function(table, i, &function))
			continue;
		c.section_end = code_end(f, function.vaddr);
		c.name = string_at(table, table->names + function.name, &c.length);
		if (!c.name || function.end > c.section_end)
			continue;
		c.vaddr = function.vaddr;
		c.size = function.end - function.vaddr;
		err = elf_file_add_candidate(f, &c);
	}
	return err;
}

/* --- lines --- */

/* A table of (value, how far it holds): both as differences, the value from -1. */
struct pc_values {
	struct cursor c;
	uint64_t end; /* of the value that holds now */
	int64_t value;
	uint8_t quantum;
	bool is_first;
};

static struct pc_values pc_values_of(const struct go_pclntab *t, uint32_t off, uint64_t vaddr)
{
	struct pc_values values = {
		.end = vaddr, .value = -1, .quantum = t->quantum, .is_first = true};

	if (!off || !table_at(t, t->pcs + off, &values.c))
		values.c = cursor_of("", 0);
	return values;
}

static bool pc_values_next(struct pc_values *values)
{
	uint64_t difference, length;

	if (!cursor_uleb128(&values->c, &difference) || (!difference && !values->is_first) ||
	    !cursor_uleb128(&values->c, &length))
		return false;
	values->is_first = false;
	values->value += (int64_t)(difference >> 1) ^ -(int64_t)(difference & 1);
	return !__builtin_add_overflow(values->end, length * values->quantum, &values->end);
}

/* In the oldest form the table of files has its size first; files are numbered from 1 there. */
static int file_id(const struct go_pclntab *t, const struct function *function, int64_t number,
		   struct dwarf_index *index, uint32_t *ret_id)
{
	uint64_t first = t->form < GO_1_16 ? 0 : function->cu;
	struct cursor c;
	uint32_t off, length;
	const char *name;

	*ret_id = 0;
	if (number < 0 || number > UINT32_MAX || (t->form < GO_1_16 && !number) ||
	    !table_at(t, t->cus + 4 * (first + (uint64_t)number), &c) || !cursor_u32(&c, &off) ||
	    off == UINT32_MAX)
		return 0;
	name = string_at(t, t->files + off, &length);
	return name ? strtab_add_n(&index->strings, name, length, ret_id) : 0;
}

static int put_row(struct dwarf_index *index, uint64_t vaddr, uint32_t file, int64_t line)
{
	struct symindex_row row = {(uint32_t)(vaddr - index->text), file,
				   line > 0 && line <= UINT32_MAX ? (uint32_t)line : 0};
	struct symindex_row *last = index->row_count ? &index->rows[index->row_count - 1] : NULL;

	if (last && row.at == last->at) { /* the end of the function before */
		*last = row;
		return 0;
	}
	if (last && (row.at < last->at || (last->file == file && last->line == row.line)))
		return 0;
	if (index->row_count >= SYMINDEX_AREAS_MAX)
		return -EFBIG;
	if (array_reserve(&index->rows, &index->rows_size, index->row_count + 1))
		return -ENOMEM;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there by now */
	index->rows[index->row_count++] = row;
	return 0;
}

/* The two tables side by side: a row begins where either changes. */
static int add_rows(const struct go_pclntab *t, const struct function *function,
		    struct dwarf_index *index)
{
	struct pc_values files = pc_values_of(t, function->pc_file, function->vaddr);
	struct pc_values lines = pc_values_of(t, function->pc_line, function->vaddr);
	uint64_t vaddr = function->vaddr;
	int err = 0;

	while (!err && vaddr < function->end) {
		uint32_t file;

		while (files.end <= vaddr)
			if (!pc_values_next(&files))
				return 0;
		while (lines.end <= vaddr)
			if (!pc_values_next(&lines))
				return 0;
		err = file_id(t, function, files.value, index, &file);
		if (!err)
			err = put_row(index, vaddr, file, lines.value);
		vaddr = files.end < lines.end ? files.end : lines.end;
	}
	return err;
}

/* --- inlined calls --- */

enum { CALLS_MAX = 1 << 20, STEPS_MAX = 1 << 22 };

/* A table of values, decoded. */
struct steps {
	struct step {
		uint64_t end;
		int64_t value;
	} * step;
	size_t count, size;
};

/* What one function is looked at with. */
struct calls {
	const struct go_pclntab *table;
	const struct function *function;
	struct dwarf_index *index;
	struct cursor tree;	     /* the calls */
	struct steps in, file, line; /* by pc: number of the call; file and line */
	uint32_t *node;		     /* by number of the call; 0 = not made yet */
	size_t node_count, node_size;
};

static int decode(const struct calls *calls, uint32_t off, struct steps *steps)
{
	struct pc_values values = pc_values_of(calls->table, off, calls->function->vaddr);

	steps->count = 0;
	while (values.end < calls->function->end && steps->count < STEPS_MAX &&
	       pc_values_next(&values)) {
		if (array_reserve(&steps->step, &steps->size, steps->count + 1))
			return -ENOMEM;
		steps->step[steps->count++] = (struct step){values.end, values.value};
	}
	return 0;
}

static int64_t value_at(const struct steps *steps, uint64_t vaddr)
{
	size_t low = 0, high = steps->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (steps->step[middle].end <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < steps->count ? steps->step[low].value : -1;
}

/* A call: what is called, and a pc that stands where it is called. */
static bool read_call(const struct calls *calls, int64_t number, uint32_t *ret_name,
		      uint32_t *ret_pc)
{
	bool is_new = calls->table->form >= GO_1_20; /* funcID, name, pc, first line */
	struct cursor c = calls->tree;

	/* before: parent and funcID, file, line, name, pc */
	return number >= 0 && number < CALLS_MAX &&
	       cursor_skip(&c, (uint64_t)number * (is_new ? 16 : 20) + (is_new ? 4 : 12)) &&
	       cursor_u32(&c, ret_name) && cursor_u32(&c, ret_pc);
}

static int add_node(struct dwarf_index *index, const struct symindex_node *node, uint32_t *ret_node)
{
	if (index->node_count >= SYMINDEX_AREAS_MAX)
		return -EFBIG;
	if (array_reserve(&index->nodes, &index->nodes_size, index->node_count + 1))
		return -ENOMEM;
	*ret_node = (uint32_t)index->node_count;
	index->nodes[index->node_count++] = *node;
	return 0;
}

static int make_node(struct calls *calls, int64_t number, uint32_t parent)
{
	const struct go_pclntab *t = calls->table;
	struct symindex_node node = {.parent = parent};
	uint32_t name, pc, length;
	uint64_t vaddr;
	const char *string;
	int64_t line;
	int err = 0;

	if (!read_call(calls, number, &name, &pc))
		return 0;
	vaddr = calls->function->vaddr + pc;
	string = string_at(t, t->names + name, &length);
	if (string)
		err = strtab_add_n(&calls->index->strings, string, length, &node.name);
	if (!err)
		err = file_id(t, calls->function, value_at(&calls->file, vaddr), calls->index,
			      &node.file);
	line = value_at(&calls->line, vaddr);
	node.line = line > 0 && line <= UINT32_MAX ? (uint32_t)line : 0;
	return err ? err : add_node(calls->index, &node, &calls->node[number]);
}

/* The node of a call, with those of the calls that it is in: outermost first. A chain that does not
 * end is none. */
static int find_node(struct calls *calls, int64_t number, uint32_t outermost, uint32_t *ret_node)
{
	int64_t chain[SYMINDEX_DEPTH_MAX];
	uint32_t name, pc, count = 0, node = outermost;
	int err = 0;

	*ret_node = 0;
	for (; read_call(calls, number, &name, &pc);
	     number = value_at(&calls->in, calls->function->vaddr + pc)) {
		if (count == SYMINDEX_DEPTH_MAX)
			return 0;
		if (array_reserve(&calls->node, &calls->node_size, (size_t)number + 1))
			return -ENOMEM;
		for (; calls->node_count <= (size_t)number; calls->node_count++)
			calls->node[calls->node_count] = 0;
		if (calls->node[number]) {
			node = calls->node[number];
			break;
		}
		chain[count++] = number;
	}
	while (!err && count) {
		number = chain[--count];
		err = make_node(calls, number, node);
		node = calls->node[number];
		if (!node)
			return err;
	}
	*ret_node = node == outermost ? 0 : node;
	return err;
}

static int put_area(struct dwarf_index *index, uint64_t vaddr, uint32_t node)
{
	struct symindex_area area = {(uint32_t)(vaddr - index->text), node};
	struct symindex_area *last =
		index->area_count ? &index->areas[index->area_count - 1] : NULL;

	if (last && area.at == last->at) {
		last->node = node;
		return 0;
	}
	if ((last && (area.at < last->at || last->node == node)) || (!last && !node))
		return 0;
	if (index->area_count >= SYMINDEX_AREAS_MAX)
		return -EFBIG;
	if (array_reserve(&index->areas, &index->areas_size, index->area_count + 1))
		return -ENOMEM;
	index->areas[index->area_count++] = area;
	return 0;
}

/* Where the function's calls are, and the table that leads to them. */
static bool find_calls(const struct go_pclntab *t, const struct elf_file *f,
		       const struct function *function, struct cursor *ret_tree,
		       uint32_t *ret_pc_data)
{
	struct cursor c = function->data, data = c;
	uint64_t vaddr = 0;
	uint32_t off;

	if (!t->data_calls || function->pc_data_count <= t->pc_data_call ||
	    function->data_count <= t->data_calls || !cursor_skip(&c, 4 * t->pc_data_call) ||
	    !cursor_u32(&c, ret_pc_data) || !*ret_pc_data ||
	    !cursor_skip(&data, 4 * (uint64_t)function->pc_data_count))
		return false;
	if (t->form >= GO_1_18) {
		if (!t->gofunc || !cursor_skip(&data, 4 * t->data_calls) ||
		    !cursor_u32(&data, &off) || off == UINT32_MAX)
			return false;
		vaddr = t->gofunc + off;
	} else if (!cursor_skip(&data,
				(size_t)(t->table.pos - data.pos) & (t->pointer_size - 1u)) ||
		   !cursor_skip(&data, (uint64_t)t->pointer_size * t->data_calls) ||
		   !read_pointer(&data, t->pointer_size, &vaddr) || !vaddr) {
		return false;
	}
	return bytes_at(f, vaddr, ret_tree);
}

static int add_calls(struct calls *calls, uint32_t pc_data, uint32_t outermost)
{
	const struct function *function = calls->function;
	uint64_t vaddr = function->vaddr;
	int err = decode(calls, pc_data, &calls->in);

	if (!err)
		err = decode(calls, function->pc_file, &calls->file);
	if (!err)
		err = decode(calls, function->pc_line, &calls->line);
	calls->node_count = 0;
	for (size_t i = 0; !err && i < calls->in.count; i++) {
		uint32_t node;

		err = find_node(calls, calls->in.step[i].value, outermost, &node);
		if (!err)
			err = put_area(calls->index, vaddr, node);
		vaddr = calls->in.step[i].end;
	}
	return err;
}

/* Node 0 is none; the next one is what all calls of this table are in: a function by its symbol. */
static int start_nodes(struct dwarf_index *index, uint32_t *ret_outermost)
{
	const struct symindex_node none = {0};
	uint32_t first = 1;
	int err = 0;

	if (!index->node_count)
		err = add_node(index, &none, &first);
	return err ? err : add_node(index, &none, ret_outermost);
}

static bool is_in_code(const struct elf_file *f, const struct function *function,
		       const struct dwarf_index *index)
{
	return function->vaddr >= index->text && function->end - index->text <= UINT32_MAX &&
	       function->end <= code_end(f, function->vaddr);
}

int go_pclntab_rows(const struct go_pclntab *table, const struct elf_file *f,
		    struct dwarf_index *index)
{
	struct function function;
	struct calls calls = {.table = table, .function = &function, .index = index};
	uint32_t pc_data, outermost;
	int err = start_nodes(index, &outermost);

	for (uint64_t i = 0; !err && i < table->count; i++) {
		if (!read_function(table, i, &function) || !is_in_code(f, &function, index))
			continue;
		err = add_rows(table, &function, index);
		if (!err)
			err = put_row(index, function.end, 0, 0);
		if (!err && find_calls(table, f, &function, &calls.tree, &pc_data))
			err = add_calls(&calls, pc_data, outermost);
		if (!err)
			err = put_area(index, function.end, 0);
	}
	free(calls.in.step);
	free(calls.file.step);
	free(calls.line.step);
	free(calls.node);
	return err;
}

/* --- the table --- */

/* The table of Go 1.2: the functions, their number first, then where the table of files is. */
static bool read_old_header(struct go_pclntab *t, struct cursor c)
{
	uint32_t files;

	if (!read_pointer(&c, t->pointer_size, &t->count) || t->count > FUNCTIONS_MAX)
		return false;
	t->functions = c;
	if (!cursor_skip(&c, (2 * t->count + 1) * t->pointer_size) || !cursor_u32(&c, &files))
		return false;
	t->cus = files;
	return true;
}

static bool find_form(uint32_t magic, enum go_form *ret_form)
{
	static const uint32_t magics[] = {[GO_1_2] = MAGIC_1_2,
					  [GO_1_16] = MAGIC_1_16,
					  [GO_1_18] = MAGIC_1_18,
					  [GO_1_20] = MAGIC_1_20};

	for (unsigned int i = 0; i < ARRAY_SIZE(magics); i++)
		if (magics[i] == magic) {
			*ret_form = (enum go_form)i;
			return true;
		}
	return false;
}

static bool read_header(struct go_pclntab *t)
{
	struct cursor c = t->table;
	uint64_t *const offsets[] = {&t->names, &t->cus, &t->files, &t->pcs, &t->pcln};
	uint64_t file_count;
	uint32_t magic;
	uint8_t zero[2];

	if (!cursor_u32(&c, &magic) || !cursor_copy(&c, zero, 2) || zero[0] || zero[1] ||
	    !cursor_u8(&c, &t->quantum) || !cursor_u8(&c, &t->pointer_size) ||
	    (t->pointer_size != 4 && t->pointer_size != 8) || !t->quantum ||
	    !find_form(magic, &t->form))
		return false;
	if (t->form < GO_1_16)
		return read_old_header(t, c);
	if (!read_pointer(&c, t->pointer_size, &t->count) || t->count > FUNCTIONS_MAX ||
	    !read_pointer(&c, t->pointer_size, &file_count) ||
	    (t->form >= GO_1_18 && !read_pointer(&c, t->pointer_size, &t->text)))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++)
		if (!read_pointer(&c, t->pointer_size, offsets[i]))
			return false;
	return table_at(t, t->pcln, &t->functions);
}

/* --- the runtime's module data --- */

/* Words of runtime.moduledata, which begins with the vaddr of the table, then six slices. */
enum { WORD_TABLES = 1, WORD_TEXT = 22, WORD_GOFUNC_1_18 = 38, WORD_GOFUNC_1_20 = 40, WORDS = 41 };

/* A pointer of the program. Those of position independent programs are in relocations, whose shape
 * is that of 64 bits: where, type, value; their data has nothing but zeros. */
static uint64_t word_at(const struct elf_file *f, const struct go_pclntab *t, uint64_t vaddr)
{
	uint64_t where, type, value = 0;
	struct cursor c;

	if (t->pointer_size == 8 && debug_section_raw(f->elf, ".rela.dyn", &c))
		while (cursor_u64(&c, &where) && cursor_u64(&c, &type) && cursor_u64(&c, &value))
			if (where == vaddr)
				return value;
	value = 0;
	if (bytes_at(f, vaddr, &c))
		read_pointer(&c, t->pointer_size, &value);
	return value;
}

static bool find_relocated(const struct elf_file *f, const struct go_pclntab *t,
			   uint64_t *ret_vaddr)
{
	uint64_t where, type, value;
	struct cursor c;

	if (t->pointer_size != 8 || !debug_section_raw(f->elf, ".rela.dyn", &c))
		return false;
	while (cursor_u64(&c, &where) && cursor_u64(&c, &type) && cursor_u64(&c, &value))
		if (value == t->vaddr &&
		    word_at(f, t, where + WORD_TABLES * sizeof(where)) == t->vaddr + t->names) {
			*ret_vaddr = where;
			return true;
		}
	return false;
}

/* The words that begin it are known: where the table is, and where its names are. */
static bool find_in_data(const struct elf_file *f, const struct go_pclntab *t, uint64_t *ret_vaddr)
{
	for (uint32_t i = 0; i < f->header.segment_count; i++) {
		const struct symindex_segment *s = &f->segments[i];
		struct cursor c, next;
		uint64_t first, second;

		if ((s->flags & PF_X) || !bytes_at(f, s->vaddr, &c))
			continue;
		for (uint64_t vaddr = s->vaddr; read_pointer(&c, t->pointer_size, &first);
		     vaddr += t->pointer_size) {
			next = c;
			if (first == t->vaddr && read_pointer(&next, t->pointer_size, &second) &&
			    second == t->vaddr + t->names) {
				*ret_vaddr = vaddr;
				return true;
			}
		}
	}
	return false;
}

static void read_module(const struct elf_file *f, struct go_pclntab *t)
{
	unsigned int gofunc = t->form >= GO_1_20 ? WORD_GOFUNC_1_20 : WORD_GOFUNC_1_18;
	uint64_t vaddr;

	if (t->form < GO_1_18 || (!find_in_data(f, t, &vaddr) && !find_relocated(f, t, &vaddr)))
		return;
	t->text = word_at(f, t, vaddr + (uint64_t)WORD_TEXT * t->pointer_size);
	t->gofunc = word_at(f, t, vaddr + (uint64_t)gofunc * t->pointer_size);
}

/* Newer tables leave the start of the text to the runtime's module data. Where that is not found it
 * is that of .text, if Go linked the program itself; the program's entry, which is a function of the
 * table then, proves it. */
static bool find_text(const struct elf_file *f, struct go_pclntab *t)
{
	struct function function;
	GElf_Ehdr ehdr;
	uint32_t length;

	if (t->form < GO_1_18 || t->text)
		return true;
	if (!gelf_getehdr(f->elf, &ehdr))
		return false;
	for (size_t i = 1; i < f->section_count && !t->text; i++)
		if (f->sections[i].is_code && ehdr.e_entry >= f->sections[i].vaddr &&
		    ehdr.e_entry - f->sections[i].vaddr < f->sections[i].size)
			t->text = f->sections[i].vaddr;
	for (uint64_t i = 0; i < t->count; i++) {
		const char *name;

		if (!read_function(t, i, &function) || function.vaddr != ehdr.e_entry)
			continue;
		name = string_at(t, t->names + function.name, &length);
		return name && !strncmp(name, "_rt0_", 5);
	}
	return false;
}

/* --- the version of Go --- */

/* Where the string with the version is: what .go.buildinfo points to, since Go 1.13; else the symbol. */
static uint64_t find_version(const struct elf_file *f, const struct go_pclntab *t)
{
	static const char magic[] = "\xff Go buildinf:";
	struct cursor c;
	uint64_t vaddr;

	if (!debug_section_at(f->elf, ".go.buildinfo", &c, &vaddr))
		return elf_file_symbol_vaddr(f, "runtime.buildVersion");
	if (cursor_left(&c) < 16 || memcmp(c.pos, magic, sizeof(magic) - 1) ||
	    c.pos[14] != t->pointer_size || c.pos[15])
		return 0;
	return word_at(f, t, vaddr + 16);
}

/* The n of "go1.n", or of "go1.n.m": a released one. 0: not known. */
static unsigned int minor_version(const struct elf_file *f, const struct go_pclntab *t)
{
	uint64_t vaddr = find_version(f, t), length;
	unsigned int minor = 0;
	struct cursor c, string;

	if (!vaddr || !bytes_at(f, word_at(f, t, vaddr), &c))
		return 0;
	length = word_at(f, t, vaddr + t->pointer_size);
	if (!cursor_sub(&c, length, &string) || length < 4 || memcmp(string.pos, "go1.", 4))
		return 0;
	cursor_skip(&string, 4);
	for (; cursor_left(&string) && *string.pos != '.'; string.pos++) {
		if (*string.pos < '0' || *string.pos > '9' || minor > 99)
			return 0;
		minor = minor * 10 + (*string.pos - '0');
	}
	return minor;
}

/* The numbers changed while the oldest form did not: only the version tells there. */
static void find_call_numbers(const struct elf_file *f, struct go_pclntab *t)
{
	unsigned int minor;

	if (t->form >= GO_1_16) {
		t->pc_data_call = 2;
		t->data_calls = 3;
		return;
	}
	minor = minor_version(f, t);
	if (minor >= 13 && minor <= 15) {
		t->pc_data_call = 2;
		t->data_calls = 4;
	} else if (minor == 12) {
		t->pc_data_call = 1;
		t->data_calls = 2;
	}
}

bool go_pclntab_find(const struct elf_file *f, struct go_pclntab *ret_table)
{
	struct go_pclntab t = {0};

	if (!debug_section_at(f->elf, ".gopclntab", &t.table, &t.vaddr) &&
	    !debug_section_at(f->elf, ".data.rel.ro.gopclntab", &t.table, &t.vaddr))
		return false;
	if (!read_header(&t))
		return false;
	read_module(f, &t);
	if (!find_text(f, &t))
		return false;
	find_call_numbers(f, &t);
	*ret_table = t;
	return true;
}
