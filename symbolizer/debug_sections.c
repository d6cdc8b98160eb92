/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/debug_sections.h"

#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { INFLATED_MAX = 1 << 30 }; /* bytes of all sections of a file */

#ifndef ELFCOMPRESS_ZSTD
#define ELFCOMPRESS_ZSTD 2
#endif

static const char *const section_names[DWARF_SECTIONS] = {
	[DWARF_INFO] = "info",
	[DWARF_ABBREV] = "abbrev",
	[DWARF_LINE] = "line",
	[DWARF_STR] = "str",
	[DWARF_LINE_STR] = "line_str",
	[DWARF_RANGES] = "ranges",
	[DWARF_RNGLISTS] = "rnglists",
	[DWARF_ADDR] = "addr",
	[DWARF_STR_OFFSETS] = "str_offsets",
	[DWARF_CU_INDEX] = "cu_index",
};

/* Is name ".debug_<section>" or ".zdebug_<section>"? In a split file all but the index have ".dwo"
 * behind. */
static bool is_name(const char *name, enum dwarf_section section, bool is_split, bool *ret_is_z)
{
	const char *wanted = section_names[section];
	bool has_suffix = is_split && section != DWARF_CU_INDEX;
	size_t length = strlen(wanted);

	*ret_is_z = !strncmp(name, ".zdebug_", 8);
	if (!*ret_is_z && strncmp(name, ".debug_", 7) != 0)
		return false;
	name += *ret_is_z ? 8 : 7;
	return !strncmp(name, wanted, length) && !strcmp(name + length, has_suffix ? ".dwo" : "");
}

static bool inflate_to(struct cursor packed, uint32_t type, void *to, size_t size)
{
	uLongf done = size;

	if (type == ELFCOMPRESS_ZSTD)
		return ZSTD_decompress(to, size, packed.pos, cursor_left(&packed)) == size;
	return uncompress(to, &done, packed.pos, cursor_left(&packed)) == Z_OK && done == size;
}

/* Elf32_Chdr, Elf64_Chdr. */
static bool read_chdr(struct cursor *c, bool is_64, uint32_t *ret_type, uint64_t *ret_size)
{
	uint32_t size;
	uint64_t ignored;

	if (!cursor_u32(c, ret_type))
		return false;
	if (is_64)
		return cursor_skip(c, 4) && cursor_u64(c, ret_size) && cursor_u64(c, &ignored);
	if (!cursor_u32(c, &size) || !cursor_skip(c, 4))
		return false;
	*ret_size = size;
	return true;
}

/* "ZLIB" and the size, big endian. */
static bool read_z_header(struct cursor *c, uint64_t *ret_size)
{
	if (cursor_left(c) < 12 || memcmp(c->pos, "ZLIB", 4) != 0)
		return false;
	c->pos += 4;
	if (!cursor_u64(c, ret_size))
		return false;
	*ret_size = __builtin_bswap64(*ret_size);
	return true;
}

static int inflate_section(struct dwarf *dwarf, enum dwarf_section section, struct cursor packed,
			   uint32_t type, uint64_t size, uint64_t *total)
{
	void *bytes;

	if (type != ELFCOMPRESS_ZLIB && type != ELFCOMPRESS_ZSTD) {
		dwarf->is_damaged = true;
		return 0;
	}
	if (size > INFLATED_MAX || *total + size > INFLATED_MAX)
		return -EFBIG;
	bytes = malloc(size + 1);
	if (!bytes)
		return -ENOMEM;
	if (!inflate_to(packed, type, bytes, size)) {
		free(bytes);
		dwarf->is_damaged = true;
		return 0;
	}
	*total += size;
	dwarf->owned[section] = bytes;
	dwarf->section[section] = cursor_of(bytes, size);
	return 0;
}

static int take_section(struct dwarf *dwarf, Elf *elf, Elf_Scn *scn, const GElf_Shdr *shdr,
			enum dwarf_section section, bool is_z, uint64_t *total)
{
	Elf_Data *data = elf_rawdata(scn, NULL);
	uint32_t type = ELFCOMPRESS_ZLIB;
	struct cursor c;
	uint64_t size;

	if (!data || !data->d_buf) {
		dwarf->is_damaged |= shdr->sh_size > 0;
		return 0;
	}
	c = cursor_of(data->d_buf, data->d_size);
	if (shdr->sh_flags & SHF_COMPRESSED) {
		if (!read_chdr(&c, gelf_getclass(elf) == ELFCLASS64, &type, &size))
			return 0;
		return inflate_section(dwarf, section, c, type, size, total);
	}
	if (is_z && read_z_header(&c, &size))
		return inflate_section(dwarf, section, c, type, size, total);
	dwarf->section[section] = c;
	return 0;
}

int debug_sections_read(Elf *elf, bool is_split, struct dwarf *dwarf)
{
	size_t names, count;
	uint64_t total = 0;
	int err = 0;

	dwarf->is_split = is_split;
	for (size_t i = 0; i < DWARF_SECTIONS; i++)
		dwarf->section[i] = cursor_of("", 0);
	if (elf_getshdrstrndx(elf, &names) < 0 || elf_getshdrnum(elf, &count) < 0)
		return 0;
	for (size_t i = 1; !err && i < count; i++) {
		Elf_Scn *scn = elf_getscn(elf, i);
		const char *name;
		GElf_Shdr shdr;
		bool is_z;

		if (!scn || !gelf_getshdr(scn, &shdr) || shdr.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, names, shdr.sh_name);
		for (size_t n = 0; name && !err && n < DWARF_SECTIONS; n++)
			if (!cursor_left(&dwarf->section[n]) && is_name(name, n, is_split, &is_z))
				err = take_section(dwarf, elf, scn, &shdr, n, is_z, &total);
	}
	return err;
}

bool debug_sections_there(const struct dwarf *dwarf)
{
	return cursor_left(&dwarf->section[DWARF_INFO]) > 0;
}

bool debug_section_raw(Elf *elf, const char *name, struct cursor *ret_bytes)
{
	uint64_t vaddr;

	return debug_section_at(elf, name, ret_bytes, &vaddr);
}

bool debug_section_at(Elf *elf, const char *name, struct cursor *ret_bytes, uint64_t *ret_vaddr)
{
	size_t names, count;

	if (elf_getshdrstrndx(elf, &names) < 0 || elf_getshdrnum(elf, &count) < 0)
		return false;
	for (size_t i = 1; i < count; i++) {
		Elf_Scn *scn = elf_getscn(elf, i);
		const char *have;
		Elf_Data *data;
		GElf_Shdr shdr;

		if (!scn || !gelf_getshdr(scn, &shdr) || shdr.sh_type == SHT_NOBITS)
			continue;
		have = elf_strptr(elf, names, shdr.sh_name);
		data = have && !strcmp(have, name) ? elf_rawdata(scn, NULL) : NULL;
		if (data && data->d_buf) {
			*ret_bytes = cursor_of(data->d_buf, data->d_size);
			*ret_vaddr = shdr.sh_addr;
			return true;
		}
	}
	return false;
}
