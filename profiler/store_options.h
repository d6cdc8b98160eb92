/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store's part of a command line: times. */
#ifndef WICK_PROFILER_STORE_OPTIONS_H
#define WICK_PROFILER_STORE_OPTIONS_H

#include "profiler/options.h"
#include "profiler/store_export.h"

/* OPTION_CALL for a struct store_options at spec->offset: "7d", or up to six times with commas
 * between, of slices, 10 minutes, hours, days, weeks and four weeks: "7d,30d,90d,2y". From days on, the
 * last one is that of all coarser levels too: it says when the last of it is gone. */
int store_parse_keep(void *options, const struct option_spec *spec, const char *value);

/* The values of --from and --to. Says what is wrong; gives a STATUS_. */
int store_take_times(const char *from, const char *to, struct store_range *range);

#endif
