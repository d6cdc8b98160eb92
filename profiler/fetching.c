/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/fetching.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	WAITING_MAX = 512, /* each holds a descriptor or two */
	PARSE_DEADLINE_MS = 60000,
};

struct wanted {
	uint32_t id;
	struct parser_files files; /* descriptors and path are its own */
};

struct fetching {
	struct debuginfod *debuginfod;
	fetching_take take;
	void *context;
	pthread_t thread;
	bool has_thread;

	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t wake;
	struct wanted waiting[WAITING_MAX]; /* a ring */
	uint32_t put, taken;		    /* ever; taken counts those that are done with */
	bool quit;
};

static void wanted_release(struct wanted *wanted)
{
	close(wanted->files.elf_fd);
	if (wanted->files.root_fd >= 0)
		close(wanted->files.root_fd);
	free((char *)wanted->files.path);
}

void fetching_add(struct fetching *f, uint32_t id, const struct parser_files *files)
{
	struct wanted wanted = {.id = id, .files = *files};

	wanted.files.elf_fd = fcntl(files->elf_fd, F_DUPFD_CLOEXEC, 3);
	if (files->root_fd >= 0)
		wanted.files.root_fd = fcntl(files->root_fd, F_DUPFD_CLOEXEC, 3);
	wanted.files.path = files->path ? strdup(files->path) : NULL;
	wanted.files.debuginfod = f->debuginfod;
	pthread_mutex_lock(&f->lock);
	if (wanted.files.elf_fd >= 0 && f->put - f->taken < WAITING_MAX) {
		f->waiting[f->put++ % WAITING_MAX] = wanted;
		pthread_cond_signal(&f->wake);
		wanted.files.elf_fd = -1;
	}
	pthread_mutex_unlock(&f->lock);
	if (wanted.files.elf_fd >= 0)
		wanted_release(&wanted);
}

static void fetch_one(struct fetching *f, struct wanted *wanted)
{
	struct symindex *index = NULL;

	if (parser_symbols(&wanted->files, PARSE_DEADLINE_MS, &index))
		return;
	if (symindex_debug(index) == SYMINDEX_DEBUG_SEPARATE)
		f->take(f->context, wanted->id, index);
	else
		symindex_free(index);
}

static void *fetch_all(void *context)
{
	struct fetching *f = context;

	pthread_mutex_lock(&f->lock);
	while (!f->quit) {
		struct wanted *wanted = &f->waiting[f->taken % WAITING_MAX];

		if (f->put == f->taken) {
			pthread_cond_wait(&f->wake, &f->lock);
			continue;
		}
		pthread_mutex_unlock(&f->lock);
		fetch_one(f, wanted);
		wanted_release(wanted);
		pthread_mutex_lock(&f->lock);
		f->taken++;
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

uint32_t fetching_left(struct fetching *f)
{
	uint32_t left;

	pthread_mutex_lock(&f->lock);
	left = f->put - f->taken;
	pthread_mutex_unlock(&f->lock);
	return left;
}

int fetching_new(struct debuginfod *debuginfod, fetching_take take, void *context,
		 struct fetching **ret_fetching)
{
	_cleanup_(fetching_freep) struct fetching *f = calloc(1, sizeof(*f));
	int err;

	if (!f) {
		debuginfod_free(debuginfod);
		return -ENOMEM;
	}
	f->debuginfod = debuginfod;
	f->take = take;
	f->context = context;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->wake, NULL);
	err = -pthread_create(&f->thread, NULL, fetch_all, f);
	if (err)
		return err;
	f->has_thread = true;
	*ret_fetching = TAKE_PTR(f);
	return 0;
}

void fetching_free(struct fetching *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	f->quit = true;
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
	if (f->has_thread)
		pthread_join(f->thread, NULL);
	for (; f->taken != f->put; f->taken++)
		wanted_release(&f->waiting[f->taken % WAITING_MAX]);
	debuginfod_free(f->debuginfod);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->wake);
	free(f);
}
