/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/fetching.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	WAITING_MAX = 512, /* each holds a descriptor or two */
	PARSE_DEADLINE_MS = 60000,
	WARNINGS = 3, /* and then ever fewer */
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
	uint32_t came, missing, failed; /* files; the thread's own */
	struct log_limit warned;

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

/* Is it better than without servers? */
static bool is_better(const struct symindex *index)
{
	return symindex_debug(index) == SYMINDEX_DEBUG_SEPARATE ||
	       symindex_header(index)->alt_state == SYMINDEX_LAYER_USED;
}

static void count(struct fetching *f, const struct parser_look *asked, bool has_come)
{
	bool has_failed = asked->answer == DEBUGINFOD_FAILED || asked->answer == DEBUGINFOD_OVER;
	char shown[2 * DEBUGINFOD_DETAIL_MAX];

	f->came += has_come;
	f->failed += !has_come && has_failed;
	f->missing += !has_come && !has_failed;
	if ((has_failed || asked->detail[0]) && log_limited(&f->warned, WARNINGS))
		log_warn("debuginfod: %s", asked->detail[0]
						   ? quote(shown, sizeof(shown), asked->detail)
						   : debuginfod_answer_text(asked->answer));
}

static void fetch_one(struct fetching *f, struct wanted *wanted)
{
	_cleanup_(parser_search_release) struct parser_search search = {0};
	_cleanup_(symindex_freep) struct symindex *index = NULL;
	bool has_come;

	wanted->files.search = &search;
	has_come = !parser_symbols(&wanted->files, PARSE_DEADLINE_MS, &index) && is_better(index);
	count(f, &search.look[PARSER_BY_DEBUGINFOD], has_come);
	if (has_come)
		f->take(f->context, wanted->id, TAKE_PTR(index));
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
	if (f->came || f->missing || f->failed)
		log_info("debuginfod: %u files with debug info came, %u are not there, %u failed",
			 f->came, f->missing, f->failed);
	for (; f->taken != f->put; f->taken++)
		wanted_release(&f->waiting[f->taken % WAITING_MAX]);
	debuginfod_free(f->debuginfod);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->wake);
	free(f);
}
