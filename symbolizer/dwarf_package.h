/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A DWARF package (.dwp): many split files in one, in the parser child. Its index says which parts
 * of its sections are of which unit: version 2 (GNU, for DWARF 4) and 5 (DWARF 5, section 7.3.5).
 *
 *	header   version, columns, units, slots
 *	slots    ids of units, a hash table; then the row of each, 0 = free
 *	columns  the numbers of the sections
 *	offsets  a row a unit, a column a section; then sizes, likewise
 */
#ifndef WICK_SYMBOLIZER_DWARF_PACKAGE_H
#define WICK_SYMBOLIZER_DWARF_PACKAGE_H

#include "symbolizer/dwarf.h"

struct dwarf_package {
	const struct dwarf *whole; /* its sections; borrowed */
	uint32_t version, columns, units, slots;
	struct cursor ids, rows, names, offsets, sizes;
};

/* False: the file has no index of a version that is known, or it is damaged. */
bool dwarf_package_open(const struct dwarf *whole, struct dwarf_package *ret_package);

/* The unit of this id as if its split file had been read: sections that are parts of the whole's.
 * False: it is not there. */
bool dwarf_package_find(const struct dwarf_package *package, uint64_t dwo_id,
			struct dwarf *ret_split);

#endif
