/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/window.h"

#include "tests/test.h"

TEST(equal_stacks_are_one_node_and_share_their_roots)
{
	struct window *window;
	struct frame main_frame = {0x10, 1, 0}, a = {0x20, 1, 0}, b = {0x30, 1, 0};
	uint32_t root, leaf_a, leaf_b, again;

	CHECK_INT(window_new(0, &window), 0);
	window_push(window, NODE_NONE, &main_frame, &root);
	window_push(window, root, &a, &leaf_a);
	window_push(window, root, &b, &leaf_b);
	window_push(window, root, &a, &again);
	CHECK_INT(again, leaf_a);
	CHECK(leaf_a != leaf_b);
	CHECK_INT(window->node_count, 3);
	CHECK_INT(window->frame_count, 3);
	/* The same frame under another parent is another stack. */
	window_push(window, leaf_b, &a, &again);
	CHECK(again != leaf_a);
	CHECK_INT(window->frame_count, 3);
	window_free(window);
}

static void count(struct window *window, uint32_t pid, const char *comm, uint32_t tid,
		  const char *thread, uint32_t node)
{
	struct window_task task = {.pid = pid, .tid = tid, .comm = comm, .thread = thread};

	CHECK_INT(window_add(window, &task, node, 0, 1), 0);
}

TEST(ticks_add_up_by_process_thread_name_and_stack)
{
	struct window *window;
	uint64_t sum = 0;

	CHECK_INT(window_new(0, &window), 0);
	for (int i = 0; i < 10; i++) {
		count(window, 1, "java", 0, "", 5);
		count(window, 1, "java", 0, "", 6);
		count(window, 2, "java", 0, "", 5);
		count(window, 2, "other", 0, "", 5);
		count(window, 2, "java", 7, "GC", 5);
		count(window, 2, "java", 7, "main", 5);
	}
	CHECK_INT(window->count_count, 6);
	for (uint32_t i = 0; i < window->count_count; i++) {
		CHECK_INT(window->counts[i].ticks, 10);
		sum += window->counts[i].ticks;
	}
	CHECK_INT(sum, 60);
	window_free(window);
}

TEST(a_name_of_sixteen_bytes_without_an_end_is_taken_as_it_is)
{
	struct window *window;
	static const char name[17] = "0123456789abcdefX";

	CHECK_INT(window_new(0, &window), 0);
	count(window, 1, name, 0, "", 0);
	CHECK_STR(strtab_get(&window->strings, window->counts[0].comm), "0123456789abcdef");
	window_free(window);
}

TEST(a_stack_is_known_by_space_hash_and_check_together)
{
	struct window *window;
	uint32_t node = 0;

	CHECK_INT(window_new(0, &window), 0);
	CHECK_INT(window_learn(window, window_base_user(3), 77, 5, 12), 0);
	CHECK_INT(window_find(window, window_base_user(3), 77, 5, &node), 0);
	CHECK_INT(node, 12);
	CHECK_INT(window_find(window, window_base_user(3), 77, 6, &node), -2);
	CHECK_INT(window_find(window, window_base_user(4), 77, 5, &node), -2);
	CHECK_INT(window_find(window, window_base_kernel(3, 0), 77, 5, &node), -2);
	CHECK_INT(window_learn(window, window_base_kernel(3, 1), 77, 5, 13), 0);
	CHECK_INT(window_find(window, window_base_kernel(3, 1), 77, 5, &node), 0);
	CHECK_INT(node, 13);
	CHECK_INT(window_find(window, window_base_kernel(3, 2), 77, 5, &node), -2);
	window_free(window);
}

TEST(frames_of_one_place_under_two_names_are_two_and_moments_are_bounded)
{
	struct frame one = {0x10, FRAME_KERNEL, 1}, other = {0x10, FRAME_KERNEL, 2};
	const struct window_task task = {.pid = 1, .comm = "", .thread = "", .moment_ns = 5};
	struct window *window;
	uint32_t node;

	CHECK_INT(window_new(0, &window), 0);
	CHECK_INT(window_push(window, NODE_NONE, &one, &node), 0);
	CHECK_INT(window_push(window, NODE_NONE, &other, &node), 0);
	CHECK_INT(window->frame_count, 2);
	for (int i = 0; i < WINDOW_MOMENTS_MAX + 10; i++)
		CHECK_INT(window_add(window, &task, node, 0, 2), 0);
	CHECK_INT(window->counts[0].ticks, 2 * (WINDOW_MOMENTS_MAX + 10));
	CHECK_INT(window->moment_count, WINDOW_MOMENTS_MAX);
	CHECK_INT(window->moments[7].time_ns, 5);
	CHECK_INT(window->moments[7].ticks, 2);
	window_free(window);
}

TEST(seconds_count_names_and_what_was_dropped_meanwhile)
{
	struct window_task task = {.pid = 1, .comm = "a", .thread = "", .second_ns = 1999999999};
	struct window *window;

	CHECK_INT(window_new(0, &window), 0);
	count(window, 1, "a", 0, "", 0);
	CHECK_INT(window->second_count, 0); /* no timeline is wanted */
	CHECK_INT(window_add(window, &task, 0, 1, 2), 0);
	task.pid = 2;
	CHECK_INT(window_add(window, &task, 1, 0, 1), 0);
	task.second_ns++;
	CHECK_INT(window_add(window, &task, 0, 0, 1), 0);
	CHECK_INT(window->second_count, 2);
	CHECK_INT(window->seconds[0].ticks, 3);
	CHECK_INT(window->seconds[0].cut, 2);
	CHECK_INT(window->seconds[1].second, 2);
	window->ledger.dropped[1] = 7;
	CHECK_INT(window_note_dropped(window, 2000000000), 0);
	window->ledger.dropped[0] = 1;
	CHECK_INT(window_note_dropped(window, 3000000000), 0);
	CHECK_INT(window_note_dropped(window, 4000000000), 0);
	CHECK_INT(window->second_count, 4);
	CHECK_INT(window->seconds[2].dropped, 7);
	CHECK_INT(window->seconds[3].dropped, 1);
	for (unsigned int i = 0; i < WINDOW_SECONDS_MAX + 10; i++) {
		task.second_ns = (10ULL + i) * 1000000000;
		CHECK_INT(window_add(window, &task, 0, 0, 1), 0);
	}
	CHECK_INT(window->second_count, WINDOW_SECONDS_MAX);
	window_free(window);
}

TEST(the_ledger_tells_how_far_it_is_off)
{
	struct ledger ledger = {.taken = 10, .written = 8, .complete = 5};

	ledger.dropped[WICK_DROP_ring_full] = 2;
	ledger.cut[WICK_END_fp_chain] = 2;
	ledger.cut[WICK_CUT_kernel_depth] = 1;
	CHECK_INT(ledger_difference(&ledger), 0);
	ledger.taken++;
	CHECK_INT(ledger_difference(&ledger), 1);
	ledger.complete--;
	CHECK_INT(ledger_difference(&ledger), 2);
}

TEST(every_reason_has_a_sentence)
{
	CHECK(ledger_sentence("dropped.ring_full") != NULL);
	CHECK(ledger_sentence("cut.fp_chain") != NULL);
	CHECK(ledger_sentence("cut.stack_lost") != NULL);
	CHECK(ledger_sentence("cut.nonsense") == NULL);
}

TEST_MAIN()
