/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/store.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/quote.h"
#include "formats/codec.h"
#include "profiler/store_state.h"
#include "profiler/store_timeline.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

static void read_boot(char ret[SLICE_BOOT_SIZE])
{
	_cleanup_fclose_ FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	size_t n = 0;
	int c;

	while (file && n < SLICE_BOOT_SIZE - 1 && (c = fgetc(file)) != EOF)
		if (strchr("0123456789abcdef", c))
			ret[n++] = (char)c;
	while (n < SLICE_BOOT_SIZE - 1)
		ret[n++] = '0';
	ret[n] = '\0';
}

struct store_moment store_now(void)
{
	struct store_moment moment;

	read_boot(moment.boot);
	moment.boot_ns = clock_boot_ns();
	moment.wall_ns = clock_wall_ns();
	return moment;
}

/* ---- life ---- */

static int say(const char *what, const char *path, int err)
{
	char shown[STORE_PATH_SHOWN];

	log_error("cannot %s '%s': %s", what, quote(shown, sizeof(shown), path), strerror(-err));
	return err;
}

static int lock(struct store *store)
{
	char shown[STORE_PATH_SHOWN];

	if (mkdir(store->path, 0700) && errno != EEXIST)
		return say("make the store", store->path, -errno);
	store->directory = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->directory < 0)
		return say("open the store", store->path, -errno);
	if (!flock(store->directory, LOCK_EX | LOCK_NB))
		return 0;
	if (errno != EWOULDBLOCK)
		return say("lock the store", store->path, -errno);
	log_error("the store '%s' is in use: another wick writes to it",
		  quote(shown, sizeof(shown), store->path));
	log_hint("end that one, or choose another directory with --store");
	return -EBUSY;
}

static const struct slice *newest(const struct store *store)
{
	size_t at = catalog_newest(&store->catalog);

	return at == CATALOG_NONE ? NULL : &store->catalog.rows[at];
}

int store_open(const char *path, const struct store_options *options,
	       const struct store_moment *now, struct store **ret_store)
{
	_cleanup_(store_closep) struct store *store = calloc(1, sizeof(*store));
	int err;

	if (!store)
		return -ENOMEM;
	store->options = *options;
	store->directory = -1;
	store->path = strdup(path);
	if (!store->path || profile_new(&store->lost))
		return -ENOMEM;
	err = lock(store);
	if (err)
		return err;
	err = store_recover(store);
	if (err)
		return say("read the store", path, err);
	store_clock_start(&store->clock, newest(store), now);
	store->serial = newest(store) ? newest(store)->last : 0;
	*ret_store = TAKE_PTR(store);
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	for (size_t i = 0; i < store->pending_count; i++)
		buf_release(&store->pending[i].bytes);
	free(store->pending);
	free(store->damaged);
	catalog_release(&store->catalog);
	index_close(store->index);
	profile_free(store->lost);
	free(store->path);
	if (store->directory >= 0)
		close(store->directory);
	free(store);
}

/* ---- loss ---- */

static bool is_kept_when_lost(const char *name)
{
	return strcmp(name, "written") && strcmp(name, "complete") && strncmp(name, "cut.", 4);
}

int store_move_ledger(struct profile *to, const struct profile *from)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < from->ledger_count; i++) {
		const char *name = profile_string(from, from->ledger[i].name);

		if (is_kept_when_lost(name))
			err = profile_ledger_add(to, name, from->ledger[i].count);
		else if (!strcmp(name, "written"))
			err = profile_ledger_add(to, "dropped.store", from->ledger[i].count);
	}
	return err;
}

static void drop_pending(struct store *store, size_t at)
{
	store->pending_bytes -= store->pending[at].bytes.used;
	buf_release(&store->pending[at].bytes);
	store->pending_count--;
	memmove(&store->pending[at], &store->pending[at + 1],
		(store->pending_count - at) * sizeof(*store->pending));
}

static void lose_oldest(struct store *store)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	const struct store_pending *oldest = &store->pending[0];
	const char *why;

	store->stats.lost++;
	store->stats.lost_samples += oldest->slice.sums.written;
	if (log_limited(&store->warned, 1))
		log_warn("the store cannot be written: %" PRIu64 " samples of %" PRIu64
			 " slices are lost so far, and counted",
			 store->stats.lost_samples, store->stats.lost);
	if (profile_decode(oldest->bytes.bytes, oldest->bytes.used, &profile, &why) ||
	    store_move_ledger(store->lost, profile))
		log_warn("the ledger lacks %" PRIu64 " lost samples: no memory",
			 oldest->slice.sums.taken);
	drop_pending(store, 0);
}

static int take_over_lost(struct store *store, struct profile *profile)
{
	struct profile *empty;
	int err;

	if (!store->lost->ledger_count)
		return 0;
	err = profile_new(&empty);
	if (err)
		return err;
	err = store_move_ledger(profile, store->lost);
	profile_free(store->lost);
	store->lost = empty;
	return err;
}

/* ---- slices ---- */

/* Of the first slice of this boot, so that a step of the wall clock moves no roll-up. */
static int64_t align_of(struct store *store, const struct store_moment *now)
{
	const struct slice *last = newest(store);

	if (!strcmp(store->align_boot, now->boot))
		return store->align_ns;
	store->align_ns = last && !strcmp(last->boot, now->boot)
				  ? last->align_ns
				  : now->wall_ns - (int64_t)now->boot_ns;
	memcpy(store->align_boot, now->boot, sizeof(store->align_boot));
	return store->align_ns;
}

static int enqueue(struct store *store, struct profile *profile, struct slice *slice)
{
	struct store_pending pending = {0};
	int err = array_reserve(&store->pending, &store->pending_size, store->pending_count + 1);

	if (!err)
		err = slice_encode(profile, slice, &pending.bytes);
	if (err) {
		buf_release(&pending.bytes);
		return err;
	}
	pending.slice = *slice;
	store->pending[store->pending_count++] = pending;
	store->pending_bytes += pending.bytes.used;
	return 0;
}

int store_put(struct store *store, struct profile *profile, uint64_t start_ns, uint64_t end_ns,
	      const struct store_moment *now)
{
	struct slice slice = {
		.level = LEVEL_SLICE,
		.parts = 1,
		.start_ns = start_ns,
		.end_ns = end_ns,
		.wall_ns = profile->time_ns,
		.wall_end_ns = profile->time_ns + (int64_t)(end_ns - start_ns),
		.align_ns = align_of(store, now),
	};
	int err;

	store_clock_advance(&store->clock, now);
	slice.age_ns = store_clock_at(&store->clock, end_ns);
	slice.first = slice.last = ++store->serial;
	memcpy(slice.boot, now->boot, sizeof(slice.boot));
	err = take_over_lost(store, profile);
	if (!err)
		err = timeline_fit(profile, &slice);
	if (!err)
		err = enqueue(store, profile, &slice);
	if (err)
		return err;
	store_flush(store, now);
	while (store->pending_bytes > store->options.backlog_bytes && store->pending_count > 1)
		lose_oldest(store);
	return 0;
}

int store_write(struct store *store, struct slice *slice, const struct buf *bytes)
{
	int err = slice_write(store->directory, slice, bytes->bytes, bytes->used);

	if (err)
		return err;
	slice->is_indexed = false;
	err = catalog_add(&store->catalog, slice);
	if (!err)
		store_sync_index(store); /* on failure, later */
	return err;
}

static void tell(struct store *store, int err)
{
	char shown[STORE_PATH_SHOWN];

	if (err == store->hindrance)
		return;
	quote(shown, sizeof(shown), store->path);
	if (!err)
		log_info("the store '%s' is written again", shown);
	else
		log_warn("cannot write to the store '%s', sampling goes on: %s", shown,
			 strerror(-err));
	store->hindrance = err;
}

static int write_pending(struct store *store)
{
	struct store_pending *oldest = &store->pending[0];
	int err = store_make_room(store, oldest->bytes.used);

	if (!err)
		err = store_write(store, &oldest->slice, &oldest->bytes);
	if (err) {
		store->stats.failures++;
		return err;
	}
	store->stats.written++;
	drop_pending(store, 0);
	return 0;
}

int store_flush(struct store *store, const struct store_moment *now)
{
	int err = 0;

	store_clock_advance(&store->clock, now);
	while (!err && store->pending_count)
		err = write_pending(store);
	if (!err)
		err = store_sync_index(store);
	tell(store, err);
	return err;
}

int store_tend(struct store *store, const struct store_moment *now)
{
	int rolled, expired;

	store_clock_advance(&store->clock, now);
	rolled = store_roll_up(store);
	if (rolled > 0)
		return rolled;
	/* A part that cannot be read today keeps nothing else from its end. */
	expired = store_expire(store);
	return expired ? expired : rolled;
}

const struct store_stats *store_stats(const struct store *store)
{
	return &store->stats;
}

const struct catalog *store_catalog(const struct store *store)
{
	return &store->catalog;
}

bool store_is_settled(const struct store *store)
{
	return !store->pending_count && store->index;
}

size_t store_waiting(const struct store *store)
{
	return store->pending_count;
}
