/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The outputs of a comparison. Each appends to out; errors are buf_error()'s. */
#ifndef WICK_FORMATS_DIFF_WRITE_H
#define WICK_FORMATS_DIFF_WRITE_H

#include "base/buf.h"
#include "formats/diff.h"

/* For a terminal: a screen, or all functions. */
void diff_write_text(const struct diff *diff, bool all, struct buf *out);

/* A Markdown table for a pull request: what changed, and what was compared. */
void diff_write_markdown(const struct diff *diff, struct buf *out);

/* All of it, by the schema of packaging/wick-diff-json.md. gate may be NULL. */
void diff_write_json(const struct diff *diff, const struct diff_gate *gate, struct buf *out);

#endif
