/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/store_timeline.h"

#include "base/cleanup.h"
#include "tests/test.h"
#include "tests/unit/sample_profile.h"

#include <string.h>

/* A minute from 12:00:05 on. */
static const struct slice minute = {.level = LEVEL_SLICE,
				    .start_ns = 5000000000,
				    .end_ns = 65000000000,
				    .align_ns = 1699963200000000000};

static struct timeline_row sum_of(const struct timeline *timeline)
{
	struct timeline_row sum = {0};

	for (uint32_t i = 0; i < timeline->count; i++) {
		sum.samples += timeline->rows[i].samples;
		sum.cpu_ns += timeline->rows[i].cpu_ns;
		sum.cut += timeline->rows[i].cut;
		sum.dropped += timeline->rows[i].dropped;
	}
	return sum;
}

/* The sums of sample_profile(). */
static void check_sums(const struct timeline *timeline)
{
	const struct timeline_row sum = sum_of(timeline);

	CHECK_INT(sum.samples, 10);
	CHECK_INT(sum.cpu_ns, 10 * 10101010);
	CHECK_INT(sum.cut, 0);
	CHECK_INT(sum.dropped, 2);
}

static void comment(struct profile *profile, const char *text)
{
	CHECK_INT(profile_add_comment(profile, text), 0);
}

TEST(what_comments_say_is_taken_where_it_adds_up)
{
	_cleanup_(profile_freep) struct profile *profile = sample_profile();
	_cleanup_(timeline_release) struct timeline timeline = {0};

	comment(profile, "#wick-timeline 10 1699963200 0s4 2s3 5s3: app");
	comment(profile, "#wick-timeline 10 1699963200 5d2: ");
	CHECK_INT(timeline_of(profile, &minute, &timeline), 0);
	check_sums(&timeline);
	CHECK_INT(timeline.count, 4);
	CHECK_STR(strtab_get(&timeline.names, timeline.rows[1].service), "app");
	CHECK_INT(timeline.rows[1].at_s, 1699963220);
	CHECK_INT(timeline.rows[1].step_s, 10);
	CHECK_INT(timeline.rows[1].samples, 3);
	CHECK_INT(timeline.rows[3].dropped, 2);
}

TEST(dropped_samples_that_came_later_stand_at_the_start)
{
	_cleanup_(profile_freep) struct profile *profile = sample_profile();
	_cleanup_(timeline_release) struct timeline timeline = {0};

	comment(profile, "#wick-timeline 10 1699963200 0s4 2s3 5s3: app");
	comment(profile, "#wick-timeline 10 1699963200 5d1: ");
	CHECK_INT(timeline_of(profile, &minute, &timeline), 0);
	check_sums(&timeline);
	CHECK_INT(timeline.count, 5);
	CHECK_INT(timeline.rows[4].at_s, 1699963205);
	CHECK_INT(timeline.rows[4].step_s, 60);
}

TEST(what_does_not_add_up_or_is_not_there_or_not_understood_is_one_row_a_service)
{
	static const char *const bad[] = {
		"",
		"#wick-timeline 10 1699963200 0s4 2s3 5s4: app",
		"#wick-timeline 10 1699963200 0s10: other",
		"#wick-timeline 10 1699963200 0s10c1: app",
		"#wick-timeline 10 1699963200 0s10p5: app",
		"#wick-timeline 10 1699963200 0s10d3: app",
		"#wick-timeline 0 1699963200 0s10: app",
		"#wick-timeline -10 1699963200 0s10: app",
		"#wick-timeline 10 99999999999999 0s10: app",
		"#wick-timeline 10 1699963200 -1s10: app",
		"#wick-timeline 10 1699963200 0x10: app",
		"#wick-timeline 10 1699963200 0s10",
		"#wick-timeline 10 1699963200 0s: app",
		"#wick-timeline 10 1699963200 0s99999999999999999999: app",
		"#wick-timeline 10 1699963200 9999999999s10: app",
		"#wick-timeline : app",
		"#wick-timeline ",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(profile_freep) struct profile *profile = sample_profile();
		_cleanup_(timeline_release) struct timeline timeline = {0};

		comment(profile, bad[i]);
		CHECK_INT(timeline_of(profile, &minute, &timeline), 0);
		check_sums(&timeline);
		CHECK_INT(timeline.count, 2);
		CHECK_INT(timeline.rows[0].at_s, 1699963205);
		CHECK_INT(timeline.rows[0].step_s, 60);
	}
}

TEST(no_changed_byte_of_a_comment_changes_a_sum)
{
	static const char good[] = "#wick-timeline 10 1699963200 0s4 2s3 5s3d2: app";

	for (size_t at = 0; at < strlen(good); at++)
		for (int byte = 1; byte < 256; byte++) {
			_cleanup_(profile_freep) struct profile *profile = sample_profile();
			_cleanup_(timeline_release) struct timeline timeline = {0};
			char text[sizeof(good)];

			memcpy(text, good, sizeof(text));
			text[at] = (char)byte;
			comment(profile, text);
			CHECK_INT(timeline_of(profile, &minute, &timeline), 0);
			check_sums(&timeline);
		}
}

/* Window, comment, file and back: names may hold anything but NUL. */
TEST(names_of_any_kind_come_back)
{
	static const char *const names[] = {"a: b", "5s3", "", " ", "x\ny", "#", ": ", "é"};
	_cleanup_(timeline_release) struct timeline timeline = {0}, again = {0};
	_cleanup_(profile_freep) struct profile *profile = NULL;

	CHECK_INT(profile_new(&profile), 0);
	CHECK_INT(profile_init_cpu(profile, 99), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct timeline_row row = {
			.step_s = 10, .at_s = 1000, .samples = 3, .cpu_ns = 3 * profile->period};
		struct profile_label label;

		CHECK_INT(timeline_add(&timeline, names[i], &row), 0);
		CHECK_INT(profile_make_label(profile, "comm", names[i], &label), 0);
		CHECK_INT(profile_add_sample(profile, NULL, 0, &label, 1,
					     (int64_t[]){3, 3 * profile->period}),
			  0);
	}
	CHECK_INT(timeline_write(&timeline, profile), 0);
	CHECK_INT(timeline_of(profile, &minute, &again), 0);
	CHECK_INT(again.count, ARRAY_SIZE(names));
	for (uint32_t i = 0; i < again.count; i++)
		CHECK_INT(again.rows[i].at_s, 1000);
	CHECK_INT(sum_of(&again).samples, 3 * (int64_t)ARRAY_SIZE(names));
}

TEST(thousands_of_services_are_told_in_a_bounded_number_of_rows)
{
	_cleanup_(timeline_release) struct timeline timeline = {0}, again = {0};
	_cleanup_(profile_freep) struct profile *profile = NULL;
	uint32_t others = 0;

	CHECK_INT(profile_new(&profile), 0);
	CHECK_INT(profile_init_cpu(profile, 99), 0);
	for (int64_t i = 1; i <= 3000; i++) {
		struct timeline_row row = {.step_s = 10, .samples = i, .cpu_ns = 7 * i};
		struct profile_label label;
		char name[16];

		snprintf(name, sizeof(name), "%d", (int)i);
		CHECK_INT(profile_make_label(profile, "comm", name, &label), 0);
		CHECK_INT(profile_add_sample(profile, NULL, 0, &label, 1,
					     (int64_t[]){6 * i, 6 * 7 * i}),
			  0);
		for (int step = 0; step < 6; step++) {
			row.at_s = 1000 + 10 * step;
			CHECK_INT(timeline_add(&timeline, name, &row), 0);
		}
	}
	CHECK_INT(timeline_settle(&timeline, profile, &minute), 0);
	CHECK(timeline.count <= TIMELINE_ROWS_MAX && timeline.count > TIMELINE_ROWS_MAX - 50);
	CHECK_INT(sum_of(&timeline).samples, 6LL * 3000 * 3001 / 2);
	CHECK_INT(sum_of(&timeline).cpu_ns, 7LL * 6 * 3000 * 3001 / 2);
	CHECK(!strtab_find(&timeline.names, "3000", &others)); /* the greatest are there */
	CHECK(strtab_find(&timeline.names, "1", &others));
	/* The same when read from the file, and when settled once more. */
	CHECK_INT(timeline_write(&timeline, profile), 0);
	CHECK_INT(timeline_of(profile, &minute, &again), 0);
	CHECK_INT(again.count, timeline.count);
	CHECK_INT(sum_of(&again).samples, sum_of(&timeline).samples);
}

TEST(steps_fit_the_length)
{
	struct slice slice = minute;

	CHECK_INT(timeline_step(&slice), 10);
	slice.end_ns = slice.start_ns + 241000000000;
	CHECK_INT(timeline_step(&slice), 60);
	slice.level = LEVEL_10M;
	CHECK_INT(timeline_step(&slice), 60);
	slice.level = LEVEL_1H;
	CHECK_INT(timeline_step(&slice), 600);
	slice.level = LEVEL_1D;
	CHECK_INT(timeline_step(&slice), 3600);
}

TEST_MAIN()
