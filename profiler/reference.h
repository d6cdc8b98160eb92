/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stack walked by libunwind, from copied registers, a copy of the stack and the mapped files' bytes:
 * a second opinion on wick's own walk. libunwind is loaded at run time, so that nothing else of wick
 * needs it. It reads foreign .eh_frame in this very process: for tests, on programs of one's own.
 *
 * One thread.
 */
#ifndef WICK_PROFILER_REFERENCE_H
#define WICK_PROFILER_REFERENCE_H

#include "bpf/abi.h"
#include "profiler/process_image.h"

enum { REFERENCE_DEPTH = WICK_DEPTH + 1, REFERENCE_REGS = 17 };

enum reference_end {
	REFERENCE_ROOT,	  /* libunwind says that this is the outermost frame */
	REFERENCE_NO_CFI, /* nothing covers the pc that it could search by: it would have guessed */
	REFERENCE_BEYOND, /* it wanted memory that has not been copied */
	REFERENCE_REFUSED, /* it cannot use what covers the pc */
	REFERENCE_DEEP,	   /* more than REFERENCE_DEPTH frames */
	REFERENCE_ENDS,
};

struct reference_frame {
	uint64_t reg[REFERENCE_REGS]; /* by DWARF number; the last one is the pc */
	bool is_exact;		      /* interrupted here: the leaf, below a signal handler */
};

struct reference_stack {
	size_t count;
	enum reference_end end;
	struct reference_frame frame[REFERENCE_DEPTH];
};

static inline uint64_t reference_pc(const struct reference_frame *frame)
{
	return frame->reg[REFERENCE_REGS - 1];
}

struct reference;

/* -ENOENT: libunwind is not installed; -ENOTSUP: not on this machine. */
int reference_new(struct reference **ret_reference);
void reference_free(struct reference *reference);
static inline void reference_freep(struct reference **reference)
{
	reference_free(*reference);
}

/* Never fails: how far it came is in ret_stack. */
void reference_walk(struct reference *reference, const struct wick_check *check,
		    const struct process_image *image, struct reference_stack *ret_stack);

/* "it wanted memory that has not been copied" .. */
const char *reference_end_sentence(enum reference_end end);

#endif
