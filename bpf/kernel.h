/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's structures as far as wick reads them. Offsets here mean nothing: CO-RE puts in those
 * of the running kernel at load time, so the build needs neither its headers nor its BTF. Field
 * names hold from 5.7 (self_exec_id became u64) to 6.18.
 */
#ifndef WICK_BPF_KERNEL_H
#define WICK_BPF_KERNEL_H

#define PF_KTHREAD 0x00200000

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct mm_struct;

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live; /* threads that have not begun to exit */
};

struct task_struct {
	unsigned int flags;
	struct mm_struct *mm;
	int pid;
	int tgid;
	struct task_struct *group_leader;
	__u64 start_boottime;
	char comm[16];
	struct signal_struct *signal;
	__u64 self_exec_id;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

#endif
