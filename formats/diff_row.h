/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a person reads of a comparison, in words that all outputs share. Names stay as they are:
 * each output quotes them in its own way. */
#ifndef WICK_FORMATS_DIFF_ROW_H
#define WICK_FORMATS_DIFF_ROW_H

#include "base/buf.h"
#include "formats/diff.h"

struct diff_row {
	const char *verdict;
	char before[24], after[24]; /* "12.34 %", "0.123", "1.234 ms" */
	char change[24];	    /* "+1.23" in the same unit */
	char interval[48];	    /* "+1.02 .. +1.44" */
	char growth[24];	    /* "+12.3 %", "new" */
	char q[16];		    /* "<0.0001", "0.012", "-" */
};

struct diff_row diff_row_make(const struct diff *diff, const struct diff_change *change);

/* "%", "cores", "ms": the unit of the columns. */
const char *diff_row_unit(const struct diff *diff);

/* What is to be said of a function beside its numbers, or nothing: that it was inlined, where it
 * moved, that it is its total that changed, how large a change would have been seen. add_name
 * writes the names of other functions. */
void diff_note_add(const struct diff *diff, const struct diff_function *function, struct buf *out,
		   void (*add_name)(struct buf *out, const char *name));

/* How it was compared, as lines: the sides, the denominator, the units of the statistics, what
 * these data can show. Each line is a word and a text: line() gets both. */
void diff_head_add(const struct diff *diff, struct buf *out,
		   void (*line)(struct buf *out, const char *word, const char *text));

/* What all of it is not. */
extern const char diff_caution[];

/* "12,345" */
const char *diff_count_text(double count, char *ret, size_t size);

#endif
