/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/symbol_cache.h"

#include "base/cleanup.h"
#include "symbolizer/cache_directory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <unistd.h>

struct symbol_cache {
	struct cache_directory directory;
};

int symbol_cache_open(const char *directory, uint64_t max_bytes, struct symbol_cache **ret_cache)
{
	struct symbol_cache *cache = malloc(sizeof(*cache));
	int err = cache ? cache_directory_open(directory, NULL, max_bytes, &cache->directory)
			: -ENOMEM;

	if (err)
		free(cache);
	else
		*ret_cache = cache;
	return err;
}

void symbol_cache_free(struct symbol_cache *cache)
{
	if (!cache)
		return;
	cache_directory_release(&cache->directory);
	free(cache);
}

const char *symbol_cache_path(const struct symbol_cache *cache)
{
	return cache->directory.path;
}

static int name_of(int elf_fd, char ret_name[CACHE_NAME_SIZE])
{
	struct stat st;

	if (fstat(elf_fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	snprintf(ret_name, CACHE_NAME_SIZE, "%jx-%jx-%jx-%jx.%09lx-%jx.%09lx.sym",
		 (uintmax_t)st.st_dev, (uintmax_t)st.st_ino, (uintmax_t)st.st_size,
		 (uintmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (uintmax_t)st.st_ctim.tv_sec,
		 st.st_ctim.tv_nsec);
	return 0;
}

int symbol_cache_get(struct symbol_cache *cache, int elf_fd, struct symindex **ret_index)
{
	_cleanup_close_ int fd = -1;
	char name[CACHE_NAME_SIZE];
	struct stat st;
	int err = name_of(elf_fd, name);

	if (!err)
		fd = cache_directory_get(&cache->directory, name, &st);
	return fd < 0 || symindex_open_trusted(fd, ret_index) ? -ENOENT : 0;
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
	char temporary[CACHE_NAME_SIZE];
	_cleanup_close_ int fd = cache_directory_create(&cache->directory, temporary);
	int err = fd < 0 ? fd : copy_all(index_fd, fd);

	if (!err)
		return cache_directory_keep(&cache->directory, temporary, name);
	if (fd >= 0)
		cache_directory_remove(&cache->directory, temporary);
	return err;
}

int symbol_cache_put(struct symbol_cache *cache, int elf_fd, int index_fd,
		     struct symindex **ret_index)
{
	char name[CACHE_NAME_SIZE];
	struct stat st;
	int err = name_of(elf_fd, name);

	if (!err && fstat(index_fd, &st))
		err = -errno;
	if (!err && (uint64_t)st.st_size > cache->directory.max_bytes)
		err = -EFBIG;
	if (!err)
		err = write_file(cache, name, index_fd);
	if (!err)
		err = symbol_cache_get(cache, elf_fd, ret_index);
	cache_directory_evict(&cache->directory, err ? 0 : (uint64_t)st.st_size);
	return err;
}
