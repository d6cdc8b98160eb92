/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --debuginfod[=URLS], the same for every command that names addresses. */
#ifndef WICK_PROFILER_DEBUGINFOD_OPTION_H
#define WICK_PROFILER_DEBUGINFOD_OPTION_H

#include "profiler/options.h"
#include "symbolizer/debuginfod.h"

/* A row of a command's option table; member: a const char *, NULL unless it is given. */
#define DEBUGINFOD_OPTION(type, member)                                                            \
	{                                                                                          \
		.name = "debuginfod", .kind = OPTION_OPTIONAL, .value = "URLS",                    \
		.help = "fetch debug info; the servers learn all build ids",                       \
		.offset = offsetof(type, member)                                                   \
	}

/* NULL: *ret_debuginfod is NULL, nothing is ever asked. "": the servers of $DEBUGINFOD_URLS. Limits
 * as elsewhere: $DEBUGINFOD_MAXSIZE, bytes a file, and $DEBUGINFOD_MAXTIME, seconds. Says what is
 * wrong and gives a STATUS_. */
int debuginfod_of_option(const char *urls, struct debuginfod **ret_debuginfod);

#endif
