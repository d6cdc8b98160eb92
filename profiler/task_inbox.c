/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/task_inbox.h"

#include "base/array.h"
#include "base/buf.h"
#include "base/hashmap.h"
#include "profiler/urgent.h"

#include <stdlib.h>
#include <string.h>

enum {
	WAITING_MAX = 1 << 16, /* events that wait for a reader */
	PATHS_MAX = 8 << 20,   /* bytes of their paths */
	SCRATCH_MAX = 1 << 13, /* events; a larger scratch is not kept */
	ROUNDS_MAX = 8,	       /* over the rings, until one finds nothing */
	LIVES = 1 << 12,       /* places for processes that are followed through a batch */
	NONE = UINT32_MAX,
};

struct kept_event {
	struct task_event event;
	uint32_t path;	 /* in paths, where it has one */
	uint32_t before; /* of the same process; NONE: its first, or not followed */
	bool is_brief;
};

enum { FIRST, SECOND, READERS };

struct task_batch {
	unsigned int readers; /* that have not read it yet; shared by their threads */
	bool is_loss;	      /* one TASK_LOST, for one reader */
	uint32_t count;
	size_t path_bytes;
	struct task_batch *after[READERS];
	char *paths;
	struct kept_event events[];
};

/* The batches that a reader has before it. */
struct line {
	struct task_batch *head, *tail;
	uint32_t waiting; /* events in them */
	size_t waiting_paths;
};

/* A process that began in the batch. */
struct life {
	uint32_t batch; /* by number; another: not followed */
	pid_t pid;
	uint32_t last; /* of its events */
};

struct task_inbox {
	struct task_events *events;
	struct task_event given;

	pthread_mutex_t lock; /* of all below, and of the rings */
	struct line lines[READERS];
	uint32_t at; /* of the first reader in its head */
	uint64_t brief;

	/* The batch being made. */
	struct kept_event *scratch;
	uint32_t count, size;
	struct buf paths;
	uint64_t lost; /* for want of memory */
	uint32_t number;
	struct life lives[LIVES];
};

/* --- batches --- */

static void put_batch(struct task_batch *batch)
{
	if (!__atomic_sub_fetch(&batch->readers, 1, __ATOMIC_ACQ_REL))
		free(batch);
}

static void link_batch(struct task_inbox *inbox, int reader, struct task_batch *batch)
{
	struct line *line = &inbox->lines[reader];

	if (line->tail)
		line->tail->after[reader] = batch;
	else
		line->head = batch;
	line->tail = batch;
	line->waiting += batch->count;
	line->waiting_paths += batch->path_bytes;
	batch->readers++;
}

/* The head has been read. */
static void unlink_batch(struct task_inbox *inbox, int reader)
{
	struct line *line = &inbox->lines[reader];
	struct task_batch *batch = line->head;

	line->head = batch->after[reader];
	if (!line->head)
		line->tail = NULL;
	line->waiting -= batch->count;
	line->waiting_paths -= batch->path_bytes;
	put_batch(batch);
}

/* The scratch as a batch of its own, no larger than it must be. */
static struct task_batch *cut_batch(const struct task_inbox *inbox)
{
	size_t events = inbox->count * sizeof(struct kept_event);
	struct task_batch *batch = malloc(sizeof(*batch) + events + inbox->paths.used);

	if (!batch)
		return NULL;
	*batch = (struct task_batch){.count = inbox->count, .path_bytes = inbox->paths.used};
	batch->paths = (char *)batch->events + events;
	memcpy(batch->events, inbox->scratch, events);
	if (inbox->paths.used)
		memcpy(batch->paths, inbox->paths.bytes, inbox->paths.used);
	return batch;
}

/* Tells the reader that it will not see count events; what it has not read of that yet grows. */
static void lose(struct task_inbox *inbox, int reader, uint64_t count, uint64_t time_ns)
{
	struct line *line = &inbox->lines[reader];
	struct task_batch *batch = line->tail;

	if (!batch || !batch->is_loss || (reader == FIRST && batch == line->head && inbox->at)) {
		batch = calloc(1, sizeof(*batch) + sizeof(batch->events[0]));
		if (!batch) {
			inbox->lost += count;
			return;
		}
		batch->is_loss = true;
		batch->count = 1;
		batch->events[0].event.kind = TASK_LOST;
		link_batch(inbox, reader, batch);
	}
	batch->events[0].event.lost += count;
	batch->events[0].event.time_ns = time_ns;
}

static bool has_room(const struct line *line, const struct task_batch *batch)
{
	return line->waiting + batch->count <= WAITING_MAX &&
	       line->waiting_paths + batch->path_bytes <= PATHS_MAX;
}

static bool has_path(const struct task_event *event)
{
	return event->kind == TASK_MAP || event->kind == TASK_CODE;
}

static const struct task_event *event_at(const struct task_batch *batch, uint32_t at,
					 struct task_event *event)
{
	*event = batch->events[at].event;
	event->path = has_path(event) ? batch->paths + batch->events[at].path : NULL;
	return event;
}

/* --- filling --- */

static void keep(void *context, const struct task_event *event)
{
	struct task_inbox *inbox = context;
	struct kept_event kept = {*event, (uint32_t)inbox->paths.used, NONE, false};

	if (has_path(event))
		buf_add(&inbox->paths, event->path, strlen(event->path) + 1);
	if (inbox->paths.failed ||
	    array_reserve(&inbox->scratch, &inbox->size, (size_t)inbox->count + 1)) {
		inbox->paths.failed = false;
		inbox->lost++;
		return;
	}
	inbox->scratch[inbox->count++] = kept;
}

void task_inbox_put(struct task_inbox *inbox, const struct task_event *event)
{
	keep(inbox, event);
}

static int by_time(const void *a, const void *b)
{
	const struct kept_event *x = a, *y = b;

	return x->event.time_ns < y->event.time_ns ? -1 : x->event.time_ns > y->event.time_ns;
}

/* Each ring is in order by itself, so mostly all is. */
static void sort(struct task_inbox *inbox)
{
	for (uint32_t i = 1; i < inbox->count; i++)
		if (by_time(&inbox->scratch[i - 1], &inbox->scratch[i]) > 0) {
			qsort(inbox->scratch, inbox->count, sizeof(*inbox->scratch), by_time);
			return;
		}
}

/* --- brief lives --- */

static struct life *slot_of(struct task_inbox *inbox, pid_t pid)
{
	return &inbox->lives[hash_mix((uint64_t)pid, 0) % LIVES];
}

/* NULL: it began before, has children or threads, or another has taken its place. */
static struct life *life_of(struct task_inbox *inbox, pid_t pid)
{
	struct life *life = slot_of(inbox, pid);

	return life->batch == inbox->number && life->pid == pid ? life : NULL;
}

static void unfollow(struct life *life)
{
	if (life)
		life->batch = 0;
}

static void end_life(struct task_inbox *inbox, struct life *life)
{
	for (uint32_t at = life->last; at != NONE; at = inbox->scratch[at].before, inbox->brief++)
		inbox->scratch[at].is_brief = true;
	unfollow(life);
}

static void follow(struct task_inbox *inbox, uint32_t at)
{
	struct kept_event *kept = &inbox->scratch[at];
	const struct task_event *event = &kept->event;
	struct life *life = life_of(inbox, event->pid);

	if (event->kind == TASK_FORK) {
		unfollow(life_of(inbox, event->parent));
		*slot_of(inbox, event->pid) = (struct life){inbox->number, event->pid, at};
	} else if (event->kind == TASK_THREAD) {
		unfollow(life);
	} else if (life) {
		kept->before = life->last;
		life->last = at;
		if (event->kind == TASK_EXIT && event->tid == event->pid)
			end_life(inbox, life);
	}
}

/* Nobody is followed from before this. Zero is no number. */
static void follow_anew(struct task_inbox *inbox)
{
	inbox->number += inbox->number == UINT32_MAX ? 2 : 1;
}

/* Around a loss, who a pid is cannot be told. */
static void mark_brief(struct task_inbox *inbox)
{
	follow_anew(inbox);
	for (uint32_t i = 0; i < inbox->count; i++)
		if (inbox->scratch[i].event.kind == TASK_LOST)
			follow_anew(inbox);
		else
			follow(inbox, i);
}

/* --- the rings --- */

static void clear_scratch(struct task_inbox *inbox)
{
	inbox->count = 0;
	buf_clear(&inbox->paths);
	if (inbox->size <= SCRATCH_MAX)
		return;
	free(inbox->scratch);
	inbox->scratch = NULL;
	inbox->size = 0;
	buf_release(&inbox->paths);
}

static void cut(struct task_inbox *inbox)
{
	struct task_batch *batch = cut_batch(inbox);
	uint64_t time_ns = inbox->scratch[inbox->count - 1].event.time_ns;
	uint64_t lost = inbox->lost;

	inbox->lost = 0;
	for (int reader = FIRST; reader < READERS; reader++) {
		bool is_kept = batch && has_room(&inbox->lines[reader], batch);

		if (is_kept)
			link_batch(inbox, reader, batch);
		if (!is_kept || lost)
			lose(inbox, reader, lost + (is_kept ? 0 : inbox->count), time_ns);
	}
	if (batch && !batch->readers)
		free(batch);
}

/* A process that moves to another CPU goes on in that CPU's ring. Whoever sees its later record
 * can see the earlier one, but only by looking again: hence rounds until one finds nothing. */
static void fill(struct task_inbox *inbox)
{
	unsigned int rounds = 0;
	uint32_t before;

	do {
		before = inbox->count;
		if (inbox->events)
			task_events_drain(inbox->events, keep, inbox);
	} while (inbox->count > before && ++rounds < ROUNDS_MAX);
	sort(inbox);
	if (!inbox->count)
		return;
	mark_brief(inbox);
	cut(inbox);
	clear_scratch(inbox);
}

void task_inbox_fill(struct task_inbox *inbox)
{
	pthread_mutex_lock(&inbox->lock);
	fill(inbox);
	pthread_mutex_unlock(&inbox->lock);
}

/* --- reading --- */

static const struct task_event *next(struct task_inbox *inbox)
{
	struct task_batch *batch;

	while ((batch = inbox->lines[FIRST].head)) {
		while (inbox->at < batch->count) {
			uint32_t at = inbox->at++;

			if (!batch->events[at].is_brief)
				return event_at(batch, at, &inbox->given);
		}
		inbox->at = 0;
		unlink_batch(inbox, FIRST);
	}
	return NULL;
}

const struct task_event *task_inbox_next(struct task_inbox *inbox)
{
	const struct task_event *event;

	pthread_mutex_lock(&inbox->lock);
	event = next(inbox);
	pthread_mutex_unlock(&inbox->lock);
	return event;
}

bool task_inbox_has_next(struct task_inbox *inbox)
{
	bool has_next;

	pthread_mutex_lock(&inbox->lock);
	has_next = inbox->lines[FIRST].head;
	pthread_mutex_unlock(&inbox->lock);
	return has_next;
}

uint64_t task_inbox_brief(struct task_inbox *inbox)
{
	uint64_t brief;

	pthread_mutex_lock(&inbox->lock);
	brief = inbox->brief;
	pthread_mutex_unlock(&inbox->lock);
	return brief;
}

struct task_batch *task_inbox_take(struct task_inbox *inbox)
{
	struct task_batch *all;

	pthread_mutex_lock(&inbox->lock);
	all = inbox->lines[SECOND].head;
	inbox->lines[SECOND] = (struct line){0};
	pthread_mutex_unlock(&inbox->lock);
	return all;
}

void task_batches_each(struct task_batch *batches, task_event_take take, void *context)
{
	struct task_batch *batch = batches, *after;
	struct task_event event;

	for (; batch; batch = after) {
		after = batch->after[SECOND];
		for (uint32_t i = 0; take && i < batch->count; i++)
			take(context, event_at(batch, i, &event));
		put_batch(batch);
	}
}

/* --- life --- */

int task_inbox_new(struct task_events *events, struct task_inbox **ret_inbox)
{
	struct task_inbox *inbox = calloc(1, sizeof(*inbox));

	if (!inbox)
		return -ENOMEM;
	inbox->events = events;
	urgent_lock_init(&inbox->lock);
	*ret_inbox = inbox;
	return 0;
}

void task_inbox_free(struct task_inbox *inbox)
{
	if (!inbox)
		return;
	while (task_inbox_next(inbox))
		;
	task_batches_each(task_inbox_take(inbox), NULL, NULL);
	free(inbox->scratch);
	buf_release(&inbox->paths);
	pthread_mutex_destroy(&inbox->lock);
	free(inbox);
}
