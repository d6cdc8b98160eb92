/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kind of code a frame is, and profiles rewritten for readers that do not look at that. */
#ifndef WICK_FORMATS_FRAMES_H
#define WICK_FORMATS_FRAMES_H

#include "formats/profile.h"

enum frame_kind {
	FRAME_NATIVE, /* of a file that is mapped */
	FRAME_INLINED,
	FRAME_JIT,	 /* code made at run time */
	FRAME_OF_KERNEL, /* or of a module of it */
};

/* Told by the mapping ("[kernel.kallsyms]", "[ext4]", "[jit]") and the line's place in its
 * location. */
enum frame_kind frame_kind(const struct profile *profile, const struct profile_location *location,
			   uint32_t line);

/* Where the name of a line, or of a location without lines (line 0), is from. Files of other tools do
 * not tell, and lines and mappings tell less: PROFILE_NOT_TOLD is some name without a line. */
enum profile_quality frame_quality(const struct profile *profile,
				   const struct profile_location *location, uint32_t line);

/* Not "module+0x12", "[unmapped]" or the like. */
bool frame_is_named(const struct profile *profile, const struct profile_location *location,
		    uint32_t line);

/* "line", "symtab", "module+offset". */
const char *frame_quality_name(enum profile_quality quality);

/* Marks the names of all frames: _[k] kernel, _[i] inlined, _[j] JIT, as flame graph scripts expect
 * it. 0 or -ENOMEM (then some are marked). */
int frames_annotate(struct profile *profile);

/* Gives each inlined call a location of its own: for readers that show a location's first line
 * only. 0, -ENOMEM, or -E2BIG: a stack would be too deep. */
int frames_expand(struct profile *profile);

#endif
