/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a split file or as a package of a real program, or as the program of a real split file:
 * the first byte says which. What symindex_build() makes of them, symindex_open() must take. */
#include "symbolizer/symindex.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char *const programs[] = {"split_gcc4", "split_gcc5", "split_clang4", "split_clang5"};

enum role { AS_SPLIT_FILE, AS_PACKAGE, AS_PROGRAM, ROLES };

static struct input {
	const uint8_t *bytes;
	size_t size;
	enum role role;
	const char *program;
} now;

static int memfd(const uint8_t *bytes, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		abort();
	return fd;
}

static int open_real(const char *suffix)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s%s", ELF_DIR, now.program, suffix);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		abort();
	return fd;
}

static int open_split(const char *comp_dir, const char *name)
{
	if (strlen(comp_dir) + strlen(name) == SIZE_MAX)
		abort();
	switch (now.role) {
	case AS_SPLIT_FILE:
		return memfd(now.bytes, now.size);
	case AS_PROGRAM:
		return open_real(".dwo");
	default:
		return -ENOENT;
	}
}

static void check_index(int fd)
{
	struct symindex_frame frames[SYMINDEX_DEPTH_MAX];
	struct symindex *index = NULL;

	if (symindex_open(fd, &index))
		abort();
	for (uint64_t vaddr = 0; vaddr < 0x4000; vaddr++)
		symindex_frames(index, symindex_header(index)->text + vaddr, frames,
				SYMINDEX_DEPTH_MAX);
	symindex_free(index);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct symindex_input input = {.debug_fd = -1, .alt_fd = -1, .package_fd = -1};
	int out;

	if (!size)
		return 0;
	now = (struct input){bytes + 1, size - 1, (enum role)(bytes[0] / 4 % ROLES),
			     programs[bytes[0] % 4]};
	input.open_split = open_split;
	input.elf_fd = now.role == AS_PROGRAM ? memfd(now.bytes, now.size) : open_real(".elf");
	if (now.role == AS_PACKAGE)
		input.package_fd = memfd(now.bytes, now.size);
	out = memfd(NULL, 0);
	if (!symindex_build(&input, out))
		check_index(out);
	if (input.package_fd >= 0)
		close(input.package_fd);
	close(input.elf_fd);
	close(out);
	return 0;
}
