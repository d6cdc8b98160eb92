/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All that the kernel side and user space both read: records, map values, limits.
 *
 * A sample is a small record in its CPU's ring. Its stacks are named by a keyed 64-bit hash and a
 * 32-bit check and stand, once, in the stack maps of the record's epoch, unless the record carries
 * them whole (flags), as they could not be stored.
 *
 *   ring of a CPU:  | wick_sample | wick_sample + user pcs | wick_sample + user pcs + kernel pcs |
 * .. ustacks[epoch & 1], kstacks[epoch & 1]:  hash -> wick_stack counters[epoch & 1], per CPU:  u64
 * by enum wick_count, ever growing
 */
#ifndef WICK_BPF_ABI_H
#define WICK_BPF_ABI_H

#include <linux/types.h>

enum {
	WICK_DEPTH =
		127,	/* frames of a stack, kernel and user each (kernel.perf_event_max_stack) */
	WICK_COMM = 16, /* TASK_COMM_LEN */
	WICK_FILTER_MAX = 65536, /* processes in the filter */
	WICK_COMMS_MAX = 256,	 /* names in the filter */
};

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

enum wick_cut {
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
	__u64 pc[WICK_DEPTH];
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
	struct wick_want want;
};

_Static_assert(sizeof(struct wick_stack) == 8 + 8 * WICK_DEPTH, "map value without holes");
_Static_assert(sizeof(struct wick_sample) == 120, "record without holes");

#endif
