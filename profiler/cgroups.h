/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control groups, as the kernel side knows them. cgroups(7) */
#ifndef WICK_PROFILER_CGROUPS_H
#define WICK_PROFILER_CGROUPS_H

#include <stdint.h>

struct cgroup {
	uint64_t id;	    /* inode of its directory */
	uint32_t hierarchy; /* 0 = cgroup v2; else of v1, as /proc/PID/cgroup numbers them */
};

/*
 * The group that path names: its directory, or its path below where a hierarchy is mounted
 * ("docker/1234",
 * "/system.slice/ssh.service"); there v2 is tried first, then those of v1 in the order of their
 * mounts. -ENOENT: no such group. -EPROTO: of v1, and /proc does not tell its hierarchy.
 */
int cgroup_find(const char *path, struct cgroup *ret_cgroup);

/* The number of the v1 hierarchy with these mount options ("rw,cpu,cpuacct", "rw,name=systemd"), by
 * the text of a /proc/PID/cgroup. 0: not there. */
uint32_t cgroup_hierarchy(const char *mount_options, const char *proc_cgroup);

#endif
