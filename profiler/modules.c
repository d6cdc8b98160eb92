/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/modules.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/hashmap.h"
#include "base/log.h"
#include "base/quote.h"
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
	RETRIES_MAX = 8,
	JIT_ROOTS_MAX = 256, /* roots kept open of processes with code made at run time */
};

struct entry {
	struct module module;
	struct module_file file;     /* once opened */
	int fd;			     /* QUEUED only */
	int root_fd;		     /* QUEUED: of its container; JIT: of its process; or -1 */
	struct perf_map_owner owner; /* JIT only */
	int dump_fd;		     /* JIT: its jitdump; or -1 */
	uint64_t dump_serial;	     /* of the address space where it was looked for last */
	bool is_used;		     /* by the caller's thread only */
	atomic_bool may_retry;	     /* another file was read in its place: it may be met again */
	unsigned int retries;
	bool is_elf;	  /* looked at where it matters, which is in a memfd */
	uint32_t same_as; /* the entry that is parsed for this one, or its own id */
	struct symindex *owned;
};

struct modules {
	struct symbol_cache *cache; /* or NULL; the parsing thread's */
	struct entry *entries;
	uint32_t count, size;
	uint64_t refused;
	struct hashmap by_name; /* build id, or dev + inode + path */
	struct hashmap by_file;
	uint32_t jit_roots[JIT_ROOTS_MAX]; /* ids of the entries, the oldest at jit_root_next */
	uint32_t jit_root_count, jit_root_next;

	/* Shared with the parsing thread, under the lock: entries (they may move), queue. */
	pthread_mutex_t lock;
	pthread_cond_t wake, idle;
	uint32_t *queue;
	uint32_t queued, queue_size, next, parsing;
	pthread_t parser;
	bool has_parser, quit;
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

static int add_entry(struct modules *modules, const struct module_name *name, uint64_t hash,
		     uint32_t *ret_id)
{
	_cleanup_free_ char *path = strdup(name->path);
	struct entry *entry;
	uint32_t id = modules->count;
	int err;

	if (!path)
		return -ENOMEM;
	err = array_reserve(&modules->entries, &modules->size, (size_t)id + 1);
	if (!err)
		err = hashmap_add(&modules->by_name, hash, id);
	if (err)
		return err;
	entry = &modules->entries[id];
	*entry = (struct entry){
		.module.name = *name, .fd = -1, .root_fd = -1, .dump_fd = -1, .same_as = id};
	entry->module.name.path = TAKE_PTR(path);
	modules->count++;
	*ret_id = id;
	return 0;
}

int modules_add(struct modules *modules, const struct task_event *map, uint32_t *ret_id)
{
	struct module_name name = module_name_of(map);
	uint64_t hash = module_name_hash(&name);
	uint32_t id = hashmap_find(&modules->by_name, hash, name_equal, modules, &name);
	int err = 0;

	if (id == HASHMAP_NONE && modules->count >= MODULES_MAX) {
		modules->refused++;
		id = MODULE_REFUSED;
	} else if (id == HASHMAP_NONE) {
		pthread_mutex_lock(&modules->lock);
		err = add_entry(modules, &name, hash, &id);
		pthread_mutex_unlock(&modules->lock);
	}
	if (!err)
		*ret_id = id;
	return err;
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

/* Under the lock. True: a descriptor waits for the parser. */
static bool queue_entry(struct modules *modules, uint32_t id, int fd)
{
	struct entry *entry = &modules->entries[id];
	uint32_t same;
	uint64_t hash;

	entry->file = module_file_of(fd);
	hash = hash_bytes(&entry->file, sizeof(entry->file));
	same = hashmap_find(&modules->by_file, hash, file_equal, modules, &entry->file);
	/* With two build ids one of them has been opened too late: see parse(). */
	if (same != HASHMAP_NONE && entry->module.name.build_id_size &&
	    modules->entries[same].module.name.build_id_size)
		same = HASHMAP_NONE;
	if (same != HASHMAP_NONE) {
		entry->same_as = same;
		return false;
	}
	if (array_reserve(&modules->queue, &modules->queue_size, (size_t)modules->queued + 1) ||
	    hashmap_add(&modules->by_file, hash, id)) {
		fail(&entry->module, "out of memory");
		return false;
	}
	entry->fd = fd;
	modules->queue[modules->queued++] = id;
	return true;
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

void modules_use(struct modules *modules, uint32_t id, pid_t pid, uint64_t start, uint64_t end)
{
	struct entry *entry = &modules->entries[id];
	int fd, root_fd;

	if (entry->is_used && !atomic_exchange(&entry->may_retry, false))
		return;
	entry->is_used = true;
	fd = entry->module.name.kind == MODULE_OTHER
		     ? -ENOEXEC
		     : module_open(&entry->module.name, pid, start, end);
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

static void let_go(struct entry *entry)
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
	if (modules->jit_root_count < JIT_ROOTS_MAX) {
		modules->jit_root_count++;
	} else {
		let_go(&modules->entries[*slot]);
	}
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
	uint64_t hash;
	uint32_t jit;
	int err;

	if (!may_hold_jit_code(&modules->entries[id]))
		return id;
	hash = module_name_hash(&name);
	jit = hashmap_find(&modules->by_name, hash, name_equal, modules, &name);
	if (jit != HASHMAP_NONE)
		return jit;
	pthread_mutex_lock(&modules->lock);
	err = add_entry(modules, &name, hash, &jit);
	pthread_mutex_unlock(&modules->lock);
	if (err)
		return id;
	keep_root(modules, jit, pid);
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

void modules_jit_files(struct modules *modules, uint32_t id, int *ret_map_fd, int *ret_dump_fd)
{
	const struct entry *entry = &modules->entries[id];

	*ret_dump_fd = entry->dump_fd;
	*ret_map_fd = entry->root_fd < 0 ? -1 : perf_map_open(entry->root_fd, &entry->owner);
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

static void finish(struct entry *entry, int err, struct symindex *index)
{
	struct module *module = &entry->module;
	size_t size;
	const uint8_t *id;

	close(entry->fd);
	if (entry->root_fd >= 0)
		close(entry->root_fd);
	entry->fd = entry->root_fd = -1;
	if (err) {
		fail(module, parser_error(err));
		return;
	}
	if (!is_mapped_file(&module->name, index)) {
		symindex_free(index);
		fail(module, "the file was replaced");
		atomic_store(&entry->may_retry, entry->retries++ < RETRIES_MAX);
		return;
	}
	entry->owned = index;
	id = symindex_build_id(index, &size);
	if (!module->name.build_id_size && size <= sizeof(module->name.build_id)) {
		memcpy(module->name.build_id, id, size);
		module->name.build_id_size = (uint8_t)size;
	}
	module->index = index;
	module->state = MODULE_READY;
}

/* The file of `files`, or if it is not the one that was mapped, the file of that name in its root. */
static int parse(const struct module_name *name, struct parser_files files,
		 struct symindex **ret_index)
{
	_cleanup_(symindex_freep) struct symindex *other = NULL;
	_cleanup_close_ int named_fd = -1;
	int err = parser_symbols(&files, PARSE_DEADLINE_MS, ret_index);

	if (err || is_mapped_file(name, *ret_index))
		return err;
	named_fd = module_open_by_path(name, files.root_fd);
	files.elf_fd = named_fd;
	if (named_fd < 0 || parser_symbols(&files, PARSE_DEADLINE_MS, &other))
		return 0;
	symindex_free(*ret_index);
	*ret_index = TAKE_PTR(other);
	return 0;
}

static void *parse_main(void *context)
{
	struct modules *modules = context;

	pthread_setname_np(pthread_self(), "wick-symbols");
	pthread_mutex_lock(&modules->lock);
	while (!modules->quit) {
		struct symindex *index = NULL;
		struct parser_files files;
		struct module_name name;
		uint32_t id;
		int err;

		if (modules->next == modules->queued) {
			pthread_cond_broadcast(&modules->idle);
			pthread_cond_wait(&modules->wake, &modules->lock);
			continue;
		}
		id = modules->queue[modules->next];
		name = modules->entries[id].module.name; /* its path stays where it is */
		files = (struct parser_files){
			.elf_fd = modules->entries[id].fd,
			.root_fd = modules->entries[id].root_fd,
			.path = name.path,
			/* The vdso's file is made anew in each run: no use to keep it. */
			.cache = name.kind == MODULE_FILE ? modules->cache : NULL,
		};
		pthread_mutex_unlock(&modules->lock);
		err = parse(&name, files, &index);
		pthread_mutex_lock(&modules->lock);
		finish(&modules->entries[id], err, index);
		modules->next++;
	}
	pthread_mutex_unlock(&modules->lock);
	return NULL;
}

void modules_wait(struct modules *modules)
{
	pthread_mutex_lock(&modules->lock);
	while (modules->next < modules->queued)
		pthread_cond_wait(&modules->idle, &modules->lock);
	pthread_mutex_unlock(&modules->lock);
}

/* --- reading --- */

struct module modules_get(struct modules *modules, uint32_t id)
{
	struct module module;

	pthread_mutex_lock(&modules->lock);
	module = modules->entries[id].module;
	if (modules->entries[id].same_as != id) {
		const struct module *same = &modules->entries[modules->entries[id].same_as].module;

		module.state = same->state;
		module.index = same->index;
		module.why = same->why;
		module.name.build_id_size = same->name.build_id_size;
		memcpy(module.name.build_id, same->name.build_id, sizeof(module.name.build_id));
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

uint64_t module_vaddr(const struct module *module, uint64_t off)
{
	uint64_t vaddr;

	return module->index && symindex_vaddr(module->index, off, &vaddr) ? vaddr : off;
}

int modules_new(struct modules **ret_modules)
{
	_cleanup_(modules_freep) struct modules *modules = calloc(1, sizeof(*modules));
	uint32_t first;
	int err;

	if (!modules)
		return -ENOMEM;
	err = symbol_cache_open(NULL, SYMBOL_CACHE_BYTES, &modules->cache);
	if (err)
		log_debug("no cache of symbols: %s", strerror(-err));
	pthread_mutex_init(&modules->lock, NULL);
	pthread_cond_init(&modules->wake, NULL);
	pthread_cond_init(&modules->idle, NULL);
	err = modules_add(modules, &(struct task_event){.path = "[too many files]"}, &first);
	if (err)
		return err;
	err = -pthread_create(&modules->parser, NULL, parse_main, modules);
	if (err)
		return err;
	modules->has_parser = true;
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
	if (modules->has_parser)
		pthread_join(modules->parser, NULL);
	for (uint32_t i = 0; i < modules->count; i++) {
		free((char *)modules->entries[i].module.name.path);
		symindex_free(modules->entries[i].owned);
		if (modules->entries[i].fd >= 0)
			close(modules->entries[i].fd);
		let_go(&modules->entries[i]);
	}
	free(modules->entries);
	free(modules->queue);
	hashmap_release(&modules->by_name);
	hashmap_release(&modules->by_file);
	symbol_cache_free(modules->cache);
	pthread_mutex_destroy(&modules->lock);
	pthread_cond_destroy(&modules->wake);
	pthread_cond_destroy(&modules->idle);
	free(modules);
}
