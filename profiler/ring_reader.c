/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/ring_reader.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "profiler/urgent.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum { KEPT = 1 << 18 }; /* bytes; a larger buffer goes when it is empty */

static const uint64_t LATE_NS = RING_READER_LATE_MS * 1000000ull;

struct ring_reader {
	struct sampler *sampler;
	struct unwind_tables *tables;
	struct buf taken; /* of the caller's thread */

	pthread_mutex_t lock; /* of all below, and of the samples' rings */
	struct buf records;   /* struct wick_sample with its whole pcs, one behind the other */
	uint64_t lost[2];
	uint64_t looked_ns;
	struct ring_waits waits;
	pthread_cond_t wake; /* to quit */
	bool quit;
	pthread_t thread;
	bool has_thread;
};

static uint64_t now_ns(void)
{
	return (uint64_t)clock_ns(CLOCK_MONOTONIC);
}

static size_t size_of(const struct wick_sample *sample)
{
	return sizeof(*sample) + sampler_whole_pcs(sample) * sizeof(uint64_t);
}

static void keep(void *context, const struct wick_sample *sample)
{
	struct ring_reader *reader = context;
	size_t used = reader->records.used;

	if (reader->tables)
		unwind_tables_sample(reader->tables, sample);
	buf_add(&reader->records, sample, size_of(sample));
	if (!reader->records.failed)
		return;
	reader->records.used = used;
	reader->records.failed = false;
	reader->lost[sample->epoch & 1]++;
}

static void note_longest(uint64_t *longest_ns, uint64_t since_ns, uint64_t now)
{
	if (now - since_ns > *longest_ns)
		*longest_ns = now - since_ns;
}

static void look(struct ring_reader *reader)
{
	uint64_t began = now_ns();

	note_longest(&reader->waits.longest_ns, reader->looked_ns, began);
	sampler_drain(reader->sampler, keep, reader);
	reader->looked_ns = now_ns();
	note_longest(&reader->waits.look_ns, began, reader->looked_ns);
}

/* --- the caller's thread --- */

static void release_large(struct buf *records)
{
	if (records->size > KEPT)
		buf_release(records);
	buf_clear(records);
}

void ring_reader_take(struct ring_reader *reader, sampler_record take, void *context,
		      uint64_t ret_lost[2])
{
	struct buf *taken = &reader->taken, swap = *taken;

	pthread_mutex_lock(&reader->lock);
	look(reader);
	*taken = reader->records;
	reader->records = swap;
	for (unsigned int i = 0; i < 2; i++) {
		ret_lost[i] = reader->lost[i];
		reader->lost[i] = 0;
	}
	pthread_mutex_unlock(&reader->lock);
	for (size_t at = 0; at < taken->used;) {
		const struct wick_sample *sample = (const void *)(taken->bytes + at);

		take(context, sample);
		at += size_of(sample);
	}
	release_large(taken);
}

struct ring_waits ring_reader_waits(struct ring_reader *reader)
{
	struct ring_waits waits;

	pthread_mutex_lock(&reader->lock);
	waits = reader->waits;
	pthread_mutex_unlock(&reader->lock);
	return waits;
}

size_t ring_reader_bytes(struct ring_reader *reader)
{
	size_t bytes;

	pthread_mutex_lock(&reader->lock);
	bytes = reader->records.size;
	pthread_mutex_unlock(&reader->lock);
	return bytes + reader->taken.size;
}

/* --- the thread of its own --- */

/* Until then, or to quit. */
static void wait_until(struct ring_reader *reader, uint64_t until_ns)
{
	const struct timespec until = {(time_t)(until_ns / 1000000000),
				       (long)(until_ns % 1000000000)};

	pthread_cond_timedwait(&reader->wake, &reader->lock, &until);
}

static void *thread_main(void *context)
{
	struct ring_reader *reader = context;

	pthread_setname_np(pthread_self(), "wick-rings");
	urgent_thread(URGENT_RINGS);
	pthread_mutex_lock(&reader->lock);
	while (!reader->quit) {
		uint64_t due = reader->looked_ns + LATE_NS;

		if (now_ns() < due) {
			wait_until(reader, due);
			continue;
		}
		if (reader->records.used < RING_READER_BYTES) {
			look(reader);
			reader->waits.looks++;
		} else {
			wait_until(reader, now_ns() + LATE_NS);
		}
		pthread_mutex_unlock(&reader->lock);
		if (reader->tables)
			unwind_tables_look(reader->tables);
		pthread_mutex_lock(&reader->lock);
	}
	pthread_mutex_unlock(&reader->lock);
	return NULL;
}

/* --- life --- */

static void init_wake(pthread_cond_t *wake)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(wake, &attributes);
	pthread_condattr_destroy(&attributes);
}

int ring_reader_new(struct sampler *sampler, struct unwind_tables *tables,
		    struct ring_reader **ret_reader)
{
	struct ring_reader *reader = calloc(1, sizeof(*reader));
	int err;

	if (!reader)
		return -ENOMEM;
	reader->sampler = sampler;
	reader->tables = tables;
	reader->looked_ns = now_ns();
	urgent_lock_init(&reader->lock);
	init_wake(&reader->wake);
	err = -pthread_create(&reader->thread, NULL, thread_main, reader);
	reader->has_thread = !err;
	if (err) {
		ring_reader_free(reader);
		return err;
	}
	*ret_reader = reader;
	return 0;
}

static void stop(struct ring_reader *reader)
{
	pthread_mutex_lock(&reader->lock);
	reader->quit = true;
	pthread_cond_signal(&reader->wake);
	pthread_mutex_unlock(&reader->lock);
	pthread_join(reader->thread, NULL);
}

void ring_reader_free(struct ring_reader *reader)
{
	if (!reader)
		return;
	if (reader->has_thread)
		stop(reader);
	buf_release(&reader->records);
	buf_release(&reader->taken);
	pthread_mutex_destroy(&reader->lock);
	pthread_cond_destroy(&reader->wake);
	free(reader);
}
