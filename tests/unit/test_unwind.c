/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel side's walk and hash, compiled natively, over a stack and tables that the test makes
 * up. Built once for each machine.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/abi.h"

static uint64_t words[8192];
static const uint64_t base = 0x7ffc00000000;

static uint8_t text_bytes[0x800];
static const uint64_t text = 0x400000;

static int wick_read_user(void *dst, size_t size, uint64_t addr)
{
	if (addr >= text && addr + size <= text + sizeof(text_bytes)) {
		memcpy(dst, text_bytes + (addr - text), size);
		return 0;
	}
	if (addr < base || addr + size > base + sizeof(words))
		return -14;
	memcpy(dst, (char *)words + (addr - base), size);
	return 0;
}

#define wick_copy(dst, size, src) memcpy(dst, src, size)

/* One module of two pages at 0x400000 (vaddr 0x10000), whatever a case adds to it. */
enum { MAPPINGS = 300, PAGES = 4, CHUNKS = 4, RULES = 64 };
static struct wick_mapping mappings[MAPPINGS];
static struct wick_page pages[PAGES];
static struct wick_chunk chunks[CHUNKS];
static struct wick_rule rules[RULES];
static uint32_t mapping_count, row_count, rule_count;

static const struct wick_mapping *table_mapping(uint32_t i)
{
	return i < MAPPINGS ? &mappings[i] : NULL;
}

static const struct wick_page *table_page(uint32_t i)
{
	return i < PAGES ? &pages[i] : NULL;
}

static void *table_shard(uint32_t row)
{
	return row >> WICK_SHARD_BITS ? NULL : chunks;
}

static const struct wick_chunk *table_chunk(void *shard, uint32_t row)
{
	uint32_t i = (row & ((1 << WICK_SHARD_BITS) - 1)) >> WICK_CHUNK_BITS;

	return i < CHUNKS ? &((const struct wick_chunk *)shard)[i] : NULL;
}

static const struct wick_rule *table_rule(uint32_t id)
{
	return id < RULES ? &rules[id] : NULL;
}

#include "bpf/hash.h"
#include "bpf/unwind.h"
#include "tests/test.h"

static uint32_t finds;

static __u32 table_find(struct unwind *walk, __u64 pc)
{
	finds++;
	return unwind_find(walk, pc);
}

static int walk_without_row(struct unwind *walk, __u32 id)
{
	return unwind_without_row(walk, id);
}

/* --- making tables and stacks --- */

static const struct wick_proc proc = {.serial = 1, .first = 0, .count = 1};
static void clear(void)
{
	memset(words, 0, sizeof(words));
	memset(text_bytes, 0, sizeof(text_bytes));
	memset(mappings, 0, sizeof(mappings));
	memset(pages, 0, sizeof(pages));
	memset(chunks, 0, sizeof(chunks));
	memset(rules, 0, sizeof(rules));
	mappings[0] = (struct wick_mapping){text, text + 0x20000, text - 0x10000, (uint32_t)-1, 0};
	pages[0] = pages[1] = (struct wick_page){0, 1};
	mapping_count = row_count = rule_count = 1;
}

/* From text + low on, in the first page, the rule is in force. Rising. */
static void add_row(uint16_t low, struct wick_rule rule)
{
	rules[rule_count] = rule;
	if (row_count == 1 && low == 0)
		row_count = 0;
	chunks[row_count >> WICK_CHUNK_BITS].row[row_count & ((1 << WICK_CHUNK_BITS) - 1)] =
		(uint32_t)low << 16 | rule_count++;
	pages[0].count = ++row_count;
}

/* A frame of size bytes that has fp, if has_fp, and the return address on top. */
static struct wick_rule frame_rule(int32_t size, bool has_fp)
{
	return (struct wick_rule){.cfa = WICK_CFA_REG,
				  .reg = WICK_REG_SP,
				  .cfa_off = size,
				  .fp = has_fp ? WICK_FP_CFA : WICK_FP_SAME,
				  .fp_off = has_fp ? -16 : 0};
}

static struct unwind_cache cache;
static uint32_t head = 63, tail = 64;

static void run(struct unwind *walk, struct wick_stack *stack)
{
	int ended = 0;

	for (unsigned int i = 0; !ended && i < WICK_WALK_MAX; i++)
		ended = unwind_step(walk, &cache, stack, head, tail);
	unwind_finish(walk, stack, head, tail, ended);
}

/* Walks from ip with sp = base; tables unless told. */
static struct unwind walk;
static struct wick_stack stack;

static void start(uint64_t ip, uint64_t fp, const struct wick_proc *tables)
{
	memset(&cache, 0, sizeof(cache));
	memset(&stack, 0, sizeof(stack));
	walk.ip = ip;
	walk.sp = base;
	walk.fp = fp;
	unwind_begin(&walk, tables);
}

static void walk_rows(uint64_t ip, uint64_t fp)
{
	start(ip, fp, &proc);
	run(&walk, &stack);
}

static void walk_fp(uint64_t ip, uint64_t fp)
{
	start(ip, fp, NULL);
	run(&walk, &stack);
}

#define CHECK_END(want) CHECK_INT(stack.end, WICK_END_##want)
#define PC(i)		(stack.pc[i] & WICK_PC_ADDR)

/* --- by frame pointer --- */

/* A chain of n frames of 4 words each, from sp = base up; frame i returns to 0x1000 * (i + 2). */
static void make_chain(unsigned int n)
{
	clear();
	for (unsigned int i = 0; i < n; i++) {
		words[4 * i + 2] = i + 1 < n ? base + 8 * (4 * (i + 1) + 2) : 0;
		words[4 * i + 3] = i + 1 < n ? 0x1000 * (i + 2) : 0;
	}
}

static void walk_chain(void)
{
	walk_fp(0x1000, base + 16);
}

TEST(a_whole_chain_ends_at_its_root_with_every_caller)
{
	make_chain(5);
	walk_chain();
	CHECK_END(root);
	CHECK_INT(stack.n, 5);
	CHECK(stack.pc[0] == (0x1000 | WICK_PC_EXACT));
	for (unsigned int i = 1; i < 5; i++)
		CHECK(stack.pc[i] == (0x1000 * (i + 1) | WICK_PC_BY_FP));
}

TEST(a_frame_pointer_of_zero_is_the_root_when_there_are_no_tables)
{
	clear();
	walk_fp(0x1000, 0);
	CHECK_END(root);
	CHECK_INT(stack.n, 1);
}

TEST(a_frame_pointer_of_zero_in_a_leaf_proves_nothing_when_there_are_tables)
{
	clear();
	walk_rows(text + 5, 0);
	CHECK_END(no_row);
	CHECK_INT(stack.n, 1);
}

TEST(a_register_that_holds_data_ends_the_walk_after_the_leaf)
{
	static const uint64_t data[] = {1, 0x41, base + 3, base - 8, base + (2 << 20), UINT64_MAX};

	for (unsigned int i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
		make_chain(5);
		walk_fp(0x1000, data[i]);
		CHECK_END(fp_chain);
		CHECK_INT(stack.n, 1);
		CHECK_INT(PC(0), 0x1000);
	}
}

TEST(a_chain_that_turns_back_or_stands_still_ends)
{
	make_chain(5);
	words[4 * 2 + 2] = base + 16; /* back to the first frame */
	walk_chain();
	CHECK_END(fp_chain);
	CHECK_INT(stack.n, 4);

	make_chain(5);
	words[2] = base + 16; /* itself */
	walk_chain();
	CHECK_END(fp_chain);
	CHECK_INT(stack.n, 2);
}

TEST(a_return_address_that_is_no_code_ends_a_chain)
{
	make_chain(5);
	words[4 * 1 + 3] = 42;
	walk_chain();
	CHECK_END(fp_chain);
	CHECK_INT(stack.n, 2);
}

TEST(a_page_that_is_not_there_is_a_fault)
{
	make_chain(5);
	words[4 * 3 + 2] = base + sizeof(words);
	walk_chain();
	CHECK_END(fault);
	CHECK_INT(stack.n, 5);
}

TEST(a_frame_pointer_that_leads_to_no_code_of_the_process_is_not_followed)
{
	make_chain(5);
	words[3] = text + 0x100;
	words[4 + 3] = 0x123456789; /* nowhere */
	walk_rows(text + 5, base + 16);
	CHECK_END(no_row);
	CHECK_INT(stack.n, 2);
	CHECK(stack.pc[1] == ((text + 0x100) | WICK_PC_BY_FP));
}

/* --- both ends --- */

TEST(a_stack_as_deep_as_the_limit_is_whole)
{
	for (unsigned int n = 60; n <= 127; n++) {
		make_chain(n);
		walk_chain();
		CHECK_END(root);
		CHECK_INT(stack.n, n);
		for (unsigned int i = 0; i < n; i++)
			CHECK_INT(PC(i), 0x1000 * (i + 1));
	}
}

TEST(a_deeper_stack_keeps_both_ends_and_marks_the_gap)
{
	for (unsigned int n = 128; n <= 300; n++) {
		make_chain(n);
		walk_chain();
		CHECK_END(gap);
		CHECK_INT(stack.n, 127);
		for (unsigned int i = 0; i < head - 1; i++)
			CHECK_INT(PC(i), 0x1000 * (i + 1));
		CHECK(stack.pc[head - 1] == WICK_PC_GAP);
		for (unsigned int i = 0; i < tail; i++)
			CHECK_INT(PC(head + i), 0x1000 * (n - tail + i + 1));
	}
}

TEST(a_stack_that_cannot_be_walked_to_its_end_says_so)
{
	make_chain(WICK_WALK_MAX + 1);
	walk_chain();
	CHECK_END(depth);
	CHECK_INT(stack.n, 127);
	CHECK_INT(PC(126), 0x1000 * WICK_WALK_MAX);
}

TEST(the_largest_limit_keeps_as_many_frames_as_are_walked)
{
	head = tail = WICK_DEPTH_MAX / 2;
	make_chain(WICK_WALK_MAX);
	walk_chain();
	CHECK_END(root);
	CHECK_INT(stack.n, WICK_WALK_MAX);
	for (unsigned int i = 0; i < WICK_WALK_MAX; i++)
		CHECK_INT(PC(i), 0x1000 * (i + 1));
	head = 63;
	tail = 64;
}

/* --- by row --- */

TEST(rows_lead_through_frames_without_frame_pointers)
{
	clear();
	add_row(0x100, frame_rule(8, false)); /* leaf: nothing but the return address */
	add_row(0x200, frame_rule(48, true)); /* saves fp */
	add_row(0x300, frame_rule(4096, false));
	add_row(0x400, (struct wick_rule){.cfa = WICK_CFA_END});
	words[0] = text + 0x210;
	words[1 + 4] = 0x77; /* fp of the third frame */
	words[1 + 5] = text + 0x310;
	words[1 + 6 + 511] = text + 0x410;
	walk_rows(text + 0x100, 0x1234);
	CHECK_END(root);
	CHECK_INT(stack.n, 4);
	CHECK(stack.pc[0] == ((text + 0x100) | WICK_PC_EXACT));
	CHECK_INT(stack.pc[1], text + 0x210);
	CHECK_INT(stack.pc[2], text + 0x310);
	CHECK_INT(stack.pc[3], text + 0x410);
	CHECK_INT(walk.fp, 0x77);
}

/* A call as the last instruction of its function (noreturn): the return address is the next's. */
TEST(a_caller_is_looked_up_at_its_call_and_a_leaf_where_it_is)
{
	clear();
	add_row(0x100, frame_rule(8, false));
	add_row(0x200, frame_rule(16, false));
	add_row(0x300, (struct wick_rule){.cfa = WICK_CFA_UNSUPPORTED});
	words[0] = text + 0x300; /* returns behind the function of 0x200 */
	walk_rows(text + 0x100, 0);
	CHECK_INT(stack.n, 2);
	CHECK_END(root); /* with the row of 0x2ff: a return address of 0 */

	walk_rows(text + 0x300, 0);
	CHECK_INT(stack.n, 1);
	CHECK_END(unsupported);
}

TEST(a_frame_by_frame_pointer_rule_and_by_a_realigned_stack)
{
	clear();
	add_row(0x100, (struct wick_rule){.cfa = WICK_CFA_REG,
					  .reg = WICK_REG_FP,
					  .cfa_off = 16,
					  .fp = WICK_FP_CFA,
					  .fp_off = -16});
	add_row(0x200, (struct wick_rule){.cfa = WICK_CFA_DEREF,
					  .reg = WICK_REG_FP,
					  .cfa_off = -8,
					  .extra = 16,
					  .fp = WICK_FP_BASE,
					  .fp_off = 0});
	add_row(0x300, (struct wick_rule){.cfa = WICK_CFA_END});
	words[10] = base + 8 * 20; /* the frame at base + 80 */
	words[11] = text + 0x210;
	words[19] = base + 8 * 40; /* *(fp - 8) + 16 = the CFA */
	words[20] = 0x99;	   /* *(fp): the caller's */
	words[41] = text + 0x310;
	walk_rows(text + 0x100, base + 80);
	CHECK_END(root);
	CHECK_INT(stack.n, 3);
	CHECK_INT(stack.pc[2], text + 0x310);
	CHECK_INT(walk.fp, 0x99);
	CHECK_INT(walk.sp, base + 8 * 42);
}

/* The entry of a PLT: one word more from the operand's byte on. */
TEST(a_plt_entry_pushes_one_word_at_the_operand_that_its_row_says)
{
	clear();
	add_row(0x100, (struct wick_rule){.cfa = WICK_CFA_PLT, .cfa_off = 8, .extra = 10});
	add_row(0x200, (struct wick_rule){.cfa = WICK_CFA_END});
	words[0] = text + 0x210;
	walk_rows(text + 0x109, 0);
	CHECK_END(root);
	CHECK_INT(stack.pc[1], text + 0x210);

	words[0] = 5;
	words[1] = text + 0x220;
	walk_rows(text + 0x10a, 0);
	CHECK_END(root);
	CHECK_INT(stack.pc[1], text + 0x220);
}

TEST(a_cfa_by_a_scratch_register_is_known_in_the_leaf_alone)
{
	clear();
	add_row(0x100,
		(struct wick_rule){.cfa = WICK_CFA_REG, .reg = WICK_REG_LEAF + 10, .cfa_off = 0});
	add_row(0x200, (struct wick_rule){.cfa = WICK_CFA_END});
	words[7] = text + 0x210;
	words[9] = text + 0x110; /* a caller with the same rule */
	walk.reg[10] = base + 64;
	walk_rows(text + 0x100, 0);
	CHECK_END(root);
	CHECK_INT(stack.n, 2);

	words[7] = text + 0x110;
	walk_rows(text + 0x100, 0);
	CHECK_END(unsupported);
	CHECK_INT(stack.n, 2);
}

TEST(bx_is_followed_through_the_frames_that_save_it)
{
	struct wick_rule saves = frame_rule(32, false), loses = frame_rule(32, false);
	const struct wick_rule uses = {.cfa = WICK_CFA_REG, .reg = WICK_REG_BX, .cfa_off = 16};

	saves.bx_off = -24;
	loses.bx_off = WICK_BX_LOST;
	clear();
	add_row(0x100, frame_rule(16, false)); /* leaves it alone */
	add_row(0x200, saves);
	add_row(0x300, uses);
	add_row(0x400, (struct wick_rule){.cfa = WICK_CFA_END});
	add_row(0x500, loses);
	words[1] = text + 0x210;
	words[3] = base + 8 * 20; /* saved at the CFA (base + 48) - 24 */
	words[5] = text + 0x310;
	words[21] = text + 0x410;
	walk.bx = 0;
	walk_rows(text + 0x100, 0);
	CHECK_END(root);
	CHECK_INT(stack.n, 4);

	words[1] = text + 0x510;
	walk_rows(text + 0x100, 0);
	CHECK_END(unsupported);
	CHECK_INT(stack.n, 3);

	walk.bx = base + 8 * 20; /* the interrupted value */
	walk_rows(text + 0x300, 0);
	CHECK_END(root);
	CHECK_INT(stack.n, 2);
}

/* The handler ran on another stack, below; the interrupted frame is looked up at its pc. */
TEST(a_signal_frame_leads_to_the_interrupted_code_on_another_stack)
{
	clear();
	add_row(0x100, frame_rule(8, false));
	add_row(0x200, (struct wick_rule){.cfa = WICK_CFA_SIGNAL,
					  .extra = 168,
					  .cfa_off = 160,
					  .fp_off = 120,
					  .bx_off = 128});
	add_row(0x300, frame_rule(16, true));
	add_row(0x400, (struct wick_rule){.cfa = WICK_CFA_END});
	words[100] = text + 0x208; /* handler -> trampoline, whose sp is base + 808 */
	words[101 + 15] = 0x55;	   /* fp */
	words[101 + 20] = base + 8 * 50;
	words[101 + 21] = text + 0x300; /* interrupted at the first byte of its function */
	words[50] = 0x66;
	words[51] = text + 0x410;
	start(text + 0x100, 0, &proc);
	walk.sp = base + 800;
	run(&walk, &stack);
	CHECK_END(root);
	CHECK_INT(stack.n, 4);
	CHECK(stack.pc[2] == ((text + 0x300) | WICK_PC_EXACT));
	CHECK_INT(PC(3), text + 0x410);
	CHECK_INT(walk.fp, 0x66);
}

TEST(a_return_address_in_a_register_is_known_in_the_leaf_alone)
{
	const struct wick_rule in_register = {
		.cfa = WICK_CFA_REG, .cfa_off = 8, .ra = WICK_RA_REG, .extra = WICK_REG_LEAF + 5};

	clear();
	add_row(0x100, in_register);
	add_row(0x200, (struct wick_rule){.cfa = WICK_CFA_END});
	walk.reg[5] = text + 0x210;
	walk_rows(text + 0x100, 0);
	CHECK_END(root);
	CHECK_INT(stack.pc[1], text + 0x210);

	walk.reg[5] = text + 0x110;
	walk_rows(text + 0x100, 0);
	CHECK_END(unsupported);
	CHECK_INT(stack.n, 2);
}

/* As arm64 has it: fp and lr saved as a pair at the bottom of the frame; a leaf shares its caller's
 * sp. */
TEST(a_frame_record_at_the_bottom_of_the_frame)
{
	clear();
	add_row(0x100, (struct wick_rule){.cfa = WICK_CFA_REG,
					  .ra = WICK_RA_REG,
					  .extra = WICK_REG_LEAF + 14});
	add_row(0x200, (struct wick_rule){.cfa = WICK_CFA_REG,
					  .reg = WICK_REG_FP,
					  .cfa_off = 64,
					  .fp = WICK_FP_CFA,
					  .fp_off = -64,
					  .ra = WICK_RA_CFA,
					  .extra = -56});
	add_row(0x300, (struct wick_rule){.cfa = WICK_CFA_END});
	words[0] = 0x44;
	words[1] = text + 0x310;
	walk.reg[14] = text + 0x210;
	walk_rows(text + 0x100, base);
	CHECK_END(root);
	CHECK_INT(stack.n, 3);
	CHECK_INT(stack.pc[2], text + 0x310);
	CHECK_INT(walk.fp, 0x44);
}

#ifdef __TARGET_ARCH_arm64
TEST(a_pointer_authentication_code_is_taken_off_a_return_address)
{
	clear();
	add_row(0x100, frame_rule(8, false));
	add_row(0x200, (struct wick_rule){.cfa = WICK_CFA_END});
	words[0] = (text + 0x210) | 0x2a000000000000;
	walk_rows(text + 0x100, 0);
	CHECK_END(root);
	CHECK_INT(stack.pc[1], text + 0x210);
}
#endif

/* --- interrupted where there is no row --- */

#ifdef __TARGET_ARCH_x86

static void put_code(uint64_t at, const char *bytes, size_t n)
{
	memcpy(text_bytes + at, bytes, n);
}

/* Every form of call with 2 to 7 bytes, and what only looks like the tail of one. */
TEST(a_return_address_is_told_by_the_call_before_it)
{
	static const struct {
		const char *bytes;
		size_t n;
		bool is_call;
	} cases[] = {
		{"\xe8\x01\x02\x03\x04", 5, true},	   /* call rel32 */
		{"\xff\xd0", 2, true},			   /* call *%rax */
		{"\x41\xff\xd3", 3, true},		   /* call *%r11 */
		{"\xff\x50\x10", 3, true},		   /* call *16(%rax) */
		{"\xff\x14\xc7", 3, true},		   /* call *(%rdi,%rax,8) */
		{"\xff\x54\xc7\x08", 4, true},		   /* call *8(%rdi,%rax,8) */
		{"\xff\x15\x00\x01\x00\x00", 6, true},	   /* call *256(%rip) */
		{"\xff\x94\xc7\x00\x01\x00\x00", 7, true}, /* call *256(%rdi,%rax,8) */
		{"\xe9\x01\x02\x03\x04", 5, false},	   /* jmp rel32 */
		{"\xff\xe0", 2, false},			   /* jmp *%rax */
		{"\xff\x25\x00\x01\x00\x00", 6, false},	   /* jmp *256(%rip) */
		{"\x90\x90\x90\x90\x90", 5, false},
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		clear();
		add_row(0x200, (struct wick_rule){.cfa = WICK_CFA_END});
		add_row(0x300, (struct wick_rule){0});
		put_code(0x220 - cases[i].n, cases[i].bytes, cases[i].n);
		words[0] = text + 0x220;
		walk_rows(text + 0x310, 0x41);
		if (cases[i].is_call) {
			CHECK_END(root);
			CHECK_INT(stack.n, 2);
			CHECK(stack.pc[1] == ((text + 0x220) | WICK_PC_BY_FP));
		} else {
			CHECK_END(no_row);
			CHECK_INT(stack.n, 1);
		}
	}
}

TEST(hand_written_code_may_have_one_word_on_the_stack_and_no_more)
{
	for (unsigned int i = 0; i < 3; i++) {
		clear();
		add_row(0x200, (struct wick_rule){.cfa = WICK_CFA_END});
		add_row(0x300, (struct wick_rule){0});
		put_code(0x21b, "\xe8\x01\x02\x03\x04", 5);
		words[i] = text + 0x220;
		walk_rows(text + 0x310, 0x41);
		if (i < 2)
			CHECK_END(root);
		else
			CHECK_END(no_row);
	}
}

/* As musl's start calls main: no rows, and a frame of a few words. */
TEST(a_caller_without_a_row_may_have_a_few_words_on_the_stack)
{
	for (unsigned int i = 0; i < 10; i++) {
		clear();
		add_row(0x100, frame_rule(8, false));
		add_row(0x200, (struct wick_rule){.cfa = WICK_CFA_END});
		add_row(0x300, (struct wick_rule){0});
		put_code(0x21b, "\xe8\x01\x02\x03\x04", 5);
		words[0] = text + 0x320;
		words[1 + i] = text + 0x220;
		walk_rows(text + 0x100, 3);
		CHECK_INT(stack.n, i < 8 ? 3 : 2);
		if (i < 8)
			CHECK_END(root);
		else
			CHECK_END(no_row);
	}
}

/* Else the caller would be lost, for the frame pointer is still, or again, its own. */
TEST(a_prologue_or_epilogue_has_its_return_address_near_sp)
{
	static const struct {
		const char *bytes;
		size_t n;
		unsigned int word;
	} cases[] = {
		{"\x55", 1, 0}, {"\xf3\x0f\x1e\xfa", 4, 0}, {"\x48\x89\xe5", 3, 1}, {"\xc3", 1, 0}};

	for (unsigned int i = 0; i < 4; i++) {
		clear();
		mappings[0].kind = WICK_MAPPING_BARE;
		put_code(0x300, cases[i].bytes, cases[i].n);
		put_code(0x21b, "\xe8\x01\x02\x03\x04", 5);
		words[cases[i].word] = text + 0x220;
		words[10] = 0; /* the caller's frame: its caller is the last */
		words[11] = text + 0x400;
		walk_rows(text + 0x300, base + 80);
		CHECK_END(root);
		CHECK_INT(stack.n, 3);
		CHECK_INT(PC(1), text + 0x220);
		CHECK_INT(PC(2), text + 0x400);
	}
}

/* As CPython's trampolines: sub $8,%rsp; call *%rcx; add $8,%rsp; ret. The frame pointer is any data,
 * or one of the caller's, which would be lost. */
TEST(code_behind_a_call_that_gives_its_frame_up_tells_its_size)
{
	static const struct {
		const char *bytes;
		unsigned int word; /* 0: it tells nothing */
	} cases[] = {{"\x48\x83\xc4\x08\xc3", 2}, {"\x48\x83\xc4\x78\xc3", 16},
		     {"\x48\x83\xc4\x88\xc3", 0}, {"\x48\x83\xc4\x09\xc3", 0},
		     {"\x48\x83\xc4\x08\x5d", 0}, {"\x48\x83\xc0\x08\xc3", 0}};
	static const uint64_t frame_pointers[] = {0x41, base + 8 * 100};

	for (unsigned int i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned int word = cases[i / 2].word;

		clear();
		mappings[1] = (struct wick_mapping){
			.start = text + 0x400, .end = text + 0x800, .kind = WICK_MAPPING_BARE};
		mappings[0].end = text + 0x400;
		add_row(0x100, frame_rule(8, false));
		add_row(0x200, (struct wick_rule){.cfa = WICK_CFA_END});
		put_code(0x500, cases[i / 2].bytes, 5);
		put_code(0x21b, "\xe8\x01\x02\x03\x04", 5);
		words[0] = text + 0x500;
		words[word ? word : 2] = text + 0x220;
		start(text + 0x110, frame_pointers[i % 2],
		      &(struct wick_proc){.serial = 2, .count = 2});
		run(&walk, &stack);
		CHECK_INT(stack.n, word ? 3 : 2);
		if (word) {
			CHECK_END(root);
			CHECK(stack.pc[2] == ((text + 0x220) | WICK_PC_BY_FP));
			CHECK(walk.fp == frame_pointers[i % 2]);
		}
	}
}

#endif

/* --- tables that do not help --- */

TEST(code_without_a_row_goes_by_frame_pointer_and_rows_take_over_again)
{
	clear();
	mappings[1] = (struct wick_mapping){
		.start = 0x500000, .end = 0x510000, .kind = WICK_MAPPING_BARE};
	add_row(0x100, frame_rule(16, true));
	add_row(0x200, (struct wick_rule){.cfa = WICK_CFA_END});
	words[4] = 0x88;
	words[5] = text + 0x110;
	words[6] = 0x99;
	words[7] = text + 0x210;
	start(0x500123, base + 32, &(struct wick_proc){.serial = 2, .count = 2});
	run(&walk, &stack);
	CHECK_END(root);
	CHECK_INT(stack.n, 3);
	CHECK(stack.pc[1] == ((text + 0x110) | WICK_PC_BY_FP));
	CHECK_INT(stack.pc[2], text + 0x210);
}

TEST(rows_that_are_not_there_yet_are_told_apart_from_code_without_any)
{
	clear();
	mappings[0].kind = WICK_MAPPING_PENDING;
	walk_rows(text + 0x100, 0x41);
	CHECK_END(no_tables);
	mappings[0].kind = WICK_MAPPING_BARE;
	walk_rows(text + 0x100, 0x41);
	CHECK_END(no_row);
}

TEST(return_addresses_that_are_no_code_end_the_walk)
{
	static const uint64_t none[] = {1, 4095, UINT64_MAX, (uint64_t)1 << 60};

	for (unsigned int i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		clear();
		add_row(0x100, frame_rule(8, false));
		words[0] = none[i];
		walk_rows(text + 0x100, 0);
#ifdef __TARGET_ARCH_arm64
		if (none[i] == (uint64_t)1 << 60)
			CHECK_END(root); /* a code of authentication over 0 */
		else if (none[i] == UINT64_MAX)
			CHECK_INT(stack.n, 2);
		else
#endif
			CHECK_END(bad_address);
	}
}

TEST(a_row_whose_frame_does_not_grow_cannot_turn_the_walk_in_a_circle)
{
	static const int32_t sizes[] = {0, -8, -4096, INT32_MIN};

	for (unsigned int i = 0; i < 4; i++) {
		clear();
		add_row(0x100, frame_rule(8, false));
		add_row(0x200, frame_rule(sizes[i], false));
		words[0] = text + 0x210;
		walk_rows(text + 0x100, 0);
		CHECK_END(stuck);
		CHECK_INT(stack.n, 2);
	}
}

TEST(a_frame_pointer_may_lead_to_another_stack_a_few_times_and_to_the_root)
{
	const struct wick_rule by_fp = {.cfa = WICK_CFA_REG,
					.reg = WICK_REG_FP,
					.cfa_off = 16,
					.fp = WICK_FP_CFA,
					.fp_off = -16};

	clear();
	add_row(0x100, by_fp);
	words[0] = 0;
	words[1] = text + 0x110;
	start(text + 0x100, base, &proc);
	walk.sp = base + 800; /* the frame pointer is below */
	run(&walk, &stack);
	CHECK_END(root);
	CHECK_INT(stack.n, 2);

	words[0] = base; /* to itself */
	start(text + 0x100, base, &proc);
	run(&walk, &stack);
	CHECK_END(stuck);
	CHECK_INT(stack.n, 2 + UNWIND_SWITCHES_MAX);
}

TEST(signal_frames_that_lead_to_themselves_end_with_the_steps)
{
	clear();
	add_row(0x100,
		(struct wick_rule){.cfa = WICK_CFA_SIGNAL, .extra = 8, .cfa_off = 0, .fp_off = 16});
	words[0] = base;
	words[1] = text + 0x100;
	walk_rows(text + 0x100, 0);
	CHECK_END(depth);
}

TEST(tables_that_lead_out_of_the_maps_are_no_rows)
{
	clear();
	pages[0].first = 7 << WICK_SHARD_BITS; /* no such shard */
	walk_rows(text + 0x100, 0x41);
	CHECK_END(no_row);
	clear();
	pages[0] = (struct wick_page){CHUNKS << WICK_CHUNK_BITS, 5}; /* no such chunk */
	walk_rows(text + 0x100, 0x41);
	CHECK_END(no_row);
	clear();
	mappings[0].page = 1000;
	walk_rows(text + 0x100, 0x41);
	CHECK_END(no_row);
	clear();
	start(text + 0x100, 0x41,
	      &(struct wick_proc){.serial = 1, .first = MAPPINGS - 1, .count = 1 << 16});
	run(&walk, &stack);
	CHECK_END(no_row);
	start(text + 0x100, 0x41, &(struct wick_proc){.serial = 1, .count = 0});
	run(&walk, &stack);
	CHECK_END(no_row);
}

TEST(garbage_rules_over_a_garbage_stack_always_end)
{
	srand(1);
	for (unsigned int round = 0; round < 3000; round++) {
		clear();
		for (unsigned int i = 0; i < 60; i++) {
			struct wick_rule rule = {.cfa = (uint8_t)(rand() % 8),
						 .fp = (uint8_t)(rand() % 5),
						 .ra = (uint8_t)(rand() % 4),
						 .reg = (uint8_t)(rand() % 40),
						 .cfa_off = rand() % 512 - 64,
						 .extra = rand() % 64 - 32,
						 .fp_off = (int16_t)(rand() % 64 - 32),
						 .bx_off = (int16_t)(rand() % 64 - 32)};

			add_row((uint16_t)(i * 16), rule);
		}
		for (unsigned int i = 0; i < 8192; i++)
			words[i] = rand() % 2	? text + (uint64_t)(rand() % 1024)
				   : rand() % 2 ? base + (uint64_t)(rand() % 8192) * 8
						: (uint64_t)rand();
		for (unsigned int i = 0; i < UNWIND_REGS; i++)
			walk.reg[i] = base + (uint64_t)(rand() % 8192) * 8;
		walk.bx = base + (uint64_t)(rand() % 8192) * 8;
		walk_rows(text + (uint64_t)(rand() % 1024), base + (uint64_t)(rand() % 8192) * 8);
		CHECK(stack.n >= 1 && stack.n <= 127);
		CHECK(stack.end < WICK_ENDS);
	}
}

/* --- searching --- */

TEST(the_mapping_found_is_that_of_a_plain_search)
{
	srand(2);
	for (unsigned int round = 0; round < 200; round++) {
		uint32_t count = 1 + (uint32_t)(rand() % (MAPPINGS - 1));
		uint64_t at = 0x1000;

		clear();
		for (uint32_t i = 0; i < count; i++) {
			at += 0x1000 * (uint64_t)(rand() % 3);
			mappings[i].start = at;
			mappings[i].end = at += 0x1000 * (uint64_t)(1 + rand() % 5);
		}
		for (unsigned int i = 0; i < 200; i++) {
			const struct wick_proc all = {.serial = 1, .count = count};
			uint64_t pc = (uint64_t)rand() % (at + 0x2000);
			const struct wick_mapping *want = NULL;

			for (uint32_t j = 0; j < count; j++)
				if (pc >= mappings[j].start && pc < mappings[j].end)
					want = &mappings[j];
			CHECK(unwind_mapping(&all, pc) == want);
		}
	}
}

TEST(the_row_found_is_the_last_at_or_below_the_pc)
{
	srand(3);
	for (unsigned int round = 0; round < 200; round++) {
		uint32_t first = (uint32_t)(rand() % 1000), count = 1 + (uint32_t)(rand() % 3000);
		uint32_t low = 0;

		clear();
		for (uint32_t i = 0; i < count; i++) {
			chunks[(first + i) >> WICK_CHUNK_BITS]
				.row[(first + i) & ((1 << WICK_CHUNK_BITS) - 1)] = low << 16 | i;
			low += 1 + (uint32_t)(rand() % 20);
			if (low > 0xffff)
				count = i + 1;
		}
		for (unsigned int i = 0; i < 300; i++) {
			const struct wick_page page = {first, count};
			uint32_t key = (uint32_t)rand() & 0xffff, want = 0;

			for (uint32_t j = 0; j < count; j++) {
				uint32_t at = first + j;

				if (chunks[at >> WICK_CHUNK_BITS]
					    .row[at & ((1 << WICK_CHUNK_BITS) - 1)] >>
				    16 <= key)
					want = j;
			}
			CHECK_INT(unwind_row(&page, 0x30000 | key), want);
		}
	}
}

TEST(a_found_rule_is_remembered_until_the_tables_are_others)
{
	clear();
	add_row(0x100, frame_rule(8, false));
	add_row(0x200, (struct wick_rule){.cfa = WICK_CFA_END});
	words[0] = text + 0x210;
	walk_rows(text + 0x100, 0);
	finds = 0;
	walk.ip = text + 0x100;
	walk.sp = base;
	unwind_begin(&walk, &proc);
	run(&walk, &stack);
	CHECK_END(root);
	CHECK_INT(finds, 0);

	walk.ip = text + 0x100;
	walk.sp = base;
	unwind_begin(&walk, &(struct wick_proc){.serial = 2, .count = 1});
	run(&walk, &stack);
	CHECK_END(root);
	CHECK_INT(finds, 2);
}

/* --- names of stacks --- */

static const __u64 key[2] = {1, 2}, other[2] = {1, 3};

static uint64_t name_of(struct wick_stack *of, const __u64 with[2])
{
	struct hash_state state;

	hash_begin(&state, with);
	for (uint32_t from = 0; from < of->n; from += HASH_PART)
		hash_add(&state, &of->pc[from], of->n - from);
	return hash_end(&state, of);
}

static struct wick_stack stack_of(unsigned int n, uint64_t first)
{
	struct wick_stack made = {.n = (uint16_t)n};

	for (unsigned int i = 0; i < n; i++)
		made.pc[i] = first + i;
	return made;
}

TEST(names_of_stacks_depend_on_pcs_order_length_end_and_key)
{
	static const unsigned int lengths[] = {20, 128, 129, 1000};

	for (unsigned int i = 0; i < 4; i++) {
		unsigned int n = lengths[i];
		struct wick_stack a = stack_of(n, 0x400000), b = a;
		uint64_t name = name_of(&a, key);

		CHECK(name_of(&b, key) == name && b.check == a.check);
		b.pc[n - 3] = a.pc[n - 4];
		b.pc[n - 4] = a.pc[n - 3];
		CHECK(name_of(&b, key) != name && b.check != a.check);
		b = stack_of(n - 1, 0x400000);
		CHECK(name_of(&b, key) != name);
		b = stack_of(n, 0x400000);
		b.end = WICK_END_fault;
		CHECK(name_of(&b, key) != name);
		b = stack_of(n, 0x400000);
		CHECK(name_of(&b, other) != name && b.check != a.check);
	}
}

/* What stands behind n is rubbish of an earlier run. */
TEST(names_of_stacks_ignore_what_stands_behind_them)
{
	struct wick_stack a = stack_of(7, 1), b = a;

	b.pc[7] = 99;
	CHECK(name_of(&a, key) == name_of(&b, key));
}

TEST_MAIN()
