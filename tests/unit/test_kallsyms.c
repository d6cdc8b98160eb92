/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "symbolizer/kallsyms.h"
#include "tests/test.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static int open_text(const char *text, size_t size, struct kallsyms **ret_kallsyms)
{
	_cleanup_close_ int fd = memfd_create("kallsyms", MFD_CLOEXEC);
	char path[64];

	if (fd < 0 || write(fd, text, size) != (ssize_t)size)
		return -EIO;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return kallsyms_open(path, ret_kallsyms);
}

static void check_name(const struct kallsyms *k, uint64_t addr, const char *symbol,
		       const char *module, uint64_t offset)
{
	struct kallsyms_name name;

	if (!k || !kallsyms_lookup(k, addr, &name)) {
		TEST_FAIL("nothing at 0x%llx", (unsigned long long)addr);
		return;
	}
	CHECK_STR(name.symbol, symbol);
	CHECK_STR(name.module, module);
	CHECK_INT(name.offset, offset);
}

static const char small[] = "0000000000000000 A fixed_percpu_data\n"
			    "ffffffff81000000 T _stext\n"
			    "ffffffff81000000 T _text\n"
			    "ffffffff81000100 t local_alias\n"
			    "ffffffff81000100 W weak_alias\n"
			    "ffffffff81000100 T __global\n"
			    "ffffffff81000100 T global\n"
			    "ffffffff810001f0 t __pfx_second\n"
			    "ffffffff81000200 t second\n"
			    "ffffffff81000300 D data_symbol\n"
			    "ffffffffc0201000 t later_function\t[nf_tables]\n"
			    "ffffffffc0200000 t init_function\t[nf_tables]\n"
			    "ffffffffc0300000 t bpf_prog_6deef7357e7b4530_probe\t[bpf]\n";

TEST(names_have_their_module_and_their_offset_from_its_start)
{
	_cleanup_(kallsyms_freep) struct kallsyms *k = NULL;

	CHECK_INT(open_text(small, sizeof(small) - 1, &k), 0);
	check_name(k, 0xffffffff81000000, "_text", "", 0);
	check_name(k, 0xffffffff81000210, "second", "", 0x210);
	check_name(k, 0xffffffff81000310, "second", "", 0x310); /* data symbols do not count */
	check_name(k, 0xffffffffc0200004, "init_function", "nf_tables", 4);
	check_name(k, 0xffffffffc0201008, "later_function", "nf_tables", 0x1008);
	check_name(k, 0xffffffffc0300001, "bpf_prog_6deef7357e7b4530_probe", "bpf", 1);
}

TEST(one_of_several_names_is_chosen_by_the_alias_rule_and_paddings_are_none)
{
	_cleanup_(kallsyms_freep) struct kallsyms *k = NULL;

	CHECK_INT(open_text(small, sizeof(small) - 1, &k), 0);
	check_name(k, 0xffffffff81000104, "global", "", 0x104);
	check_name(k, 0xffffffff810001f4, "global", "", 0x1f4);
}

TEST(nothing_is_named_before_the_first_symbol_or_far_behind_one)
{
	_cleanup_(kallsyms_freep) struct kallsyms *k = NULL;
	struct kallsyms_name name;

	CHECK_INT(open_text(small, sizeof(small) - 1, &k), 0);
	CHECK(k && !kallsyms_lookup(k, 0, &name));
	CHECK(k && !kallsyms_lookup(k, 0xffffffff80ffffff, &name));
	CHECK(k && !kallsyms_lookup(k, 0xffffffff90000000, &name));
	CHECK(k && !kallsyms_lookup(k, UINT64_MAX, &name));
}

TEST(addresses_that_are_all_zero_are_missing_rights)
{
	static const char zeros[] = "0000000000000000 T _text\n"
				    "0000000000000000 t other\t[module]\n";
	struct kallsyms *k = NULL;

	CHECK_INT(open_text(zeros, sizeof(zeros) - 1, &k), -EACCES);
	CHECK_INT(open_text("", 0, &k), -ENODATA);
	CHECK_INT(kallsyms_open("/nonexistent/kallsyms", &k), -ENOENT);
	CHECK(!k);
}

TEST(malformed_lines_are_skipped)
{
	static const char text[] = "\n"
				   "zzzz T not_hex\n"
				   "ffffffff81000000\n"
				   "ffffffff81000000 T\n"
				   "ffffffff81000000 T \n"
				   "ffffffff81000000T glued\n"
				   "ffffffff8100000000 T too_many_digits\n"
				   "ffffffff81000000 T open_bracket\t[module\n"
				   "ffffffff81000000 T empty_module\t[]\n"
				   "ffffffff81001000 T good\n"
				   "ffffffff81002000 T without_newline";
	_cleanup_(kallsyms_freep) struct kallsyms *k = NULL;
	struct kallsyms_name name;

	CHECK_INT(open_text(text, sizeof(text) - 1, &k), 0);
	CHECK(k && !kallsyms_lookup(k, 0xffffffff81000000, &name));
	check_name(k, 0xffffffff81002000, "good", "", 0x1000);
}

TEST(a_line_longer_than_any_buffer_is_refused)
{
	static char text[200 << 10];
	struct kallsyms *k = NULL;

	memset(text, 'a', sizeof(text));
	CHECK_INT(open_text(text, sizeof(text), &k), -EBADMSG);
}

/* Every text symbol of the running kernel, read a second time by fscanf(). */
TEST(the_running_kernel_is_read_as_a_slow_reader_reads_it)
{
	_cleanup_(kallsyms_freep) struct kallsyms *k = NULL;
	_cleanup_fclose_ FILE *file = fopen("/proc/kallsyms", "re");
	int err = kallsyms_open("/proc/kallsyms", &k);
	unsigned int compared = 0;
	char line[1024];

	if (err == -EACCES || !file) {
		printf("    skipped: no right to read kernel addresses\n");
		return;
	}
	CHECK_INT(err, 0);
	while (k && fgets(line, sizeof(line), file)) {
		char symbol[600], type, module[600] = "";
		struct kallsyms_name name;
		unsigned long long addr;

		if (sscanf(line, "%llx %c %599s [%599[^]]", &addr, &type, symbol, module) < 3 ||
		    !strchr("TtWw", type) || !addr || !strncmp(symbol, "__pfx_", 6))
			continue;
		compared++;
		if (!kallsyms_lookup(k, addr, &name) || strcmp(name.module, module) != 0)
			TEST_FAIL("%s [%s] at %llx", symbol, module, addr);
	}
	CHECK(compared > 1000);
	CHECK(k && kallsyms_bytes(k) < 6 << 20);
}

TEST_MAIN()
