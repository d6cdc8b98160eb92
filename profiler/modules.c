/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/modules.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hashmap.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/fetching.h"
#include "symbolizer/parser.h"
#include "symbolizer/perf_map.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	PARSE_DEADLINE_MS = 30000,
	MODULE_REFUSED = 0,    /* stands for all beyond the limit */
	MODULES_MAX = 1 << 16, /* some 20 MB with their names */
	QUEUE_MAX = 256,       /* each holds a descriptor or two */
	RETRIES_MAX = 16,
	PATH_USUAL = 64,
	JIT_ROOTS_MAX = 256, /* roots kept open of processes with code made at run time */
	HELD_MAX = 32 << 20, /* bytes of indexes in memory that nobody asks for any more */
};

/* Another file was read in its place: n times the first before the n-th new try. It could not be had:
 * the second, by the same process. */
static const uint64_t RETRY_PAUSE_NS = 25000000, GONE_PAUSE_NS = 100000000;

#define NO_ENTRY UINT32_MAX

/* What an entry is in use for, the weightiest last. */
enum mark { MARK_NONE, MARK_MAPPED, MARK_SAMPLED };

struct build_id {
	uint8_t size, bytes[TASK_BUILD_ID_MAX];
};

/* Where it was mapped. */
struct sight {
	pid_t pid;
	uint64_t start, end; /* addrs */
};

struct entry {
	struct module module;	  /* its name stays as it is: by_name knows it by that */
	struct build_id build_id; /* what the file says, where the name has none */
	struct module_file file;  /* once opened */
	struct sight sight;	  /* the last one */
	uint64_t mapped_ns;	  /* CLOCK_BOOTTIME, when it was mapped first; 0: not known */
	bool is_rewritten; /* in place, since it was mapped; and not found by its name again */
	uint64_t round;	   /* when that was looked for last */
	uint64_t serial;   /* when it was put into a queue; in order there */
	uint64_t met;	   /* clock at its last use; 0: nobody's, next in the list of those */
	enum mark mark;
	int fd;			     /* QUEUED only */
	int root_fd;		     /* QUEUED: of its container; JIT: of its process; or -1 */
	struct perf_map_owner owner; /* JIT only */
	int dump_fd;		     /* JIT: its jitdump; or -1 */
	uint64_t dump_serial;	     /* of the address space where it was looked for last */
	bool is_used;		     /* by the caller's thread only */
	bool is_lent;		     /* the index, since modules_rest() */
	atomic_bool may_retry;	     /* another file was read in its place: it may be met again */
	unsigned int retries;
	pid_t gone_pid;	   /* the file could not be had by this process: by another it may; or 0 */
	uint64_t retry_ns; /* CLOCK_BOOTTIME: not before */
	bool is_elf;	   /* looked at where it matters, which is in a memfd */
	uint32_t
		same_as; /* the entry that is parsed for this one, or its own id; or the list's next */
	struct symindex *owned;
};

/* Ids that wait for a parsing thread, the first of them while it is parsed, too. */
struct queue {
	uint32_t ids[QUEUE_MAX]; /* a ring */
	uint32_t put, taken;	 /* ever */
};

struct modules {
	struct symbol_cache *cache; /* or NULL; the parsing threads' */
	struct entry *entries;
	uint32_t count, size;  /* of ids, those of nobody too */
	uint32_t live, vacant; /* entries in use; the first of the others, or NO_ENTRY */
	uint32_t limit, news; /* how many are kept that nobody uses; entries since the last sweep */
	uint64_t clock, refused, swept;
	struct hashmap by_name; /* build id, or dev + inode + path */
	struct hashmap by_file;
	uint32_t jit_roots[JIT_ROOTS_MAX]; /* ids of the entries, the oldest at jit_root_next */
	uint32_t jit_root_count, jit_root_next;

	/* Shared with the parsing threads, under the lock: entries (they may move) and all below. */
	pthread_mutex_t lock;
	pthread_cond_t wake, idle;
	struct queue soon, later;  /* for what is quickly had; for what takes its time */
	uint64_t serial;	   /* of the last one that was put in */
	struct symindex **retired; /* replaced by better ones, but maybe lent */
	uint32_t retired_count, retired_size;
	size_t held;	 /* bytes of indexes in memory, not in the cache's files */
	bool has_news;	 /* more than at the last sweep */
	bool is_awaited; /* nothing else goes on until all is parsed */
	pthread_t parsers[2];
	unsigned int parser_count;
	bool quit;
	struct fetching *fetching; /* or NULL */
};

/* --- naming --- */

static bool name_equal(const void *table, uint32_t position, const void *key)
{
	return module_name_equal(&((const struct modules *)table)->entries[position].module.name,
				 key);
}

static bool file_equal(const void *table, uint32_t position, const void *key)
{
	return !memcmp(&((const struct modules *)table)->entries[position].file, key,
		       sizeof(struct module_file));
}

/* Under the lock. */
static int add_entry(struct modules *modules, const struct module_name *name, uint64_t hash,
		     uint64_t mapped_ns, uint32_t *ret_id)
{
	_cleanup_free_ char *path = strdup(name->path);
	bool is_new = modules->vacant == NO_ENTRY;
	struct entry *entry;
	uint32_t id = is_new ? modules->count : modules->vacant;
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
	*entry = (struct entry){.module.name = *name,
				.met = ++modules->clock,
				.mapped_ns = mapped_ns,
				.fd = -1,
				.root_fd = -1,
				.dump_fd = -1,
				.same_as = id};
	entry->module.name.path = TAKE_PTR(path);
	modules->live++;
	*ret_id = id;
	return 0;
}

/* The id of that name; added if new, while there is room. */
static int find_or_add(struct modules *modules, const struct module_name *name, uint64_t mapped_ns,
		       uint32_t *ret_id)
{
	uint64_t hash = module_name_hash(name);
	uint32_t id = hashmap_find(&modules->by_name, hash, name_equal, modules, name);
	int err = 0;

	if (id != HASHMAP_NONE) {
		modules->entries[id].met = ++modules->clock;
		*ret_id = id;
		return 0;
	}
	modules->news++;
	if (modules->live >= MODULES_MAX)
		return -ENOSPC;
	pthread_mutex_lock(&modules->lock);
	err = add_entry(modules, name, hash, mapped_ns, ret_id);
	pthread_mutex_unlock(&modules->lock);
	return err;
}

/* --- rewritten in place --- */

static const char REWRITTEN[] = "it was replaced in place after it was mapped";

/* Whoever maps the file from now on maps another one. */
static void note_rewritten(struct modules *modules, uint32_t id)
{
	struct entry *entry = &modules->entries[id];

	entry->is_rewritten = true;
	hashmap_remove(&modules->by_name, module_name_hash(&entry->module.name), id);
}

/* Or would have, but for that. Memory in files that code is made in is written to all the time. */
static bool has_names(struct modules *modules, uint32_t id)
{
	const struct entry *root;
	bool has;

	pthread_mutex_lock(&modules->lock);
	root = &modules->entries[modules->entries[id].same_as];
	has = root->owned || root->module.why == REWRITTEN;
	pthread_mutex_unlock(&modules->lock);
	return has;
}

/* Since its names were read, as far as its last mapping tells. */
static void look(struct modules *modules, uint32_t id, const struct sight *sight)
{
	static struct log_limit limit;
	struct entry *entry = &modules->entries[id];
	char shown[512];

	if (entry->is_rewritten || entry->module.name.kind != MODULE_FILE ||
	    !has_names(modules, id) ||
	    !module_file_is_rewritten(&entry->file, sight->pid, sight->start, sight->end))
		return;
	note_rewritten(modules, id);
	if (log_limited(&limit, 1))
		log_warn("'%s' was replaced in place: in processes that had it mapped before, "
			 "names are of what it was",
			 quote(shown, sizeof(shown), entry->module.name.path));
}

bool modules_look(struct modules *modules, uint32_t id, uint64_t round)
{
	struct entry *entry;

	if (id >= modules->count)
		return false;
	entry = &modules->entries[id];
	if (entry->round == round)
		return false;
	entry->round = round;
	look(modules, id, &entry->sight);
	return entry->is_rewritten;
}

/* Device, inode and path may be of other contents than they were: with a build id it would show. */
static void look_before_use(struct modules *modules, const struct module_name *name,
			    const struct task_event *map)
{
	uint32_t id;

	if (name->kind != MODULE_FILE || name->build_id_size || map->kind != TASK_MAP || !map->pid)
		return;
	id = hashmap_find(&modules->by_name, module_name_hash(name), name_equal, modules, name);
	if (id != HASHMAP_NONE)
		look(modules, id, &(struct sight){map->pid, map->start, map->end});
}

int modules_add(struct modules *modules, const struct task_event *map, uint32_t *ret_id)
{
	struct module_name name = module_name_of(map);
	int err;

	look_before_use(modules, &name, map);
	err = find_or_add(modules, &name, map->time_ns, ret_id);
	if (err != -ENOSPC)
		return err;
	modules->refused++;
	*ret_id = MODULE_REFUSED;
	return 0;
}

/* --- opening --- */

static void fail(struct module *module, const char *why)
{
	module->state = MODULE_FAILED;
	module->why = why;
}

static const char *open_error(int err)
{
	switch (err) {
	case -ENOENT:
		return "the file was gone when its first sample was read";
	case -ESTALE:
		return "the file was replaced";
	case -EACCES:
	case -EPERM:
		return "no right to read the file";
	case -ENOEXEC:
		return "not a file";
	default:
		return "the file could not be opened";
	}
}

static bool is_full(const struct queue *queue)
{
	return queue->put - queue->taken >= QUEUE_MAX;
}

static void put(struct queue *queue, uint32_t id)
{
	queue->ids[queue->put++ % QUEUE_MAX] = id;
}

static uint32_t first(const struct queue *queue)
{
	return queue->put == queue->taken ? NO_ENTRY : queue->ids[queue->taken % QUEUE_MAX];
}

/* What it was when it was mapped is gone. A build id tells that better. */
static bool is_too_late(const struct entry *entry, int fd)
{
	int64_t ago_ns = (int64_t)(clock_boot_ns() - entry->mapped_ns);

	return entry->mapped_ns && !entry->module.name.build_id_size &&
	       module_file_is_newer(fd, clock_wall_ns() - ago_ns);
}

/* By what is known of root's build id up to now. */
static bool is_another(const struct module_name *name, const struct entry *root)
{
	if (!name->build_id_size)
		return false;
	if (root->module.name.build_id_size)
		return !module_name_equal(name, &root->module.name);
	return root->module.state == MODULE_READY &&
	       (name->build_id_size != root->build_id.size ||
		memcmp(name->build_id, root->build_id.bytes, name->build_id_size) != 0);
}

/* Under the lock. True: a descriptor waits for the parser. */
static bool queue_entry(struct modules *modules, uint32_t id, int fd)
{
	struct entry *entry = &modules->entries[id];
	uint32_t same;
	uint64_t hash;

	if (entry->module.name.kind == MODULE_FILE && is_too_late(entry, fd)) {
		note_rewritten(modules, id);
		fail(&entry->module, REWRITTEN);
		return false;
	}

	hashmap_remove(&modules->by_file, hash_bytes(&entry->file, sizeof(entry->file)), id);
	entry->file = module_file_of(fd);
	hash = hash_bytes(&entry->file, sizeof(entry->file));
	same = hashmap_find(&modules->by_file, hash, file_equal, modules, &entry->file);
	/* With two build ids one of them has been opened too late: see parse(). */
	if (same != HASHMAP_NONE && !is_another(&entry->module.name, &modules->entries[same])) {
		entry->same_as = same;
		return false;
	}
	if (hashmap_add(&modules->by_file, hash, id)) {
		fail(&entry->module, "out of memory");
		return false;
	}
	entry->fd = fd;
	entry->serial = ++modules->serial;
	put(&modules->soon, id);
	return true;
}

static bool must_wait(struct modules *modules)
{
	bool full;

	pthread_mutex_lock(&modules->lock);
	full = is_full(&modules->soon);
	pthread_mutex_unlock(&modules->lock);
	return full;
}

/* .NET has code that it makes in one; a program may be started from one, too. */
static bool is_memfd(const struct module_name *name)
{
	return name->kind == MODULE_FILE && !strncmp(name->path, "/memfd:", 7);
}

static bool starts_as_elf(int fd)
{
	char magic[SELFMAG];

	return pread(fd, magic, sizeof(magic), 0) == sizeof(magic) &&
	       !memcmp(magic, ELFMAG, sizeof(magic));
}

/* Samples come many at once, of a time when the file was mapped: if it is not now, it is not for the next
 * of them either. */
static bool may_try_again(const struct entry *entry, pid_t pid)
{
	if (entry->gone_pid && entry->gone_pid != pid)
		return true;
	return (atomic_load(&entry->may_retry) || entry->gone_pid) &&
	       clock_boot_ns() >= entry->retry_ns;
}

void modules_use(struct modules *modules, uint32_t id, pid_t pid, uint64_t start, uint64_t end)
{
	struct entry *entry = &modules->entries[id];
	int fd, root_fd;

	entry->met = ++modules->clock;
	entry->sight = (struct sight){pid, start, end};
	if (entry->is_used && !may_try_again(entry, pid))
		return;
	/* So many wait that this one is not asked for yet: by another sample, then. */
	if (must_wait(modules))
		return;
	atomic_store(&entry->may_retry, false);
	entry->gone_pid = 0;
	entry->is_used = true;
	fd = entry->module.name.kind == MODULE_OTHER
		     ? -ENOEXEC
		     : module_open(&entry->module.name, pid, start, end);
	if (fd == -ENOENT || fd == -ESTALE) {
		entry->gone_pid = pid;
		entry->retry_ns = clock_boot_ns() + GONE_PAUSE_NS;
	}
	root_fd = fd >= 0 ? module_open_root(pid) : -1;
	entry->is_elf = fd >= 0 && is_memfd(&entry->module.name) && starts_as_elf(fd);
	pthread_mutex_lock(&modules->lock);
	entry->module.state = MODULE_QUEUED;
	if (fd < 0)
		fail(&entry->module, open_error(fd));
	else if (queue_entry(modules, id, fd))
		entry->root_fd = TAKE_FD(root_fd);
	else
		close(fd);
	if (root_fd >= 0)
		close(root_fd);
	pthread_cond_broadcast(&modules->wake);
	pthread_mutex_unlock(&modules->lock);
}

/* --- code made at run time --- */

static bool may_hold_jit_code(const struct entry *entry)
{
	const struct module_name *name = &entry->module.name;

	return (name->kind == MODULE_OTHER && !strcmp(name->path, "[anon]")) ||
	       (is_memfd(name) && !entry->is_elf);
}

static void close_root(struct entry *entry)
{
	cleanup_closep(&entry->root_fd);
	cleanup_closep(&entry->dump_fd);
	entry->root_fd = entry->dump_fd = -1;
}

/* Keeps the root of a process that has just been met, and lets go of the oldest. */
static void keep_root(struct modules *modules, uint32_t id, pid_t pid)
{
	struct entry *entry = &modules->entries[id];
	uint32_t *slot = &modules->jit_roots[modules->jit_root_next];
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	if (perf_map_find_owner(pid, &entry->owner))
		return;
	if (modules->jit_root_count < JIT_ROOTS_MAX)
		modules->jit_root_count++;
	else if (*slot != NO_ENTRY)
		close_root(&modules->entries[*slot]);
	*slot = id;
	modules->jit_root_next = (modules->jit_root_next + 1) % JIT_ROOTS_MAX;
	entry->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

uint32_t modules_jit(struct modules *modules, uint32_t id, pid_t pid, uint64_t start_ns,
		     uint64_t exec_id)
{
	/* Told apart as files are: start time and generation stand for device and inode. */
	struct module_name name = {.kind = MODULE_JIT,
				   .path = "[jit]",
				   .dev = start_ns,
				   .inode = exec_id ^ (uint64_t)pid << 32};
	uint32_t jit;

	if (!may_hold_jit_code(&modules->entries[id]) || find_or_add(modules, &name, 0, &jit))
		return id;
	if (!modules->entries[jit].is_used)
		keep_root(modules, jit, pid);
	modules->entries[jit].is_used = true;
	return jit;
}

bool modules_wants_jitdump(const struct modules *modules, uint32_t id, uint64_t serial)
{
	const struct entry *entry = &modules->entries[id];

	return entry->root_fd >= 0 && entry->dump_fd < 0 && entry->dump_serial != serial;
}

void modules_use_jitdump(struct modules *modules, uint32_t id, pid_t pid, uint64_t serial,
			 uint32_t map_id, uint64_t start, uint64_t end)
{
	struct entry *entry = &modules->entries[id];

	entry->dump_serial = serial;
	if (entry->dump_fd < 0)
		entry->dump_fd = module_open_jitdump(&modules->entries[map_id].module.name, pid,
						     start, end, entry->root_fd, entry->owner.uid);
}

struct module_jit_files modules_jit_files(struct modules *modules, uint32_t id)
{
	const struct entry *entry = &modules->entries[id];
	struct module_jit_files files = {.map_fd = -1, .dump_fd = entry->dump_fd};

	if (entry->root_fd >= 0)
		files.map_fd = perf_map_open(entry->root_fd, &entry->owner, &files.refusal);
	return files;
}

/* --- parsing --- */

/* A file opened by its name may be another one by now; so may one that was opened by the addresses it
 * was mapped at, where libraries come and go. */
static bool is_mapped_file(const struct module_name *name, const struct symindex *index)
{
	const uint8_t *id;
	size_t size;

	if (!name->build_id_size)
		return true;
	id = symindex_build_id(index, &size);
	return size == name->build_id_size && !memcmp(id, name->build_id, size);
}

static void learn_build_id(struct entry *entry, const struct symindex *index)
{
	size_t size;
	const uint8_t *id = symindex_build_id(index, &size);

	if (size > sizeof(entry->build_id.bytes))
		return;
	entry->build_id.size = (uint8_t)size;
	memcpy(entry->build_id.bytes, id, size);
}

static void let_go(struct entry *entry)
{
	close(entry->fd);
	entry->fd = -1;
	close_root(entry);
}

/* Where another one stands already, that may be lent: see modules_rest(). */
static void take_index(struct modules *modules, struct entry *entry, struct symindex *index)
{
	if (entry->owned) {
		if (array_reserve(&modules->retired, &modules->retired_size,
				  (size_t)modules->retired_count + 1)) {
			symindex_free(index);
			return;
		}
		modules->held -= symindex_held(entry->owned);
		modules->retired[modules->retired_count++] = entry->owned;
	}
	learn_build_id(entry, index);
	entry->owned = index;
	modules->held += symindex_held(index);
	modules->has_news |= symindex_held(index) > 0;
	entry->module.index = index;
	entry->module.state = MODULE_READY;
}

/* Under the lock; before the descriptors are let go of. */
static void ask_servers(struct modules *modules, uint32_t id)
{
	const struct entry *entry = &modules->entries[id];

	if (modules->fetching && entry->owned && entry->module.name.kind == MODULE_FILE &&
	    parser_wants_server(entry->owned))
		fetching_add(modules->fetching, id,
			     &(struct parser_files){.elf_fd = entry->fd,
						    .root_fd = entry->root_fd,
						    .path = entry->module.name.path,
						    .cache = modules->cache});
}

static bool is_same_build(const struct symindex *a, const struct symindex *b)
{
	size_t size, other;
	const uint8_t *id = symindex_build_id(a, &size), *other_id = symindex_build_id(b, &other);

	return size && size == other && !memcmp(id, other_id, size);
}

/* What came by a server's debug file. The id may be another module's by now. */
static void take_better(void *context, uint32_t id, struct symindex *index)
{
	struct modules *modules = context;
	struct entry *entry;

	pthread_mutex_lock(&modules->lock);
	entry = &modules->entries[id];
	if (entry->owned && is_same_build(entry->owned, index))
		take_index(modules, entry, index);
	else
		symindex_free(index);
	pthread_mutex_unlock(&modules->lock);
}

/* What came out for the entry. An error is no news where symbols stand already. */
static void take_result(struct modules *modules, struct entry *entry, int err,
			struct symindex *index)
{
	struct module_file file = module_file_of(entry->fd);

	/* What was read while it was written may be of both. */
	if (!entry->owned && memcmp(&file, &entry->file, sizeof(file)) != 0) {
		if (!err)
			symindex_free(index);
		fail(&entry->module, REWRITTEN);
		return;
	}
	if (!err && is_mapped_file(&entry->module.name, index)) {
		take_index(modules, entry, index);
		return;
	}
	if (!err)
		symindex_free(index);
	if (entry->owned)
		return;
	fail(&entry->module, err ? parser_error(err) : "the file was replaced");
	if (err)
		return;
	entry->retry_ns = clock_boot_ns() + ++entry->retries * RETRY_PAUSE_NS;
	atomic_store(&entry->may_retry, entry->retries <= RETRIES_MAX);
}

/* One try; *is_whole: for what is soon had, then whether it is all there is. */
static int parse_file(const struct parser_files *files, bool in_haste, bool *is_whole,
		      struct symindex **ret_index)
{
	return in_haste ? parser_symbols_in_haste(files, PARSE_DEADLINE_MS, ret_index, is_whole)
			: parser_symbols(files, PARSE_DEADLINE_MS, ret_index);
}

/* The file of `files`, or if it is not the one that was mapped, the file of that name in its root. */
static int parse(const struct module_name *name, struct parser_files files, bool in_haste,
		 bool *ret_is_whole, bool *ret_is_other, struct symindex **ret_index)
{
	_cleanup_(symindex_freep) struct symindex *other = NULL;
	_cleanup_close_ int named_fd = -1;
	int err = parse_file(&files, in_haste, ret_is_whole, ret_index);

	*ret_is_other = !err && !is_mapped_file(name, *ret_index);
	if (!*ret_is_other)
		return err;
	named_fd = module_open_by_path(name, files.root_fd);
	files.elf_fd = named_fd;
	if (named_fd < 0 || parse_file(&files, false, ret_is_whole, &other))
		return 0;
	*ret_is_whole = true; /* or its descriptor would be needed again */
	symindex_free(*ret_index);
	*ret_index = TAKE_PTR(other);
	return 0;
}

/* Whoever was taken for this one by its file, and is not. */
static void let_joined_go(struct modules *modules, uint32_t id, bool all)
{
	const struct entry *root = &modules->entries[id];

	for (uint32_t other = 0; other < modules->count; other++) {
		struct entry *entry = &modules->entries[other];

		if (!entry->met || other == id || entry->same_as != id ||
		    !(all || is_another(&entry->module.name, root)))
			continue;
		entry->same_as = other;
		fail(&entry->module, open_error(-ESTALE));
		atomic_store(&entry->may_retry, true);
	}
}

/* is_other: its descriptor was of another file. */
static void check_joined(struct modules *modules, uint32_t id, bool is_other)
{
	const struct entry *entry = &modules->entries[id];

	if (is_other)
		hashmap_remove(&modules->by_file, hash_bytes(&entry->file, sizeof(entry->file)),
			       id);
	if (is_other || !entry->module.name.build_id_size)
		let_joined_go(modules, id, is_other);
}

/* The first of a queue, outside the lock. True: it is done with. */
static bool parse_one(struct modules *modules, uint32_t id, bool in_haste)
{
	const struct entry *entry = &modules->entries[id];
	struct module_name name = entry->module.name; /* its path stays where it is */
	struct parser_files files = {
		.elf_fd = entry->fd,
		.root_fd = entry->root_fd,
		.path = name.path,
		/* The vdso's file is made anew in each run: no use to keep it. */
		.cache = name.kind == MODULE_FILE ? modules->cache : NULL,
		.is_awaited = modules->is_awaited,
	};
	struct symindex *index = NULL;
	bool is_whole = true, is_other = false;
	int err;

	pthread_mutex_unlock(&modules->lock);
	err = parse(&name, files, in_haste, &is_whole, &is_other, &index);
	pthread_mutex_lock(&modules->lock);
	if (is_whole || !err)
		take_result(modules, &modules->entries[id], err, index);
	check_joined(modules, id, is_other);
	return is_whole;
}

static void parse_queue(struct modules *modules, struct queue *queue, bool in_haste)
{
	uint32_t id = first(queue);
	/* With the other queue full it is done to its end here: nobody is left out. */
	bool is_done = parse_one(modules, id, in_haste && !is_full(&modules->later));

	queue->taken++;
	if (is_done) {
		ask_servers(modules, id);
		let_go(&modules->entries[id]);
	} else {
		put(&modules->later, id);
	}
	pthread_cond_broadcast(&modules->idle);
	pthread_cond_broadcast(&modules->wake);
}

static void *parse_main(struct modules *modules, struct queue *queue, bool in_haste)
{
	pthread_setname_np(pthread_self(), "wick-symbols");
	pthread_mutex_lock(&modules->lock);
	while (!modules->quit)
		if (first(queue) == NO_ENTRY)
			pthread_cond_wait(&modules->wake, &modules->lock);
		else
			parse_queue(modules, queue, in_haste);
	pthread_mutex_unlock(&modules->lock);
	return NULL;
}

static void *parse_soon(void *context)
{
	return parse_main(context, &((struct modules *)context)->soon, true);
}

static void *parse_later(void *context)
{
	return parse_main(context, &((struct modules *)context)->later, false);
}

/* --- waiting --- */

uint64_t modules_serial(struct modules *modules)
{
	uint64_t serial;

	pthread_mutex_lock(&modules->lock);
	serial = modules->serial;
	pthread_mutex_unlock(&modules->lock);
	return serial;
}

static bool is_behind(const struct modules *modules, const struct queue *queue, uint64_t serial)
{
	uint32_t id = first(queue);

	return id == NO_ENTRY || modules->entries[id].serial > serial;
}

static bool is_done(const struct modules *modules, uint64_t serial)
{
	return is_behind(modules, &modules->soon, serial) &&
	       is_behind(modules, &modules->later, serial);
}

bool modules_is_done(struct modules *modules, uint64_t serial)
{
	bool done;

	pthread_mutex_lock(&modules->lock);
	done = is_done(modules, serial);
	pthread_mutex_unlock(&modules->lock);
	return done;
}

void modules_wait(struct modules *modules, uint32_t ms)
{
	struct timespec until;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&modules->lock);
	modules->is_awaited = ms == MODULES_ALL;
	while (!err && !is_done(modules, modules->serial))
		err = ms == MODULES_ALL
			      ? pthread_cond_wait(&modules->idle, &modules->lock)
			      : pthread_cond_timedwait(&modules->idle, &modules->lock, &until);
	modules->is_awaited = false;
	pthread_mutex_unlock(&modules->lock);
}

uint64_t modules_cpu_ns(const struct modules *modules)
{
	uint64_t ns = 0;
	clockid_t clock;

	for (unsigned int i = 0; i < modules->parser_count; i++)
		if (!pthread_getcpuclockid(modules->parsers[i], &clock))
			ns += (uint64_t)clock_ns(clock);
	return ns;
}

/* --- sweeping --- */

/* Room for names in memory is looked for as soon as it is exceeded, for entries when a quarter of
 * them is new, so that what it costs is paid by those. */
bool modules_is_crowded(struct modules *modules)
{
	bool is_heavy;

	pthread_mutex_lock(&modules->lock);
	is_heavy = modules->held > HELD_MAX && modules->has_news;
	pthread_mutex_unlock(&modules->lock);
	return is_heavy || (modules->live >= modules->limit && modules->news >= modules->limit / 4);
}

static void mark(struct modules *modules, uint32_t id, enum mark how)
{
	struct entry *entry = &modules->entries[id];

	for (; entry->mark < how; entry = &modules->entries[entry->same_as])
		entry->mark = how;
}

void modules_mark_mapped(struct modules *modules, uint32_t id)
{
	mark(modules, id, MARK_MAPPED);
}

void modules_mark_sampled(struct modules *modules, uint32_t id)
{
	if (id < modules->count)
		mark(modules, id, MARK_SAMPLED);
}

/* As if no sample had met it yet. */
static void reset(struct modules *modules, uint32_t id)
{
	struct entry *entry = &modules->entries[id];

	hashmap_remove(&modules->by_file, hash_bytes(&entry->file, sizeof(entry->file)), id);
	if (entry->owned)
		modules->held -= symindex_held(entry->owned);
	symindex_free(TAKE_PTR(entry->owned));
	entry->module.index = NULL;
	entry->module.state = MODULE_SEEN;
	entry->is_used = entry->is_lent = false;
	entry->retries = 0;
	entry->retry_ns = 0;
	entry->gone_pid = 0;
	entry->same_as = id;
}

static void forget(struct modules *modules, uint32_t id)
{
	struct entry *entry = &modules->entries[id];

	reset(modules, id);
	for (uint32_t i = 0; i < modules->jit_root_count; i++)
		if (modules->jit_roots[i] == id)
			modules->jit_roots[i] = NO_ENTRY;
	close_root(entry);
	hashmap_remove(&modules->by_name, module_name_hash(&entry->module.name), id);
	free((char *)entry->module.name.path);
	*entry = (struct entry){.fd = -1, .root_fd = -1, .dump_fd = -1, .same_as = modules->vacant};
	modules->vacant = id;
	modules->live--;
	modules->swept++;
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

/* Those that may go as far as the marks tell, the oldest first. What waits for the parser stays. */
static uint32_t list_idle(const struct modules *modules, enum mark below, struct idle *idle)
{
	uint32_t count = 0;

	for (uint32_t id = MODULE_REFUSED + 1; id < modules->count; id++) {
		const struct entry *entry = &modules->entries[id];

		if (entry->met && entry->mark < below && entry->fd < 0)
			idle[count++] = (struct idle){entry->met, id};
	}
	qsort(idle, count, sizeof(*idle), by_age);
	return count;
}

/* An entry whose index is another's has none without it. */
static void reset_orphans(struct modules *modules)
{
	for (uint32_t id = 0; id < modules->count; id++) {
		struct entry *entry = &modules->entries[id];
		const struct entry *root;

		if (!entry->met || entry->same_as == id)
			continue;
		root = &modules->entries[entry->same_as];
		if (!root->met || !root->is_used)
			reset(modules, id);
	}
}

void modules_sweep(struct modules *modules)
{
	uint32_t wanted = modules->limit - modules->limit / 4, count;
	_cleanup_free_ struct idle *idle = calloc(modules->count, sizeof(*idle));

	if (!idle)
		return;
	pthread_mutex_lock(&modules->lock);
	count = list_idle(modules, MARK_MAPPED, idle);
	for (uint32_t i = 0; i < count && modules->live > wanted; i++)
		forget(modules, idle[i].id);
	count = list_idle(modules, MARK_SAMPLED, idle);
	for (uint32_t i = 0; i < count && modules->held > HELD_MAX; i++)
		if (modules->entries[idle[i].id].owned)
			reset(modules, idle[i].id);
	reset_orphans(modules);
	for (uint32_t id = 0; id < modules->count; id++)
		modules->entries[id].mark = MARK_NONE;
	modules->news = 0;
	modules->has_news = false;
	pthread_mutex_unlock(&modules->lock);
}

int modules_ask_servers(struct modules *modules, struct debuginfod *debuginfod)
{
	return fetching_new(debuginfod, take_better, modules, &modules->fetching);
}

uint32_t modules_asked(struct modules *modules)
{
	return modules->fetching ? fetching_left(modules->fetching) : 0;
}

/* --- reading --- */

static void free_retired(struct modules *modules)
{
	for (uint32_t i = 0; i < modules->retired_count; i++)
		symindex_free(modules->retired[i]);
	modules->retired_count = 0;
}

void modules_rest(struct modules *modules)
{
	pthread_mutex_lock(&modules->lock);
	free_retired(modules);
	for (uint32_t id = 0; id < modules->count; id++)
		if (modules->entries[id].is_lent) {
			modules->entries[id].is_lent = false;
			symindex_rest(modules->entries[id].owned);
		}
	pthread_mutex_unlock(&modules->lock);
}

struct module modules_get(struct modules *modules, uint32_t id)
{
	struct module module;
	struct entry *root;

	pthread_mutex_lock(&modules->lock);
	module = modules->entries[id].module;
	root = &modules->entries[modules->entries[id].same_as];
	module.state = root->module.state;
	module.index = root->module.index;
	root->is_lent |= module.index != NULL;
	module.why = root->module.why;
	module.is_rewritten = modules->entries[id].is_rewritten;
	if (!module.name.build_id_size) {
		module.name.build_id_size = root->build_id.size;
		memcpy(module.name.build_id, root->build_id.bytes, root->build_id.size);
	}
	pthread_mutex_unlock(&modules->lock);
	return module;
}

uint64_t modules_refused(const struct modules *modules)
{
	return modules->refused;
}

uint32_t modules_count(struct modules *modules)
{
	return modules->count;
}

/* Paths are estimated by their usual length. */
static size_t table_bytes(const struct modules *modules)
{
	return modules->size * sizeof(*modules->entries) + modules->live * (size_t)PATH_USUAL +
	       hashmap_bytes(&modules->by_name) + hashmap_bytes(&modules->by_file);
}

void modules_tell_memory(struct modules *modules, memory_take take, void *context)
{
	struct memory_item table = {.name = "modules",
				    .sentence = "mapped files that have been met, for names",
				    .entries = modules->live,
				    .limit = modules->limit,
				    .bytes = table_bytes(modules)},
			   indexes = {.name = "symbols",
				      .sentence = "of them with symbols, mapped or in memory"},
			   held = {.name = "symbols_held",
				   .sentence = "of their bytes, those that are on no disk",
				   .limit = HELD_MAX},
			   waiting = {.name = "modules_waiting",
				      .sentence = "mapped files that wait for their symbols",
				      .limit = 2 * QUEUE_MAX};

	pthread_mutex_lock(&modules->lock);
	for (uint32_t id = 0; id < modules->count; id++)
		if (modules->entries[id].owned) {
			indexes.entries++;
			indexes.bytes += symindex_bytes(modules->entries[id].owned);
		}
	held.bytes = modules->held;
	waiting.entries =
		modules->soon.put - modules->soon.taken + modules->later.put - modules->later.taken;
	pthread_mutex_unlock(&modules->lock);
	take(context, &table);
	take(context, &indexes);
	take(context, &held);
	take(context, &waiting);
}

uint64_t module_vaddr(const struct module *module, uint64_t off)
{
	uint64_t vaddr;

	return module->index && symindex_vaddr(module->index, off, &vaddr) ? vaddr : off;
}

int modules_new(uint32_t limit, struct modules **ret_modules)
{
	_cleanup_(modules_freep) struct modules *modules = calloc(1, sizeof(*modules));
	uint32_t first;
	int err;

	if (!modules)
		return -ENOMEM;
	modules->limit = limit;
	modules->vacant = NO_ENTRY;
	err = symbol_cache_open(NULL, SYMBOL_CACHE_BYTES, &modules->cache);
	if (err)
		log_debug("no cache of symbols: %s", strerror(-err));
	pthread_mutex_init(&modules->lock, NULL);
	pthread_cond_init(&modules->wake, NULL);
	pthread_cond_init(&modules->idle, NULL);
	err = modules_add(modules, &(struct task_event){.path = "[too many files]"}, &first);
	if (err)
		return err;
	for (; !err && modules->parser_count < 2; modules->parser_count += !err)
		err = -pthread_create(&modules->parsers[modules->parser_count], NULL,
				      modules->parser_count ? parse_later : parse_soon, modules);
	if (err)
		return err;
	*ret_modules = TAKE_PTR(modules);
	return 0;
}

void modules_free(struct modules *modules)
{
	if (!modules)
		return;
	pthread_mutex_lock(&modules->lock);
	modules->quit = true;
	pthread_cond_broadcast(&modules->wake);
	pthread_mutex_unlock(&modules->lock);
	for (unsigned int i = 0; i < modules->parser_count; i++)
		pthread_join(modules->parsers[i], NULL);
	fetching_free(modules->fetching);
	for (uint32_t i = 0; i < modules->count; i++) {
		free((char *)modules->entries[i].module.name.path);
		symindex_free(modules->entries[i].owned);
		if (modules->entries[i].fd >= 0)
			close(modules->entries[i].fd);
		close_root(&modules->entries[i]);
	}
	free_retired(modules);
	free(modules->retired);
	free(modules->entries);
	hashmap_release(&modules->by_name);
	hashmap_release(&modules->by_file);
	symbol_cache_free(modules->cache);
	pthread_mutex_destroy(&modules->lock);
	pthread_cond_destroy(&modules->wake);
	pthread_cond_destroy(&modules->idle);
	free(modules);
}
