/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/task_inbox.h"

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

static struct task_inbox *inbox;
static uint64_t now;

static void put(enum task_event_kind kind, pid_t pid, pid_t other)
{
	struct task_event event = {.kind = kind, .pid = pid, .tid = pid, .time_ns = ++now};

	if (kind == TASK_FORK)
		event.parent = other;
	if (kind == TASK_EXIT && other)
		event.tid = other;
	if (kind == TASK_MAP)
		event.path = "/some/file";
	task_inbox_put(inbox, &event);
}

/* "kind pid" of what the first reader gets; of lost ones, how many. */
static const char *first(void)
{
	static const char kinds[] = "FTXEMCL"; /* by enum task_event_kind */
	static char text[4096];
	const struct task_event *event;
	size_t used = 0;

	text[0] = '\0';
	while ((event = task_inbox_next(inbox)) && used < sizeof(text) - 32) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%c%d",
					 used ? " " : "", kinds[event->kind],
					 event->kind == TASK_LOST ? (int)event->lost : event->pid);
		if (event->kind == TASK_MAP)
			CHECK_STR(event->path, "/some/file");
	}
	return text;
}

struct second {
	unsigned int count, maps;
	uint64_t lost, last_ns;
};

static void take_second(void *context, const struct task_event *event)
{
	struct second *second = context;

	second->count++;
	second->maps += event->kind == TASK_MAP && !strcmp(event->path, "/some/file");
	second->lost += event->lost;
	CHECK(event->time_ns >= second->last_ns);
	second->last_ns = event->time_ns;
}

static struct second second(void)
{
	struct second second = {0};

	task_batches_each(task_inbox_take(inbox), take_second, &second);
	return second;
}

static void setup(void)
{
	now = 0;
	CHECK(!task_inbox_new(NULL, &inbox));
}

TEST(who_came_and_went_in_one_batch_is_left_out_for_the_first_reader_only)
{
	setup();
	put(TASK_FORK, 10, 1);
	put(TASK_FORK, 11, 1);
	put(TASK_EXEC, 10, 0);
	put(TASK_MAP, 10, 0);
	put(TASK_MAP, 1, 0);
	put(TASK_EXIT, 10, 0);
	task_inbox_fill(inbox);
	CHECK_STR(first(), "F11 M1");
	CHECK_INT(task_inbox_brief(inbox), 4);
	CHECK_INT(second().count, 6);
	/* In the next batch, the other has begun before. */
	put(TASK_EXIT, 11, 0);
	task_inbox_fill(inbox);
	CHECK_STR(first(), "E11");
	task_inbox_free(inbox);
}

TEST(who_had_children_or_threads_is_not_left_out)
{
	setup();
	put(TASK_FORK, 10, 1);
	put(TASK_FORK, 20, 10);
	put(TASK_EXIT, 10, 0);
	put(TASK_FORK, 30, 1);
	put(TASK_THREAD, 30, 0);
	put(TASK_EXIT, 30, 0);
	put(TASK_EXIT, 20, 0);
	task_inbox_fill(inbox);
	CHECK_STR(first(), "F10 E10 F30 T30 E30");
	task_inbox_free(inbox);
}

TEST(the_exit_of_another_thread_is_not_the_end)
{
	setup();
	put(TASK_FORK, 10, 1);
	put(TASK_EXIT, 10, 12);
	task_inbox_fill(inbox);
	CHECK_STR(first(), "F10 E10");
	task_inbox_free(inbox);
}

TEST(a_pid_that_lives_twice_is_two_lives)
{
	setup();
	put(TASK_EXIT, 10, 0);
	put(TASK_FORK, 10, 1);
	put(TASK_EXIT, 10, 0);
	put(TASK_FORK, 10, 1);
	put(TASK_EXEC, 10, 0);
	task_inbox_fill(inbox);
	CHECK_STR(first(), "E10 F10 X10");
	task_inbox_free(inbox);
}

TEST(across_a_loss_nobody_is_followed)
{
	setup();
	put(TASK_FORK, 10, 1);
	put(TASK_LOST, 0, 0);
	put(TASK_EXIT, 10, 0);
	task_inbox_fill(inbox);
	CHECK_STR(first(), "F10 L0 E10");
	task_inbox_free(inbox);
}

TEST(events_of_several_rings_come_in_order_of_time)
{
	setup();
	now = 10;
	put(TASK_EXEC, 10, 0);
	put(TASK_MAP, 10, 0);
	now = 0;
	put(TASK_FORK, 10, 1);
	put(TASK_MAP, 1, 0);
	task_inbox_fill(inbox);
	CHECK_STR(first(), "F10 M1 X10 M10");
	CHECK_INT(second().maps, 2);
	task_inbox_free(inbox);
}

/* Either alone: what the one does not read costs the other nothing. */
TEST(a_reader_that_does_not_read_is_told_what_it_missed)
{
	struct second missed;
	unsigned int seen = 0;

	setup();
	for (int batch = 0; batch < 100; batch++) {
		for (int i = 0; i < 1000; i++)
			put(TASK_MAP, 1, 0);
		task_inbox_fill(inbox);
		while (task_inbox_next(inbox))
			seen++;
	}
	CHECK_INT(seen, 100000);
	missed = second();
	CHECK_INT(missed.count, 65001);
	CHECK_INT(missed.lost, 35000);
	CHECK_INT(missed.maps, 65000);
	for (int batch = 0; batch < 100; batch++) {
		for (int i = 0; i < 1000; i++)
			put(TASK_FORK, 1000 + i, 1);
		task_inbox_fill(inbox);
		CHECK_INT(second().count, 1000);
	}
	for (seen = 0; task_inbox_has_next(inbox);)
		seen += task_inbox_next(inbox) != NULL;
	CHECK_INT(seen, 65001);
	task_inbox_free(inbox);
}

TEST(what_nobody_has_read_is_freed_with_the_inbox)
{
	setup();
	put(TASK_MAP, 1, 0);
	task_inbox_fill(inbox);
	put(TASK_MAP, 1, 0);
	task_inbox_fill(inbox);
	CHECK_STR(first(), "M1 M1");
	put(TASK_MAP, 1, 0);
	task_inbox_fill(inbox);
	put(TASK_MAP, 1, 0);
	task_inbox_free(inbox);
}

TEST_MAIN()
