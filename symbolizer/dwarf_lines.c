/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Line programs: DWARF 5, section 6.2. */
#include "symbolizer/dwarf.h"

#include "base/array.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>

enum { FORMATS_MAX = 32 };

void dwarf_files_release(struct dwarf_files *files)
{
	free(files->file);
	free(files->directories);
	*files = (struct dwarf_files){0};
}

static bool add_directory(struct dwarf_files *files, const char *directory)
{
	if (array_reserve(&files->directories, &files->directories_size,
			  files->directory_count + 1))
		return false;
	files->directories[files->directory_count++] = directory;
	return true;
}

static bool add_file(struct dwarf_files *files, const char *name, uint64_t directory)
{
	if (array_reserve(&files->file, &files->size, files->count + 1))
		return false;
	files->file[files->count++] = (struct dwarf_file){
		.name = name,
		.directory =
			directory < files->directory_count ? files->directories[directory] : NULL,
	};
	return true;
}

/* DWARF 2 to 4: number 0 is the unit's own directory and no file. */
static bool read_tables_before_5(struct cursor *c, struct dwarf_files *files)
{
	const char *string;
	uint64_t directory, ignored;

	if (!add_directory(files, NULL) || !add_file(files, NULL, 0))
		return false;
	for (;;) {
		if (!cursor_cstr(c, &string))
			return false;
		if (!*string)
			break;
		if (!add_directory(files, string))
			return false;
	}
	for (;;) {
		if (!cursor_cstr(c, &string))
			return false;
		if (!*string)
			return true;
		if (!cursor_uleb128(c, &directory) || !cursor_uleb128(c, &ignored) ||
		    !cursor_uleb128(c, &ignored) || !add_file(files, string, directory))
			return false;
	}
}

/* The kinds and forms of an entry's fields. */
struct entry_format {
	struct {
		uint64_t kind, form;
	} field[FORMATS_MAX];
	uint8_t count;
};

static bool read_format(struct cursor *c, struct entry_format *format)
{
	if (!cursor_u8(c, &format->count) || format->count > FORMATS_MAX)
		return false;
	for (unsigned int i = 0; i < format->count; i++)
		if (!cursor_uleb128(c, &format->field[i].kind) ||
		    !cursor_uleb128(c, &format->field[i].form))
			return false;
	return true;
}

/* One field by the reader of attributes: an abbreviation with just this one. */
static bool read_field(const struct dwarf_unit *unit, struct cursor *c, uint64_t form,
		       enum dwarf_slot slot, struct dwarf_die *die)
{
	struct dwarf_value *value = &die->value[slot];

	if (form > UINT16_MAX || !dwarf_read_form(unit, c, (uint16_t)form, value))
		return false;
	die->have |= 1U << slot;
	return true;
}

static bool read_entry(const struct dwarf_unit *unit, struct cursor *c,
		       const struct entry_format *format, const char **ret_path,
		       uint64_t *ret_directory)
{
	struct dwarf_die entry = {0};

	for (unsigned int i = 0; i < format->count; i++) {
		uint64_t kind = format->field[i].kind;
		enum dwarf_slot slot = kind == DW_LNCT_path		 ? SLOT_NAME
				       : kind == DW_LNCT_directory_index ? SLOT_CALL_FILE
									 : SLOT_NONE;

		if (!read_field(unit, c, format->field[i].form, slot, &entry))
			return false;
	}
	*ret_path = dwarf_string(unit, &entry, SLOT_NAME);
	*ret_directory = dwarf_has(&entry, SLOT_CALL_FILE) ? entry.value[SLOT_CALL_FILE].number : 0;
	return true;
}

/* The count of a table is believed only as far as its entries are there and take room. */
static bool read_tables_of_5(const struct dwarf_unit *unit, struct cursor *c,
			     struct dwarf_files *files)
{
	struct entry_format format;
	uint64_t count, directory;
	const char *path;

	if (!read_format(c, &format) || !cursor_uleb128(c, &count) || (count && !format.count))
		return false;
	for (uint64_t i = 0; i < count; i++) {
		const uint8_t *before = c->pos;

		if (!read_entry(unit, c, &format, &path, &directory) || c->pos == before ||
		    !add_directory(files, path))
			return false;
	}
	if (!read_format(c, &format) || !cursor_uleb128(c, &count) || (count && !format.count))
		return false;
	for (uint64_t i = 0; i < count; i++) {
		const uint8_t *before = c->pos;

		if (!read_entry(unit, c, &format, &path, &directory) || c->pos == before ||
		    !add_file(files, path, directory))
			return false;
	}
	return true;
}

static bool read_header(const struct dwarf_unit *unit, struct cursor *c, uint8_t offset_size,
			struct dwarf_files *files, struct dwarf_program *program)
{
	uint16_t version;
	uint8_t ignored, operations = 1;
	struct dwarf_unit like_unit = *unit;
	struct dwarf_abbrevs sizes = {0};
	uint64_t header_size = 0;
	struct cursor header;

	if (!cursor_u16(c, &version) || version < 2 || version > 5)
		return false;
	program->version = (uint8_t)version;
	program->address_size = unit->address_size;
	if (version >= 5 && (!cursor_u8(c, &program->address_size) || !cursor_u8(c, &ignored) ||
			     (program->address_size != 4 && program->address_size != 8)))
		return false;
	if (!cursor_copy(c, &header_size, offset_size) || !cursor_sub(c, header_size, &header) ||
	    !cursor_u8(&header, &program->minimum_length) ||
	    (version >= 4 && !cursor_u8(&header, &operations)) || !cursor_u8(&header, &ignored) ||
	    !cursor_copy(&header, &program->line_base, 1) ||
	    !cursor_u8(&header, &program->line_range) ||
	    !cursor_u8(&header, &program->opcode_base) || !program->line_range ||
	    !program->opcode_base ||
	    !cursor_copy(&header, program->operands + 1, program->opcode_base - 1u))
		return false;
	program->code = *c;
	if (version < 5)
		return read_tables_before_5(&header, files);
	/* Forms have the sizes of this table, which the assembler made, not of the unit. */
	sizes.version = (uint8_t)version;
	sizes.address_size = program->address_size;
	sizes.offset_size = offset_size;
	like_unit.abbrevs = &sizes;
	return read_tables_of_5(&like_unit, &header, files);
}

bool dwarf_read_files(const struct dwarf_unit *unit, struct dwarf_files *files,
		      struct dwarf_program *ret_program)
{
	struct cursor c = unit->dwarf->section[DWARF_LINE], rest;
	struct dwarf_program program = {0};
	uint8_t offset_size = 4;
	uint32_t length;
	uint64_t length64;

	dwarf_files_release(files);
	if (unit->line == DWARF_NO_LINE || !cursor_skip(&c, unit->line) || !cursor_u32(&c, &length))
		return false;
	length64 = length;
	if (length == UINT32_MAX) {
		offset_size = 8;
		if (!cursor_u64(&c, &length64))
			return false;
	}
	if (!cursor_sub(&c, length64, &rest) ||
	    !read_header(unit, &rest, offset_size, files, &program))
		return false;
	*ret_program = program;
	return true;
}

/* --- the machine --- */

struct machine {
	const struct dwarf_program *program;
	struct dwarf_row row;
	dwarf_row_fn on_row;
	void *context;
};

static void reset(struct machine *m)
{
	m->row = (struct dwarf_row){.file = 1, .line = 1};
}

static void advance(struct machine *m, uint64_t operations)
{
	m->row.vaddr += operations * m->program->minimum_length;
}

static bool run_special(struct machine *m, uint8_t opcode)
{
	unsigned int adjusted = opcode - m->program->opcode_base;

	advance(m, adjusted / m->program->line_range);
	m->row.line += (uint64_t)(int64_t)(m->program->line_base +
					   (int)(adjusted % m->program->line_range));
	return m->on_row(m->context, &m->row);
}

static bool run_extended(struct machine *m, struct cursor *c)
{
	struct cursor operands;
	uint64_t size, vaddr = 0;
	uint8_t opcode;
	bool goes_on;

	if (!cursor_uleb128(c, &size) || !cursor_sub(c, size, &operands))
		return false;
	if (!cursor_u8(&operands, &opcode))
		return true; /* empty: a no-op */
	switch (opcode) {
	case DW_LNE_end_sequence:
		m->row.is_end = true;
		goes_on = m->on_row(m->context, &m->row);
		reset(m);
		return goes_on;
	case DW_LNE_set_address:
		if (cursor_left(&operands) > 8 ||
		    !cursor_copy(&operands, &vaddr, cursor_left(&operands)))
			return false;
		m->row.vaddr = vaddr;
		return true;
	default:
		return true;
	}
}

static bool run_standard(struct machine *m, struct cursor *c, uint8_t opcode)
{
	uint64_t number;
	int64_t delta;
	uint16_t fixed;

	switch (opcode) {
	case DW_LNS_copy:
		return m->on_row(m->context, &m->row);
	case DW_LNS_advance_pc:
		if (!cursor_uleb128(c, &number))
			return false;
		advance(m, number);
		return true;
	case DW_LNS_advance_line:
		if (!dwarf_sleb128(c, &delta))
			return false;
		m->row.line += (uint64_t)delta;
		return true;
	case DW_LNS_set_file:
		return cursor_uleb128(c, &m->row.file);
	case DW_LNS_const_add_pc:
		advance(m, (255u - m->program->opcode_base) / m->program->line_range);
		return true;
	case DW_LNS_fixed_advance_pc:
		if (!cursor_u16(c, &fixed))
			return false;
		m->row.vaddr += fixed;
		return true;
	default: /* columns, statements, prologues, and what is not known yet */
		for (unsigned int i = 0; i < m->program->operands[opcode]; i++)
			if (!cursor_uleb128(c, &number))
				return false;
		return true;
	}
}

void dwarf_run_lines(const struct dwarf_program *program, dwarf_row_fn on_row, void *context)
{
	struct machine m = {.program = program, .on_row = on_row, .context = context};
	struct cursor c = program->code;
	bool goes_on = true;
	uint8_t opcode;

	reset(&m);
	while (goes_on && cursor_u8(&c, &opcode)) {
		if (opcode >= program->opcode_base)
			goes_on = run_special(&m, opcode);
		else if (!opcode)
			goes_on = run_extended(&m, &c);
		else
			goes_on = run_standard(&m, &c, opcode);
	}
}
