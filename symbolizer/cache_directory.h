/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A directory of files that can be had anew: of mode 0600, in a directory that only we may write
 * to. The least recently used go when there are too many bytes; files that are being written count,
 * and what is left of writers that died goes like the rest. Any thread, any number of processes.
 */
#ifndef WICK_SYMBOLIZER_CACHE_DIRECTORY_H
#define WICK_SYMBOLIZER_CACHE_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum { CACHE_NAME_SIZE = 160 };

struct cache_directory {
	int fd;
	uint64_t max_bytes;
	char *path;
	_Atomic int64_t room; /* bytes that may be added until it is listed again */
};

#define CACHE_DIRECTORY_NONE ((struct cache_directory){.fd = -1})

/* path: NULL for $WICK_SYMBOL_CACHE ("none": no cache), /var/cache/wick (root),
 * $XDG_CACHE_HOME/wick or ~/.cache/wick; below: a directory in it, or NULL. Made if it is not
 * there. -EPERM: others may write to it. Other errors: it cannot be had. */
int cache_directory_open(const char *path, const char *below, uint64_t max_bytes,
			 struct cache_directory *ret_directory);
void cache_directory_release(struct cache_directory *directory);

/* A file of ours, for reading, marked as used just now; or a negative errno. */
int cache_directory_get(const struct cache_directory *directory, const char *name,
			struct stat *ret_stat);

/* A new file for reading and writing, under a name of the moment. */
int cache_directory_create(const struct cache_directory *directory, char ret_name[CACHE_NAME_SIZE]);

/* It is whole: under its own name from now on. Or, where it is of no use: away with it. */
int cache_directory_keep(const struct cache_directory *directory, const char *temporary,
			 const char *name);
void cache_directory_remove(const struct cache_directory *directory, const char *name);

/* After `added` bytes: lets go of the least recently used where max_bytes may have been reached. What
 * other processes add meanwhile is seen in time as long as they are fewer than eight. */
void cache_directory_evict(struct cache_directory *directory, uint64_t added);

#endif
