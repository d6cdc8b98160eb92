/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All that the kernel side and user space both read: records, map values, limits.
 *
 * A sample is a small record in its CPU's ring. Its stacks are named by a keyed 64-bit hash and a
 * 32-bit check and stand, once, in the stack maps of the record's epoch, unless the record carries
 * them whole (flags), as they could not be stored.
 *
 *	ring of a CPU         | wick_sample | wick_sample + user pcs | ..
 *	ustacks[epoch & 1]    hash -> wick_stack; kstacks[epoch & 1] as well
 *	counters[epoch & 1]   per CPU: u64 by enum wick_count, ever growing
 */
#ifndef WICK_BPF_ABI_H
#define WICK_BPF_ABI_H

#include <linux/types.h>

enum {
	WICK_DEPTH = 127, /* frames of a kernel stack (kernel.perf_event_max_stack); of a user stack
			     unless told otherwise */
	WICK_DEPTH_MAX = 1024,	 /* frames of a user stack that can be asked for */
	WICK_WALK_MAX = 1024,	 /* frames that are walked at most, kept or not */
	WICK_COMM = 16,		 /* TASK_COMM_LEN */
	WICK_FILTER_MAX = 65536, /* processes in the filter */
	WICK_COMMS_MAX = 256,	 /* names in the filter */
};

/*
 * A pc of a user stack, as stored. User addresses end below bit 57 (5-level paging), so the top
 * bits say how the frame was met. A stack deeper than the limit keeps both ends: WICK_PC_GAP
 * stands for the frames between them.
 */
#define WICK_PC_BY_FP ((__u64)1 << 63) /* by the frame pointer; else by an unwind row */
#define WICK_PC_EXACT                                                                              \
	((__u64)1 << 62) /* interrupted here (leaf, below a signal); else returns here */
#define WICK_PC_ADDR (((__u64)1 << 57) - 1)
#define WICK_PC_GAP  ((__u64)1)

enum wick_count {
#define WICK_COUNT(name, sentence) WICK_COUNT_##name,
#include "stats.def"
	WICK_COUNTS,
};

enum wick_drop {
#define WICK_DROP(name, sentence) WICK_DROP_##name,
#include "stats.def"
	WICK_DROPS,
};

enum wick_end {
#define WICK_END(name, sentence) WICK_END_##name,
#include "stats.def"
	WICK_ENDS,
	WICK_END_LAST_COMPLETE = WICK_END_not_asked,
};

/* Goes on where enum wick_end ends: together, all reasons why a stack is not whole. */
enum wick_cut {
	WICK_CUT_BASE = WICK_ENDS - 1,
#define WICK_CUT(name, sentence) WICK_CUT_##name,
#include "stats.def"
	WICK_CUTS,
};

/* wick_sample.flags */
enum {
	WICK_USER_WHOLE = 1,   /* the user pcs follow the record */
	WICK_KERNEL_WHOLE = 2, /* the kernel pcs follow it (behind the user pcs, if both do) */
	WICK_KERNEL_ERROR = 4, /* the kernel gave no stack of its own */
};

/* Value of the stack maps. pc[0] is the leaf. */
struct wick_stack {
	__u32 check; /* of the same pcs as the key, but independent of it */
	__u16 n;
	__u8 end; /* enum wick_end; 0 for kernel stacks */
	__u8 zero;
	__u64 pc[WICK_DEPTH_MAX]; /* the maps' values end at the depth in use */
};

/*
 * A sample, 120 bytes. The tail, from user_check on, is the head of the user stack's struct
 * wick_stack (so that one buffer in the kernel serves the record, the map value and the record with
 * its stack).
 */
struct wick_sample {
	__u64 time_ns;	   /* CLOCK_BOOTTIME */
	__u64 start_ns;	   /* of the process (its leader), CLOCK_BOOTTIME */
	__u64 exec_id;	   /* task_struct.self_exec_id: one more at each exec */
	__u64 cgroup_id;   /* cgroup v2 */
	__u64 kernel_hash; /* 0 = no kernel stack */
	__u64 user_hash;   /* 0 = no user stack */
	__u32 epoch;
	__u32 pid, tid;	      /* in wick's pid namespace; 0 = not in it */
	__u32 ns_pid, ns_tid; /* in the process's own; 0 = that is wick's */
	__u32 kernel_check;
	__u16 cpu;
	__u16 kernel_n;
	__u8 flags;
	__u8 weight; /* ticks this record stands for: 1 */
	__u16 zero;
	char comm[WICK_COMM];	/* of the process */
	char thread[WICK_COMM]; /* of the thread */

	__u32 user_check;
	__u16 user_n;
	__u8 user_end; /* enum wick_end */
	__u8 user_zero;
};

/* Counters of one epoch's parity on one CPU. They only grow: user space takes differences. */
struct wick_counters {
	__u64 of[WICK_COUNTS];
};

/* Mapped by user space, read by each run of the program exactly once. */
struct wick_control {
	__u32 epoch;
	__u32 zero;
};

/* Which processes to sample. */
struct wick_want {
	__u64 cgroup;	 /* in this cgroup or below: the inode of its directory; 0 = anywhere */
	__u32 hierarchy; /* that cgroup's; 0 = v2 */
	__u32 pid_ns;	 /* inode of wick's pid namespace; 0 = it is the initial one */
	__u32 self;	 /* not this pid nor its children; 0 = they too */
	__u8 pids;	 /* only those in the filter map */
	__u8 comms;	 /* only names in the comms map */
	__u8 zero[2];
};

/* Fixed before the program is loaded, so that the verifier drops what is not asked for. */
struct wick_config {
	__u64 key[2];	   /* of the stacks' hash; frame-pointer chains are chosen by the target */
	__u32 wake_bytes;  /* a ring that holds more wakes its reader */
	__u8 kernel, user; /* which stacks to take */
	__u8 whole;	   /* do not use the stack maps: every stack travels in its record */
	__u8 unwind;	   /* by rows; else by frame pointers alone */
	__u8 follow;	   /* children of processes in the filter come into it */
	__u8 track;	   /* procs tells who has which pid, also without tables */
	__u8 zero[2];
	struct wick_want want;
	/* A user stack keeps the first head and the last tail frames: head + tail = the depth asked
	 * for, tail a power of two, head >= tail. */
	__u32 head, tail;
	__u32 check_every; /* one in so many samples goes to the checks ring too; 0 = none */
};

/*
 * --- unwind tables: written by user space through mmap, read by the walk ---
 *
 *	procs      pid -> wick_proc: its mappings are mapping[first] .. [first + count)
 *	mappings   | wick_mapping | ..  an address space after another, each sorted by start
 *	pages      | wick_page | ..     a module after another, one page for 64 KiB of its image
 *	shards     | u32 row | ..       a page after another: lower half of the vaddr << 16 | rule;
 *	                                sorted; 2^18 a shard, and a page's rows are all in one
 *	rules      | wick_rule | ..     each once for the whole machine; 0 is WICK_CFA_NONE
 *
 * Order of writing: rules, rows, pages, mappings, then the process by one map update. Nothing that
 * a published process leads to is changed; what it led to is written anew no sooner than
 * WICK_GRACE_NS after the last process that led there is gone or led elsewhere.
 */
enum {
	WICK_PAGE_BITS = 16,
	WICK_SHARD_BITS = 18, /* rows of a shard: 1 MiB */
	WICK_CHUNK_BITS = 10, /* rows of one map value (values are at least 8 bytes) */
	WICK_SHARDS_MAX = 1024,
	WICK_RULES_MAX = 1 << 16, /* what a row can name; the map may hold fewer */
	WICK_PAGE_ROWS_MAX = 1 << WICK_PAGE_BITS,
	WICK_PROC_MAPPINGS_MAX = 1 << 16,
	WICK_PROCS_MAX = 1 << 15,
};

#define WICK_GRACE_NS 1000000000ull
#define WICK_NEWS_NS                                                                               \
	10000000ull /* between two wake-ups of user space for want of tables, each CPU */

/*
 * How the caller's frame is found from a frame: the very bytes of symbolizer/cfi.h's struct
 * cfi_rule, which says what each kind means (profiler/unwind_tables asserts that they agree).
 */
enum wick_cfa {
	WICK_CFA_NONE,
	WICK_CFA_END,
	WICK_CFA_REG,
	WICK_CFA_DEREF,
	WICK_CFA_PLT,
	WICK_CFA_SIGNAL,
	WICK_CFA_UNSUPPORTED,
};

enum wick_fp {
	WICK_FP_SAME,
	WICK_FP_CFA,
	WICK_FP_BASE,
	WICK_FP_LOST,
};

enum wick_ra {
	WICK_RA_DEFAULT,
	WICK_RA_CFA,
	WICK_RA_REG,
};

enum wick_reg {
	WICK_REG_SP,
	WICK_REG_FP,
	WICK_REG_BX,
	WICK_REG_LEAF, /* + DWARF number */
};

enum {
	WICK_BX_SAME = 0,
	WICK_BX_LOST = -32768,
};

struct wick_rule {
	__u8 cfa; /* enum wick_cfa */
	__u8 fp;  /* enum wick_fp */
	__u8 ra;  /* enum wick_ra */
	__u8 reg; /* enum wick_reg */
	__s32 cfa_off, extra;
	__s16 fp_off, bx_off;
};

struct wick_page {
	__u32 first; /* row: shard << WICK_SHARD_BITS | row in the shard */
	__u32 count; /* at least 1: the first row is of the page's first byte */
};

struct wick_chunk {
	__u32 row[1 << WICK_CHUNK_BITS];
};

enum wick_mapping_kind {
	WICK_MAPPING_ROWS,
	WICK_MAPPING_BARE, /* code of no file: walked by frame pointer */
	WICK_MAPPING_FILE, /* of a file without rows: the same, and by what stands behind calls */
	WICK_MAPPING_PENDING, /* rows may come: walked by frame pointer, ends as WICK_END_no_tables
			       */
};

/* Executable memory. */
struct wick_mapping {
	__u64 start, end; /* addrs */
	__u64 bias;	  /* addr - bias = vaddr in the module's image */
	__u32 page; /* its index of vaddr's page is page + (vaddr >> WICK_PAGE_BITS), mod 2^32 */
	__u32 kind; /* enum wick_mapping_kind */
};

/*
 * Value of procs. An entry that is of another process, or of the image before an exec, is as none.
 * The followers of forks and execs keep it, so that user space knows a process from its entry: the
 * start time of a child, and serial 0 from an exec on until user space has tables.
 */
struct wick_proc {
	__u64 start_ns; /* of the leader, CLOCK_BOOTTIME */
	__u64 exec_id;
	__u32 serial; /* of these tables: never the same for two, so caches need no clearing. 0:
		       * there are none */
	__u32 first, count; /* its mappings */
	__u32 zero;
};

/* A process, as the iterator tells it at the start. */
struct wick_task {
	__u64 start_ns, exec_id;
	__u32 pid, zero;
};

/* For a second opinion (wick check-unwind): what a walk began with, and what it gave. */
enum {
	WICK_CHECK_REGS = 32,
	WICK_CHECK_PART = 4096,
	WICK_CHECK_STACK = 8 * WICK_CHECK_PART,
};

struct wick_check {
	__u64 start_ns, exec_id;
	__u32 pid, tid;
	__u64 reg[WICK_CHECK_REGS]; /* by DWARF number */
	__u64 ip, sp;
	__u64 stack_at;	  /* the addr of stack[0]; whole parts of the page that sp is in and up */
	__u32 stack_size; /* bytes that could be read */
	__u16 n;
	__u8 end; /* enum wick_end */
	__u8 zero;
	__u64 pc[WICK_DEPTH + 1]; /* as in wick_stack; more than these are left out */
	__u8 stack[WICK_CHECK_STACK];
};

_Static_assert(sizeof(struct wick_stack) == 8 + 8 * WICK_DEPTH_MAX, "map value without holes");
_Static_assert(sizeof(struct wick_rule) == 16, "map value without holes");
_Static_assert(sizeof(struct wick_mapping) == 32, "map value without holes");
_Static_assert(sizeof(struct wick_proc) == 32, "map value without holes");
_Static_assert(sizeof(struct wick_sample) == 120, "record without holes");
_Static_assert(sizeof(struct wick_check) % 8 == 0, "record without holes");

#endif
