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

enum pid_type { PIDTYPE_TGID = 1 };

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1]; /* level + 1 of them */
};

struct list_head {
	struct list_head *next;
};

struct kernfs_node {
	__u64 id; /* the inode of its directory */
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

/* Between each css_set and each of its cgroups. */
struct cgrp_cset_link {
	struct cgroup *cgrp;
	struct list_head cgrp_link;
};

struct css_set {
	struct cgroup *dfl_cgrp; /* cgroup v2 */
	struct list_head cgrp_links;
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live; /* threads that have not begun to exit */
	struct pid *pids[4];
};

struct task_struct {
	unsigned int flags;
	struct mm_struct *mm;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	__u64 start_boottime;
	char comm[16];
	struct signal_struct *signal;
	struct css_set *cgroups;
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
