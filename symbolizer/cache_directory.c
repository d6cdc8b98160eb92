/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/cache_directory.h"

#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

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

int cache_directory_open(const char *path, const char *below, uint64_t max_bytes,
			 struct cache_directory *ret_directory)
{
	_cleanup_(buf_release) struct buf whole = {0};
	_cleanup_close_ int fd = -1;
	struct stat st;
	int err = 0;

	if (path)
		buf_add_str(&whole, path);
	else
		err = default_directory(&whole);
	if (!err && below)
		buf_printf(&whole, "/%s", below);
	if (!err && !buf_cstr(&whole))
		err = -ENOMEM;
	if (err)
		return err;
	make_directory(whole.bytes);
	fd = open(whole.bytes, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return -EPERM;
	*ret_directory = (struct cache_directory){
		.fd = TAKE_FD(fd), .max_bytes = max_bytes, .path = TAKE_PTR(whole.bytes)};
	return 0;
}

void cache_directory_release(struct cache_directory *directory)
{
	if (directory->fd >= 0)
		close(directory->fd);
	free(directory->path);
	*directory = CACHE_DIRECTORY_NONE;
}

/* --- files --- */

int cache_directory_get(const struct cache_directory *directory, const char *name,
			struct stat *ret_stat)
{
	_cleanup_close_ int fd = openat(directory->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || fstat(fd, ret_stat))
		return -errno;
	if (ret_stat->st_uid != geteuid() || (ret_stat->st_mode & 0777) != 0600)
		return -ENOENT;
	utimensat(directory->fd, name, NULL, 0);
	return TAKE_FD(fd);
}

int cache_directory_create(const struct cache_directory *directory, char ret_name[CACHE_NAME_SIZE])
{
	uint64_t number;
	int fd;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -errno;
	snprintf(ret_name, CACHE_NAME_SIZE, "%016" PRIx64 ".tmp", number);
	fd = openat(directory->fd, ret_name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

int cache_directory_keep(const struct cache_directory *directory, const char *temporary,
			 const char *name)
{
	int err = 0;

	if (renameat(directory->fd, temporary, directory->fd, name)) {
		err = -errno;
		unlinkat(directory->fd, temporary, 0);
	}
	return err;
}

void cache_directory_remove(const struct cache_directory *directory, const char *name)
{
	unlinkat(directory->fd, name, 0);
}

/* --- eviction --- */

struct kept {
	char name[CACHE_NAME_SIZE];
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
	static const char *const suffixes[] = {".sym", ".debug", ".none", ".tmp"};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && strlen(name) < CACHE_NAME_SIZE && i < ARRAY_SIZE(suffixes); i++)
		if (!strcmp(dot, suffixes[i]))
			return true;
	return false;
}

static size_t list(const struct cache_directory *directory, struct kept **ret_kept,
		   uint64_t *ret_bytes)
{
	int fd = openat(directory->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	size_t count = 0, size = 0;

	*ret_bytes = 0;
	while (listing && (entry = readdir(listing))) {
		struct stat st;

		if (!is_ours(entry->d_name) ||
		    fstatat(directory->fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    array_reserve(ret_kept, &size, count + 1))
			continue;
		(*ret_kept)[count] =
			(struct kept){.size = (uint64_t)st.st_size, .used = st.st_mtim};
		strcpy((*ret_kept)[count++].name, entry->d_name);
		*ret_bytes += (uint64_t)st.st_size;
	}
	if (listing)
		closedir(listing);
	else if (fd >= 0)
		close(fd);
	return count;
}

/* Listing a thousand files costs more than writing one. So it is done again when an eighth of the
 * room that was seen has been filled, and an eighth is made free at once: each process that adds
 * notes only its own bytes. */
void cache_directory_evict(struct cache_directory *directory, uint64_t added)
{
	const uint64_t max = directory->max_bytes;
	_cleanup_free_ struct kept *kept = NULL;
	uint64_t bytes;
	size_t count;

	if (atomic_fetch_sub(&directory->room, (int64_t)added) > (int64_t)added)
		return;
	count = list(directory, &kept, &bytes);
	if (bytes > max)
		qsort(kept, count, sizeof(*kept), compare_kept);
	else
		count = 0;
	for (size_t i = 0; i < count && bytes > max - max / 8; i++)
		if (!unlinkat(directory->fd, kept[i].name, 0))
			bytes -= kept[i].size;
	atomic_store(&directory->room, bytes < max ? (int64_t)(max - bytes) / 8 : 0);
}
