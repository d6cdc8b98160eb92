/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Empties the kernel's rings in time, whatever those are at who work on what comes out of them:
 *
 *	caller's thread   ring_reader_take(): whenever it has time
 *	wick-rings        the same when nobody has for RING_READER_LATE_MS: into memory, until the caller
 *	                  takes it
 *
 * Waits for no work of others: the locks it takes are held to read a ring, no longer. A caller that does
 * not come back has the memory grow to RING_READER_BYTES; then the rings fill, and the kernel counts what
 * it had no room for.
 */
#ifndef WICK_PROFILER_RING_READER_H
#define WICK_PROFILER_RING_READER_H

#include "profiler/sampler.h"
#include "profiler/unwind_tables.h"

enum { RING_READER_LATE_MS = 50, RING_READER_BYTES = 8 << 20 };

struct ring_reader;

/* tables: hear of each sample as it comes out, and have their own rings emptied; NULL: none. Both
 * are borrowed. */
int ring_reader_new(struct sampler *sampler, struct unwind_tables *tables,
		    struct ring_reader **ret_reader);
void ring_reader_free(struct ring_reader *reader);

/* Empties the samples' rings and gives all that was read since the last call. ret_lost: how many of
 * them were lost for want of memory, by the parity of their epoch. */
void ring_reader_take(struct ring_reader *reader, sampler_record take, void *context,
		      uint64_t ret_lost[2]);

struct ring_waits {
	uint64_t longest_ns; /* from the end of a look into the rings to the next */
	uint64_t look_ns;    /* the longest look */
	uint64_t looks;	     /* those of wick-rings alone */
};

struct ring_waits ring_reader_waits(struct ring_reader *reader);

/* Bytes of what was read and not yet taken, at their most. */
size_t ring_reader_bytes(struct ring_reader *reader);

#endif
