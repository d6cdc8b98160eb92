// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel side of wick: one run a tick and CPU, attached to a perf event.
 *
 * Invariants:
 *  1. The epoch is read once, at entry. It chooses the stack maps and the counters, and stands in
 * the record; user space changes it and then waits until no run can still hold the old one.
 *  2. taken = records in the rings + ring_full + no_ring, in each epoch, exactly.
 *  3. Stack maps are only added to (BPF_NOEXIST). A stack that cannot be stored travels whole.
 *  4. No map that is written here is written by user space while the program runs.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#define wick_read_user(dst, size, addr) bpf_probe_read_user(dst, size, (const void *)(addr))
#define wick_copy(dst, size, src)	bpf_probe_read_kernel(dst, size, src)

#include "abi.h"
#include "arch.h"
#include "hash.h"
#include "kernel.h"

char LICENSE[] SEC("license") = "GPL";

const volatile struct wick_config config;

#include "filter.h"
#include "tables.h"
#include "unwind.h"
#include "check.h"

enum { WALK_STRIDE = 4 }; /* steps of one call: fewer calls, but more for the verifier */

/* Shapes of inner maps. User space makes the real ones, of any size. Sizes, no types: 6.1 takes a map
 * with BTF and one without for different shapes (EINVAL). */
struct stack_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u64));
	__uint(value_size, sizeof(struct wick_stack)); /* or less, by the depth in use */
};

struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

/* Two slots each, by the epoch's lowest bit. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct stack_map);
} ustacks SEC(".maps"), kstacks SEC(".maps");

/* By CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct ring);
} rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wick_control);
} control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct wick_counters);
} counters SEC(".maps");

/* Where a run builds its record. The user stack begins inside the sample (its tail is the head of a
 * struct wick_stack); kernel pcs of a whole record are copied behind the user's. */
struct scratch {
	struct wick_sample sample;
	__u64 pc[WICK_DEPTH_MAX + WICK_DEPTH + 1];
	struct wick_stack kernel;
	struct unwind walk;
	struct hash_state hash;
	__u64 told_ns; /* when user space was last woken for a process without tables */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* By itself, as a value of a map by CPU has at most 32 KiB. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unwind_cache);
} caches SEC(".maps");

static __always_inline struct wick_stack *user_stack(struct scratch *scratch)
{
	return (void *)scratch + __builtin_offsetof(struct wick_sample, user_check);
}

static __always_inline void take_process(struct wick_sample *sample, struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;

	sample->tid = number_here(task, false);
	sample->ns_pid = number_inside(task, true);
	sample->ns_tid = number_inside(task, false);
	sample->start_ns = leader->start_boottime;
	sample->exec_id = task->self_exec_id;
	sample->cgroup_id = bpf_get_current_cgroup_id();
	bpf_get_current_comm(sample->thread, sizeof(sample->thread));
	bpf_probe_read_kernel(sample->comm, sizeof(sample->comm), leader->comm);
}

static __always_inline struct scratch *scratch_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratches, &zero);
}

static __always_inline void take_kernel(void *ctx, struct scratch *scratch)
{
	struct wick_stack *stack = &scratch->kernel;
	long size = bpf_get_stack(ctx, stack->pc, WICK_DEPTH * sizeof(stack->pc[0]), 0);
	struct hash_state hash;

	stack->end = 0;
	stack->n = 0;
	if (size < 0)
		scratch->sample.flags |= WICK_KERNEL_ERROR;
	else
		stack->n = size / sizeof(stack->pc[0]);
	scratch->sample.kernel_n = stack->n;
	if (!stack->n)
		return;
	hash_begin(&hash, (const __u64 *)config.key);
	hash_add(&hash, stack->pc, stack->n);
	scratch->sample.kernel_hash = hash_end(&hash, stack);
	scratch->sample.kernel_check = stack->check;
}

/* The next four are global functions: the verifier looks at each once, whatever calls it. They
 * take no pointers, so each finds the scratch by itself. */

__noinline int wick_find(__u64 pc)
{
	struct scratch *scratch = scratch_here();

	return scratch ? unwind_find(&scratch->walk, pc) : 0;
}

static __always_inline __u32 table_find(struct unwind *walk, __u64 pc)
{
	return wick_find(pc);
}

__noinline int wick_without_row(__u32 id)
{
	struct scratch *scratch = scratch_here();

	return scratch ? unwind_without_row(&scratch->walk, id) : 1;
}

static __always_inline int walk_without_row(struct unwind *walk, __u32 id)
{
	return wick_without_row(id);
}

__noinline int wick_walk(__u32 steps)
{
	__u32 zero = 0;
	struct unwind_cache *cache = bpf_map_lookup_elem(&caches, &zero);
	struct scratch *scratch = scratch_here();
	int ended = 0;

	if (!scratch || !cache)
		return 1;
	for (__u32 i = 0; !ended && i < WALK_STRIDE; i++)
		ended = unwind_step(&scratch->walk, cache, user_stack(scratch), config.head,
				    config.tail);
	return ended;
}

__noinline int wick_hash(__u32 from)
{
	struct scratch *scratch = scratch_here();
	struct wick_stack *stack;

	if (!scratch || from > WICK_DEPTH_MAX - HASH_PART)
		return 0;
	stack = user_stack(scratch);
	hash_add(&scratch->hash, &stack->pc[from], stack->n - from);
	return 0;
}

/* The registers with which the task left user space: those interrupted, or those saved at the entry
 * to the kernel (system call, fault), so that kernel time has its user stack too. */
static __always_inline bool user_registers(__u64 *ctx, struct task_struct *task,
					   struct unwind *walk)
{
	/* Not on the stack: 6.1 allows 512 bytes for all calls together. The walk has not begun. */
	__u64 *saved = walk->window, mode = ctx[REG_MODE];
	void *at;

#define FROM_CONTEXT(dwarf, index) walk->reg[dwarf] = ctx[index];
	REG_DWARF(FROM_CONTEXT)
	walk->ip = ctx[REG_IP];
	walk->sp = ctx[REG_SP];
	/* Else clang joins these loads with those below through one pointer: "dereference of
	 * modified ctx ptr disallowed". */
	barrier();
	if (!REG_IS_USER(mode)) {
		at = (void *)bpf_task_pt_regs(task);
		if (!at || bpf_probe_read_kernel(saved, REG_COUNT * sizeof(*saved), at) ||
		    !REG_IS_USER(saved[REG_MODE]))
			return false;
#define FROM_SAVED(dwarf, index) walk->reg[dwarf] = saved[index];
		REG_DWARF(FROM_SAVED)
		walk->ip = saved[REG_IP];
		walk->sp = saved[REG_SP];
	}
	walk->fp = walk->reg[DWARF_FP];
	walk->bx = walk->reg[DWARF_BX];
	return true;
}

/* The process's tables, if they are of this very process and program. */
static __always_inline const struct wick_proc *find_tables(const struct wick_sample *sample)
{
	__u32 pid = sample->pid;
	const struct wick_proc *proc = bpf_map_lookup_elem(&procs, &pid);

	return proc && proc->start_ns == sample->start_ns && proc->exec_id == sample->exec_id
		       ? proc
		       : NULL;
}

static __always_inline void take_user(void *ctx, struct task_struct *task, struct scratch *scratch)
{
	struct wick_stack *stack = user_stack(scratch);
	struct unwind *walk = &scratch->walk;
	int ended = 0;
	__u64 sp;

	stack->n = 0;
	stack->zero = 0;
	if (!config.user) {
		stack->end = WICK_END_not_asked;
		return;
	}
	if ((task->flags & PF_KTHREAD) || !task->mm) {
		stack->end = WICK_END_no_user;
		return;
	}
	if (!user_registers(ctx, task, walk)) {
		stack->end = WICK_END_no_regs;
		return;
	}
	sp = walk->sp;
	unwind_begin(walk, config.unwind ? find_tables(&scratch->sample) : NULL);
	walk->saw_pending = config.unwind && !walk->proc.serial;
	for (__u32 i = 0; !ended && i < WICK_WALK_MAX / WALK_STRIDE; i++)
		ended = wick_walk(i);
	unwind_finish(walk, stack, config.head, config.tail, ended);
	hash_begin(&scratch->hash, (const __u64 *)config.key);
	for (__u32 from = 0; from < WICK_DEPTH_MAX && from < stack->n; from += HASH_PART)
		wick_hash(from);
	scratch->sample.user_hash = hash_end(&scratch->hash, stack);
	if (config.check_every && bpf_get_prandom_u32() % config.check_every == 0)
		check_take(&scratch->sample, stack, walk, sp);
}

/* True: the stack is in the epoch's map now. */
static __always_inline bool store(void *maps, __u32 slot, __u64 hash, struct wick_stack *stack)
{
	void *map = bpf_map_lookup_elem(maps, &slot);
	struct wick_stack *there;

	if (!map)
		return false;
	there = bpf_map_lookup_elem(map, &hash);
	if (there)
		return there->check == stack->check;
	if (!bpf_map_update_elem(map, &hash, stack, BPF_NOEXIST))
		return true;
	/* Full, or locked by another CPU, which may just have stored the same stack. */
	there = bpf_map_lookup_elem(map, &hash);
	return there && there->check == stack->check;
}

static __always_inline void place_stacks(struct scratch *scratch, __u32 slot,
					 struct wick_counters *count)
{
	struct wick_sample *sample = &scratch->sample;

	if (sample->user_hash &&
	    (config.whole || !store(&ustacks, slot, sample->user_hash, user_stack(scratch)))) {
		sample->flags |= WICK_USER_WHOLE;
		count->of[WICK_COUNT_whole]++;
	}
	if (sample->kernel_hash &&
	    (config.whole || !store(&kstacks, slot, sample->kernel_hash, &scratch->kernel))) {
		sample->flags |= WICK_KERNEL_WHOLE;
		count->of[WICK_COUNT_whole]++;
	}
}

/* Puts the pcs of whole stacks behind the sample; gives the record's size. */
static __always_inline __u32 join_whole(struct scratch *scratch)
{
	struct wick_sample *sample = &scratch->sample;
	__u32 n = 0, kernel_n = scratch->kernel.n;

	if (sample->flags & WICK_USER_WHOLE)
		n = sample->user_n;
	if (n > WICK_DEPTH_MAX)
		n = WICK_DEPTH_MAX;
	if (sample->flags & WICK_KERNEL_WHOLE) {
		if (kernel_n > WICK_DEPTH)
			kernel_n = WICK_DEPTH;
		bpf_probe_read_kernel(&scratch->pc[n], kernel_n * sizeof(scratch->pc[0]),
				      scratch->kernel.pc);
		n += kernel_n;
	}
	return sizeof(*sample) + n * sizeof(scratch->pc[0]);
}

/* Until its tables are there, a process is walked by frame pointer: its first sample is news. */
static __always_inline bool wants_tables(struct scratch *scratch)
{
	const struct wick_sample *sample = &scratch->sample;

	if (sample->user_end != WICK_END_no_tables ||
	    sample->time_ns - scratch->told_ns < WICK_NEWS_NS)
		return false;
	scratch->told_ns = sample->time_ns;
	return true;
}

static __always_inline void hand_over(struct scratch *scratch, __u32 size,
				      struct wick_counters *count)
{
	__u32 cpu = scratch->sample.cpu;
	void *ring = bpf_map_lookup_elem(&rings, &cpu);
	__u64 wake = BPF_RB_NO_WAKEUP;

	if (!ring) {
		count->of[WICK_COUNT_no_ring]++;
		return;
	}
	if (bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) > config.wake_bytes || wants_tables(scratch))
		wake = BPF_RB_FORCE_WAKEUP;
	if (size > sizeof(scratch->sample) + sizeof(scratch->pc))
		size = sizeof(scratch->sample) + sizeof(scratch->pc);
	/* In an NMI another CPU's reader may hold the ring for a moment: once more, then give up.
	 */
	if (bpf_ringbuf_output(ring, scratch, size, wake) &&
	    bpf_ringbuf_output(ring, scratch, size, wake))
		count->of[WICK_COUNT_ring_full]++;
}

static __always_inline void take(__u64 *ctx, struct task_struct *task, __u32 pid, __u32 epoch,
				 struct scratch *scratch, struct wick_counters *count)
{
	struct wick_sample *sample = &scratch->sample;

	__builtin_memset(sample, 0, sizeof(*sample));
	sample->time_ns = bpf_ktime_get_boot_ns();
	sample->epoch = epoch;
	sample->cpu = bpf_get_smp_processor_id();
	sample->pid = pid;
	sample->weight = 1;
	take_process(sample, task);
	if (config.kernel)
		take_kernel(ctx, scratch);
	take_user(ctx, task, scratch);
	place_stacks(scratch, epoch & 1, count);
	hand_over(scratch, join_whole(scratch), count);
}

SEC("perf_event")
int wick_tick(void *ctx)
{
	struct wick_control *now;
	struct wick_counters *count;
	struct scratch *scratch;
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	__u32 zero = 0, pid = number_here(task, true), epoch, slot;

	now = bpf_map_lookup_elem(&control, &zero);
	if (!now)
		return 0;
	epoch = *(volatile __u32 *)&now->epoch;
	slot = epoch & 1;
	count = bpf_map_lookup_elem(&counters, &slot);
	scratch = bpf_map_lookup_elem(&scratches, &zero);
	if (!count || !scratch)
		return 0;
	if (!is_wanted(task, pid)) {
		count->of[WICK_COUNT_filtered]++;
		return 0;
	}
	count->of[WICK_COUNT_taken]++;
	take(ctx, task, pid, epoch, scratch, count);
	return 0;
}

/* --- followers of processes --- */

static __always_inline struct wick_counters *counters_now(__u32 *ret_epoch)
{
	__u32 zero = 0, slot;
	struct wick_control *now = bpf_map_lookup_elem(&control, &zero);

	if (!now)
		return NULL;
	*ret_epoch = *(volatile __u32 *)&now->epoch;
	slot = *ret_epoch & 1;
	return bpf_map_lookup_elem(&counters, &slot);
}

static __always_inline void count_now(enum wick_count which)
{
	__u32 epoch;
	struct wick_counters *count = counters_now(&epoch);

	if (count)
		count->of[which]++;
}

/* The child has its parent's memory, so its tables too. Whatever the pid led to before is over. */
static __always_inline void inherit_tables(struct task_struct *parent, struct task_struct *child)
{
	__u32 from = number_here(parent, true), to = number_here(child, true);
	const struct wick_proc *tables = bpf_map_lookup_elem(&procs, &from);
	struct wick_proc own = {};

	if (tables || !config.want.pids) {
		if (tables && tables->exec_id == child->self_exec_id)
			own = *tables;
		own.start_ns = child->start_boottime;
		own.exec_id = child->self_exec_id;
		if (!bpf_map_update_elem(&procs, &to, &own, BPF_ANY))
			return;
	}
	bpf_map_delete_elem(&procs, &to);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(wick_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 from = number_here(parent, true), to = number_here(child, true);
	__u8 one = 1;

	if (from == to)
		return 0;
	if (config.track)
		inherit_tables(parent, child);
	if (config.follow && bpf_map_lookup_elem(&filter, &from) &&
	    bpf_map_update_elem(&filter, &to, &one, BPF_ANY))
		count_now(WICK_COUNT_filter_full);
	return 0;
}

/* The entry stays, for user space to know the process by, but leads nowhere; unless user space has
 * been faster, which counts execs too. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(wick_exec, struct task_struct *task)
{
	__u32 pid = number_here(task, true);
	struct wick_proc own = {
		.start_ns = task->group_leader->start_boottime,
		.exec_id = task->self_exec_id,
	};
	const struct wick_proc *there = bpf_map_lookup_elem(&procs, &pid);

	if (there ? there->exec_id == own.exec_id && there->start_ns == own.start_ns
		  : config.want.pids && !bpf_map_lookup_elem(&filter, &pid))
		return 0;
	bpf_map_update_elem(&procs, &pid, &own, BPF_ANY);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(wick_exit, struct task_struct *task)
{
	__u32 pid = number_here(task, true);

	/* Zero: the last thread. A leader may be gone long before. */
	if (task->signal->live.counter)
		return 0;
	if (config.track)
		bpf_map_delete_elem(&procs, &pid);
	if (config.want.pids)
		bpf_map_delete_elem(&filter, &pid);
	return 0;
}

/* Tells every process that is there, once, before the start. */
SEC("iter/task")
int wick_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct wick_task told = {};

	if (!task || task->pid != task->tgid)
		return 0;
	told.start_ns = task->start_boottime;
	told.exec_id = task->self_exec_id;
	told.pid = number_here(task, true);
	bpf_seq_write(ctx->meta->seq, &told, sizeof(told));
	return 0;
}
