/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as an ELF file; what symindex_build() makes of them, symindex_open() must take. */
#include "symbolizer/symindex.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int memfd(void)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0)
		abort();
	return fd;
}

static void check_index(int fd, size_t size)
{
	struct symindex *index = NULL;
	struct symindex_frame frames[SYMINDEX_DEPTH_MAX];
	struct symindex_name at, found;
	uint64_t vaddr;

	if (symindex_open(fd, &index))
		abort();
	for (uint32_t i = 0; symindex_at(index, i, &at); i++)
		if (!symindex_lookup(index, at.start + at.size - 1, &found) ||
		    found.symbol != at.symbol || found.start != at.start)
			abort();
	for (vaddr = 0; vaddr < 0x4000; vaddr++)
		symindex_frames(index, symindex_header(index)->text + vaddr, frames,
				SYMINDEX_DEPTH_MAX);
	symindex_vaddr(index, size / 2, &vaddr);
	symindex_free(index);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	int elf = memfd(), out = memfd();
	const struct symindex_input input = {
		.elf_fd = elf, .debug_fd = -1, .alt_fd = -1, .package_fd = -1};

	if (write(elf, bytes, size) != (ssize_t)size)
		abort();
	if (!symindex_build(&input, out))
		check_index(out, size);
	close(elf);
	close(out);
	return 0;
}
