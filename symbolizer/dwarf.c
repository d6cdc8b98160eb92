/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/dwarf.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	STRING_MAX = 64 << 10, /* of a name; longer ones are damage */
	ATTRIBUTES_MAX = 512,  /* of one abbreviation */
};

void dwarf_release(struct dwarf *dwarf)
{
	for (size_t i = 0; i < DWARF_SECTIONS; i++)
		free(dwarf->owned[i]);
	for (size_t i = 0; i < dwarf->table_count; i++) {
		free(dwarf->tables[i]->abbrevs);
		free(dwarf->tables[i]->attributes);
		free(dwarf->tables[i]);
	}
	free(dwarf->tables);
	hashmap_release(&dwarf->table_index);
	free(dwarf->units);
	*dwarf = (struct dwarf){0};
}

static struct cursor section_from(const struct dwarf *dwarf, enum dwarf_section section,
				  uint64_t off)
{
	struct cursor c = dwarf->section[section];

	if (!cursor_skip(&c, off))
		c.pos = c.end;
	return c;
}

/* An unsigned number of 1 to 8 bytes. */
static bool read_sized(struct cursor *c, unsigned int size, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (!cursor_copy(c, &number, size))
		return false;
	*ret_number = number;
	return true;
}

/* Signed or unsigned, as long as it takes: for stepping over. */
static bool skip_leb128(struct cursor *c)
{
	while (c->pos < c->end)
		if (!(*c->pos++ & 0x80))
			return true;
	return false;
}

/* --- abbreviations --- */

static const uint8_t slot_of_attribute[256] = {
	[DW_AT_name] = SLOT_NAME,
	[DW_AT_linkage_name] = SLOT_LINKAGE_NAME,
	[DW_AT_low_pc] = SLOT_LOW_PC,
	[DW_AT_high_pc] = SLOT_HIGH_PC,
	[DW_AT_ranges] = SLOT_RANGES,
	[DW_AT_abstract_origin] = SLOT_ORIGIN,
	[DW_AT_specification] = SLOT_SPECIFICATION,
	[DW_AT_call_file] = SLOT_CALL_FILE,
	[DW_AT_call_line] = SLOT_CALL_LINE,
	[DW_AT_stmt_list] = SLOT_STMT_LIST,
	[DW_AT_comp_dir] = SLOT_COMP_DIR,
	[DW_AT_language] = SLOT_LANGUAGE,
	[DW_AT_str_offsets_base] = SLOT_STR_OFFSETS_BASE,
	[DW_AT_addr_base] = SLOT_ADDR_BASE,
	[DW_AT_rnglists_base] = SLOT_RNGLISTS_BASE,
	[DW_AT_dwo_name] = SLOT_DWO_NAME,
};

static uint8_t slot_of(uint64_t attribute)
{
	switch (attribute) {
	case DW_AT_MIPS_linkage_name:
		return SLOT_LINKAGE_NAME;
	case DW_AT_GNU_dwo_name:
		return SLOT_DWO_NAME;
	case DW_AT_GNU_dwo_id:
		return SLOT_DWO_ID;
	case DW_AT_GNU_addr_base:
		return SLOT_ADDR_BASE;
	case DW_AT_GNU_ranges_base:
		return SLOT_RANGES_BASE;
	default:
		return attribute < 256 ? slot_of_attribute[attribute] : SLOT_NONE;
	}
}

/* Bytes of a value, or -1 where they differ. DWARF 2 had addresses in DW_FORM_ref_addr. */
static int form_size(const struct dwarf_abbrevs *table, uint16_t form)
{
	switch (form) {
	case DW_FORM_flag_present:
	case DW_FORM_implicit_const:
		return 0;
	case DW_FORM_data1:
	case DW_FORM_ref1:
	case DW_FORM_flag:
	case DW_FORM_strx1:
	case DW_FORM_addrx1:
		return 1;
	case DW_FORM_data2:
	case DW_FORM_ref2:
	case DW_FORM_strx2:
	case DW_FORM_addrx2:
		return 2;
	case DW_FORM_strx3:
	case DW_FORM_addrx3:
		return 3;
	case DW_FORM_data4:
	case DW_FORM_ref4:
	case DW_FORM_ref_sup4:
	case DW_FORM_strx4:
	case DW_FORM_addrx4:
		return 4;
	case DW_FORM_data8:
	case DW_FORM_ref8:
	case DW_FORM_ref_sig8:
	case DW_FORM_ref_sup8:
		return 8;
	case DW_FORM_data16:
		return 16;
	case DW_FORM_addr:
		return table->address_size;
	case DW_FORM_ref_addr:
		return table->version == 2 ? table->address_size : table->offset_size;
	case DW_FORM_strp:
	case DW_FORM_line_strp:
	case DW_FORM_strp_sup:
	case DW_FORM_sec_offset:
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_GNU_strp_alt:
		return table->offset_size;
	default:
		return -1;
	}
}

bool dwarf_sleb128(struct cursor *c, int64_t *ret_number)
{
	uint64_t number = 0;
	unsigned int shift = 0;

	while (c->pos < c->end && shift < 70) {
		uint8_t byte = *c->pos++;

		if (shift < 64)
			number |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
		if (byte & 0x80)
			continue;
		if (shift < 64 && (byte & 0x40))
			number |= ~0ULL << shift;
		*ret_number = (int64_t)number;
		return true;
	}
	return false;
}

/* Names and forms up to a pair of zeros. */
static int read_attributes(struct dwarf_abbrevs *table, struct cursor *c,
			   struct dwarf_abbrev *abbrev)
{
	abbrev->first = (uint32_t)table->attribute_count;
	abbrev->size = 0;
	for (;;) {
		struct dwarf_attribute attribute = {0};
		uint64_t name, form;
		int64_t implicit = 0;
		int size;

		if (!cursor_uleb128(c, &name) || !cursor_uleb128(c, &form))
			return -EBADMSG;
		if (!name && !form)
			return 0;
		if (form == DW_FORM_implicit_const && !dwarf_sleb128(c, &implicit))
			return -EBADMSG;
		if (form > UINT16_MAX || abbrev->count >= ATTRIBUTES_MAX)
			return -EBADMSG;
		attribute.form = (uint16_t)form;
		attribute.slot = slot_of(name);
		if (implicit >= INT32_MIN && implicit <= INT32_MAX)
			attribute.implicit = (int32_t)implicit;
		attribute.size = (int16_t)form_size(table, attribute.form);
		size = attribute.size;
		abbrev->size = size < 0 || abbrev->size < 0 ? -1 : abbrev->size + size;
		if (table->attribute_count >= UINT32_MAX ||
		    array_reserve(&table->attributes, &table->attributes_size,
				  table->attribute_count + 1))
			return -ENOMEM;
		table->attributes[table->attribute_count++] = attribute;
		abbrev->count++;
	}
}

/* Stops where it is damaged: the abbreviations before that still serve. */
static int read_abbrevs(struct dwarf_abbrevs *table, struct cursor c)
{
	int err = 0;

	table->is_dense = true;
	for (;;) {
		struct dwarf_abbrev abbrev = {0};
		uint64_t tag;
		uint8_t has_children;

		if (!cursor_uleb128(&c, &abbrev.code) || !abbrev.code ||
		    !cursor_uleb128(&c, &tag) || !cursor_u8(&c, &has_children))
			return 0;
		abbrev.tag = tag <= UINT16_MAX ? (uint16_t)tag : 0;
		abbrev.has_children = has_children;
		err = read_attributes(table, &c, &abbrev);
		if (err)
			return err == -EBADMSG ? 0 : err;
		if (array_reserve(&table->abbrevs, &table->size, table->count + 1))
			return -ENOMEM;
		table->abbrevs[table->count++] = abbrev;
		table->is_dense &= abbrev.code == table->count;
	}
}

static bool table_equal(const void *tables, uint32_t position, const void *key)
{
	const struct dwarf_abbrevs *have = ((struct dwarf_abbrevs *const *)tables)[position];
	const struct dwarf_abbrevs *want = key;

	return have->off == want->off && have->version == want->version &&
	       have->address_size == want->address_size && have->offset_size == want->offset_size;
}

static int find_abbrevs(struct dwarf *dwarf, const struct dwarf_abbrevs *key,
			const struct dwarf_abbrevs **ret_table)
{
	uint64_t hash = hash_mix(key->off, key->version);
	uint32_t at = hashmap_find(&dwarf->table_index, hash, table_equal, dwarf->tables, key);
	struct dwarf_abbrevs *table;
	int err;

	if (at != HASHMAP_NONE) {
		*ret_table = dwarf->tables[at];
		return 0;
	}
	if (array_reserve(&dwarf->tables, &dwarf->tables_size, dwarf->table_count + 1))
		return -ENOMEM;
	table = malloc(sizeof(*table));
	if (!table)
		return -ENOMEM;
	*table = *key;
	dwarf->tables[dwarf->table_count] = table;
	err = hashmap_add(&dwarf->table_index, hash, (uint32_t)dwarf->table_count++);
	if (!err)
		err = read_abbrevs(table, section_from(dwarf, DWARF_ABBREV, key->off));
	*ret_table = table;
	return err;
}

static const struct dwarf_abbrev *find_abbrev(const struct dwarf_abbrevs *table, uint64_t code)
{
	if (table->is_dense)
		return code <= table->count ? &table->abbrevs[code - 1] : NULL;
	for (size_t i = 0; i < table->count; i++)
		if (table->abbrevs[i].code == code)
			return &table->abbrevs[i];
	return NULL;
}

/* --- values --- */

static bool skip_block(struct cursor *c, unsigned int size_size)
{
	uint64_t size;

	if (size_size ? !read_sized(c, size_size, &size) : !cursor_uleb128(c, &size))
		return false;
	return cursor_skip(c, size);
}

/* Reads a value that is a number, an offset or a string; steps over the others. */
static bool read_value(const struct dwarf_unit *unit, struct cursor *c, uint16_t form, int size,
		       int32_t implicit, struct dwarf_value *ret_value)
{
	uint64_t indirect;
	const char *string;
	int64_t number;

	ret_value->form = form;
	if (form == DW_FORM_implicit_const) {
		ret_value->number = (uint64_t)(int64_t)implicit;
		return true;
	}
	if (size >= 0 && size <= 8) {
		ret_value->number = 0;
		return cursor_copy(c, &ret_value->number, (size_t)size);
	}
	switch (form) {
	case DW_FORM_data16:
		return cursor_skip(c, 16);
	case DW_FORM_string:
		if (!cursor_cstr(c, &string))
			return false;
		ret_value->bytes = (const uint8_t *)string;
		return true;
	case DW_FORM_udata:
	case DW_FORM_ref_udata:
	case DW_FORM_strx:
	case DW_FORM_addrx:
	case DW_FORM_rnglistx:
	case DW_FORM_loclistx:
	case DW_FORM_GNU_addr_index:
	case DW_FORM_GNU_str_index:
		return cursor_uleb128(c, &ret_value->number);
	case DW_FORM_sdata:
		if (!dwarf_sleb128(c, &number))
			return false;
		ret_value->number = (uint64_t)number;
		return true;
	case DW_FORM_block:
	case DW_FORM_exprloc:
		return skip_block(c, 0);
	case DW_FORM_block1:
		return skip_block(c, 1);
	case DW_FORM_block2:
		return skip_block(c, 2);
	case DW_FORM_block4:
		return skip_block(c, 4);
	case DW_FORM_indirect:
		return cursor_uleb128(c, &indirect) && indirect != DW_FORM_indirect &&
		       indirect != DW_FORM_implicit_const && indirect <= UINT16_MAX &&
		       read_value(unit, c, (uint16_t)indirect,
				  form_size(unit->abbrevs, (uint16_t)indirect), 0, ret_value);
	default:
		return false;
	}
}

bool dwarf_read_form(const struct dwarf_unit *unit, struct cursor *at, uint16_t form,
		     struct dwarf_value *ret_value)
{
	return read_value(unit, at, form, form_size(unit->abbrevs, form), 0, ret_value);
}

bool dwarf_next_die(const struct dwarf_unit *unit, struct cursor *at,
		    const struct dwarf_abbrev **ret_abbrev)
{
	const struct dwarf_abbrev *abbrev = NULL;
	uint64_t code;

	if (!cursor_uleb128(at, &code))
		return false;
	if (code) {
		abbrev = find_abbrev(unit->abbrevs, code);
		if (!abbrev)
			return false;
	}
	*ret_abbrev = abbrev;
	return true;
}

/* NULL: no abbreviation of the table has any. */
static const struct dwarf_attribute *attributes_of(const struct dwarf_unit *unit,
						   const struct dwarf_abbrev *abbrev)
{
	return abbrev->count ? unit->abbrevs->attributes + abbrev->first : NULL;
}

bool dwarf_skip_die(const struct dwarf_unit *unit, struct cursor *at,
		    const struct dwarf_abbrev *abbrev)
{
	const struct dwarf_attribute *attribute = attributes_of(unit, abbrev);
	struct dwarf_value value;

	if (abbrev->size >= 0)
		return cursor_skip(at, (uint64_t)abbrev->size);
	for (uint32_t i = 0; i < abbrev->count; i++) {
		int size = attribute[i].size;

		if (size >= 0 ? !cursor_skip(at, (uint64_t)size)
		    : attribute[i].form == DW_FORM_sdata || attribute[i].form == DW_FORM_udata
			    ? !skip_leb128(at)
			    : !read_value(unit, at, attribute[i].form, size, 0, &value))
			return false;
	}
	return true;
}

bool dwarf_read_die(const struct dwarf_unit *unit, struct cursor *at,
		    const struct dwarf_abbrev *abbrev, struct dwarf_die *ret_die)
{
	const struct dwarf_attribute *attribute = attributes_of(unit, abbrev);

	ret_die->abbrev = abbrev;
	ret_die->have = 0;
	for (uint32_t i = 0; i < abbrev->count; i++) {
		uint8_t slot = attribute[i].slot;

		if (!read_value(unit, at, attribute[i].form, attribute[i].size,
				attribute[i].implicit, &ret_die->value[slot]))
			return false;
		ret_die->have |= 1U << slot;
	}
	ret_die->have &= ~(1U << SLOT_NONE);
	return true;
}

bool dwarf_die_at(const struct dwarf_unit *unit, uint64_t off, struct dwarf_die *ret_die)
{
	struct cursor at = unit->dwarf->section[DWARF_INFO];
	const struct dwarf_abbrev *abbrev;

	if (off < unit->first_die || off >= unit->end)
		return false;
	at = cursor_of(at.pos + off, unit->end - off);
	ret_die->off = off;
	return dwarf_next_die(unit, &at, &abbrev) && abbrev &&
	       dwarf_read_die(unit, &at, abbrev, ret_die);
}

/* A string that ends inside its section. */
static const char *string_at(const struct dwarf *dwarf, enum dwarf_section section, uint64_t off)
{
	struct cursor c = section_from(dwarf, section, off);
	size_t most = cursor_left(&c) < STRING_MAX ? cursor_left(&c) : STRING_MAX;

	return most && memchr(c.pos, 0, most) ? (const char *)c.pos : NULL;
}

static const char *indexed_string(const struct dwarf_unit *unit, uint64_t index)
{
	uint64_t off;
	struct cursor c;

	if (index > UINT32_MAX)
		return NULL;
	c = section_from(unit->dwarf, DWARF_STR_OFFSETS, unit->str_offsets_base);
	if (!cursor_skip(&c, index * unit->offset_size) || !read_sized(&c, unit->offset_size, &off))
		return NULL;
	return string_at(unit->dwarf, DWARF_STR, off);
}

const char *dwarf_string(const struct dwarf_unit *unit, const struct dwarf_die *die,
			 enum dwarf_slot slot)
{
	const struct dwarf_value *value = &die->value[slot];

	if (!dwarf_has(die, slot))
		return NULL;
	switch (value->form) {
	case DW_FORM_string:
		return (const char *)value->bytes;
	case DW_FORM_strp:
		return string_at(unit->dwarf, DWARF_STR, value->number);
	case DW_FORM_line_strp:
		return string_at(unit->dwarf, DWARF_LINE_STR, value->number);
	case DW_FORM_strp_sup:
	case DW_FORM_GNU_strp_alt:
		return unit->dwarf->alt ? string_at(unit->dwarf->alt, DWARF_STR, value->number)
					: NULL;
	case DW_FORM_strx:
	case DW_FORM_strx1:
	case DW_FORM_strx2:
	case DW_FORM_strx3:
	case DW_FORM_strx4:
	case DW_FORM_GNU_str_index:
		return indexed_string(unit, value->number);
	default:
		return NULL;
	}
}

/* The unit that is in the program itself. */
static const struct dwarf_unit *holder_of(const struct dwarf_unit *unit)
{
	return unit->skeleton ? unit->skeleton : unit;
}

static bool indexed_address(const struct dwarf_unit *unit, uint64_t index, uint64_t *ret_address)
{
	const struct dwarf_unit *holder = holder_of(unit);
	struct cursor c = section_from(holder->dwarf, DWARF_ADDR, holder->addr_base);

	return index <= UINT32_MAX && cursor_skip(&c, index * unit->address_size) &&
	       read_sized(&c, unit->address_size, ret_address);
}

bool dwarf_address(const struct dwarf_unit *unit, const struct dwarf_die *die, enum dwarf_slot slot,
		   uint64_t *ret_address)
{
	const struct dwarf_value *value = &die->value[slot];

	if (!dwarf_has(die, slot))
		return false;
	switch (value->form) {
	case DW_FORM_addr:
		*ret_address = value->number;
		return true;
	case DW_FORM_addrx:
	case DW_FORM_addrx1:
	case DW_FORM_addrx2:
	case DW_FORM_addrx3:
	case DW_FORM_addrx4:
	case DW_FORM_GNU_addr_index:
		return indexed_address(unit, value->number, ret_address);
	default:
		return false;
	}
}

bool dwarf_reference(const struct dwarf_unit *unit, const struct dwarf_die *die,
		     enum dwarf_slot slot, const struct dwarf_unit **ret_unit, uint64_t *ret_off)
{
	const struct dwarf_value *value = &die->value[slot];
	const struct dwarf *dwarf = unit->dwarf;
	uint64_t off = value->number;

	if (!dwarf_has(die, slot))
		return false;
	switch (value->form) {
	case DW_FORM_ref1:
	case DW_FORM_ref2:
	case DW_FORM_ref4:
	case DW_FORM_ref8:
	case DW_FORM_ref_udata:
		if (off >= unit->end - unit->start)
			return false;
		*ret_off = unit->start + off;
		*ret_unit = unit;
		return true;
	case DW_FORM_ref_addr:
		break;
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_ref_sup4:
	case DW_FORM_ref_sup8:
		dwarf = dwarf->alt;
		break;
	default:
		return false;
	}
	unit = dwarf ? dwarf_unit_at(dwarf, off) : NULL;
	if (!unit)
		return false;
	*ret_unit = unit;
	*ret_off = off;
	return true;
}

/* --- units --- */

const struct dwarf_unit *dwarf_unit_at(const struct dwarf *dwarf, uint64_t off)
{
	size_t low = 0, high = dwarf->unit_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (dwarf->units[middle].start <= off)
			low = middle + 1;
		else
			high = middle;
	}
	return low && off < dwarf->units[low - 1].end ? &dwarf->units[low - 1] : NULL;
}

/* The initial length: 4 bytes, or 12 in the 64-bit format. */
static bool read_length(struct cursor *c, uint8_t *ret_offset_size, struct cursor *ret_rest)
{
	uint32_t length;
	uint64_t length64;

	if (!cursor_u32(c, &length))
		return false;
	*ret_offset_size = 4;
	length64 = length;
	if (length == UINT32_MAX) {
		if (!cursor_u64(c, &length64))
			return false;
		*ret_offset_size = 8;
	}
	return cursor_sub(c, length64, ret_rest);
}

/* DWARF 5, section 7.5.1; before that no type, and the address size behind the abbreviations. */
static bool read_unit_header(struct cursor *c, struct dwarf_unit *unit, uint64_t *ret_abbrevs)
{
	uint16_t version;

	if (!cursor_u16(c, &version) || version < 2 || version > 5)
		return false;
	unit->version = (uint8_t)version;
	unit->type = DW_UT_compile;
	if (version >= 5 && (!cursor_u8(c, &unit->type) || !cursor_u8(c, &unit->address_size)))
		return false;
	if (!read_sized(c, unit->offset_size, ret_abbrevs))
		return false;
	if (version < 5 && !cursor_u8(c, &unit->address_size))
		return false;
	if (unit->address_size != 4 && unit->address_size != 8)
		return false;
	if (unit->type == DW_UT_skeleton || unit->type == DW_UT_split_compile)
		return cursor_u64(c, &unit->dwo_id);
	if (unit->type == DW_UT_type || unit->type == DW_UT_split_type)
		return cursor_skip(c, 8u + unit->offset_size);
	return true;
}

static void section_offset(const struct dwarf_die *die, enum dwarf_slot slot, uint64_t *offset)
{
	if (dwarf_has(die, slot))
		*offset = die->value[slot].number;
}

/* The first DIE says where the unit's parts of the other sections begin. Without bases (as in split
 * files) a part begins behind the header of its section. */
static void read_unit_die(struct dwarf_unit *unit, struct cursor at)
{
	bool is_5 = unit->version >= 5;
	const struct dwarf_abbrev *abbrev;
	struct dwarf_die die;

	unit->str_offsets_base = is_5 ? (unit->offset_size == 8 ? 16 : 8) : 0;
	unit->rnglists_base = unit->offset_size == 8 ? 20 : 12;
	unit->line = DWARF_NO_LINE;
	if (!dwarf_next_die(unit, &at, &abbrev) || !abbrev ||
	    !dwarf_read_die(unit, &at, abbrev, &die))
		return;
	section_offset(&die, SLOT_STR_OFFSETS_BASE, &unit->str_offsets_base);
	section_offset(&die, SLOT_ADDR_BASE, &unit->addr_base);
	section_offset(&die, SLOT_RNGLISTS_BASE, &unit->rnglists_base);
	section_offset(&die, SLOT_RANGES_BASE, &unit->ranges_base);
	section_offset(&die, SLOT_STMT_LIST, &unit->line);
	section_offset(&die, SLOT_DWO_ID, &unit->dwo_id);
	unit->comp_dir = dwarf_string(unit, &die, SLOT_COMP_DIR);
	unit->dwo_name = dwarf_string(unit, &die, SLOT_DWO_NAME);
	dwarf_address(unit, &die, SLOT_LOW_PC, &unit->low_pc);
}

static int read_unit(struct dwarf *dwarf, struct cursor *c)
{
	const uint8_t *info = dwarf->section[DWARF_INFO].pos;
	struct dwarf_unit unit = {.dwarf = dwarf, .start = (uint64_t)(c->pos - info)};
	struct dwarf_abbrevs key = {0};
	struct cursor rest;
	int err;

	if (!read_length(c, &unit.offset_size, &rest) || !cursor_left(&rest)) {
		c->pos = c->end; /* a length of 0: zeros to the end */
		dwarf->is_damaged = true;
		return 0;
	}
	unit.end = (uint64_t)(rest.end - info);
	if (!read_unit_header(&rest, &unit, &key.off)) {
		dwarf->is_damaged = true;
		return 0;
	}
	unit.first_die = (uint64_t)(rest.pos - info);
	key.version = unit.version;
	key.address_size = unit.address_size;
	key.offset_size = unit.offset_size;
	err = find_abbrevs(dwarf, &key, &unit.abbrevs);
	if (!err)
		err = array_reserve(&dwarf->units, &dwarf->units_size, dwarf->unit_count + 1);
	if (err)
		return err;
	read_unit_die(&unit, rest);
	dwarf->units[dwarf->unit_count++] = unit;
	return 0;
}

int dwarf_read_units(struct dwarf *dwarf)
{
	struct cursor c = dwarf->section[DWARF_INFO];
	int err = 0;

	while (!err && cursor_left(&c))
		err = read_unit(dwarf, &c);
	return err;
}

const struct dwarf_unit *dwarf_split_unit(struct dwarf *split, const struct dwarf_unit *skeleton)
{
	for (size_t i = 0; skeleton->dwo_id && i < split->unit_count; i++) {
		struct dwarf_unit *unit = &split->units[i];

		if (unit->type == DW_UT_split_type || unit->dwo_id != skeleton->dwo_id ||
		    unit->address_size != skeleton->address_size)
			continue;
		unit->skeleton = skeleton;
		unit->low_pc = skeleton->low_pc;
		return unit;
	}
	return NULL;
}

/* --- ranges --- */

static int add_range(struct dwarf_ranges *ranges, uint64_t start, uint64_t end)
{
	if (start >= end)
		return 0;
	if (array_reserve(&ranges->range, &ranges->size, ranges->count + 1))
		return -ENOMEM;
	ranges->range[ranges->count++] = (struct dwarf_range){start, end};
	return 0;
}

/* .debug_ranges: pairs of addresses; (-1, x) sets the base, (0, 0) ends. DWARF 4, 2.17.3. It is the
 * offsets of a split file that count from DW_AT_GNU_ranges_base, not the skeleton's own. */
static int ranges_before_5(const struct dwarf_unit *unit, uint64_t off, struct dwarf_ranges *ranges)
{
	uint64_t part = unit->skeleton ? unit->skeleton->ranges_base : 0;
	struct cursor c = section_from(holder_of(unit)->dwarf, DWARF_RANGES, part + off);
	uint64_t base = unit->low_pc, start, end;
	uint64_t last = unit->address_size == 8 ? UINT64_MAX : UINT32_MAX;
	int err = 0;

	while (!err && read_sized(&c, unit->address_size, &start) &&
	       read_sized(&c, unit->address_size, &end) && (start || end)) {
		if (start == last)
			base = end;
		else
			err = add_range(ranges, base + start, base + end);
	}
	return err;
}

/* DWARF 5, 7.25. */
static int ranges_of_5(const struct dwarf_unit *unit, struct cursor c, struct dwarf_ranges *ranges)
{
	uint64_t base = unit->low_pc, a = 0, b = 0;
	unsigned int size = unit->address_size;
	uint8_t kind;
	int err = 0;

	while (!err && cursor_u8(&c, &kind) && kind != DW_RLE_end_of_list) {
		bool is_read = false;

		switch (kind) {
		case DW_RLE_base_addressx:
			is_read = cursor_uleb128(&c, &a) && indexed_address(unit, a, &base);
			break;
		case DW_RLE_startx_endx:
			is_read = cursor_uleb128(&c, &a) && cursor_uleb128(&c, &b) &&
				  indexed_address(unit, a, &a) && indexed_address(unit, b, &b);
			break;
		case DW_RLE_startx_length:
			is_read = cursor_uleb128(&c, &a) && cursor_uleb128(&c, &b) &&
				  indexed_address(unit, a, &a);
			b += a;
			break;
		case DW_RLE_offset_pair:
			is_read = cursor_uleb128(&c, &a) && cursor_uleb128(&c, &b);
			a += base;
			b += base;
			break;
		case DW_RLE_base_address:
			is_read = read_sized(&c, size, &base);
			break;
		case DW_RLE_start_end:
			is_read = read_sized(&c, size, &a) && read_sized(&c, size, &b);
			break;
		case DW_RLE_start_length:
			is_read = read_sized(&c, size, &a) && cursor_uleb128(&c, &b);
			b += a;
			break;
		}
		if (!is_read)
			return 0;
		if (kind != DW_RLE_base_addressx && kind != DW_RLE_base_address)
			err = add_range(ranges, a, b);
	}
	return err;
}

static int range_list(const struct dwarf_unit *unit, const struct dwarf_value *value,
		      struct dwarf_ranges *ranges)
{
	uint64_t off = value->number, entry;
	struct cursor c;

	if (unit->version < 5)
		return ranges_before_5(unit, off, ranges);
	if (value->form == DW_FORM_rnglistx) {
		c = section_from(unit->dwarf, DWARF_RNGLISTS, unit->rnglists_base);
		if (off > UINT32_MAX || !cursor_skip(&c, off * unit->offset_size) ||
		    !read_sized(&c, unit->offset_size, &entry))
			return 0;
		off = unit->rnglists_base + entry;
	}
	return ranges_of_5(unit, section_from(unit->dwarf, DWARF_RNGLISTS, off), ranges);
}

int dwarf_die_ranges(const struct dwarf_unit *unit, const struct dwarf_die *die,
		     struct dwarf_ranges *ranges)
{
	uint64_t low, high;

	if (dwarf_has(die, SLOT_RANGES))
		return range_list(unit, &die->value[SLOT_RANGES], ranges);
	if (!dwarf_address(unit, die, SLOT_LOW_PC, &low) || !dwarf_has(die, SLOT_HIGH_PC))
		return 0;
	if (!dwarf_address(unit, die, SLOT_HIGH_PC, &high)) /* a length, since DWARF 4 */
		high = low + die->value[SLOT_HIGH_PC].number;
	return add_range(ranges, low, high);
}
