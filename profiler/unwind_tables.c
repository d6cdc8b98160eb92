/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/unwind_tables.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hashmap.h"
#include "base/log.h"
#include "profiler/procs.h"
#include "profiler/task_inbox.h"
#include "profiler/unwind_notes.h"
#include "profiler/unwind_pace.h"
#include "profiler/unwind_regions.h"
#include "profiler/urgent.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	SLICE = 1024, /* events that are applied before others may have the lock */
	TRIES_MAX = 4,
	AUDIT_ROUNDS = 50, /* until all have been looked for */
	TURN_MS = 200,	   /* of the thread, when nothing happens */
};

static const uint64_t RETRY_NS = 1000000;
static const uint64_t NEW_NS = 50000000;      /* a child that does nothing is no concern before */
static const uint64_t COOL_NS = 2000000000;   /* not sampled for so long: may be evicted */
static const uint64_t CALM_NS = 20000;	      /* between changes, for each mapping there is */
static const uint64_t CALM_MAX_NS = 20000000; /* the same at most, and under pressure */
static const uint64_t LINGER_NS = 100000000;  /* after an exit, for late records */
static const uint64_t EXEC_NS = 10000000;     /* from an exec's record to its id, at most */
static const uint64_t LOOK_NS = 1000000000;   /* between looks at one whose threads go on */
static const uint64_t LOAD_MAX_NS = 10000000000ull; /* for what is loaded before the start */

/* Of the loader. */
extern void *__tls_get_addr(void *);

struct subject {
	pid_t pid;
	bool has_start, has_exec; /* start_ns, exec_id are known */
	uint64_t start_ns, exec_id;
	uint64_t since_ns, until_ns; /* the id was read between these; execs before are in it */
	uint64_t exec_ns;	     /* when the program began; older samples are of another */
	uint64_t used_ns, published_ns;
	uint64_t changed_ns; /* first record that the entry does not know of; 0 = none */
	uint64_t retry_ns;
	unsigned int tries;
	uint64_t look_ns; /* when to see whether it is gone; 0 = no need */
	bool is_dirty;	  /* in the list */
	bool is_looker;	  /* in that list */
	bool has_exited;  /* its leader; other threads may go on */
	bool has_threads; /* or may have: its leader's exit is not its end */

	bool is_new; /* forked just now: its entry is what the kernel copied, nobody has looked */
	pid_t parent;

	struct unwind_region *region; /* where the entry leads; NULL: nowhere */
	uint64_t space;		      /* serial of the address space that it stands for */
	bool is_told;		      /* the entry is of this identity */
};

struct newborn {
	pid_t pid;
	uint64_t born_ns;
};

struct unwind_tables {
	struct unwind_options options;
	const struct unwind_maps *maps;
	struct unwind_rows *rows;
	struct unwind_modules *modules;
	struct unwind_regions *regions;
	struct procs *procs;
	struct unwind_notes notes; /* has a lock of its own */

	pthread_mutex_t lock; /* of all below and of the above */
	struct subject **subjects;
	uint32_t count, subjects_size;
	struct hashmap by_pid;
	pid_t *dirty;
	uint32_t dirty_count, dirty_size;
	struct unwind_note *lookers; /* whose mappings are to be read again by and by */
	uint32_t looker_count, lookers_size;
	struct newborn *newborns; /* from newborn_next on, in order */
	uint32_t newborn_next, newborn_count, newborns_size;

	struct task_inbox *inbox; /* has locks of its own; NULL: no events but those of tests */
	struct unwind_stats stats;
	uint64_t swept_ns;
	uint64_t audit_ns; /* the next one */
	uint32_t audit_at;
	bool is_short; /* has been said */
	int bell_fd;
	bool quit;
	pthread_t thread;
	bool has_thread;
};

/* --- processes --- */

static uint64_t pid_hash(pid_t pid)
{
	return hash_mix((uint64_t)pid, 0);
}

static bool same_pid(const void *table, uint32_t position, const void *key)
{
	return ((const struct unwind_tables *)table)->subjects[position]->pid ==
	       *(const pid_t *)key;
}

static uint32_t find_at(const struct unwind_tables *tables, pid_t pid)
{
	return hashmap_find(&tables->by_pid, pid_hash(pid), same_pid, tables, &pid);
}

static struct subject *find(const struct unwind_tables *tables, pid_t pid)
{
	uint32_t at = find_at(tables, pid);

	return at == HASHMAP_NONE ? NULL : tables->subjects[at];
}

static struct subject *add_subject(struct unwind_tables *tables, pid_t pid)
{
	struct subject *subject = calloc(1, sizeof(*subject));

	if (!subject ||
	    array_reserve(&tables->subjects, &tables->subjects_size, (size_t)tables->count + 1) ||
	    hashmap_add(&tables->by_pid, pid_hash(pid), tables->count)) {
		free(subject);
		return NULL;
	}
	subject->pid = pid;
	tables->subjects[tables->count++] = subject;
	return subject;
}

/* One that began before anybody looked. */
static struct subject *add_unknown(struct unwind_tables *tables, pid_t pid)
{
	struct subject *subject = add_subject(tables, pid);

	if (subject)
		subject->has_threads = true;
	return subject;
}

/* The process is led elsewhere, or is no more. */
static void leave_region(struct unwind_tables *tables, struct subject *subject, uint64_t now_ns)
{
	unwind_regions_put(tables->regions, TAKE_PTR(subject->region), now_ns + WICK_GRACE_NS);
	subject->space = 0;
	subject->is_told = false;
}

static void forget(struct unwind_tables *tables, struct subject *subject, uint64_t now_ns)
{
	uint32_t at = find_at(tables, subject->pid), last = tables->count - 1;

	leave_region(tables, subject, now_ns);
	hashmap_remove(&tables->by_pid, pid_hash(subject->pid), at);
	if (at != last) {
		hashmap_move(&tables->by_pid, pid_hash(tables->subjects[last]->pid), last, at);
		tables->subjects[at] = tables->subjects[last];
	}
	tables->count--;
	free(subject);
}

static void mark(struct unwind_tables *tables, struct subject *subject, uint64_t changed_ns)
{
	if (!subject->changed_ns)
		subject->changed_ns = changed_ns;
	if (subject->is_dirty ||
	    array_reserve(&tables->dirty, &tables->dirty_size, (size_t)tables->dirty_count + 1))
		return;
	tables->dirty[tables->dirty_count++] = subject->pid;
	subject->is_dirty = true;
}

/* --- publishing --- */

/* The entry is of another process or program by now: who comes later has a later start, or more execs. */
static bool is_past(const struct unwind_tables *tables, pid_t pid, const struct wick_proc *known)
{
	struct wick_proc proc;

	if (tables->maps->get(tables->maps->context, pid, &proc))
		return false;
	return proc.start_ns > known->start_ns ||
	       (proc.start_ns == known->start_ns && proc.exec_id > known->exec_id);
}

/* Leads the entry to region, or nowhere. False: the process is gone. With what has become another's entry
 * that one could not be walked any more, and would be taken for this one: see ask_kernel(). */
static bool tell(struct unwind_tables *tables, const struct subject *subject,
		 const struct unwind_region *region)
{
	struct wick_proc proc = {.start_ns = subject->start_ns, .exec_id = subject->exec_id};
	int err;

	if (region) {
		proc.serial = region->serial;
		proc.first = region->range.start;
		proc.count = region->count;
	}
	if (is_past(tables, subject->pid, &proc))
		return false;
	err = tables->maps->put(tables->maps->context, subject->pid, &proc);
	if (err && err != -ENOENT)
		log_debug("unwind: process %d: %s", subject->pid, strerror(-err));
	tables->stats.publishes++;
	return !err;
}

static void unpublish(struct unwind_tables *tables, struct subject *subject, uint64_t now_ns)
{
	if (!subject->region)
		return;
	tell(tables, subject, NULL);
	leave_region(tables, subject, now_ns);
}

static void switch_region(struct unwind_tables *tables, struct subject *subject,
			  struct unwind_region *region, uint64_t space, uint64_t now_ns)
{
	bool is_same = subject->is_told && region == subject->region;

	if (!is_same && !tell(tables, subject, region)) {
		unwind_regions_put(tables->regions, region, now_ns + WICK_GRACE_NS);
		leave_region(tables, subject, now_ns);
		return;
	}
	unwind_regions_put(tables->regions, subject->region, now_ns + WICK_GRACE_NS);
	subject->region = region;
	subject->space = space;
	subject->is_told = true;
	subject->published_ns = now_ns;
	if (subject->changed_ns && tables->options.events)
		unwind_span_add(&tables->stats.delay, clock_boot_ns() - subject->changed_ns);
	subject->changed_ns = 0;
}

/* The mappings map is full: whoever was not sampled for longest gives up its region. */
static bool free_region(struct unwind_tables *tables, const struct subject *keep, uint64_t now_ns)
{
	struct subject *oldest = NULL;

	for (uint32_t i = 0; i < tables->count; i++) {
		struct subject *subject = tables->subjects[i];

		if (subject != keep && subject->region && subject->used_ns + COOL_NS < now_ns &&
		    (!oldest || subject->used_ns < oldest->used_ns))
			oldest = subject;
	}
	if (oldest)
		unpublish(tables, oldest, now_ns);
	return oldest;
}

/* To be tried again when what rests can be used. */
static void refuse(struct unwind_tables *tables, struct subject *subject, uint64_t now_ns)
{
	free_region(tables, subject, now_ns);
	tables->stats.refusals++;
	unpublish(tables, subject, now_ns);
	subject->retry_ns = now_ns + WICK_GRACE_NS + RETRY_NS;
	mark(tables, subject, 0);
}

/* A change costs a whole new region, while the old one rests: a loader that maps a hundred files in
 * a row would fill the map. */
static uint64_t calm_ns(const struct unwind_tables *tables, const struct unwind_region *region)
{
	uint64_t calm = region->count * CALM_NS;

	return calm > CALM_MAX_NS || unwind_regions_is_pressed(tables->regions) ? CALM_MAX_NS
										: calm;
}

static bool must_calm(struct unwind_tables *tables, struct subject *subject,
		      const struct address_space *space, uint64_t now_ns)
{
	uint64_t until;

	if (!subject->region || !subject->is_told)
		return false;
	until = subject->published_ns + calm_ns(tables, subject->region);
	if (now_ns >= until)
		return false;
	if (unwind_regions_is_wrong(tables->regions, subject->region, space))
		unpublish(tables, subject, now_ns);
	subject->retry_ns = until;
	mark(tables, subject, 0);
	return true;
}

/* The kernel's followers keep the entry's start time right through fork and exec. */
static bool learn_start(struct unwind_tables *tables, struct subject *subject,
			struct wick_proc *ret_proc)
{
	if (tables->maps->get(tables->maps->context, subject->pid, ret_proc))
		return false;
	subject->start_ns = ret_proc->start_ns;
	subject->has_start = true;
	return true;
}

/* The record of a fork comes a moment before the entry of the child. Without an exec id, a sample
 * has to tell. */
static bool is_identified(struct unwind_tables *tables, struct subject *subject, uint64_t now_ns)
{
	struct wick_proc proc;

	if (subject->has_exec && !subject->has_start && !learn_start(tables, subject, &proc) &&
	    subject->tries++ < TRIES_MAX) {
		subject->retry_ns = now_ns + RETRY_NS;
		mark(tables, subject, 0);
	}
	return subject->has_start && subject->has_exec;
}

static void publish(struct unwind_tables *tables, struct subject *subject, uint64_t now_ns)
{
	const struct address_space *space = procs_peek(tables->procs, subject->pid);
	struct unwind_region *region;
	int err;

	if (!is_identified(tables, subject, now_ns))
		return;
	if (!space || !space->count) {
		unpublish(tables, subject, now_ns);
		return;
	}
	if (must_calm(tables, subject, space, now_ns))
		return;
	err = unwind_regions_get(tables->regions, space, subject->region, &region);
	if (err)
		refuse(tables, subject, now_ns);
	else
		switch_region(tables, subject, region, space->serial, now_ns);
}

static void flush(struct unwind_tables *tables, uint64_t now_ns)
{
	_cleanup_free_ pid_t *dirty = TAKE_PTR(tables->dirty);
	uint32_t count = tables->dirty_count;

	tables->dirty_count = tables->dirty_size = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct subject *subject = find(tables, dirty[i]);

		if (!subject || !subject->is_dirty)
			continue;
		subject->is_dirty = false;
		if (now_ns < subject->retry_ns)
			mark(tables, subject, 0);
		else
			publish(tables, subject, now_ns);
	}
}

/* --- room for rows --- */

static void evict(struct unwind_tables *tables, uint32_t module, uint64_t now_ns)
{
	unwind_modules_evict(tables->modules, module);
	unwind_regions_refresh(tables->regions);
	for (uint32_t i = 0; i < tables->count; i++) {
		struct subject *subject = tables->subjects[i];
		struct unwind_region *region = subject->region;

		if (!region || !unwind_region_reopen(region, module))
			continue;
		publish(tables, subject, now_ns);
		if (subject->region == region)
			unpublish(tables, subject, now_ns);
	}
	unwind_modules_rest(tables->modules, module, now_ns + WICK_GRACE_NS);
}

static void make_room(struct unwind_tables *tables, uint32_t rows, uint64_t now_ns)
{
	uint32_t resting = unwind_rows_stats(tables->rows).resting, module;

	while (resting < rows &&
	       unwind_modules_oldest(tables->modules, now_ns - COOL_NS, &module)) {
		resting += unwind_placed_rows(unwind_modules_get(tables->modules, module)->placed);
		evict(tables, module, now_ns);
	}
	if (resting >= rows || tables->is_short)
		return;
	tables->is_short = true;
	log_warn("not all unwind tables fit in the memory for them; some stacks will be cut");
	log_hint("give them more with --unwind-memory");
}

static void take_modules(struct unwind_tables *tables, uint64_t now_ns)
{
	uint32_t rows_short = 0;

	if (!unwind_modules_take(tables->modules, now_ns, &rows_short))
		return;
	unwind_regions_refresh(tables->regions);
	for (uint32_t i = 0; i < tables->count; i++) {
		struct subject *subject = tables->subjects[i];

		if (subject->region && !unwind_regions_is_current(tables->regions, subject->region))
			mark(tables, subject, 0);
	}
	if (rows_short)
		make_room(tables, rows_short, now_ns);
}

static void want(struct unwind_tables *tables, uint32_t module, pid_t pid, uint64_t start,
		 uint64_t end, uint32_t weight, uint64_t now_ns)
{
	const struct unwind_want how = {pid, start, end, weight};

	unwind_modules_want(tables->modules, module, &how, now_ns);
}

static void use_modules(struct unwind_tables *tables, const struct address_space *space, pid_t pid,
			uint64_t now_ns)
{
	for (uint32_t i = 0; i < space->count; i++) {
		const struct proc_map *map = &space->maps[i];

		if (i && map->module == map[-1].module) /* as in a process with very many */
			continue;
		want(tables, map->module, pid, map->start, map->end, UNWIND_WANT_SAMPLED, now_ns);
		unwind_modules_get(tables->modules, map->module)->used_ns = now_ns;
	}
}

/* --- events --- */

/* What the kernel copied at the fork is known by its serial; it may be older than what the parent
 * is led to by now. */
static void inherit(struct unwind_tables *tables, struct subject *child,
		    const struct subject *parent)
{
	struct wick_proc proc;

	if (!learn_start(tables, child, &proc) || !child->has_exec)
		return;
	if (!proc.serial || proc.exec_id != child->exec_id || !parent || !parent->region ||
	    parent->region->serial != proc.serial)
		return;
	child->region = parent->region;
	child->region->refs++;
	child->space = parent->space;
	child->is_told = true;
}

/* What the entry says of a process, and then what /proc says: an exec in between makes the entry
 * the older of the two, and then nothing is walked by these mappings. */
static void get_to_know(struct unwind_tables *tables, struct subject *subject, uint64_t now_ns)
{
	const struct address_space *space;
	struct wick_proc proc;

	subject->since_ns = clock_boot_ns();
	if (!learn_start(tables, subject, &proc))
		return;
	subject->exec_id = proc.exec_id;
	subject->has_exec = true;
	subject->until_ns = clock_boot_ns();
	procs_read(tables->procs, subject->pid);
	tables->stats.reads++;
	space = procs_peek(tables->procs, subject->pid);
	if (!space)
		return;
	use_modules(tables, space, subject->pid, now_ns);
	mark(tables, subject, 0);
}

/* A parent that sleeps but to fork is never sampled, while all its children have its memory. */
static void know_parent(struct unwind_tables *tables, struct subject *parent, uint64_t now_ns)
{
	if (parent && (!procs_peek(tables->procs, parent->pid) || !parent->has_exec))
		get_to_know(tables, parent, now_ns);
}

static bool is_wanted(const struct unwind_tables *tables, const struct subject *parent)
{
	return tables->options.scope == UNWIND_ALL ||
	       (tables->options.scope == UNWIND_FOLLOW && parent);
}

static void mark_if_changed(struct unwind_tables *tables, struct subject *subject,
			    uint64_t changed_ns)
{
	const struct address_space *space = procs_peek(tables->procs, subject->pid);

	if (space && space->serial != subject->space)
		mark(tables, subject, changed_ns);
}

/* The child has done something, or gone on for a while. */
static void adopt(struct unwind_tables *tables, struct subject *child)
{
	if (!child->is_new)
		return;
	child->is_new = false;
	inherit(tables, child, find(tables, child->parent));
	mark_if_changed(tables, child, 0);
}

/* Most children end, or become another program, before anybody has to care. */
static void defer(struct unwind_tables *tables, struct subject *child, pid_t parent,
		  uint64_t now_ns)
{
	child->is_new = true;
	child->parent = parent;
	if (tables->newborn_next > tables->newborn_count / 2) {
		tables->newborn_count -= tables->newborn_next;
		memmove(tables->newborns, tables->newborns + tables->newborn_next,
			tables->newborn_count * sizeof(*tables->newborns));
		tables->newborn_next = 0;
	}
	if (array_reserve(&tables->newborns, &tables->newborns_size,
			  (size_t)tables->newborn_count + 1))
		adopt(tables, child);
	else
		tables->newborns[tables->newborn_count++] = (struct newborn){child->pid, now_ns};
}

/* Before regions that have rested are used again: what a child's entry leads to may be among them by
 * the time that nobody else is led there. */
static void adopt_due(struct unwind_tables *tables, uint64_t now_ns)
{
	for (; tables->newborn_next < tables->newborn_count; tables->newborn_next++) {
		const struct newborn *newborn = &tables->newborns[tables->newborn_next];
		struct subject *child = find(tables, newborn->pid);

		if (newborn->born_ns + NEW_NS > now_ns)
			return;
		if (child)
			adopt(tables, child);
	}
}

static void on_fork(struct unwind_tables *tables, const struct task_event *event, uint64_t now_ns)
{
	struct subject *parent = find(tables, event->parent), *child = find(tables, event->pid);

	if (child && child->until_ns > event->time_ns) { /* added with open eyes */
		procs_event(tables->procs, event, 0);
		mark_if_changed(tables, child, 0);
		return;
	}
	if (child)
		forget(tables, child, now_ns);
	if (!is_wanted(tables, parent))
		return;
	know_parent(tables, parent, now_ns);
	procs_event(tables->procs, event, 0);
	child = add_subject(tables, event->pid);
	if (!child)
		return;
	child->used_ns = now_ns;
	if (parent && parent->has_exec) {
		child->exec_id = parent->exec_id;
		child->has_exec = true;
	}
	defer(tables, child, event->parent, now_ns);
}

static void on_exec(struct unwind_tables *tables, struct subject *subject,
		    const struct task_event *event, uint64_t now_ns)
{
	procs_event(tables->procs, event, 0);
	leave_region(tables, subject, now_ns);
	subject->exec_ns = event->time_ns;
	subject->used_ns = now_ns;
	subject->retry_ns = 0;
	subject->changed_ns = 0;
	if (event->time_ns >= subject->until_ns)
		subject->exec_id++;
	else if (event->time_ns >= subject->since_ns)
		subject->has_exec = false; /* the id may be of before or after */
	subject->tries = 0;
	subject->has_exited = false; /* a thread's exec ends its leader first */
	subject->has_threads = false;
	subject->is_new = false;
	subject->look_ns = 0;
}

/* Text that is being copied may not be there yet. */
static void look_again(struct unwind_tables *tables, struct subject *subject,
		       const struct unwind_note *note)
{
	if (subject->is_looker || !procs_look_ns(tables->procs, subject->pid) ||
	    array_reserve(&tables->lookers, &tables->lookers_size,
			  (size_t)tables->looker_count + 1))
		return;
	tables->lookers[tables->looker_count++] = *note;
	subject->is_looker = true;
}

static void on_map(struct unwind_tables *tables, struct subject *subject,
		   const struct task_event *event, uint64_t now_ns)
{
	uint32_t module;

	if (!procs_peek(tables->procs, subject->pid)) /* all of it is read when it is sampled */
		return;
	if (unwind_modules_number(tables->modules, event, &module)) {
		procs_event(tables->procs, &(struct task_event){.kind = TASK_LOST}, 0);
		unpublish(tables, subject, now_ns);
		return;
	}
	adopt(tables, subject);
	procs_event(tables->procs, event, module);
	want(tables, module, event->pid, event->start, event->end, UNWIND_WANT_NEW, now_ns);
	mark_if_changed(tables, subject, event->time_ns);
	if (subject->has_start && subject->has_exec)
		look_again(tables, subject,
			   &(struct unwind_note){event->pid, event->tid, subject->start_ns,
						 subject->exec_id, event->time_ns, false});
}

/* Of the leader: other threads may go on. Else the kernel's follower has removed the entry. */
static void on_leader_exit(struct unwind_tables *tables, struct subject *subject,
			   const struct task_event *event, uint64_t now_ns)
{
	struct wick_proc proc;

	procs_event(tables->procs, event, 0);
	if (!subject->has_threads) {
		forget(tables, subject, now_ns);
		return;
	}
	adopt(tables, subject);
	subject->has_exited = true;
	subject->look_ns = now_ns + LINGER_NS;
	if (tables->maps->get(tables->maps->context, subject->pid, &proc) == -ENOENT)
		leave_region(tables, subject, now_ns);
}

/* Anything may have happened: nothing is known until it is sampled again. */
static void on_lost(struct unwind_tables *tables, const struct task_event *event, uint64_t now_ns)
{
	tables->stats.lost += event->lost;
	procs_event(tables->procs, event, 0);
	for (uint32_t i = 0; i < tables->count; i++) {
		struct subject *subject = tables->subjects[i];

		unpublish(tables, subject, now_ns);
		subject->has_exec = subject->has_start = subject->is_new = false;
		subject->has_threads = true;
		subject->look_ns = now_ns;
	}
}

static void apply(struct unwind_tables *tables, const struct task_event *event, uint64_t now_ns)
{
	struct subject *subject = find(tables, event->pid);

	tables->stats.events++;
	if (event->kind == TASK_CODE)
		return;
	if (event->kind == TASK_LOST) {
		on_lost(tables, event, now_ns);
		return;
	}
	if (event->kind == TASK_FORK) {
		on_fork(tables, event, now_ns);
		return;
	}
	if (!subject && event->kind == TASK_EXEC && tables->options.scope == UNWIND_ALL)
		subject = add_subject(tables, event->pid); /* one thread is left of it */
	if (!subject)
		return;
	if (event->kind == TASK_EXEC) {
		on_exec(tables, subject, event, now_ns);
	} else if (event->kind == TASK_MAP) {
		on_map(tables, subject, event, now_ns);
	} else if (event->kind == TASK_THREAD) {
		subject->has_threads = true;
	} else if (event->tid == event->pid) {
		on_leader_exit(tables, subject, event, now_ns);
	}
}

/* --- draining --- */

/* False: there is more. */
static bool apply_slice(struct unwind_tables *tables, uint64_t now_ns)
{
	const struct task_event *event;

	if (!tables->inbox)
		return true;
	task_inbox_fill(tables->inbox);
	for (unsigned int i = 0; i < SLICE; i++) {
		event = task_inbox_next(tables->inbox);
		if (!event)
			return true;
		apply(tables, event, now_ns);
	}
	return !task_inbox_has_next(tables->inbox);
}

static void ring(struct unwind_tables *tables)
{
	uint64_t one = 1;

	if (write(tables->bell_fd, &one, sizeof(one)) < 0)
		log_debug("unwind bell: %s", strerror(errno));
}

void unwind_tables_look(struct unwind_tables *tables)
{
	if (!tables->inbox)
		return;
	task_inbox_fill(tables->inbox);
	if (task_inbox_has_next(tables->inbox))
		ring(tables);
}

void unwind_tables_drain(struct unwind_tables *tables, task_event_take take, void *context)
{
	struct task_batch *batches;

	if (!tables->inbox)
		return;
	unwind_tables_look(tables);
	batches = task_inbox_take(tables->inbox);
	task_batches_each(batches, take, context);
}

/* --- samples --- */

void unwind_tables_sample(struct unwind_tables *tables, const struct wick_sample *sample)
{
	if (unwind_notes_hear(&tables->notes, sample))
		ring(tables);
}

/* The kernel's record of an exec comes a moment before its id: a sample in between has the old. */
static bool is_just_before(const struct subject *subject, const struct unwind_note *note)
{
	return subject->has_exec && subject->has_start && subject->start_ns == note->start_ns &&
	       note->exec_id + 1 == subject->exec_id && note->time_ns - subject->exec_ns < EXEC_NS;
}

/* It is another process or program than the one whose mappings we know. */
static void start_anew(struct unwind_tables *tables, const struct unwind_note *note)
{
	const struct task_event event = {
		.kind = TASK_EXEC, .pid = note->pid, .tid = note->pid, .time_ns = note->time_ns};

	procs_event(tables->procs, &event, 0);
	procs_doubt(tables->procs, note->pid);
}

/* A sample is the kernel's own word on who its process is. False: it is not that any more. */
static bool identify(struct unwind_tables *tables, struct subject *subject,
		     const struct unwind_note *note, uint64_t now_ns)
{
	struct wick_proc proc = {.start_ns = note->start_ns, .exec_id = note->exec_id};

	if (subject->has_start && subject->has_exec && subject->start_ns == note->start_ns &&
	    subject->exec_id == note->exec_id)
		return true;
	if (is_just_before(subject, note))
		return true;
	if (is_past(tables, note->pid, &proc)) /* a sample's word is as old as the sample */
		return false;
	if (subject->has_start && subject->has_exec)
		start_anew(tables, note);
	leave_region(tables, subject, now_ns);
	subject->start_ns = note->start_ns;
	subject->exec_id = note->exec_id;
	subject->has_start = subject->has_exec = true;
	/* It had none if it came when the map was full. */
	if (tables->maps->add(tables->maps->context, subject->pid, &proc))
		tell(tables, subject, NULL);
	else
		subject->look_ns = now_ns; /* nobody may be left to remove it */
	return true;
}

/* The follower of an exec may have overwritten what was just told. */
static bool is_told_still(const struct unwind_tables *tables, const struct subject *subject)
{
	struct wick_proc proc;

	return !tables->maps->get(tables->maps->context, subject->pid, &proc) &&
	       proc.serial == subject->region->serial && proc.exec_id == subject->exec_id;
}

static bool is_dead(pid_t pid)
{
	return kill(pid, 0) && errno == ESRCH;
}

static void take_note(struct unwind_tables *tables, const struct unwind_note *note, uint64_t now_ns)
{
	struct subject *subject = find(tables, note->pid);
	const struct address_space *space = procs_peek(tables->procs, note->pid);

	if ((!subject || !subject->has_start) && is_dead(note->pid))
		return;
	if (!subject && tables->options.scope == UNWIND_ALL)
		subject = add_unknown(tables, note->pid);
	if (!subject || note->time_ns < subject->exec_ns)
		return;
	adopt(tables, subject);
	if (!identify(tables, subject, note, now_ns))
		return;
	subject->used_ns = now_ns;
	tables->stats.reads += !space;
	space = procs_space(tables->procs, note->pid, note->tid, note->start_ns, note->exec_id);
	if (!space)
		return;
	use_modules(tables, space, note->pid, now_ns);
	look_again(tables, subject, note);
	if (note->no_tables && subject->region && !is_told_still(tables, subject))
		subject->is_told = false;
	if (!subject->region || subject->space != space->serial || !subject->is_told ||
	    !unwind_regions_is_current(tables->regions, subject->region))
		mark(tables, subject, 0);
}

static void take_notes(struct unwind_tables *tables, uint64_t now_ns)
{
	_cleanup_free_ struct unwind_note *notes = NULL;
	uint32_t count = unwind_notes_take(&tables->notes, &notes);

	for (uint32_t i = 0; i < count; i++)
		take_note(tables, &notes[i], now_ns);
}

/* Those whose look is due. */
static void take_lookers(struct unwind_tables *tables, uint64_t now_ns)
{
	_cleanup_free_ struct unwind_note *lookers = TAKE_PTR(tables->lookers);
	uint32_t count = tables->looker_count;

	tables->looker_count = tables->lookers_size = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct subject *subject = find(tables, lookers[i].pid);

		if (!subject)
			continue;
		subject->is_looker = false;
		if (procs_look_ns(tables->procs, subject->pid) > now_ns)
			look_again(tables, subject, &lookers[i]);
		else
			take_note(tables, &lookers[i], now_ns);
	}
}

/* --- processes that are gone --- */

static bool is_gone(const struct unwind_tables *tables, const struct subject *subject)
{
	struct wick_proc proc;

	if (tables->maps->get(tables->maps->context, subject->pid, &proc) == -ENOENT)
		return true;
	if (!is_dead(subject->pid))
		return false;
	tables->maps->remove(tables->maps->context, subject->pid);
	return true;
}

static void sweep(struct unwind_tables *tables, uint64_t now_ns)
{
	if (now_ns - tables->swept_ns < LINGER_NS)
		return;
	tables->swept_ns = now_ns;
	procs_sweep(tables->procs, now_ns - LINGER_NS);
	for (uint32_t i = 0; i < tables->count;) {
		struct subject *subject = tables->subjects[i];

		if (!subject->look_ns || now_ns < subject->look_ns) {
			i++;
		} else if (is_gone(tables, subject)) {
			forget(tables, subject, now_ns);
		} else {
			subject->look_ns = subject->has_exited ? now_ns + LOOK_NS : 0;
			i++;
		}
	}
}

/* Not every end is told: a share of those that seem to go on is looked for in each round. */
static void audit(struct unwind_tables *tables, uint64_t now_ns)
{
	uint32_t share = tables->count / AUDIT_ROUNDS + 1;

	if (!tables->count || now_ns < tables->audit_ns || !tables->options.events)
		return;
	tables->audit_ns = now_ns + LINGER_NS;
	procs_audit(tables->procs, now_ns);
	for (uint32_t i = 0; i < share; i++) {
		struct subject *subject = tables->subjects[tables->audit_at++ % tables->count];

		if (!subject->look_ns && is_dead(subject->pid))
			subject->look_ns = now_ns + LINGER_NS;
	}
}

/* --- modules that go --- */

static void mark_module(void *context, uint32_t module)
{
	unwind_modules_mark(context, module);
}

static void sweep_modules(struct unwind_tables *tables, uint64_t now_ns)
{
	if (!unwind_modules_is_crowded(tables->modules))
		return;
	procs_each_module(tables->procs, mark_module, tables->modules);
	unwind_modules_sweep(tables->modules, now_ns + WICK_GRACE_NS);
}

/* --- the thread --- */

/* False: there is more to do at once. */
static bool work(struct unwind_tables *tables, uint64_t now_ns)
{
	bool is_done;

	adopt_due(tables, now_ns);
	unwind_rows_wake(tables->rows, now_ns);
	unwind_regions_wake(tables->regions, now_ns);
	is_done = apply_slice(tables, now_ns);
	take_notes(tables, now_ns);
	take_lookers(tables, now_ns);
	take_modules(tables, now_ns);
	flush(tables, now_ns);
	sweep(tables, now_ns);
	audit(tables, now_ns);
	sweep_modules(tables, now_ns);
	tables->stats.rounds++;
	return is_done;
}

static void wait_less(uint64_t *wait_ns, uint64_t until_ns, uint64_t now_ns)
{
	uint64_t left = until_ns > now_ns ? until_ns - now_ns : 0;

	if (left < *wait_ns)
		*wait_ns = left;
}

/* Milliseconds to sleep if nothing happens. */
static int patience(const struct unwind_tables *tables, uint64_t now_ns)
{
	uint64_t wait_ns = TURN_MS * 1000000ull;

	for (uint32_t i = 0; i < tables->dirty_count; i++) {
		const struct subject *subject = find(tables, tables->dirty[i]);

		wait_less(&wait_ns, subject ? subject->retry_ns : 0, now_ns);
	}
	for (uint32_t i = 0; i < tables->looker_count; i++)
		wait_less(&wait_ns, procs_look_ns(tables->procs, tables->lookers[i].pid), now_ns);
	return (int)((wait_ns + 999999) / 1000000);
}

/* What is asked for by name may cost more than the whole machine that is watched for good. */
static struct unwind_pace pace_of(enum unwind_scope scope)
{
	return scope == UNWIND_ALL ? (struct unwind_pace){.parts = 50, .nap.tv_nsec = 1000000}
				   : (struct unwind_pace){.parts = 10};
}

static void *thread_main(void *context)
{
	struct unwind_tables *tables = context;
	struct pollfd fds[] = {{.fd = task_events_fd(tables->options.events), .events = POLLIN},
			       {.fd = tables->bell_fd, .events = POLLIN}};
	struct unwind_pace pace = pace_of(tables->options.scope);
	uint64_t rings;
	int wait_ms = 0;
	bool is_done;

	pthread_setname_np(pthread_self(), "wick-tables");
	urgent_thread(URGENT_TABLES);
	for (bool quit = false; !quit;) {
		poll(fds, 2, wait_ms);
		if (fds[1].revents && read(tables->bell_fd, &rings, sizeof(rings)) < 0)
			log_debug("unwind bell: %s", strerror(errno));
		do {
			pthread_mutex_lock(&tables->lock);
			is_done = work(tables, clock_boot_ns());
			wait_ms = patience(tables, clock_boot_ns());
			quit = tables->quit;
			pthread_mutex_unlock(&tables->lock);
		} while (!is_done && !quit);
		unwind_pace_rest(&pace);
	}
	return NULL;
}

static int ask_kernel(void *context, pid_t pid, uint64_t *ret_start_ns, uint64_t *ret_exec_id)
{
	const struct unwind_maps *maps = context;
	struct wick_proc proc;
	int err = maps->get(maps->context, pid, &proc);

	if (err)
		return err;
	*ret_start_ns = proc.start_ns;
	*ret_exec_id = proc.exec_id;
	return 0;
}

int unwind_tables_start(struct unwind_tables *tables)
{
	int err;

	procs_ask(tables->procs, ask_kernel, (void *)tables->maps);
	err = -pthread_create(&tables->thread, NULL, thread_main, tables);

	tables->has_thread = !err;
	return err;
}

void unwind_tables_event(struct unwind_tables *tables, const struct task_event *event)
{
	pthread_mutex_lock(&tables->lock);
	apply(tables, event, event->time_ns);
	pthread_mutex_unlock(&tables->lock);
}

void unwind_tables_work(struct unwind_tables *tables, uint64_t now_ns)
{
	pthread_mutex_lock(&tables->lock);
	work(tables, now_ns);
	pthread_mutex_unlock(&tables->lock);
}

/* --- before the start --- */

void unwind_tables_add(struct unwind_tables *tables, const struct wick_task *task,
		       uint64_t since_ns, uint64_t until_ns)
{
	const struct wick_proc proc = {.start_ns = task->start_ns, .exec_id = task->exec_id};
	struct subject *subject;
	int err;

	pthread_mutex_lock(&tables->lock);
	subject = find(tables, (pid_t)task->pid);
	if (!subject)
		subject = add_unknown(tables, (pid_t)task->pid);
	if (subject) {
		subject->start_ns = task->start_ns;
		subject->exec_id = task->exec_id;
		subject->has_start = subject->has_exec = true;
		subject->since_ns = since_ns;
		subject->until_ns = until_ns;
		err = tables->maps->add(tables->maps->context, subject->pid, &proc);
		if (err && err != -EEXIST)
			log_debug("unwind: process %u: %s", task->pid, strerror(-err));
	}
	pthread_mutex_unlock(&tables->lock);
}

void unwind_tables_load(struct unwind_tables *tables, pid_t pid)
{
	const struct address_space *space;
	struct subject *subject;
	uint64_t now;

	pthread_mutex_lock(&tables->lock);
	now = clock_boot_ns();
	subject = find(tables, pid);
	if (subject) {
		procs_read(tables->procs, pid);
		tables->stats.reads++;
		space = procs_peek(tables->procs, pid);
		if (space)
			use_modules(tables, space, pid, now);
		mark(tables, subject, 0);
	}
	pthread_mutex_unlock(&tables->lock);
}

void unwind_tables_load_file(struct unwind_tables *tables, const char *path)
{
	struct task_event event = {.path = path};
	struct stat status;
	uint32_t module;

	if (path[0] != '/' || stat(path, &status))
		return;
	event.dev = status.st_dev;
	event.inode = status.st_ino;
	pthread_mutex_lock(&tables->lock);
	if (!unwind_modules_number(tables->modules, &event, &module))
		want(tables, module, 0, 0, 0, UNWIND_WANT_NEW, clock_boot_ns());
	pthread_mutex_unlock(&tables->lock);
}

void unwind_tables_load_common(struct unwind_tables *tables)
{
	const uint64_t addrs[] = {(uint64_t)(uintptr_t)&getauxval,
				  (uint64_t)(uintptr_t)&__tls_get_addr, getauxval(AT_SYSINFO_EHDR)};
	const struct address_space *space;
	const struct proc_map *map;

	pthread_mutex_lock(&tables->lock);
	procs_read(tables->procs, getpid());
	space = procs_peek(tables->procs, getpid());
	for (size_t i = 0; space && i < ARRAY_SIZE(addrs); i++) {
		map = address_space_find(space, addrs[i]);
		if (map)
			want(tables, map->module, getpid(), map->start, map->end, UNWIND_WANT_NEW,
			     clock_boot_ns());
	}
	pthread_mutex_unlock(&tables->lock);
}

static bool is_loading(struct unwind_tables *tables)
{
	return unwind_modules_stats(tables->modules).queued;
}

void unwind_tables_wait(struct unwind_tables *tables)
{
	uint64_t deadline = clock_boot_ns() + LOAD_MAX_NS;
	struct pollfd bell = {.fd = tables->bell_fd, .events = POLLIN};
	bool go_on = true, is_done;
	uint64_t rings;

	while (go_on && clock_boot_ns() < deadline) {
		pthread_mutex_lock(&tables->lock);
		is_done = work(tables, clock_boot_ns());
		go_on = !is_done || is_loading(tables);
		pthread_mutex_unlock(&tables->lock);
		if (go_on && is_done && poll(&bell, 1, TURN_MS) > 0 &&
		    read(tables->bell_fd, &rings, sizeof(rings)) < 0)
			log_debug("unwind bell: %s", strerror(errno));
	}
}

/* --- telling --- */

struct unwind_stats unwind_tables_stats(struct unwind_tables *tables)
{
	struct unwind_stats stats;

	pthread_mutex_lock(&tables->lock);
	stats = tables->stats;
	stats.processes = tables->count;
	stats.modules = unwind_modules_stats(tables->modules);
	stats.rows = unwind_rows_stats(tables->rows);
	unwind_regions_count(tables->regions, &stats.regions, &stats.mappings,
			     &stats.mappings_resting);
	pthread_mutex_unlock(&tables->lock);
	return stats;
}

void unwind_tables_tell_memory(struct unwind_tables *tables, memory_take take, void *context)
{
	const struct unwind_sizes *sizes = &tables->maps->sizes;
	struct unwind_stats stats = unwind_tables_stats(tables);
	struct memory_item items[] = {
		{"unwind_modules", "mapped files that have been met, for unwind rows",
		 stats.modules.known, tables->options.modules_limit, stats.modules.bytes},
		{"unwind_waiting", "mapped files that wait for their unwind rows",
		 stats.modules.queued, UNWIND_JOBS_MAX, 0},
		{"unwind_processes", "processes whose mappings are followed, to unwind them",
		 stats.processes, 0, 0},
		{"unwind_mappings", "mappings that the kernel walks by, those that rest too",
		 stats.mappings + stats.mappings_resting, sizes->mappings,
		 sizes->mappings * sizeof(struct wick_mapping)},
		{"unwind_rules", "distinct unwind rules", stats.rows.rules, sizes->rules,
		 sizes->rules * sizeof(struct wick_rule)},
		{"unwind_rows", "unwind rows, those that rest too",
		 stats.rows.rows + stats.rows.resting,
		 sizes->shards * (uint64_t)(1 << WICK_SHARD_BITS),
		 (uint64_t)stats.rows.shards << 20},
	};

	pthread_mutex_lock(&tables->lock);
	items[2].bytes = procs_bytes(tables->procs) + tables->count * sizeof(struct subject);
	pthread_mutex_unlock(&tables->lock);
	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		take(context, &items[i]);
}

/* --- life --- */

int unwind_tables_new(const struct unwind_options *options, struct unwind_tables **ret_tables)
{
	_cleanup_(unwind_tables_freep) struct unwind_tables *tables = calloc(1, sizeof(*tables));
	int err;

	if (!tables)
		return -ENOMEM;
	tables->options = *options;
	if (!tables->options.modules_limit)
		tables->options.modules_limit = UNWIND_MODULES_LIMIT;
	tables->maps = options->maps;
	urgent_lock_init(&tables->lock);
	unwind_notes_init(&tables->notes);
	tables->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (tables->bell_fd < 0)
		return -errno;
	err = unwind_rows_new(tables->maps, &tables->rows);
	if (!err)
		err = unwind_modules_new(tables->rows, options->compile, tables->bell_fd,
					 tables->options.modules_limit, &tables->modules);
	if (!err)
		err = unwind_regions_new(tables->maps, tables->modules, &tables->regions);
	if (!err && options->events)
		err = task_inbox_new(options->events, &tables->inbox);
	if (!err)
		err = procs_new_numbered(unwind_modules_number, tables->modules, &tables->procs);
	if (err)
		return err;
	*ret_tables = TAKE_PTR(tables);
	return 0;
}

void unwind_tables_stop(struct unwind_tables *tables)
{
	uint64_t one = 1;

	if (!tables->has_thread)
		return;
	pthread_mutex_lock(&tables->lock);
	tables->quit = true;
	pthread_mutex_unlock(&tables->lock);
	if (write(tables->bell_fd, &one, sizeof(one)) < 0)
		log_debug("unwind bell: %s", strerror(errno));
	pthread_join(tables->thread, NULL);
	tables->has_thread = false;
}

void unwind_tables_free(struct unwind_tables *tables)
{
	if (!tables)
		return;
	unwind_tables_stop(tables);
	for (uint32_t i = 0; i < tables->count; i++) {
		unwind_regions_put(tables->regions, tables->subjects[i]->region, UINT64_MAX);
		free(tables->subjects[i]);
	}
	unwind_regions_free(tables->regions);
	unwind_modules_free(tables->modules);
	unwind_rows_free(tables->rows);
	procs_free(tables->procs);
	free(tables->subjects);
	free(tables->dirty);
	free(tables->newborns);
	free(tables->lookers);
	task_inbox_free(tables->inbox);
	hashmap_release(&tables->by_pid);
	if (tables->bell_fd >= 0)
		close(tables->bell_fd);
	pthread_mutex_destroy(&tables->lock);
	unwind_notes_release(&tables->notes);
	free(tables);
}
