/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "profiler/store_merge.h"
#include "profiler/store_state.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS_MAX = 4096 }; /* of one roll-up: an hour of one-second slices */

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

/* The damaged file's row goes with it; what it held is lost, and named. */
static void lose_part(struct store *store, const struct slice *part, const char *why)
{
	char name[SLICE_NAME_SIZE];
	size_t at = catalog_find(&store->catalog, part->level, part->first);

	store_set_aside(store, slice_name(part, name), why);
	if (at == CATALOG_NONE)
		return;
	catalog_remove(&store->catalog, at);
	if (store->index) {
		int err = index_remove(store->index, part->level, part->first);

		if (err)
			store_drop_index(store, err);
	}
}

/* Adds one part. -EBADMSG: it is damaged, and set aside now. */
static int add_part(struct store *store, const struct slice *part, struct profile *sum)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	char name[SLICE_NAME_SIZE];
	struct slice read;
	const char *why = "";
	int err = slice_read(store->directory, slice_name(part, name), &read, &profile, &why);

	if (!err && !sums_equal(&read.sums, &part->sums)) {
		why = "its sums are not those of its row";
		err = -EBADMSG;
	}
	if (slice_is_damage(err) || err == -ENOENT) {
		lose_part(store, part, why);
		return -EBADMSG;
	}
	if (!err)
		err = store_drop_ids(profile);
	if (!err)
		store_drop_own_words(profile);
	if (!err)
		err = profile_merge(sum, profile);
	if (err == -EINVAL) {
		lose_part(store, part, "its sample types are not those of the others");
		err = -EBADMSG;
	}
	return err;
}

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

static int write_sum(struct store *store, struct slice *slice, struct profile *sum)
{
	_cleanup_(buf_release) struct buf bytes = {0};
	struct slice_sums want = slice->sums;
	int err = slice_encode(sum, slice, &bytes);

	if (!err && !sums_equal(&slice->sums, &want)) {
		log_error("a roll-up does not have the sums of its parts, and is not written: "
			  "a bug in wick, please report it");
		return -ERANGE;
	}
	if (!err)
		err = store_make_room(store, bytes.used);
	return err ? err : store_write(store, slice, &bytes);
}

static int roll_up(struct store *store, const struct slice *parts, size_t count)
{
	_cleanup_(profile_freep) struct profile *sum = NULL;
	struct slice slice = describe(parts, count);
	int err = profile_new(&sum);

	for (size_t i = 0; !err && i < count; i++)
		err = add_part(store, &parts[i], sum);
	if (!err)
		err = write_sum(store, &slice, sum);
	if (!err)
		store->stats.rolled++;
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
		err = parts ? roll_up(store, parts, count) : -ENOMEM;
		malloc_trim(0); /* a day's worth of stacks is not needed again for a while */
		/* Without the damaged part it is tried again. */
		return err && err != -EBADMSG ? err : 1;
	}
	return 0;
}
