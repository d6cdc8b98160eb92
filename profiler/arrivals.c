/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/arrivals.h"

#include "base/array.h"
#include "profiler/sampler.h"

#include <stdlib.h>

enum { KEPT = 1 << 20 }; /* bytes that are kept for the next round */

struct arrival {
	uint64_t time_ns;
	bool is_event;
	uint32_t at; /* in events, or byte offset in records */
};

static void release(struct arrivals_queue *queue)
{
	for (uint32_t i = 0; i < queue->event_count; i++)
		free(queue->events[i].name);
	free(queue->items);
	free(queue->events);
	buf_release(&queue->records);
}

void arrivals_release(struct arrivals *arrivals)
{
	release(&arrivals->queue);
	release(&arrivals->spare);
}

static size_t bytes(const struct arrivals_queue *queue)
{
	return queue->items_size * sizeof(*queue->items) +
	       queue->events_size * sizeof(*queue->events) + queue->records.size;
}

size_t arrivals_bytes(const struct arrivals *arrivals)
{
	return bytes(&arrivals->queue) + bytes(&arrivals->spare);
}

/* What a storm has made large is not kept. */
static void clear(struct arrivals_queue *queue)
{
	if (bytes(queue) > KEPT) {
		release(queue);
		*queue = (struct arrivals_queue){0};
	}
	queue->count = 0;
	queue->event_count = 0;
	buf_clear(&queue->records);
}

static int add_item(struct arrivals_queue *queue, uint64_t time_ns, bool is_event, uint32_t at)
{
	int err = array_reserve(&queue->items, &queue->items_size, (size_t)queue->count + 1);

	if (!err)
		queue->items[queue->count++] = (struct arrival){time_ns, is_event, at};
	return err;
}

static int add_event(struct arrivals_queue *queue, const struct arrival_event *event)
{
	int err =
		array_reserve(&queue->events, &queue->events_size, (size_t)queue->event_count + 1);

	if (!err)
		err = add_item(queue, event->event.time_ns, true, queue->event_count);
	if (!err)
		queue->events[queue->event_count++] = *event;
	return err;
}

static int add_sample(struct arrivals_queue *queue, const struct wick_sample *sample)
{
	size_t at = queue->records.used;
	size_t size = sizeof(*sample) + sampler_whole_pcs(sample) * sizeof(uint64_t);
	int err;

	buf_add(&queue->records, sample, size);
	err = buf_error(&queue->records);
	if (!err)
		err = add_item(queue, sample->time_ns, false, (uint32_t)at);
	if (err) {
		queue->records.used = at;
		queue->records.failed = false;
	}
	return err;
}

int arrivals_add_event(struct arrivals *arrivals, const struct arrival_event *event)
{
	return add_event(&arrivals->queue, event);
}

int arrivals_add_sample(struct arrivals *arrivals, const struct wick_sample *sample)
{
	return add_sample(&arrivals->queue, sample);
}

/* --- looking --- */

static const struct wick_sample *sample_of(const struct arrivals_queue *queue, uint32_t i)
{
	const struct arrival *item = &queue->items[i];

	return item->is_event ? NULL : (const void *)(queue->records.bytes + item->at);
}

static struct arrival_event *event_of(const struct arrivals_queue *queue, uint32_t i)
{
	const struct arrival *item = &queue->items[i];

	return item->is_event ? &queue->events[item->at] : NULL;
}

uint32_t arrivals_count(const struct arrivals *arrivals)
{
	return arrivals->queue.count;
}

const struct wick_sample *arrivals_sample(const struct arrivals *arrivals, uint32_t i)
{
	return sample_of(&arrivals->queue, i);
}

const struct arrival_event *arrivals_event(const struct arrivals *arrivals, uint32_t i)
{
	return event_of(&arrivals->queue, i);
}

/* --- taking --- */

static int keep(struct arrivals_queue *to, const struct arrivals_queue *from, uint32_t i)
{
	struct arrival_event *event = event_of(from, i);
	int err = event ? add_event(to, event) : add_sample(to, sample_of(from, i));

	if (event && !err)
		event->name = NULL; /* is the other's now */
	return err;
}

static int item_order(const void *a, const void *b)
{
	const struct arrival *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return (int)y->is_event - (int)x->is_event;
}

void arrivals_take(struct arrivals *arrivals, uint64_t horizon_ns, arrivals_each take,
		   void *context)
{
	struct arrivals_queue *queue = &arrivals->queue, swap;

	if (!queue->count)
		return;
	qsort(queue->items, queue->count, sizeof(*queue->items), item_order);
	for (uint32_t i = 0; i < queue->count; i++)
		if (queue->items[i].time_ns <= horizon_ns || keep(&arrivals->spare, queue, i))
			take(context, sample_of(queue, i), event_of(queue, i));
	clear(queue);
	swap = *queue;
	*queue = arrivals->spare;
	arrivals->spare = swap;
}
