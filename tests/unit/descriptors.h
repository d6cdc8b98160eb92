/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many descriptors this process has open; one more while it counts: compare two counts. */
#ifndef WICK_TESTS_UNIT_DESCRIPTORS_H
#define WICK_TESTS_UNIT_DESCRIPTORS_H

#include <dirent.h>
#include <stddef.h>

static inline unsigned int open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned int count = 0;

	while (directory && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	return count;
}

#endif
