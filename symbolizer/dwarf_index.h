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
};

void dwarf_index_release(struct dwarf_index *index);

/* One pass over all units, which dwarf_read_units() has found. No code: everything is empty.
 * -EFBIG: past a cap; -ENOMEM. */
int dwarf_index_build(struct dwarf *dwarf, const struct dwarf_text *text,
		      struct dwarf_index *ret_index);

#endif
