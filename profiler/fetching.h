/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The thread that has debug files fetched for modules (see symbolizer/debuginfod.h): beside the
 * sampling and beside the naming, which goes on with what is there meanwhile. One file after the
 * other, in the order in which they were asked for.
 */
#ifndef WICK_PROFILER_FETCHING_H
#define WICK_PROFILER_FETCHING_H

#include "profiler/module_file.h"
#include "symbolizer/parser.h"

#include <stdbool.h>
#include <stdint.h>

struct fetching;

/* A better index than before, which is the callee's from now on. On the thread of fetching. */
typedef void (*fetching_take)(void *context, uint32_t id, struct symindex *index);

/* debuginfod is taken over, in any case. */
int fetching_new(struct debuginfod *debuginfod, fetching_take take, void *context,
		 struct fetching **ret_fetching);
/* Ends the thread; the file on its way is given up. */
void fetching_free(struct fetching *fetching);
static inline void fetching_freep(struct fetching **fetching)
{
	fetching_free(*fetching);
}

/* Asks for the debug file of a module: its descriptors are duplicated, its path copied. Some that
 * are too many wait for another run. Any thread, also under a lock that take() takes. */
void fetching_add(struct fetching *fetching, uint32_t id, const struct parser_files *files);

/* How many wait or are on their way. */
uint32_t fetching_left(struct fetching *fetching);

#endif
