/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a kallsyms text and as a maps text. */
#include "symbolizer/kallsyms.h"
#include "symbolizer/proc_maps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void search(const struct kallsyms *kallsyms)
{
	struct kallsyms_name name;

	for (uint64_t addr = 1; addr; addr <<= 1) {
		if (kallsyms_lookup(kallsyms, addr, &name) &&
		    (!strlen(name.symbol) || strlen(name.module) > 512))
			abort();
		kallsyms_lookup(kallsyms, ~addr, &name);
	}
	if (!kallsyms_bytes(kallsyms))
		abort();
}

static void read_kallsyms(const uint8_t *bytes, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct kallsyms *kallsyms = NULL;
	char path[64];

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!kallsyms_open(path, &kallsyms))
		search(kallsyms);
	kallsyms_free(kallsyms);
	close(fd);
}

static void read_maps(const char *bytes, size_t size)
{
	const char *at = bytes, *end = bytes + size;
	struct proc_mapping m;

	while (proc_maps_next(&at, end, &m))
		if (m.start >= m.end || m.path < bytes || m.path + m.path_length > end ||
		    memchr(m.path, '\n', m.path_length))
			abort();
	if (at != end)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *copy = malloc(size); /* of its exact size, so that a byte past it is seen */

	if (!copy && size)
		abort();
	if (size)
		memcpy(copy, bytes, size);
	read_kallsyms(bytes, size);
	read_maps(copy, size);
	free(copy);
	return 0;
}
