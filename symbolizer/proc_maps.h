/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of /proc/PID/maps, line by line. */
#ifndef WICK_SYMBOLIZER_PROC_MAPS_H
#define WICK_SYMBOLIZER_PROC_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proc_mapping {
	uint64_t start, end; /* addrs */
	uint64_t off;	     /* in the file */
	uint32_t dev_major, dev_minor;
	uint64_t inode; /* 0 = not a file */
	bool is_executable;
	const char
		*path; /* "" = anonymous; kernel escapes newline as \012; borrowed from the text */
	size_t path_length;
};

/* Parses the line at *text (which ends at end), fills ret and moves *text past it. False at the end
 * of the text; malformed lines are stepped over. See proc(5). */
bool proc_maps_next(const char **text, const char *end, struct proc_mapping *ret_mapping);

#endif
