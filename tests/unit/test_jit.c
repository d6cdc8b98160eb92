/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/cleanup.h"
#include "profiler/jit.h"
#include "profiler/module_file.h"
#include "symbolizer/jit_names.h"
#include "symbolizer/jitdump.h"
#include "symbolizer/parser.h"
#include "symbolizer/perf_map.h"
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PID = 4242 };

/* A root of its own with a tmp. */
struct fixture {
	char directory[32], map[64];
	int root_fd;
	struct perf_map_owner owner;
};

static void fixture_make(struct fixture *f)
{
	char tmp[64];

	strcpy(f->directory, "/tmp/test-wick-XXXXXX");
	CHECK(mkdtemp(f->directory));
	snprintf(tmp, sizeof(tmp), "%s/tmp", f->directory);
	CHECK_INT(mkdir(tmp, 0777), 0);
	snprintf(f->map, sizeof(f->map), "%s/tmp/perf-%d.map", f->directory, PID);
	f->root_fd = open(f->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	f->owner = (struct perf_map_owner){PID, geteuid()};
}

static void fixture_release(struct fixture *f)
{
	char command[96];

	close(f->root_fd);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->directory);
	CHECK_INT(system(command), 0);
}

static void write_map(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK_INT(write(fd, text, strlen(text)), strlen(text));
}

/* NULL: there is none; "": it is opened. */
static const char *opens(const struct fixture *f)
{
	enum perf_map_refusal refusal;
	_cleanup_close_ int fd = perf_map_open(f->root_fd, &f->owner, &refusal);

	CHECK(fd < 0 || !refusal);
	return fd < 0 && !refusal ? NULL : perf_map_refusal_text(refusal);
}

/* --- names --- */

enum { NOW = 1000000 };

static struct jit_names *names_of(int map_fd, int dump_fd, const uint64_t *addrs, size_t count)
{
	_cleanup_close_ int asked = memfd_create("asked", MFD_CLOEXEC);
	_cleanup_close_ int out = memfd_create("out", MFD_CLOEXEC);
	struct jit_names *names = NULL;
	const uint64_t now = NOW;

	CHECK_INT(write(asked, &now, sizeof(now)), sizeof(now));
	CHECK_INT(write(asked, addrs, count * sizeof(*addrs)), count * sizeof(*addrs));
	CHECK_INT(jit_names_build(&(struct jit_names_input){asked, map_fd, dump_fd}, out), 0);
	CHECK_INT(jit_names_open(out, &names), 0);
	return names;
}

/* The name of one address in a text; the caller frees it. */
static char *name_in(const char *text, size_t size, uint64_t addr, uint64_t *ret_start)
{
	_cleanup_close_ int fd = memfd_create("test", MFD_CLOEXEC);
	_cleanup_(jit_names_freep) struct jit_names *names = NULL;
	struct jit_name name = {0};

	CHECK_INT(write(fd, text, size), size);
	names = names_of(fd, -1, &addr, 1);
	CHECK(jit_names_knows(names, addr));
	jit_names_find(names, addr, NOW, &name);
	*ret_start = name.start;
	return name.symbol ? strdup(name.symbol) : NULL;
}

static void check_name(const char *text, uint64_t addr, const char *want)
{
	uint64_t start;
	_cleanup_free_ char *name = name_in(text, strlen(text), addr, &start);

	CHECK_STR(name, want);
}

TEST(the_newest_line_that_holds_an_address_names_it)
{
	const char text[] = "1000 100 first\n"
			    "0x1100 0x10 with prefix\n"
			    "1080 10 newer inside\n"
			    "2000 0 empty\n"
			    "ABCDEF0 10 js:*f /a b.js:1:2\r\n";

	check_name(text, 0xfff, NULL);
	check_name(text, 0x1000, "first");
	check_name(text, 0x107f, "first");
	check_name(text, 0x1080, "newer inside");
	check_name(text, 0x1090, "first");
	check_name(text, 0x110f, "with prefix");
	check_name(text, 0x1110, NULL);
	check_name(text, 0x2000, NULL);
	check_name(text, 0xabcdef8, "js:*f /a b.js:1:2");
}

TEST(lines_that_are_none_are_stepped_over_and_a_torn_last_one_is_not_read)
{
	check_name("\n\nx y z\n10 10\n10 10 \n-1 5 a\n11111111111111111 1 b\n10 10 good\n", 0x12,
		   "good");
	check_name("10 10 good\n10 10 to", 0x12, "good");
	check_name("10 ffffffffffffffff all\n", UINT64_MAX, "all");
	check_name("", 0, NULL);
}

TEST(many_addresses_are_named_in_one_pass)
{
	_cleanup_close_ int fd = memfd_create("test", MFD_CLOEXEC);
	_cleanup_(jit_names_freep) struct jit_names *names = NULL;
	uint64_t addrs[1000];
	struct jit_name name;
	char want[32];

	for (unsigned int i = 0; i < 20000; i++)
		CHECK(dprintf(fd, "%x 10 function number %u\n", i * 16, i) > 0);
	for (unsigned int i = 0; i < 1000; i++)
		addrs[i] = 320 * i + 7;
	names = names_of(fd, -1, addrs, 1000);
	CHECK(!jit_names_is_part(names));
	for (unsigned int i = 0; i < 1000; i++) {
		snprintf(want, sizeof(want), "function number %u", 20 * i);
		CHECK(jit_names_find(names, addrs[i], NOW, &name));
		CHECK_STR(name.symbol, want);
		CHECK_INT(name.start, 320 * i);
	}
}

TEST(long_names_are_cut_and_endless_lines_and_files_end_the_reading)
{
	_cleanup_(buf_release) struct buf text = {0};
	uint64_t start;
	char *name;

	buf_add_str(&text, "10 10 ");
	for (int i = 0; i < 5000; i++)
		buf_add_char(&text, 'x');
	buf_add_str(&text, "\n");
	name = name_in(text.bytes, text.used, 0x10, &start);
	CHECK_INT(strlen(name), JIT_NAME_MAX);
	free(name);
	for (int i = 0; i < 200000; i++)
		buf_add_char(&text, 'y');
	buf_add_str(&text, "\n10 10 behind\n");
	name = name_in(text.bytes, text.used, 0x10, &start);
	CHECK(name && name[0] == 'x');
	free(name);
	buf_clear(&text);
	for (int i = 0; i < PERF_MAP_LINES_MAX; i++)
		buf_add_str(&text, "1 1 a\n");
	buf_add_str(&text, "1 1 past the cap\n");
	name = name_in(text.bytes, text.used, 1, &start);
	CHECK_STR(name, "a");
	free(name);
}

TEST(a_file_without_an_end_costs_no_more_than_the_cap)
{
	_cleanup_close_ int fd = memfd_create("test", MFD_CLOEXEC);
	_cleanup_(jit_names_freep) struct jit_names *names = NULL;
	const uint64_t addr = 1;
	struct jit_name name;

	CHECK_INT(ftruncate(fd, 1LL << 30), 0);
	names = names_of(fd, -1, &addr, 1);
	CHECK(!jit_names_find(names, addr, NOW, &name));
}

/* Whole lines of 1 MiB, so that the cap on lines is not met first. */
TEST(a_map_is_read_up_to_16_mib)
{
	_cleanup_close_ int fd = memfd_create("test", MFD_CLOEXEC);
	_cleanup_(buf_release) struct buf line = {0};
	_cleanup_(jit_names_freep) struct jit_names *names = NULL;
	const uint64_t addrs[] = {0x10, 0x20};
	struct jit_name name;

	buf_add_str(&line, "1 1 ");
	while (line.used < 8191)
		buf_add_char(&line, 'x');
	buf_add_char(&line, '\n');
	for (int i = 0; i < 2048 - 1; i++)
		CHECK_INT(write(fd, line.bytes, line.used), line.used);
	CHECK(dprintf(fd, "10 1 just before\n") > 0);
	for (int i = 0; i < 16; i++) /* a piece that began before the cap is read to its end */
		CHECK_INT(write(fd, line.bytes, line.used), line.used);
	CHECK(dprintf(fd, "20 1 behind\n") > 0);
	names = names_of(fd, -1, addrs, 2);
	CHECK(jit_names_find(names, 0x10, NOW, &name));
	CHECK_STR(name.symbol, "just before");
	CHECK(!jit_names_find(names, 0x20, NOW, &name));
	CHECK(jit_names_is_part(names));
}

TEST(only_a_plain_file_of_the_processs_user_is_opened)
{
	_cleanup_(fixture_release) struct fixture f = {0};
	char other[96];

	fixture_make(&f);
	snprintf(other, sizeof(other), "%s/tmp/other", f.directory);
	CHECK_STR(opens(&f), NULL);
	write_map(f.map, "10 10 a\n");
	CHECK_STR(opens(&f), "");
	CHECK_INT(link(f.map, other), 0);
	/* The owner says nothing about who made this name. */
	CHECK_STR(opens(&f), "it is a hard link");
	CHECK_INT(unlink(f.map), 0);
	CHECK_INT(symlink(other, f.map), 0);
	CHECK_STR(opens(&f), "it is a symbolic link");
	CHECK_INT(unlink(f.map), 0);
	CHECK_INT(symlink("other", f.map), 0);
	CHECK_STR(opens(&f), "it is a symbolic link");
	CHECK_INT(unlink(f.map), 0);
	CHECK_INT(mkfifo(f.map, 0644), 0);
	CHECK_STR(opens(&f), "it is no regular file");
	CHECK_INT(unlink(f.map), 0);
	CHECK_INT(mkdir(f.map, 0755), 0);
	CHECK_STR(opens(&f), "it is no regular file");
	CHECK_INT(rmdir(f.map), 0);
	if (geteuid() != 0) {
		printf("    skipped: other owners, not root\n");
		return;
	}
	write_map(f.map, "10 10 a\n");
	f.owner.uid = 1000;
	CHECK_STR(opens(&f), ""); /* root's own */
	CHECK_INT(chown(f.map, 1001, 0), 0);
	CHECK_STR(opens(&f), "it belongs to somebody else");
	CHECK_INT(chown(f.map, 1000, 0), 0);
	CHECK_STR(opens(&f), "");
}

TEST(the_owner_of_a_process_is_found)
{
	struct perf_map_owner owner;

	CHECK_INT(perf_map_find_owner(getpid(), &owner), 0);
	CHECK_INT(owner.uid, getuid());
	CHECK(owner.ns_pid > 0);
	CHECK_INT(perf_map_find_owner(4194304, &owner), -ESRCH);
}

TEST(what_is_known_reaches_as_far_as_the_same_holds)
{
	const char text[] = "1000 100 first\n1080 10 inside\n";
	_cleanup_close_ int fd = memfd_create("test", MFD_CLOEXEC);
	_cleanup_(jit_names_freep) struct jit_names *names = NULL;
	const uint64_t addrs[] = {0x10, 0x1040, 0x1041, 0x2000};
	struct jit_name name;

	CHECK_INT(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	names = names_of(fd, -1, addrs, 4);
	CHECK(jit_names_knows(names, 0));
	CHECK(jit_names_knows(names, 0xfff) && !jit_names_find(names, 0xfff, NOW, &name));
	CHECK(jit_names_find(names, 0x1000, NOW, &name));
	CHECK(jit_names_find(names, 0x107f, NOW, &name));
	CHECK_STR(name.symbol, "first");
	CHECK(!jit_names_knows(names, 0x1080)); /* not asked for */
	CHECK(!jit_names_knows(names, 0x1090));
	CHECK(jit_names_knows(names, UINT64_MAX));
}

/* --- jitdumps --- */

static void add_u32(struct buf *to, uint32_t number)
{
	buf_add(to, &number, sizeof(number));
}

static void add_u64(struct buf *to, uint64_t number)
{
	buf_add(to, &number, sizeof(number));
}

static void add_header(struct buf *to, uint32_t padding, uint64_t flags)
{
	add_u32(to, 0x4a695444);
	add_u32(to, 1);
	add_u32(to, 40);
	add_u32(to, 62);
	add_u32(to, padding);
	add_u32(to, PID);
	add_u64(to, 1);
	add_u64(to, flags);
}

static void add_head(struct buf *to, uint32_t id, size_t size, uint64_t time)
{
	add_u32(to, id);
	add_u32(to, (uint32_t)size);
	add_u64(to, time);
}

static void add_load(struct buf *to, uint64_t time, uint64_t start, uint64_t size, uint64_t index,
		     const char *name)
{
	size_t length = strlen(name) + 1;

	add_head(to, 0, 56 + length + size, time);
	add_u32(to, PID);
	add_u32(to, PID);
	add_u64(to, start);
	add_u64(to, start);
	add_u64(to, size);
	add_u64(to, index);
	buf_add(to, name, length);
	for (uint64_t i = 0; i < size; i++)
		buf_add_char(to, (char)0x90);
}

static void add_move(struct buf *to, uint64_t time, uint64_t from, uint64_t to_addr, uint64_t size,
		     uint64_t index)
{
	add_head(to, 1, 64, time);
	add_u32(to, PID);
	add_u32(to, PID);
	add_u64(to, to_addr);
	add_u64(to, from);
	add_u64(to, to_addr);
	add_u64(to, size);
	add_u64(to, index);
}

struct line {
	uint64_t addr;
	uint32_t number;
	const char *file;
};

static void add_lines(struct buf *to, uint64_t start, const struct line *lines, size_t count)
{
	size_t size = 32;

	for (size_t i = 0; i < count; i++)
		size += 16 + strlen(lines[i].file) + 1;
	add_head(to, 2, size, 1);
	add_u64(to, start);
	add_u64(to, count);
	for (size_t i = 0; i < count; i++) {
		add_u64(to, lines[i].addr);
		add_u32(to, lines[i].number);
		add_u32(to, 0);
		buf_add(to, lines[i].file, strlen(lines[i].file) + 1);
	}
}

static struct jit_names *names_of_dump(const struct buf *dump, const char *map,
				       const uint64_t *addrs, size_t count)
{
	_cleanup_close_ int fd = memfd_create("dump", MFD_CLOEXEC);
	_cleanup_close_ int map_fd = map ? memfd_create("map", MFD_CLOEXEC) : -1;

	CHECK_INT(write(fd, dump->bytes, dump->used), dump->used);
	if (map)
		CHECK_INT(write(map_fd, map, strlen(map)), strlen(map));
	return names_of(map_fd, fd, addrs, count);
}

static void check_at(const struct jit_names *names, uint64_t addr, uint64_t when, const char *want)
{
	struct jit_name name = {0};

	jit_names_find(names, addr, when, &name);
	CHECK_STR(name.symbol, want);
}

TEST(code_is_named_by_address_and_time)
{
	_cleanup_(buf_release) struct buf dump = {0};
	_cleanup_(jit_names_freep) struct jit_names *names = NULL;
	const uint64_t addrs[] = {0x1008, 0x2008, 0x3008, 0x4008};

	add_header(&dump, 0, 0);
	add_load(&dump, 100, 0x1000, 0x10, 1, "alpha");
	add_load(&dump, 200, 0x1000, 0x20, 2, "beta");
	add_load(&dump, 300, 0x2000, 0x10, 3, "gamma");
	add_move(&dump, 400, 0x2000, 0x3000, 0x10, 3);
	add_load(&dump, 500, 0x2000, 0x10, 4, "delta");
	names = names_of_dump(&dump, NULL, addrs, 4);
	check_at(names, 0x1008, 150, "alpha");
	check_at(names, 0x1008, 200, "beta");
	check_at(names, 0x1008, NOW, "beta");
	check_at(names, 0x2008, 399, "gamma");
	check_at(names, 0x2008, 400, NULL); /* gone */
	check_at(names, 0x2008, 500, "delta");
	check_at(names, 0x3008, 450, "gamma");
	check_at(names, 0x4008, 450, NULL);
	CHECK_INT(jit_names_until(names, 0x1008, 150), 200);
	CHECK_INT(jit_names_until(names, 0x1008, 200), -1);
	CHECK_INT(jit_names_until(names, 0x2008, 300), 400);
	CHECK_INT(jit_names_until(names, 0x4008, 0), -1);
}

TEST(code_counts_from_a_second_before_its_record_on)
{
	_cleanup_(buf_release) struct buf dump = {0};
	_cleanup_close_ int fd = memfd_create("dump", MFD_CLOEXEC);
	_cleanup_close_ int asked = memfd_create("asked", MFD_CLOEXEC);
	_cleanup_close_ int out = memfd_create("out", MFD_CLOEXEC);
	_cleanup_(jit_names_freep) struct jit_names *names = NULL;
	const uint64_t list[] = {20000000000, 0x1000}, from = 10000000000, second = 1000000000;

	add_header(&dump, 0, 0);
	add_load(&dump, from, 0x1000, 0x10, 1, "alpha");
	CHECK_INT(write(fd, dump.bytes, dump.used), dump.used);
	CHECK_INT(write(asked, list, sizeof(list)), sizeof(list));
	CHECK_INT(jit_names_build(&(struct jit_names_input){asked, -1, fd}, out), 0);
	CHECK_INT(jit_names_open(out, &names), 0);
	check_at(names, 0x1000, from - second, "alpha");
	check_at(names, 0x1000, from - second - 1, NULL);
	CHECK_INT(jit_names_until(names, 0x1000, from - second - 1), from - second);
}

TEST(without_a_clock_the_newest_code_wins)
{
	const uint64_t addrs[] = {0x1008};

	for (int kind = 0; kind < 3; kind++) {
		_cleanup_(buf_release) struct buf dump = {0};
		_cleanup_(jit_names_freep) struct jit_names *names = NULL;

		/* the processor's own counter; none; a clock that is ahead of ours */
		add_header(&dump, 0, kind == 0);
		add_load(&dump, kind == 1 ? 0 : 100, 0x1000, 0x10, 1, "alpha");
		add_load(&dump, kind == 1 ? 0 : kind == 2 ? NOW + 1 : 90, 0x1000, 0x10, 2, "beta");
		names = names_of_dump(&dump, NULL, addrs, 1);
		check_at(names, 0x1008, 95, "beta");
		check_at(names, 0x1008, NOW, "beta");
	}
}

TEST(code_has_lines_that_move_with_it)
{
	const struct line lines[] = {
		{0x1000, 10, "/src/a.x"}, {0x1004, 11, "\xff"}, {0x1008, 3, "/src/inlined.x"}};
	const struct line strange[] = {{0x2000, 1, "a.x"}, {0x2004, 2, "\x01\x02"}};
	const struct line outside[] = {{0x3000, 1, "a.x"}, {0x3014, 2, "a.x"}};
	_cleanup_(buf_release) struct buf dump = {0};
	_cleanup_(jit_names_freep) struct jit_names *names = NULL;
	const uint64_t addrs[] = {0x1002, 0x1004, 0x100f, 0x2000, 0x3000, 0x5005};
	struct jit_name name;

	add_header(&dump, 0, 0);
	add_lines(&dump, 0x1000, lines, 3);
	add_load(&dump, 100, 0x1000, 0x10, 1, "alpha");
	add_lines(&dump, 0x2000, strange, 2);
	add_load(&dump, 100, 0x2000, 0x10, 2, "beta");
	add_lines(&dump, 0x3000, outside, 2);
	add_load(&dump, 100, 0x3000, 0x10, 3, "gamma");
	add_move(&dump, 200, 0x1000, 0x5000, 0x10, 1);
	names = names_of_dump(&dump, NULL, addrs, 6);
	CHECK(jit_names_find(names, 0x1002, 150, &name));
	CHECK_STR(name.file, "/src/a.x");
	CHECK_INT(name.line, 10);
	CHECK(jit_names_find(names, 0x1004, 150, &name));
	CHECK_STR(name.file, "/src/a.x");
	CHECK_INT(name.line, 11);
	CHECK(jit_names_find(names, 0x100f, 150, &name));
	CHECK_STR(name.file, "/src/inlined.x");
	CHECK(jit_names_find(names, 0x2000, 150, &name) && !name.file);
	CHECK(jit_names_find(names, 0x3000, 150, &name) && !name.file);
	CHECK(jit_names_find(names, 0x5005, 250, &name));
	CHECK_STR(name.symbol, "alpha");
	CHECK_INT(name.start, 0x5000);
	CHECK_INT(name.line, 11);
}

TEST(the_lines_of_v8_are_where_it_means_them_to_be)
{
	const struct line shifted[] = {{0x1040, 1, "a.js"}, {0x1044, 2, "a.js"}};
	const struct line plain[] = {{0x2000, 1, "a.js"}, {0x2044, 2, "a.js"}};
	_cleanup_(buf_release) struct buf dump = {0};
	_cleanup_(jit_names_freep) struct jit_names *names = NULL;
	const uint64_t addrs[] = {0x1003, 0x1004, 0x2043, 0x2044};
	struct jit_name name;

	add_header(&dump, 0xdeadbeef, 0);
	add_lines(&dump, 0x1000, shifted, 2);
	add_load(&dump, 100, 0x1000, 0x80, 1, "alpha");
	add_lines(&dump, 0x2000, plain, 2);
	add_load(&dump, 100, 0x2000, 0x80, 2, "beta");
	names = names_of_dump(&dump, NULL, addrs, 4);
	for (unsigned int i = 0; i < 4; i++) {
		CHECK(jit_names_find(names, addrs[i], NOW, &name));
		CHECK_INT(name.line, i % 2 + 1);
	}
}

TEST(the_jitdump_wins_over_the_map_which_names_what_it_does_not)
{
	_cleanup_(buf_release) struct buf dump = {0};
	_cleanup_(jit_names_freep) struct jit_names *names = NULL;
	const uint64_t addrs[] = {0x1008, 0x2008};

	add_header(&dump, 0, 0);
	add_load(&dump, 100, 0x1000, 0x10, 1, "of the dump");
	names = names_of_dump(&dump, "1000 10 of the map\n2000 10 in the map alone\n", addrs, 2);
	check_at(names, 0x1008, 99, "of the map");
	check_at(names, 0x1008, 100, "of the dump");
	check_at(names, 0x2008, 100, "in the map alone");
}

TEST(of_code_that_is_replaced_all_the_time_the_newest_is_kept)
{
	_cleanup_(buf_release) struct buf dump = {0};
	_cleanup_(jit_names_freep) struct jit_names *names = NULL;
	const uint64_t addrs[] = {0x1008};
	char name[32];

	add_header(&dump, 0, 0);
	for (unsigned int i = 1; i <= 1000; i++) {
		snprintf(name, sizeof(name), "number %u", i);
		add_load(&dump, i, 0x1000, 0x10, i, name);
	}
	names = names_of_dump(&dump, NULL, addrs, 1);
	check_at(names, 0x1008, 1000, "number 1000");
	check_at(names, 0x1008, 1000 - JIT_VERSIONS_MAX + 1, "number 937");
	CHECK(jit_names_bytes(names) < 1 << 16);
}

TEST(a_jitdump_that_is_cut_anywhere_names_what_is_whole)
{
	const struct line lines[] = {{0x1000, 10, "/src/a.x"}};
	_cleanup_(buf_release) struct buf dump = {0};
	const uint64_t addrs[] = {0x1008, 0x2008};
	size_t first_end, second_end;

	add_header(&dump, 0, 0);
	add_lines(&dump, 0x1000, lines, 1);
	add_load(&dump, 100, 0x1000, 0x10, 1, "alpha");
	first_end = dump.used;
	add_load(&dump, 200, 0x2000, 0x10, 2, "beta");
	second_end = dump.used;
	add_move(&dump, 300, 0x1000, 0x3000, 0x10, 1);
	for (size_t size = 0; size < dump.used; size++) {
		const struct buf part = {.bytes = dump.bytes, .used = size};
		_cleanup_(jit_names_freep) struct jit_names *names =
			names_of_dump(&part, NULL, addrs, 2);

		check_at(names, 0x1008, NOW, size >= first_end ? "alpha" : NULL);
		check_at(names, 0x2008, NOW, size >= second_end ? "beta" : NULL);
	}
}

TEST(forged_jitdumps_are_bounded)
{
	const uint64_t addrs[] = {0x1008, UINT64_MAX};
	_cleanup_(buf_release) struct buf dump = {0};
	size_t whole;

	add_header(&dump, 0, 0);
	add_load(&dump, 100, 0x1000, 0x10, 1, "alpha");
	whole = dump.used;
	for (size_t at = 0; at < whole; at++)
		for (unsigned int byte = 0; byte < 256; byte += at < 96 ? 15 : 51) {
			_cleanup_(jit_names_freep) struct jit_names *names = NULL;
			char kept = dump.bytes[at];

			dump.bytes[at] = (char)byte;
			names = names_of_dump(&dump, NULL, addrs, 2);
			CHECK(names);
			dump.bytes[at] = kept;
		}
	/* up to the last address and around it */
	add_load(&dump, 200, UINT64_MAX - 7, 0x8, 2, "last");
	add_head(&dump, 2, 32, 1);
	add_u64(&dump, 0x1000);
	add_u64(&dump, UINT64_MAX); /* lines */
	add_load(&dump, 300, 0x1000, 0x10, 3, "beta");
	{
		_cleanup_(jit_names_freep) struct jit_names *names =
			names_of_dump(&dump, NULL, addrs, 2);

		check_at(names, UINT64_MAX, NOW, "last");
		check_at(names, 0x1008, NOW, "beta");
	}
}

TEST(jitdumps_of_the_other_byte_order_and_other_files_have_no_names)
{
	static const char swapped[64] = {0x4a, 0x69, 0x54, 0x44, 0, 0, 0, 1, 0, 0, 0, 40};
	const uint64_t addrs[] = {0x1008};
	const struct buf others[] = {
		{.bytes = (char *)swapped, .used = sizeof(swapped)},
		{.bytes = (char *)"\177ELF", .used = 4},
		{.bytes = (char *)"", .used = 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		_cleanup_(jit_names_freep) struct jit_names *names =
			names_of_dump(&others[i], NULL, addrs, 1);

		check_at(names, 0x1008, NOW, NULL);
	}
}

/* A million loads at one address, and a gigabyte without a record. */
TEST(endless_jitdumps_end)
{
	_cleanup_(buf_release) struct buf dump = {0};
	_cleanup_close_ int fd = memfd_create("dump", MFD_CLOEXEC);
	_cleanup_(jit_names_freep) struct jit_names *names = NULL, *hole = NULL;
	const uint64_t addrs[] = {0x1008};

	add_header(&dump, 0, 0);
	for (unsigned int i = 0; i < JITDUMP_CODES_MAX + 1000; i++)
		add_load(&dump, 1, 0x1000, 0x10, i, "x");
	names = names_of_dump(&dump, NULL, addrs, 1);
	check_at(names, 0x1008, NOW, "x");
	CHECK(jit_names_bytes(names) < 1 << 16);
	CHECK_INT(write(fd, dump.bytes, 40), 40);
	CHECK_INT(ftruncate(fd, 1LL << 30), 0);
	hole = names_of(-1, fd, addrs, 1);
	check_at(hole, 0x1008, NOW, NULL);
}

TEST(an_answer_with_any_byte_forged_is_refused_or_bounded)
{
	const struct line lines[] = {{0x1000, 10, "/src/a.x"}, {0x1008, 11, "\xff"}};
	_cleanup_(buf_release) struct buf dump = {0};
	_cleanup_close_ int fd = memfd_create("dump", MFD_CLOEXEC);
	_cleanup_close_ int asked = memfd_create("asked", MFD_CLOEXEC);
	_cleanup_close_ int out = memfd_create("out", MFD_CLOEXEC);
	const uint64_t list[] = {NOW, 0x10, 0x1008, 0x2000};
	char answer[1024];
	ssize_t size;
	unsigned int refused = 0;

	add_header(&dump, 0, 0);
	add_lines(&dump, 0x1000, lines, 2);
	add_load(&dump, 100, 0x1000, 0x10, 1, "alpha");
	CHECK_INT(write(fd, dump.bytes, dump.used), dump.used);
	CHECK_INT(write(asked, list, sizeof(list)), sizeof(list));
	CHECK_INT(jit_names_build(&(struct jit_names_input){asked, -1, fd}, out), 0);
	size = pread(out, answer, sizeof(answer), 0);
	CHECK(size > 0 && size < (ssize_t)sizeof(answer));
	for (ssize_t at = 0; at < size; at++)
		for (unsigned int bit = 0; bit < 8; bit++) {
			_cleanup_close_ int forged = memfd_create("forged", MFD_CLOEXEC);
			_cleanup_(jit_names_freep) struct jit_names *names = NULL;
			struct jit_name name;

			answer[at] ^= (char)(1 << bit);
			CHECK_INT(write(forged, answer, (size_t)size), size);
			refused += jit_names_open(forged, &names) == -EBADMSG;
			for (int i = 1; names && i < 4; i++)
				if (jit_names_find(names, list[i], NOW, &name))
					CHECK(strlen(name.symbol) < 1024 &&
					      (!name.file || strlen(name.file) < 1024));
			answer[at] ^= (char)(1 << bit);
		}
	CHECK(refused > 500);
}

TEST(files_are_known_as_jitdumps_by_their_names)
{
	CHECK(jitdump_is_path("/tmp/jit-1.dump"));
	CHECK(jitdump_is_path("/home/a b/.debug/jit/x/jit-12345.dump (deleted)"));
	CHECK(jitdump_is_path("jit-7.dump"));
	CHECK(!jitdump_is_path("/tmp/jit-.dump"));
	CHECK(!jitdump_is_path("/tmp/jit-1x.dump"));
	CHECK(!jitdump_is_path("/tmp/jit-1.dump/other"));
	CHECK(!jitdump_is_path("/tmp/ajit-1.dump"));
	CHECK(!jitdump_is_path(""));
}

/* --- opening jitdumps --- */

static bool dump_opens(const struct fixture *f, const char *path, uid_t uid)
{
	struct stat st = {0};
	struct module_name name = {.kind = MODULE_FILE, .path = path};
	char real[96];
	_cleanup_close_ int fd = -1;

	snprintf(real, sizeof(real), "%s%s", f->directory, path);
	stat(real, &st);
	name.inode = st.st_ino;
	/* no such mapping: by its path */
	fd = module_open_jitdump(&name, getpid(), 0x1000, 0x2000, f->root_fd, uid);
	return fd >= 0;
}

TEST(a_jitdump_is_the_file_that_is_mapped)
{
	_cleanup_(fixture_release) struct fixture f = {0};
	struct module_name name = {.kind = MODULE_FILE, .path = "/tmp/jit-1.dump"};
	_cleanup_close_ int made = -1, found = -1, foreign = -1;
	struct stat a, b;
	char path[96];
	void *at;

	fixture_make(&f);
	snprintf(path, sizeof(path), "%s/tmp/jit-1.dump", f.directory);
	made = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK_INT(ftruncate(made, 4096), 0);
	at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, made, 0);
	CHECK(at != MAP_FAILED);
	CHECK_INT(unlink(path), 0); /* gone, and another file in its place */
	write_map(path, "another");
	found = module_open_jitdump(&name, getpid(), (uint64_t)(uintptr_t)at,
				    (uint64_t)(uintptr_t)at + 4096, f.root_fd, geteuid());
	if (found < 0) {
		printf("    skipped: no right to see /proc/PID/map_files\n");
		return;
	}
	CHECK(!fstat(made, &a) && !fstat(found, &b) && a.st_ino == b.st_ino);
	foreign = module_open_jitdump(&name, getpid(), (uint64_t)(uintptr_t)at,
				      (uint64_t)(uintptr_t)at + 4096, f.root_fd, 12345);
	CHECK_INT(foreign >= 0, geteuid() == 0);
	munmap(at, 4096);
}

TEST(only_a_plain_file_of_the_processs_user_is_opened_as_a_jitdump)
{
	_cleanup_(fixture_release) struct fixture f = {0};
	const char *path = "/tmp/jit-1.dump";
	char real[96], other[96];

	fixture_make(&f);
	snprintf(real, sizeof(real), "%s%s", f.directory, path);
	snprintf(other, sizeof(other), "%s/tmp/other", f.directory);
	CHECK(!dump_opens(&f, path, geteuid()));
	write_map(real, "x");
	CHECK(dump_opens(&f, path, geteuid()));
	CHECK_INT(rename(real, other), 0);
	CHECK_INT(symlink("other", real), 0);
	CHECK(!dump_opens(&f, path, geteuid()));
	CHECK_INT(unlink(real), 0);
	CHECK_INT(mkfifo(real, 0644), 0);
	CHECK(!dump_opens(&f, path, geteuid())); /* and does not hang */
	CHECK_INT(unlink(real), 0);
	CHECK_INT(mkdir(real, 0755), 0);
	CHECK(!dump_opens(&f, path, geteuid()));
	CHECK_INT(rmdir(real), 0);
	if (geteuid() != 0) {
		printf("    skipped: other owners, not root\n");
		return;
	}
	write_map(real, "x");
	CHECK_INT(chown(real, 1001, 0), 0);
	CHECK(!dump_opens(&f, path, 1000));
	CHECK(dump_opens(&f, path, 1001));
}

/* --- asking --- */

static uint32_t jit_module(struct modules *modules)
{
	uint32_t anon;

	CHECK_INT(modules_add(modules, &(struct task_event){.path = "//anon"}, &anon), 0);
	return modules_jit(modules, anon, getpid(), 1, 1);
}

static const char *ask(struct jit *jit, uint32_t module, uint64_t addr)
{
	enum perf_map_refusal refusal;
	const struct jit_names *names = jit_ask(jit, module, &addr, 1, &refusal);
	struct jit_name name = {0};

	if (names)
		jit_names_find(names, addr, UINT64_MAX, &name);
	return name.symbol;
}

TEST(a_file_is_read_again_when_it_has_changed_or_more_is_asked)
{
	_cleanup_(modules_freep) struct modules *modules = NULL;
	_cleanup_(jit_freep) struct jit *jit = NULL;
	const struct timespec times[2] = {{1000, 0}, {1000, 0}};
	struct perf_map_owner owner;
	uint32_t module;
	char path[64];

	CHECK_INT(perf_map_find_owner(getpid(), &owner), 0);
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", owner.ns_pid);
	CHECK_INT(modules_new(1024, &modules), 0);
	CHECK_INT(jit_new(modules, &jit), 0);
	module = jit_module(modules);
	CHECK_STR(ask(jit, module, 0x1000), NULL);
	CHECK_INT(jit_reads(jit), 0); /* there is none */
	write_map(path, "1000 100 alpha\n2000 100 beta\n");
	CHECK_STR(ask(jit, module, 0x1000), "alpha");
	CHECK_STR(ask(jit, module, 0x1000), "alpha");
	CHECK_STR(ask(jit, module, 0x10ff), "alpha");
	CHECK_STR(ask(jit, module, 0x1100), NULL); /* nothing there: known as well */
	CHECK_INT(jit_reads(jit), 2);
	CHECK_STR(ask(jit, module, 0x1180), NULL);
	CHECK_INT(jit_reads(jit), 2);
	CHECK_STR(ask(jit, module, 0x2000), "beta");
	CHECK_INT(jit_reads(jit), 3);
	write_map(path, "1000 100 alpha\n2000 100 beta\n2000 10 gamma\n");
	CHECK_STR(ask(jit, module, 0x2000), "gamma"); /* another size */
	CHECK_INT(jit_reads(jit), 4);
	CHECK_INT(utimensat(AT_FDCWD, path, times, 0), 0);
	CHECK_STR(ask(jit, module, 0x2000), "gamma");
	CHECK_INT(jit_reads(jit), 5);
	CHECK_STR(ask(jit, module, 0x2000), "gamma");
	CHECK_INT(jit_reads(jit), 5);
	CHECK_INT(unlink(path), 0);
	CHECK_STR(ask(jit, module, 0x2000), NULL);
	CHECK_INT(jit_reads(jit), 5);
}

TEST(answers_of_many_processes_are_bounded)
{
	_cleanup_(modules_freep) struct modules *modules = NULL;
	_cleanup_(jit_freep) struct jit *jit = NULL;
	struct perf_map_owner owner;
	char path[64];

	CHECK_INT(perf_map_find_owner(getpid(), &owner), 0);
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", owner.ns_pid);
	CHECK_INT(modules_new(1024, &modules), 0);
	CHECK_INT(jit_new(modules, &jit), 0);
	write_map(path, "1000 100 alpha\n");
	for (uint64_t i = 0; i < 100; i++) {
		uint32_t anon, module;

		CHECK_INT(modules_add(modules, &(struct task_event){.path = "//anon"}, &anon), 0);
		module = modules_jit(modules, anon, getpid(), i, 1);
		CHECK_STR(ask(jit, module, 0x1000), "alpha");
		CHECK_INT(jit_reads(jit), i + 1);
		CHECK_STR(ask(jit, module, 0x1000), "alpha");
		CHECK_INT(jit_reads(jit), i + 1);
	}
	CHECK_INT(unlink(path), 0);
}

/* The children are this very program. */
int main(int argc, char **argv)
{
	int status = parser_main(argc, argv);

	return status >= 0 ? status : test_run_all();
}
