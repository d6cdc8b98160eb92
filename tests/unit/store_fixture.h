/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory for a store, clocks that the test moves, and slices whose sums are known. */
#ifndef WICK_TESTS_UNIT_STORE_FIXTURE_H
#define WICK_TESTS_UNIT_STORE_FIXTURE_H

#include "base/cleanup.h"
#include "profiler/store.h"
#include "profiler/store_timeline.h"
#include "tests/unit/sample_profile.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct rig {
	char path[64];
	struct store_options options;
	struct store_moment now;
	struct slice_sums written; /* of all slices that were put */
	int64_t samples_each;
	unsigned int boots;
	bool has_seconds; /* slices come with a timeline, as from an agent */
};

static inline struct rig rig_new(void)
{
	struct rig rig = {.options = STORE_DEFAULTS};

	snprintf(rig.path, sizeof(rig.path), "%s/wick-store-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(rig.path))
		abort();
	rig.options.floor_bytes = 0;
	snprintf(rig.now.boot, sizeof(rig.now.boot), "%032x", ++rig.boots);
	rig.now.boot_ns = 5000000000;
	rig.now.wall_ns = 1700000000000000000 / 86400000000000 * 86400000000000;
	return rig;
}

static inline int rig_unlink(const struct rig *rig, const char *name)
{
	char path[384];

	snprintf(path, sizeof(path), "%s/%s", rig->path, name);
	return unlink(path);
}

static inline void rig_remove(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	char *inner;

	while (dir && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (asprintf(&inner, "%s/%s", path, entry->d_name) < 0)
			abort();
		if (unlink(inner))
			rig_remove(inner);
		free(inner);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

static inline void rig_release(struct rig *rig)
{
	rig_remove(rig->path);
}

static inline void rig_pass(struct rig *rig, double seconds)
{
	rig->now.boot_ns += (uint64_t)(seconds * 1e9);
	rig->now.wall_ns += (int64_t)(seconds * 1e9);
}

/* The machine is off for so long, then 0 s up. */
static inline void rig_reboot(struct rig *rig, double seconds)
{
	snprintf(rig->now.boot, sizeof(rig->now.boot), "%032x", ++rig->boots);
	rig->now.boot_ns = 0;
	rig->now.wall_ns += (int64_t)(seconds * 1e9);
}

static inline void rig_add_sums(struct slice_sums *sums, const struct slice_sums *more)
{
	sums->samples += more->samples;
	sums->cpu_ns += more->cpu_ns;
	sums->taken += more->taken;
	sums->written += more->written;
	sums->dropped += more->dropped;
	sums->complete += more->complete;
}

/* What a window would have counted: the ten samples of "app" in equal distances, and what was
 * dropped at the end. */
static inline void rig_add_seconds(const struct rig *rig, struct profile *profile, double seconds)
{
	const char comm[WICK_COMM] = "app";
	struct window_task task = {.pid = 10, .comm = comm, .thread = comm};
	_cleanup_(timeline_release) struct timeline timeline = {0};
	_cleanup_(window_freep) struct window *window = NULL;

	if (window_new(0, &window))
		abort();
	for (int i = 0; i < 10; i++) {
		task.second_ns = rig->now.boot_ns + (uint64_t)(seconds * 1e9 / 10) * (unsigned)i;
		window_add(window, &task, NODE_NONE, 0, 1);
	}
	window->ledger.dropped[0] = 2;
	window_note_dropped(window, rig->now.boot_ns + (uint64_t)(seconds * 1e9) - 1);
	if (timeline_add_window(&timeline, window, profile->period) ||
	    timeline_write(&timeline, profile))
		abort();
}

/* Lets so many seconds pass, and puts a slice of them. */
static inline void rig_put(struct rig *rig, struct store *store, double seconds)
{
	_cleanup_(profile_freep) struct profile *profile = sample_profile();
	uint64_t start_ns = rig->now.boot_ns;
	struct slice_sums sums = slice_sum(profile);

	rig_add_sums(&rig->written, &sums);
	rig->samples_each = sums.samples;
	profile->time_ns = rig->now.wall_ns;
	profile->duration_ns = (int64_t)(seconds * 1e9);
	if (rig->has_seconds)
		rig_add_seconds(rig, profile, seconds);
	rig_pass(rig, seconds);
	store_put(store, profile, start_ns, rig->now.boot_ns, &rig->now);
}

#endif
