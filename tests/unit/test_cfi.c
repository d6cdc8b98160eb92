/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unwind tables: CFI bytes -> rows, what is refused, what hostile files cost. */
#include "symbolizer/cfi.h"
#include "tests/test.h"
#include "tests/unit/cfi_elf.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/auxv.h>
#include <time.h>

/* def_cfa rsp 8; offset ra at cfa-8: how a call leaves things. */
#define CALLED "0c 07 08 90 01 "

static struct cfi_table *build(const struct cfi_elf *elf)
{
	int fd = cfi_elf_make(elf), out = memfd_create("table", MFD_CLOEXEC);
	struct cfi_table *table = NULL;
	int err = cfi_build(fd, -1, out);

	if (err)
		TEST_FAIL("cfi_build() gives %d", err);
	else if ((err = cfi_table_open(out, &table)))
		TEST_FAIL("cfi_table_open() refuses what cfi_build() made: %d", err);
	close(fd);
	close(out);
	return table;
}

/* "start end rule" a line, of the code; a row goes on over the edge of a page. */
static const char *rows_of(const struct cfi_table *table)
{
	static char text[8192];
	const struct cfi_segment *s = table ? &table->segments[0] : NULL;
	const struct cfi_rule *rule, *last = NULL;
	uint64_t start, end, from = 0;
	char words[CFI_WORDS_MAX];
	size_t used = 0;

	text[0] = '\0';
	if (!s)
		return text;
	for (uint64_t at = s->vaddr;; at = end) {
		bool found = cfi_table_find(table, at, &rule, &start, &end);

		if (last && (!found || rule != last)) {
			cfi_rule_words(last, table->header->machine, words, sizeof(words));
			used += (size_t)snprintf(text + used, sizeof(text) - used,
						 "%" PRIx64 " %" PRIx64 " %s\n", from, at, words);
			from = at;
		}
		if (!found || used >= sizeof(text))
			return text;
		from = last ? from : start;
		last = rule;
	}
}

/* What an FDE for 0x1000..0x1040 gives after a CIE with these instructions and letters. */
static void check_function(const char *title, const char *letters, const char *cie, const char *fde,
			   const char *want)
{
	struct buf frames = {0};
	struct cfi_table *table;
	size_t at = put_cie(&frames, letters, "", cie);
	char fde_z[1024], rest[128];
	const char *have;

	snprintf(fde_z, sizeof(fde_z), "%s%s", letters[0] == 'z' ? "00 " : "", fde);
	put_fde(&frames, at, ELF_CODE, 0x40, fde_z);
	table = build(&(struct cfi_elf){.eh_frame = {frames.bytes, frames.used}});
	have = rows_of(table);
	snprintf(rest, sizeof(rest), "%s", "1040 1100 none\n");
	if (strncmp(have, want, strlen(want)) != 0 || strcmp(have + strlen(want), rest) != 0)
		TEST_FAIL("%s:\n%swant\n%s%s", title, have, want, rest);
	cfi_table_free(table);
	buf_release(&frames);
}

TEST(each_instruction_gives_its_row)
{
	static const struct {
		const char *title, *cie, *fde, *want;
	} cases[] = {
		{"no instructions", CALLED, "", "1000 1040 cfa = rsp + 8, ra at cfa - 8\n"},
		{"push rbp, mov rsp rbp, leave", CALLED, "41 0e 10 86 02 43 0d 06 78 0c 07 08",
		 "1000 1001 cfa = rsp + 8, ra at cfa - 8\n"
		 "1001 1004 cfa = rsp + 16, rbp at cfa - 16, ra at cfa - 8\n"
		 "1004 103c cfa = rbp + 16, rbp at cfa - 16, ra at cfa - 8\n"
		 "103c 1040 cfa = rsp + 8, rbp at cfa - 16, ra at cfa - 8\n"},
		{"restore gives what the CIE said", CALLED, "41 86 02 41 c6",
		 "1000 1001 cfa = rsp + 8, ra at cfa - 8\n"
		 "1001 1002 cfa = rsp + 8, rbp at cfa - 16, ra at cfa - 8\n"
		 "1002 1040 cfa = rsp + 8, ra at cfa - 8\n"},
		{"restore_extended", CALLED "86 02 ", "41 08 06 41 06 06",
		 "1000 1001 cfa = rsp + 8, rbp at cfa - 16, ra at cfa - 8\n"
		 "1001 1002 cfa = rsp + 8, ra at cfa - 8\n"
		 "1002 1040 cfa = rsp + 8, rbp at cfa - 16, ra at cfa - 8\n"},
		{"remember and restore a state with its cfa", CALLED,
		 "41 0e 10 0a 41 0e 08 86 04 41 0b",
		 "1000 1001 cfa = rsp + 8, ra at cfa - 8\n"
		 "1001 1002 cfa = rsp + 16, ra at cfa - 8\n"
		 "1002 1003 cfa = rsp + 8, rbp at cfa - 32, ra at cfa - 8\n"
		 "1003 1040 cfa = rsp + 16, ra at cfa - 8\n"},
		{"advances of 1, 2, 4 and 8 bytes", CALLED,
		 "02 01 0e 10 03 02 00 0e 18 04 04 00 00 00 0e 20 1d 08 00 00 00 00 00 00 00 0e 28",
		 "1000 1001 cfa = rsp + 8, ra at cfa - 8\n"
		 "1001 1003 cfa = rsp + 16, ra at cfa - 8\n"
		 "1003 1007 cfa = rsp + 24, ra at cfa - 8\n"
		 "1007 100f cfa = rsp + 32, ra at cfa - 8\n"
		 "100f 1040 cfa = rsp + 40, ra at cfa - 8\n"},
		{"set_loc", CALLED, "01 20 10 00 00 00 00 00 00 0e 10",
		 "1000 1020 cfa = rsp + 8, ra at cfa - 8\n"
		 "1020 1040 cfa = rsp + 16, ra at cfa - 8\n"},
		{"an advance past the end", CALLED, "41 0e 10 03 00 10 0e 18",
		 "1000 1001 cfa = rsp + 8, ra at cfa - 8\n"
		 "1001 1040 cfa = rsp + 16, ra at cfa - 8\n"},
		{"an advance of nothing", CALLED, "40 0e 10",
		 "1000 1040 cfa = rsp + 16, ra at cfa - 8\n"},
		{"equal neighbours are one row", CALLED, "41 8c 03 41 2e 10 41 0e 08",
		 "1000 1040 cfa = rsp + 8, ra at cfa - 8\n"},
		{"signed and extended offsets", CALLED, "12 06 7e 05 06 02 11 03 03 41 13 7d",
		 "1000 1001 cfa = rbp + 16, rbp at cfa - 16, rbx at cfa - 24, ra at cfa - 8\n"
		 "1001 1040 cfa = rbp + 24, rbp at cfa - 16, rbx at cfa - 24, ra at cfa - 8\n"},
		{"GNU_negative_offset_extended", CALLED, "2f 06 02",
		 "1000 1040 cfa = rsp + 8, rbp at cfa + 16, ra at cfa - 8\n"},
		{"rbx, also as base", CALLED, "41 0e 10 83 02 41 0d 03",
		 "1000 1001 cfa = rsp + 8, ra at cfa - 8\n"
		 "1001 1002 cfa = rsp + 16, rbx at cfa - 16, ra at cfa - 8\n"
		 "1002 1040 cfa = rbx + 16, rbx at cfa - 16, ra at cfa - 8\n"},
		{"a register of the leaf frame", CALLED, "0c 0a 00 41 0d 00 41 0d 0f",
		 "1000 1001 cfa = r10, ra at cfa - 8\n"
		 "1001 1002 cfa = rax, ra at cfa - 8\n"
		 "1002 1040 cfa = r15, ra at cfa - 8\n"},
		{"an offset above 32767", CALLED, "0e c0 84 3d",
		 "1000 1040 cfa = rsp + 1000000, ra at cfa - 8\n"},
		{"return address undefined", CALLED, "07 10", "1000 1040 end\n"},
		{"return address in rdi, as in __vfork", CALLED, "41 09 10 05",
		 "1000 1001 cfa = rsp + 8, ra at cfa - 8\n"
		 "1001 1040 cfa = rsp + 8, ra in rdi\n"},
		{"return address elsewhere on the stack", CALLED, "90 03",
		 "1000 1040 cfa = rsp + 8, ra at cfa - 24\n"},
		{"rbp undefined, same, in itself, in r9, a value", CALLED,
		 "07 06 41 08 06 41 07 06 41 09 06 06 41 09 06 09 41 14 06 02",
		 "1000 1001 cfa = rsp + 8, rbp lost, ra at cfa - 8\n"
		 "1001 1002 cfa = rsp + 8, ra at cfa - 8\n"
		 "1002 1003 cfa = rsp + 8, rbp lost, ra at cfa - 8\n"
		 "1003 1004 cfa = rsp + 8, ra at cfa - 8\n"
		 "1004 1040 cfa = rsp + 8, rbp lost, ra at cfa - 8\n"},
		{"rsp as usual, said aloud", CALLED, "14 07 00",
		 "1000 1040 cfa = rsp + 8, ra at cfa - 8\n"},
		{"registers that nobody keeps", CALLED,
		 "8c 03 09 0d 0e 07 0f 08 0c 10 0e 02 76 00 16 0f 02 76 00 05 40 03",
		 "1000 1040 cfa = rsp + 8, ra at cfa - 8\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_function(cases[i].title, "", cases[i].cie, cases[i].fde, cases[i].want);
}

TEST(expressions_are_rules_where_they_have_a_known_form)
{
	static const struct {
		const char *title, *fde, *want;
	} cases[] = {
		{"a lazy PLT, the operand is read",
		 "0e 10 46 0e 18 4a 0f 0b 77 08 80 00 3f 1a 3b 2a 33 24 22",
		 "1000 1006 cfa = rsp + 16, ra at cfa - 8\n"
		 "1006 1010 cfa = rsp + 24, ra at cfa - 8\n"
		 "1010 1040 cfa = rsp + 8 + (pc & 15 >= 11 ? 8 : 0), ra at cfa - 8\n"},
		{"one of other size", "0f 0b 77 10 80 00 3f 1a 3a 2a 33 24 22",
		 "1000 1040 cfa = rsp + 16 + (pc & 15 >= 10 ? 8 : 0), ra at cfa - 8\n"},
		{"DRAP: all relative to rbp", "0f 03 76 58 06 10 06 02 76 00 10 03 02 76 50",
		 "1000 1040 cfa = *(rbp - 40), rbp at rbp, rbx at rbp - 48, ra at cfa - 8\n"},
		{"a saved rsp, plus a constant", "0f 06 77 98 04 06 23 38",
		 "1000 1040 cfa = *(rsp + 536) + 56, ra at cfa - 8\n"},
		{"below rsp", "0f 05 77 78 06 23 08",
		 "1000 1040 cfa = *(rsp - 8) + 8, ra at cfa - 8\n"},
		{"no more than a register and an offset", "0f 02 76 10",
		 "1000 1040 cfa = rbp + 16, ra at cfa - 8\n"},
		{"bregx", "0f 03 92 06 10", "1000 1040 cfa = rbp + 16, ra at cfa - 8\n"},
		{"a place relative to the CFA's register", "0e 20 10 06 02 77 08",
		 "1000 1040 cfa = rsp + 32, rbp at cfa - 24, ra at cfa - 8\n"},
		{"a place that the walker cannot reach",
		 "0f 03 77 10 06 10 06 02 77 08 10 03 02 77 18",
		 "1000 1040 cfa = *(rsp + 16), rbp lost, rbx lost, ra at cfa - 8\n"},
		{"back to a register, the old offset", "0e 38 41 0f 03 77 10 06 41 0d 07",
		 "1000 1001 cfa = rsp + 56, ra at cfa - 8\n"
		 "1001 1002 cfa = *(rsp + 16), ra at cfa - 8\n"
		 "1002 1040 cfa = rsp + 56, ra at cfa - 8\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_function(cases[i].title, "", CALLED, cases[i].fde, cases[i].want);
}

TEST(what_cannot_be_said_is_unsupported_with_its_reason)
{
	static const struct {
		const char *title, *fde, *want;
	} cases[] = {
		{"an expression over two registers", "0f 0a 77 08 79 00 38 1e 22 06 23 08",
		 "unsupported: cfa by an expression of no known form\n"},
		{"an empty expression", "0f 00",
		 "unsupported: cfa by an expression of no known form\n"},
		{"a CFA in xmm0", "0d 11", "unsupported: cfa by a special register\n"},
		{"a return address by an expression", "10 10 02 77 08",
		 "unsupported: return address in no known place\n"},
		{"a return address in xmm0", "09 10 11",
		 "unsupported: return address in no known place\n"},
		{"longjmp's rsp", "09 07 08", "unsupported: caller's sp is not the cfa\n"},
		{"an offset past 32 bits", "0e ff ff ff ff 0f", "unsupported: offset too large\n"},
		{"rbp past 16 bits from the cfa", "86 81 20", "unsupported: offset too large\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char want[256];

		snprintf(want, sizeof(want), "1000 1040 %s", cases[i].want);
		check_function(cases[i].title, "", CALLED, cases[i].fde, want);
	}
}

TEST(nonsense_costs_the_rest_of_its_function)
{
	static const struct {
		const char *title, *fde;
	} cases[] = {
		{"an unknown instruction", "3f"},
		{"arm64's, here", "2d"},
		{"a restored state that nobody remembered", "0b"},
		{"an operand that is cut off", "00 00 00 0e"},
		{"an expression past the end", "0f 7f 77"},
		{"a LEB128 of more than 64 bits", "0e ff ff ff ff ff ff ff ff ff 7f"},
		{"a way back", "01 00 10 00 00 00 00 00 00"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char fde[256];

		snprintf(fde, sizeof(fde), "44 0e 10 44 %s", cases[i].fde);
		check_function(cases[i].title, "", CALLED, fde,
			       "1000 1004 cfa = rsp + 8, ra at cfa - 8\n"
			       "1004 1008 cfa = rsp + 16, ra at cfa - 8\n"
			       "1008 1040 unsupported: damaged instructions\n");
	}
}

TEST(more_remembered_states_than_fit_are_damage)
{
	char fde[3 * 40 + 1] = "";

	for (int i = 0; i < 32; i++)
		strcat(fde, "0a ");
	check_function("32 states", "", CALLED, fde, "1000 1040 cfa = rsp + 8, ra at cfa - 8\n");
	strcat(fde, "0a ");
	check_function("33 states", "", CALLED, fde,
		       "1000 1040 unsupported: damaged instructions\n");
}

TEST(signal_frames_name_the_places_of_all_registers)
{
	/* glibc's: rsp, rbp, rbx and the return address by expressions over rsp */
	check_function(
		"glibc", "zS", "",
		"0f 04 77 a0 01 06 10 06 03 77 f8 00 10 03 03 77 80 01 10 07 03 77 a0 01 "
		"10 10 03 77 a8 01",
		"1000 1040 signal frame: ip at sp + 168, sp at + 160, fp at + 120, bx at + 128\n");
	check_function(
		"places that are said are taken", "zS", "", "10 06 03 77 88 01",
		"1000 1040 signal frame: ip at sp + 168, sp at + 160, fp at + 136, bx at + 128\n");
}

TEST(a_trampoline_without_cfi_is_known_by_its_code)
{
	static const uint8_t code[] = {0x90, 0x90, 0x90, 0x48, 0xc7, 0xc0, 0x0f,
				       0,    0,	   0,	 0x0f, 0x05, 0x90};
	struct cfi_table *table = build(&(struct cfi_elf){.code = {code, sizeof(code)}});

	/* from the byte before it: a handler's return address is looked up at pc - 1 */
	CHECK_STR(rows_of(table),
		  "1000 1002 none\n"
		  "1002 100c signal frame: ip at sp + 168, sp at + 160, fp at + 120, bx at + 128\n"
		  "100c 1100 none\n");
	cfi_table_free(table);
}

static void put_debug_fde(struct buf *buf, uint64_t start, uint64_t size, const char *instructions)
{
	size_t entry = buf->used;

	put_u32(buf, 0);
	put_u32(buf, 0);
	put_u64(buf, start);
	put_u64(buf, size);
	put_hex(buf, instructions);
	put_length(buf, entry);
}

static void put_debug_cie(struct buf *buf)
{
	size_t entry = buf->used;

	put_u32(buf, 0);
	put_u32(buf, UINT32_MAX);
	put_hex(buf, "03 00 01 78 10 " CALLED);
	put_length(buf, entry);
}

TEST(trampolines_may_follow_each_other)
{
	static const uint8_t code[] = {0x90, 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0,	 0x0f, 0x05,
				       0x48, 0xc7, 0xc0, 0x0f, 0,    0, 0, 0x0f, 0x05, 0x90};
	struct cfi_table *table = build(&(struct cfi_elf){.code = {code, sizeof(code)}});

	CHECK_STR(rows_of(table),
		  "1000 1013 signal frame: ip at sp + 168, sp at + 160, fp at + 120, bx at + 128\n"
		  "1013 1100 none\n");
	cfi_table_free(table);
}

TEST(a_trampoline_that_debug_frame_takes_for_a_function_is_one)
{
	static const uint8_t code[] = {0xcc, 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05, 0xcc};
	struct buf debug = {0};
	struct cfi_table *table;

	put_debug_cie(&debug);
	put_debug_fde(&debug, 0x1001, 0x0a, "");
	table = build(&(struct cfi_elf){.code = {code, sizeof(code)},
					.debug_frame = {debug.bytes, debug.used}});
	CHECK_STR(rows_of(table),
		  "1000 100b signal frame: ip at sp + 168, sp at + 160, fp at + 120, bx at + 128\n"
		  "100b 1100 none\n");
	cfi_table_free(table);
	buf_release(&debug);
}

/* 0x1000..0x1010 and 0x1010 + gap.. */
static const char *rows_with_gap(uint64_t gap)
{
	static char text[1024];
	struct buf frames = {0};
	size_t cie = put_cie(&frames, "", "", CALLED);
	struct cfi_table *table;

	put_fde(&frames, cie, ELF_CODE, 0x10, "");
	put_fde(&frames, cie, ELF_CODE + 0x10 + gap, 0xf0 - gap, "0e 10");
	table = build(&(struct cfi_elf){.eh_frame = {frames.bytes, frames.used}});
	snprintf(text, sizeof(text), "%s", rows_of(table));
	cfi_table_free(table);
	buf_release(&frames);
	return text;
}

TEST(padding_keeps_the_rule_before_it)
{
	CHECK_STR(rows_with_gap(15), "1000 101f cfa = rsp + 8, ra at cfa - 8\n"
				     "101f 1100 cfa = rsp + 16, ra at cfa - 8\n");
	CHECK_STR(rows_with_gap(16), "1000 1010 cfa = rsp + 8, ra at cfa - 8\n"
				     "1010 1020 none\n"
				     "1020 1100 cfa = rsp + 16, ra at cfa - 8\n");
}

TEST(of_functions_that_overlap_the_first_wins)
{
	struct buf frames = {0};
	size_t cie = put_cie(&frames, "", "", CALLED);
	struct cfi_table *table;

	put_fde(&frames, cie, 0x1020, 0x40, "0e 20 44 0e 28 60 0e 30");
	put_fde(&frames, cie, 0x1000, 0x30, "0e 10");
	put_fde(&frames, cie, 0x1000, 0x30, "0e 18");
	put_fde(&frames, cie, 0x1008, 0x08, "0e 38");
	table = build(&(struct cfi_elf){.eh_frame = {frames.bytes, frames.used}});
	CHECK_STR(rows_of(table), "1000 1030 cfa = rsp + 16, ra at cfa - 8\n"
				  "1030 1044 cfa = rsp + 40, ra at cfa - 8\n"
				  "1044 1060 cfa = rsp + 48, ra at cfa - 8\n"
				  "1060 1100 none\n");
	CHECK_INT(table->header->stats.overlaps, 3);
	CHECK_INT(table->header->stats.fdes, 2);
	cfi_table_free(table);
	buf_release(&frames);
}

TEST(functions_end_with_their_segment)
{
	struct buf frames = {0};
	size_t cie = put_cie(&frames, "", "", CALLED);
	struct cfi_table *table;

	put_fde(&frames, cie, 0xff0, 0x20, "0e 18");
	put_fde(&frames, cie, 0x1080, UINT64_MAX - 0x1080, "0e 10");
	put_fde(&frames, cie, 0x5000, 0x40, "0e 20");
	table = build(&(struct cfi_elf){.eh_frame = {frames.bytes, frames.used}});
	CHECK_STR(rows_of(table), "1000 1080 none\n1080 1100 cfa = rsp + 16, ra at cfa - 8\n");
	CHECK_INT(table->header->stats.covered, 0x80);
	CHECK_INT(table->header->stats.text, 0x100);
	cfi_table_free(table);
	buf_release(&frames);
}

TEST(each_page_repeats_the_rule_in_force)
{
	struct buf frames = {0};
	size_t cie = put_cie(&frames, "", "", CALLED);
	const struct cfi_rule *rule;
	struct cfi_table *table;
	uint64_t start, end;

	/* a new rule exactly at 0x20000 and at 0x30001 */
	put_fde(&frames, cie, ELF_CODE, 0x3f000, "04 00 f0 01 00 0e 10 04 01 00 01 00 0e 18");
	table = build(
		&(struct cfi_elf){.eh_frame = {frames.bytes, frames.used}, .code_size = 0x3f800});
	CHECK_STR(rows_of(table), "1000 20000 cfa = rsp + 8, ra at cfa - 8\n"
				  "20000 30001 cfa = rsp + 16, ra at cfa - 8\n"
				  "30001 40000 cfa = rsp + 24, ra at cfa - 8\n"
				  "40000 40800 none\n");
	CHECK_INT(table->header->page_count, 5);
	for (uint32_t i = 0; i < table->header->page_count; i++)
		CHECK_INT(table->rows[table->pages[i].row_first] >> 16, 0);
	CHECK_INT(table->pages[1].row_count, 1);
	CHECK_INT(table->pages[2].row_count, 1);
	CHECK_INT(table->pages[3].row_count, 2);
	CHECK(cfi_table_find(table, 0x2ffff, &rule, &start, &end));
	CHECK_INT(start, 0x20000);
	CHECK_INT(end, 0x30000);
	CHECK(!cfi_table_find(table, 0xfff, &rule, &start, &end));
	CHECK(!cfi_table_find(table, 0x40800, &rule, &start, &end));
	cfi_table_free(table);
	buf_release(&frames);
}

/* .eh_frame_hdr with a table of these pairs. */
static void put_hdr(struct buf *hdr, const uint64_t *pairs, size_t count)
{
	put_hex(hdr, "01 1b 03 3b");
	put_u32(hdr, ELF_FRAMES - (ELF_HDR + 4));
	put_u32(hdr, count);
	for (size_t i = 0; i < count; i++) {
		put_u32(hdr, pairs[2 * i] - ELF_HDR);
		put_u32(hdr, pairs[2 * i + 1] - ELF_HDR);
	}
}

TEST(a_search_table_does_without_sections_and_a_bad_one_is_not_believed)
{
	struct buf frames = {0}, good = {0}, bad = {0};
	size_t cie = put_cie(&frames, "zR", "1b", CALLED);
	size_t fde = frames.used;
	const char *want = "1000 1040 cfa = rsp + 16, ra at cfa - 8\n1040 1100 none\n";
	struct cfi_table *table;

	put_u32(&frames, 0);
	put_u32(&frames, fde + 4 - cie);
	put_u32(&frames, (uint64_t)ELF_CODE - (ELF_FRAMES + frames.used));
	put_u32(&frames, 0x40);
	put_hex(&frames, "00 0e 10");
	put_length(&frames, fde);
	put_u32(&frames, 0);
	put_hex(&frames, "ff ff ff 00"); /* not entries any more */
	put_hdr(&good, (uint64_t[]){ELF_CODE, ELF_FRAMES + fde}, 1);
	put_hdr(&bad, (uint64_t[]){ELF_CODE, ELF_FRAMES + fde, 0x1040, ELF_FRAMES + cie}, 2);

	table = build(&(struct cfi_elf){.eh_frame = {frames.bytes, frames.used},
					.hdr = {good.bytes, good.used},
					.no_sections = true});
	CHECK_STR(rows_of(table), want);
	CHECK_INT(table->header->stats.damaged, 0);
	cfi_table_free(table);
	table = build(&(struct cfi_elf){.eh_frame = {frames.bytes, frames.used},
					.hdr = {bad.bytes, bad.used},
					.no_sections = true});
	CHECK_STR(rows_of(table), want);
	cfi_table_free(table);
	table = build(&(struct cfi_elf){.eh_frame = {frames.bytes, frames.used - 8}});
	CHECK_STR(rows_of(table), want);
	cfi_table_free(table);
	buf_release(&frames);
	buf_release(&good);
	buf_release(&bad);
}

TEST(addresses_are_read_in_each_encoding)
{
	static const struct {
		const char *encoding; /* of the augmentation */
		const char *hex;      /* start and size, if absolute */
		uint64_t base;
		unsigned int size; /* bytes of a number, if not absolute */
	} cases[] = {
		{"00", "00 10 00 00 00 00 00 00 40 00 00 00 00 00 00 00", 0, 0},
		{"01", "80 20 40", 0, 0},
		{"02", "00 10 40 00", 0, 0},
		{"03", "00 10 00 00 40 00 00 00", 0, 0},
		{"04", "00 10 00 00 00 00 00 00 40 00 00 00 00 00 00 00", 0, 0},
		{"08", "00 10 00 00 00 00 00 00 40 00 00 00 00 00 00 00", 0, 0},
		{"09", "80 20 c0 00", 0, 0},
		{"0a", "00 10 40 00", 0, 0},
		{"0b", "00 10 00 00 40 00 00 00", 0, 0},
		{"0c", "00 10 00 00 00 00 00 00 40 00 00 00 00 00 00 00", 0, 0},
		{"1b", NULL, ELF_FRAMES, 4},
		{"1c", NULL, ELF_FRAMES, 8},
		{"20", "00 00 00 00 00 00 00 00 40 00 00 00 00 00 00 00", 0, 0},
		{"23", "00 00 00 00 40 00 00 00", 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf frames = {0};
		size_t cie = put_cie(&frames, "zR", cases[i].encoding, CALLED), fde = frames.used;
		struct cfi_table *table;

		put_u32(&frames, 0);
		put_u32(&frames, fde + 4 - cie);
		if (cases[i].hex) {
			put_hex(&frames, cases[i].hex);
		} else if (cases[i].size == 4) {
			put_u32(&frames, ELF_CODE - (cases[i].base + frames.used));
			put_u32(&frames, 0x40);
		} else {
			put_u64(&frames, ELF_CODE - (cases[i].base + frames.used));
			put_u64(&frames, 0x40);
		}
		put_hex(&frames, "00 0e 10");
		put_length(&frames, fde);
		table = build(&(struct cfi_elf){.eh_frame = {frames.bytes, frames.used}});
		if (strcmp(rows_of(table),
			   "1000 1040 cfa = rsp + 16, ra at cfa - 8\n1040 1100 none\n") != 0)
			TEST_FAIL("encoding %s: %s", cases[i].encoding, rows_of(table));
		cfi_table_free(table);
		buf_release(&frames);
	}
}

/* One CIE of these bytes (behind its id) and an FDE of it with absolute addresses. */
static void check_cie(const char *title, const char *cie, const char *fde, const char *want)
{
	struct buf frames = {0};
	struct cfi_table *table;

	put_u32(&frames, 0);
	put_u32(&frames, 0);
	put_hex(&frames, cie);
	put_length(&frames, 0);
	put_fde(&frames, 0, ELF_CODE, 0x40, fde);
	table = build(&(struct cfi_elf){.eh_frame = {frames.bytes, frames.used}});
	if (strcmp(rows_of(table), want) != 0)
		TEST_FAIL("%s: %s", title, rows_of(table));
	cfi_table_free(table);
	buf_release(&frames);
}

TEST(cies_of_all_versions_and_augmentations)
{
	const char *good = "1000 1040 cfa = rsp + 16, ra at cfa - 8\n1040 1100 none\n";
	const char *none = "1000 1100 none\n";

	check_cie("version 1", "01 00 01 78 10 " CALLED, "0e 10", good);
	check_cie("version 3", "03 00 01 78 90 00 " CALLED, "0e 10", good);
	check_cie("version 4", "04 00 08 00 01 78 10 " CALLED, "0e 10", good);
	check_cie("version 4 with 4-byte addresses", "04 00 04 00 01 78 10 " CALLED, "0e 10", none);
	check_cie("version 2", "02 00 01 78 10 " CALLED, "0e 10", none);
	check_cie("eh of GCC 2", "01 65 68 00 00 00 00 00 00 00 00 00 01 78 10 " CALLED, "0e 10",
		  good);
	check_cie("zPLR", "01 7a 50 4c 52 00 01 78 10 07 9b 00 00 00 00 1b 04 " CALLED, "0e 10",
		  none); /* 0x04 is R's: udata8 */
	check_cie("zPLR", "01 7a 50 4c 52 00 01 78 10 07 9b 00 00 00 00 1b 00 " CALLED, "00 0e 10",
		  good);
	check_cie("zB and unknown letters, skipped by their size",
		  "01 7a 42 58 51 00 01 78 10 03 aa bb cc " CALLED, "00 0e 10", good);
	check_cie("unknown letters without a size", "01 51 00 01 78 10 " CALLED, "0e 10", none);
	check_cie("an augmentation past the end", "01 7a 00 01 78 10 7f " CALLED, "00 0e 10", none);
	check_cie("instructions that make no sense", "01 00 01 78 10 3f", "0e 10", none);
	check_cie("an advance in a CIE", "01 00 01 78 10 41 " CALLED, "0e 10", none);
	check_cie("another return address column", "01 00 01 78 03 " CALLED, "0e 10",
		  "1000 1040 unsupported: return address in no known place\n1040 1100 none\n");
}

TEST(entries_may_have_64_bit_lengths)
{
	struct buf frames = {0};
	struct cfi_table *table;

	/* .debug_frame: then ids have 64 bits too */
	put_u32(&frames, UINT32_MAX);
	put_u64(&frames, 20);
	put_u64(&frames, UINT64_MAX);
	put_hex(&frames, "03 00 01 78 10 " CALLED "00 00");
	put_u32(&frames, UINT32_MAX);
	put_u64(&frames, 26);
	put_u64(&frames, 0);
	put_u64(&frames, ELF_CODE);
	put_u64(&frames, 0x40);
	put_hex(&frames, "0e 10");
	table = build(&(struct cfi_elf){.debug_frame = {frames.bytes, frames.used}});
	CHECK_STR(rows_of(table), "1000 1040 cfa = rsp + 16, ra at cfa - 8\n1040 1100 none\n");
	cfi_table_free(table);
	buf_release(&frames);
}

TEST(debug_frame_fills_what_eh_frame_leaves)
{
	struct buf frames = {0}, debug = {0}, other = {0};
	size_t cie = put_cie(&frames, "", "", CALLED);
	struct cfi_table *table = NULL;
	int fd, debug_fd, out = memfd_create("table", MFD_CLOEXEC);

	put_fde(&frames, cie, 0x1040, 0x40, "0e 10");
	put_debug_cie(&debug);
	put_debug_fde(&debug, 0x1020, 0x40, "0e 18"); /* ends where the better one starts */
	put_debug_fde(&debug, 0x1048, 0x08, "0e 20"); /* inside it */
	put_debug_fde(&debug, 0x1080, 0x10, "0e 28");
	put_debug_cie(&other);
	put_debug_fde(&other, 0x1080, 0x10, "0e 40");
	put_debug_fde(&other, 0x10c0, 0x40, "0e 30");
	fd = cfi_elf_make(&(struct cfi_elf){.eh_frame = {frames.bytes, frames.used},
					    .debug_frame = {debug.bytes, debug.used}});
	debug_fd = cfi_elf_make(&(struct cfi_elf){.debug_frame = {other.bytes, other.used}});
	CHECK_INT(cfi_build(fd, debug_fd, out), 0);
	CHECK_INT(cfi_table_open(out, &table), 0);
	CHECK_STR(rows_of(table), "1000 1020 none\n"
				  "1020 1040 cfa = rsp + 24, ra at cfa - 8\n"
				  "1040 1080 cfa = rsp + 16, ra at cfa - 8\n"
				  "1080 1090 cfa = rsp + 40, ra at cfa - 8\n"
				  "1090 10c0 none\n"
				  "10c0 1100 cfa = rsp + 48, ra at cfa - 8\n");
	CHECK_INT(table->header->stats.overlaps, 0);
	cfi_table_free(table);
	buf_release(&frames);
	buf_release(&debug);
	buf_release(&other);
	close(fd);
	close(debug_fd);
	close(out);
}

/* As Go 1.26 writes them: main.main, and systemstack that goes to another stack. */
TEST(functions_of_go_save_rbp_though_their_cfi_is_silent)
{
	static const uint8_t code[] = {
		0x49, 0x3b, 0x66, 0x10, 0x76, 0x4a,		/* cmp 0x10(%r14),%rsp; jbe */
		0x55, 0x48, 0x89, 0xe5,				/* push %rbp; mov %rsp,%rbp */
		0x48, 0x83, 0xec, 0x10,				/* sub $16,%rsp */
		0x31, 0xc0, 0x48, 0x83, 0xc4, 0x10, 0x5d, 0xc3, /* .. add $16,%rsp; pop; ret */
		0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc,
		0xcc, 0xcc, 0x55, 0x48, 0x89, 0xe5, /* at 0x20 */
		0x48, 0x8b, 0x62, 0x38,		    /* mov 0x38(%rdx),%rsp */
		0xff, 0xd7, 0x48, 0x83, 0xec, 0x10, /* call *%rdi; sub $16,%rsp */
		0x90, 0x5d, 0xc3,
	};
	struct buf debug = {0};
	struct cfi_elf elf = {.code = {code, sizeof(code)}, .is_go = true};
	struct cfi_table *table;

	put_debug_cie(&debug);
	put_debug_fde(&debug, 0x1000, 0x16, "47 0e 10 47 0e 20 46 0e 10 41 0e 08");
	put_debug_fde(&debug, 0x1020, 0x11, "41 0e 10 4d 0e 20 42 0e 08");
	elf.debug_frame = (struct bytes){debug.bytes, debug.used};
	table = build(&elf);
	CHECK_STR(rows_of(table), "1000 1007 cfa = rsp + 8, ra at cfa - 8\n"
				  "1007 100e cfa = rsp + 16, rbp at cfa - 16, ra at cfa - 8\n"
				  "100e 1014 cfa = rsp + 32, rbp at cfa - 16, ra at cfa - 8\n"
				  "1014 1015 cfa = rsp + 16, rbp at cfa - 16, ra at cfa - 8\n"
				  "1015 1021 cfa = rsp + 8, ra at cfa - 8\n"
				  "1021 1024 cfa = rsp + 16, rbp at cfa - 16, ra at cfa - 8\n"
				  "1024 1030 cfa = rbp + 16, rbp at cfa - 16, ra at cfa - 8\n"
				  "1030 1031 cfa = rsp + 8, ra at cfa - 8\n"
				  "1031 1100 none\n");
	cfi_table_free(table);
	elf.is_go = false;
	table = build(&elf);
	CHECK(!strstr(rows_of(table), "rbp"));
	cfi_table_free(table);
	buf_release(&debug);
}

TEST(arm64_has_its_own_registers)
{
	struct buf frames = {0};
	struct cfi_table *table;

	put_u32(&frames, 0);
	put_u32(&frames, 0);
	put_hex(&frames, "01 7a 52 42 00 04 78 1e 01 00 0c 1f 00"); /* zRB, by 4, x30, cfa = sp */
	put_length(&frames, 0);
	/* paciasp; stp x29, x30, [sp, -32]!; mov x29, sp; .. */
	put_fde(&frames, 0, ELF_CODE, 0x40, "00 41 2d 41 0e 20 9d 04 9e 03 41 0d 1d 41 2c");
	table = build(
		&(struct cfi_elf){.machine = EM_AARCH64, .eh_frame = {frames.bytes, frames.used}});
	CHECK_STR(rows_of(table), "1000 1008 cfa = sp, ra in x30\n"
				  "1008 100c cfa = sp + 32, x29 at cfa - 32, ra at cfa - 24\n"
				  "100c 1040 cfa = x29 + 32, x29 at cfa - 32, ra at cfa - 24\n"
				  "1040 1100 none\n");
	cfi_table_free(table);
	buf_release(&frames);
}

TEST(a_damaged_entry_costs_itself_or_what_cannot_be_found_behind_it)
{
	struct buf frames = {0};
	size_t cie = put_cie(&frames, "", "", CALLED), fde;
	struct cfi_table *table;

	fde = put_fde(&frames, cie, 0x1000, 0x10, "0e 10");
	put_fde(&frames, fde, 0x1020, 0x10, "0e 18");		  /* its CIE is an FDE */
	put_fde(&frames, frames.used + 8, 0x1020, 0x10, "0e 20"); /* .. is outside */
	put_fde(&frames, frames.used, 0x1020, 0x10, "0e 20");	  /* .. is itself */
	put_fde(&frames, cie, 0x1020, 0, "0e 28");
	put_fde(&frames, cie, 0x1040, 0x10, "0e 30");
	put_u32(&frames, 0x1000); /* past the end */
	put_hex(&frames, "00 00 00 00 00 00");
	table = build(&(struct cfi_elf){.eh_frame = {frames.bytes, frames.used}});
	CHECK_STR(rows_of(table), "1000 1010 cfa = rsp + 16, ra at cfa - 8\n"
				  "1010 1040 none\n"
				  "1040 1050 cfa = rsp + 48, ra at cfa - 8\n"
				  "1050 1100 none\n");
	CHECK_INT(table->header->stats.damaged, 5);
	cfi_table_free(table);
	buf_release(&frames);
}

TEST(too_many_rules_are_unsupported_and_counted)
{
	struct buf frames = {0};
	size_t cie = put_cie(&frames, "", "", CALLED), fde = frames.used;
	const struct cfi_rule *rule;
	struct cfi_table *table;
	uint64_t start, end;

	put_fde(&frames, cie, ELF_CODE, 70000, "");
	frames.used = fde + 24;
	for (uint32_t i = 0; i < 70000; i++) {
		buf_add_char(&frames, 0x0e);
		buf_add_varint(&frames, 8 * (i + 1));
		buf_add_char(&frames, 0x41);
	}
	put_length(&frames, fde);
	table = build(
		&(struct cfi_elf){.eh_frame = {frames.bytes, frames.used}, .code_size = 80000});
	CHECK_INT(table->header->rule_count, CFI_RULES_MAX);
	CHECK_INT(table->header->stats.unsupported[CFI_WHY_RULES], 70000 - (CFI_RULES_MAX - 2));
	CHECK(cfi_table_find(table, ELF_CODE + 69000, &rule, &start, &end));
	CHECK_INT(rule->cfa, CFI_UNSUPPORTED);
	CHECK_INT(rule->reg, CFI_WHY_RULES);
	CHECK(cfi_table_find(table, ELF_CODE + 1000, &rule, &start, &end));
	CHECK_INT(rule->cfa_off, 8008);
	cfi_table_free(table);
	buf_release(&frames);
}

/* The kernel's own: an image in memory that is like its file. */
TEST(the_vdso_can_be_unwound)
{
	const Elf64_Ehdr *vdso = (const void *)getauxval(AT_SYSINFO_EHDR);
	int fd = memfd_create("vdso", MFD_CLOEXEC), out = memfd_create("table", MFD_CLOEXEC);
	struct cfi_table *table = NULL;
	size_t size;

	if (!vdso)
		return; /* booted with vdso=0 */
	size = vdso->e_shoff + vdso->e_shnum * (size_t)vdso->e_shentsize;
	CHECK(write(fd, vdso, size) == (ssize_t)size);
	CHECK_INT(cfi_build(fd, -1, out), 0);
	CHECK_INT(cfi_table_open(out, &table), 0);
	if (table) {
		CHECK(table->header->stats.fdes > 0);
		CHECK(table->header->stats.covered > table->header->stats.text / 2);
	}
	cfi_table_free(table);
	close(fd);
	close(out);
}

/* Each hostile file is read in seconds at worst, also under sanitizers: they are linear. The limit
 * is far above, and CPU time. */
static void check_cost(const char *title, const struct cfi_elf *elf, uint32_t *ret_fdes)
{
	clock_t start = clock();
	struct cfi_table *table = build(elf);
	double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;

	if (seconds > 30)
		TEST_FAIL("%s: %.1f s of CPU time", title, seconds);
	*ret_fdes = table ? table->header->stats.fdes : 0;
	cfi_table_free(table);
}

TEST(a_million_overlapping_functions_are_bounded_work)
{
	struct buf frames = {0};
	size_t cie = put_cie(&frames, "", "", CALLED);
	uint32_t fdes;

	for (uint32_t i = 0; i < 1000000; i++) /* all of them reach to the end, the last first */
		put_fde(&frames, cie, ELF_CODE + 1000000 - i, 1000000, "0e 10 41 0e 18");
	check_cost("overlaps",
		   &(struct cfi_elf){.eh_frame = {frames.bytes, frames.used}, .code_size = 2 << 20},
		   &fdes);
	CHECK(fdes >= 1);
	buf_release(&frames);
}

TEST(entries_that_lie_in_each_other_are_bounded_work)
{
	struct buf frames = {0}, hdr = {0};
	enum { COUNT = 100000 };
	size_t cie = put_cie(&frames, "", "", CALLED), first = frames.used;
	uint64_t *pairs = calloc(COUNT, 2 * sizeof(*pairs));
	uint32_t fdes;

	/* each reaches to the end of the section and runs all that lie behind it */
	for (uint32_t i = 0; i < COUNT; i++) {
		put_u32(&frames, (uint64_t)COUNT * 24 - (i + 1) * (uint64_t)24 + 20);
		put_u32(&frames, frames.used - cie);
		put_u64(&frames, ELF_CODE + 16 * i);
		put_u64(&frames, 8);
		pairs[2 * i] = ELF_CODE + 16 * i;
		pairs[2 * i + 1] = ELF_FRAMES + first + i * (uint64_t)24;
	}
	put_hdr(&hdr, pairs, COUNT);
	check_cost("nested",
		   &(struct cfi_elf){.eh_frame = {frames.bytes, frames.used},
				     .hdr = {hdr.bytes, hdr.used},
				     .code_size = 16 * COUNT},
		   &fdes);
	CHECK(fdes >= 1);
	free(pairs);
	buf_release(&frames);
	buf_release(&hdr);
}

TEST(a_cie_for_each_function_that_is_the_whole_section_is_bounded_work)
{
	struct buf frames = {0};
	enum { COUNT = 50000, SIZE = 32 };
	uint32_t fdes;

	/* every entry's "CIE" is a byte further on in one long run of nops */
	for (uint32_t i = 0; i < COUNT; i++) {
		put_u32(&frames, (uint64_t)COUNT * 2 * SIZE - i * (uint64_t)SIZE - 4);
		put_u32(&frames, 0);
		put_hex(&frames,
			"01 00 01 78 10 " CALLED "00 00 00 00 00 00 00 00 00 00 00 00 00 00");
	}
	for (uint32_t i = 0; i < COUNT; i++) {
		size_t entry = frames.used;

		put_u32(&frames, 24 + 4);
		put_u32(&frames, entry + 4 - i * (size_t)SIZE);
		put_u64(&frames, ELF_CODE + i);
		put_u64(&frames, 1);
		put_u64(&frames, 0);
	}
	check_cost("cies",
		   &(struct cfi_elf){.eh_frame = {frames.bytes, frames.used}, .code_size = COUNT},
		   &fdes);
	buf_release(&frames);
}

TEST(huge_advances_and_a_huge_function_are_bounded_work)
{
	struct buf frames = {0};
	size_t cie = put_cie(&frames, "", "", CALLED), fde = frames.used;
	struct cfi_table *table;

	put_fde(&frames, cie, ELF_CODE, UINT64_MAX - ELF_CODE, "");
	frames.used = fde + 24;
	for (uint32_t i = 0; i < 100000; i++)
		put_hex(&frames,
			i & 1 ? "1d ff ff ff ff ff ff ff 7f 0e 10" : "0e 08 04 ff ff ff ff");
	put_length(&frames, fde);
	table = build(&(struct cfi_elf){.eh_frame = {frames.bytes, frames.used}});
	CHECK_STR(rows_of(table), "1000 1100 cfa = rsp + 8, ra at cfa - 8\n");
	cfi_table_free(table);
	buf_release(&frames);
}

static int build_error(int fd)
{
	int out = memfd_create("table", MFD_CLOEXEC), err = cfi_build(fd, -1, out);

	close(out);
	close(fd);
	return err;
}

TEST(what_is_no_elf_of_a_known_kind_is_refused)
{
	int fd = memfd_create("text", MFD_CLOEXEC), pipes[2];

	CHECK_INT(build_error(fd), -ENOEXEC);
	fd = memfd_create("text", MFD_CLOEXEC);
	CHECK(write(fd, "\177ELF and no more", 16) == 16);
	CHECK_INT(build_error(fd), -ENOEXEC);
	CHECK_INT(build_error(cfi_elf_make(&(struct cfi_elf){.machine = EM_RISCV})), -ENOEXEC);
	CHECK(!pipe(pipes));
	CHECK_INT(build_error(pipes[0]), -ENOEXEC);
	close(pipes[1]);
}

/* A table with one thing changed. */
static int open_changed(size_t at, const void *bytes, size_t size, ssize_t grow)
{
	struct buf frames = {0};
	size_t cie = put_cie(&frames, "", "", CALLED);
	int fd, out = memfd_create("table", MFD_CLOEXEC), err;
	struct cfi_table *table = NULL;
	off_t length;

	put_fde(&frames, cie, ELF_CODE, 0x40, "0e 10 41 0e 18 41 0e 20");
	fd = cfi_elf_make(&(struct cfi_elf){.eh_frame = {frames.bytes, frames.used}});
	CHECK_INT(cfi_build(fd, -1, out), 0);
	length = lseek(out, 0, SEEK_END);
	CHECK(pwrite(out, bytes, size, (off_t)at) == (ssize_t)size);
	CHECK(!ftruncate(out, (off_t)(length + grow)));
	err = cfi_table_open(out, &table);
	if (table)
		cfi_table_free(table);
	close(fd);
	close(out);
	buf_release(&frames);
	return err;
}

TEST(a_table_that_was_not_made_here_is_refused)
{
	static const uint32_t many = 0xfffffff0, two = 2;
	const size_t segment = sizeof(struct cfi_header);
	const size_t rules = segment + sizeof(struct cfi_segment);
	const size_t pages = rules + 4 * sizeof(struct cfi_rule);
	const size_t rows = pages + sizeof(struct cfi_page);
	static const size_t counts[] = {
		offsetof(struct cfi_header, version),
		offsetof(struct cfi_header, machine),
		offsetof(struct cfi_header, size),
		offsetof(struct cfi_header, segment_count),
		offsetof(struct cfi_header, rule_count),
		offsetof(struct cfi_header, page_count),
		offsetof(struct cfi_header, row_count),
		offsetof(struct cfi_header, zero),
		offsetof(struct cfi_header, build_id_size),
	};
	const size_t parts[] = {
		segment + offsetof(struct cfi_segment, first_page),
		segment + offsetof(struct cfi_segment, page_first),
		segment + offsetof(struct cfi_segment, page_count),
		segment + offsetof(struct cfi_segment, zero),
		segment + offsetof(struct cfi_segment, vaddr) + 4,
		segment + offsetof(struct cfi_segment, size) + 4,
		rules,	    /* rule 0 is not none */
		rules + 16, /* a kind that is none */
		pages,	    /* does not follow the one before */
		pages + 4,  /* more rows than there are */
		rows,	    /* the first is not at 0 */
		rows + 4,
	};
	uint32_t low;

	CHECK_INT(open_changed(0, CFI_MAGIC, 8, 0), 0);
	CHECK_INT(open_changed(0, "wicksym", 8, 0), -EBADMSG);
	CHECK_INT(open_changed(0, CFI_MAGIC, 8, -4), -EBADMSG);
	CHECK_INT(open_changed(0, CFI_MAGIC, 8, 4), -EBADMSG);
	CHECK_INT(open_changed(0, CFI_MAGIC, 8, -200), -EBADMSG);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (open_changed(counts[i], &many, 4, 0) != -EBADMSG)
			TEST_FAIL("header, byte %zu", counts[i]);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (open_changed(parts[i], &many, 4, 0) != -EBADMSG)
			TEST_FAIL("byte %zu", parts[i]);
	low = 0x1001u << 16 | 3; /* as high as the row behind it */
	CHECK_INT(open_changed(rows + 4, &low, 4, 0), -EBADMSG);
	low = 0x1000u << 16 | 4; /* a rule that there is not */
	CHECK_INT(open_changed(rows + 4, &low, 4, 0), -EBADMSG);
	CHECK_INT(open_changed(offsetof(struct cfi_header, segment_count), &two, 4, 0), -EBADMSG);
}

TEST_MAIN()
