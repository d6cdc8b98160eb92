/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For wick check-unwind: one in some samples goes, with its registers and its stack's bytes, to a
 * ring of its own, to be unwound once more in user space. Dropped by the verifier otherwise.
 */
#ifndef WICK_BPF_CHECK_H
#define WICK_BPF_CHECK_H

#include "abi.h"

/* User space sets the size. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} checks SEC(".maps");

static __always_inline void check_copy_stack(struct wick_check *check, __u64 sp)
{
	/* By parts at fixed places: a running offset is refused ("max value is outside of the
	 * allowed memory range"). */
	check->stack_at = sp & ~(__u64)(WICK_CHECK_PART - 1);
	check->stack_size = 0;
#pragma unroll
	for (int i = 0; i < WICK_CHECK_STACK / WICK_CHECK_PART; i++) {
		if (bpf_probe_read_user(&check->stack[i * WICK_CHECK_PART], WICK_CHECK_PART,
					(void *)(check->stack_at + i * WICK_CHECK_PART)))
			return;
		check->stack_size += WICK_CHECK_PART;
	}
}

/* After the walk; its reg are still those it began with, sp is told. */
static __always_inline void check_take(const struct wick_sample *sample,
				       const struct wick_stack *stack, const struct unwind *walk,
				       __u64 sp)
{
	struct wick_check *check = bpf_ringbuf_reserve(&checks, sizeof(*check), 0);

	if (!check)
		return;
	check->start_ns = sample->start_ns;
	check->exec_id = sample->exec_id;
	check->pid = sample->pid;
	check->tid = sample->tid;
	bpf_probe_read_kernel(check->reg, sizeof(walk->reg), walk->reg);
	check->ip = stack->pc[0] & WICK_PC_ADDR;
	check->sp = sp;
	check->n = stack->n;
	check->end = stack->end;
	check->zero = 0;
	bpf_probe_read_kernel(check->pc, sizeof(check->pc), stack->pc);
	check_copy_stack(check, sp);
	bpf_ringbuf_submit(check, BPF_RB_NO_WAKEUP);
}

#endif
