/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables in plain memory instead of the kernel's maps, and a plain array of entries that this
 * file's fork(), exec() and exit() keep as bpf/wick.bpf.c does. Modules are small files whose text
 * says what table the (fake) compiler makes of them.
 */
#include "base/clock.h"
#include "profiler/unwind_tables.h"

#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Far beyond any pid that /proc has, so that nothing is ever read from there. */
enum { PID = 1 << 23, PIDS = 512, MODULES = 256 };

static const uint64_t SECOND = 1000000000;

struct fixture {
	struct unwind_maps maps;
	uint32_t *shards[8];
	unsigned int shard_count;
	struct wick_proc procs[PIDS];
	bool there[PIDS];
	unsigned int puts, gets;

	struct unwind_tables *tables;
	uint64_t now;
	char dir[32];
	struct module {
		char path[64];
		uint64_t inode, dev;
		uint32_t pages, rows; /* rows of each page */
	} modules[MODULES];
};

/* --- the maps --- */

static int add_shard(void *context, uint32_t index, uint32_t **ret_rows)
{
	struct fixture *f = context;

	CHECK_INT(index, f->shard_count);
	f->shards[index] = calloc(1 << WICK_SHARD_BITS, sizeof(uint32_t));
	f->shard_count++;
	*ret_rows = f->shards[index];
	return 0;
}

static int get(void *context, pid_t pid, struct wick_proc *ret_proc)
{
	struct fixture *f = context;

	f->gets++;
	if (!f->there[pid - PID])
		return -ENOENT;
	*ret_proc = f->procs[pid - PID];
	return 0;
}

static int put(void *context, pid_t pid, const struct wick_proc *proc)
{
	struct fixture *f = context;

	if (!f->there[pid - PID])
		return -ENOENT;
	f->procs[pid - PID] = *proc;
	f->puts++;
	return 0;
}

static int add(void *context, pid_t pid, const struct wick_proc *proc)
{
	struct fixture *f = context;

	if (f->there[pid - PID])
		return -EEXIST;
	f->there[pid - PID] = true;
	f->procs[pid - PID] = *proc;
	return 0;
}

static void remove_entry(void *context, pid_t pid)
{
	((struct fixture *)context)->there[pid - PID] = false;
}

/* --- the compiler: "pages rows rules overlap" --- */

struct plan {
	unsigned int pages, rows, rules, overlap;
};

static struct cfi_rule rule_of(unsigned int i)
{
	return (struct cfi_rule){.cfa = CFI_CFA_REG, .fp = CFI_FP_SAME, .cfa_off = 8 * (int)i};
}

/* Rules of row i of a page: 1 2 .. rules 1 2 .. */
static unsigned int rule_number(const struct plan *plan, unsigned int row)
{
	return 1 + row % plan->rules;
}

static void write_table(int fd, const struct plan *plan)
{
	struct cfi_header header = {.magic = CFI_MAGIC,
				    .version = CFI_VERSION,
				    .machine = 62,
				    .segment_count = plan->overlap ? 2 : 1,
				    .rule_count = plan->rules + 1,
				    .stats.covered = 1};
	struct cfi_rule none = {.cfa = CFI_NONE};
	uint32_t row = 0;

	header.page_count = plan->pages * header.segment_count;
	header.row_count = header.page_count * plan->rows;
	header.size = sizeof(header) + header.segment_count * sizeof(struct cfi_segment) +
		      header.rule_count * sizeof(none) +
		      header.page_count * sizeof(struct cfi_page) + header.row_count * 4ull;
	CHECK(write(fd, &header, sizeof(header)) == sizeof(header));
	for (uint32_t i = 0; i < header.segment_count; i++) {
		uint64_t size = plan->pages * 65536ull, vaddr = 0x100000 + i * size;
		/* The second shows the same bytes of the file again, half a page on. */
		struct cfi_segment segment = {
			0x1000 + i * 0x8000, vaddr,	  size, (uint32_t)(vaddr >> 16),
			i * plan->pages,     plan->pages, 0};

		CHECK(write(fd, &segment, sizeof(segment)) == sizeof(segment));
	}
	CHECK(write(fd, &none, sizeof(none)) == sizeof(none));
	for (unsigned int i = 1; i <= plan->rules; i++) {
		struct cfi_rule rule = rule_of(i);

		CHECK(write(fd, &rule, sizeof(rule)) == sizeof(rule));
	}
	for (uint32_t i = 0; i < header.page_count; i++) {
		struct cfi_page page = {i * plan->rows, plan->rows};

		CHECK(write(fd, &page, sizeof(page)) == sizeof(page));
	}
	for (uint32_t i = 0; i < header.page_count; i++)
		for (row = 0; row < plan->rows; row++) {
			uint32_t value =
				(row * (65536 / plan->rows)) << 16 | rule_number(plan, row);

			CHECK(write(fd, &value, sizeof(value)) == sizeof(value));
		}
}

static int compile(int elf_fd, struct cfi_table **ret_table)
{
	char text[64] = "";
	struct plan plan;
	int fd, err;

	if (pread(elf_fd, text, sizeof(text) - 1, 0) < 0 ||
	    sscanf(text, "%u %u %u %u", &plan.pages, &plan.rows, &plan.rules, &plan.overlap) != 4)
		return -ENOEXEC;
	fd = memfd_create("table", MFD_CLOEXEC);
	write_table(fd, &plan);
	err = cfi_table_open(fd, ret_table);
	close(fd);
	return err;
}

static void make_module(struct fixture *f, unsigned int i, unsigned int pages, unsigned int rows,
			unsigned int rules, unsigned int overlap)
{
	struct module *module = &f->modules[i];
	struct stat stat = {0};
	char text[64];
	int fd;

	snprintf(module->path, sizeof(module->path), "%s/%u", f->dir, i);
	fd = open(module->path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	snprintf(text, sizeof(text), "%u %u %u %u\n", pages, rows, rules, overlap);
	CHECK(write(fd, text, strlen(text)) > 0);
	CHECK(!fstat(fd, &stat));
	close(fd);
	module->inode = stat.st_ino;
	module->dev = stat.st_dev;
	module->pages = pages;
	module->rows = rows;
}

/* --- the world --- */

static void setup(struct fixture *f, struct unwind_sizes sizes)
{
	struct unwind_options options = {.scope = UNWIND_ALL, .maps = &f->maps, .compile = compile};

	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "/tmp/wick-tables-XXXXXX");
	CHECK(mkdtemp(f->dir) != NULL);
	f->maps = (struct unwind_maps){.sizes = sizes,
				       .context = f,
				       .add_shard = add_shard,
				       .get = get,
				       .put = put,
				       .add = add,
				       .remove = remove_entry};
	f->maps.rules = calloc(sizes.rules, sizeof(*f->maps.rules));
	f->maps.pages = calloc(sizes.pages, sizeof(*f->maps.pages));
	f->maps.mappings = calloc(sizes.mappings, sizeof(*f->maps.mappings));
	f->now = clock_boot_ns();
	CHECK_INT(unwind_tables_new(&options, &f->tables), 0);
}

static void teardown(struct fixture *f)
{
	unwind_tables_free(f->tables);
	free(f->maps.rules);
	free(f->maps.pages);
	free(f->maps.mappings);
	for (unsigned int i = 0; i < f->shard_count; i++)
		free(f->shards[i]);
	for (unsigned int i = 0; i < MODULES; i++)
		if (f->modules[i].path[0])
			unlink(f->modules[i].path);
	rmdir(f->dir);
}

static const struct unwind_sizes plenty = {
	.rules = 4096, .pages = 4096, .mappings = 65536, .shards = 4};

static void tell(struct fixture *f, enum task_event_kind kind, pid_t pid, pid_t parent)
{
	struct task_event event = {
		.kind = kind, .pid = pid, .tid = pid, .parent = parent, .time_ns = ++f->now};

	unwind_tables_event(f->tables, &event);
}

/* Does what the thread does, until the worker has nothing to do and no change waits for calm. */
static void settle(struct fixture *f)
{
	for (;;) {
		unwind_tables_work(f->tables, ++f->now);
		if (!unwind_tables_stats(f->tables).modules.queued)
			break;
		usleep(200);
	}
	f->now += SECOND / 40;
	unwind_tables_work(f->tables, f->now);
}

static void wait_ns(struct fixture *f, uint64_t ns)
{
	f->now += ns;
	unwind_tables_work(f->tables, f->now);
}

static void begin(struct fixture *f, pid_t pid)
{
	struct wick_task task = {
		.start_ns = (uint64_t)pid * 10, .exec_id = 5, .pid = (uint32_t)pid};

	unwind_tables_add(f->tables, &task, f->now, f->now);
	f->now++;
}

/* The follower of execs, bpf/wick.bpf.c. */
static void exec(struct fixture *f, pid_t pid)
{
	struct wick_proc *proc = &f->procs[pid - PID];

	*proc = (struct wick_proc){.start_ns = proc->start_ns, .exec_id = proc->exec_id + 1};
	tell(f, TASK_EXEC, pid, 0);
}

static void fork_it(struct fixture *f, pid_t parent, pid_t child)
{
	f->procs[child - PID] = f->procs[parent - PID];
	f->procs[child - PID].start_ns = (uint64_t)child * 10;
	f->there[child - PID] = f->there[parent - PID];
	tell(f, TASK_FORK, child, parent);
}

static void exit_it(struct fixture *f, pid_t pid)
{
	f->there[pid - PID] = false;
	tell(f, TASK_EXIT, pid, 0);
}

static void map_at(struct fixture *f, pid_t pid, unsigned int module, uint64_t addr, uint64_t size)
{
	struct task_event event = {.kind = TASK_MAP,
				   .pid = pid,
				   .tid = pid,
				   .start = addr,
				   .end = addr + size,
				   .off = 0x1000,
				   .dev = f->modules[module].dev,
				   .inode = f->modules[module].inode,
				   .path = f->modules[module].path,
				   .time_ns = ++f->now};

	unwind_tables_event(f->tables, &event);
}

static uint64_t addr_of(unsigned int module)
{
	return 0x10000000ull + module * 0x1000000ull;
}

static void map(struct fixture *f, pid_t pid, unsigned int module)
{
	map_at(f, pid, module, addr_of(module), f->modules[module].pages * 65536ull);
}

static void map_anonymous(struct fixture *f, pid_t pid, uint64_t addr, uint64_t size)
{
	struct task_event event = {.kind = TASK_MAP,
				   .pid = pid,
				   .tid = pid,
				   .start = addr,
				   .end = addr + size,
				   .path = "//anon",
				   .time_ns = ++f->now};

	unwind_tables_event(f->tables, &event);
}

static void sample(struct fixture *f, pid_t pid, bool no_tables)
{
	const struct wick_proc *proc = &f->procs[pid - PID];
	struct wick_sample sample = {.time_ns = ++f->now,
				     .start_ns = proc->start_ns,
				     .exec_id = proc->exec_id,
				     .pid = (uint32_t)pid,
				     .tid = (uint32_t)pid,
				     .user_end = no_tables ? WICK_END_no_tables : WICK_END_root};

	f->now += 2 * SECOND; /* so that it is news */
	sample.time_ns = f->now;
	unwind_tables_sample(f->tables, &sample);
	unwind_tables_work(f->tables, ++f->now);
}

/* --- what the walk would find --- */

static const struct wick_mapping *mapping_at(struct fixture *f, pid_t pid, uint64_t addr)
{
	const struct wick_proc *proc = &f->procs[pid - PID];

	if (!f->there[pid - PID] || !proc->serial)
		return NULL;
	for (uint32_t i = 0; i < proc->count; i++) {
		const struct wick_mapping *mapping = &f->maps.mappings[proc->first + i];

		if (addr >= mapping->start && addr < mapping->end)
			return mapping;
	}
	return NULL;
}

static int kind_at(struct fixture *f, pid_t pid, uint64_t addr)
{
	const struct wick_mapping *mapping = mapping_at(f, pid, addr);

	return mapping ? (int)mapping->kind : -1;
}

/* The cfa_off of the rule, -1 without, -2 for an unsupported one. */
static int rule_at(struct fixture *f, pid_t pid, uint64_t addr)
{
	const struct wick_mapping *mapping = mapping_at(f, pid, addr);
	const struct wick_page *page;
	uint64_t vaddr;
	uint32_t row = 0;

	if (!mapping || mapping->kind != WICK_MAPPING_ROWS)
		return -1;
	vaddr = addr - mapping->bias;
	page = &f->maps.pages[mapping->page + (uint32_t)(vaddr >> 16)];
	for (uint32_t i = page->first; i < page->first + page->count; i++) {
		uint32_t value = f->shards[i >> WICK_SHARD_BITS][i & ((1 << WICK_SHARD_BITS) - 1)];

		if (value >> 16 <= (vaddr & 0xffff))
			row = value;
	}
	if (f->maps.rules[row & 0xffff].cfa == WICK_CFA_UNSUPPORTED)
		return -2;
	return f->maps.rules[row & 0xffff].cfa_off;
}

/* Every page of the module, at its first row and in its last. */
static void check_module(struct fixture *f, pid_t pid, unsigned int module, unsigned int rules)
{
	const struct module *m = &f->modules[module];
	struct plan plan = {.rules = rules};

	for (uint32_t page = 0; page < m->pages; page++) {
		uint64_t addr = addr_of(module) + page * 65536ull;

		if (rule_at(f, pid, addr) != 8)
			TEST_FAIL("pid %d, module %u, page %u", pid - PID, module, page);
		if (rule_at(f, pid, addr + 65535) != (int)(8 * rule_number(&plan, m->rows - 1)))
			TEST_FAIL("pid %d, module %u, page %u", pid - PID, module, page);
	}
}

/* --- */

TEST(a_new_program_is_led_to_the_rows_of_all_its_modules)
{
	struct fixture f;

	setup(&f, plenty);
	make_module(&f, 0, 1, 10, 3, 0);
	make_module(&f, 1, 3, 1000, 7, 0);
	begin(&f, PID);
	exec(&f, PID);
	CHECK_INT(kind_at(&f, PID, addr_of(0)), -1);
	map(&f, PID, 0);
	map(&f, PID, 1);
	settle(&f);
	CHECK_INT(f.procs[0].exec_id, 6);
	CHECK_INT(f.procs[0].count, 2);
	check_module(&f, PID, 0, 3);
	check_module(&f, PID, 1, 7);
	CHECK_INT(kind_at(&f, PID, addr_of(0) + 65536), -1);
	CHECK_INT(unwind_tables_stats(f.tables).modules.builds, 2);
	teardown(&f);
}

TEST(modules_that_are_known_lead_to_rows_without_waiting)
{
	struct fixture f;

	setup(&f, plenty);
	make_module(&f, 0, 1, 10, 3, 0);
	begin(&f, PID);
	exec(&f, PID);
	map(&f, PID, 0);
	settle(&f);
	begin(&f, PID + 1);
	exec(&f, PID + 1);
	map(&f, PID + 1, 0);
	unwind_tables_work(f.tables, ++f.now);
	check_module(&f, PID + 1, 0, 3);
	CHECK_INT(unwind_tables_stats(f.tables).modules.builds, 1);
	teardown(&f);
}

TEST(what_is_not_made_yet_is_pending_and_what_has_no_rows_is_bare_or_a_file)
{
	struct fixture f;

	setup(&f, plenty);
	make_module(&f, 0, 1, 10, 3, 0);
	make_module(&f, 1, 1, 10, 3, 0);
	CHECK(!truncate(f.modules[1].path, 0)); /* no program: the compiler refuses it */
	begin(&f, PID);
	exec(&f, PID);
	map_anonymous(&f, PID, 0x1000, 0x1000);
	map_anonymous(&f, PID, 0x2000, 0x1000);
	map(&f, PID, 0);
	map(&f, PID, 1);
	unwind_tables_work(f.tables, ++f.now);
	if (unwind_tables_stats(f.tables).modules.queued)
		CHECK(f.procs[0].serial != 0);
	settle(&f);
	CHECK_INT(kind_at(&f, PID, 0x2800), WICK_MAPPING_BARE);
	CHECK_INT(kind_at(&f, PID, addr_of(0)), WICK_MAPPING_ROWS);
	CHECK_INT(kind_at(&f, PID, addr_of(1)), WICK_MAPPING_FILE);
	CHECK_INT(f.procs[0].count, 3);
	teardown(&f);
}

TEST(a_child_shares_its_parents_region_until_either_changes)
{
	struct fixture f;
	uint32_t region;
	unsigned int puts;

	setup(&f, plenty);
	make_module(&f, 0, 1, 10, 3, 0);
	make_module(&f, 1, 1, 10, 3, 0);
	begin(&f, PID);
	exec(&f, PID);
	map(&f, PID, 0);
	settle(&f);
	puts = f.puts;
	region = f.procs[0].first;
	for (int i = 1; i <= 100; i++)
		fork_it(&f, PID, PID + i);
	settle(&f);
	wait_ns(&f, SECOND / 10);
	CHECK_INT(f.puts, puts);
	CHECK_INT(unwind_tables_stats(f.tables).regions, 1);
	map(&f, PID, 1);
	settle(&f);
	CHECK_INT(unwind_tables_stats(f.tables).regions, 2);
	check_module(&f, PID, 1, 3);
	CHECK_INT(kind_at(&f, PID + 1, addr_of(1)), -1);
	check_module(&f, PID + 1, 0, 3);
	CHECK_INT(f.procs[1].first, region);
	for (int i = 1; i <= 100; i++)
		exit_it(&f, PID + i);
	wait_ns(&f, SECOND);
	CHECK_INT(unwind_tables_stats(f.tables).regions, 1);
	CHECK_INT(unwind_tables_stats(f.tables).processes, 1);
	teardown(&f);
}

TEST(a_child_that_ends_at_once_costs_no_look_at_its_entry)
{
	struct fixture f;
	unsigned int puts, gets;

	setup(&f, plenty);
	make_module(&f, 0, 1, 10, 3, 0);
	begin(&f, PID);
	exec(&f, PID);
	map(&f, PID, 0);
	settle(&f);
	puts = f.puts;
	gets = f.gets;
	for (int i = 1; i <= 100; i++) {
		fork_it(&f, PID, PID + i);
		unwind_tables_work(f.tables, ++f.now);
		exit_it(&f, PID + i);
		unwind_tables_work(f.tables, ++f.now);
	}
	CHECK_INT(f.puts, puts);
	CHECK_INT(f.gets, gets);
	CHECK_INT(unwind_tables_stats(f.tables).processes, 1);
	wait_ns(&f, SECOND);
	CHECK_INT(f.gets, gets);
	CHECK_INT(unwind_tables_stats(f.tables).regions, 1);
	teardown(&f);
}

TEST(a_leader_that_ends_before_its_threads_keeps_its_tables)
{
	struct fixture f;

	setup(&f, plenty);
	make_module(&f, 0, 1, 10, 3, 0);
	begin(&f, PID);
	exec(&f, PID);
	map(&f, PID, 0);
	settle(&f);
	fork_it(&f, PID, PID + 1);
	tell(&f, TASK_THREAD, PID + 1, PID + 1);
	tell(&f, TASK_EXIT, PID + 1, PID + 1); /* the entry stays */
	exit_it(&f, PID);
	wait_ns(&f, SECOND / 20); /* later on it is looked for in /proc, which has no such pid */
	check_module(&f, PID + 1, 0, 3);
	CHECK_INT(unwind_tables_stats(f.tables).regions, 1);
	teardown(&f);
}

TEST(a_fork_record_that_comes_before_the_entry_finds_it_a_little_later)
{
	struct fixture f;

	setup(&f, plenty);
	make_module(&f, 0, 1, 10, 3, 0);
	begin(&f, PID);
	exec(&f, PID);
	map(&f, PID, 0);
	settle(&f);
	tell(&f, TASK_FORK, PID + 1, PID);
	unwind_tables_work(f.tables, ++f.now);
	/* Now the follower of forks. */
	f.procs[1] = f.procs[0];
	f.procs[1].start_ns = 77;
	f.there[1] = true;
	wait_ns(&f, SECOND / 100);
	check_module(&f, PID + 1, 0, 3);
	CHECK_INT(f.procs[1].start_ns, 77);
	/* The parent's region stays for the child when the parent is gone. */
	exit_it(&f, PID);
	wait_ns(&f, SECOND);
	wait_ns(&f, 3 * SECOND);
	CHECK_INT(unwind_tables_stats(f.tables).regions, 1);
	check_module(&f, PID + 1, 0, 3);
	teardown(&f);
}

TEST(a_child_of_a_parent_that_changed_since_is_led_to_its_own_mappings)
{
	struct fixture f;

	setup(&f, plenty);
	for (unsigned int i = 0; i < 2; i++)
		make_module(&f, i, 1, 10, 3, 0);
	begin(&f, PID);
	exec(&f, PID);
	map(&f, PID, 0);
	settle(&f);
	/* The kernel copies the entry; then the parent maps more; both records come together. */
	f.procs[1] = f.procs[0];
	f.procs[1].start_ns = (PID + 1) * 10ull;
	f.there[1] = true;
	tell(&f, TASK_FORK, PID + 1, PID);
	map(&f, PID, 1);
	settle(&f);
	check_module(&f, PID, 1, 3);
	check_module(&f, PID + 1, 0, 3);
	CHECK_INT(kind_at(&f, PID + 1, addr_of(1)), -1);
	teardown(&f);
}

TEST(an_exec_counts_one_more_and_leaves_nothing_of_the_old_image)
{
	struct fixture f;

	setup(&f, plenty);
	for (unsigned int i = 0; i < 2; i++)
		make_module(&f, i, 1, 10, 3, 0);
	begin(&f, PID);
	exec(&f, PID);
	map(&f, PID, 0);
	settle(&f);
	exec(&f, PID);
	CHECK_INT(f.procs[0].serial, 0);
	map(&f, PID, 1);
	settle(&f);
	CHECK_INT(f.procs[0].exec_id, 7);
	CHECK_INT(kind_at(&f, PID, addr_of(0)), -1);
	check_module(&f, PID, 1, 3);
	teardown(&f);
}

TEST(a_sample_corrects_what_was_told_of_a_process)
{
	struct fixture f;

	setup(&f, plenty);
	make_module(&f, 0, 1, 10, 3, 0);
	begin(&f, PID);
	exec(&f, PID);
	map(&f, PID, 0);
	settle(&f);
	f.procs[0].exec_id = 9; /* an exec that nobody told of; /proc has nothing either */
	sample(&f, PID, true);
	CHECK_INT(f.procs[0].exec_id, 9);
	CHECK_INT(kind_at(&f, PID, addr_of(0)), -1);
	teardown(&f);
}

TEST(an_entry_that_was_overwritten_is_told_again_at_the_next_sample)
{
	struct fixture f;

	setup(&f, plenty);
	make_module(&f, 0, 1, 10, 3, 0);
	begin(&f, PID);
	exec(&f, PID);
	map(&f, PID, 0);
	settle(&f);
	f.procs[0].serial = 0; /* the follower of execs came last */
	sample(&f, PID, true);
	check_module(&f, PID, 0, 3);
	teardown(&f);
}

TEST(after_lost_records_nobody_is_led_anywhere)
{
	struct fixture f;

	setup(&f, plenty);
	make_module(&f, 0, 1, 10, 3, 0);
	for (int i = 0; i < 10; i++) {
		begin(&f, PID + i);
		exec(&f, PID + i);
		map(&f, PID + i, 0);
	}
	settle(&f);
	check_module(&f, PID + 9, 0, 3);
	tell(&f, TASK_LOST, 0, 0);
	for (int i = 0; i < 10; i++)
		CHECK_INT(f.procs[i].serial, 0);
	/* What is gone is forgotten, although its exit may have been lost. */
	memset(f.there, 0, sizeof(f.there));
	wait_ns(&f, SECOND);
	CHECK_INT(unwind_tables_stats(f.tables).processes, 0);
	teardown(&f);
}

TEST(two_hundred_processes_of_two_hundred_modules_share_them)
{
	static struct fixture f;

	setup(&f, plenty);
	for (unsigned int i = 0; i < 200; i++)
		make_module(&f, i, 1 + i % 3, 1 + i * 7, 2 + i % 30, 0);
	for (int p = 0; p < 200; p++) {
		begin(&f, PID + p);
		exec(&f, PID + p);
		for (unsigned int i = 0; i < 200; i++)
			map(&f, PID + p, i);
		if (!p)
			settle(&f);
		unwind_tables_work(f.tables, ++f.now);
	}
	settle(&f);
	for (int p = 0; p < 200; p++) {
		CHECK_INT(f.procs[p].count, 200);
		for (unsigned int i = p ? 199 : 0; i < 200; i++)
			check_module(&f, PID + p, i, 2 + i % 30);
	}
	CHECK_INT(unwind_tables_stats(f.tables).modules.builds, 200);
	CHECK_INT(unwind_tables_stats(f.tables).refusals, 0);
	for (int p = 0; p < 200; p++)
		exit_it(&f, PID + p);
	wait_ns(&f, SECOND);
	wait_ns(&f, 3 * SECOND);
	CHECK_INT(unwind_tables_stats(f.tables).mappings, 0);
	CHECK_INT(unwind_tables_stats(f.tables).mappings_resting, 0);
	teardown(&f);
}

/* A host that deploys for years: each program is run once. */
TEST(modules_that_nothing_maps_are_forgotten_beyond_the_limit)
{
	enum { LIMIT = 16, KEPT = 4 };
	struct unwind_options options = {.compile = compile, .modules_limit = LIMIT};
	static struct fixture f;

	setup(&f, plenty);
	unwind_tables_free(f.tables);
	for (unsigned int i = 0; i < f.shard_count; i++)
		free(f.shards[i]);
	f.shard_count = 0;
	options.maps = &f.maps;
	CHECK_INT(unwind_tables_new(&options, &f.tables), 0);
	for (unsigned int i = 0; i < 200; i++)
		make_module(&f, i, 1 + i % 3, 1 + i * 7, 2 + i % 30, 0);
	begin(&f, PID); /* goes on */
	exec(&f, PID);
	for (unsigned int i = 0; i < KEPT; i++)
		map(&f, PID, i);
	for (unsigned int i = KEPT; i < 200; i++) {
		begin(&f, PID + 1);
		exec(&f, PID + 1);
		map(&f, PID + 1, i);
		settle(&f);
		check_module(&f, PID + 1, i, 2 + i % 30);
		exit_it(&f, PID + 1);
		wait_ns(&f, SECOND);
		CHECK(unwind_tables_stats(f.tables).modules.known <= LIMIT + KEPT);
	}
	for (unsigned int i = 0; i < KEPT; i++)
		check_module(&f, PID, i, 2 + i % 30);
	CHECK(unwind_tables_stats(f.tables).modules.swept > 150);
	/* What was forgotten is made again. */
	begin(&f, PID + 1);
	exec(&f, PID + 1);
	map(&f, PID + 1, KEPT);
	settle(&f);
	check_module(&f, PID + 1, KEPT, 2 + KEPT);
	teardown(&f);
}

TEST(a_file_under_two_names_is_made_once)
{
	struct fixture f;

	setup(&f, plenty);
	make_module(&f, 0, 1, 10, 3, 0);
	f.modules[1] = f.modules[0];
	snprintf(f.modules[1].path, sizeof(f.modules[1].path), "%s/link", f.dir);
	CHECK(!link(f.modules[0].path, f.modules[1].path));
	begin(&f, PID);
	exec(&f, PID);
	map(&f, PID, 0);
	map(&f, PID, 1);
	settle(&f);
	check_module(&f, PID, 0, 3);
	check_module(&f, PID, 1, 3);
	CHECK_INT(unwind_tables_stats(f.tables).modules.builds, 1);
	teardown(&f);
}

TEST(a_file_that_was_replaced_is_not_taken_for_the_one_that_is_mapped)
{
	struct fixture f;

	setup(&f, plenty);
	make_module(&f, 0, 1, 10, 3, 0);
	f.modules[0].inode++;
	begin(&f, PID);
	exec(&f, PID);
	map(&f, PID, 0);
	settle(&f);
	CHECK_INT(kind_at(&f, PID, addr_of(0)), WICK_MAPPING_FILE);
	CHECK_INT(unwind_tables_stats(f.tables).modules.builds, 0);
	teardown(&f);
}

TEST(rows_that_find_no_room_wait_until_the_oldest_are_evicted_and_have_rested)
{
	const struct unwind_sizes one = {
		.rules = 4096, .pages = 4096, .mappings = 4096, .shards = 1};
	static uint32_t before[1 << WICK_SHARD_BITS];
	struct fixture f;

	setup(&f, one);
	/* 3 x 160,000 rows; the shard holds 262,144. */
	for (unsigned int i = 0; i < 2; i++)
		make_module(&f, i, 4, 40000, 3, 0);
	begin(&f, PID);
	exec(&f, PID);
	map(&f, PID, 0);
	settle(&f);
	check_module(&f, PID, 0, 3);
	memcpy(before, f.shards[0], sizeof(before));

	f.now += 10 * SECOND; /* nobody has sampled the first meanwhile */
	begin(&f, PID + 1);
	exec(&f, PID + 1);
	map(&f, PID + 1, 1);
	settle(&f);
	CHECK_INT(unwind_tables_stats(f.tables).modules.refusals, 1);
	CHECK_INT(unwind_tables_stats(f.tables).modules.evictions, 1);
	CHECK_INT(kind_at(&f, PID, addr_of(0)), WICK_MAPPING_PENDING);
	CHECK_INT(kind_at(&f, PID + 1, addr_of(1)), WICK_MAPPING_PENDING);
	/* A walk may still read them. */
	wait_ns(&f, WICK_GRACE_NS / 2);
	CHECK(!memcmp(before, f.shards[0], sizeof(before)));

	sample(&f, PID + 1, true);
	settle(&f);
	check_module(&f, PID + 1, 1, 3);

	/* And back, once the second is the older one. */
	f.now += 10 * SECOND;
	sample(&f, PID, true);
	settle(&f);
	CHECK_INT(unwind_tables_stats(f.tables).modules.evictions, 2);
	sample(&f, PID, true);
	sample(&f, PID, true);
	settle(&f);
	check_module(&f, PID, 0, 3);
	CHECK_INT(kind_at(&f, PID + 1, addr_of(1)), WICK_MAPPING_PENDING);
	teardown(&f);
}

TEST(what_is_in_use_is_not_evicted_for_others)
{
	const struct unwind_sizes one = {
		.rules = 4096, .pages = 4096, .mappings = 4096, .shards = 1};
	struct fixture f;

	setup(&f, one);
	for (unsigned int i = 0; i < 2; i++)
		make_module(&f, i, 4, 40000, 3, 0);
	begin(&f, PID);
	exec(&f, PID);
	map(&f, PID, 0);
	settle(&f);
	begin(&f, PID + 1);
	exec(&f, PID + 1);
	map(&f, PID + 1, 1);
	for (int i = 0; i < 4; i++) {
		settle(&f);
		sample(&f, PID, false);
	}
	check_module(&f, PID, 0, 3);
	CHECK_INT(kind_at(&f, PID + 1, addr_of(1)), WICK_MAPPING_PENDING);
	CHECK_INT(unwind_tables_stats(f.tables).modules.evictions, 0);
	CHECK(unwind_tables_stats(f.tables).modules.refusals > 0);
	teardown(&f);
}

TEST(a_module_larger_than_all_room_is_refused_for_good)
{
	const struct unwind_sizes one = {
		.rules = 4096, .pages = 4096, .mappings = 4096, .shards = 1};
	struct fixture f;

	setup(&f, one);
	make_module(&f, 0, 8, 40000, 3, 0);
	begin(&f, PID);
	exec(&f, PID);
	map(&f, PID, 0);
	settle(&f);
	CHECK_INT(kind_at(&f, PID, addr_of(0)), WICK_MAPPING_FILE);
	CHECK_INT(unwind_tables_stats(f.tables).modules.refusals, 1);
	CHECK_INT(unwind_tables_stats(f.tables).rows.rows, 0);
	teardown(&f);
}

TEST(a_module_may_fill_several_shards_but_none_of_its_pages_does)
{
	struct fixture f;

	setup(&f, plenty);
	make_module(&f, 0, 15, 60000, 3, 0); /* 900,000 rows: four shards of four pages */
	begin(&f, PID);
	exec(&f, PID);
	map(&f, PID, 0);
	settle(&f);
	check_module(&f, PID, 0, 3);
	CHECK_INT(f.shard_count, 4);
	CHECK_INT(unwind_tables_stats(f.tables).rows.rows, 900000);
	teardown(&f);
}

TEST(rules_that_find_no_room_are_unsupported_and_counted)
{
	const struct unwind_sizes few = {.rules = 10, .pages = 4096, .mappings = 4096, .shards = 1};
	struct fixture f;

	setup(&f, few);
	make_module(&f, 0, 1, 20, 20, 0);
	begin(&f, PID);
	exec(&f, PID);
	map(&f, PID, 0);
	settle(&f);
	CHECK_INT(rule_at(&f, PID, addr_of(0)), 8);
	CHECK_INT(rule_at(&f, PID, addr_of(0) + 65535), -2);
	CHECK_INT(unwind_tables_stats(f.tables).rows.rules, 10);
	CHECK_INT(unwind_tables_stats(f.tables).rows.rules_refused, 12);
	teardown(&f);
}

TEST(mappings_that_overlap_by_a_hostile_file_are_sorted_and_disjoint)
{
	struct fixture f;
	const struct wick_mapping *mapping;

	setup(&f, plenty);
	make_module(&f, 0, 2, 10, 3, 1);
	begin(&f, PID);
	exec(&f, PID);
	map_at(&f, PID, 0, 0x10000, 0x40000);
	map_at(&f, PID, 0, 0x30000, 0x40000);
	map_at(&f, PID, 0, 0x20000, 0x1000);
	settle(&f);
	mapping = &f.maps.mappings[f.procs[0].first];
	CHECK(f.procs[0].count >= 3);
	for (uint32_t i = 0; i < f.procs[0].count; i++) {
		CHECK(mapping[i].start < mapping[i].end);
		CHECK(!i || mapping[i - 1].end <= mapping[i].start);
	}
	teardown(&f);
}

TEST(without_room_for_mappings_whoever_was_not_sampled_for_longest_gives_its_region_up)
{
	const struct unwind_sizes few = {.rules = 64, .pages = 64, .mappings = 16, .shards = 1};
	struct fixture f;

	setup(&f, few);
	make_module(&f, 0, 1, 10, 3, 0);
	for (int i = 0; i < 3; i++) {
		begin(&f, PID + i);
		exec(&f, PID + i);
		map(&f, PID + i, 0);
		settle(&f);
		if (i < 2)
			wait_ns(&f, 2 * SECOND);
	}
	/* Each region is of eight at least: the third has no room, and the first makes some. */
	CHECK_INT(f.procs[0].serial, 0);
	CHECK_INT(f.procs[2].serial, 0);
	check_module(&f, PID + 1, 0, 3);
	CHECK_INT(unwind_tables_stats(f.tables).refusals, 1);
	wait_ns(&f, WICK_GRACE_NS / 2);
	CHECK_INT(f.procs[2].serial, 0);
	wait_ns(&f, WICK_GRACE_NS);
	check_module(&f, PID + 2, 0, 3);
	check_module(&f, PID + 1, 0, 3);
	/* A sample brings it back, at the cost of another. */
	sample(&f, PID, true);
	wait_ns(&f, 2 * WICK_GRACE_NS);
	check_module(&f, PID, 0, 3);
	CHECK_INT(f.procs[1].serial, 0);
	teardown(&f);
}

TEST(a_region_is_not_written_anew_before_it_has_rested)
{
	const struct unwind_sizes few = {.rules = 64, .pages = 64, .mappings = 24, .shards = 1};
	struct wick_mapping before;
	struct fixture f;
	uint32_t first;

	setup(&f, few);
	make_module(&f, 0, 1, 10, 3, 0);
	begin(&f, PID);
	exec(&f, PID);
	map(&f, PID, 0);
	settle(&f);
	first = f.procs[0].first;
	before = f.maps.mappings[first];
	exit_it(&f, PID);
	wait_ns(&f, SECOND / 5);
	for (int i = 1; i < 4; i++) {
		begin(&f, PID + i);
		exec(&f, PID + i);
		map_at(&f, PID + i, 0, 0x5000000, 65536);
		unwind_tables_work(f.tables, ++f.now);
		CHECK(!memcmp(&before, &f.maps.mappings[first], sizeof(before)));
	}
	teardown(&f);
}

TEST(a_loader_that_maps_one_file_after_another_does_not_fill_the_map_with_old_regions)
{
	static struct fixture f;

	setup(&f, plenty);
	for (unsigned int i = 0; i < 200; i++)
		make_module(&f, i, 1, 4, 2, 0);
	begin(&f, PID);
	exec(&f, PID);
	for (unsigned int i = 0; i < 200; i++) {
		map(&f, PID, i);
		wait_ns(&f, 100000); /* 0.1 ms each */
	}
	settle(&f);
	wait_ns(&f, SECOND / 10);
	CHECK_INT(f.procs[0].count, 200);
	CHECK(unwind_tables_stats(f.tables).mappings_resting < 8000);
	teardown(&f);
}

TEST(processes_that_were_not_asked_for_are_left_alone)
{
	struct unwind_options options = {.compile = compile};
	struct fixture f;

	setup(&f, plenty);
	unwind_tables_free(f.tables);
	for (unsigned int i = 0; i < f.shard_count; i++)
		free(f.shards[i]);
	f.shard_count = 0;
	options.scope = UNWIND_FOLLOW;
	options.maps = &f.maps;
	CHECK_INT(unwind_tables_new(&options, &f.tables), 0);
	make_module(&f, 0, 1, 10, 3, 0);
	begin(&f, PID);
	f.there[5] = true; /* another process of the machine */
	exec(&f, PID + 5);
	map(&f, PID + 5, 0);
	settle(&f);
	CHECK_INT(unwind_tables_stats(f.tables).modules.known, 0);
	fork_it(&f, PID, PID + 1);
	exec(&f, PID + 1);
	map(&f, PID + 1, 0);
	settle(&f);
	check_module(&f, PID + 1, 0, 3);
	CHECK_INT(f.procs[5].serial, 0);
	teardown(&f);
}

TEST(sizes_fit_the_memory_they_are_given)
{
	for (uint64_t bytes = 1 << 20; bytes <= 1ull << 30; bytes *= 2) {
		struct unwind_sizes sizes = unwind_sizes(bytes);
		uint64_t used = sizes.rules * sizeof(struct wick_rule) +
				sizes.pages * sizeof(struct wick_page) +
				sizes.mappings * sizeof(struct wick_mapping) +
				((uint64_t)sizes.shards << 20);

		CHECK(sizes.shards >= 1);
		CHECK(used <= bytes + bytes / 8);
		CHECK(used <= bytes || bytes == 1 << 20);
		CHECK(sizes.rules <= WICK_RULES_MAX && sizes.shards <= WICK_SHARDS_MAX);
	}
	CHECK_INT(unwind_sizes(0).shards, 1);
}

TEST_MAIN()
