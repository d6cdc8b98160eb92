/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many addresses a second an index names, with all inlined calls, and how long it takes to
 *open: lookup INDEX COUNT [guided], INDEX being a file of the symbol cache. Built by hand:
 *
 *	cc -O2 -I. tests/bench/lookup.c build/symbolizer/libsymbolizer.a build/base/libbase.a
 *-lxxhash -o lookup
 */
#include "symbolizer/symindex.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	struct symindex_frame frames[SYMINDEX_DEPTH_MAX];
	struct symindex_name name = {0};
	struct symindex *index = NULL, *checked = NULL;
	uint64_t start, limit, state = 42, count, levels = 0, letters = 0;
	int fd = argc >= 3 ? open(argv[1], O_RDONLY) : -1;
	double began = now(), opened, end;

	if (fd < 0 || symindex_open_trusted(fd, &index) || !symindex_count(index))
		return 1;
	opened = now();
	if (symindex_open(fd, &checked))
		return 1;
	printf("open %.0f us, with all checks %.0f us\n", (opened - began) * 1e6,
	       (now() - opened) * 1e6);
	began = now();
	if (argc == 4 && symindex_guide(index))
		return 1;
	printf("guide %.0f us\n", (now() - began) * 1e6);
	/* Not of the segments: a separate debug file's are empty. */
	symindex_at(index, 0, &name);
	start = name.start;
	symindex_at(index, symindex_count(index) - 1, &name);
	limit = name.start + name.size;
	count = strtoull(argv[2], NULL, 10);
	for (int round = 0; round < 2; round++) {
		began = now();
		for (uint64_t i = 0; i < count; i++) {
			uint32_t n;

			state = state * 6364136223846793005 + 1442695040888963407;
			n = symindex_frames(index, start + (state >> 16) % (limit - start), frames,
					    SYMINDEX_DEPTH_MAX);
			levels += n;
			for (uint32_t j = 0; j < n; j++)
				letters += frames[j].function ? (uint64_t)frames[j].function[0] : 0;
		}
		end = now();
		printf("%s: %.2f M addresses/s, %.2f levels each (%llu)\n", round ? "warm" : "cold",
		       (double)count / (end - began) / 1e6,
		       (double)levels / (double)count / (round + 1), (unsigned long long)letters);
	}
	return 0;
}
