/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of web/, inside the program. */
#ifndef WICK_PROFILER_ASSETS_H
#define WICK_PROFILER_ASSETS_H

#include "formats/html.h"

struct asset {
	const char *path; /* as in a URL: "/main.js"; the page itself is "/" */
	const char *content_type;
	const char *text; /* NUL-terminated, UTF-8 */
};

/* The asset with this path, or NULL. */
const struct asset *assets_find(const char *path);

/* The same files as html_write() takes them. */
const struct html_viewer *assets_viewer(void);

#endif
