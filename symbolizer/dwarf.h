/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bounded reader of DWARF 2 to 5, in the parser child only: sections, units, abbreviations,
 * attributes, ranges and line programs. It follows no recursion, believes no offset and holds
 * nothing but pointers into the sections. What is damaged reads as "not there" (false), for a
 * damaged file still has sound parts.
 *
 *	info     units: header, then DIEs in the order of a walk of their tree; a DIE is the number
 *	         of an abbreviation and the values of its attributes
 *	abbrev   tables of abbreviations: tag, has children, attributes and their forms
 *	ranges, rnglists, addr, str, line_str, str_offsets    what attributes point to
 *	line     line programs
 */
#ifndef WICK_SYMBOLIZER_DWARF_H
#define WICK_SYMBOLIZER_DWARF_H

#include "base/cursor.h"
#include "base/hashmap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dwarf_section {
	DWARF_INFO,
	DWARF_ABBREV,
	DWARF_LINE,
	DWARF_STR,
	DWARF_LINE_STR,
	DWARF_RANGES,
	DWARF_RNGLISTS,
	DWARF_ADDR,
	DWARF_STR_OFFSETS,
	DWARF_CU_INDEX, /* of a package, see dwarf_package.h */
	DWARF_SECTIONS,
};

/* The attributes that are kept; all others are stepped over. */
enum dwarf_slot {
	SLOT_NONE,
	SLOT_NAME,
	SLOT_LINKAGE_NAME,
	SLOT_LOW_PC,
	SLOT_HIGH_PC,
	SLOT_RANGES,
	SLOT_ORIGIN,
	SLOT_SPECIFICATION,
	SLOT_CALL_FILE,
	SLOT_CALL_LINE,
	SLOT_STMT_LIST,
	SLOT_COMP_DIR,
	SLOT_LANGUAGE,
	SLOT_STR_OFFSETS_BASE,
	SLOT_ADDR_BASE,
	SLOT_RNGLISTS_BASE,
	SLOT_RANGES_BASE,
	SLOT_DWO_NAME,
	SLOT_DWO_ID,
	SLOTS,
};

struct dwarf_attribute {
	uint16_t form;
	uint8_t slot;
	int16_t size;	  /* of the value, bytes; -1: differs */
	int32_t implicit; /* the value, of DW_FORM_implicit_const */
};

struct dwarf_abbrev {
	uint64_t code;
	uint32_t first, count; /* in the table's attributes */
	int32_t size;	       /* of all values, bytes; -1: differs from DIE to DIE */
	uint16_t tag;
	bool has_children;
};

struct dwarf_abbrevs {
	uint64_t off;
	uint8_t version, address_size, offset_size; /* on which the sizes depend */
	struct dwarf_abbrev *abbrevs;
	size_t count, size;
	struct dwarf_attribute *attributes;
	size_t attribute_count, attributes_size;
	bool is_dense; /* code n stands at n - 1 */
};

struct dwarf_unit {
	struct dwarf *dwarf;
	/* Of a unit in a split file: the one in the program that stands for it, which has the
	 * addresses, the lines and, before DWARF 5, the ranges. NULL: it has them itself. */
	const struct dwarf_unit *skeleton;
	uint64_t start, end; /* in info */
	uint64_t first_die;
	const struct dwarf_abbrevs *abbrevs;
	uint8_t version, address_size, offset_size, type;
	uint64_t low_pc, str_offsets_base, addr_base, rnglists_base, ranges_base;
	uint64_t line; /* its program's offset; DWARF_NO_LINE = none */
	uint64_t dwo_id;
	const char *comp_dir; /* or NULL */
	const char *dwo_name; /* or NULL: it is not split. In the split file it may be there, too */
};

#define DWARF_NO_LINE UINT64_MAX

struct dwarf {
	struct cursor section[DWARF_SECTIONS]; /* empty where the file has none */
	void *owned[DWARF_SECTIONS];	       /* inflated here, or NULL */
	const struct dwarf *alt;	       /* .gnu_debugaltlink's file, or NULL */
	struct dwarf_unit *units;	       /* by start */
	size_t unit_count, units_size;
	struct dwarf_abbrevs **tables;
	size_t table_count, tables_size;
	struct hashmap table_index;
	bool is_split;	 /* sections are named .debug_*.dwo */
	bool is_damaged; /* a unit could not be read; those before it stand */
};

struct dwarf_value {
	uint64_t number;
	const uint8_t *bytes; /* DW_FORM_string */
	uint16_t form;
};

struct dwarf_die {
	uint64_t off; /* in info */
	const struct dwarf_abbrev *abbrev;
	uint32_t have; /* bit n: slot n has a value */
	struct dwarf_value value[SLOTS];
};

struct dwarf_range {
	uint64_t start, end;
};

struct dwarf_ranges {
	struct dwarf_range *range;
	size_t count, size;
};

void dwarf_release(struct dwarf *dwarf);

/* Reads the headers and first DIEs of all units. 0 or -ENOMEM. */
int dwarf_read_units(struct dwarf *dwarf);

/* True: the DIEs of this unit of a program are in a split file. */
static inline bool dwarf_is_skeleton(const struct dwarf_unit *unit)
{
	return unit->dwo_name && !unit->dwarf->is_split;
}

/* The unit of a split file that this one stands for, ready to be read with its help; or NULL. */
const struct dwarf_unit *dwarf_split_unit(struct dwarf *split, const struct dwarf_unit *skeleton);

/* The unit that holds an offset of info, or NULL. */
const struct dwarf_unit *dwarf_unit_at(const struct dwarf *dwarf, uint64_t off);

/* The DIE at the cursor, which is moved behind its values; abbrev NULL ends a list of children. */
bool dwarf_next_die(const struct dwarf_unit *unit, struct cursor *at,
		    const struct dwarf_abbrev **ret_abbrev);
bool dwarf_skip_die(const struct dwarf_unit *unit, struct cursor *at,
		    const struct dwarf_abbrev *abbrev);
bool dwarf_read_die(const struct dwarf_unit *unit, struct cursor *at,
		    const struct dwarf_abbrev *abbrev, struct dwarf_die *ret_die);
/* The DIE at an offset of info, whatever is before it. */
bool dwarf_die_at(const struct dwarf_unit *unit, uint64_t off, struct dwarf_die *ret_die);

/* Signed LEB128. */
bool dwarf_sleb128(struct cursor *at, int64_t *ret_number);

/* One value, by its form alone. */
bool dwarf_read_form(const struct dwarf_unit *unit, struct cursor *at, uint16_t form,
		     struct dwarf_value *ret_value);

static inline bool dwarf_has(const struct dwarf_die *die, enum dwarf_slot slot)
{
	return die->have >> slot & 1;
}

/* NULL: the DIE has no such attribute or it is damaged. */
const char *dwarf_string(const struct dwarf_unit *unit, const struct dwarf_die *die,
			 enum dwarf_slot slot);
bool dwarf_address(const struct dwarf_unit *unit, const struct dwarf_die *die, enum dwarf_slot slot,
		   uint64_t *ret_address);
/* Where a reference leads: a unit (of this file or of the alt file) and an offset in its info. */
bool dwarf_reference(const struct dwarf_unit *unit, const struct dwarf_die *die,
		     enum dwarf_slot slot, const struct dwarf_unit **ret_unit, uint64_t *ret_off);

/* Appends the code ranges of a DIE, as they stand. 0 or -ENOMEM. */
int dwarf_die_ranges(const struct dwarf_unit *unit, const struct dwarf_die *die,
		     struct dwarf_ranges *ranges);

/* --- lines (dwarf_lines.c) --- */

struct dwarf_file {
	const char *directory; /* or NULL */
	const char *name;
};

/* The files that a line program names, by the numbers that DIEs and rows use for them. */
struct dwarf_files {
	struct dwarf_file *file;
	size_t count, size;
	const char **directories;
	size_t directory_count, directories_size;
};

struct dwarf_row {
	uint64_t vaddr;
	uint64_t file, line;
	bool is_end; /* of a sequence: vaddr is the first byte behind it */
};

/* False ends the program. */
typedef bool (*dwarf_row_fn)(void *context, const struct dwarf_row *row);

void dwarf_files_release(struct dwarf_files *files);

/* Reads the header of the unit's line program into files (released first); *ret_program is what
 * dwarf_run_lines() takes. False: the unit has none or it is damaged. */
struct dwarf_program {
	struct cursor code;
	uint8_t version, address_size, minimum_length, opcode_base, line_range;
	int8_t line_base;
	uint8_t operands[256]; /* by standard opcode */
};

bool dwarf_read_files(const struct dwarf_unit *unit, struct dwarf_files *files,
		      struct dwarf_program *ret_program);
void dwarf_run_lines(const struct dwarf_program *program, dwarf_row_fn on_row, void *context);

#endif
