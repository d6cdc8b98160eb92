/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as CFI; what cfi_build() makes of them, cfi_table_open() must take, and each vaddr of
 *the code must have a rule. The first byte says what the rest is:
 *
 *	0	a whole ELF file
 *	else	bit 0 .eh_frame, bit 1 .debug_frame, bit 2 arm64, bit 3 no sections,
 *		bit 4 the next byte x 4 bytes are .eh_frame_hdr, bit 5 linked by Go
 */
#include "symbolizer/cfi.h"
#include "tests/unit/cfi_elf.h"

enum { IS_EH = 1, IS_DEBUG = 2, IS_ARM64 = 4, NO_SECTIONS = 8, HAS_HDR = 16, IS_GO = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int whole_file(const uint8_t *bytes, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		abort();
	return fd;
}

static int wrapped(uint8_t flags, const uint8_t *bytes, size_t size)
{
	static const uint8_t code[] = {0x90, 0x48, 0xc7, 0xc0, 0x0f, 0,	   0,	 0,    0x0f,
				       0x05, 0x55, 0x48, 0x89, 0xe5, 0x48, 0x8b, 0x60, 0x38};
	struct cfi_elf elf = {
		.code_vaddr = 0xff00, /* on two pages */
		.code_size = 0x300,
		.code = {code, sizeof(code)},
		.machine = flags & IS_ARM64 ? EM_AARCH64 : EM_X86_64,
		.no_sections = flags & NO_SECTIONS,
		.is_go = flags & IS_GO,
	};

	if ((flags & HAS_HDR) && size) {
		size_t hdr = bytes[0] * (size_t)4;

		bytes++;
		size--;
		hdr = hdr < size ? hdr : size;
		elf.hdr = (struct bytes){bytes, hdr};
		bytes += hdr;
		size -= hdr;
	}
	if (flags & IS_EH)
		elf.eh_frame = (struct bytes){bytes, size};
	if (flags & IS_DEBUG)
		elf.debug_frame = (struct bytes){bytes, size};
	return cfi_elf_make(&elf);
}

static void check_table(const struct cfi_table *table)
{
	const struct cfi_stats *stats = &table->header->stats;
	uint64_t sum = 0, unsupported = 0, start, end;
	const struct cfi_rule *rule;
	char words[CFI_WORDS_MAX];

	for (uint32_t i = 0; i < table->header->segment_count; i++) {
		const struct cfi_segment *s = &table->segments[i];
		uint64_t limit = s->vaddr + s->size;

		for (uint64_t at = s->vaddr; at < limit; at = end) {
			if (!cfi_table_find(table, at, &rule, &start, &end) || start != at ||
			    end <= at || end > limit)
				abort();
			sum += rule->cfa != CFI_NONE ? end - start : 0;
			unsupported += rule->cfa == CFI_UNSUPPORTED ? end - start : 0;
		}
	}
	if (sum != stats->covered)
		abort();
	for (int i = 0; i < CFI_WHY_COUNT; i++)
		unsupported -= stats->unsupported[i];
	if (unsupported)
		abort();
	for (uint32_t i = 0; i < table->header->rule_count; i++)
		cfi_rule_words(&table->rules[i], table->header->machine, words, sizeof(words));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct cfi_table *table;
	int elf, out;

	if (!size)
		return 0;
	elf = bytes[0] ? wrapped(bytes[0], bytes + 1, size - 1) : whole_file(bytes + 1, size - 1);
	out = memfd_create("table", MFD_CLOEXEC);
	if (!cfi_build(elf, -1, out)) {
		if (cfi_table_open(out, &table))
			abort();
		check_table(table);
		cfi_table_free(table);
	}
	close(elf);
	close(out);
	return 0;
}
