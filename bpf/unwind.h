/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walks a user stack, one frame a step, by frame pointers. Also compiled natively by tests: it
 *calls nothing but wick_read_user().
 *
 *	  higher addresses
 *	| return address | fp + 8
 *	| caller's fp    | fp        <- fp
 *	| locals         |
 *	|                | sp        <- sp
 *
 * A frame pointer is believed only if the stack could look so: aligned, above sp and near it,
 *growing from frame to frame. Code built without frame pointers uses the register for data; the
 *checks end the walk there (WICK_END_fp_chain) instead of inventing frames.
 */
#ifndef WICK_BPF_UNWIND_H
#define WICK_BPF_UNWIND_H

#include "abi.h"

enum {
	UNWIND_FRAME_MAX = 1 << 20, /* bytes of one frame at most */
	UNWIND_PC_MIN = 4096,	    /* no code in the first page */
};

struct unwind_state {
	__u64 ip, sp, fp;
};

/* One step from a frame to its caller: 0 = state is the caller's now; else the enum wick_end that
 * ended the walk, plus one. */
static __always_inline int unwind_step(struct unwind_state *state)
{
	__u64 frame[2]; /* caller's fp, return address */

	if (!state->fp)
		return WICK_END_root + 1;
	if ((state->fp & 7) || state->fp < state->sp || state->fp - state->sp > UNWIND_FRAME_MAX)
		return WICK_END_fp_chain + 1;
	if (wick_read_user(frame, sizeof(frame), state->fp))
		return WICK_END_fault + 1;
	if (!frame[1])
		return WICK_END_root + 1;
	if (frame[1] < UNWIND_PC_MIN || frame[1] >> 56)
		return WICK_END_fp_chain + 1;
	state->sp = state->fp + sizeof(frame);
	state->fp = frame[0];
	state->ip = frame[1];
	return 0;
}

/* Walks from state to the root or to an end; stack->n and ->end tell how. */
static __always_inline void unwind_user(struct unwind_state *state, struct wick_stack *stack)
{
	stack->n = 0;
	stack->end = WICK_END_depth;
	for (__u32 i = 0; i < WICK_DEPTH; i++) {
		int ended;

		stack->pc[i] = state->ip;
		stack->n = i + 1;
		ended = unwind_step(state);
		if (ended) {
			stack->end = ended - 1;
			break;
		}
	}
}

#endif
