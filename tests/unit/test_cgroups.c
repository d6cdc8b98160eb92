/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/cgroups.h"

#include "tests/test.h"

#include <errno.h>

static const char groups[] = "12:name=systemd:/init.scope\n"
			     "5:cpu,cpuacct:/a:b\n"
			     "3:memory:/cpu\n"
			     "0::/system.slice\n";

TEST(a_hierarchy_is_told_by_its_mount_options)
{
	CHECK_INT(cgroup_hierarchy("rw,cpu,cpuacct", groups), 5);
	CHECK_INT(cgroup_hierarchy("rw,cpuacct,cpu", groups), 5);
	CHECK_INT(cgroup_hierarchy("rw,memory", groups), 3);
	CHECK_INT(cgroup_hierarchy("rw,xattr,name=systemd", groups), 12);
}

TEST(parts_of_names_and_the_second_version_are_no_hierarchy)
{
	CHECK_INT(cgroup_hierarchy("rw,cpus", groups), 0);
	CHECK_INT(cgroup_hierarchy("rw,name=system", groups), 0);
	CHECK_INT(cgroup_hierarchy("rw", groups), 0);
	CHECK_INT(cgroup_hierarchy("", ""), 0);
	CHECK_INT(cgroup_hierarchy("rw,memory", "memory:/\nx\n3:memory"), 3);
}

TEST(a_directory_that_is_no_group_is_none)
{
	struct cgroup cgroup = {1, 2};

	CHECK_INT(cgroup_find("/proc", &cgroup), -ENOENT);
	CHECK_INT(cgroup_find("/no/such/group", &cgroup), -ENOENT);
	CHECK_INT(cgroup.id, 1);
}

TEST_MAIN()
