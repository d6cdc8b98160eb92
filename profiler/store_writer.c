/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/store_writer.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

enum {
	RETRY_S = 2,		    /* between tries to write what waits */
	IDLE_S = 10,		    /* between looks at what is due */
	QUEUE_BYTES_MAX = 48 << 20, /* of profiles; a usual one has 1 to 4 MB */
};

/* A slice on its way to the store. */
struct handed {
	struct handed *next;
	struct profile *profile;
	uint64_t start_ns, end_ns;
	size_t bytes;
};

struct store_writer {
	struct store *store; /* the thread's */
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake;
	struct handed *first, **last;
	size_t bytes;
	struct profile *lost; /* only its ledger */
	bool is_ending;
};

static struct timespec in_seconds(int seconds)
{
	struct timespec then;

	clock_gettime(CLOCK_MONOTONIC, &then);
	then.tv_sec += seconds;
	return then;
}

/* The next one, or NULL after some seconds without any; *ret_is_ending: there will be no more. */
static struct handed *wait_for_one(struct store_writer *writer, int seconds, bool *ret_is_ending)
{
	struct timespec until = in_seconds(seconds);
	struct handed *handed;
	int err = 0;

	pthread_mutex_lock(&writer->lock);
	while (!err && !writer->first && !writer->is_ending)
		err = pthread_cond_timedwait(&writer->wake, &writer->lock, &until);
	handed = writer->first;
	if (handed) {
		writer->first = handed->next;
		if (!writer->first)
			writer->last = &writer->first;
		writer->bytes -= handed->bytes;
		if (writer->lost->ledger_count && !store_move_ledger(handed->profile, writer->lost))
			writer->lost->ledger_count = 0;
	}
	*ret_is_ending = writer->is_ending && !handed;
	pthread_mutex_unlock(&writer->lock);
	return handed;
}

static bool is_idle(struct store_writer *writer)
{
	bool idle;

	pthread_mutex_lock(&writer->lock);
	idle = !writer->first && !writer->is_ending;
	pthread_mutex_unlock(&writer->lock);
	return idle;
}

static void handed_free(struct handed *handed)
{
	profile_free(handed->profile);
	free(handed);
}

static void put(struct store_writer *writer, struct handed *handed, const struct store_moment *now)
{
	int err = store_put(writer->store, handed->profile, handed->start_ns, handed->end_ns, now);

	if (err) {
		log_warn("a slice is lost: %s", strerror(-err));
		pthread_mutex_lock(&writer->lock);
		store_move_ledger(writer->lost, handed->profile);
		pthread_mutex_unlock(&writer->lock);
	}
	handed_free(handed);
}

static void *work(void *context)
{
	struct store_writer *writer = context;
	bool is_ending = false;

	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 19); /* of this thread, on Linux */
	while (!is_ending) {
		int seconds = store_is_settled(writer->store) ? IDLE_S : RETRY_S;
		struct handed *handed = wait_for_one(writer, seconds, &is_ending);
		struct store_moment now = store_now();

		if (handed)
			put(writer, handed, &now);
		else
			store_flush(writer->store, &now);
		while (!store_waiting(writer->store) && is_idle(writer) &&
		       store_tend(writer->store, &now) > 0)
			now = store_now();
	}
	return NULL;
}

/* ---- for the sampling thread ---- */

static int start_thread(struct store_writer *writer)
{
	pthread_condattr_t clock;
	int err;

	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&writer->wake, &clock);
	pthread_condattr_destroy(&clock);
	pthread_mutex_init(&writer->lock, NULL);
	writer->last = &writer->first;
	err = pthread_create(&writer->thread, NULL, work, writer);
	return -err;
}

static void writer_free(struct store_writer *writer)
{
	store_close(writer->store);
	profile_free(writer->lost);
	free(writer);
}

int store_writer_start(const char *path, const struct store_options *options,
		       struct store_writer **ret_writer)
{
	struct store_writer *writer = calloc(1, sizeof(*writer));
	struct store_moment now = store_now();
	int err = writer ? profile_new(&writer->lost) : -ENOMEM;

	if (!err)
		err = store_open(path, options, &now, &writer->store);
	if (!err)
		err = start_thread(writer);
	if (!err)
		*ret_writer = writer;
	else if (writer)
		writer_free(writer);
	return err;
}

static void lose(struct store_writer *writer, struct profile *profile)
{
	static struct log_limit limit;

	if (log_limited(&limit, 1))
		log_warn("the store does not keep up: slices are lost, and counted");
	store_move_ledger(writer->lost, profile);
	profile_free(profile);
}

void store_writer_give(struct store_writer *writer, struct profile *profile, uint64_t start_ns,
		       uint64_t end_ns)
{
	struct handed *handed = malloc(sizeof(*handed));
	size_t bytes = profile_bytes(profile);

	pthread_mutex_lock(&writer->lock);
	if (!handed || (writer->first && writer->bytes + bytes > QUEUE_BYTES_MAX)) {
		lose(writer, profile);
		free(handed);
	} else {
		*handed = (struct handed){NULL, profile, start_ns, end_ns, bytes};
		*writer->last = handed;
		writer->last = &handed->next;
		writer->bytes += bytes;
		pthread_cond_signal(&writer->wake);
	}
	pthread_mutex_unlock(&writer->lock);
}

void store_writer_stop(struct store_writer *writer)
{
	if (!writer)
		return;
	pthread_mutex_lock(&writer->lock);
	writer->is_ending = true;
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->thread, NULL);
	if (store_waiting(writer->store))
		log_warn("%zu slices could not be written and are lost",
			 store_waiting(writer->store));
	pthread_cond_destroy(&writer->wake);
	pthread_mutex_destroy(&writer->lock);
	writer_free(writer);
}
