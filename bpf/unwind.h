/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walks a user stack, one frame a step: by the unwind row of the frame's pc, else, where no row
 * covers it (JIT code, hand-written assembly), by the frame pointer.
 *
 *	  higher addresses
 *	| caller's frame | CFA       = the caller's sp
 *	| return address | CFA - 8
 *	| ..             |           saved fp, bx, locals
 *	|                | sp
 *
 * Invariants:
 *  1. sp grows from a frame to its caller, except over a signal frame and, a few times, where a
 *     frame pointer leads to another stack, so a walk cannot turn in a circle; steps are bounded in
 *     any case.
 *  2. A return address is looked up at pc - 1, where the call is: the next instruction may be of
 *     another row or function. The leaf and what a signal interrupted are looked up at pc.
 *  3. A frame pointer is believed only if the stack could look so: aligned, above sp and near it,
 *     leading to executable memory. Code that uses the register for data ends the walk there with
 *     its reason; no frame is invented.
 *
 * Also compiled natively by tests. Whoever includes it defines before:
 *	int wick_read_user(void *dst, size, __u64 addr)		0, or not
 *	void wick_copy(void *dst, size, const void *src)
 *	const struct wick_mapping *table_mapping(__u32 i)	or NULL; so all of these
 *	const struct wick_page *table_page(__u32 i)
 *	void *table_shard(__u32 row)
 *	const struct wick_chunk *table_chunk(void *shard, __u32 row)
 *	const struct wick_rule *table_rule(__u32 id)
 * and after: table_find() and walk_without_row(), which are unwind_find() and unwind_without_row(),
 * perhaps by way of a function call.
 */
#ifndef WICK_BPF_UNWIND_H
#define WICK_BPF_UNWIND_H

#include "abi.h"
#include "arch.h"

enum {
	UNWIND_FRAME_MAX = 1 << 20, /* bytes of a frame that is walked by frame pointer */
	UNWIND_PC_MIN = 4096,	    /* no code in the first page */
	UNWIND_CACHE_BITS = 10,
	UNWIND_TAIL_MAX = WICK_DEPTH_MAX / 2,
	UNWIND_SWITCHES_MAX = 4,
	UNWIND_WINDOW = 512, /* bytes of the stack that are read at once; a power of two */
	UNWIND_PAGE = 4096,  /* the smallest: what is in memory is so by pages */
};

/* What a pc's lookup gives beside the number of a rule. */
enum {
	UNWIND_NOWHERE = WICK_RULES_MAX, /* no executable memory that is known */
	UNWIND_BARE,			 /* of no module with rows */
	UNWIND_PENDING,			 /* rows may come */
	UNWIND_SIZED,			 /* plus n: as bare, with a frame of n bytes */
};

enum unwind_exact {
	UNWIND_CALLER, /* ip is a return address */
	UNWIND_LEAF,   /* interrupted by the sample: all registers are known */
	UNWIND_SIGNAL, /* interrupted by a signal */
};

/* A frame. bx is where the value is, or the value itself in the leaf. */
struct unwind {
	__u64 ip, sp, fp, bx;
	__u8 bx_known;		     /* 0 lost, 1 value, 2 address */
	__u8 exact;		     /* enum unwind_exact */
	__u8 by_fp;		     /* ip was found by frame pointer */
	__u8 saw_pending;	     /* some frame's rows were not there yet */
	__u8 switches;		     /* to another stack, so far */
	__u32 count;		     /* frames so far; those past the head are in tail, in turns */
	struct wick_proc proc;	     /* serial 0: no tables */
	struct wick_mapping mapping; /* the last one found */
	__u64 reg[UNWIND_REGS];	     /* the leaf's, by DWARF number */
	__u64 window_at;	     /* user memory that has been read: window_size bytes */
	__u32 window_size;
	__u64 window[UNWIND_WINDOW / 8];
	__u64 tail[UNWIND_TAIL_MAX];
};

/* Found rules by pc, for one CPU: the same callers come again and again. */
struct unwind_cached {
	__u64 pc;
	__u32 serial;
	__u32 rule;
};

struct unwind_cache {
	struct unwind_cached of[1 << UNWIND_CACHE_BITS];
};

/* --- pc -> rule --- */

/* The last of count things that begins at or below key, where the first does: one step of the
 * search. Without a branch, so that the verifier sees one path. Keys are below 2^63. */
#define UNWIND_HALVE(low, count, half, begin, key)                                                 \
	do {                                                                                       \
		__u32 is_below = 1 - (__u32)(((__u64)(key) - (__u64)(begin)) >> 63);               \
		(low) += (half) & -is_below;                                                       \
		(count) = (half) + (((count)-2 * (half)) & -is_below);                             \
	} while (0)

static __always_inline const struct wick_mapping *unwind_mapping(const struct wick_proc *proc,
								 __u64 pc)
{
	const struct wick_mapping *mapping;
	__u32 low = proc->first, count = proc->count;

	for (int i = 0; i < 17 && count > 1; i++) {
		__u32 half = count >> 1;

		mapping = table_mapping(low + half);
		if (!mapping)
			return 0;
		UNWIND_HALVE(low, count, half, mapping->start, pc);
	}
	mapping = table_mapping(low);
	return mapping && count && pc >= mapping->start && pc < mapping->end ? mapping : 0;
}

static __always_inline __u32 unwind_row(const struct wick_page *page, __u32 vaddr)
{
	__u32 key = vaddr & ((1 << WICK_PAGE_BITS) - 1), low = page->first, count = page->count;
	void *shard = table_shard(low);
	const struct wick_chunk *chunk;

	if (!shard)
		return UNWIND_NOWHERE;
	for (int i = 0; i < WICK_PAGE_BITS && count > 1; i++) {
		__u32 half = count >> 1, row = low + half;

		chunk = table_chunk(shard, row);
		if (!chunk)
			return UNWIND_NOWHERE;
		row = chunk->row[row & ((1 << WICK_CHUNK_BITS) - 1)];
		UNWIND_HALVE(low, count, half, row >> 16, key);
	}
	chunk = table_chunk(shard, low);
	return chunk ? chunk->row[low & ((1 << WICK_CHUNK_BITS) - 1)] & 0xffff : UNWIND_NOWHERE;
}

/* Code made at run time has no rows; but what stands behind a call may tell how large its frame is.
 * So do CPython's trampolines, which have no frame pointer, and are called by code without one. */
static __always_inline __u32 unwind_bare(struct unwind *walk, __u64 pc)
{
	int size = -1;
	__u64 code;

	if (walk->exact == UNWIND_CALLER && !wick_read_user(&code, sizeof(code), pc + 1))
		size = arch_frame_size(code);
	return size < 0 ? UNWIND_BARE : UNWIND_SIZED + (__u32)size;
}

/* The number of the rule in force at pc, or one of the above. */
static __always_inline __u32 unwind_find(struct unwind *walk, __u64 pc)
{
	const struct wick_mapping *mapping;
	const struct wick_page *page;
	__u64 vaddr;

	if (pc < walk->mapping.start || pc >= walk->mapping.end) {
		mapping = unwind_mapping(&walk->proc, pc);
		if (!mapping)
			return UNWIND_NOWHERE;
		walk->mapping = *mapping;
	}
	if (walk->mapping.kind == WICK_MAPPING_PENDING)
		return UNWIND_PENDING;
	if (walk->mapping.kind != WICK_MAPPING_ROWS)
		return walk->mapping.kind == WICK_MAPPING_FILE ? 0 : unwind_bare(walk, pc);
	vaddr = pc - walk->mapping.bias;
	page = table_page(walk->mapping.page + (__u32)(vaddr >> WICK_PAGE_BITS));
	return page ? unwind_row(page, (__u32)vaddr) : UNWIND_NOWHERE;
}

static __always_inline struct unwind_cached *unwind_slot(struct unwind_cache *cache, __u64 pc)
{
	return &cache->of[(pc ^ pc >> UNWIND_CACHE_BITS) & ((1 << UNWIND_CACHE_BITS) - 1)];
}

/* --- the stack --- */

/* A read of user memory costs some 90 ns, however short. So one read, as far as the page goes,
 * serves the frames that lie next to each other. 0, or not. */
static __always_inline int unwind_word(struct unwind *walk, __u64 addr, __u64 *ret_word)
{
	__u64 off = addr - walk->window_at;

	if (addr & 7)
		return wick_read_user(ret_word, sizeof(*ret_word), addr);
	if (off >= walk->window_size) {
		__u32 size = UNWIND_PAGE - (addr & (UNWIND_PAGE - 1));

		if (size > UNWIND_WINDOW)
			size = UNWIND_WINDOW;
		walk->window_size = 0;
		if (wick_read_user(walk->window, size, addr))
			return -1;
		walk->window_at = addr;
		walk->window_size = size;
		off = 0;
	}
	*ret_word = walk->window[(off >> 3) & (UNWIND_WINDOW / 8 - 1)];
	return 0;
}

static __u32 table_find(struct unwind *walk, __u64 pc);
static int walk_without_row(struct unwind *walk, __u32 id);

/* --- a step: 0, or the enum wick_end that ended the walk, plus one --- */

static __always_inline int unwind_by_fp(struct unwind *walk)
{
	__u64 frame[2]; /* caller's fp, return address */

	/* Both psABIs have the outermost frame marked so; in a leaf it may be any data. */
	if (!walk->fp && (!walk->proc.serial || walk->exact == UNWIND_CALLER))
		return WICK_END_root + 1;
	if ((walk->fp & 7) || walk->fp < walk->sp || walk->fp - walk->sp > UNWIND_FRAME_MAX)
		return (walk->proc.serial ? WICK_END_no_row : WICK_END_fp_chain) + 1;
	if (unwind_word(walk, walk->fp, &frame[0]) || unwind_word(walk, walk->fp + 8, &frame[1]))
		return WICK_END_fault + 1;
	frame[1] = UNWIND_STRIP(frame[1]);
	if (!frame[1])
		return WICK_END_root + 1;
	if (frame[1] < UNWIND_PC_MIN || frame[1] > WICK_PC_ADDR)
		return (walk->proc.serial ? WICK_END_no_row : WICK_END_fp_chain) + 1;
	walk->sp = walk->fp + sizeof(frame);
	walk->fp = frame[0];
	walk->ip = frame[1];
	walk->bx_known = 0;
	walk->exact = UNWIND_CALLER;
	walk->by_fp = 1;
	return 0;
}

/* 0: the word at addr is a return address, behind a call in the process's code; walked there. */
static __always_inline int unwind_by_word(struct unwind *walk, __u64 addr)
{
	__u64 ra, before;

	if (unwind_word(walk, addr, &ra))
		return -1;
	ra = UNWIND_STRIP(ra);
	if (ra < UNWIND_PC_MIN || ra > WICK_PC_ADDR || table_find(walk, ra - 1) == UNWIND_NOWHERE ||
	    wick_read_user(&before, sizeof(before), ra - sizeof(before)) || !arch_is_call(before))
		return -1;
	walk->sp = addr + 8;
	walk->ip = ra;
	walk->bx_known = 0;
	walk->exact = UNWIND_CALLER;
	walk->by_fp = 1;
	return 0;
}

/*
 * Where there is no row. Of an interrupted frame, the frame pointer may still be the caller's, in a
 * prologue or epilogue. Where it leads nowhere, in a file of code, this is hand-written (crti's
 * _init, a leaf of assembly), and mostly has at most one word on the stack; or it calls from a C
 * library without rows (musl), whose start has a few.
 */
static __always_inline int unwind_without_row(struct unwind *walk, __u32 id)
{
	int off = -1, ended, most = walk->exact ? ARCH_LEAF_WORDS : ARCH_CALLER_WORDS;
	__u64 code = 0;

	if (walk->exact && !wick_read_user(&code, sizeof(code), walk->ip))
		off = arch_frameless(code);
	else if (id >= UNWIND_SIZED)
		off = (int)(id - UNWIND_SIZED);
	if (off >= 0 && !unwind_by_word(walk, walk->sp + off))
		return 0;
	ended = unwind_by_fp(walk);
	for (int i = 0; i < ARCH_CALLER_WORDS; i++) {
		if (ended != WICK_END_no_row + 1 || id >= WICK_RULES_MAX || i >= most)
			break;
		if (!unwind_by_word(walk, walk->sp + 8 * i))
			ended = 0;
	}
	return ended;
}

/* 0, or not: the register is not known in this frame. */
static __always_inline int unwind_register(struct unwind *walk, __u32 reg, __u64 *ret_value)
{
	if (reg == WICK_REG_SP) {
		*ret_value = walk->sp;
	} else if (reg == WICK_REG_FP) {
		*ret_value = walk->fp;
	} else if (reg == WICK_REG_BX) {
		if (walk->bx_known == 2)
			return unwind_word(walk, walk->bx, ret_value);
		*ret_value = walk->bx;
		return !walk->bx_known;
	} else {
		reg -= WICK_REG_LEAF;
		if (walk->exact != UNWIND_LEAF || reg >= UNWIND_REGS)
			return -1;
		*ret_value = walk->reg[reg];
	}
	return 0;
}

/* All registers of the interrupted frame are on the stack (struct ucontext). */
static __always_inline int unwind_signal(struct unwind *walk, const struct wick_rule *rule)
{
	__u64 ip, sp, fp;

	if (unwind_word(walk, walk->sp + rule->fp_off, &fp) ||
	    unwind_word(walk, walk->sp + rule->cfa_off, &sp) ||
	    unwind_word(walk, walk->sp + rule->extra, &ip))
		return WICK_END_fault + 1;
	walk->bx = walk->sp + rule->bx_off;
	walk->bx_known = 2;
	walk->ip = ip;
	walk->sp = sp;
	walk->fp = fp;
	walk->exact = UNWIND_SIGNAL;
	walk->by_fp = 0;
	return 0;
}

static __always_inline int unwind_cfa(struct unwind *walk, const struct wick_rule *rule,
				      __u64 *ret_cfa)
{
	__u64 cfa;

	if (unwind_register(walk, rule->reg, &cfa))
		return WICK_END_unsupported + 1;
	if (rule->reg == WICK_REG_FP && !cfa) /* the psABIs' mark of the outermost frame */
		return WICK_END_root + 1;
	cfa += (__s64)rule->cfa_off;
	if (rule->cfa == WICK_CFA_DEREF) {
		if (unwind_word(walk, cfa, &cfa))
			return WICK_END_fault + 1;
		cfa += (__s64)rule->extra;
	} else if (rule->cfa == WICK_CFA_PLT) {
		cfa += (walk->ip & 15) >= (__u32)rule->extra ? 8 : 0;
	}
	/* A leaf that has not touched the stack may share its caller's sp (arm64). A frame pointer
	 * may lead to another stack, below (Go's systemstack). */
	if (cfa < walk->sp || (cfa == walk->sp && walk->exact == UNWIND_CALLER))
		if (rule->reg != WICK_REG_FP || walk->switches++ >= UNWIND_SWITCHES_MAX)
			return WICK_END_stuck + 1;
	*ret_cfa = cfa;
	return 0;
}

/* The caller's fp and the return address, which mostly lies above it. */
static __always_inline int unwind_saved(struct unwind *walk, const struct wick_rule *rule,
					__u64 cfa, __u64 *ret_fp, __u64 *ret_ra)
{
	__s64 ra_off = rule->ra == WICK_RA_DEFAULT ? -8 : (__s64)rule->extra;

	*ret_fp = rule->fp == WICK_FP_LOST ? 0 : walk->fp;
	if ((rule->fp == WICK_FP_CFA || rule->fp == WICK_FP_BASE) &&
	    unwind_word(walk, (rule->fp == WICK_FP_CFA ? cfa : walk->fp) + rule->fp_off, ret_fp))
		return WICK_END_fault + 1;
	if (rule->ra == WICK_RA_REG)
		return unwind_register(walk, (__u32)rule->extra, ret_ra) ? WICK_END_unsupported + 1
									 : 0;
	return unwind_word(walk, cfa + ra_off, ret_ra) ? WICK_END_fault + 1 : 0;
}

static __always_inline int unwind_by_row(struct unwind *walk, const struct wick_rule *rule)
{
	__u64 cfa, fp, ra;
	int ended;

	if (rule->cfa == WICK_CFA_END)
		return WICK_END_root + 1;
	if (rule->cfa == WICK_CFA_SIGNAL)
		return unwind_signal(walk, rule);
	if (rule->cfa >= WICK_CFA_UNSUPPORTED)
		return WICK_END_unsupported + 1;
	ended = unwind_cfa(walk, rule, &cfa);
	if (!ended)
		ended = unwind_saved(walk, rule, cfa, &fp, &ra);
	if (ended)
		return ended;
	ra = UNWIND_STRIP(ra);
	if (!ra)
		return WICK_END_root + 1;
	if (ra < UNWIND_PC_MIN || ra > WICK_PC_ADDR)
		return WICK_END_bad_address + 1;
	if (rule->bx_off != WICK_BX_SAME) {
		walk->bx = (rule->fp == WICK_FP_BASE ? walk->fp : cfa) + rule->bx_off;
		walk->bx_known = rule->bx_off == WICK_BX_LOST ? 0 : 2;
	}
	walk->sp = cfa;
	walk->fp = fp;
	walk->ip = ra;
	walk->exact = UNWIND_CALLER;
	walk->by_fp = 0;
	return 0;
}

static __always_inline void unwind_keep(struct unwind *walk, struct wick_stack *stack, __u32 head,
					__u32 tail)
{
	__u64 pc = walk->ip | (walk->by_fp ? WICK_PC_BY_FP : 0) | (walk->exact ? WICK_PC_EXACT : 0);
	__u32 i = walk->count++;

	if (i < head && i < WICK_DEPTH_MAX)
		stack->pc[i] = pc;
	else
		walk->tail[(i - head) & (tail - 1) & (UNWIND_TAIL_MAX - 1)] = pc;
}

static __always_inline __u32 unwind_lookup(struct unwind *walk, struct unwind_cache *cache)
{
	__u64 pc = walk->ip - (walk->exact == UNWIND_CALLER);
	struct unwind_cached *cached = unwind_slot(cache, pc);

	if (!walk->proc.serial)
		return 0;
	if (cached->pc != pc || cached->serial != walk->proc.serial) {
		cached->rule = table_find(walk, pc);
		cached->serial = walk->proc.serial;
		cached->pc = pc;
	}
	return cached->rule;
}

static __always_inline int unwind_step(struct unwind *walk, struct unwind_cache *cache,
				       struct wick_stack *stack, __u32 head, __u32 tail)
{
	__u32 id = unwind_lookup(walk, cache);
	const struct wick_rule *rule = 0;

	if (id == UNWIND_NOWHERE && walk->by_fp)
		return WICK_END_no_row + 1;
	unwind_keep(walk, stack, head, tail);
	if (id == UNWIND_PENDING)
		walk->saw_pending = 1;
	if (id && id < WICK_RULES_MAX)
		rule = table_rule(id);
	if (rule && rule->cfa != WICK_CFA_NONE)
		return unwind_by_row(walk, rule);
	return walk->proc.serial ? walk_without_row(walk, id) : unwind_by_fp(walk);
}

/* From the registers on; the caller has set ip, sp, fp, bx and reg. proc: the process's entry, or
 * NULL to walk by frame pointer alone. */
static __always_inline void unwind_begin(struct unwind *walk, const struct wick_proc *proc)
{
	walk->bx_known = 1;
	walk->exact = UNWIND_LEAF;
	walk->by_fp = 0;
	walk->saw_pending = 0;
	walk->switches = 0;
	walk->count = 0;
	walk->mapping.start = 0;
	walk->mapping.end = 0;
	walk->window_size = 0;
	walk->proc.serial = 0;
	if (proc)
		walk->proc = *proc;
}

/* Joins the two ends. ended: what the last step gave. */
static __always_inline void unwind_finish(struct unwind *walk, struct wick_stack *stack, __u32 head,
					  __u32 tail, int ended)
{
	__u32 over, turn;

	stack->end = ended ? ended - 1 : WICK_END_depth;
	if (walk->saw_pending)
		stack->end = WICK_END_no_tables;
	stack->n = walk->count;
	if (walk->count <= head || head < 1 || head > WICK_DEPTH_MAX - UNWIND_TAIL_MAX)
		return;
	over = walk->count - head;
	if (over <= tail) {
		if (over <= UNWIND_TAIL_MAX)
			wick_copy(&stack->pc[head], over * sizeof(__u64), walk->tail);
		return;
	}
	turn = over & (tail - 1) & (UNWIND_TAIL_MAX - 1);
	if (tail <= UNWIND_TAIL_MAX && turn <= tail) {
		__u32 older = (tail - turn) & (2 * UNWIND_TAIL_MAX - 1);

		if (older <= UNWIND_TAIL_MAX)
			wick_copy(&stack->pc[head], older * sizeof(__u64), &walk->tail[turn]);
		if (older <= UNWIND_TAIL_MAX)
			wick_copy(&stack->pc[head + older], turn * sizeof(__u64), walk->tail);
	}
	stack->pc[head - 1] = WICK_PC_GAP;
	stack->n = head + tail;
	if (stack->end <= WICK_END_LAST_COMPLETE)
		stack->end = WICK_END_gap;
}

#endif
