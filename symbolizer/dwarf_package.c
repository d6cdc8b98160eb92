/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/dwarf_package.h"

enum {
	COLUMNS_MAX = 16,
	PROBES_MAX = 4096, /* of one look-up: a full table is damage, and must not cost more */
};

/* A number of an array; the array has it. */
static uint32_t number_at(struct cursor array, uint64_t at)
{
	uint32_t number = 0;

	memcpy(&number, array.pos + at * sizeof(number), sizeof(number));
	return number;
}

static bool take_numbers(struct cursor *c, uint64_t count, struct cursor *ret_array)
{
	return cursor_sub(c, count * sizeof(uint32_t), ret_array);
}

/* The versions are in 4 bytes or in 2 with 2 of padding: the same bytes. */
bool dwarf_package_open(const struct dwarf *whole, struct dwarf_package *ret_package)
{
	struct cursor c = whole->section[DWARF_CU_INDEX];
	struct dwarf_package p = {.whole = whole};

	if (!cursor_u32(&c, &p.version) || (p.version != 2 && p.version != 5) ||
	    !cursor_u32(&c, &p.columns) || !cursor_u32(&c, &p.units) || !cursor_u32(&c, &p.slots))
		return false;
	if (!p.columns || p.columns > COLUMNS_MAX || !p.slots || (p.slots & (p.slots - 1)))
		return false;
	if (!cursor_sub(&c, (uint64_t)p.slots * sizeof(uint64_t), &p.ids) ||
	    !take_numbers(&c, p.slots, &p.rows) || !take_numbers(&c, p.columns, &p.names) ||
	    !take_numbers(&c, (uint64_t)p.units * p.columns, &p.offsets) ||
	    !take_numbers(&c, (uint64_t)p.units * p.columns, &p.sizes))
		return false;
	*ret_package = p;
	return true;
}

/* The row of a unit, counted from 1; 0 = it has none. */
static uint32_t find_row(const struct dwarf_package *package, uint64_t dwo_id)
{
	uint64_t mask = package->slots - 1, at = dwo_id & mask, step = (dwo_id >> 32 & mask) | 1;

	for (uint32_t probes = 0; probes < package->slots && probes < PROBES_MAX; probes++) {
		uint32_t row = number_at(package->rows, at);
		uint64_t id;

		if (!row)
			return 0;
		memcpy(&id, package->ids.pos + at * sizeof(id), sizeof(id));
		if (id == dwo_id)
			return row <= package->units ? row : 0;
		at = (at + step) & mask;
	}
	return 0;
}

/* DW_SECT_*: 2 was the types', 5 to 8 differ between the versions. */
static enum dwarf_section section_of(uint32_t version, uint32_t number)
{
	switch (number) {
	case 1:
		return DWARF_INFO;
	case 3:
		return DWARF_ABBREV;
	case 4:
		return DWARF_LINE;
	case 6:
		return DWARF_STR_OFFSETS;
	case 8:
		return version == 5 ? DWARF_RNGLISTS : DWARF_SECTIONS;
	default:
		return DWARF_SECTIONS;
	}
}

bool dwarf_package_find(const struct dwarf_package *package, uint64_t dwo_id,
			struct dwarf *ret_split)
{
	uint32_t row = find_row(package, dwo_id);
	struct dwarf split = {.is_split = true};
	uint64_t first = ((uint64_t)row - 1) * package->columns;

	if (!row)
		return false;
	for (size_t i = 0; i < DWARF_SECTIONS; i++)
		split.section[i] = cursor_of("", 0);
	split.section[DWARF_STR] = package->whole->section[DWARF_STR];
	for (uint32_t i = 0; i < package->columns; i++) {
		enum dwarf_section section =
			section_of(package->version, number_at(package->names, i));
		struct cursor c, part;

		if (section == DWARF_SECTIONS)
			continue;
		c = package->whole->section[section];
		if (!cursor_skip(&c, number_at(package->offsets, first + i)) ||
		    !cursor_sub(&c, number_at(package->sizes, first + i), &part))
			return false;
		split.section[section] = part;
	}
	*ret_split = split;
	return true;
}
