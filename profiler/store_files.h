/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lies in a store's directory, against what an index says of it. Needs no lock. */
#ifndef WICK_PROFILER_STORE_FILES_H
#define WICK_PROFILER_STORE_FILES_H

#include "profiler/store_catalog.h"

#include <stddef.h>

/* A file that has the name of a slice. */
struct store_file {
	struct slice slice; /* level and first */
	char name[SLICE_NAME_SIZE];
};

struct store_files {
	struct store_file *items; /* in the order of a catalog */
	size_t count, size;
	size_t temporary; /* parts of files that a crash left */
};

void store_files_release(struct store_files *files);

/* Lists the directory; sweep: deletes temporary files on the way, which is for the writer only. */
int store_files_list(int directory, bool sweep, struct store_files *files);

/* Told of each file that cannot be had: damaged ones, and with err (EIO, EACCES) others. */
struct store_files_watch {
	void *context;
	void (*bad)(void *context, const char *name, int err, const char *why);
	/* A file that has a row, but does not agree with it, stays in the catalog as the row says,
	 * to be found when it is wanted. */
	bool keep_rows;
};

/* Fills the catalog with the files there are: from their rows, where those speak of these very
 * files (name and size), else by reading them; counts the latter. -ENOMEM. */
int store_files_match(int directory, const struct store_files *files, const struct catalog *rows,
		      const struct store_files_watch *watch, struct catalog *catalog,
		      size_t *ret_read);

/*
 * For those who only read: opens the directory and fills the catalog, as far as can be by the
 * index. Says what is wrong. The writer may be at work meanwhile: files may be gone when they are
 * wanted.
 */
int store_read_catalog(const char *path, int *ret_directory, struct catalog *catalog);

#endif
