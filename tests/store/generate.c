/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * generate DIR DAYS MINUTES MAX-BYTES LOAD SEED IN.pb.gz..: months of slices of so many minutes of a
 * host like the recorded one, at LOAD percent of its samples. Long slices make days in little time,
 * for who wants to measure ranges of days.
 *
 * Each slice is one of the recorded ones, perturbed: the load follows the hour of the day, so
 * samples are left out or counted more often; pids wander; one stack in 64 ends at an address of
 * its own. All of it passes through a store with MAX-BYTES; its clock ends now. Checks at each step
 * that the store keeps its budget, and at the end that every file of every level has the sums of
 * what was written into its range, and that no retained day has a gap. Ends with 0 when all held.
 */
#include "base/cleanup.h"
#include "profiler/store_state.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

enum { MINUTES_OF_DAY = 1440 };

static uint64_t random_state;

/* xorshift64*: the same months from the same seed. */
static uint32_t draw(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)(random_state * 0x2545f4914f6cdd1dULL >> 32);
}

static double draw_share(void)
{
	return draw() / 4294967296.0;
}

static double load_at(unsigned int minute)
{
	return 1 - 0.7 * cos(2 * M_PI * minute / MINUTES_OF_DAY) + 0.3 * draw_share();
}

/* ---- one slice ---- */

struct recorded {
	struct profile *profile;
	int64_t *counts; /* of its samples, as they were */
};

/* How often a stack is met that was met n times at full load. */
static int64_t thin(int64_t n, double load)
{
	int64_t met = 0;

	for (int64_t i = 0; i < n && i < 64; i++)
		met += draw_share() < load;
	return n > 64 ? met * n / 64 : met;
}

/* New stacks turn up for good: a leaf moves within its function. */
static int own_leaf(struct profile *slice, const struct profile_sample *sample)
{
	uint32_t *leaf = &slice->sample_locations[sample->location_first];
	struct profile_location own = slice->locations[*leaf];
	struct profile_line lines[PROFILE_LINES_MAX];

	memcpy(lines, slice->lines + own.line_first, own.line_count * sizeof(*lines));
	own.address += draw() & 0xff;
	return profile_add_location(slice, &own, lines, own.line_count, leaf);
}

static void shift_pids(struct profile *slice, int64_t by)
{
	for (uint32_t i = 0; i < slice->label_count; i++) {
		struct profile_label *label = &slice->labels[i];

		if (!label->string && label->number > 2000)
			label->number += by;
	}
}

static int set_ledger(struct profile *profile, int64_t written)
{
	uint64_t lost = draw() % 50 ? 0 : draw() % 7;
	int err;

	profile->ledger_count = 0;
	err = profile_ledger_add(profile, "taken", (uint64_t)written + lost);
	if (!err)
		err = profile_ledger_add(profile, "written", (uint64_t)written);
	if (!err)
		err = profile_ledger_add(profile, "complete", (uint64_t)written);
	return !err && lost ? profile_ledger_add(profile, "dropped.ring_full", lost) : err;
}

/* Which samples are met this time, and how often; those that are not become zeros, which stay
 * behind in a merge. */
static int64_t thin_out(struct recorded *recorded, double load)
{
	struct profile *profile = recorded->profile;
	int64_t total = 0;

	for (uint32_t i = 0; i < profile->sample_count; i++) {
		int64_t met = thin(recorded->counts[i], load);

		profile->samples[i].values[0] = met;
		profile->samples[i].values[1] = met * profile->period;
		total += met;
	}
	return total;
}

static int perturb(struct recorded *recorded, unsigned int minute, double load,
		   struct profile **ret)
{
	_cleanup_(profile_freep) struct profile *slice = NULL;
	int64_t total = thin_out(recorded, load);
	int err = profile_new(&slice);

	if (!err)
		err = profile_merge(slice, recorded->profile);
	if (!err)
		shift_pids(slice, (int64_t)(minute / 30) * 7);
	for (uint32_t i = 0; !err && i < slice->sample_count; i++)
		if (slice->samples[i].location_count && draw() % 64 == 0)
			err = own_leaf(slice, &slice->samples[i]);
	if (!err)
		err = set_ledger(slice, total);
	if (!err)
		*ret = TAKE_PTR(slice);
	return err;
}

/* ---- months ---- */

struct months {
	struct recorded *recorded;
	double load;
	unsigned int slice_minutes;
	size_t recorded_count;
	struct store *store;
	struct store_moment now;
	struct slice_sums *written; /* by serial number */
	uint64_t peak_bytes;
	int64_t samples;
};

static int wrong(const char *name, const char *what)
{
	fprintf(stderr, "WRONG: %s: %s\n", name, what);
	return 2;
}

static int check_budget(struct months *months)
{
	uint64_t bytes = store_bytes(months->store);

	months->peak_bytes = bytes > months->peak_bytes ? bytes : months->peak_bytes;
	return bytes > months->store->options.max_bytes ? wrong("store", "past its budget") : 0;
}

static int put(struct months *months, unsigned int n)
{
	unsigned int minute = n * months->slice_minutes;
	int64_t length_ns = months->slice_minutes * 60000000000;
	struct recorded *recorded = &months->recorded[draw() % months->recorded_count];
	_cleanup_(profile_freep) struct profile *slice = NULL;
	uint64_t start_ns = months->now.boot_ns;
	int status = 0;

	if (perturb(recorded, minute, months->load * load_at(minute), &slice))
		return wrong("slice", "no memory");
	slice->time_ns = months->now.wall_ns;
	slice->duration_ns = length_ns;
	months->now.boot_ns += (uint64_t)length_ns;
	months->now.wall_ns += length_ns;
	months->written[n + 1] = slice_sum(slice);
	months->samples += months->written[n + 1].samples;
	store_put(months->store, slice, start_ns, months->now.boot_ns, &months->now);
	if (store_waiting(months->store))
		return wrong("slice", "not written");
	do
		status = check_budget(months);
	while (!status && store_tend(months->store, &months->now) > 0);
	return status;
}

static void add(struct slice_sums *sum, const struct slice_sums *more)
{
	sum->samples += more->samples;
	sum->cpu_ns += more->cpu_ns;
	sum->taken += more->taken;
	sum->written += more->written;
	sum->dropped += more->dropped;
	sum->complete += more->complete;
}

static int check_file(const struct months *months, const struct slice *row)
{
	struct slice_sums want = {0};
	char name[SLICE_NAME_SIZE];
	struct slice slice = {0};
	const char *why = "";

	for (uint32_t n = row->first; n <= row->last; n++)
		add(&want, &months->written[n]);
	if (slice_read(months->store->directory, slice_name(row, name), &slice, NULL, &why))
		return wrong(name, why);
	return memcmp(&slice.sums, &want, sizeof(want)) != 0
		       ? wrong(name, "its sums are not those of what was written")
		       : 0;
}

static int check_all(const struct months *months, uint32_t last)
{
	const struct catalog *catalog = &months->store->catalog;
	_cleanup_free_ size_t *plan = calloc(catalog->count + 1, sizeof(*plan));
	size_t count = catalog_plan(catalog, INT64_MIN, INT64_MAX, plan);
	uint32_t next = count ? catalog->rows[plan[0]].first : 1;
	int status = 0;

	for (size_t i = 0; i < count; i++) {
		if (catalog->rows[plan[i]].first != next)
			return wrong("range", "a gap");
		next = catalog->rows[plan[i]].last + 1;
	}
	if (next != last + 1)
		return wrong("range", "the newest slice is missing");
	for (size_t i = 0; !status && i < catalog->count; i++)
		status = check_file(months, &catalog->rows[i]);
	printf("all of slices %u to %u are there; %zu files verified\n",
	       catalog->rows[plan[0]].first, last, catalog->count);
	return status;
}

static void report(const struct months *months, unsigned int slices, double seconds)
{
	const struct catalog *catalog = &months->store->catalog;

	printf("%u slices, %" PRId64
	       " samples, %.0f s (%.1f ms a slice with its share of roll-ups)\n",
	       slices, months->samples, seconds, seconds * 1e3 / slices);
	printf("store: %.1f MB, never more than %.1f of %.1f MB; %" PRIu64 " files deleted\n",
	       (double)store_bytes(months->store) / 1e6, (double)months->peak_bytes / 1e6,
	       (double)months->store->options.max_bytes / 1e6, months->store->stats.deleted);
	for (uint32_t level = 0; level < STORE_LEVELS; level++) {
		uint64_t count = 0, oldest = UINT64_MAX;

		for (size_t i = 0; i < catalog->count; i++)
			if (catalog->rows[i].level == level) {
				count++;
				if (catalog->rows[i].age_ns < oldest)
					oldest = catalog->rows[i].age_ns;
			}
		if (count)
			printf("%-6s %6" PRIu64 " files %8.1f MB, back to %.1f days ago\n",
			       slice_level_name(level), count, (double)catalog->bytes[level] / 1e6,
			       (double)(months->store->clock.age_ns - oldest) / 86400e9);
	}
}

static int run(struct months *months, unsigned int slices)
{
	unsigned int of_day = MINUTES_OF_DAY / months->slice_minutes;
	struct timespec begin, end;
	int status = 0;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (unsigned int i = 0; !status && i < slices; i++) {
		status = put(months, i);
		if (i % of_day == of_day - 1)
			fprintf(stderr, "day %u: %.1f MB\n", i / of_day + 1,
				(double)store_bytes(months->store) / 1e6);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (status)
		return status;
	report(months, slices,
	       (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) * 1e-9);
	return check_all(months, slices);
}

static int read_one(struct recorded *ret, const char *path)
{
	_cleanup_(buf_release) struct buf bytes = {0};
	const char *why = "it cannot be read";
	struct slice ignored;

	if (slice_read_bytes(AT_FDCWD, path, &bytes) ||
	    slice_decode(bytes.bytes, bytes.used, &ignored, &ret->profile, &why))
		return wrong(path, why);
	ret->counts = calloc(ret->profile->sample_count + 1u, sizeof(*ret->counts));
	for (uint32_t i = 0; i < ret->profile->sample_count; i++)
		ret->counts[i] = ret->profile->samples[i].values[0];
	return 0;
}

static int read_recorded(struct months *months, int count, char **paths)
{
	int status = 0;

	months->recorded = calloc((size_t)count, sizeof(*months->recorded));
	for (int i = 0; !status && i < count; i++) {
		status = read_one(&months->recorded[i], paths[i]);
		months->recorded_count += !status;
	}
	return status;
}

int main(int argc, char **argv)
{
	struct months months = {.now = store_now()};
	struct store_options options = STORE_DEFAULTS;
	unsigned int minutes, slices;
	int status;

	if (argc < 8)
		return 1;
	months.slice_minutes = (unsigned int)atoi(argv[3]);
	if (!months.slice_minutes || months.slice_minutes > MINUTES_OF_DAY)
		return 1;
	minutes = (unsigned int)(atof(argv[2]) * MINUTES_OF_DAY);
	options.max_bytes = strtoull(argv[4], NULL, 10);
	months.load = atof(argv[5]) / 100;
	random_state = strtoull(argv[6], NULL, 10) * 2 + 1;
	months.now.wall_ns -= (int64_t)minutes * 60000000000;
	months.now.boot_ns = 1000000000;
	slices = minutes / months.slice_minutes;
	months.written = calloc(slices + 1u, sizeof(*months.written));
	status = read_recorded(&months, argc - 7, argv + 7);
	if (status || store_open(argv[1], &options, &months.now, &months.store))
		return 1;
	status = run(&months, slices);
	store_close(months.store);
	for (size_t i = 0; i < months.recorded_count; i++) {
		profile_free(months.recorded[i].profile);
		free(months.recorded[i].counts);
	}
	free(months.recorded);
	free(months.written);
	return status;
}
