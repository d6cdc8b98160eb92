/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "profiler/store_merge.h"
#include "profiler/store_state.h"
#include "profiler/store_timeline.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum {
	PARTS_MAX = 4096, /* of one roll-up: an hour of one-second slices */
	READ_TRIES = 3,
};

static bool sums_equal(const struct slice_sums *a, const struct slice_sums *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static void add_sums(struct slice_sums *sum, const struct slice_sums *part)
{
	sum->samples += part->samples;
	sum->cpu_ns += part->cpu_ns;
	sum->taken += part->taken;
	sum->written += part->written;
	sum->dropped += part->dropped;
	sum->complete += part->complete;
}

static void subtract_sums(struct slice_sums *sum, const struct slice_sums *part)
{
	sum->samples -= part->samples;
	sum->cpu_ns -= part->cpu_ns;
	sum->written -= part->written;
	sum->complete -= part->complete;
	sum->dropped += part->written; /* taken stays: all that it took is dropped now */
}

/* A part that cannot be had. */
struct loss {
	size_t part;
	char why[96];
};

/* A roll-up in the making. */
struct rolling {
	struct store *store;
	const struct slice *parts;
	size_t count;
	struct loss *losses; /* room for all parts */
	size_t lost, unread; /* of the lost ones: those that the disk did not give */
	bool is_last_try;
	struct profile *sum;
	struct timeline timeline; /* of the sum */
};

static void rolling_release(struct rolling *rolling)
{
	free(rolling->losses);
	profile_free(rolling->sum);
	timeline_release(&rolling->timeline);
}

/* ---- parts ---- */

static int read_part(const struct store *store, const struct slice *part,
		     struct profile **ret_profile, struct timeline *ret_timeline,
		     const char **ret_why)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	char name[SLICE_NAME_SIZE];
	struct slice read;
	int err = slice_read(store->directory, slice_name(part, name), &read, &profile, ret_why);

	if (!err && !sums_equal(&read.sums, &part->sums)) {
		*ret_why = "its sums are not those of its row";
		err = -EBADMSG;
	}
	if (!err)
		err = store_drop_ids(profile);
	if (!err)
		err = timeline_of(profile, &read, ret_timeline);
	if (err)
		return err;
	store_drop_own_words(profile);
	*ret_profile = TAKE_PTR(profile);
	return 0;
}

/* Is it the disk under this file, which may be read another time? */
static bool is_disk_error(int err)
{
	return err == -EIO || err == -EUCLEAN || err == -ENXIO || err == -ENODATA;
}

/* What the part took is known from its row: all of it counts as dropped now. */
static int lose_part(struct rolling *rolling, size_t i, const char *why)
{
	const struct slice_sums *sums = &rolling->parts[i].sums;
	int err = profile_ledger_add(rolling->sum, "taken", sums->taken);

	if (!err)
		err = profile_ledger_add(rolling->sum, "dropped.store",
					 sums->dropped + sums->written);
	rolling->losses[rolling->lost].part = i;
	snprintf(rolling->losses[rolling->lost++].why, sizeof(rolling->losses->why), "%s", why);
	return err;
}

static int add_part(struct rolling *rolling, size_t i)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	_cleanup_(timeline_release) struct timeline timeline = {0};
	const struct slice above = {.level = rolling->parts->level + 1};
	const char *why = "";
	int err = read_part(rolling->store, &rolling->parts[i], &profile, &timeline, &why);

	if (!err) {
		err = profile_merge(rolling->sum, profile);
		why = "its sample types are not those of the others";
	}
	if (!err)
		return timeline_merge(&rolling->timeline, &timeline, timeline_step(&above));
	if (is_disk_error(err) ? !rolling->is_last_try
			       : !slice_is_damage(err) && err != -ENOENT && err != -EINVAL)
		return err;
	rolling->unread += is_disk_error(err);
	return lose_part(rolling, i, why);
}

/* Their rows go with them; a file that cannot be moved is not taken for part of the store either. */
static void set_lost_aside(const struct rolling *rolling)
{
	struct store *store = rolling->store;

	for (size_t i = 0; i < rolling->lost; i++) {
		const struct slice *part = &rolling->parts[rolling->losses[i].part];
		char name[SLICE_NAME_SIZE];
		size_t at = catalog_find(&store->catalog, part->level, part->first);

		store_set_aside(store, slice_name(part, name), rolling->losses[i].why);
		if (at != CATALOG_NONE)
			catalog_remove(&store->catalog, at);
		if (store->index) {
			int err = index_remove(store->index, part->level, part->first);

			if (err)
				store_drop_index(store, err);
		}
	}
}

/* ---- the sum ---- */

/* What the roll-up says of itself. */
static struct slice describe(const struct slice *parts, size_t count)
{
	struct slice slice = parts[0];

	slice.level++;
	slice.last = parts[count - 1].last;
	slice.end_ns = parts[count - 1].end_ns;
	slice.age_ns = parts[count - 1].age_ns;
	for (size_t i = 1; i < count; i++) {
		slice.parts += parts[i].parts;
		add_sums(&slice.sums, &parts[i].sums);
		if (parts[i].wall_ns < slice.wall_ns)
			slice.wall_ns = parts[i].wall_ns;
		if (parts[i].wall_end_ns > slice.wall_end_ns)
			slice.wall_end_ns = parts[i].wall_end_ns;
	}
	return slice;
}

static void leave_out_lost(const struct rolling *rolling, struct slice *slice)
{
	for (size_t i = 0; i < rolling->lost; i++) {
		const struct slice *part = &rolling->parts[rolling->losses[i].part];

		slice->parts -= part->parts;
		subtract_sums(&slice->sums, &part->sums);
	}
}

static int write_sum(struct rolling *rolling, struct slice *slice)
{
	_cleanup_(buf_release) struct buf bytes = {0};
	struct store *store = rolling->store;
	struct slice_sums want = slice->sums;
	int err = timeline_settle(&rolling->timeline, rolling->sum, slice);

	if (!err)
		err = timeline_write(&rolling->timeline, rolling->sum);
	if (!err)
		err = slice_encode(rolling->sum, slice, &bytes);
	if (!err && !sums_equal(&slice->sums, &want)) {
		log_error("a roll-up does not have the sums of its parts, and is not written: "
			  "a bug in wick, please report it");
		return -ERANGE;
	}
	profile_free(TAKE_PTR(rolling->sum)); /* to read it back takes as much again */
	if (!err)
		err = store_make_room(store, bytes.used);
	return err ? err : store_write(store, slice, &bytes);
}

/* Nothing is left to be rolled up: the next slice's ledger tells of it. Where no part can be read it
 * is the disk that fails, not they. */
static int lose_all(const struct rolling *rolling)
{
	int err = rolling->unread == rolling->count
			  ? -EIO
			  : store_move_ledger(rolling->store->lost, rolling->sum);

	if (!err)
		set_lost_aside(rolling);
	return err;
}

static int roll_up(struct rolling *rolling)
{
	struct slice slice = describe(rolling->parts, rolling->count);
	int err = profile_new(&rolling->sum);

	rolling->losses = calloc(rolling->count, sizeof(*rolling->losses));
	if (!rolling->losses)
		return -ENOMEM;
	for (size_t i = 0; !err && i < rolling->count; i++)
		err = add_part(rolling, i);
	if (err)
		return err;
	if (rolling->lost == rolling->count)
		return lose_all(rolling);
	leave_out_lost(rolling, &slice);
	err = write_sum(rolling, &slice);
	if (err)
		return err;
	rolling->store->stats.rolled++;
	set_lost_aside(rolling);
	return 0;
}

/* What the disk does not give today it may give another day; but not for good, and not for the sake
 * of one part that can never be read. */
static int try_roll_up(struct store *store, const struct slice *parts, size_t count)
{
	struct store_stuck *stuck = &store->stuck;
	_cleanup_(rolling_release) struct rolling rolling = {
		.store = store, .parts = parts, .count = count};
	int err;

	if (stuck->level != parts->level || stuck->first != parts->first)
		*stuck = (struct store_stuck){parts->level, parts->first, 0};
	rolling.is_last_try = stuck->tries + 1 >= READ_TRIES;
	err = roll_up(&rolling);
	if (is_disk_error(err))
		stuck->tries++;
	return err;
}

static struct slice *copy_rows(const struct catalog *catalog, const size_t *positions, size_t count)
{
	struct slice *rows = calloc(count, sizeof(*rows));

	for (size_t i = 0; rows && i < count; i++)
		rows[i] = catalog->rows[positions[i]];
	return rows;
}

int store_roll_up(struct store *store)
{
	size_t positions[PARTS_MAX];

	for (uint32_t level = 0; level < STORE_LEVELS - 1; level++) {
		size_t count = catalog_due(&store->catalog, level, positions, PARTS_MAX);
		_cleanup_free_ struct slice *parts =
			count ? copy_rows(&store->catalog, positions, count) : NULL;
		int err;

		if (!count)
			continue;
		err = parts ? try_roll_up(store, parts, count) : -ENOMEM;
		malloc_trim(0); /* a day's worth of stacks is not needed again for a while */
		return err ? err : 1;
	}
	return 0;
}
