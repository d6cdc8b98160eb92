/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/limits.h"

#include "base/log.h"

#include <sys/resource.h>
#include <unistd.h>

/* Below this, something fails, and what does seldom says why. */
enum { FILES_LEAST = 128, FILES_OF_CPU = 5 };

static struct rlimit files_before;

void limits_raise_files(void)
{
	struct rlimit files;

	if (files_before.rlim_max || getrlimit(RLIMIT_NOFILE, &files_before))
		return;
	files = files_before;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur >= FILES_LEAST + FILES_OF_CPU * (rlim_t)sysconf(_SC_NPROCESSORS_ONLN))
		return;
	log_warn("only %llu open files are allowed: not all will work",
		 (unsigned long long)files.rlim_cur);
	log_hint("raise the limit: 'ulimit -n 65536', or LimitNOFILE= of a unit");
}

void limits_restore_files(void)
{
	if (files_before.rlim_max)
		setrlimit(RLIMIT_NOFILE, &files_before);
}
