/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folded stacks, the text that flame graph scripts read: "root;caller;leaf count", one line a
 * stack.
 *
 * In a frame ';' becomes ':', a control character a space and a byte that is not UTF-8 U+FFFD; a
 * frame that ends in " <digits>" gets a '_' behind it, because readers take the last number for the
 * count (and two for a difference).
 */
#ifndef WICK_FORMATS_FOLDED_H
#define WICK_FORMATS_FOLDED_H

#include "base/buf.h"
#include "formats/profile.h"

/*
 * Appends one line for each distinct stack, sorted bytewise: the sample's "comm" label (where it
 * has one), its frames from root to leaf, then its count: the value "samples", or the first one
 * where there are no samples. A sample without both reads "[unknown]". Stacks that count 0 are left
 * out. -ERANGE: a stack's count is negative, which the text cannot say. -EFBIG: more than 1 GiB of
 * text.
 */
int folded_write(const struct profile *profile, struct buf *out);

/* Appends one frame, escaped as above. */
void folded_add_frame(struct buf *to, const char *name);

/*
 * Reads foreign text: the last number of a line is its count, all before it the stack; every frame
 * becomes a function. Empty lines are stepped over, and comments ("# ..", "// .." without a count at the
 * end). A byte order mark tells UTF-16, as Windows' shell writes. A first line without a count: -EPROTONOSUPPORT,
 * this is some other file; a later one: -EBADMSG and *ret_why names the line. A count that is not
 * whole or too large is damage as well. Linear. *ret_why as in profile_decode().
 */
int folded_read(const void *bytes, size_t size, struct profile **ret_profile, const char **ret_why);

#endif
