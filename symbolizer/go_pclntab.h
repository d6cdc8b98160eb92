/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions, files and lines of a Go program from the table that its runtime carries (.gopclntab):
 * also there when symbols and debug info are stripped. In the parser child only.
 */
#ifndef WICK_SYMBOLIZER_GO_PCLNTAB_H
#define WICK_SYMBOLIZER_GO_PCLNTAB_H

#include "symbolizer/dwarf_index.h"
#include "symbolizer/elf_symtab.h"

struct go_pclntab {
	struct cursor table;		       /* all of it; offsets count from its start */
	struct cursor functions;	       /* of pairs: entry, function */
	uint64_t names, cus, files, pcs, pcln; /* offsets */
	uint64_t text;			       /* vaddr from which entries count */
	uint64_t count;
	uint8_t pointer_size, quantum;
	bool is_1_18; /* or newer: entries are 32-bit offsets */
};

/* Finds and checks the table: forms of Go 1.16, 1.18 and 1.20. False: there is none, or one of
 * another form, or its entries cannot be told to be right. */
bool go_pclntab_find(const struct elf_file *f, struct go_pclntab *ret_table);

/* Adds the functions to f's candidates. 0, -ENOMEM or -EFBIG. */
int go_pclntab_symbols(const struct go_pclntab *table, struct elf_file *f);

/* The lines as rows of an index that has none yet. */
int go_pclntab_rows(const struct go_pclntab *table, const struct elf_file *f,
		    struct dwarf_index *index);

#endif
