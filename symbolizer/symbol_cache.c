/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/symbol_cache.h"

#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

enum { NAME_SIZE = 128 };

static const char suffix[] = ".sym";

struct symbol_cache {
	int fd; /* of the directory */
	uint64_t max_bytes;
};

/* --- the directory --- */

static int default_directory(struct buf *path)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	const char *wanted = getenv("WICK_SYMBOL_CACHE");

	if (wanted && !strcmp(wanted, "none"))
		return -ENOENT;
	if (wanted && *wanted)
		buf_add_str(path, wanted);
	else if (geteuid() == 0)
		buf_add_str(path, "/var/cache/wick");
	else if (base && *base == '/')
		buf_printf(path, "%s/wick", base);
	else if (home && *home == '/')
		buf_printf(path, "%s/.cache/wick", home);
	else
		return -ENOENT;
	return buf_cstr(path) ? 0 : -ENOMEM;
}

/* Makes the last part, and the one before it (a user without ~/.cache). */
static void make_directory(const char *path)
{
	_cleanup_free_ char *parent = strdup(path);
	char *slash = parent ? strrchr(parent, '/') : NULL;

	if (mkdir(path, 0700) == 0 || errno != ENOENT || !slash || slash == parent)
		return;
	*slash = '\0';
	mkdir(parent, 0700);
	mkdir(path, 0700);
}

int symbol_cache_open(const char *directory, uint64_t max_bytes, struct symbol_cache **ret_cache)
{
	_cleanup_(buf_release) struct buf path = {0};
	_cleanup_close_ int fd = -1;
	struct symbol_cache *cache;
	struct stat st;
	int err = 0;

	if (!directory)
		err = default_directory(&path);
	if (err)
		return err;
	if (!directory)
		directory = path.bytes;
	make_directory(directory);
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return -EPERM;
	cache = malloc(sizeof(*cache));
	if (!cache)
		return -ENOMEM;
	*cache = (struct symbol_cache){TAKE_FD(fd), max_bytes};
	*ret_cache = cache;
	return 0;
}

void symbol_cache_free(struct symbol_cache *cache)
{
	if (!cache)
		return;
	close(cache->fd);
	free(cache);
}

/* --- files --- */

static int name_of(int elf_fd, char *ret_name)
{
	struct stat st;

	if (fstat(elf_fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	snprintf(ret_name, NAME_SIZE, "%jx-%jx-%jx-%jx.%09lx-%jx.%09lx%s", (uintmax_t)st.st_dev,
		 (uintmax_t)st.st_ino, (uintmax_t)st.st_size, (uintmax_t)st.st_mtim.tv_sec,
		 st.st_mtim.tv_nsec, (uintmax_t)st.st_ctim.tv_sec, st.st_ctim.tv_nsec, suffix);
	return 0;
}

static int open_file(struct symbol_cache *cache, const char *name, struct symindex **ret_index)
{
	_cleanup_close_ int fd = openat(cache->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (st.st_uid != geteuid() || (st.st_mode & 0777) != 0600)
		return -ENOENT;
	return symindex_open_trusted(fd, ret_index);
}

int symbol_cache_get(struct symbol_cache *cache, int elf_fd, struct symindex **ret_index)
{
	char name[NAME_SIZE];
	int err = name_of(elf_fd, name);

	if (!err)
		err = open_file(cache, name, ret_index);
	if (err)
		return -ENOENT;
	utimensat(cache->fd, name, NULL, 0); /* used just now */
	return 0;
}

static int copy_all(int from, int to)
{
	struct stat st;
	off_t off = 0;

	if (fstat(from, &st))
		return -errno;
	while (off < st.st_size) {
		ssize_t n = sendfile(to, from, &off, (size_t)(st.st_size - off));

		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			return -EIO;
	}
	return 0;
}

/* A file that lacks a part after a crash of the machine is refused by its size, and no look-up
 * believes what it reads: so it is not synced. */
static int write_file(struct symbol_cache *cache, const char *name, int index_fd)
{
	_cleanup_close_ int fd = -1;
	char temporary[32];
	uint64_t number;
	int err;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -errno;
	snprintf(temporary, sizeof(temporary), "%016" PRIx64 ".tmp", number);
	fd = openat(cache->fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = copy_all(index_fd, fd);
	if (!err && renameat(cache->fd, temporary, cache->fd, name))
		err = -errno;
	if (err)
		unlinkat(cache->fd, temporary, 0);
	return err;
}

/* --- eviction --- */

struct kept {
	char name[NAME_SIZE];
	uint64_t size;
	struct timespec used;
};

static int compare_kept(const void *left, const void *right)
{
	const struct kept *a = left, *b = right;

	if (a->used.tv_sec != b->used.tv_sec)
		return a->used.tv_sec < b->used.tv_sec ? -1 : 1;
	return a->used.tv_nsec < b->used.tv_nsec ? -1 : a->used.tv_nsec > b->used.tv_nsec;
}

static bool is_ours(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && strlen(name) < NAME_SIZE && (!strcmp(dot, suffix) || !strcmp(dot, ".tmp"));
}

/* What is left of writers that died counts and goes like the rest. */
static size_t list(struct symbol_cache *cache, struct kept **ret_kept, uint64_t *ret_bytes)
{
	int fd = openat(cache->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	size_t count = 0, size = 0;

	*ret_bytes = 0;
	while (directory && (entry = readdir(directory))) {
		struct stat st;

		if (!is_ours(entry->d_name) ||
		    fstatat(cache->fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    array_reserve(ret_kept, &size, count + 1))
			continue;
		(*ret_kept)[count] =
			(struct kept){.size = (uint64_t)st.st_size, .used = st.st_mtim};
		strcpy((*ret_kept)[count++].name, entry->d_name);
		*ret_bytes += (uint64_t)st.st_size;
	}
	if (directory)
		closedir(directory);
	else if (fd >= 0)
		close(fd);
	return count;
}

static void evict(struct symbol_cache *cache)
{
	_cleanup_free_ struct kept *kept = NULL;
	uint64_t bytes;
	size_t count = list(cache, &kept, &bytes);

	if (bytes <= cache->max_bytes)
		return;
	qsort(kept, count, sizeof(*kept), compare_kept);
	for (size_t i = 0; i < count && bytes > cache->max_bytes; i++)
		if (!unlinkat(cache->fd, kept[i].name, 0))
			bytes -= kept[i].size;
}

int symbol_cache_put(struct symbol_cache *cache, int elf_fd, int index_fd,
		     struct symindex **ret_index)
{
	char name[NAME_SIZE];
	struct stat st;
	int err = name_of(elf_fd, name);

	if (!err && fstat(index_fd, &st))
		err = -errno;
	if (!err && (uint64_t)st.st_size > cache->max_bytes)
		err = -EFBIG;
	if (!err)
		err = write_file(cache, name, index_fd);
	if (!err)
		err = open_file(cache, name, ret_index);
	evict(cache);
	return err;
}
