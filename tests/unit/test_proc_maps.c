/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "symbolizer/proc_maps.h"
#include "tests/test.h"

/* The number of mappings in a text; the last one is left in *ret. */
static unsigned int parse(const char *text, struct proc_mapping *ret)
{
	const char *at = text, *end = text + strlen(text);
	unsigned int count = 0;

	while (proc_maps_next(&at, end, ret))
		count++;
	CHECK(at == end);
	return count;
}

static void check_path(const struct proc_mapping *m, const char *want)
{
	char path[256];

	snprintf(path, sizeof(path), "%.*s", (int)m->path_length, m->path);
	CHECK_STR(path, want);
}

TEST(a_line_gives_all_its_fields)
{
	struct proc_mapping m;

	CHECK_INT(parse("7f0b82c63000-7f0b82d27000 r-xp 0001c000 fe:10 316526      /usr/lib/a b\n",
			&m),
		  1);
	CHECK_INT(m.start, 0x7f0b82c63000);
	CHECK_INT(m.end, 0x7f0b82d27000);
	CHECK_INT(m.off, 0x1c000);
	CHECK_INT(m.dev_major, 0xfe);
	CHECK_INT(m.dev_minor, 0x10);
	CHECK_INT(m.inode, 316526);
	CHECK(m.is_executable);
	check_path(&m, "/usr/lib/a b");
}

TEST(anonymous_and_special_mappings_have_no_inode)
{
	struct proc_mapping m;

	CHECK_INT(parse("1000-2000 rw-p 00000000 00:00 0 \n", &m), 1);
	CHECK(!m.is_executable);
	check_path(&m, "");
	CHECK_INT(parse("1000-2000 r-xp 00000000 00:00 0                  [vdso]\n", &m), 1);
	check_path(&m, "[vdso]");
	CHECK_INT(parse("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n", &m),
		  1);
	CHECK(m.start == 0xffffffffff600000);
}

TEST(hostile_paths_stay_as_the_kernel_wrote_them)
{
	struct proc_mapping m;

	CHECK_INT(parse("1-2 r-xp 0 0:0 5 /tmp/a\\012b-c r-xp\n", &m), 1);
	check_path(&m, "/tmp/a\\012b-c r-xp");
	CHECK_INT(parse("1-2 r-xp 0 0:0 5 /tmp/x (deleted)\n", &m), 1);
	check_path(&m, "/tmp/x (deleted)");
	CHECK_INT(parse("1-2 r-xp 0 0:0 5 /tmp/\033[31m;evil\n", &m), 1);
	check_path(&m, "/tmp/\033[31m;evil");
}

TEST(malformed_lines_are_stepped_over)
{
	struct proc_mapping m;

	CHECK_INT(parse("\n"
			"garbage\n"
			"1000-2000\n"
			"1000-2000 r-xp\n"
			"1000-2000 r-xp 0\n"
			"1000-2000 r-xp 0 0:0\n"
			"1000-2000 r-xp 0 0:0 7\n" /* the kernel writes a space behind the inode */
			"2000-1000 r-xp 0 0:0 7 \n"
			"1000-1000 r-xp 0 0:0 7 \n"
			"10000000000000000-10000000000000001 r-xp 0 0:0 7 \n"
			"-2000 r-xp 0 0:0 7 \n"
			"1000-2000 r-xp zz 0:0 7 \n"
			"1000-2000 r-xp 0 100000000:0 7 \n"
			"1000-2000 r-xp 0 0:0 99999999999999999999999 \n"
			"1000-2000 r-x 0 0:0 7 \n"
			"1000-2000 r-xp 0 0:0 a /x\n",
			&m),
		  0);
	CHECK_INT(parse("garbage\n1000-2000 r-xp 0 0:0 7 /x\n1000-", &m), 1);
	check_path(&m, "/x");
}

TEST(the_own_maps_hold_the_code_that_runs)
{
	static char text[1 << 20];
	_cleanup_fclose_ FILE *file = fopen("/proc/self/maps", "re");
	size_t size = fread(text, 1, sizeof(text), file);
	const char *at = text;
	struct proc_mapping m;
	bool found = false;

	while (proc_maps_next(&at, text + size, &m))
		found |= m.is_executable && m.inode && (uint64_t)parse >= m.start &&
			 (uint64_t)parse < m.end;
	CHECK(found);
}

TEST_MAIN()
