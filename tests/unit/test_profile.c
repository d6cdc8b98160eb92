/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "formats/profile.h"
#include "tests/test.h"
#include "tests/unit/sample_profile.h"

#include <errno.h>
#include <stdint.h>

TEST(equal_elements_get_the_same_id)
{
	_cleanup_(profile_freep) struct profile *profile = sample_profile();
	struct profile_mapping mapping = profile->mappings[0];
	struct profile_function function = profile->functions[1];
	struct profile_location location = profile->locations[2];
	struct profile_line lines[2];
	uint32_t id, mappings = profile->mapping_count, functions = profile->function_count,
		     locations = profile->location_count;

	memcpy(lines, profile->lines + location.line_first, sizeof(lines));
	profile_add_mapping(profile, &mapping, &id);
	CHECK_INT(id, 0);
	profile_add_function(profile, &function, &id);
	CHECK_INT(id, 1);
	profile_add_location(profile, &location, lines, 2, &id);
	CHECK_INT(id, 2);
	CHECK_INT(profile->mapping_count, mappings);
	CHECK_INT(profile->function_count, functions);
	CHECK_INT(profile->location_count, locations);

	lines[1].line++;
	profile_add_location(profile, &location, lines, 2, &id);
	CHECK_INT(id, locations);
	profile_add_location(profile, &location, lines, 1, &id);
	CHECK_INT(id, locations + 1);
}

TEST(modules_are_told_apart_by_build_id_before_file)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	struct profile_mapping mapping = {0};
	uint32_t a, b, c, d;

	profile_new(&profile);
	profile_add_string(profile, "/old", &mapping.file);
	profile_add_string(profile, "aa", &mapping.build_id);
	profile_add_mapping(profile, &mapping, &a);
	profile_add_string(profile, "/moved", &mapping.file);
	profile_add_mapping(profile, &mapping, &b);
	profile_add_string(profile, "bb", &mapping.build_id);
	profile_add_mapping(profile, &mapping, &c);
	mapping.build_id = 0;
	profile_add_mapping(profile, &mapping, &d);
	CHECK_INT(b, a);
	CHECK(c != a);
	CHECK(d != c);
}

TEST(two_sides_of_a_module_have_what_both_have)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	struct profile_mapping mapping = {.has_functions = true, .has_lines = true};
	uint32_t a, b;

	profile_new(&profile);
	profile_add_string(profile, "/lib", &mapping.file);
	profile_add_mapping(profile, &mapping, &a);
	mapping.has_lines = false;
	mapping.has_filenames = true;
	profile_add_mapping(profile, &mapping, &b);
	CHECK_INT(b, a);
	CHECK(profile->mappings[a].has_functions);
	CHECK(!profile->mappings[a].has_lines);
	CHECK(!profile->mappings[a].has_filenames);
}

TEST(samples_of_one_stack_and_labels_add_up)
{
	_cleanup_(profile_freep) struct profile *profile = sample_profile();

	CHECK_INT(profile->sample_count, 4);
	sample_add(profile, profile->sample_locations + profile->samples[2].location_first, 3,
		   "app", 10, 6);
	CHECK_INT(profile->sample_count, 4);
	CHECK_INT(profile->samples[2].values[0], 10);
	CHECK_INT(profile_total(profile, 0), 16);
	CHECK_INT(profile_total(profile, (uint32_t)profile_find_type(profile, "cpu")),
		  16 * 10101010);
	CHECK_INT(profile_find_type(profile, "space"), -1);
}

TEST(sums_wrap_around_without_undefined_behaviour)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	int64_t most = INT64_MAX;

	profile_new(&profile);
	profile_add_type(profile, "samples", "count");
	profile_add_sample(profile, NULL, 0, NULL, 0, &most);
	profile_add_sample(profile, NULL, 0, NULL, 0, &most);
	CHECK_INT(profile_total(profile, 0), -2);
}

TEST(what_is_too_deep_or_too_many_is_refused)
{
	_cleanup_(profile_freep) struct profile *profile = sample_profile();
	static const uint32_t stack[PROFILE_DEPTH_MAX + 1];
	static const struct profile_label labels[PROFILE_LABELS_MAX + 1];
	static const struct profile_line lines[PROFILE_LINES_MAX + 1];
	struct profile_location location = profile->locations[0];
	int64_t values[2] = {1, 1};
	uint32_t id;
	char name[16];

	CHECK_INT(profile_add_sample(profile, stack, PROFILE_DEPTH_MAX, NULL, 0, values), 0);
	CHECK_INT(profile_add_sample(profile, stack, PROFILE_DEPTH_MAX + 1, NULL, 0, values),
		  -E2BIG);
	CHECK_INT(profile_add_sample(profile, stack, 1, labels, PROFILE_LABELS_MAX + 1, values),
		  -E2BIG);
	CHECK_INT(profile_add_location(profile, &location, lines, PROFILE_LINES_MAX + 1, &id),
		  -E2BIG);
	for (int i = 2; i < PROFILE_VALUES_MAX; i++)
		CHECK_INT(profile_add_type(profile, "more", "count"), 0);
	CHECK_INT(profile_add_type(profile, "more", "count"), -E2BIG);
	for (uint32_t i = profile->ledger_count; i < PROFILE_LEDGER_MAX; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		CHECK_INT(profile_ledger_add(profile, name, 1), 0);
	}
	CHECK_INT(profile_ledger_add(profile, "one more", 1), -E2BIG);
	CHECK_INT(profile_ledger_add(profile, "taken", 1), 0);
}

TEST(ledger_counts_add_up_under_their_names)
{
	_cleanup_(profile_freep) struct profile *profile = sample_profile();

	CHECK_INT(profile_ledger_add(profile, "taken", 3), 0);
	CHECK_INT(profile_ledger_get(profile, "taken"), 15);
	CHECK_INT(profile_ledger_get(profile, "dropped.ring_full"), 2);
	CHECK_INT(profile_ledger_get(profile, "dropped.other"), 0);
	CHECK_INT(profile->ledger_count, 5);
}

TEST(frames_without_a_function_are_module_and_address)
{
	_cleanup_(profile_freep) struct profile *profile = sample_profile();
	struct profile_location location = {.mapping = PROFILE_NO_MAPPING, .address = 0xabc};
	char name[64], small[6];

	CHECK_STR(profile_frame_name(profile, &profile->locations[3], 0, name, sizeof(name)),
		  "libc.so.6+0x1234");
	CHECK_STR(profile_frame_name(profile, &profile->locations[2], 0, name, sizeof(name)),
		  "inner");
	CHECK_STR(profile_frame_name(profile, &profile->locations[2], 1, name, sizeof(name)),
		  "work");
	CHECK_STR(profile_frame_name(profile, &location, 0, name, sizeof(name)), "0xabc");
	CHECK_STR(profile_frame_name(profile, &profile->locations[3], 0, small, sizeof(small)),
		  "libc.");
}

TEST(module_names_are_the_last_part_of_the_path_and_bounded)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	struct profile_location location = {.address = 0x10};
	struct profile_mapping mapping = {0};
	char path[2000], name[512];

	profile_new(&profile);
	profile_add_mapping(profile, &mapping, &location.mapping);
	CHECK_STR(profile_frame_name(profile, &location, 0, name, sizeof(name)), "0x10");
	profile_add_string(profile, "/usr/", &profile->mappings[0].file);
	CHECK_STR(profile_frame_name(profile, &location, 0, name, sizeof(name)), "/usr/+0x10");
	memset(path, 'a', sizeof(path));
	memcpy(path + sizeof(path) - 6, "/last", 6);
	profile_add_string(profile, path, &profile->mappings[0].file);
	CHECK_STR(profile_frame_name(profile, &location, 0, name, sizeof(name)), "last+0x10");
	path[sizeof(path) - 6] = 'a';
	profile_add_string(profile, path, &profile->mappings[0].file);
	CHECK_INT(strlen(profile_frame_name(profile, &location, 0, name, sizeof(name))), 256 + 5);
}

TEST(sorting_goes_by_path_from_the_root_and_keeps_the_index_right)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	static const uint32_t stacks[4][2] = {{1, 9}, {9, 1}, {3, 1}, {2, 9}};
	int64_t value = 1;

	profile_new(&profile);
	profile_add_type(profile, "samples", "count");
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++, value *= 10)
		profile_add_sample(profile, stacks[i], 2, NULL, 0, &value);
	value = 7;
	profile_add_sample(profile, stacks[0], 1, NULL, 0, &value);
	CHECK_INT(profile_sort(profile), 0);
	CHECK_INT(profile->samples[0].values[0], 7);	/* 1 */
	CHECK_INT(profile->samples[1].values[0], 100);	/* 1 3 */
	CHECK_INT(profile->samples[2].values[0], 10);	/* 1 9 */
	CHECK_INT(profile->samples[3].values[0], 1);	/* 9 1 */
	CHECK_INT(profile->samples[4].values[0], 1000); /* 9 2 */
	profile_add_sample(profile, stacks[2], 2, NULL, 0, &value);
	CHECK_INT(profile->sample_count, 5);
	CHECK_INT(profile->samples[1].values[0], 107);
}

TEST(samples_that_differ_in_labels_only_are_sorted_by_them)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	uint32_t stack = 0;

	profile_new(&profile);
	profile_init_cpu(profile, 99);
	sample_add(profile, &stack, 1, "b", 3, 1);
	sample_add(profile, &stack, 1, "b", 2, 2);
	sample_add(profile, &stack, 1, "b", 1, 3);
	CHECK_INT(profile_sort(profile), 0);
	for (uint32_t i = 0; i < 3; i++)
		CHECK_INT(profile_sample_label(profile, &profile->samples[i], "pid")->number,
			  i + 1);
	CHECK(!profile_sample_label(profile, &profile->samples[0], "tid"));
}

TEST(merging_adds_values_and_joins_the_rest)
{
	_cleanup_(profile_freep) struct profile *a = sample_profile(), *b = sample_profile();
	int64_t zeros[2] = {0, 0};
	uint32_t stack = 0;

	b->time_ns -= 1000;
	b->period = 20000000;
	profile_add_comment(b, "host: other");
	profile_add_sample(b, &stack, 1, NULL, 0, zeros);
	CHECK_INT(profile_merge(a, b), 0);
	CHECK_INT(a->sample_count, 4);
	CHECK_INT(a->location_count, b->location_count);
	CHECK_INT(a->function_count, b->function_count);
	CHECK_INT(profile_total(a, 0), 20);
	CHECK_INT(a->duration_ns, 20000000000);
	CHECK_INT(a->time_ns, b->time_ns);
	CHECK_INT(a->period, 20000000);
	CHECK_INT(a->comment_count, 2);
	CHECK_INT(profile_ledger_get(a, "taken"), 24);
}

TEST(merging_into_an_empty_profile_copies)
{
	_cleanup_(profile_freep) struct profile *a = NULL, *b = sample_profile();

	profile_new(&a);
	profile_add_string(a, "shifts all ids", &(uint32_t){0});
	CHECK_INT(profile_merge(a, b), 0);
	CHECK_INT(a->type_count, 2);
	CHECK_STR(profile_string(a, a->default_type), "cpu");
	CHECK_INT(profile_total(a, 1), profile_total(b, 1));
	CHECK_INT(a->location_count, b->location_count);
	CHECK_STR(profile_string(a, a->mappings[0].file), "/usr/bin/app");
}

TEST(profiles_of_other_types_do_not_merge)
{
	_cleanup_(profile_freep) struct profile *a = sample_profile(), *b = NULL;

	profile_new(&b);
	profile_add_type(b, "alloc", "bytes");
	CHECK_INT(profile_merge(a, b), -EINVAL);
	CHECK_INT(profile_total(a, 0), 10);
}

TEST_MAIN()
