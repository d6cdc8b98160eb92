/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which processes to sample, and by which numbers they are called.
 *
 * Pids are those of wick's own pid namespace, so that they agree with its /proc and with the
 * kernel's process records. A process that is not in it has the number 0 there.
 */
#ifndef WICK_BPF_FILTER_H
#define WICK_BPF_FILTER_H

enum {
	PID_LEVELS_MAX = 33, /* MAX_PID_NS_LEVEL and the initial one */
	CGROUP_DEPTH_MAX = 64,
	HIERARCHIES_MAX = 32,
};

/* Processes to sample, by pid. Filled before the start; then only by fork() and exit(). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WICK_FILTER_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u8);
} filter SEC(".maps");

/* Names to sample, of processes or threads, padded with zeros. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WICK_COMMS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, char[WICK_COMM]);
	__type(value, __u8);
} comms SEC(".maps");

/* The process's (else the thread's) struct pid: its numbers in its namespace and all around it. */
static __always_inline struct pid *numbers_of(struct task_struct *task, bool of_process)
{
	return of_process ? task->signal->pids[PIDTYPE_TGID] : task->thread_pid;
}

static __always_inline __u32 number_at(struct pid *pid, __u32 level, __u32 *ret_ns)
{
	__u64 off = level;
	struct upid upid;
	struct upid *at;

	/* Its bounds have been checked, but 6.1's verifier forgets: "math between ptr_ pointer and
	 * register with unbounded min value is not allowed". */
	asm volatile("%0 &= 63" : "+r"(off));
	at = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
	     off * bpf_core_type_size(struct upid);
	if (BPF_CORE_READ_INTO(&upid.nr, at, nr) || BPF_CORE_READ_INTO(ret_ns, at, ns, ns.inum))
		return 0;
	return upid.nr;
}

/* In wick's namespace; 0 = not in it. */
static __always_inline __u32 number_here(struct task_struct *task, bool of_process)
{
	struct pid *pid;
	__u32 number, ns = 0;

	if (!config.want.pid_ns)
		return of_process ? task->tgid : task->pid;
	pid = numbers_of(task, of_process);
	for (__u32 level = 0; level < PID_LEVELS_MAX && level <= pid->level; level++) {
		number = number_at(pid, level, &ns);
		if (ns == config.want.pid_ns)
			return number;
	}
	return 0;
}

/* In the process's own namespace; 0 = that is wick's. */
static __always_inline __u32 number_inside(struct task_struct *task, bool of_process)
{
	struct pid *pid = numbers_of(task, of_process);
	__u32 level = pid->level, number, ns = 0;

	if (!level || level >= PID_LEVELS_MAX)
		return 0;
	number = number_at(pid, level, &ns);
	return ns == config.want.pid_ns ? 0 : number;
}

/* wick, and the children that parse and serve for it. */
static __always_inline bool is_self(struct task_struct *task, __u32 pid)
{
	return pid == config.want.self ||
	       number_here(task->group_leader->real_parent, true) == config.want.self;
}

static __always_inline bool has_comm(struct task_struct *task)
{
	char comm[WICK_COMM];

	bpf_get_current_comm(comm, sizeof(comm));
	if (bpf_map_lookup_elem(&comms, comm))
		return true;
	__builtin_memset(comm, 0, sizeof(comm));
	bpf_probe_read_kernel_str(comm, sizeof(comm), task->group_leader->comm);
	return bpf_map_lookup_elem(&comms, comm);
}

/* The task's cgroup in the hierarchy asked for. cgroup v2 stands in the css_set by itself; those of
 * v1 are found by walking its links, one a hierarchy, which also holds for the named ones, which
 * have no controller. */
static __always_inline struct cgroup *cgroup_of(struct task_struct *task)
{
	struct css_set *set = task->cgroups;
	struct list_head *head = &set->cgrp_links, *at;

	if (!config.want.hierarchy)
		return set->dfl_cgrp;
	at = BPF_CORE_READ(head, next);
	for (int i = 0; i < HIERARCHIES_MAX && at != head; i++) {
		struct cgrp_cset_link *link =
			(void *)at - bpf_core_field_offset(struct cgrp_cset_link, cgrp_link);

		if ((__u32)BPF_CORE_READ(link, cgrp, root, hierarchy_id) == config.want.hierarchy)
			return BPF_CORE_READ(link, cgrp);
		at = BPF_CORE_READ(at, next);
	}
	return NULL;
}

/* Itself or a descendant. */
static __always_inline bool is_in_cgroup(struct task_struct *task)
{
	struct cgroup *cgroup = cgroup_of(task);

	for (int i = 0; i < CGROUP_DEPTH_MAX && cgroup; i++) {
		if (BPF_CORE_READ(cgroup, kn, id) == config.want.cgroup)
			return true;
		cgroup = BPF_CORE_READ(cgroup, self.parent, cgroup);
	}
	return false;
}

/* All that was asked for must hold. */
static __always_inline bool is_wanted(struct task_struct *task, __u32 pid)
{
	if (config.want.pids && !bpf_map_lookup_elem(&filter, &pid))
		return false;
	if (config.want.self && is_self(task, pid))
		return false;
	if (config.want.comms && !has_comm(task))
		return false;
	return !config.want.cgroup || is_in_cgroup(task);
}

#endif
