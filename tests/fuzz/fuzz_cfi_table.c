/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as an unwind table: refused, or safe to search and to print. */
#include "symbolizer/cfi.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Most changes to a header break its sums; put them right, so that the rest is reached as well. */
static void mend(uint8_t *bytes, size_t size)
{
	struct cfi_header h;
	uint64_t arrays;

	if (size < sizeof(h))
		return;
	memcpy(&h, bytes, sizeof(h));
	h.size = size;
	arrays = sizeof(h) + h.segment_count * 40ull + h.rule_count * 16ull + h.page_count * 8ull;
	if (arrays < size)
		h.row_count = (uint32_t)((size - arrays) / 4);
	memcpy(bytes, &h, sizeof(h));
}

static void search(const struct cfi_table *table)
{
	const struct cfi_rule *rule;
	char words[CFI_WORDS_MAX];
	uint64_t start, end;

	for (uint32_t i = 0; i < table->header->segment_count; i++) {
		const struct cfi_segment *s = &table->segments[i];

		for (uint64_t at = s->vaddr; at < s->vaddr + s->size; at = end) {
			if (!cfi_table_find(table, at, &rule, &start, &end) || start != at ||
			    end <= at || rule < table->rules ||
			    rule >= table->rules + table->header->rule_count)
				abort();
		}
	}
	for (uint32_t i = 0; i < table->header->rule_count; i++)
		cfi_rule_words(&table->rules[i], table->header->machine, words, sizeof(words));
}

static void try_bytes(const uint8_t *bytes, size_t size)
{
	struct cfi_table *table = NULL;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		abort();
	if (!cfi_table_open(fd, &table))
		search(table);
	cfi_table_free(table);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	uint8_t *mended = malloc(size + 1);

	if (!mended)
		abort();
	if (size)
		memcpy(mended, bytes, size);
	try_bytes(mended, size);
	mend(mended, size);
	try_bytes(mended, size);
	free(mended);
	return 0;
}
