/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The debug sections of an ELF file as bytes, in the parser child. */
#ifndef WICK_SYMBOLIZER_DEBUG_SECTIONS_H
#define WICK_SYMBOLIZER_DEBUG_SECTIONS_H

#include "symbolizer/dwarf.h"

#include <libelf.h>

/*
 * Finds the sections that dwarf.h names and inflates those that are compressed (zlib, zstd, the old
 * .zdebug_*), no others: a bomb in .debug_macro is never touched. The rest is borrowed from the
 * Elf. is_split: the sections of a .dwo file. A section that cannot be had is empty. -EFBIG: they
 * are too big together; -ENOMEM.
 */
int debug_sections_read(Elf *elf, bool is_split, struct dwarf *dwarf);

/* Has it a .debug_info at all? */
bool debug_sections_there(const struct dwarf *dwarf);

/* The first section of this name that has bytes in the file, not inflated. */
bool debug_section_raw(Elf *elf, const char *name, struct cursor *ret_bytes);
/* The same, with the vaddr where it begins. */
bool debug_section_at(Elf *elf, const char *name, struct cursor *ret_bytes, uint64_t *ret_vaddr);

#endif
