/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From debug info to the areas, nodes and rows of a symindex, in the parser child. */
#ifndef WICK_SYMBOLIZER_DWARF_INDEX_H
#define WICK_SYMBOLIZER_DWARF_INDEX_H

#include "base/strtab.h"
#include "symbolizer/dwarf.h"
#include "symbolizer/symindex.h"

/* Where code may be: what else debug info speaks of was thrown away by the linker. */
struct dwarf_text {
	const struct dwarf_range *range; /* sorted, disjoint */
	size_t count;
	bool (*is_named)(const void *context, uint64_t vaddr); /* by a symbol */
	const void *context;
};

/* Strings (names of nodes, files) are ids of `strings`, 0 = none. */
struct dwarf_index {
	uint64_t text; /* vaddr from which `at` counts */
	struct symindex_area *areas;
	struct symindex_node *nodes; /* the first is none */
	struct symindex_row *rows;
	size_t area_count, node_count, row_count;
	size_t areas_size, nodes_size, rows_size;
	struct strtab strings;
	uint32_t split_missing, split_other; /* units whose split file was not found; was another */
	uint32_t split_dir, split_name; /* the first that was not found, as its unit names it */
};

void dwarf_index_release(struct dwarf_index *index);

/* Where the split files of units are. */
struct dwarf_splits {
	/* The file of a skeleton, its units read, until the next call; it stays the splits'.
	 * -ENOENT: it is not there; -EBADMSG: it cannot be read; -ENOMEM. */
	int (*open)(void *context, const struct dwarf_unit *skeleton, struct dwarf **ret_split);
	void *context;
};

/* One pass over all units, which dwarf_read_units() has found, and over the units in split files that
 * some of them stand for. No code: everything is empty. -EFBIG: past a cap; -ENOMEM. */
int dwarf_index_build(struct dwarf *dwarf, const struct dwarf_text *text,
		      const struct dwarf_splits *splits, struct dwarf_index *ret_index);

#endif
