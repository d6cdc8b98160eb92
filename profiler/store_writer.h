/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store on a thread of its own, at nice 19: an fsync that takes seconds, or a day that is
 * rolled up, keeps nobody from sampling. Profiles wait in a queue of bounded memory; past that they
 * are lost and counted, as in store.h.
 */
#ifndef WICK_PROFILER_STORE_WRITER_H
#define WICK_PROFILER_STORE_WRITER_H

#include "profiler/store.h"

struct store_writer;

/* Opens the store and starts the thread; says what is wrong. Signals that the caller has blocked
 * stay blocked there. */
int store_writer_start(const char *path, const struct store_options *options,
		       struct store_writer **ret_writer);

/* Hands over the next slice, as store_put(); the profile is the writer's now. Does not block. */
void store_writer_give(struct store_writer *writer, struct profile *profile, uint64_t start_ns,
		       uint64_t end_ns);

/* Writes what waits, as far as the disk lets it, and ends the thread. NULL is fine. */
void store_writer_stop(struct store_writer *writer);
static inline void store_writer_stopp(struct store_writer **writer)
{
	store_writer_stop(*writer);
}

#endif
