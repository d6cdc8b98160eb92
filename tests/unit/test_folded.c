/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "formats/folded.h"
#include "tests/test.h"
#include "tests/unit/sample_profile.h"

#include <errno.h>

static void check_written(const struct profile *profile, const char *want)
{
	_cleanup_(buf_release) struct buf buf = {0};

	CHECK_INT(folded_write(profile, &buf), 0);
	CHECK_STR(buf_cstr(&buf), want);
}

static struct profile *read_text(const char *text)
{
	struct profile *profile = NULL;
	const char *why = "";

	if (folded_read(text, strlen(text), &profile, &why))
		TEST_FAIL("not read: %s", why);
	return profile;
}

static void check_again(const char *text, const char *want)
{
	_cleanup_(profile_freep) struct profile *profile = read_text(text);

	if (profile)
		check_written(profile, want);
}

static void check_refused(const char *text, int want, const char *want_why)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	const char *why = NULL;

	CHECK_INT(folded_read(text, strlen(text), &profile, &why), want);
	CHECK_STR(why, want_why);
}

/* One sample with one frame of this name. */
static void check_name(const char *name, const char *want)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	uint32_t stack;
	int64_t value = 3;

	profile_new(&profile);
	profile_add_type(profile, "samples", "count");
	stack = sample_location(profile, PROFILE_NO_MAPPING, 0, name, NULL);
	profile_add_sample(profile, &stack, 1, NULL, 0, &value);
	check_written(profile, want);
}

TEST(lines_are_comm_then_root_to_leaf_with_inlined_frames_merged_and_sorted)
{
	_cleanup_(profile_freep) struct profile *profile = sample_profile();

	check_written(profile, "app;main;do_syscall_64 1\n"
			       "app;main;work 5\n"
			       "app;main;work;inner;libc.so.6+0x1234 4\n");
}

TEST(names_are_escaped_so_that_every_reader_finds_the_frames_and_the_count)
{
	check_name("std::vector<a, b>::x", "std::vector<a, b>::x 3\n");
	check_name("a;b", "a:b 3\n");
	check_name("a\nb\tc\x1b[2J\x7f", "a b c [2J  3\n");
	check_name("a\xc2\x9b"
		   "b",
		   "a  b 3\n");
	check_name("worker 12", "worker 12_ 3\n");
	check_name("version 1.5", "version 1.5_ 3\n");
	check_name("version 1.", "version 1._ 3\n");
	check_name("version\n7", "version 7_ 3\n");
	check_name("v1.5", "v1.5 3\n");
	check_name("12", "12 3\n");
	check_name("x .5", "x .5 3\n");
	check_name("bad\xff", "bad\xef\xbf\xbd 3\n");
	check_name("na\xc3\xafve", "na\xc3\xafve 3\n");
}

TEST(a_sample_without_frames_is_still_counted)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	int64_t value = 3;

	profile_new(&profile);
	profile_add_type(profile, "samples", "count");
	profile_add_sample(profile, NULL, 0, NULL, 0, &value);
	check_written(profile, "[unknown] 3\n");
}

TEST(the_count_is_the_samples_whatever_their_place)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	int64_t values[2] = {500, 3};

	profile_new(&profile);
	profile_add_type(profile, "cpu", "nanoseconds");
	profile_add_type(profile, "samples", "count");
	profile_add_sample(profile, NULL, 0, NULL, 0, values);
	check_written(profile, "[unknown] 3\n");
}

TEST(zeros_are_left_out_and_negative_counts_refused)
{
	_cleanup_(profile_freep) struct profile *profile = sample_profile();
	_cleanup_(buf_release) struct buf buf = {0};

	profile->samples[0].values[0] = -3;
	check_written(profile, "app;main;do_syscall_64 1\n"
			       "app;main;work;inner;libc.so.6+0x1234 4\n");
	profile->samples[0].values[0] = -4;
	CHECK_INT(folded_write(profile, &buf), -ERANGE);
	profile->samples[0].values[0] = INT64_MAX;
	CHECK_INT(folded_write(profile, &buf), -ERANGE);
}

TEST(the_last_number_of_a_line_is_its_count)
{
	check_again("z 3 9\n", "z 3_ 9\n");
	check_again("main;x  5\n", "main;x  5\n");
	check_again("main;x\t5\r\n\r\n\nb 1", "b 1\nmain;x 5\n");
	check_again("b 1\na 2\nb 3\n", "a 2\nb 4\n");
	check_again("a;;b 1\n", "a;[unknown];b 1\n");
	check_again("a 9223372036854775807\n", "a 9223372036854775807\n");
	check_again("# by somebody\na 5\n# 7\n", "# 7\na 5\n");
	check_again("// by somebody\na 5\n// 7\n", "// 7\na 5\n");
}

static void check_bytes_again(const char *bytes, size_t size, const char *want)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	const char *why = "";

	CHECK_INT(folded_read(bytes, size, &profile, &why), 0);
	CHECK_STR(why, "");
	if (profile)
		check_written(profile, want);
}

TEST(a_byte_order_mark_tells_how_the_text_is_encoded)
{
	/* a, U+E9, U+20AC, U+1F525, half a pair; a count; CR LF */
	static const char little[] = "\xff\xfe"
				     "a\0\xe9\0\xac\x20\x3d\xd8\x25\xdd;\0\x3d\xd8 \0005\0\r\0\n\0";
	static const char big[] = "\xfe\xff"
				  "\0a\0\xe9\x20\xac\xd8\x3d\xdd\x25\0;\xd8\x3d\0 \0005\0\r\0\n\0";
	const char *want =
		"a\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\xa5;\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd 5\n";

	check_bytes_again(little, sizeof(little) - 1, want);
	check_bytes_again(big, sizeof(big) - 1, want);
	check_refused("\xff\xfe", -EPROTONOSUPPORT, "it is empty");
}

TEST(frames_read_are_leaf_first)
{
	_cleanup_(profile_freep) struct profile *profile = read_text("root;mid;leaf 2\n");
	char name[16];

	if (!profile)
		return;
	CHECK_STR(profile_frame_name(profile, &profile->locations[profile->sample_locations[0]], 0,
				     name, sizeof(name)),
		  "leaf");
	CHECK_INT(profile_total(profile, 0), 2);
	CHECK_STR(profile_string(profile, profile->types[0].unit), "count");
}

TEST(another_file_is_told_from_a_damaged_line)
{
	check_refused("", -EPROTONOSUPPORT, "it is empty");
	check_refused("\n\n", -EPROTONOSUPPORT, "it is empty");
	check_refused("# a comment\n", -EPROTONOSUPPORT, "it is empty");
	check_refused("#!/bin/sh\necho 5\n", -EPROTONOSUPPORT,
		      "line 1 does not end in a whole number");
	check_refused("a 5\n\nb\n", -EBADMSG, "line 3 does not end in a whole number");
	check_refused("a 5\nb 2.5\n", -EBADMSG, "line 2 does not end in a whole number");
	check_refused("a 5\nb -2\n", -EBADMSG, "line 2 does not end in a whole number");
	check_refused("a 5\n17\n", -EBADMSG, "line 2 does not end in a whole number");
	check_refused("a 9223372036854775808\n", -EBADMSG, "the count of line 1 is too large");
}

TEST(a_stack_past_the_depth_limit_is_refused)
{
	_cleanup_(buf_release) struct buf buf = {0};

	for (int i = 1; i < PROFILE_DEPTH_MAX; i++)
		buf_add_str(&buf, "f;");
	buf_add_str(&buf, "f 1\n");
	profile_free(read_text(buf_cstr(&buf)));
	buf.used -= strlen(" 1\n");
	buf_add_str(&buf, ";f 1\n");
	check_refused(buf_cstr(&buf), -EFBIG, "line 1 has more frames than can be held");
}

TEST(bytes_that_are_no_text_are_read_without_harm)
{
	static const char bytes[] = "a\0b;\xff\xfe 3\n\x1b[2J 4";
	_cleanup_free_ char *copy = malloc(sizeof(bytes) - 1);
	_cleanup_(profile_freep) struct profile *profile = NULL;
	const char *why = "";

	memcpy(copy, bytes, sizeof(bytes) - 1);
	CHECK_INT(folded_read(copy, sizeof(bytes) - 1, &profile, &why), 0);
	if (profile)
		check_written(profile, " [2J 4\n"
				       "a\xef\xbf\xbd"
				       "b;\xef\xbf\xbd\xef\xbf\xbd 3\n");
}

TEST_MAIN()
