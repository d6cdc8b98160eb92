/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/cgroups.h"

#include "base/cleanup.h"

#include <errno.h>
#include <limits.h>
#include <mntent.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

static bool has_option(const char *options, const char *name, size_t length)
{
	for (const char *at = options; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, name, length) && (!at[length] || at[length] == ','))
			return true;
	}
	return false;
}

/* Lines read "4:cpu,cpuacct:/path". All controllers of a hierarchy are among its mount's options,
 * so the first one tells. */
uint32_t cgroup_hierarchy(const char *mount_options, const char *proc_cgroup)
{
	for (const char *line = proc_cgroup; line; line = strchr(line, '\n')) {
		const char *name;
		char *end;
		unsigned long number;
		size_t length;

		line += *line == '\n';
		number = strtoul(line, &end, 10);
		if (*end != ':')
			continue;
		name = end + 1;
		length = strcspn(name, ",:\n");
		if (number && length && has_option(mount_options, name, length))
			return (uint32_t)number;
	}
	return 0;
}

static uint32_t hierarchy_of_mount(const char *mount_options)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/cgroup", "re");
	char text[16384];
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	text[n] = '\0';
	return cgroup_hierarchy(mount_options, text);
}

static void end_mounts(FILE **mounts)
{
	if (*mounts)
		endmntent(*mounts);
}

static bool is_cgroup_mount(const struct mntent *mount, bool v2)
{
	return !strcmp(mount->mnt_type, v2 ? "cgroup2" : "cgroup");
}

/* The hierarchy of v1 that is mounted with this device number. */
static int hierarchy_of_device(dev_t dev, uint32_t *ret_hierarchy)
{
	_cleanup_(end_mounts) FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *mount;
	struct stat st;

	while (mounts && (mount = getmntent(mounts)))
		if (is_cgroup_mount(mount, false) && !stat(mount->mnt_dir, &st) &&
		    st.st_dev == dev) {
			*ret_hierarchy = hierarchy_of_mount(mount->mnt_opts);
			return *ret_hierarchy ? 0 : -EPROTO;
		}
	return -EPROTO;
}

static int find_directory(const char *path, struct cgroup *ret_cgroup)
{
	struct cgroup cgroup = {0};
	struct statfs fs;
	struct stat st;
	int err = 0;

	if (stat(path, &st) || statfs(path, &fs) || !S_ISDIR(st.st_mode) ||
	    (fs.f_type != CGROUP2_SUPER_MAGIC && fs.f_type != CGROUP_SUPER_MAGIC))
		return -ENOENT;
	cgroup.id = st.st_ino;
	if (fs.f_type == CGROUP_SUPER_MAGIC)
		err = hierarchy_of_device(st.st_dev, &cgroup.hierarchy);
	if (!err)
		*ret_cgroup = cgroup;
	return err;
}

static int find_below_mounts(const char *path, bool v2, struct cgroup *ret_cgroup)
{
	_cleanup_(end_mounts) FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *mount;
	char whole[PATH_MAX];
	int err = -ENOENT;

	while (err == -ENOENT && mounts && (mount = getmntent(mounts))) {
		if (!is_cgroup_mount(mount, v2) ||
		    (size_t)snprintf(whole, sizeof(whole), "%s/%s", mount->mnt_dir, path) >=
			    sizeof(whole))
			continue;
		err = find_directory(whole, ret_cgroup);
	}
	return err;
}

int cgroup_find(const char *path, struct cgroup *ret_cgroup)
{
	int err = find_directory(path, ret_cgroup);

	if (err == -ENOENT)
		err = find_below_mounts(path, true, ret_cgroup);
	return err == -ENOENT ? find_below_mounts(path, false, ret_cgroup) : err;
}
