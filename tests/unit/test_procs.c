/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/procs.h"

#include "profiler/modules.h"
#include "tests/test.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* Far beyond any pid that /proc has, so that nothing is ever read from there. */
enum { PID = 1 << 23, CHILD = PID + 1, NOW = 1000 };

struct fixture {
	struct modules *modules;
	struct procs *procs;
};

static struct fixture setup(void)
{
	struct fixture f;

	CHECK_INT(modules_new(MODULES_LIMIT, &f.modules), 0);
	CHECK_INT(procs_new(f.modules, &f.procs), 0);
	return f;
}

static void teardown(struct fixture *f)
{
	procs_free(f->procs);
	modules_free(f->modules);
}

static void map(struct fixture *f, pid_t pid, uint64_t start, uint64_t end, uint64_t off,
		uint32_t module)
{
	struct task_event event = {.kind = TASK_MAP,
				   .pid = pid,
				   .tid = pid,
				   .start = start,
				   .end = end,
				   .off = off,
				   .time_ns = NOW};

	procs_event(f->procs, &event, module);
}

static void tell(struct fixture *f, enum task_event_kind kind, pid_t pid, pid_t parent)
{
	struct task_event event = {
		.kind = kind, .pid = pid, .tid = pid, .parent = parent, .time_ns = NOW};

	procs_event(f->procs, &event, 0);
}

static long long module_at(struct fixture *f, pid_t pid, uint64_t addr)
{
	const struct address_space *space = procs_space(f->procs, pid, pid, 7, 1);
	const struct proc_map *found = address_space_find(space, addr);

	return found ? (long long)found->module : -1;
}

TEST(a_mapping_over_another_takes_its_place_and_leaves_both_ends)
{
	struct fixture f = setup();
	const struct proc_map *right;

	tell(&f, TASK_EXEC, PID, 0);
	map(&f, PID, 0x1000, 0x9000, 0x100000, 1);
	map(&f, PID, 0x3000, 0x5000, 0, 2);
	CHECK_INT(module_at(&f, PID, 0x0fff), -1);
	CHECK_INT(module_at(&f, PID, 0x1000), 1);
	CHECK_INT(module_at(&f, PID, 0x2fff), 1);
	CHECK_INT(module_at(&f, PID, 0x3000), 2);
	CHECK_INT(module_at(&f, PID, 0x4fff), 2);
	CHECK_INT(module_at(&f, PID, 0x5000), 1);
	CHECK_INT(module_at(&f, PID, 0x9000), -1);
	right = address_space_find(procs_space(f.procs, PID, PID, 7, 1), 0x6000);
	CHECK_INT(right->off, 0x104000);
	map(&f, PID, 0x0, 0x20000, 0, 3);
	CHECK_INT(module_at(&f, PID, 0x4000), 3);
	CHECK_INT(procs_space(f.procs, PID, PID, 7, 1)->count, 1);
	teardown(&f);
}

TEST(a_change_gives_an_address_space_a_new_serial)
{
	struct fixture f = setup();
	uint64_t before;

	map(&f, PID, 0x1000, 0x2000, 0, 1);
	before = procs_space(f.procs, PID, PID, 7, 1)->serial;
	CHECK(procs_space(f.procs, PID, PID, 7, 1)->serial == before);
	map(&f, PID, 0x5000, 0x6000, 0, 2);
	CHECK(procs_space(f.procs, PID, PID, 7, 1)->serial != before);
	teardown(&f);
}

TEST(a_child_has_its_parents_mappings_until_either_changes)
{
	struct fixture f = setup();

	map(&f, PID, 0x1000, 0x2000, 0, 1);
	tell(&f, TASK_FORK, CHILD, PID);
	CHECK_INT(module_at(&f, CHILD, 0x1800), 1);
	CHECK(procs_space(f.procs, PID, PID, 7, 1) == procs_space(f.procs, CHILD, CHILD, 7, 1));
	map(&f, PID, 0x1000, 0x2000, 0, 2);
	CHECK_INT(module_at(&f, PID, 0x1800), 2);
	CHECK_INT(module_at(&f, CHILD, 0x1800), 1);
	teardown(&f);
}

TEST(an_exec_leaves_nothing_of_the_old_image)
{
	struct fixture f = setup();

	map(&f, PID, 0x1000, 0x2000, 0, 1);
	CHECK_INT(module_at(&f, PID, 0x1800), 1);
	tell(&f, TASK_EXEC, PID, 0);
	CHECK_INT(module_at(&f, PID, 0x1800), -1);
	teardown(&f);
}

TEST(another_start_time_is_another_process)
{
	struct fixture f = setup();
	const struct address_space *space;

	map(&f, PID, 0x1000, 0x2000, 0, 1);
	CHECK_INT(module_at(&f, PID, 0x1800), 1);
	space = procs_space(f.procs, PID, PID, 8, 1);
	CHECK(!address_space_find(space, 0x1800));
	teardown(&f);
}

TEST(another_exec_id_is_another_image)
{
	struct fixture f = setup();

	map(&f, PID, 0x1000, 0x2000, 0, 1);
	CHECK_INT(module_at(&f, PID, 0x1800), 1);
	CHECK(!address_space_find(procs_space(f.procs, PID, PID, 7, 2), 0x1800));
	teardown(&f);
}

/* The kernel writes the record of an exec a moment before it counts the exec. */
TEST(a_sample_from_between_an_execs_record_and_its_id_changes_nothing)
{
	struct fixture f = setup();

	map(&f, PID, 0x1000, 0x2000, 0, 1);
	CHECK(address_space_find(procs_space(f.procs, PID, PID, 7, 1), 0x1800) != NULL);
	tell(&f, TASK_EXEC, PID, 0);
	CHECK(!address_space_find(procs_space(f.procs, PID, PID, 7, 1), 0x1800));
	map(&f, PID, 0x3000, 0x4000, 0, 2);
	CHECK(address_space_find(procs_space(f.procs, PID, PID, 7, 2), 0x3800) != NULL);
	tell(&f, TASK_EXEC, PID, 0);
	map(&f, PID, 0x5000, 0x6000, 0, 2);
	CHECK(address_space_find(procs_space(f.procs, PID, PID, 7, 3), 0x5800) != NULL);
	/* One more, that nobody told of. */
	CHECK(!address_space_find(procs_space(f.procs, PID, PID, 7, 4), 0x5800));
	teardown(&f);
}

TEST(the_first_sample_of_a_process_may_be_from_there)
{
	struct fixture f = setup();

	tell(&f, TASK_EXEC, PID, 0);
	map(&f, PID, 0x1000, 0x2000, 0, 1);
	CHECK(address_space_find(procs_space(f.procs, PID, PID, 7, 1), 0x1800) != NULL);
	CHECK(address_space_find(procs_space(f.procs, PID, PID, 7, 2), 0x1800) != NULL);
	CHECK(!address_space_find(procs_space(f.procs, PID, PID, 7, 3), 0x1800));
	teardown(&f);
}

TEST(after_lost_records_a_process_that_is_gone_keeps_what_was_known)
{
	struct fixture f = setup();

	map(&f, PID, 0x1000, 0x2000, 0, 1);
	CHECK_INT(module_at(&f, PID, 0x1800), 1);
	tell(&f, TASK_LOST, 0, 0);
	CHECK_INT(module_at(&f, PID, 0x1800), 1);
	teardown(&f);
}

static uint32_t maps_of(struct fixture *f, pid_t pid, uint64_t start_ns, uint64_t exec_id)
{
	return procs_space(f->procs, pid, pid, start_ns, exec_id)->count;
}

TEST(after_lost_records_a_process_that_no_sample_has_met_is_not_known)
{
	struct fixture f = setup();

	/* Its first sample may be of another process, or of after an exec. */
	map(&f, PID, 0x1000, 0x2000, 0, 1);
	tell(&f, TASK_LOST, 0, 0);
	CHECK_INT(maps_of(&f, PID, 7, 1), 0);
	teardown(&f);
}

TEST(the_child_of_a_process_in_doubt_is_in_doubt)
{
	struct fixture f = setup();

	map(&f, PID, 0x1000, 0x2000, 0, 1);
	CHECK_INT(maps_of(&f, PID, 7, 1), 1);
	tell(&f, TASK_LOST, 0, 0);
	tell(&f, TASK_FORK, CHILD, PID);
	CHECK_INT(maps_of(&f, CHILD, 8, 1), 0);
	teardown(&f);
}

TEST(an_exec_has_ended_the_doubt)
{
	struct fixture f = setup();

	map(&f, PID, 0x1000, 0x2000, 0, 1);
	tell(&f, TASK_LOST, 0, 0);
	tell(&f, TASK_EXEC, PID, 0);
	map(&f, PID, 0x3000, 0x4000, 0, 2);
	CHECK_INT(maps_of(&f, PID, 7, 1), 1);
	teardown(&f);
}

TEST(a_child_counts_execs_from_where_its_parent_was)
{
	struct fixture f = setup();

	map(&f, PID, 0x1000, 0x2000, 0, 1);
	CHECK_INT(maps_of(&f, PID, 7, 5), 1);
	tell(&f, TASK_FORK, CHILD, PID);
	/* One that nobody told of. */
	CHECK_INT(maps_of(&f, CHILD, 8, 6), 0);
	tell(&f, TASK_FORK, CHILD, PID);
	CHECK_INT(maps_of(&f, CHILD, 9, 5), 1);
	teardown(&f);
}

TEST(who_started_after_a_fork_is_not_its_child)
{
	struct fixture f = setup();

	map(&f, PID, 0x1000, 0x2000, 0, 1);
	tell(&f, TASK_FORK, CHILD, PID);
	CHECK_INT(maps_of(&f, CHILD, NOW + 1, 1), 0);
	teardown(&f);
}

struct identity {
	int err;
	uint64_t start_ns, exec_id;
};

static int give_identity(void *context, pid_t pid, uint64_t *ret_start_ns, uint64_t *ret_exec_id)
{
	const struct identity *identity = context;

	(void)pid;
	*ret_start_ns = identity->start_ns;
	*ret_exec_id = identity->exec_id;
	return identity->err;
}

/* This process is there to be read; whether that is believed is up to who is asked. */
TEST(what_proc_says_is_believed_of_who_has_the_pid)
{
	const uint64_t later = UINT64_MAX / 2;
	struct identity identity = {0, 7, 3};
	struct fixture f = setup();

	procs_ask(f.procs, give_identity, &identity);
	CHECK(maps_of(&f, getpid(), 7, 3) > 0);
	procs_doubt(f.procs, getpid());
	CHECK_INT(maps_of(&f, getpid(), 8, 3), 0);
	procs_doubt(f.procs, getpid());
	CHECK_INT(maps_of(&f, getpid(), 7, 4), 0);
	identity.err = -ENOENT;
	CHECK_INT(maps_of(&f, getpid(), later, 3), 0);
	teardown(&f);
}

TEST(exited_processes_are_forgotten_after_their_time)
{
	struct fixture f = setup();

	for (pid_t pid = PID; pid < PID + 100; pid++)
		map(&f, pid, 0x1000, 0x2000, 0, 1);
	for (pid_t pid = PID; pid < PID + 100; pid += 2)
		tell(&f, TASK_EXIT, pid, 0);
	procs_sweep(f.procs, NOW);
	CHECK_INT(procs_count(f.procs), 100);
	procs_sweep(f.procs, NOW + 1);
	CHECK_INT(procs_count(f.procs), 50);
	for (pid_t pid = PID + 1; pid < PID + 100; pid += 2)
		CHECK_INT(module_at(&f, pid, 0x1800), 1);
	teardown(&f);
}

/* This process is read from /proc: what mmap() says must be there, under the right file offset. */
TEST(an_unknown_process_is_read_from_proc_at_its_first_sample)
{
	struct fixture f = setup();
	const struct address_space *space;
	const struct proc_map *found;
	struct module module;

	CHECK_INT(procs_scan(f.procs), 0);
	space = procs_space(f.procs, getpid(), getpid(), 0, 0);
	found = address_space_find(space, (uint64_t)(uintptr_t)&setup);
	CHECK(found != NULL);
	if (found) {
		module = modules_get(f.modules, found->module);
		CHECK(strstr(module.name.path, "test_procs") != NULL);
		CHECK_INT(module.name.kind, MODULE_FILE);
		CHECK(module.name.inode != 0);
	}
	teardown(&f);
}

TEST(a_process_without_a_pid_here_has_no_mappings)
{
	struct fixture f = setup();
	const struct address_space *space;

	map(&f, 0, 0x1000, 0x9000, 0, 1);
	map(&f, -1, 0x1000, 0x9000, 0, 1);
	tell(&f, TASK_FORK, PID, 0);
	space = procs_space(f.procs, 0, 0, 7, 1);
	CHECK_INT(space->count, 0);
	CHECK(procs_space(f.procs, 0, 0, 8, 1) == space);
	CHECK_INT(module_at(&f, PID, 0x2000), -1);
	teardown(&f);
}

/* What /proc does not know any more keeps no event from the next process of this pid. */
TEST(a_pid_that_lives_again_between_two_readings_has_its_own_mappings)
{
	struct fixture f = setup();

	for (uint32_t life = 1; life <= 3; life++) {
		tell(&f, TASK_FORK, PID, 1);
		tell(&f, TASK_EXEC, PID, 0);
		map(&f, PID, 0x1000, 0x2000, 0, life);
		CHECK_INT(procs_space(f.procs, PID, PID, 100 + life, life)->count, 1);
		CHECK_INT(
			address_space_find(procs_space(f.procs, PID, PID, 100 + life, life), 0x1000)
				->module,
			life);
		/* A sample of one that was never told of. */
		CHECK_INT(procs_space(f.procs, PID, PID, 200 + life, life)->count, 0);
	}
	teardown(&f);
}

/* Pages, each with its module. */
TEST(any_order_of_mappings_leaves_what_was_mapped_last)
{
	enum { PAGES = 200, ROUNDS = 4000 };
	struct fixture f = setup();
	long long pages[PAGES];
	unsigned int seed = 7;

	for (int i = 0; i < PAGES; i++)
		pages[i] = -1;
	tell(&f, TASK_EXEC, PID, 0);
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		uint32_t first = (uint32_t)rand_r(&seed) % PAGES;
		uint32_t last = first + (uint32_t)rand_r(&seed) % 9;

		last = last < PAGES ? last : PAGES - 1;
		map(&f, PID, first * 4096ul, (last + 1) * 4096ul, 0, round);
		for (uint32_t i = first; i <= last; i++)
			pages[i] = round;
		if (round % 7)
			continue;
		for (uint32_t i = 0; i < PAGES; i++)
			if (module_at(&f, PID, i * 4096ul) != pages[i])
				CHECK_INT(module_at(&f, PID, i * 4096ul), pages[i]);
	}
	teardown(&f);
}

TEST(mappings_beyond_the_limit_are_refused_and_counted)
{
	struct fixture f = setup();
	const uint64_t page = 0x1000;

	tell(&f, TASK_EXEC, PID, 0);
	for (uint64_t i = 0; i < 65536; i++)
		map(&f, PID, 2 * i * page, (2 * i + 1) * page, 0, 1);
	CHECK_INT(procs_refused(f.procs), 0);
	map(&f, PID, 2 * 65536 * page, (2 * 65536 + 1) * page, 0, 2);
	map(&f, PID, 2 * 65537 * page, (2 * 65537 + 1) * page, 0, 2);
	CHECK_INT(procs_refused(f.procs), 2);
	CHECK_INT(module_at(&f, PID, 2 * 65535 * page), 1);
	CHECK_INT(module_at(&f, PID, 2 * 65536 * page), -1);
	/* One in the place of another has room. */
	map(&f, PID, 0, page, 0, 3);
	CHECK_INT(procs_refused(f.procs), 2);
	CHECK_INT(module_at(&f, PID, 0), 3);
	teardown(&f);
}

TEST(files_beyond_the_limit_are_one_without_names)
{
	struct fixture f = setup();
	uint32_t id = 0, last = 0;

	for (uint64_t i = 0; i < 70000; i++) {
		struct task_event event = {.path = "/some/file", .dev = 1, .inode = i + 1};

		CHECK_INT(modules_add(f.modules, &event, &id), 0);
		last = id > last ? id : last;
	}
	CHECK_INT(last, 65535);
	CHECK_INT(id, 0);
	CHECK_INT(modules_refused(f.modules), 70000 - 65535);
	CHECK_STR(modules_get(f.modules, 0).name.path, "[too many files]");
	teardown(&f);
}

static uint32_t add_file(struct modules *modules, uint64_t inode)
{
	struct task_event event = {.path = "/some/file", .dev = 1, .inode = inode};
	uint32_t id = 0;

	CHECK_INT(modules_add(modules, &event, &id), 0);
	return id;
}

static void sweep(struct fixture *f)
{
	if (!modules_is_crowded(f->modules))
		return;
	procs_each_module(f->procs, (void (*)(void *, uint32_t))modules_mark_mapped, f->modules);
	modules_sweep(f->modules);
}

/* A host that deploys for years: what nothing maps goes, the oldest first, and its id comes again. */
TEST(modules_that_nothing_maps_are_forgotten_beyond_the_limit)
{
	enum { LIMIT = 64, MAPPED = 10 };
	struct fixture f;
	uint32_t mapped[MAPPED];

	CHECK_INT(modules_new(LIMIT, &f.modules), 0);
	CHECK_INT(procs_new(f.modules, &f.procs), 0);
	tell(&f, TASK_EXEC, PID, 0);
	for (uint64_t i = 0; i < MAPPED; i++) {
		mapped[i] = add_file(f.modules, 1 + i);
		map(&f, PID, 0x1000 * (2 * i + 1), 0x1000 * (2 * i + 2), 0, mapped[i]);
	}
	for (uint64_t i = 0; i < 5000; i++) {
		add_file(f.modules, 1000 + i);
		add_file(f.modules, 777); /* not mapped, but met all the time */
		sweep(&f);
		CHECK(modules_count(f.modules) <= LIMIT + 2);
	}
	for (uint64_t i = 0; i < MAPPED; i++) {
		CHECK_INT(add_file(f.modules, 1 + i), mapped[i]);
		CHECK_INT(modules_get(f.modules, mapped[i]).name.inode, 1 + i);
	}
	CHECK_INT(modules_get(f.modules, add_file(f.modules, 777)).name.inode, 777);
	CHECK_INT(modules_get(f.modules, add_file(f.modules, 1000)).name.inode, 1000);
	CHECK_INT(modules_refused(f.modules), 0);
	teardown(&f);
}

/* More are mapped than are kept otherwise: all of them stay. */
TEST(modules_in_use_are_never_forgotten)
{
	enum { LIMIT = 64, MAPPED = 1000 };
	struct fixture f;

	CHECK_INT(modules_new(LIMIT, &f.modules), 0);
	CHECK_INT(procs_new(f.modules, &f.procs), 0);
	tell(&f, TASK_EXEC, PID, 0);
	for (uint64_t i = 0; i < MAPPED; i++) {
		map(&f, PID, 0x1000 * (2 * i + 1), 0x1000 * (2 * i + 2), 0,
		    add_file(f.modules, 1 + i));
		add_file(f.modules, 100000 + i);
		sweep(&f);
	}
	CHECK(modules_count(f.modules) < MAPPED + LIMIT);
	for (uint64_t i = 0; i < MAPPED; i++) {
		long long id = module_at(&f, PID, 0x1000 * (2 * i + 1));

		CHECK_INT(modules_get(f.modules, (uint32_t)id).name.inode, 1 + i);
	}
	teardown(&f);
}

/* Whose end was never told of, or not believed: the pids here are nobody's. */
TEST(processes_that_are_not_there_any_more_are_found_out)
{
	struct fixture f = setup();

	for (pid_t pid = PID; pid < PID + 500; pid++)
		map(&f, pid, 0x1000, 0x2000, 0, 1);
	map(&f, getpid(), 0x1000, 0x2000, 0, 1);
	procs_sweep(f.procs, UINT64_MAX);
	CHECK_INT(procs_count(f.procs), 501);
	for (uint64_t second = 1; second < 1000; second++) {
		procs_audit(f.procs, second * 1000000000);
		procs_sweep(f.procs, second * 1000000000);
	}
	CHECK_INT(procs_count(f.procs), 1);
	teardown(&f);
}

TEST_MAIN()
