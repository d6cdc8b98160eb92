/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/cleanup.h"
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

static bool opens(const struct fixture *f)
{
	_cleanup_close_ int fd = perf_map_open(f->root_fd, &f->owner);

	return fd >= 0;
}

/* The name of one address in a text; the caller frees it. */
static char *name_in(const char *text, size_t size, uint64_t addr, uint64_t *ret_start)
{
	_cleanup_close_ int fd = memfd_create("test", MFD_CLOEXEC);
	struct perf_map_name name = {.addr = addr};

	CHECK_INT(write(fd, text, size), size);
	CHECK_INT(perf_map_read(fd, &name, 1), 0);
	*ret_start = name.start;
	return name.name;
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
	struct perf_map_name names[1000] = {0};
	char want[32];

	for (unsigned int i = 0; i < 20000; i++)
		CHECK(dprintf(fd, "%x 10 function number %u\n", i * 16, i) > 0);
	for (unsigned int i = 0; i < 1000; i++)
		names[i].addr = 320 * i + 7;
	CHECK_INT(perf_map_read(fd, names, 1000), 0);
	for (unsigned int i = 0; i < 1000; i++) {
		snprintf(want, sizeof(want), "function number %u", 20 * i);
		CHECK_STR(names[i].name, want);
		CHECK_INT(names[i].start, 320 * i);
		free(names[i].name);
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
	CHECK_INT(strlen(name), PERF_MAP_NAME_MAX);
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
	struct perf_map_name name = {.addr = 1};

	CHECK_INT(ftruncate(fd, 1LL << 30), 0);
	CHECK_INT(perf_map_read(fd, &name, 1), 0);
	CHECK(!name.name);
}

TEST(only_a_plain_file_of_the_processs_user_is_opened)
{
	_cleanup_(fixture_release) struct fixture f = {0};
	char other[96];

	fixture_make(&f);
	snprintf(other, sizeof(other), "%s/tmp/other", f.directory);
	CHECK(!opens(&f));
	write_map(f.map, "10 10 a\n");
	CHECK(opens(&f));
	CHECK_INT(link(f.map, other), 0);
	CHECK(!opens(&f)); /* a hard link: the owner says nothing about who made this name */
	CHECK_INT(unlink(f.map), 0);
	CHECK_INT(symlink(other, f.map), 0);
	CHECK(!opens(&f));
	CHECK_INT(unlink(f.map), 0);
	CHECK_INT(symlink("other", f.map), 0);
	CHECK(!opens(&f));
	CHECK_INT(unlink(f.map), 0);
	CHECK_INT(mkfifo(f.map, 0644), 0);
	CHECK(!opens(&f));
	CHECK_INT(unlink(f.map), 0);
	CHECK_INT(mkdir(f.map, 0755), 0);
	CHECK(!opens(&f));
	CHECK_INT(rmdir(f.map), 0);
	if (geteuid() != 0) {
		printf("    skipped: other owners, not root\n");
		return;
	}
	write_map(f.map, "10 10 a\n");
	f.owner.uid = 1000;
	CHECK(opens(&f)); /* root's own */
	CHECK_INT(chown(f.map, 1001, 0), 0);
	CHECK(!opens(&f));
	CHECK_INT(chown(f.map, 1000, 0), 0);
	CHECK(opens(&f));
}

TEST(the_owner_of_a_process_is_found)
{
	struct perf_map_owner owner;

	CHECK_INT(perf_map_find_owner(getpid(), &owner), 0);
	CHECK_INT(owner.uid, getuid());
	CHECK(owner.ns_pid > 0);
	CHECK_INT(perf_map_find_owner(4194304, &owner), -ESRCH);
}

TEST_MAIN()
