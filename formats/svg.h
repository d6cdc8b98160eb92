/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A flame graph as one SVG file: opens in a browser from a file, offline; a click zooms, Ctrl-F or
 * "Search" searches and says how much matches, "Reset zoom" and Escape undo. Root at the top,
 * siblings by name, colours as in the page of web/ (draw.js).
 *
 * Names are foreign: they are text content and nothing else, and what XML cannot hold is written
 * out.
 */
#ifndef WICK_FORMATS_SVG_H
#define WICK_FORMATS_SVG_H

#include "base/buf.h"
#include "formats/calltree.h"

#include <stdint.h>

struct svg_picture {
	const struct calltree *tree; /* finished */
	const char *script;	     /* web/svg/flame.js */
	const char *title;	     /* a line above */
	/* How wide a node is, in any unit; a parent is as wide as its children at least. */
	double (*width)(const void *context, uint32_t node);
	/* 0xrrggbb; NULL: as the page colours it. */
	uint32_t (*fill)(const void *context, uint32_t node);
	/* Appends what the tooltip says under the name: lines of plain text. */
	void (*tip)(const void *context, uint32_t node, struct buf *out);
	const void *context;
	/* Lines of the legend, NULL-terminated, with their colours; or NULL. */
	const struct svg_legend *legend;
};

struct svg_legend {
	const char *text; /* NULL: the end */
	uint32_t colour;
};

/* The page's colour of a name, light. */
uint32_t svg_colour(const char *name, enum frame_kind kind);

/* Appends the file. What is narrower than a tenth of a pixel is left out, and more where there are
 * more than 50,000 boxes. 0 or -ENOMEM. */
int svg_write_picture(const struct svg_picture *picture, struct buf *out);

/* A profile's flame graph, by the value "samples" (or the first one). */
int svg_write(const struct profile *profile, const char *script, struct buf *out);

#endif
