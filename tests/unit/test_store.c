/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "profiler/store_state.h"
#include "tests/test.h"
#include "tests/unit/store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* A file that the disk does not give: "" = none of them. NULL: the disk is well. */
static const char *faulty_name;

int faulty_openat(int directory, const char *name, int flags, mode_t mode) __asm__("openat");

/* In the place of the C library's. */
int faulty_openat(int directory, const char *name, int flags, mode_t mode)
{
	if (faulty_name && !(flags & (O_WRONLY | O_RDWR | O_DIRECTORY)) &&
	    (!*faulty_name || !strcmp(faulty_name, name))) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_openat, directory, name, flags, mode);
}

static struct store *open_store(const struct rig *rig)
{
	struct store *store = NULL;

	CHECK_INT(store_open(rig->path, &rig->options, &rig->now, &store), 0);
	return store;
}

/* Slices of a minute: puts them, and lets the store do all that is due. */
static void put_many(struct rig *rig, struct store *store, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		rig_put(rig, store, 60);
		while (store_tend(store, &rig->now) > 0)
			;
	}
}

static size_t count_level(const struct store *store, uint32_t level)
{
	size_t count = 0;

	for (size_t i = 0; i < store->catalog.count; i++)
		count += store->catalog.rows[i].level == level;
	return count;
}

/* The sums of a range, added up from the files that the plan names. */
static struct slice_sums sums_of(const struct store *store, int64_t from_ns, int64_t to_ns)
{
	_cleanup_free_ size_t *plan = calloc(store->catalog.count + 1, sizeof(*plan));
	size_t count = catalog_plan(&store->catalog, from_ns, to_ns, plan);
	struct slice_sums sums = {0};

	for (size_t i = 0; i < count; i++) {
		char name[SLICE_NAME_SIZE];
		struct slice slice = {0};
		const char *why;

		slice_name(&store->catalog.rows[plan[i]], name);
		CHECK_INT(slice_read(store->directory, name, &slice, NULL, &why), 0);
		rig_add_sums(&sums, &slice.sums);
	}
	return sums;
}

static void check_whole(const struct rig *rig, const struct store *store)
{
	struct slice_sums sums = sums_of(store, INT64_MIN, INT64_MAX);

	CHECK_INT(sums.samples, rig->written.samples);
	CHECK_INT(sums.cpu_ns, rig->written.cpu_ns);
	CHECK_INT(sums.taken, rig->written.taken);
	CHECK_INT(sums.dropped, rig->written.dropped);
}

TEST(a_slice_is_there_again_after_a_restart)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = open_store(&rig);

	put_many(&rig, store, 3);
	store_close(store);
	store = open_store(&rig);
	CHECK_INT(store->catalog.count, 3);
	CHECK_INT(store_stats(store)->adopted, 0);
	CHECK_INT(store->catalog.rows[2].first, 3);
	check_whole(&rig, store);
	rig_put(&rig, store, 60);
	CHECK_INT(store->catalog.rows[3].first, 4);
	store_close(store);
}

TEST(a_second_writer_is_refused)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = open_store(&rig), *second = NULL;

	CHECK_INT(store_open(rig.path, &rig.options, &rig.now, &second), -EBUSY);
	store_close(store);
	store = open_store(&rig);
	store_close(store);
}

TEST(roll_ups_have_the_sums_of_their_parts_and_no_ids)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = open_store(&rig);
	_cleanup_(profile_freep) struct profile *profile = NULL;
	char name[SLICE_NAME_SIZE];
	struct slice slice;
	const char *why;
	size_t hour;

	put_many(&rig, store, 150);
	CHECK_INT(count_level(store, LEVEL_SLICE), 150);
	CHECK_INT(count_level(store, LEVEL_10M), 14); /* the clock began on the hour */
	CHECK_INT(count_level(store, LEVEL_1H), 2);
	hour = catalog_find(&store->catalog, LEVEL_1H, 1);
	CHECK(hour == 0);
	CHECK_INT(store->catalog.rows[hour].parts, 60);
	slice_name(&store->catalog.rows[hour], name);
	CHECK_INT(slice_read(store->directory, name, &slice, &profile, &why), 0);
	CHECK_INT(slice.sums.samples, store->catalog.rows[hour].sums.samples);
	for (uint32_t i = 0; profile && i < profile->sample_count; i++) {
		CHECK(!profile_sample_label(profile, &profile->samples[i], "pid"));
		CHECK(profile_sample_label(profile, &profile->samples[i], "comm"));
	}
	check_whole(&rig, store);
	store_close(store);
}

TEST(days_become_weeks_and_months_which_long_ranges_are_made_of)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = open_store(&rig);
	size_t plan[512], count, of[STORE_LEVELS] = {0};

	for (unsigned int hour = 0; hour < 40 * 24; hour++) {
		rig_put(&rig, store, 3600);
		while (store_tend(store, &rig.now) > 0)
			;
	}
	count = catalog_plan(&store->catalog, INT64_MIN, INT64_MAX, plan);
	for (size_t i = 0; i < count; i++)
		of[store->catalog.rows[plan[i]].level]++;
	CHECK(of[LEVEL_4W] == count_level(store, LEVEL_4W) && of[LEVEL_4W] >= 1);
	CHECK(of[LEVEL_1W] <= 4 && of[LEVEL_1D] <= 7 && of[LEVEL_1H] <= 24);
	CHECK(count_level(store, LEVEL_1W) >= 5 && count_level(store, LEVEL_1D) >= 39);
	check_whole(&rig, store);
	store_close(store);
}

TEST(ranges_side_by_side_add_up)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = open_store(&rig);
	int64_t begin = rig.now.wall_ns;

	rig.options.keep_s[LEVEL_SLICE] = 3600;
	put_many(&rig, store, 400);
	for (int minute = 0; minute < 400; minute += 7) {
		int64_t middle = begin + minute * 61000000000LL;
		struct slice_sums a = sums_of(store, INT64_MIN, middle);
		struct slice_sums b = sums_of(store, middle, INT64_MAX);

		CHECK_INT(a.samples + b.samples, rig.written.samples);
		CHECK_INT(a.taken + b.taken, rig.written.taken);
	}
	/* Where minutes are still there, a range is exact to the minute. */
	CHECK_INT(sums_of(store, rig.now.wall_ns - 120000000000LL, rig.now.wall_ns).samples,
		  2 * rig.samples_each);
	store_close(store);
}

static int store_file(const struct rig *rig, const char *name, const char *text)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_fclose_ FILE *file = NULL;

	if (asprintf(&path, "%s/%s", rig->path, name) < 0)
		return -ENOMEM;
	file = fopen(path, "we");
	return file && fputs(text, file) >= 0 ? 0 : -EIO;
}

TEST(a_start_takes_up_files_drops_rows_and_sweeps)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = open_store(&rig);
	char name[SLICE_NAME_SIZE];

	put_many(&rig, store, 5);
	slice_name(&store->catalog.rows[1], name);
	index_remove(store->index, LEVEL_SLICE, 5);
	CHECK_INT(unlinkat(store->directory, name, 0), 0);
	store_close(store);
	CHECK_INT(store_file(&rig, ".wick-slice-6.tmp", "half a file"), 0);
	CHECK_INT(store_file(&rig, "notes.txt", "somebody's own"), 0);
	store = open_store(&rig);
	CHECK_INT(store_stats(store)->adopted, 1);
	CHECK_INT(store_stats(store)->vanished, 1);
	CHECK_INT(store_stats(store)->swept, 1);
	CHECK_INT(store->catalog.count, 4);
	CHECK(faccessat(store->directory, "notes.txt", R_OK, 0) == 0);
	store_close(store);
	store = open_store(&rig);
	CHECK_INT(store_stats(store)->adopted + store_stats(store)->vanished, 0);
	store_close(store);
}

TEST(a_lost_or_damaged_index_is_made_anew_from_the_files)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = open_store(&rig);
	_cleanup_(catalog_release) struct catalog before = {0};

	put_many(&rig, store, 25);
	for (size_t i = 0; i < store->catalog.count; i++)
		catalog_add(&before, &store->catalog.rows[i]);
	store_close(store);
	for (int damaged = 0; damaged < 2; damaged++) {
		if (damaged)
			CHECK_INT(store_file(&rig, INDEX_NAME, "this is no database"), 0);
		else
			CHECK_INT(rig_unlink(&rig, INDEX_NAME), 0);
		store = open_store(&rig);
		CHECK_INT(store->catalog.count, before.count);
		CHECK_INT(store_stats(store)->adopted, before.count);
		CHECK(!memcmp(store->catalog.rows, before.rows,
			      before.count * sizeof(*before.rows)));
		store_close(store);
	}
	store = open_store(&rig);
	CHECK_INT(store_stats(store)->adopted, 0);
	CHECK_INT(store->damaged_count, 1);
	store_close(store);
}

TEST(a_damaged_file_is_set_aside_and_counted)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = open_store(&rig);
	char name[SLICE_NAME_SIZE];
	uint64_t bytes;

	put_many(&rig, store, 3);
	slice_name(&store->catalog.rows[1], name);
	store_close(store);
	CHECK_INT(store_file(&rig, name, "\x1f\x8b not really"), 0);
	store = open_store(&rig);
	bytes = store_bytes(store);
	CHECK_INT(store->catalog.count, 2);
	CHECK_INT(store->damaged_count, 1);
	CHECK_INT(bytes, 3 * 4096 + index_disk_bytes(store->directory));
	put_many(&rig, store, 9);
	store_close(store);
}

/* What cannot be read any more counts as dropped, so that nothing of what was taken is missing. */
static void check_rolled_without_one(struct rig *rig, struct store *store)
{
	const struct slice *rolled = &store->catalog.rows[0];
	uint64_t each = rig->written.taken / store->serial;

	CHECK_INT(count_level(store, LEVEL_10M), 1);
	CHECK_INT(rolled->parts, 9);
	CHECK_INT(rolled->sums.samples, 9 * rig->samples_each);
	CHECK_INT(rolled->sums.taken, 10 * each);
	CHECK_INT(rolled->sums.dropped + rolled->sums.written, 10 * each);
	CHECK_INT(rolled->sums.dropped, each + 9 * rig->written.dropped / store->serial);
	CHECK_INT(store_stats(store)->damaged, 1);
	CHECK_INT(store->damaged_count, 1);
}

/* Damage that comes later is found when the part is wanted; the others are rolled up without it. */
TEST(a_roll_up_goes_on_without_a_damaged_part)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = open_store(&rig);
	char name[SLICE_NAME_SIZE];

	put_many(&rig, store, 10);
	slice_name(&store->catalog.rows[4], name);
	CHECK_INT(store_file(&rig, name, "\x1f\x8b not really"), 0);
	put_many(&rig, store, 1);
	check_rolled_without_one(&rig, store);
	store_close(store);
}

TEST(a_roll_up_goes_on_without_a_part_that_the_disk_does_not_give)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = open_store(&rig);
	char name[SLICE_NAME_SIZE];

	put_many(&rig, store, 10);
	slice_name(&store->catalog.rows[4], name);
	faulty_name = name;
	put_many(&rig, store, 1);
	CHECK_INT(count_level(store, LEVEL_10M), 0); /* it may come back */
	CHECK_INT(store_tend(store, &rig.now), -EIO);
	while (store_tend(store, &rig.now) > 0)
		;
	faulty_name = NULL;
	check_rolled_without_one(&rig, store);
	store_close(store);
}

TEST(a_disk_that_gives_nothing_loses_nothing)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = open_store(&rig);

	put_many(&rig, store, 10);
	faulty_name = "";
	put_many(&rig, store, 1);
	for (int i = 0; i < 10; i++)
		CHECK_INT(store_tend(store, &rig.now), -EIO);
	faulty_name = NULL;
	CHECK_INT(store->catalog.count, 11);
	CHECK_INT(store_tend(store, &rig.now), 1);
	CHECK_INT(store->catalog.rows[0].sums.samples, 10 * rig.samples_each);
	store_close(store);
}

TEST(the_budget_holds_at_any_time_and_days_keep_their_sums)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store;

	rig.options.max_bytes = 900 << 10;
	store = open_store(&rig);
	for (int i = 0; i < 3000; i++) {
		rig_put(&rig, store, 60);
		CHECK(store_bytes(store) <= rig.options.max_bytes);
		while (store_tend(store, &rig.now) > 0)
			CHECK(store_bytes(store) <= rig.options.max_bytes);
	}
	CHECK(store_stats(store)->deleted > 1000);
	CHECK_INT(store_stats(store)->lost, 0);
	CHECK(count_level(store, LEVEL_SLICE) > 20);
	check_whole(&rig, store);
	store_close(store);
}

TEST(files_go_when_they_are_older_than_their_level_is_kept)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store;

	rig.options.keep_s[LEVEL_SLICE] = 3600;
	rig.options.keep_s[LEVEL_10M] = 7200;
	store = open_store(&rig);
	put_many(&rig, store, 300);
	CHECK_INT(count_level(store, LEVEL_SLICE), 61);
	CHECK_INT(count_level(store, LEVEL_10M), 12);
	CHECK_INT(count_level(store, LEVEL_1H), 4);
	check_whole(&rig, store);
	store_close(store);
}

/* The first value of the first row. */
static char *ask_text(const struct rig *rig, const char *query)
{
	sqlite3_stmt *row = NULL;
	sqlite3 *db = NULL;
	char *text = NULL, path[128];

	snprintf(path, sizeof(path), "%s/" INDEX_NAME, rig->path);
	CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
	CHECK_INT(sqlite3_prepare_v2(db, query, -1, &row, NULL), SQLITE_OK);
	if (sqlite3_step(row) == SQLITE_ROW && sqlite3_column_text(row, 0))
		text = strdup((const char *)sqlite3_column_text(row, 0));
	sqlite3_finalize(row);
	sqlite3_close(db);
	return text;
}

static int64_t ask(const struct rig *rig, const char *query)
{
	_cleanup_free_ char *text = ask_text(rig, query);

	return text ? strtoll(text, NULL, 10) : -1;
}

static char *whole_timeline(const struct rig *rig)
{
	return ask_text(rig, "SELECT group_concat(row, ';') FROM (SELECT level || ',' || first ||"
			     " ',' || service || ',' || at_s || ',' || step_s || ',' || samples ||"
			     " ',' || cpu_ns || ',' || cut || ',' || dropped AS row"
			     " FROM timeline ORDER BY level, first, service, at_s, step_s)");
}

static const char files_with_their_sums[] =
	"SELECT count(*) FROM slice JOIN (SELECT level, first, sum(samples) AS s, sum(cpu_ns) AS c,"
	" sum(dropped) AS d FROM timeline GROUP BY level, first) USING(level, first)"
	" WHERE samples = s AND cpu_ns = c AND dropped = d";

TEST(the_timeline_has_the_sums_of_each_service_and_goes_with_its_files)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store;

	rig.options.keep_s[LEVEL_SLICE] = 900;
	store = open_store(&rig);
	put_many(&rig, store, 41);
	CHECK_INT(ask(&rig, "SELECT sum(samples) FROM timeline WHERE service='app' AND level=1"),
		  40 * rig.samples_each);
	CHECK_INT(ask(&rig, files_with_their_sums), (int64_t)store->catalog.count);
	CHECK_INT(ask(&rig, "SELECT count(*) FROM (SELECT DISTINCT level, first FROM timeline)"),
		  (int64_t)store->catalog.count);
	CHECK(store_stats(store)->deleted > 10);
	store_close(store);
}

TEST(the_timeline_has_ten_seconds_over_restarts_and_steps_of_the_clock)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	_cleanup_free_ char *written = NULL, *rebuilt = NULL;
	struct store *store = open_store(&rig);

	rig.has_seconds = true;
	put_many(&rig, store, 25);
	store_close(store);
	store = open_store(&rig);
	rig.now.wall_ns += 3600000000000;
	put_many(&rig, store, 15);
	rig.now.wall_ns -= 7200000000000;
	rig_pass(&rig, 3.5); /* nobody samples; the steps stay what they are */
	put_many(&rig, store, 40);
	CHECK_INT(ask(&rig, files_with_their_sums), (int64_t)store->catalog.count);
	CHECK_INT(ask(&rig, "SELECT sum(samples) FROM timeline WHERE level=0 AND step_s=10"
			    " AND at_s % 10 = 0 AND service='app'"),
		  80 * rig.samples_each);
	CHECK_INT(ask(&rig, "SELECT sum(dropped) FROM timeline WHERE level=0 AND step_s=10"
			    " AND service=''"),
		  80 * 2);
	/* 6 s lie between two samples: no step of 10 s has more than 2 of one slice, none is empty. */
	CHECK_INT(ask(&rig, "SELECT max(samples) FROM timeline WHERE level=0"), 2);
	CHECK_INT(ask(&rig, "SELECT count(DISTINCT at_s) FROM timeline WHERE level=0"), 80 * 6 + 1);
	CHECK_INT(ask(&rig, "SELECT max(step_s) FROM timeline WHERE level=1"), 60);
	CHECK_INT(ask(&rig, "SELECT min(step_s) FROM timeline WHERE level=2"), 600);
	/* A roll-up's steps are sums of the slices' steps. */
	CHECK_INT(ask(&rig, "SELECT count(*) FROM (SELECT at_s, sum(samples) AS s FROM timeline"
			    " WHERE level=1 GROUP BY at_s) JOIN (SELECT at_s/60*60 AS at_s,"
			    " sum(samples) AS t FROM timeline WHERE level=0 AND first <="
			    " (SELECT max(last) FROM slice WHERE level=1) GROUP BY 1)"
			    " USING(at_s) WHERE s = t"),
		  ask(&rig, "SELECT count(DISTINCT at_s) FROM timeline WHERE level=1"));
	written = whole_timeline(&rig);
	store_close(store);
	CHECK_INT(rig_unlink(&rig, INDEX_NAME), 0);
	store = open_store(&rig);
	rebuilt = whole_timeline(&rig);
	CHECK(written && strlen(written) > 10000);
	CHECK_STR(rebuilt, written);
	store_close(store);
}

/* ---- clocks ---- */

TEST(steps_of_the_wall_clock_delete_nothing_and_change_no_sum)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store;

	rig.options.keep_s[LEVEL_SLICE] = 5 * 3600;
	store = open_store(&rig);
	put_many(&rig, store, 100);
	rig.now.wall_ns += 3600000000000LL;
	put_many(&rig, store, 45);
	rig.now.wall_ns -= 2 * 3600000000000LL;
	put_many(&rig, store, 45);
	rig.now.wall_ns += 365 * 86400000000000LL;
	put_many(&rig, store, 20);
	CHECK_INT(store_stats(store)->deleted, 0);
	CHECK_INT(count_level(store, LEVEL_SLICE), 210);
	CHECK_INT(count_level(store, LEVEL_10M), 20);
	check_whole(&rig, store);
	store_close(store);
	store = open_store(&rig);
	put_many(&rig, store, 1);
	CHECK_INT(store_stats(store)->deleted, 0);
	check_whole(&rig, store);
	store_close(store);
}

TEST(a_suspend_is_time_that_passed)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = open_store(&rig);

	put_many(&rig, store, 15);
	rig_pass(&rig, 8 * 3600);
	put_many(&rig, store, 15);
	check_whole(&rig, store);
	CHECK_INT(store_stats(store)->deleted, 0);
	CHECK_INT(store->clock.age_ns / 1000000000, 8 * 3600 + 30 * 60);
	store_close(store);
}

TEST(a_reboot_starts_a_new_roll_up_and_keeps_the_age)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = open_store(&rig);
	uint64_t age_ns;

	put_many(&rig, store, 15);
	age_ns = store->clock.age_ns;
	store_close(store);
	rig_reboot(&rig, 300);
	store = open_store(&rig);
	CHECK_INT((store->clock.age_ns - age_ns) / 1000000000, 300);
	put_many(&rig, store, 15);
	check_whole(&rig, store);
	for (size_t i = 0; i < store->catalog.count; i++)
		if (store->catalog.rows[i].level == LEVEL_10M)
			CHECK(store->catalog.rows[i].parts <= 10);
	store_close(store);
}

/* A clock that says 2056 after the boot is believed only if it goes on saying so. */
TEST(a_wrong_clock_after_a_reboot_deletes_nothing)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = open_store(&rig);

	put_many(&rig, store, 30);
	store_close(store);
	rig_reboot(&rig, 60);
	rig.now.wall_ns += 30 * 365 * 86400000000000LL;
	store = open_store(&rig);
	put_many(&rig, store, 3);
	rig.now.wall_ns -= 30 * 365 * 86400000000000LL;
	put_many(&rig, store, 30);
	CHECK_INT(store_stats(store)->deleted, 0);
	check_whole(&rig, store);
	store_close(store);
}

TEST(a_month_without_power_is_believed_after_a_while)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = open_store(&rig);

	put_many(&rig, store, 30);
	store_close(store);
	rig_reboot(&rig, 60);
	rig.now.wall_ns += 30 * 86400000000000LL;
	store = open_store(&rig);
	put_many(&rig, store, 5);
	CHECK_INT(store_stats(store)->deleted, 0);
	put_many(&rig, store, 15);
	CHECK(store_stats(store)->deleted >= 20);
	check_whole(&rig, store);
	store_close(store);
}

/* ---- no room ---- */

TEST(what_cannot_be_written_waits_and_is_written_later)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = open_store(&rig);

	put_many(&rig, store, 2);
	store->options.max_bytes = 0;
	put_many(&rig, store, 4); /* takes away what there is: the budget is hard */
	CHECK_INT(store_waiting(store), 4);
	CHECK_INT(store_stats(store)->lost, 0);
	store->options.max_bytes = 1 << 30;
	CHECK_INT(store_flush(store, &rig.now), 0);
	CHECK_INT(store_waiting(store), 0);
	CHECK_INT(sums_of(store, INT64_MIN, INT64_MAX).samples, 4 * rig.samples_each);
	store_close(store);
}

TEST(what_is_lost_stands_in_the_next_ledger)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store;
	struct slice_sums sums;

	rig.options.backlog_bytes = 3000;
	store = open_store(&rig);
	store->options.max_bytes = 0;
	put_many(&rig, store, 20);
	CHECK(store_stats(store)->lost > 10);
	CHECK_INT(store_stats(store)->lost_samples,
		  (int64_t)store_stats(store)->lost * rig.samples_each);
	store->options.max_bytes = 1 << 30;
	put_many(&rig, store, 1);
	sums = sums_of(store, INT64_MIN, INT64_MAX);
	CHECK_INT(sums.taken, rig.written.taken);
	CHECK_INT(sums.taken, sums.written + sums.dropped);
	CHECK_INT(sums.samples, sums.written);
	CHECK_INT(sums.samples + (int64_t)store_stats(store)->lost_samples, rig.written.samples);
	store_close(store);
}

/* Others have filled the disk: detail is given up for the floor, last copies are not eaten up. */
TEST(a_floor_that_others_broke_costs_detail_only)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = open_store(&rig);
	uint64_t bytes;

	put_many(&rig, store, 200);
	store->options.floor_bytes = 1ULL << 60;
	put_many(&rig, store, 1);
	CHECK(count_level(store, LEVEL_SLICE) < 25);
	CHECK(count_level(store, LEVEL_1H) >= 2);
	bytes = store_bytes(store);
	put_many(&rig, store, 200);
	CHECK(store_bytes(store) <= bytes + (64 << 10));
	CHECK(store_bytes(store) + (64 << 10) >= bytes);
	CHECK_INT(store_stats(store)->lost, 0);
	store_close(store);
}

/* ---- hostile bytes ---- */

static int write_at(const struct store *store, const char *name, const char *bytes, size_t size)
{
	_cleanup_close_ int fd =
		openat(store->directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	return fd >= 0 && write(fd, bytes, size) == (ssize_t)size ? 0 : -EIO;
}

/* Reads it; true: refused, or all of it is what was written. */
static bool is_safe(const struct store *store, const char *name, const struct slice *want)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	struct slice slice;
	const char *why = NULL;
	int err = slice_read(store->directory, name, &slice, &profile, &why);

	if (err)
		return slice_is_damage(err) && why;
	return !memcmp(&slice.sums, &want->sums, sizeof(slice.sums)) &&
	       slice.start_ns == want->start_ns && slice.end_ns == want->end_ns;
}

TEST(every_flipped_bit_and_every_truncation_is_noticed_or_harmless)
{
	_cleanup_(rig_release) struct rig rig = rig_new();
	struct store *store = open_store(&rig);
	char name[SLICE_NAME_SIZE], bytes[1 << 16];
	_cleanup_close_ int fd = -1;
	size_t size, bad = 0;

	put_many(&rig, store, 1);
	slice_name(&store->catalog.rows[0], name);
	fd = openat(store->directory, name, O_RDONLY | O_CLOEXEC);
	size = (size_t)read(fd, bytes, sizeof(bytes));
	CHECK(size > 500 && size < sizeof(bytes));
	for (size_t bit = 0; bit < size * 8; bit++) {
		bytes[bit / 8] ^= (char)(1 << bit % 8);
		CHECK_INT(write_at(store, name, bytes, size), 0);
		bad += !is_safe(store, name, &store->catalog.rows[0]);
		bytes[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t length = 0; length < size; length++) {
		CHECK_INT(write_at(store, name, bytes, length), 0);
		bad += !is_safe(store, name, &store->catalog.rows[0]);
	}
	CHECK_INT(bad, 0);
	store_close(store);
}

TEST_MAIN()
