/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/stacks.h"

#include <errno.h>

/* Why the sample's stack is not whole (enum wick_end, wick_cut); 0: it is. */
static uint8_t find_cut(const struct wick_sample *sample, bool is_lost)
{
	if (sample->user_end > WICK_END_LAST_COMPLETE)
		return sample->user_end < WICK_ENDS ? sample->user_end : WICK_END_no_regs;
	if (is_lost)
		return WICK_CUT_stack_lost;
	if (sample->flags & WICK_KERNEL_ERROR)
		return WICK_CUT_kernel_walk;
	return sample->kernel_n >= WICK_DEPTH ? WICK_CUT_kernel_depth : 0;
}

static void count_written(struct ledger *ledger, uint8_t cut)
{
	ledger->written++;
	if (cut)
		ledger->cut[cut]++;
	else
		ledger->complete++;
}

/* Where its names will come from; done once, while the process is there. */
static void find_jitdump(const struct stacks *stacks, const struct address_space *space, pid_t pid,
			 uint32_t jit)
{
	if (!space->has_jitdump || !modules_wants_jitdump(stacks->modules, jit, space->serial))
		return;
	for (uint32_t i = 0; i < space->count; i++) {
		const struct proc_map *map = &space->maps[i];

		if (map->is_jitdump)
			modules_use_jitdump(stacks->modules, jit, pid, space->serial, map->module,
					    map->start, map->end);
	}
}

static struct frame user_frame(const struct stacks *stacks, const struct address_space *space,
			       const struct wick_sample *sample, uint64_t addr)
{
	const struct proc_map *map = address_space_find(space, addr);
	pid_t pid = (pid_t)sample->pid;
	uint32_t jit;

	if (!map)
		return (struct frame){.module = FRAME_UNMAPPED};
	modules_use(stacks->modules, map->module, pid, map->start, map->end);
	jit = modules_jit(stacks->modules, map->module, pid, sample->start_ns, sample->exec_id);
	if (jit != map->module) {
		find_jitdump(stacks, space, pid, jit);
		return (struct frame){addr, jit, 0};
	}
	return (struct frame){addr - map->start + map->off, map->module, 0};
}

/* Where the frame's code was interrupted, or where it calls: a return address may already stand
 * behind the call's function, so one less. */
static uint64_t call_site(uint64_t pc)
{
	return (pc & WICK_PC_ADDR) - !(pc & WICK_PC_EXACT);
}

static int push_user(const struct stacks *stacks, struct window *window,
		     const struct address_space *space, const struct wick_sample *sample,
		     const uint64_t *pcs, uint32_t *node)
{
	int err = 0;

	for (size_t i = sample->user_n; !err && i-- > 0;) {
		struct frame frame = {.module = FRAME_GAP};

		if (pcs[i] != WICK_PC_GAP) {
			frame = user_frame(stacks, space, sample, call_site(pcs[i]));
			window->by_fp += !!(pcs[i] & WICK_PC_BY_FP);
			window->by_row += !(pcs[i] & (WICK_PC_BY_FP | WICK_PC_EXACT));
		}
		err = window_push(window, *node, &frame, node);
	}
	return err;
}

static int kernel_frame(const struct stacks *stacks, struct window *window, uint64_t addr,
			struct frame *ret_frame)
{
	const struct ksymbol_range *range = ksymbols_find(stacks->ksymbols, addr);

	*ret_frame = (struct frame){addr, FRAME_KERNEL, 0};
	if (!range)
		return 0;
	ret_frame->off = addr - range->start;
	return strtab_add(&window->strings, range->name, &ret_frame->name);
}

static int push_kernel(const struct stacks *stacks, struct window *window,
		       const struct wick_sample *sample, const uint64_t *pcs, uint32_t *node)
{
	int err = 0;

	for (size_t i = sample->kernel_n; !err && i-- > 0;) {
		struct frame frame;

		err = kernel_frame(stacks, window, pcs[i] - !!i, &frame);
		if (!err)
			err = window_push(window, *node, &frame, node);
	}
	return err;
}

/* The pcs of a side of a sample: behind the record, or in the epoch's map. NULL: nowhere. */
static const uint64_t *find_pcs(const struct stacks *stacks, const struct wick_sample *sample,
				enum sampler_side side, struct wick_stack *stack)
{
	const uint64_t *behind = (const uint64_t *)(sample + 1);
	bool is_user = side == SAMPLER_USER;

	if (sample->flags & (is_user ? WICK_USER_WHOLE : WICK_KERNEL_WHOLE))
		return !is_user && (sample->flags & WICK_USER_WHOLE) ? behind + sample->user_n
								     : behind;
	if (sampler_fetch(stacks->sampler, side, sample->epoch,
			  is_user ? sample->user_hash : sample->kernel_hash,
			  is_user ? sample->user_check : sample->kernel_check, stack) ||
	    stack->n != (is_user ? sample->user_n : sample->kernel_n))
		return NULL;
	return (const uint64_t *)stack->pc;
}

static int user_node(const struct stacks *stacks, struct window *window,
		     const struct wick_sample *sample, uint32_t *node, bool *is_lost,
		     uint64_t *moment_ns)
{
	const struct address_space *space =
		procs_space(stacks->procs, (pid_t)sample->pid, (pid_t)sample->tid, sample->start_ns,
			    sample->exec_id);
	struct wick_stack stack;
	const uint64_t *pcs;
	uint64_t base;
	int err;

	if (!space)
		return -ENOMEM;
	if (space->has_jitdump)
		*moment_ns = sample->time_ns;
	base = window_base_user(space->serial);
	if (!window_find(window, base, sample->user_hash, sample->user_check, node))
		return 0;
	pcs = find_pcs(stacks, sample, SAMPLER_USER, &stack);
	if (!pcs) {
		*is_lost = true;
		return 0;
	}
	err = push_user(stacks, window, space, sample, pcs, node);
	return err ? err : window_learn(window, base, sample->user_hash, sample->user_check, *node);
}

static int kernel_node(const struct stacks *stacks, struct window *window,
		       const struct wick_sample *sample, uint32_t *node, bool *is_lost)
{
	uint64_t base = window_base_kernel(*node, ksymbols_serial(stacks->ksymbols));
	struct wick_stack stack;
	const uint64_t *pcs;
	int err;

	if (!window_find(window, base, sample->kernel_hash, sample->kernel_check, node))
		return 0;
	pcs = find_pcs(stacks, sample, SAMPLER_KERNEL, &stack);
	if (!pcs) {
		*is_lost = true;
		return 0;
	}
	err = push_kernel(stacks, window, sample, pcs, node);
	return err ? err
		   : window_learn(window, base, sample->kernel_hash, sample->kernel_check, *node);
}

void stacks_add(const struct stacks *stacks, struct window *window,
		const struct wick_sample *sample)
{
	struct window_task task = {
		.pid = sample->pid,
		.tid = stacks->threads ? sample->tid : 0,
		.ns_pid = sample->ns_pid,
		.ns_tid = sample->ns_tid,
		.comm = sample->comm,
		.thread = sample->thread,
		.second_ns = stacks->timeline ? sample->time_ns : 0,
	};
	uint32_t node = NODE_NONE;
	bool is_lost = false;
	uint8_t cut;
	int err = 0;

	if (sample->user_hash)
		err = user_node(stacks, window, sample, &node, &is_lost, &task.moment_ns);
	if (!err && sample->kernel_hash)
		err = kernel_node(stacks, window, sample, &node, &is_lost);
	cut = find_cut(sample, is_lost);
	if (!err)
		err = window_add(window, &task, node, cut, sample->weight);
	if (err)
		window->ledger.dropped[WICK_DROP_no_memory]++;
	else
		count_written(&window->ledger, cut);
}
