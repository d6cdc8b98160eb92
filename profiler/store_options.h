/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store's part of a command line: times to keep. */
#ifndef WICK_PROFILER_STORE_OPTIONS_H
#define WICK_PROFILER_STORE_OPTIONS_H

#include "profiler/options.h"

/* OPTION_CALL for a struct store_options at spec->offset: "7d", or up to five times with commas
 * between, of slices, 10 minutes, hours, days and weeks: "7d,30d,90d,2y,2y". Weeks are kept as days
 * are where only these are given. */
int store_parse_keep(void *options, const struct option_spec *spec, const char *value);

#endif
