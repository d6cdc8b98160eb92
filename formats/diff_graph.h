/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A comparison as a call tree: both sides' stacks on stable names, in one tree. What is gone or new
 * has its place in it like the rest.
 *
 * Colours: orange costs more, blue less, the stronger the more; grey: no evidence; violet: moved. A
 * caller that only passes a change on is pale. Functions give 0 or -ENOMEM; names are added to
 * diff->names.
 */
#ifndef WICK_FORMATS_DIFF_GRAPH_H
#define WICK_FORMATS_DIFF_GRAPH_H

#include "base/buf.h"
#include "formats/diff.h"
#include "formats/html.h"

/* Which side a box is as wide as. */
enum diff_width { DIFF_WIDTH_BOTH, DIFF_WIDTH_BEFORE, DIFF_WIDTH_AFTER };

/* "stack before after" lines, as difffolded.pl writes and flamegraph.pl reads them, in samples. */
int diff_write_folded(struct diff *diff, struct buf *out);

int diff_write_svg(struct diff *diff, enum diff_width width, const char *script, struct buf *out);

/* The viewer with the tree inside: one profile whose values are both (before scaled to the samples
 * of after, and after), before and after, and the verdicts by name. */
int diff_write_html(struct diff *diff, const struct html_viewer *viewer, struct buf *out);

#endif
