/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the debug files of a program lie: looked up, opened, and not read. What is opened may be
 * any file that somebody put there; the child that reads it checks that it belongs to the program.
 */
#ifndef WICK_SYMBOLIZER_DEBUG_FILES_H
#define WICK_SYMBOLIZER_DEBUG_FILES_H

#include <stddef.h>
#include <stdint.h>

/* A file that was found. */
struct debug_file {
	int fd;
	char *path; /* as it was looked up, in whichever root */
};

#define DEBUG_FILE_NONE ((struct debug_file){-1, NULL})

void debug_file_release(struct debug_file *file);

/*
 * Each looks in root_fd (an O_PATH descriptor of a container's root, or -1), then in our own root;
 * links are followed inside the root only. Only regular files are opened, and given out only if they
 * begin as ELF files do: who names them may have no right to read others. 0, or -ENOENT, or -ENOMEM.
 */

/* /usr/lib/debug/.build-id/ab/cdef.debug */
int debug_file_by_build_id(int root_fd, const uint8_t *id, size_t size,
			   struct debug_file *ret_file);

/* .gnu_debuglink of the program at path: beside it, in its .debug/, under /usr/lib/debug. */
int debug_file_by_link(int root_fd, const char *path, const char *link,
		       struct debug_file *ret_file);

/* .gnu_debugaltlink of the file at path: a path of its own, absolute or from there. */
int debug_file_by_altlink(int root_fd, const char *path, const char *link,
			  struct debug_file *ret_file);

/* Split DWARF's package of the file at path: FILE.dwp beside it or under /usr/lib/debug, and where
 * path ends in .debug the same without that. */
int debug_file_package(int root_fd, const char *path, struct debug_file *ret_file);

/* A split file (.dwo) of the program at path (or NULL): name, from comp_dir if it is not absolute, as
 * the compiler knew them; else, for a tree that was moved, by the program. */
int debug_file_split(int root_fd, const char *path, const char *comp_dir, const char *name,
		     struct debug_file *ret_file);

#endif
