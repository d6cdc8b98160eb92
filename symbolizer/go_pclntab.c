/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The layouts are those of Go's runtime/symtab.go and debug/gosym/pclntab.go. */
#include "symbolizer/go_pclntab.h"

#include "base/array.h"
#include "symbolizer/debug_sections.h"

#include <errno.h>
#include <string.h>

enum {
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

/* --- functions --- */

static bool read_function(const struct go_pclntab *t, uint64_t n, struct function *ret_function)
{
	unsigned int size = t->is_1_18 ? 4 : t->pointer_size;
	struct function function = {0};
	struct cursor c = t->functions, body;
	uint64_t off;
	uint32_t ignored;

	if (!cursor_skip(&c, n * 2 * size) || !read_pointer(&c, size, &function.vaddr) ||
	    !read_pointer(&c, size, &off) || !read_pointer(&c, size, &function.end) ||
	    !table_at(t, t->pcln, &body) || !cursor_skip(&body, off) || !cursor_skip(&body, size))
		return false;
	/* name, args, deferreturn, pcsp, pcfile, pcln, npcdata, cuOffset */
	if (!cursor_u32(&body, &function.name) || !cursor_skip(&body, 12) ||
	    !cursor_u32(&body, &function.pc_file) || !cursor_u32(&body, &function.pc_line) ||
	    !cursor_u32(&body, &ignored) || !cursor_u32(&body, &function.cu))
		return false;
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
		if (!err && f->header.source < SYMINDEX_GO)
			f->header.source = SYMINDEX_GO;
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

static int file_id(const struct go_pclntab *t, const struct function *function, int64_t number,
		   struct dwarf_index *index, uint32_t *ret_id)
{
	struct cursor c;
	uint32_t off, length;
	const char *name;

	*ret_id = 0;
	if (number < 0 || number > UINT32_MAX ||
	    !table_at(t, t->cus + 4 * (function->cu + (uint64_t)number), &c) ||
	    !cursor_u32(&c, &off) || off == UINT32_MAX)
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

int go_pclntab_rows(const struct go_pclntab *table, const struct elf_file *f,
		    struct dwarf_index *index)
{
	struct function function;
	int err = 0;

	for (uint64_t i = 0; !err && i < table->count; i++) {
		if (!read_function(table, i, &function) || function.vaddr < index->text ||
		    function.end - index->text > UINT32_MAX ||
		    function.end > code_end(f, function.vaddr))
			continue;
		err = add_rows(table, &function, index);
		if (!err)
			err = put_row(index, function.end, 0, 0);
	}
	return err;
}

/* --- the table --- */

static bool read_header(struct go_pclntab *t)
{
	struct cursor c = t->table;
	uint64_t *const offsets[] = {&t->names, &t->cus, &t->files, &t->pcs, &t->pcln};
	uint64_t file_count;
	uint32_t magic;
	uint8_t zero[2];

	if (!cursor_u32(&c, &magic) || !cursor_copy(&c, zero, 2) || zero[0] || zero[1] ||
	    !cursor_u8(&c, &t->quantum) || !cursor_u8(&c, &t->pointer_size) ||
	    (t->pointer_size != 4 && t->pointer_size != 8) || !t->quantum)
		return false;
	if (magic != MAGIC_1_16 && magic != MAGIC_1_18 && magic != MAGIC_1_20)
		return false;
	t->is_1_18 = magic != MAGIC_1_16;
	if (!read_pointer(&c, t->pointer_size, &t->count) || t->count > FUNCTIONS_MAX ||
	    !read_pointer(&c, t->pointer_size, &file_count) ||
	    (t->is_1_18 && !read_pointer(&c, t->pointer_size, &t->text)))
		return false;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(*offsets); i++)
		if (!read_pointer(&c, t->pointer_size, offsets[i]))
			return false;
	return table_at(t, t->pcln, &t->functions);
}

/* Newer tables leave the start of the text to the runtime's module data. It is that of .text where
 * Go linked the program itself; the program's entry, which is a function of the table then, proves
 * it. */
static bool find_text(const struct elf_file *f, struct go_pclntab *t)
{
	struct function function;
	GElf_Ehdr ehdr;
	uint32_t length;

	if (!t->is_1_18 || t->text)
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

bool go_pclntab_find(const struct elf_file *f, struct go_pclntab *ret_table)
{
	struct go_pclntab t = {0};

	if (!debug_section_raw(f->elf, ".gopclntab", &t.table) &&
	    !debug_section_raw(f->elf, ".data.rel.ro.gopclntab", &t.table))
		return false;
	if (!read_header(&t) || !find_text(f, &t))
		return false;
	*ret_table = t;
	return true;
}
