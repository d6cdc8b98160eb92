/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as an index: refused, or safe to search and to print. */
#include "base/cleanup.h"
#include "symbolizer/symindex.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Most changes to a header break its sums; put them right, so that the rest is reached as well. */
static void mend(uint8_t *bytes, size_t size)
{
	struct symindex_header h;
	uint64_t arrays;

	if (size < sizeof(h))
		return;
	memcpy(&h, bytes, sizeof(h));
	h.size = size;
	arrays = sizeof(h) + h.segment_count * 32ull + h.symbol_count * 16ull +
		 h.area_count * 8ull + h.node_count * 16ull + h.row_count * 12ull;
	if (arrays < size)
		h.string_size = (uint32_t)(size - arrays);
	memcpy(bytes, &h, sizeof(h));
}

static void search(struct symindex *index)
{
	struct symindex_name name;
	uint64_t a, b, c;
	size_t length;

	for (uint32_t i = 0; symindex_at(index, i, &name); i++)
		if (!strlen(name.symbol) || !symindex_lookup(index, name.start, &name))
			abort();
	for (uint64_t vaddr = 1; vaddr; vaddr <<= 1) {
		struct symindex_frame frames[SYMINDEX_DEPTH_MAX];
		uint32_t count = symindex_frames(index, vaddr, frames, SYMINDEX_DEPTH_MAX);

		for (uint32_t i = 0; i < count; i++)
			if ((frames[i].function && !strlen(frames[i].function)) ||
			    (frames[i].file && !strlen(frames[i].file)))
				abort();
	}
	for (uint64_t vaddr = 1; vaddr; vaddr <<= 1)
		if (symindex_lookup(index, vaddr, &name) && vaddr - name.start >= name.size)
			abort();
	for (uint64_t off = 1; off; off <<= 1)
		symindex_vaddr(index, off, &a);
	symindex_text(index, &a, &b, &c);
	symindex_build_id(index, &length);
}

static volatile size_t sink;

/* A damaged file of the cache: any names, but nothing outside of it. */
static void search_trusted(struct symindex *index)
{
	struct symindex_frame frames[SYMINDEX_DEPTH_MAX];
	struct symindex_name name;
	size_t total = 0;

	for (uint64_t vaddr = 1; vaddr; vaddr <<= 1) {
		uint32_t count = symindex_frames(index, vaddr, frames, SYMINDEX_DEPTH_MAX);

		for (uint32_t i = 0; i < count; i++)
			total += (frames[i].function ? strlen(frames[i].function) : 0) +
				 (frames[i].file ? strlen(frames[i].file) : 0);
	}
	for (uint32_t i = 0; symindex_at(index, i, &name); i++)
		total += strlen(name.symbol);
	sink = total;
}

static void try_bytes(const uint8_t *bytes, size_t size)
{
	struct symindex *index = NULL;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		abort();
	if (!symindex_open(fd, &index))
		search(index);
	symindex_free(TAKE_PTR(index));
	if (!symindex_open_trusted(fd, &index))
		search_trusted(index);
	symindex_free(index);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	uint8_t *mended = malloc(size + 1);

	if (!mended)
		abort();
	memcpy(mended, bytes, size);
	mend(mended, size);
	try_bytes(bytes, size);
	try_bytes(mended, size);
	free(mended);
	return 0;
}
