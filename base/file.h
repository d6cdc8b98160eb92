/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole files: write all of it, map all of it. */
#ifndef WICK_BASE_FILE_H
#define WICK_BASE_FILE_H

#include <stddef.h>

/* Writes on through short writes and signals. 0 or a negative errno. */
int file_write_all(int fd, const void *bytes, size_t size);

/* Maps a regular file for reading; give it back by munmap(). -EBADMSG: it is shorter than `least`
 * bytes (at least 1), or no regular file. */
int file_map(int fd, size_t least, const void **ret_bytes, size_t *ret_size);

#endif
