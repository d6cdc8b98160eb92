/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions, files and lines of a Go program from the table that its runtime carries (.gopclntab):
 * also there when symbols and debug info are stripped. In the parser child only.
 */
#ifndef WICK_SYMBOLIZER_GO_PCLNTAB_H
#define WICK_SYMBOLIZER_GO_PCLNTAB_H

#include "symbolizer/dwarf_index.h"
#include "symbolizer/elf_symtab.h"

/* Named for the first version of Go that has it. */
enum go_form {
	GO_1_2,	 /* files are numbered in the whole program */
	GO_1_16, /* tables of their own for names, files, pcs */
	GO_1_18, /* entries are 32-bit offsets from the start of the text */
	GO_1_20, /* functions know their first line */
};

struct go_pclntab {
	struct cursor table;		       /* all of it; offsets count from its start */
	uint64_t vaddr;			       /* of its start */
	struct cursor functions;	       /* of pairs: entry, function */
	uint64_t names, cus, files, pcs, pcln; /* offsets */
	uint64_t text;			       /* vaddr from which entries count */
	uint64_t gofunc; /* vaddr from which functions' data counts; 0 = unknown */
	uint64_t count;
	uint8_t pointer_size, quantum;
	/* Of a function's tables, the number of that which tells the inlined call that a pc is in, and of
	 * the data that has the calls; 0 = unknown. */
	uint8_t pc_data_call, data_calls;
	enum go_form form;
};

/* Finds and checks the table, of any form from Go 1.2 on. False: there is none, or one of another
 * form, or its entries cannot be told to be right. */
bool go_pclntab_find(const struct elf_file *f, struct go_pclntab *ret_table);

/* Adds the functions to f's candidates. 0, -ENOMEM or -EFBIG. */
int go_pclntab_symbols(const struct go_pclntab *table, struct elf_file *f);

/* The lines and inlined calls as rows, areas and nodes of an index that has none yet. Calls that
 * were inlined are told since Go 1.12; below 1.16 only if the file tells its version. */
int go_pclntab_rows(const struct go_pclntab *table, const struct elf_file *f,
		    struct dwarf_index *index);

#endif
