/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/unwind_modules.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hashmap.h"
#include "base/log.h"
#include "base/quote.h"
#include "symbolizer/child.h"
#include "symbolizer/parser.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	COMPILE_DEADLINE_MS = 10000, /* 50 ms are usual; a busy machine is not the file's fault */
	MODULE_REFUSED = 0,	     /* stands for all beyond the limit */
	MODULES_MAX = 1 << 16,
	PATH_USUAL = 64,
};

/* Before a module is tried again that found no room (what was evicted for it has rested by then), or
 * whose file could not be opened; twice as long each time. */
static const uint64_t RETRY_NS = WICK_GRACE_NS + 100000000;
static const uint64_t RETRY_MAX_NS = 64000000000;

/* So much CPU time the worker may use at once, and one part in IDLE_PARTS of the time on the average:
 * whoever builds and runs a new program a hundred times a second does not pay for each. */
static const int64_t CREDIT_NS = 4000000000;
enum { IDLE_PARTS = 4 };

#define SAME_NONE UINT32_MAX

struct build_id {
	uint8_t size, bytes[TASK_BUILD_ID_MAX];
};

struct entry {
	struct unwind_module module;
	struct module_file file;  /* once opened */
	struct build_id build_id; /* of the file, however it was named; once READY or BARE */
	uint32_t same_as; /* the entry that has the rows, or SAME_NONE; or the list's next */
	uint64_t met;	  /* clock at its last use; 0: nobody's, in the list of those */
	bool is_marked;
	uint64_t wanted_ns, pause_ns;
	struct unwind_placed *owned; /* READY, or EVICTED and not resting yet */
};

/* For the worker. */
struct job {
	uint32_t id, wants;
	int fd;
};

/* From the worker. */
struct done {
	uint32_t id;
	int err; /* -ENOSPC: rows is what did not fit; -ENODATA: a module without CFI */
	uint32_t rows;
	uint64_t took_ns, cpu_ns;
	struct unwind_placed *placed;
	struct build_id build_id;
};

struct unwind_modules {
	struct unwind_rows *rows;
	unwind_compile compile;
	int bell_fd;

	struct entry *entries;
	uint32_t count, size;  /* of numbers, those of nobody too */
	uint32_t live, vacant; /* entries in use; the first of the others, or SAME_NONE */
	uint32_t limit, news;  /* how many are kept that nobody uses; new since the last sweep */
	uint64_t clock;
	struct hashmap by_name; /* as mapped */
	struct hashmap by_file; /* once opened */
	struct hashmap by_id;	/* build id, once READY or BARE */
	struct unwind_modules_stats stats;

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t wake, idle;
	struct job *jobs;
	uint32_t job_count, jobs_size;
	struct done *done;
	uint32_t done_count, done_size;
	bool is_busy, quit;
	pthread_t worker;
	bool has_worker;
};

/* --- the worker --- */

struct credit {
	int64_t left_ns;
	uint64_t last_ns;
};

static void earn(struct credit *credit, uint64_t now_ns)
{
	credit->left_ns += (int64_t)(now_ns - credit->last_ns) / IDLE_PARTS;
	if (credit->left_ns > CREDIT_NS)
		credit->left_ns = CREDIT_NS;
	credit->last_ns = now_ns;
}

/* Under the lock. False: something has changed meanwhile, look again. */
static bool can_afford(struct unwind_modules *modules, struct credit *credit)
{
	struct timespec until;

	earn(credit, clock_boot_ns());
	if (credit->left_ns > 0)
		return true;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += 50000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_clockwait(&modules->wake, &modules->lock, CLOCK_MONOTONIC, &until);
	return false;
}

static bool has_rows(const struct cfi_table *table)
{
	return table->header->stats.covered > 0;
}

static void note_build_id(struct done *done, const struct cfi_header *header)
{
	if (header->build_id_size > TASK_BUILD_ID_MAX)
		return;
	memcpy(done->build_id.bytes, header->build_id, header->build_id_size);
	done->build_id.size = (uint8_t)header->build_id_size;
}

/* By the only thread that has such children. */
static uint64_t spent_ns(void)
{
	return clock_cpu_ns() + child_cost(true).cpu_us * 1000;
}

static void make(struct unwind_modules *modules, const struct job *job, struct done *ret_done)
{
	_cleanup_(cfi_table_freep) struct cfi_table *table = NULL;
	struct done done = {.id = job->id};
	uint64_t start = clock_boot_ns(), spent = spent_ns();

	done.err = modules->compile(job->fd, &table);
	if (!done.err) {
		note_build_id(&done, table->header);
		done.rows = table->header->row_count;
		done.err = has_rows(table) ? unwind_rows_place(modules->rows, table, &done.placed)
					   : -ENODATA;
	}
	done.took_ns = clock_boot_ns() - start;
	done.cpu_ns = spent_ns() - spent;
	close(job->fd);
	*ret_done = done;
}

/* The job that was wanted most often; of equals the oldest. */
static struct job take_job(struct unwind_modules *modules)
{
	uint32_t best = 0;
	struct job job;

	for (uint32_t i = 1; i < modules->job_count; i++)
		if (modules->jobs[i].wants > modules->jobs[best].wants)
			best = i;
	job = modules->jobs[best];
	memmove(&modules->jobs[best], &modules->jobs[best + 1],
		(--modules->job_count - best) * sizeof(job));
	return job;
}

/* Room in done[] was made when the job was queued. */
static void finish_job(struct unwind_modules *modules, const struct done *done)
{
	uint64_t one = 1;

	modules->done[modules->done_count++] = *done;
	if (write(modules->bell_fd, &one, sizeof(one)) < 0)
		log_debug("unwind bell: %s", strerror(errno));
}

static void *worker_main(void *context)
{
	struct unwind_modules *modules = context;
	struct credit credit = {CREDIT_NS, clock_boot_ns()};

	pthread_setname_np(pthread_self(), "wick-rows");
	unwind_rows_prepare(modules->rows);
	pthread_mutex_lock(&modules->lock);
	while (!modules->quit) {
		struct done done;
		struct job job;

		if (!modules->job_count) {
			pthread_cond_broadcast(&modules->idle);
			pthread_cond_wait(&modules->wake, &modules->lock);
			continue;
		}
		if (!can_afford(modules, &credit))
			continue;
		job = take_job(modules);
		modules->is_busy = true;
		pthread_mutex_unlock(&modules->lock);
		make(modules, &job, &done);
		pthread_mutex_lock(&modules->lock);
		modules->is_busy = false;
		finish_job(modules, &done);
		credit.left_ns -= (int64_t)done.cpu_ns;
	}
	pthread_mutex_unlock(&modules->lock);
	return NULL;
}

int unwind_compile_elf(int elf_fd, struct cfi_table **ret_table)
{
	return parser_unwind(elf_fd, -1, COMPILE_DEADLINE_MS, ret_table);
}

/* --- names --- */

static bool name_equal(const void *table, uint32_t position, const void *key)
{
	return module_name_equal(
		&((const struct unwind_modules *)table)->entries[position].module.name, key);
}

static bool file_equal(const void *table, uint32_t position, const void *key)
{
	return !memcmp(&((const struct unwind_modules *)table)->entries[position].file, key,
		       sizeof(struct module_file));
}

static bool id_equal(const void *table, uint32_t position, const void *key)
{
	return !memcmp(&((const struct unwind_modules *)table)->entries[position].build_id, key,
		       sizeof(struct build_id));
}

static int add_entry(struct unwind_modules *modules, const struct module_name *name, uint64_t hash,
		     uint32_t *ret_id)
{
	_cleanup_free_ char *path = strdup(name->path);
	bool is_new = modules->vacant == SAME_NONE;
	uint32_t id = is_new ? modules->count : modules->vacant;
	struct entry *entry;
	int err;

	if (!path)
		return -ENOMEM;
	err = array_reserve(&modules->entries, &modules->size, (size_t)id + 1);
	if (!err)
		err = hashmap_add(&modules->by_name, hash, id);
	if (err)
		return err;
	entry = &modules->entries[id];
	if (is_new)
		modules->count++;
	else
		modules->vacant = entry->same_as;
	*entry = (struct entry){
		.module = {.name = *name, .id = id}, .met = ++modules->clock, .same_as = SAME_NONE};
	entry->module.name.path = TAKE_PTR(path);
	if (name->kind == MODULE_OTHER)
		entry->module.state = UNWIND_BARE;
	modules->live++;
	*ret_id = id;
	return 0;
}

int unwind_modules_number(void *context, const struct task_event *map, uint32_t *ret_id)
{
	struct unwind_modules *modules = context;
	struct module_name name = module_name_of(map);
	uint64_t hash = module_name_hash(&name);
	uint32_t id = hashmap_find(&modules->by_name, hash, name_equal, modules, &name);

	if (id == HASHMAP_NONE) {
		modules->news++;
		if (modules->live < MODULES_MAX)
			return add_entry(modules, &name, hash, ret_id);
		id = MODULE_REFUSED;
	}
	modules->entries[id].met = ++modules->clock;
	*ret_id = id;
	return 0;
}

static struct entry *entry_of(struct unwind_modules *modules, uint32_t id)
{
	struct entry *entry = &modules->entries[id];

	while (entry->same_as != SAME_NONE)
		entry = &modules->entries[entry->same_as];
	return entry;
}

struct unwind_module *unwind_modules_get(struct unwind_modules *modules, uint32_t id)
{
	return &entry_of(modules, id)->module;
}

/* --- wanting --- */

/* Makes entry lead to another of the same content (HASHMAP_NONE: there is none). */
static bool join(struct unwind_modules *modules, struct entry *entry, uint32_t other)
{
	struct entry *root = other == HASHMAP_NONE ? entry : entry_of(modules, other);

	if (root == entry)
		return false;
	entry->same_as = root->module.id;
	return true;
}

static bool join_by_id(struct unwind_modules *modules, struct entry *entry,
		       const struct build_id *id)
{
	return id->size && join(modules, entry,
				hashmap_find(&modules->by_id, hash_bytes(id, sizeof(*id)), id_equal,
					     modules, id));
}

static bool join_by_name(struct unwind_modules *modules, struct entry *entry)
{
	const struct module_name *name = &entry->module.name;
	struct build_id id = {.size = name->build_id_size};

	memcpy(id.bytes, name->build_id, name->build_id_size);
	return join_by_id(modules, entry, &id);
}

static void part(struct entry *entry)
{
	entry->same_as = SAME_NONE;
	entry->module.state = UNWIND_NEW;
	entry->module.retry_ns = 0;
}

/* As far as it has one. */
static bool knows_build_id(const struct entry *entry)
{
	return entry->module.name.build_id_size || entry->module.state == UNWIND_READY ||
	       entry->module.state == UNWIND_BARE || entry->build_id.size;
}

static bool join_by_file(struct unwind_modules *modules, struct entry *entry, int fd)
{
	uint64_t hash;
	uint32_t other;

	hashmap_remove(&modules->by_file, hash_bytes(&entry->file, sizeof(entry->file)),
		       entry->module.id);
	entry->file = module_file_of(fd);
	if (!entry->file.inode)
		return false;
	hash = hash_bytes(&entry->file, sizeof(entry->file));
	other = hashmap_find(&modules->by_file, hash, file_equal, modules, &entry->file);
	if (other == HASHMAP_NONE && hashmap_add(&modules->by_file, hash, entry->module.id))
		log_debug("unwind: no memory to know a file again");
	/* With two build ids one of them has been opened too late: is_mapped_file() will tell. One build
	 * id was found by name, if it was known. */
	if (other != HASHMAP_NONE && entry->module.name.build_id_size &&
	    knows_build_id(entry_of(modules, other)))
		return false;
	return join(modules, entry, other);
}

static int queue_job(struct unwind_modules *modules, uint32_t id, uint32_t weight, int fd)
{
	int err;

	pthread_mutex_lock(&modules->lock);
	err = modules->job_count >= UNWIND_JOBS_MAX ? -EAGAIN : 0;
	if (!err)
		err = array_reserve(&modules->jobs, &modules->jobs_size,
				    (size_t)modules->job_count + 1);
	if (!err)
		err = array_reserve(&modules->done, &modules->done_size,
				    (size_t)modules->done_count + modules->job_count + 2);
	if (!err)
		modules->jobs[modules->job_count++] = (struct job){id, weight, fd};
	pthread_cond_broadcast(&modules->wake);
	pthread_mutex_unlock(&modules->lock);
	return err;
}

static void want_more(struct unwind_modules *modules, uint32_t id, uint32_t weight)
{
	pthread_mutex_lock(&modules->lock);
	for (uint32_t i = 0; i < modules->job_count; i++)
		if (modules->jobs[i].id == id)
			modules->jobs[i].wants += weight;
	pthread_mutex_unlock(&modules->lock);
}

static void back_off(struct entry *entry, uint64_t now_ns)
{
	entry->pause_ns = entry->pause_ns ? 2 * entry->pause_ns : RETRY_NS;
	if (entry->pause_ns > RETRY_MAX_NS)
		entry->pause_ns = RETRY_MAX_NS;
	entry->module.retry_ns = now_ns + entry->pause_ns;
}

void unwind_modules_want(struct unwind_modules *modules, uint32_t id,
			 const struct unwind_want *want, uint64_t now_ns)
{
	struct entry *entry = entry_of(modules, id);
	struct unwind_module *module = &entry->module;
	int fd;

	id = entry->module.id;
	if (module->state == UNWIND_QUEUED)
		want_more(modules, id, want->weight);
	if (module->state == UNWIND_QUEUED || module->state == UNWIND_READY ||
	    module->state == UNWIND_BARE || now_ns < module->retry_ns)
		return;
	if (join_by_name(modules, entry))
		return;
	back_off(entry, now_ns);
	fd = module_open(&module->name, want->pid, want->start, want->end);
	if (fd < 0) {
		module->state = UNWIND_CLOSED;
		return;
	}
	if (join_by_file(modules, entry, fd) || queue_job(modules, id, want->weight, fd)) {
		close(fd);
		return;
	}
	module->state = UNWIND_QUEUED;
	entry->wanted_ns = now_ns;
}

/* --- taking --- */

/* A file opened by its name may be another one by now; so may one that was opened by the addresses it
 * was mapped at, where libraries come and go. */
static bool is_mapped_file(const struct entry *entry, const struct done *done)
{
	const struct module_name *name = &entry->module.name;

	return !name->build_id_size ||
	       (name->build_id_size == done->build_id.size &&
		!memcmp(name->build_id, done->build_id.bytes, done->build_id.size));
}

/* Whoever was taken for this one by its file, and is not: is_other: that was another file. */
static void let_joined_go(struct unwind_modules *modules, const struct entry *entry,
			  const struct done *done, bool is_other)
{
	for (uint32_t i = 0; i < modules->count; i++) {
		struct entry *joined = &modules->entries[i];

		if (joined->met && joined->same_as == entry->module.id &&
		    (is_other || !is_mapped_file(joined, done)))
			part(joined);
	}
}

static void count_build(struct unwind_modules *modules, const struct entry *entry,
			const struct done *done, uint64_t now_ns)
{
	struct unwind_modules_stats *stats = &modules->stats;
	uint64_t from_want = now_ns - entry->wanted_ns;

	stats->builds++;
	stats->build_ns += done->took_ns;
	if (done->took_ns > stats->build_max_ns)
		stats->build_max_ns = done->took_ns;
	stats->from_want_ns += from_want;
	if (from_want > stats->from_want_max_ns)
		stats->from_want_max_ns = from_want;
}

static void learn_build_id(struct unwind_modules *modules, struct entry *entry,
			   const struct build_id *id)
{
	if (!id->size || entry->build_id.size)
		return;
	entry->build_id = *id;
	if (hashmap_add(&modules->by_id, hash_bytes(id, sizeof(*id)), entry->module.id))
		entry->build_id.size = 0;
}

/* What was made could not be used: to be tried again, or never. */
static void fail(struct unwind_modules *modules, struct entry *entry, const struct done *done,
		 uint64_t now_ns)
{
	struct unwind_module *module = &entry->module;
	char shown[256];

	module->state = done->err == -ENOSPC	  ? UNWIND_NO_ROOM
			: done->err == -ETIMEDOUT ? UNWIND_CLOSED
						  : UNWIND_BARE;
	module->retry_ns = now_ns + entry->pause_ns;
	if (done->err == -ENOSPC || done->err == -EFBIG)
		modules->stats.refusals++;
	else if (done->err != -ENODATA)
		modules->stats.failures++;
	log_debug("no unwind rows for '%s': %s", quote(shown, sizeof(shown), module->name.path),
		  done->err == -ENOSPC	  ? "no room for them now"
		  : done->err == -EFBIG	  ? "more than there is room for"
		  : done->err == -ENODATA ? "it has none"
					  : parser_error(done->err));
}

static void take_one(struct unwind_modules *modules, const struct done *done, uint64_t now_ns)
{
	struct entry *entry = &modules->entries[done->id];

	bool is_other = !is_mapped_file(entry, done);

	count_build(modules, entry, done, now_ns);
	if (is_other || !entry->module.name.build_id_size)
		let_joined_go(modules, entry, done, is_other);
	if (is_other) {
		hashmap_remove(&modules->by_file, hash_bytes(&entry->file, sizeof(entry->file)),
			       entry->module.id);
		unwind_rows_rest(modules->rows, done->placed, now_ns);
		entry->module.state = UNWIND_CLOSED;
		entry->module.retry_ns = now_ns + entry->pause_ns;
		return;
	}
	if (join_by_id(modules, entry, &done->build_id)) {
		unwind_rows_rest(modules->rows, done->placed, now_ns);
		entry->module.state = UNWIND_NEW;
		return;
	}
	learn_build_id(modules, entry, &done->build_id);
	if (done->err) {
		fail(modules, entry, done, now_ns);
		return;
	}
	entry->owned = done->placed;
	entry->module.placed = done->placed;
	entry->module.state = UNWIND_READY;
	entry->pause_ns = 0;
	entry->module.used_ns = now_ns;
}

bool unwind_modules_take(struct unwind_modules *modules, uint64_t now_ns, uint32_t *ret_short)
{
	_cleanup_free_ struct done *done = NULL;
	uint32_t count;

	pthread_mutex_lock(&modules->lock);
	count = modules->done_count;
	done = count ? calloc(count, sizeof(*done)) : NULL;
	if (done) {
		memcpy(done, modules->done, count * sizeof(*done));
		modules->done_count = 0;
	} else {
		count = 0; /* or no memory: later then */
	}
	pthread_mutex_unlock(&modules->lock);
	for (uint32_t i = 0; i < count; i++) {
		if (done[i].err == -ENOSPC)
			*ret_short += done[i].rows;
		take_one(modules, &done[i], now_ns);
	}
	return count;
}

/* --- evicting --- */

void unwind_modules_ref(struct unwind_modules *modules, uint32_t id)
{
	modules->entries[id].module.refs++;
}

void unwind_modules_unref(struct unwind_modules *modules, uint32_t id)
{
	modules->entries[id].module.refs--;
}

/* Those without references before those with, then by age. */
static bool is_better(const struct unwind_module *a, const struct unwind_module *b)
{
	return !a->refs != !b->refs ? !a->refs : a->used_ns < b->used_ns;
}

bool unwind_modules_oldest(const struct unwind_modules *modules, uint64_t before_ns,
			   uint32_t *ret_id)
{
	const struct unwind_module *best = NULL;

	for (uint32_t i = 0; i < modules->count; i++) {
		const struct unwind_module *module = &modules->entries[i].module;

		if (module->state == UNWIND_READY &&
		    (!module->refs || module->used_ns < before_ns) &&
		    (!best || is_better(module, best)))
			best = module;
	}
	if (best)
		*ret_id = best->id;
	return best;
}

void unwind_modules_evict(struct unwind_modules *modules, uint32_t id)
{
	struct unwind_module *module = &modules->entries[id].module;

	module->state = UNWIND_EVICTED;
	module->placed = NULL;
	module->retry_ns = 0;
	modules->stats.evictions++;
}

void unwind_modules_rest(struct unwind_modules *modules, uint32_t id, uint64_t ready_ns)
{
	struct entry *entry = &modules->entries[id];

	unwind_rows_rest(modules->rows, TAKE_PTR(entry->owned), ready_ns);
}

/* --- forgetting --- */

/* So many are new since the last sweep that it is worth its price. */
bool unwind_modules_is_crowded(const struct unwind_modules *modules)
{
	return modules->live >= modules->limit && modules->news >= modules->limit / 4;
}

void unwind_modules_mark(struct unwind_modules *modules, uint32_t id)
{
	while (id != SAME_NONE && !modules->entries[id].is_marked) {
		modules->entries[id].is_marked = true;
		id = modules->entries[id].same_as;
	}
}

static bool is_idle(const struct entry *entry)
{
	return entry->met && !entry->is_marked && !entry->module.refs &&
	       entry->module.state != UNWIND_QUEUED;
}

static void unlearn(struct unwind_modules *modules, const struct entry *entry)
{
	uint32_t id = entry->module.id;

	hashmap_remove(&modules->by_name, module_name_hash(&entry->module.name), id);
	hashmap_remove(&modules->by_file, hash_bytes(&entry->file, sizeof(entry->file)), id);
	hashmap_remove(&modules->by_id, hash_bytes(&entry->build_id, sizeof(entry->build_id)), id);
}

static void forget(struct unwind_modules *modules, uint32_t id, uint64_t ready_ns)
{
	struct entry *entry = &modules->entries[id];

	unlearn(modules, entry);
	unwind_rows_rest(modules->rows, TAKE_PTR(entry->owned), ready_ns);
	free((char *)entry->module.name.path);
	*entry = (struct entry){.same_as = modules->vacant};
	modules->vacant = id;
	modules->live--;
	modules->stats.swept++;
}

struct idle {
	uint64_t met;
	uint32_t id;
};

static int by_age(const void *a, const void *b)
{
	const struct idle *x = a, *y = b;

	return x->met < y->met ? -1 : x->met > y->met;
}

static uint32_t list_idle(const struct unwind_modules *modules, struct idle *idle)
{
	uint32_t count = 0;

	for (uint32_t id = MODULE_REFUSED + 1; id < modules->count; id++)
		if (is_idle(&modules->entries[id]))
			idle[count++] = (struct idle){modules->entries[id].met, id};
	qsort(idle, count, sizeof(*idle), by_age);
	return count;
}

/* An entry whose rows were another's has none without it. */
static void part_orphans(struct unwind_modules *modules)
{
	for (uint32_t id = 0; id < modules->count; id++) {
		struct entry *entry = &modules->entries[id];

		entry->is_marked = false;
		if (entry->met && entry->same_as != SAME_NONE &&
		    !modules->entries[entry->same_as].met)
			part(entry);
	}
}

void unwind_modules_sweep(struct unwind_modules *modules, uint64_t ready_ns)
{
	uint32_t wanted = modules->limit - modules->limit / 4, count;
	_cleanup_free_ struct idle *idle = calloc(modules->count, sizeof(*idle));

	if (!idle)
		return;
	for (uint32_t id = 0; id < modules->count; id++)
		if (modules->entries[id].module.refs)
			unwind_modules_mark(modules, id);
	count = list_idle(modules, idle);
	for (uint32_t i = 0; i < count && modules->live > wanted; i++)
		forget(modules, idle[i].id, ready_ns);
	part_orphans(modules);
	modules->news = 0;
}

void unwind_modules_wait(struct unwind_modules *modules)
{
	pthread_mutex_lock(&modules->lock);
	while (modules->job_count || modules->is_busy)
		pthread_cond_wait(&modules->idle, &modules->lock);
	pthread_mutex_unlock(&modules->lock);
}

/* Paths are estimated by their usual length. */
static size_t modules_bytes(const struct unwind_modules *modules)
{
	return modules->size * sizeof(*modules->entries) + modules->live * (size_t)PATH_USUAL +
	       hashmap_bytes(&modules->by_name) + hashmap_bytes(&modules->by_file) +
	       hashmap_bytes(&modules->by_id);
}

struct unwind_modules_stats unwind_modules_stats(struct unwind_modules *modules)
{
	struct unwind_modules_stats stats = modules->stats;

	stats.known = modules->live - 1; /* not the one for those beyond the limit */
	stats.bytes = modules_bytes(modules);
	for (uint32_t i = 0; i < modules->count; i++) {
		stats.ready += modules->entries[i].module.state == UNWIND_READY;
		stats.queued += modules->entries[i].module.state == UNWIND_QUEUED;
	}
	return stats;
}

/* --- life --- */

static int add_first(struct unwind_modules *modules)
{
	const struct module_name name = {.kind = MODULE_OTHER, .path = "[too many files]"};
	uint32_t id;

	return add_entry(modules, &name, module_name_hash(&name), &id);
}

int unwind_modules_new(struct unwind_rows *rows, unwind_compile compile, int bell_fd,
		       uint32_t limit, struct unwind_modules **ret_modules)
{
	struct unwind_modules *modules = calloc(1, sizeof(*modules));
	int err;

	if (!modules)
		return -ENOMEM;
	modules->rows = rows;
	modules->compile = compile;
	modules->bell_fd = bell_fd;
	modules->limit = limit;
	modules->vacant = SAME_NONE;
	pthread_mutex_init(&modules->lock, NULL);
	pthread_cond_init(&modules->wake, NULL);
	pthread_cond_init(&modules->idle, NULL);
	err = add_first(modules);
	if (!err)
		err = -pthread_create(&modules->worker, NULL, worker_main, modules);
	if (err) {
		unwind_modules_free(modules);
		return err;
	}
	modules->has_worker = true;
	*ret_modules = modules;
	return 0;
}

static void stop_worker(struct unwind_modules *modules)
{
	pthread_mutex_lock(&modules->lock);
	modules->quit = true;
	pthread_cond_broadcast(&modules->wake);
	pthread_mutex_unlock(&modules->lock);
	pthread_join(modules->worker, NULL);
}

void unwind_modules_free(struct unwind_modules *modules)
{
	if (!modules)
		return;
	if (modules->has_worker)
		stop_worker(modules);
	for (uint32_t i = 0; i < modules->job_count; i++)
		close(modules->jobs[i].fd);
	for (uint32_t i = 0; i < modules->done_count; i++)
		unwind_rows_rest(modules->rows, modules->done[i].placed, UINT64_MAX);
	for (uint32_t i = 0; i < modules->count; i++) {
		unwind_rows_rest(modules->rows, modules->entries[i].owned, UINT64_MAX);
		free((char *)modules->entries[i].module.name.path);
	}
	free(modules->entries);
	free(modules->jobs);
	free(modules->done);
	hashmap_release(&modules->by_name);
	hashmap_release(&modules->by_file);
	hashmap_release(&modules->by_id);
	pthread_mutex_destroy(&modules->lock);
	pthread_cond_destroy(&modules->wake);
	pthread_cond_destroy(&modules->idle);
	free(modules);
}
