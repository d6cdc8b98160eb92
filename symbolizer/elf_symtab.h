/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The symbols of an ELF file, in the parser child.
 *
 *	sections, segments, build id
 *	.symtab, .dynsym, PLT stubs -> candidates    one a symbol, with its rank among aliases
 *	sort by vaddr, size the unsized              a size 0 reaches to the next symbol
 *	sweep                                        candidates may overlap, ranges do not
 */
#ifndef WICK_SYMBOLIZER_ELF_SYMTAB_H
#define WICK_SYMBOLIZER_ELF_SYMTAB_H

#include "base/buf.h"
#include "symbolizer/symindex.h"

#include <gelf.h>

struct section {
	uint64_t vaddr, size;
	bool is_code;
};

/* One symbol that may name code. */
struct candidate {
	uint64_t vaddr, size;
	uint64_t rank; /* among aliases at one vaddr; the lowest names it */
	uint64_t section_end;
	const char *name; /* in the ELF's string table, length bytes long */
	uint32_t length;
	uint32_t name_at; /* in the index's strings, once a range needed it; 0 = not yet */
	bool is_plt;
	uint8_t source; /* enum symindex_source */
};

struct elf_file {
	Elf *elf;
	uint16_t machine;
	uint64_t section_table; /* off; 0 = the file has none */
	struct section *sections;
	size_t section_count;
	struct candidate *candidates;
	size_t candidate_count, candidates_size;
	struct symindex_header header;
	struct symindex_segment segments[SYMINDEX_SEGMENTS_MAX];
	struct symindex_symbol *ranges;
	size_t range_count, ranges_size;
	uint32_t has[SYMINDEX_SOURCES];	 /* candidates of its own, by source */
	uint32_t used[SYMINDEX_SOURCES]; /* ranges that are named by them */
	struct buf strings;
};

/* All give 0, or what symindex_build() gives. The Elf and what is borrowed from it live until
 * elf_file_release(). */
void elf_file_release(struct elf_file *f);

/* Little endian, 32 or 64 bits; a regular file. ET_DYN and ET_EXEC; is_common: what dwz makes for
 * several files to share, which is ET_REL. */
int elf_file_open(struct elf_file *f, int fd, bool is_common);
/* The same of bytes, which live until elf_file_release(). */
int elf_file_open_bytes(struct elf_file *f, void *bytes, size_t size);
/* PT_LOAD and, in notes, the build id. -ENOEXEC: there is none to load. */
int elf_file_segments(struct elf_file *f);
int elf_file_sections(struct elf_file *f);
/* Candidates of all symbol tables. */
int elf_file_symbols(struct elf_file *f);
/* Where the file's own .symtab says that something of the name is, also data; 0 = it does not. */
uint64_t elf_file_symbol_vaddr(const struct elf_file *f, const char *name);
/* Those of another file (its debug file, which stays open) as well. */
int elf_file_add_symbols(struct elf_file *f, const struct elf_file *from);
/* The same of what .gnu_debugdata holds, which is a .symtab there. */
int elf_file_add_mini_symbols(struct elf_file *f, const struct elf_file *mini);
int elf_file_add_candidate(struct elf_file *f, const struct candidate *c);
/* Candidates to ranges and strings. */
int elf_file_ranges(struct elf_file *f);

#endif
