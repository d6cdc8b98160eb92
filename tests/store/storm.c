/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * storm DIR COUNT CLOSED [MAX-BYTES]: a writer to be killed, starved and lied to.
 *
 * Opens the store and verifies all of it, then puts COUNT slices of a minute (0: for good) as fast
 *as it can, rolling up and retiring on the way, with a clock of its own that goes on where the
 *store ends. What slice n holds follows from n, so the sums of every file are known without a
 *record:
 *
 *	samples = 10 + n mod 97, of them all written; taken = samples + n mod 3
 *
 * Prints "start MS FILES" after the verification, and "closed N" once slice N is in the index.
 * CLOSED: the greatest N that an earlier run printed; it must be there. Ends with 0 when all was
 * right and written (the next start verifies it); 1: could not open; 2: something is wrong, and
 *said.
 */
#include "base/cleanup.h"
#include "profiler/store_state.h"
#include "tests/store/inject.h"
#include "tests/unit/sample_profile.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { PATIENCE = 50, CANNOT = 77 };

static int64_t samples_of(uint32_t n)
{
	return 10 + n % 97;
}

static uint64_t dropped_of(uint32_t n)
{
	return n % 3;
}

static int wrong(const char *name, const char *what)
{
	fprintf(stderr, "WRONG: %s: %s\n", name, what);
	return 2;
}

/* ---- verification ---- */

static bool sums_hold(const struct slice *slice)
{
	int64_t samples = 0;
	uint64_t dropped = 0;

	for (uint32_t n = slice->first; n <= slice->last; n++) {
		samples += samples_of(n);
		dropped += dropped_of(n);
	}
	return slice->parts == slice->last - slice->first + 1 && slice->sums.samples == samples &&
	       slice->sums.dropped == dropped && slice->sums.written == (uint64_t)samples &&
	       slice->sums.taken == (uint64_t)samples + dropped;
}

static int verify_file(const struct store *store, const struct slice *row)
{
	char name[SLICE_NAME_SIZE];
	struct slice slice = {0};
	const char *why = "";

	if (slice_read(store->directory, slice_name(row, name), &slice, NULL, &why))
		return wrong(name, why);
	if (!sums_hold(&slice))
		return wrong(name, "its sums are not those that were written");
	if (memcmp(&slice.sums, &row->sums, sizeof(slice.sums)) != 0)
		return wrong(name, "its row has other sums");
	return 0;
}

/* The plan of everything covers every slice once: up to `closed` there is no gap, except in front,
 * where the budget may have taken the last copy. */
static int verify_cover(const struct store *store, uint32_t closed)
{
	const struct catalog *catalog = &store->catalog;
	_cleanup_free_ size_t *plan = calloc(catalog->count + 1, sizeof(*plan));
	size_t count = catalog_plan(catalog, INT64_MIN, INT64_MAX, plan);
	uint32_t next = count ? catalog->rows[plan[0]].first : 1;

	for (size_t i = 0; i < count; i++) {
		if (catalog->rows[plan[i]].first != next)
			return wrong("cover", "a slice is missing or twice there");
		next = catalog->rows[plan[i]].last + 1;
	}
	return next <= closed ? wrong("cover", "a closed slice is lost") : 0;
}

/* An index that could not be read is made anew from the files: after a fault of a call that is as
 * it should be. Slices without a time are planted: they were never good. */
static bool is_right_to_set_aside(const struct store *store)
{
	for (size_t i = 0; i < store->damaged_count; i++)
		if (strncmp(store->damaged[i].name, "00000000T", 9) != 0 &&
		    (strncmp(store->damaged[i].name, "index-", 6) != 0 || !getenv("WICK_FAULT")))
			return false;
	return true;
}

/* Is there a call to fail? */
static bool is_faulty(void)
{
	const char *fault = getenv("WICK_FAULT");

	return fault && strcmp(fault, "count") != 0;
}

static int verify_budget(const struct store *store)
{
	return store_bytes(store) > store->options.max_bytes ? wrong("store", "past its budget")
							     : 0;
}

static int verify(const struct store *store, uint32_t closed)
{
	int status = 0;

	if (store->stats.damaged && !is_right_to_set_aside(store))
		return wrong("recovery", "a file was set aside");
	for (size_t i = 0; !status && i < store->catalog.count; i++)
		status = verify_file(store, &store->catalog.rows[i]);
	if (!status && !is_faulty())
		status = verify_budget(store);
	return status ? status : verify_cover(store, closed);
}

/* ---- writing ---- */

static struct store_moment moment_of(const struct store *store)
{
	struct store_moment now = {.boot_ns = 1000000000, .wall_ns = 1700006400000000000};
	size_t at = catalog_newest(&store->catalog);

	memset(now.boot, 'b', SLICE_BOOT_SIZE - 1);
	if (at != CATALOG_NONE) {
		now.boot_ns = store->catalog.rows[at].end_ns;
		now.wall_ns = store->catalog.rows[at].wall_end_ns;
	}
	return now;
}

static struct profile *profile_of(uint32_t n, const struct store_moment *now)
{
	struct profile *profile = sample_profile(); /* 10 samples, a ledger of its own */
	uint32_t at = profile->samples[0].location_first;

	sample_add(profile, (uint32_t[]){profile->sample_locations[at]}, 1, "app", (int64_t)(n % 7),
		   samples_of(n) - 10);
	profile->ledger_count = 0;
	profile_ledger_add(profile, "taken", (uint64_t)samples_of(n) + dropped_of(n));
	profile_ledger_add(profile, "written", (uint64_t)samples_of(n));
	profile_ledger_add(profile, "complete", (uint64_t)samples_of(n));
	profile_ledger_add(profile, "dropped.ring_full", dropped_of(n));
	profile->time_ns = now->wall_ns;
	profile->duration_ns = 60000000000;
	return profile;
}

static void put(struct store *store, struct store_moment *now)
{
	struct profile *profile = profile_of(store->serial + 1, now);
	uint64_t start_ns = now->boot_ns;

	now->boot_ns += 60000000000;
	now->wall_ns += 60000000000;
	store_put(store, profile, start_ns, now->boot_ns, now);
	profile_free(profile);
}

/* A fault that passes leaves nothing behind: what waits is written at the next tries. */
static void settle(struct store *store, const struct store_moment *now)
{
	for (int i = 0; i < PATIENCE && store_flush(store, now); i++)
		;
	for (int i = 0, left = PATIENCE; i < 1000 && left; i++) {
		int done = store_tend(store, now);

		if (!done)
			break;
		left -= done < 0;
	}
	store_flush(store, now);
}

static int storm(struct store *store, unsigned long count)
{
	struct store_moment now = moment_of(store);

	for (unsigned long i = 0; !count || i < count; i++) {
		put(store, &now);
		settle(store, &now);
		if (!store_is_settled(store))
			return wrong("store", "it does not recover");
		printf("closed %" PRIu32 "\n", store->serial);
	}
	return verify_budget(store); /* also what could not be deleted at first */
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

int main(int argc, char **argv)
{
	_cleanup_(store_closep) struct store *store = NULL;
	struct store_options options = STORE_DEFAULTS;
	struct store_moment begin = {.boot_ns = 1000000000, .wall_ns = 1700006400000000000};
	double before = now_ms(), open_ms;
	int status;

	if (argc < 4)
		return 1;
	if (inject_start())
		return CANNOT;
	setvbuf(stdout, NULL, _IOLBF, 0);
	memset(begin.boot, 'b', SLICE_BOOT_SIZE - 1);
	options.floor_bytes = 0;
	if (argc > 4)
		options.max_bytes = strtoull(argv[4], NULL, 10);
	options.keep_s[LEVEL_SLICE] = 6 * 3600;
	options.keep_s[LEVEL_10M] = 24 * 3600;
	if (store_open(argv[1], &options, &begin, &store))
		return 1;
	open_ms = now_ms() - before;
	store->clock.last = moment_of(store);
	status = verify(store, (uint32_t)strtoul(argv[3], NULL, 10));
	printf("start %.3f %zu\n", open_ms, store->catalog.count);
	if (!status)
		status = storm(store, strtoul(argv[2], NULL, 10));
	return status;
}
