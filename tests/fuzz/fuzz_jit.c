/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a perf map and as a jitdump, and as an answer; what jit_names_build() makes of the
 * former, jit_names_open() must take, and it must know all that was asked. */
#include "symbolizer/jit_names.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* now, then addresses */
static const uint64_t asked[] = {1000000, 0, 1, 0x1008, 0x1010, 0x2000, 0x3000, UINT64_MAX};
enum { ASKED = sizeof(asked) / sizeof(asked[0]) };

static int memfd(const void *bytes, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		abort();
	return fd;
}

static void search(const struct jit_names *names)
{
	for (int i = 1; i < ASKED; i++)
		for (uint64_t when = 0; when <= asked[0]; when += asked[0] / 4) {
			struct jit_name name;

			if (!jit_names_find(names, asked[i], when, &name))
				continue;
			if (!strlen(name.symbol) || (name.file && !strlen(name.file)) ||
			    jit_names_until(names, asked[i], when) <= when)
				abort();
		}
}

static void read_files(int map_fd, int dump_fd)
{
	int asked_fd = memfd(asked, sizeof(asked)), out = memfd("", 0);
	const struct jit_names_input input = {asked_fd, map_fd, dump_fd};
	struct jit_names *names = NULL;

	if (jit_names_build(&input, out) || jit_names_open(out, &names))
		abort();
	for (int i = 1; i < ASKED; i++)
		if (!jit_names_knows(names, asked[i]))
			abort();
	search(names);
	jit_names_free(names);
	close(asked_fd);
	close(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	int fd = memfd(bytes, size);
	struct jit_names *names = NULL;
	struct jit_name name;

	read_files(fd, fd);
	if (!jit_names_open(fd, &names))
		for (int i = 1; i < ASKED; i++)
			if (jit_names_find(names, asked[i], 1, &name) && !strlen(name.symbol))
				abort();
	jit_names_free(names);
	close(fd);
	return 0;
}
