/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Split DWARF in the parser child: the package that it was given, and files that it asks for, one
 * after the other. */
#ifndef WICK_SYMBOLIZER_SPLIT_FILES_H
#define WICK_SYMBOLIZER_SPLIT_FILES_H

#include "symbolizer/dwarf_index.h"
#include "symbolizer/dwarf_package.h"
#include "symbolizer/elf_symtab.h"

struct split_files {
	symindex_open_split_fn open_split; /* NULL: none but the package's can be had */
	struct elf_file package_elf, elf;
	struct dwarf whole; /* the package's sections */
	struct dwarf_package package;
	bool has_package;
	int fd; /* of elf */
	/* The unit, or the file of several, that is open: `now` is what its user reads. */
	struct dwarf now;
	const char *comp_dir, *name; /* borrowed from the program; NULL: not a file of its own */
};

/* package_fd: a .dwp file, or -1. One that is damaged is as good as none. 0 or -ENOMEM. */
int split_files_init(struct split_files *files, int package_fd, symindex_open_split_fn open_split);
void split_files_release(struct split_files *files);

/* For struct dwarf_splits. */
int split_files_open(void *files, const struct dwarf_unit *skeleton, struct dwarf **ret_split);

#endif
