/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/store_export.h"

#include "tests/test.h"
#include "tests/unit/store_fixture.h"

#include <errno.h>

#define NS 1000000000LL

static int64_t time_of(const char *text)
{
	int64_t ns = -1;

	return store_parse_time(text, 1000000 * NS, &ns) ? -EINVAL : ns;
}

TEST(times_are_rfc_3339_or_ago_or_now)
{
	CHECK_INT(time_of("now"), 1000000 * NS);
	CHECK_INT(time_of("-90s"), (1000000 - 90) * NS);
	CHECK_INT(time_of("-2h"), (1000000 - 7200) * NS);
	CHECK_INT(time_of("-1w"), (1000000 - 604800) * NS);
	CHECK_INT(time_of("1970-01-02T00:00:00Z"), 86400 * NS);
	CHECK_INT(time_of("2026-11-22T10:15:30Z"), 1795342530 * NS);
	CHECK_INT(time_of("2026-11-22t11:15:30+01:00"), 1795342530 * NS);
	CHECK_INT(time_of("2026-11-22 04:45:30-05:30"), 1795342530 * NS);
	CHECK_INT(time_of("2026-11-22T10:15:30.25Z"), 1795342530 * NS + NS / 4);
	CHECK_INT(time_of("2026-11-22T10:15:30.1234567899Z"), 1795342530 * NS + 123456789);
	CHECK_INT(time_of("2028-02-29T00:00:00Z"), 1835395200 * NS);
}

TEST(other_times_are_refused)
{
	static const char *const texts[] = {
		"",
		"-",
		"-1",
		"-h",
		"-1x",
		"-1hh",
		"-99999999999h",
		"tomorrow",
		"2026-11-22",
		"2026-11-22T10:15:30",
		"2026-11-22T10:15Z",
		"2026-13-01T00:00:00Z",
		"2027-02-29T00:00:00Z",
		"2026-11-31T00:00:00Z",
		"2026-11-22T24:00:00Z",
		"2026-11-22T10:15:30+1:00",
		"2026-11-22T10:15:30+24:00",
		"2026-11-22T10:15:30.Z",
		"2026-11-22T10:15:30Zx",
		"02026-11-22T10:15:30Z",
		"9999-11-22T10:15:30Z",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (time_of(texts[i]) != -EINVAL)
			TEST_FAIL("taken for a time: '%s'", texts[i]);
}

TEST(a_match_is_a_label_and_a_value)
{
	char good[] = "comm=a=b", bad[] = "comm", none[] = "=x";
	struct store_range range = {0};

	CHECK_INT(store_parse_match(good, &range), 0);
	CHECK_STR(range.matches[0].label, "comm");
	CHECK_STR(range.matches[0].value, "a=b");
	CHECK_INT(store_parse_match(bad, &range), -EINVAL);
	CHECK_INT(store_parse_match(none, &range), -EINVAL);
	CHECK_INT(range.match_count, 1);
}

/* 25 minutes: two files of ten minutes, five slices of one. */
static struct store *filled(struct rig *rig)
{
	struct store *store = NULL;

	CHECK_INT(store_open(rig->path, &rig->options, &rig->now, &store), 0);
	for (int i = 0; i < 25; i++) {
		rig_put(rig, store, 60);
		while (store_tend(store, &rig->now) > 0)
			;
	}
	return store;
}

static struct store_range everything(void)
{
	return (struct store_range){.from_ns = INT64_MIN, .to_ns = INT64_MAX};
}

TEST(an_export_has_the_sums_and_the_ledger_of_its_range)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = filled(&rig); /* stays open: readers need no lock */
	_cleanup_(profile_freep) struct profile *profile = NULL;
	struct store_range range = everything();
	size_t missing = 1;
	struct slice_sums sums;

	CHECK_INT(store_export(rig.path, &range, &profile, &missing), 0);
	CHECK_INT(missing, 0);
	sums = slice_sum(profile);
	CHECK(!memcmp(&sums, &rig.written, sizeof(sums)));
	CHECK_INT(profile->duration_ns, 25 * 60 * NS);
	for (uint32_t i = 0; i < profile->comment_count; i++)
		CHECK(!strstr(profile_string(profile, profile->comments[i]), "wick-slice"));
	profile_free(profile);
	profile = NULL;
	range.from_ns = rig.now.wall_ns - 12 * 60 * NS;
	CHECK_INT(store_export(rig.path, &range, &profile, &missing), 0);
	CHECK_INT(slice_sum(profile).samples, 12 * rig.samples_each);
	profile_free(profile);
	profile = NULL;
	range.from_ns = rig.now.wall_ns + NS;
	CHECK_INT(store_export(rig.path, &range, &profile, &missing), -ENODATA);
	store_close(store);
}

TEST(where_keeps_samples_that_match_all_and_drops_the_ledger)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = filled(&rig);
	_cleanup_(profile_freep) struct profile *profile = NULL, *none = NULL;
	struct store_range range = everything();
	size_t missing;

	range.from_ns = rig.now.wall_ns - 5 * 60 * NS; /* slices, which have pids */
	range.matches[0] = (struct store_match){"comm", "app"};
	range.matches[1] = (struct store_match){"pid", "11"};
	range.match_count = 2;
	CHECK_INT(store_export(rig.path, &range, &profile, &missing), 0);
	CHECK_INT(slice_sum(profile).samples, 5 * 3);
	CHECK_INT(profile->ledger_count, 0);
	range.matches[1].value = "12";
	CHECK_INT(store_export(rig.path, &range, &none, &missing), 0);
	CHECK_INT(none->sample_count, 0);
	store_close(store);
}

TEST(a_bundle_merged_elsewhere_is_the_same)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = filled(&rig);
	_cleanup_(profile_freep) struct profile *profile = NULL;
	const struct store_range range = everything();
	_cleanup_close_ int fd = -1;
	const char *why = NULL;
	struct slice_sums sums;

	CHECK_INT(store_bundle(rig.path, &range, &fd), 0);
	store_close(store);
	CHECK_INT(store_merge_bundle(fd, &range, &profile, &why), 0);
	sums = slice_sum(profile);
	CHECK(!memcmp(&sums, &rig.written, sizeof(sums)));
}

TEST(a_damaged_file_is_left_out_and_counted)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = filled(&rig);
	_cleanup_(profile_freep) struct profile *profile = NULL;
	const struct store_range range = everything();
	char name[SLICE_NAME_SIZE], path[256];
	size_t missing = 0, last = store_catalog(store)->count - 1;

	snprintf(path, sizeof(path), "%s/%s", rig.path,
		 slice_name(&store_catalog(store)->rows[last], name));
	CHECK_INT(truncate(path, 100), 0);
	CHECK_INT(store_export(rig.path, &range, &profile, &missing), 0);
	CHECK_INT(missing, 1);
	CHECK_INT(slice_sum(profile).samples, 24 * rig.samples_each);
	store_close(store);
}

TEST_MAIN()
