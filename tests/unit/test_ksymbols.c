/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "profiler/ksymbols.h"
#include "tests/test.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static void check_at(const struct ksymbols *k, uint64_t addr, const char *want)
{
	const struct ksymbol_range *range = ksymbols_find(k, addr);

	CHECK_STR(range ? range->name : NULL, want);
}

TEST(code_is_named_from_its_coming_to_its_going)
{
	_cleanup_(ksymbols_freep) struct ksymbols *k = NULL;
	uint32_t serial;

	CHECK_INT(ksymbols_new(&k), 0);
	check_at(k, 0x1000, NULL);
	CHECK_INT(ksymbols_add(k, 0x1000, 0x100, "one"), 0);
	CHECK_INT(ksymbols_add(k, 0x800, 0x100, "two"), 0);
	check_at(k, 0xfff, NULL);
	check_at(k, 0x1000, "one");
	check_at(k, 0x10ff, "one");
	check_at(k, 0x1100, NULL);
	check_at(k, 0x880, "two");
	serial = ksymbols_serial(k);
	ksymbols_remove(k, 0x1008); /* nothing starts there */
	CHECK_INT(ksymbols_serial(k), serial);
	ksymbols_remove(k, 0x1000);
	CHECK(ksymbols_serial(k) != serial);
	check_at(k, 0x1000, NULL);
	CHECK_INT(ksymbols_add(k, 0x1080, 0x10, "three"), 0);
	check_at(k, 0x1000, NULL);
	check_at(k, 0x1080, "three");
	CHECK_INT(ksymbols_count(k), 2);
}

TEST(new_code_takes_the_place_of_what_was_not_told_to_be_gone)
{
	_cleanup_(ksymbols_freep) struct ksymbols *k = NULL;

	CHECK_INT(ksymbols_new(&k), 0);
	CHECK_INT(ksymbols_add(k, 0x1000, 0x100, "one"), 0);
	CHECK_INT(ksymbols_add(k, 0x1100, 0x100, "two"), 0);
	CHECK_INT(ksymbols_add(k, 0x1200, 0x100, "three"), 0);
	CHECK_INT(ksymbols_add(k, 0x1080, 0x200, "four"), 0);
	check_at(k, 0x107f, "one");
	check_at(k, 0x1080, "four");
	check_at(k, 0x127f, "four");
	check_at(k, 0x1280, NULL); /* the rest of three */
	CHECK_INT(ksymbols_add(k, 0x1000, 0x80, "five"), 0);
	check_at(k, 0x1000, "five");
	CHECK_INT(ksymbols_count(k), 2);
	CHECK_INT(ksymbols_add(k, UINT64_MAX - 7, 0x100, "last"), 0);
	check_at(k, UINT64_MAX - 1, "last");
}

TEST(a_table_is_read_for_what_comes_and_goes)
{
	static const char text[] = "ffffffff81000000 T _text\n"
				   "ffffffffc0200000 t init_function\t[nf_tables]\n"
				   "ffffffffc0300000 t bpf_prog_6deef7357e7b4530_probe\t[bpf]\n"
				   "ffffffffc0300100 t ftrace_trampoline\t[__builtin__ftrace]\n";
	_cleanup_(ksymbols_freep) struct ksymbols *k = NULL;
	_cleanup_(kallsyms_freep) struct kallsyms *kallsyms = NULL;
	_cleanup_close_ int fd = memfd_create("kallsyms", MFD_CLOEXEC);
	char path[64];

	CHECK_INT(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK_INT(kallsyms_open(path, &kallsyms), 0);
	CHECK_INT(ksymbols_new(&k), 0);
	CHECK_INT(ksymbols_add(k, 0x1000, 0x100, "old"), 0);
	CHECK_INT(ksymbols_read(k, kallsyms), 0);
	CHECK_INT(ksymbols_count(k), 2);
	check_at(k, 0x1000, NULL);
	check_at(k, 0xffffffff81000000, NULL);
	check_at(k, 0xffffffffc0200000, NULL);
	check_at(k, 0xffffffffc03000ff, "bpf_prog_6deef7357e7b4530_probe\t[bpf]");
	check_at(k, 0xffffffffc0300100, "ftrace_trampoline\t[__builtin__ftrace]");
	CHECK_INT(ksymbols_read(k, NULL), 0);
	CHECK_INT(ksymbols_count(k), 0);
}

/* Years of programs that come and go. */
TEST(only_what_is_there_is_kept)
{
	_cleanup_(ksymbols_freep) struct ksymbols *k = NULL;
	char name[32];

	CHECK_INT(ksymbols_new(&k), 0);
	for (uint64_t i = 0; i < 200000; i++) {
		snprintf(name, sizeof(name), "program %d", (int)i);
		CHECK_INT(ksymbols_add(k, 0x1000 * (i % 777), 0x800, name), 0);
		if (i % 3)
			ksymbols_remove(k, 0x1000 * (i % 777));
	}
	CHECK(ksymbols_count(k) <= 777);
	for (uint64_t i = 0; i < 70000; i++)
		ksymbols_add(k, 0x1000 * i, 0x800, "x");
	CHECK_INT(ksymbols_add(k, UINT64_MAX / 2, 1, "one more"), -EFBIG);
}

TEST_MAIN()
