/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/limits.h"

#include <sys/resource.h>

static struct rlimit files_before;

void limits_raise_files(void)
{
	struct rlimit files;

	if (files_before.rlim_max || getrlimit(RLIMIT_NOFILE, &files_before))
		return;
	files = files_before;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

void limits_restore_files(void)
{
	if (files_before.rlim_max)
		setrlimit(RLIMIT_NOFILE, &files_before);
}
