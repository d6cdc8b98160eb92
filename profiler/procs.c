/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/procs.h"

#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hashmap.h"
#include "base/log.h"
#include "profiler/copied_text.h"
#include "symbolizer/jitdump.h"
#include "symbolizer/proc_maps.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
	MAPS_TEXT_MAX = 32 << 20, /* bytes of one /proc/PID/maps */
	MAPS_MAX = 65536,	  /* executable mappings of one process */
	REREAD_SHARE = 20,	  /* reading one process anew takes at most this part of the time */
	AUDIT_ROUNDS = 50,	  /* of an audit, until all have been looked for */
	AMID_MAX = 16,		  /* mappings looked past for the file on the other side */
	LOOKS_MAX = 13,		  /* for text that is being copied, over some seconds */
};

static const uint64_t LOOK_NS = 1000000; /* after the first look; then twice as long, each time */

static const uint64_t AUDIT_NS = 100000000; /* between the rounds */

struct process {
	pid_t pid;
	uint64_t start_ns; /* 0 = not seen in a sample yet */
	uint64_t exec_id;  /* one more at each exec */
	bool exec_known;
	bool exec_fresh;   /* the id is of the first sample after an exec, may be of just before */
	bool is_stale;	   /* records were lost since it was read */
	uint64_t known_ns; /* events up to here are in the address space already */
	uint64_t born_ns;  /* it did not start later; 0 = not known */
	uint64_t again_ns; /* not read again before */
	uint64_t look_ns;  /* read again then, as text may have been copied; 0: no need */
	uint32_t looks;
	uint64_t exit_ns; /* 0 = alive as far as we know */
	struct address_space *space;
};

struct procs {
	procs_number number;
	void *context;
	struct process *all;
	uint32_t count, size;
	struct hashmap by_pid;
	procs_identity ask;
	void *ask_context;
	uint64_t asked_since_ns;
	uint64_t next_serial, refused;
	uint64_t audit_ns; /* the next one */
	uint32_t audit_at;
	struct address_space *outside; /* of processes without a pid here */
	struct buf text;	       /* of a maps file */
};

/* --- address spaces --- */

static struct address_space *space_new(struct procs *procs)
{
	struct address_space *space = calloc(1, sizeof(*space));

	if (space) {
		space->refs = 1;
		space->serial = ++procs->next_serial;
	}
	return space;
}

static void space_put(struct address_space *space)
{
	if (space && !--space->refs) {
		if (space->maps)
			free(space->maps - space->front);
		free(space);
	}
}

/* Room for n more at either end: as much again as there is, so that it pays off. */
static int space_grow(struct address_space *space, uint32_t n)
{
	uint32_t slack = n + space->count / 2;
	struct proc_map *base;

	if (space->maps && space->front >= n && space->size - space->front - space->count >= n)
		return 0;
	base = malloc((space->count + 2 * (size_t)slack) * sizeof(*base));
	if (!base)
		return -ENOMEM;
	if (space->maps) {
		memcpy(base + slack, space->maps, space->count * sizeof(*base));
		free(space->maps - space->front);
	}
	space->maps = base + slack;
	space->front = slack;
	space->size = space->count + 2 * slack;
	return 0;
}

/* Replaces old entries from at on by n others; the shorter side moves: the kernel puts new mappings
 * below all others of their kind, so thousands of them would each move all the rest. Room is there.
 */
static void space_splice(struct address_space *space, uint32_t at, uint32_t old, uint32_t n)
{
	struct proc_map *maps = space->maps;
	uint32_t behind = space->count - at - old;

	if (at < behind) {
		space->maps = maps + old - n;
		space->front += old - n;
		memmove(space->maps, maps, at * sizeof(*maps));
	} else {
		memmove(&maps[at + n], &maps[at + old], behind * sizeof(*maps));
	}
	space->count += n - old;
}

static void space_putp(struct address_space **space)
{
	space_put(*space);
}

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* The process's own, changeable address space, under a new serial. */
static struct address_space *space_change(struct procs *procs, struct process *process)
{
	struct address_space *old = process->space, *copy;

	if (old->refs == 1) {
		old->serial = ++procs->next_serial;
		return old;
	}
	copy = space_new(procs);
	if (!copy || space_grow(copy, old->count + 1)) {
		space_put(copy);
		return NULL;
	}
	if (old->count)
		memcpy(copy->maps, old->maps, old->count * sizeof(*old->maps));
	copy->count = old->count;
	copy->has_jitdump = old->has_jitdump;
	copy->has_over = old->has_over;
	space_put(old);
	process->space = copy;
	return copy;
}

/* The number of maps that end at or before addr. */
static uint32_t maps_before(const struct address_space *space, uint64_t addr)
{
	uint32_t low = 0, high = space->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (space->maps[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct proc_map *address_space_find(const struct address_space *space, uint64_t addr)
{
	uint32_t at = maps_before(space, addr);

	return at < space->count && space->maps[at].start <= addr ? &space->maps[at] : NULL;
}

/* Puts map in, over whatever stood in its range: there is no record of munmap, so what is mapped
 * over another is how we learn that the other is gone. */
static int space_put_map(struct address_space *space, const struct proc_map *map)
{
	uint32_t first = maps_before(space, map->start), last = first, pieces = 0;
	struct proc_map piece[3];

	while (last < space->count && space->maps[last].start < map->end)
		last++;
	if (first < last && space->maps[first].start < map->start) {
		piece[pieces] = space->maps[first];
		piece[pieces++].end = map->start;
	}
	piece[pieces++] = *map;
	if (first < last && space->maps[last - 1].end > map->end) {
		piece[pieces] = space->maps[last - 1];
		piece[pieces].off += map->end - piece[pieces].start;
		piece[pieces++].start = map->end;
	}
	if (space->count + pieces - (last - first) > MAPS_MAX)
		return -E2BIG;
	if (space_grow(space, ARRAY_SIZE(piece)))
		return -ENOMEM;
	space_splice(space, first, last - first, pieces);
	memcpy(&space->maps[first], piece, pieces * sizeof(*piece));
	space->has_jitdump |= map->is_jitdump;
	space->has_over |= map->is_over;
	return 0;
}

/* Is a part of the range a file's, or has it been? */
static bool is_over_file(const struct address_space *space, const struct proc_map *map)
{
	for (uint32_t i = maps_before(space, map->start);
	     i < space->count && space->maps[i].start < map->end; i++)
		if (!space->maps[i].is_anonymous || space->maps[i].is_over)
			return true;
	return false;
}

/* --- the table --- */

static bool same_pid(const void *table, uint32_t position, const void *key)
{
	return ((const struct procs *)table)->all[position].pid == *(const pid_t *)key;
}

static uint64_t pid_hash(pid_t pid)
{
	return hash_bytes(&pid, sizeof(pid));
}

static struct process *find(const struct procs *procs, pid_t pid)
{
	uint32_t at = hashmap_find(&procs->by_pid, pid_hash(pid), same_pid, procs, &pid);

	return at == HASHMAP_NONE ? NULL : &procs->all[at];
}

const struct address_space *procs_peek(const struct procs *procs, pid_t pid)
{
	const struct process *process = find(procs, pid);

	return process && !process->is_stale ? process->space : NULL;
}

/* The process of this pid as a new one: no start time, this address space (taken over; NULL = out
 * of memory). */
static struct process *renew(struct procs *procs, pid_t pid, struct address_space *space)
{
	struct process *process = find(procs, pid);

	if (!space)
		return NULL;
	if (!process) {
		if (array_reserve(&procs->all, &procs->size, (size_t)procs->count + 1) ||
		    hashmap_add(&procs->by_pid, pid_hash(pid), procs->count)) {
			space_put(space);
			return NULL;
		}
		process = &procs->all[procs->count++];
	} else {
		space_put(process->space);
	}
	*process = (struct process){.pid = pid, .space = space};
	return process;
}

static void forget(struct procs *procs, uint32_t at)
{
	uint32_t last = procs->count - 1;

	hashmap_remove(&procs->by_pid, pid_hash(procs->all[at].pid), at);
	space_put(procs->all[at].space);
	if (at != last) {
		hashmap_move(&procs->by_pid, pid_hash(procs->all[last].pid), last, at);
		procs->all[at] = procs->all[last];
	}
	procs->count--;
}

void procs_sweep(struct procs *procs, uint64_t before_ns)
{
	for (uint32_t i = 0; i < procs->count;) {
		if (procs->all[i].exit_ns && procs->all[i].exit_ns < before_ns)
			forget(procs, i);
		else
			i++;
	}
}

static bool is_gone(pid_t pid)
{
	return kill(pid, 0) && errno == ESRCH;
}

void procs_audit(struct procs *procs, uint64_t now_ns)
{
	uint32_t share = procs->count / AUDIT_ROUNDS + 1;

	if (!procs->count || now_ns < procs->audit_ns)
		return;
	procs->audit_ns = now_ns + AUDIT_NS;
	for (uint32_t i = 0; i < share; i++) {
		struct process *process = &procs->all[procs->audit_at++ % procs->count];

		if (!process->exit_ns && is_gone(process->pid))
			process->exit_ns = now_ns;
	}
}

void procs_each_module(const struct procs *procs, void (*take)(void *context, uint32_t module),
		       void *context)
{
	for (uint32_t i = 0; i < procs->count; i++) {
		const struct address_space *space = procs->all[i].space;

		for (uint32_t j = 0; j < space->count; j++)
			take(context, space->maps[j].module);
	}
}

uint64_t procs_refused(const struct procs *procs)
{
	return procs->refused;
}

void procs_doubt(struct procs *procs, pid_t pid)
{
	struct process *process = find(procs, pid);

	if (process)
		process->is_stale = true;
}

uint32_t procs_count(const struct procs *procs)
{
	return procs->count;
}

/* --- reading /proc --- */

/* The whole text: the kernel gives at most a page a read. */
static int read_text(struct procs *procs, pid_t tid)
{
	_cleanup_close_ int fd = -1;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/maps", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	buf_clear(&procs->text);
	do {
		if (procs->text.used > MAPS_TEXT_MAX)
			return -E2BIG;
		if (!buf_reserve(&procs->text, 65536))
			return -ENOMEM;
		n = read(fd, procs->text.bytes + procs->text.used, 65536);
		if (n > 0)
			procs->text.used += (size_t)n;
	} while (n > 0);
	return n < 0 ? -errno : 0;
}

/* The next mapping of a file, if it is near. */
static bool next_file(const char *at, const char *end, struct proc_mapping *ret_mapping)
{
	for (unsigned int i = 0; i < AMID_MAX && proc_maps_next(&at, end, ret_mapping); i++)
		if (ret_mapping->inode && !copied_text_is_memory(ret_mapping))
			return true;
	return false;
}

/* What the text of /proc/TID/maps is read into. */
struct reading {
	struct address_space *space;
	pid_t tid;
	struct proc_mapping file; /* the last one of a file; inode 0: none yet */
	const char *at, *end;
};

/* Program text may have been copied to huge pages: then the mapping becomes its file's. */
static void look_for_copy(const struct reading *reading, struct proc_mapping *mapping,
			  struct proc_map *map)
{
	struct proc_mapping after;

	if (!reading->file.inode || !next_file(reading->at, reading->end, &after) ||
	    !copied_text_is_amid(&reading->file, &after))
		return;
	map->is_copy = copied_text_read(reading->tid, &reading->file, mapping);
	map->is_over = !map->is_copy;
	map->is_anonymous = !map->is_copy;
}

static int add_mapping(struct procs *procs, const struct reading *reading,
		       struct proc_mapping *mapping)
{
	char path[4096 + 16];
	struct task_event event = {.path = path};
	struct proc_map map = {.is_anonymous = copied_text_may_be(mapping)};
	int err;

	if (map.is_anonymous)
		look_for_copy(reading, mapping, &map);
	map.start = mapping->start;
	map.end = mapping->end;
	map.off = mapping->off;
	event.dev = makedev(mapping->dev_major, mapping->dev_minor);
	event.inode = mapping->inode;
	snprintf(path, sizeof(path), "%.*s", (int)mapping->path_length, mapping->path);
	map.is_jitdump = jitdump_is_path(path);
	err = procs->number(procs->context, &event, &map.module);
	return err ? err : space_put_map(reading->space, &map);
}

static int read_space(struct procs *procs, pid_t tid, struct address_space **ret_space)
{
	_cleanup_(space_putp) struct address_space *space = space_new(procs);
	struct reading reading = {.space = space, .tid = tid};
	struct proc_mapping mapping;
	int read, err = 0;

	if (!space)
		return -ENOMEM;
	read = read_text(procs, tid);
	if (read && read != -E2BIG)
		return read;
	reading.at = procs->text.bytes;
	reading.end = reading.at + procs->text.used;
	while (!err && proc_maps_next(&reading.at, reading.end, &mapping)) {
		struct proc_mapping as_it_is = mapping;

		if (mapping.is_executable)
			err = add_mapping(procs, &reading, &mapping);
		if (as_it_is.inode && !copied_text_is_memory(&as_it_is))
			reading.file = as_it_is;
	}
	if (err && err != -E2BIG)
		return err;
	procs->refused += read || err;
	*ret_space = TAKE_PTR(space);
	return 0;
}

/* Field 22 of /proc/PID/stat, in clock ticks since the boot; 0 if the process is gone. */
static uint64_t start_ticks(pid_t pid)
{
	_cleanup_fclose_ FILE *file = NULL;
	unsigned long long ticks = 0;
	char path[64], line[1024], *after;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	n = fread(line, 1, sizeof(line) - 1, file);
	line[n] = '\0';
	/* comm may hold anything, ')' and newlines too: count from the last ')'. */
	after = strrchr(line, ')');
	if (!after || sscanf(after + 1,
			     " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			     "%*d %*d %llu",
			     &ticks) != 1)
		return 0;
	return ticks;
}

static uint64_t tick_ns(void)
{
	return 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

uint64_t procs_started_ns(pid_t pid)
{
	return start_ticks(pid) * tick_ns();
}

static bool started_at(pid_t pid, uint64_t start_ns)
{
	return start_ticks(pid) == start_ns / tick_ns();
}

/* Whether the pid is still, or again, of the process and program that a sample met. */
static bool is_that_image(const struct procs *procs, pid_t pid, uint64_t start_ns, uint64_t exec_id)
{
	uint64_t start_now, exec_now;
	int err =
		procs->ask ? procs->ask(procs->ask_context, pid, &start_now, &exec_now) : -ENODATA;

	if (!err)
		return start_now == start_ns && exec_now == exec_id;
	if (err == -ENOENT && start_ns > procs->asked_since_ns)
		return false;
	return started_at(pid, start_ns);
}

/* Text that is being copied may not be there yet; that it never comes is found out soon. */
static void plan_look(struct process *process, uint32_t looks, uint64_t now_ns)
{
	if (!process->space->has_over || looks >= LOOKS_MAX)
		return;
	process->looks = looks;
	process->look_ns = now_ns + (LOOK_NS << looks);
}

/* Replaces what is known of the process by what /proc says now. If it is gone, what the records
 * told is all there will ever be: kept where it is certain to be of the same process image, else
 * nothing is known. */
static struct process *reread(struct procs *procs, pid_t pid, pid_t tid, uint64_t start_ns,
			      uint64_t exec_id, bool is_certain)
{
	struct process *process = find(procs, pid);
	struct address_space *space = NULL;
	uint64_t now = clock_boot_ns();
	uint32_t looks = process && process->look_ns ? process->looks + 1 : 0;

	/* The pid may belong to another process by now: look after reading, not before. */
	if (read_space(procs, tid, &space) || !is_that_image(procs, pid, start_ns, exec_id)) {
		space_put(space);
		if (process && is_certain) {
			process->is_stale = false;
			process->look_ns = 0;
			return process;
		}
		/* What comes next under this pid is told by events that wait: they count. */
		return renew(procs, pid, space_new(procs));
	}
	process = renew(procs, pid, space);
	if (process) {
		process->known_ns = now;
		process->again_ns = now + REREAD_SHARE * (clock_boot_ns() - now);
		plan_look(process, looks, now);
	}
	return process;
}

/* A leader that has ended shows no mappings, though its threads may go on: then by one of those. */
static int read_by_thread(struct procs *procs, pid_t pid, struct address_space **space)
{
	_cleanup_(closedirp) DIR *tasks = NULL;
	struct dirent *entry;
	char path[64];
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (!err && !(*space)->count && tasks && (entry = readdir(tasks))) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (tid <= 0 || tid == pid)
			continue;
		space_put(TAKE_PTR(*space));
		err = read_space(procs, tid, space);
	}
	return err;
}

void procs_read(struct procs *procs, pid_t pid)
{
	_cleanup_(space_putp) struct address_space *space = NULL;
	uint64_t now = clock_boot_ns();
	struct process *process;

	if (read_space(procs, pid, &space) || (!space->count && read_by_thread(procs, pid, &space)))
		return;
	process = renew(procs, pid, TAKE_PTR(space));
	if (process) {
		process->known_ns = now;
		process->born_ns = clock_boot_ns();
		plan_look(process, 0, now);
	}
}

int procs_scan(struct procs *procs)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			procs_read(procs, (pid_t)strtol(entry->d_name, NULL, 10));
	closedir(dir);
	return 0;
}

/* --- events and samples --- */

static void on_fork(struct procs *procs, const struct task_event *event)
{
	struct process *parent = find(procs, event->parent), *child = find(procs, event->pid);
	struct address_space *space;

	/* /proc was read after this fork: the child is known better already. */
	if (child && child->known_ns > event->time_ns)
		return;
	space = parent ? parent->space : space_new(procs);
	if (!space)
		return;
	if (parent)
		space->refs++;
	child = renew(procs, event->pid, space);
	parent = find(procs, event->parent); /* it may have moved */
	if (!child)
		return;
	child->born_ns = event->time_ns;
	child->look_ns = parent ? parent->look_ns : 0;
	child->is_stale = !parent || parent->is_stale;
	if (parent && !parent->is_stale && !parent->exec_fresh) {
		child->exec_id = parent->exec_id;
		child->exec_known = parent->exec_known;
	}
}

/* Also when /proc has been read since: what samples say must go on to agree. */
static void count_exec(struct process *process)
{
	process->exec_id++;
	process->exec_fresh = !process->exec_known;
}

static void on_exec(struct procs *procs, struct process *process)
{
	struct address_space *space = space_new(procs);

	if (!space)
		return;
	space_put(process->space);
	process->space = space;
	process->is_stale = false;
	process->exit_ns = 0; /* a thread's exec ends its leader first */
}

static void on_map(struct procs *procs, struct process *process, const struct task_event *event,
		   uint32_t module)
{
	struct proc_map map = {.start = event->start,
			       .end = event->end,
			       .off = event->off,
			       .module = module,
			       .is_jitdump = event->is_jitdump,
			       .is_anonymous = event->is_anonymous};
	struct address_space *space = space_change(procs, process);
	int err = -ENOMEM;

	if (space) {
		map.is_over = map.is_anonymous && is_over_file(space, &map);
		err = space_put_map(space, &map);
	}
	if (map.is_over) { /* with the next sample: by then it may be there */
		process->look_ns = event->time_ns;
		process->looks = 0;
	}

	/* To read all of it again would not make room. */
	if (err == -E2BIG)
		procs->refused++;
	else if (err)
		process->is_stale = true;
}

void procs_event(struct procs *procs, const struct task_event *event, uint32_t module)
{
	struct process *process;

	if (event->kind == TASK_LOST) {
		for (uint32_t i = 0; i < procs->count; i++)
			procs->all[i].is_stale = true;
		return;
	}
	/* Zero: of a process in no pid namespace of ours. */
	if (event->pid <= 0 || event->kind == TASK_THREAD)
		return;
	if (event->kind == TASK_FORK) {
		on_fork(procs, event);
		return;
	}
	process = find(procs, event->pid);
	if (!process && event->kind != TASK_EXIT)
		process = renew(procs, event->pid, space_new(procs));
	if (process && event->kind == TASK_EXEC)
		count_exec(process);
	if (!process || !process->space || process->known_ns > event->time_ns)
		return;
	if (event->kind == TASK_EXEC)
		on_exec(procs, process);
	else if (event->kind == TASK_MAP)
		on_map(procs, process, event, module);
	else if (event->tid == event->pid)
		process->exit_ns = event->time_ns;
}

/* What was forked before a sample, and is not known to be followed by another, is what it met. */
static bool is_same_life(const struct process *process, uint64_t start_ns)
{
	if (process->start_ns)
		return process->start_ns == start_ns;
	return !process->born_ns || start_ns <= process->born_ns;
}

/* The kernel's record of an exec comes a moment before its id: a sample in between has the old id.
 * So an id that is older than ours is nothing new. */
static bool is_same_exec(const struct process *process, uint64_t exec_id)
{
	return !process->exec_known || exec_id <= process->exec_id ||
	       (process->exec_fresh && exec_id == process->exec_id + 1);
}

static void learn_identity(struct process *process, uint64_t start_ns, uint64_t exec_id)
{
	bool is_first = !process->exec_known;

	if (is_first || exec_id > process->exec_id) {
		process->exec_id = exec_id;
		process->exec_fresh = is_first && process->exec_fresh;
	}
	process->start_ns = start_ns;
	process->exec_known = true;
}

uint64_t procs_look_ns(const struct procs *procs, pid_t pid)
{
	const struct process *process = find(procs, pid);

	if (!process || !process->look_ns)
		return 0;
	return process->look_ns > process->again_ns ? process->look_ns : process->again_ns;
}

static bool wants_reading(const struct process *process, uint64_t now_ns)
{
	return (process->is_stale || (process->look_ns && process->look_ns <= now_ns)) &&
	       process->again_ns <= now_ns;
}

const struct address_space *procs_space(struct procs *procs, pid_t pid, pid_t tid,
					uint64_t start_ns, uint64_t exec_id)
{
	struct process *process = find(procs, pid);
	bool is_same_image, is_certain;

	if (!pid) {
		if (!procs->outside)
			procs->outside = space_new(procs);
		return procs->outside;
	}
	is_same_image =
		process && is_same_life(process, start_ns) && is_same_exec(process, exec_id);
	/* Records that were lost may have told of another process, or of an exec. */
	is_certain =
		is_same_image && (!process->is_stale || (process->start_ns && process->exec_known));

	if (!is_certain || wants_reading(process, clock_boot_ns()))
		process = reread(procs, pid, tid, start_ns, exec_id, is_certain);
	if (!process)
		return NULL;
	learn_identity(process, start_ns, exec_id);
	return process->space;
}

/* What several share is shared out. */
static size_t space_bytes(const struct address_space *space)
{
	return (sizeof(*space) + space->size * sizeof(*space->maps)) / space->refs;
}

size_t procs_bytes(const struct procs *procs)
{
	size_t bytes = procs->size * sizeof(*procs->all) + hashmap_bytes(&procs->by_pid) +
		       procs->text.size;

	for (uint32_t i = 0; i < procs->count; i++)
		bytes += space_bytes(procs->all[i].space);
	return bytes;
}

void procs_ask(struct procs *procs, procs_identity ask, void *context)
{
	procs->ask = ask;
	procs->ask_context = context;
	procs->asked_since_ns = clock_boot_ns();
}

int procs_new_numbered(procs_number number, void *context, struct procs **ret_procs)
{
	struct procs *procs = calloc(1, sizeof(*procs));

	if (!procs)
		return -ENOMEM;
	procs->number = number;
	procs->context = context;
	*ret_procs = procs;
	return 0;
}

static int number_in_modules(void *context, const struct task_event *map, uint32_t *ret_module)
{
	return modules_add(context, map, ret_module);
}

int procs_new(struct modules *modules, struct procs **ret_procs)
{
	return procs_new_numbered(number_in_modules, modules, ret_procs);
}

void procs_free(struct procs *procs)
{
	if (!procs)
		return;
	for (uint32_t i = 0; i < procs->count; i++)
		space_put(procs->all[i].space);
	space_put(procs->outside);
	free(procs->all);
	hashmap_release(&procs->by_pid);
	buf_release(&procs->text);
	free(procs);
}
