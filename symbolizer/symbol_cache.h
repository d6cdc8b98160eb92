/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Indexes on disk, so that a module's debug info is read once: DEVICE-INODE-SIZE-MTIME-CTIME.sym,
 * files of mode 0600 in a directory that only we may write to. The name is the ELF file's identity
 * and not its build id, which anybody can write into a file: the change time cannot be chosen. The
 * least recently used go when there are too many bytes. Any thread, any number of processes.
 */
#ifndef WICK_SYMBOLIZER_SYMBOL_CACHE_H
#define WICK_SYMBOLIZER_SYMBOL_CACHE_H

#include "symbolizer/symindex.h"

struct symbol_cache;

enum { SYMBOL_CACHE_BYTES = 512 << 20 }; /* the usual cap */

/* directory: NULL for $WICK_SYMBOL_CACHE ("none": no cache), /var/cache/wick (root),
 * $XDG_CACHE_HOME/wick or ~/.cache/wick; made if it is not there. -EPERM: others may write to it.
 * Other errors: it cannot be had. */
int symbol_cache_open(const char *directory, uint64_t max_bytes, struct symbol_cache **ret_cache);
void symbol_cache_free(struct symbol_cache *cache);
static inline void symbol_cache_freep(struct symbol_cache **cache)
{
	symbol_cache_free(*cache);
}

/* Its directory. */
const char *symbol_cache_path(const struct symbol_cache *cache);

/* The index of the ELF file behind elf_fd, or -ENOENT. */
int symbol_cache_get(struct symbol_cache *cache, int elf_fd, struct symindex **ret_index);

/* Keeps the index in index_fd (checked by symindex_open() before) for elf_fd, and gives it back as
 * opened from the cache: so its memory is the file's. 0 or an error; then nothing was kept. */
int symbol_cache_put(struct symbol_cache *cache, int elf_fd, int index_fd,
		     struct symindex **ret_index);

#endif
