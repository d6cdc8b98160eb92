/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/window.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "bpf/abi.h"

#include <string.h>
#include <time.h>

int window_new(uint32_t first_epoch, struct window **ret_window)
{
	struct window *window = calloc(1, sizeof(*window));

	if (!window)
		return -ENOMEM;
	window->first_epoch = first_epoch;
	window->wall_ns = clock_wall_ns();
	window->start_ns = clock_boot_ns();
	*ret_window = window;
	return 0;
}

void window_free(struct window *window)
{
	if (!window)
		return;
	strtab_release(&window->strings);
	free(window->frames);
	free(window->nodes);
	free(window->counts);
	free(window->known);
	free(window->moments);
	free(window->seconds);
	hashmap_release(&window->frame_index);
	hashmap_release(&window->node_index);
	hashmap_release(&window->count_index);
	hashmap_release(&window->known_index);
	hashmap_release(&window->second_index);
	free(window);
}

static bool known_equal(const void *table, uint32_t position, const void *key)
{
	const struct window_known *have = &((const struct window *)table)->known[position];
	const struct window_known *want = key;

	return have->hash == want->hash && have->base == want->base && have->check == want->check;
}

int window_find(const struct window *window, uint64_t base, uint64_t hash, uint32_t check,
		uint32_t *ret_node)
{
	struct window_known key = {base, hash, check, 0};
	uint32_t at =
		hashmap_find(&window->known_index, hash_mix(base, hash), known_equal, window, &key);

	if (at == HASHMAP_NONE)
		return -ENOENT;
	*ret_node = window->known[at].node;
	return 0;
}

int window_learn(struct window *window, uint64_t base, uint64_t hash, uint32_t check, uint32_t node)
{
	int err =
		array_reserve(&window->known, &window->known_size, (size_t)window->known_count + 1);

	if (!err)
		err = hashmap_add(&window->known_index, hash_mix(base, hash), window->known_count);
	if (!err)
		window->known[window->known_count++] =
			(struct window_known){base, hash, check, node};
	return err;
}

static bool frame_equal(const void *table, uint32_t position, const void *key)
{
	const struct frame *have = &((const struct window *)table)->frames[position];
	const struct frame *want = key;

	return have->off == want->off && have->module == want->module && have->name == want->name;
}

static int add_frame(struct window *window, const struct frame *frame, uint32_t *ret_frame)
{
	uint64_t hash = hash_mix(frame->off, (uint64_t)frame->name << 32 | frame->module);
	uint32_t at = hashmap_find(&window->frame_index, hash, frame_equal, window, frame);
	int err;

	if (at == HASHMAP_NONE) {
		at = window->frame_count;
		err = array_reserve(&window->frames, &window->frames_size, (size_t)at + 1);
		if (!err)
			err = hashmap_add(&window->frame_index, hash, at);
		if (err)
			return err;
		window->frames[window->frame_count++] = *frame;
	}
	*ret_frame = at;
	return 0;
}

static bool node_equal(const void *table, uint32_t position, const void *key)
{
	const struct node *have = &((const struct window *)table)->nodes[position];
	const struct node *want = key;

	return have->parent == want->parent && have->frame == want->frame;
}

int window_push(struct window *window, uint32_t parent, const struct frame *frame,
		uint32_t *ret_node)
{
	struct node node = {.parent = parent};
	int err = add_frame(window, frame, &node.frame);
	uint64_t hash = hash_mix(node.parent, node.frame);
	uint32_t at;

	if (err)
		return err;
	at = hashmap_find(&window->node_index, hash, node_equal, window, &node);
	if (at == HASHMAP_NONE) {
		at = window->node_count;
		err = array_reserve(&window->nodes, &window->nodes_size, (size_t)at + 1);
		if (!err)
			err = hashmap_add(&window->node_index, hash, at);
		if (err)
			return err;
		window->nodes[window->node_count++] = node;
	}
	*ret_node = at;
	return 0;
}

static bool count_equal(const void *table, uint32_t position, const void *key)
{
	const struct window_count *have = &((const struct window *)table)->counts[position];
	const struct window_count *want = key;

	return have->node == want->node && have->cut == want->cut && have->pid == want->pid &&
	       have->tid == want->tid && have->ns_pid == want->ns_pid &&
	       have->ns_tid == want->ns_tid && have->comm == want->comm &&
	       have->thread == want->thread;
}

static int add_moment(struct window *window, uint64_t time_ns, uint32_t count, uint64_t ticks)
{
	int err;

	if (!time_ns || window->moment_count >= WINDOW_MOMENTS_MAX)
		return 0;
	err = array_reserve(&window->moments, &window->moments_size,
			    (size_t)window->moment_count + 1);
	if (!err)
		window->moments[window->moment_count++] =
			(struct window_moment){time_ns, count, (uint32_t)ticks};
	return err;
}

static bool second_equal(const void *table, uint32_t position, const void *key)
{
	const struct window_second *have = &((const struct window *)table)->seconds[position];
	const struct window_second *want = key;

	return have->second == want->second && have->comm == want->comm;
}

static int add_second(struct window *window, const struct window_second *more)
{
	uint64_t hash = hash_mix(more->second, more->comm);
	uint32_t at = hashmap_find(&window->second_index, hash, second_equal, window, more);
	struct window_second *second;
	int err;

	if (at == HASHMAP_NONE) {
		at = window->second_count;
		if (at == WINDOW_SECONDS_MAX)
			return 0;
		err = array_reserve(&window->seconds, &window->seconds_size, (size_t)at + 1);
		if (!err)
			err = hashmap_add(&window->second_index, hash, at);
		if (err)
			return err;
		window->seconds[window->second_count++] =
			(struct window_second){.second = more->second, .comm = more->comm};
	}
	second = &window->seconds[at];
	second->ticks += more->ticks;
	second->cut += more->cut;
	second->dropped += more->dropped;
	return 0;
}

int window_note_dropped(struct window *window, uint64_t time_ns)
{
	struct window_second second = {.second = (uint32_t)(time_ns / 1000000000)};
	uint64_t dropped = 0;
	int err;

	for (size_t i = 0; i < WICK_DROPS; i++)
		dropped += window->ledger.dropped[i];
	second.dropped = dropped - window->noted_dropped;
	err = second.dropped ? add_second(window, &second) : 0;
	if (!err)
		window->noted_dropped = dropped;
	return err;
}

int window_add(struct window *window, const struct window_task *task, uint32_t node, uint8_t cut,
	       uint64_t ticks)
{
	struct window_count key = {.pid = task->pid,
				   .tid = task->tid,
				   .ns_pid = task->ns_pid,
				   .ns_tid = task->tid ? task->ns_tid : 0,
				   .node = node,
				   .cut = cut};
	uint64_t hash;
	uint32_t at;
	int err = strtab_add_n(&window->strings, task->comm, WICK_COMM, &key.comm);

	if (!err && task->tid)
		err = strtab_add_n(&window->strings, task->thread, WICK_COMM, &key.thread);
	if (err)
		return err;
	hash = hash_mix((uint64_t)task->pid << 32 | task->tid,
			(uint64_t)node << 32 | key.comm << 16 | key.thread);
	at = hashmap_find(&window->count_index, hash, count_equal, window, &key);
	if (at == HASHMAP_NONE) {
		at = window->count_count;
		err = array_reserve(&window->counts, &window->counts_size, (size_t)at + 1);
		if (!err)
			err = hashmap_add(&window->count_index, hash, at);
		if (err)
			return err;
		window->counts[window->count_count++] = key;
	}
	err = add_moment(window, task->moment_ns, at, ticks);
	if (!err && task->second_ns)
		err = add_second(window, &(struct window_second){
						 .second = (uint32_t)(task->second_ns / 1000000000),
						 .comm = key.comm,
						 .ticks = ticks,
						 .cut = cut ? ticks : 0});
	if (!err)
		window->counts[at].ticks += ticks;
	return err;
}

size_t window_bytes(const struct window *window)
{
	return strtab_bytes(&window->strings) + window->frames_size * sizeof(*window->frames) +
	       window->nodes_size * sizeof(*window->nodes) +
	       window->counts_size * sizeof(*window->counts) +
	       window->known_size * sizeof(*window->known) +
	       window->moments_size * sizeof(*window->moments) +
	       window->seconds_size * sizeof(*window->seconds) +
	       hashmap_bytes(&window->frame_index) + hashmap_bytes(&window->node_index) +
	       hashmap_bytes(&window->count_index) + hashmap_bytes(&window->known_index) +
	       hashmap_bytes(&window->second_index);
}
