/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel side's walk and hash, compiled natively, over a stack that the test makes up. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static uint64_t words[512];
static const uint64_t base = 0x7ffc00000000;

static int wick_read_user(void *dst, size_t size, uint64_t addr)
{
	if (addr < base || addr + size > base + sizeof(words))
		return -14;
	memcpy(dst, (char *)words + (addr - base), size);
	return 0;
}

#include "bpf/hash.h"
#include "bpf/unwind.h"
#include "tests/test.h"

/* A chain of n frames of 4 words each, from sp = base up; frame i returns to 0x1000 * (i + 2). */
static struct unwind_state make_chain(unsigned int n)
{
	memset(words, 0, sizeof(words));
	for (unsigned int i = 0; i < n; i++) {
		words[4 * i + 2] = i + 1 < n ? base + 8 * (4 * (i + 1) + 2) : 0;
		words[4 * i + 3] = i + 1 < n ? 0x1000 * (i + 2) : 0;
	}
	return (struct unwind_state){.ip = 0x1000, .sp = base, .fp = base + 16};
}

TEST(a_whole_chain_ends_at_its_root_with_every_caller)
{
	struct unwind_state state = make_chain(5);
	struct wick_stack stack;

	unwind_user(&state, &stack);
	CHECK_INT(stack.end, WICK_END_root);
	CHECK_INT(stack.n, 5);
	for (unsigned int i = 0; i < 5; i++)
		CHECK_INT(stack.pc[i], 0x1000 * (i + 1));
}

TEST(a_frame_pointer_of_zero_is_the_root)
{
	struct unwind_state state = {.ip = 0x1000, .sp = base, .fp = 0};
	struct wick_stack stack;

	unwind_user(&state, &stack);
	CHECK_INT(stack.end, WICK_END_root);
	CHECK_INT(stack.n, 1);
}

TEST(a_register_that_holds_data_ends_the_walk_after_the_leaf)
{
	static const uint64_t data[] = {1, 0x41, base + 3, base - 8, base + (2 << 20), UINT64_MAX};
	struct wick_stack stack;

	for (unsigned int i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
		struct unwind_state state = make_chain(5);

		state.fp = data[i];
		unwind_user(&state, &stack);
		CHECK_INT(stack.end, WICK_END_fp_chain);
		CHECK_INT(stack.n, 1);
		CHECK_INT(stack.pc[0], 0x1000);
	}
}

TEST(a_chain_that_turns_back_or_stands_still_ends)
{
	struct unwind_state state = make_chain(5);
	struct wick_stack stack;

	words[4 * 2 + 2] = base + 16; /* back to the first frame */
	unwind_user(&state, &stack);
	CHECK_INT(stack.end, WICK_END_fp_chain);
	CHECK_INT(stack.n, 4);

	state = make_chain(5);
	words[2] = base + 16; /* itself */
	unwind_user(&state, &stack);
	CHECK_INT(stack.end, WICK_END_fp_chain);
	CHECK_INT(stack.n, 2);
}

TEST(a_return_address_that_is_no_code_ends_the_walk)
{
	struct unwind_state state = make_chain(5);
	struct wick_stack stack;

	words[4 * 1 + 3] = 42;
	unwind_user(&state, &stack);
	CHECK_INT(stack.end, WICK_END_fp_chain);
	CHECK_INT(stack.n, 2);
}

TEST(a_page_that_is_not_there_is_a_fault)
{
	struct unwind_state state = make_chain(5);
	struct wick_stack stack;

	words[4 * 3 + 2] = base + sizeof(words) + 64;
	unwind_user(&state, &stack);
	CHECK_INT(stack.end, WICK_END_fault);
	CHECK_INT(stack.n, 5);
}

TEST(a_chain_deeper_than_the_limit_is_cut_at_the_limit)
{
	struct unwind_state state = make_chain(128);
	struct wick_stack stack;

	unwind_user(&state, &stack);
	CHECK_INT(stack.end, WICK_END_depth);
	CHECK_INT(stack.n, WICK_DEPTH);
	CHECK_INT(stack.pc[WICK_DEPTH - 1], 0x1000 * WICK_DEPTH);

	state = make_chain(WICK_DEPTH);
	unwind_user(&state, &stack);
	CHECK_INT(stack.end, WICK_END_root);
}

static struct wick_stack stack_of(unsigned int n, uint64_t first)
{
	struct wick_stack stack = {.n = (uint16_t)n};

	for (unsigned int i = 0; i < n; i++)
		stack.pc[i] = first + i;
	return stack;
}

TEST(names_of_stacks_depend_on_pcs_order_length_end_and_key)
{
	static const __u64 key[2] = {1, 2}, other[2] = {1, 3};
	struct wick_stack a = stack_of(20, 0x400000), b = a;
	uint64_t name = hash_stack(&a, key);

	CHECK(hash_stack(&b, key) == name && b.check == a.check);
	b.pc[3] = a.pc[4];
	b.pc[4] = a.pc[3];
	CHECK(hash_stack(&b, key) != name && b.check != a.check);
	b = stack_of(19, 0x400000);
	CHECK(hash_stack(&b, key) != name);
	b = stack_of(20, 0x400000);
	b.end = WICK_END_fault;
	CHECK(hash_stack(&b, key) != name);
	b = stack_of(20, 0x400000);
	CHECK(hash_stack(&b, other) != name && b.check != a.check);
}

/* What stands behind n is rubbish of an earlier run. */
TEST(names_of_stacks_ignore_what_stands_behind_them)
{
	static const __u64 key[2] = {5, 6};
	struct wick_stack a = stack_of(7, 1), b = a;

	b.pc[7] = 99;
	CHECK(hash_stack(&a, key) == hash_stack(&b, key));
}

TEST_MAIN()
