/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One self-contained page: the viewer's files and a gzip pprof inside. Opens from a file, offline.
 */
#ifndef WICK_FORMATS_HTML_H
#define WICK_FORMATS_HTML_H

#include "base/buf.h"

/* The viewer's files as web/ has them: page is index.html, script the ES modules in the order of
 * their dependence (each may import only from those before it). All NUL-terminated. */
struct html_viewer {
	const char *page;
	const char *style;
	const char *const *scripts;
	size_t script_count;
	const char *svg_script; /* of formats/svg.h; NULL where no SVG is made */
};

/* Appends the page with pprof_gz (a gzip pprof) inside. */
int html_write(const struct html_viewer *viewer, const void *pprof_gz, size_t size,
	       struct buf *out);

/* The same for a comparison: diff_json is what web/diff.js reads (formats/diff_graph.c). */
int html_write_diff(const struct html_viewer *viewer, const void *pprof_gz, size_t size,
		    const char *diff_json, struct buf *out);

#endif
