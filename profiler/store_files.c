/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/store_files.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/store_index.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { SHOWN_SIZE = 256 };

void store_files_release(struct store_files *files)
{
	free(files->items);
	*files = (struct store_files){0};
}

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int add(struct store_files *files, const char *name)
{
	struct store_file file;

	if (slice_parse_name(name, &file.slice))
		return 0;
	if (array_reserve(&files->items, &files->size, files->count + 1))
		return -ENOMEM;
	memcpy(file.name, name, strlen(name) + 1);
	files->items[files->count++] = file;
	return 0;
}

static int catalog_order(const void *a, const void *b)
{
	const struct slice *x = &((const struct store_file *)a)->slice;
	const struct slice *y = &((const struct store_file *)b)->slice;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return (int)y->level - (int)x->level;
}

int store_files_list(int directory, bool sweep, struct store_files *files)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	_cleanup_(closedirp) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir)
		return -errno;
	while (!err) {
		errno = 0;
		entry = readdir(dir);
		if (!entry) {
			err = -errno;
			break;
		}
		if (slice_is_temporary(entry->d_name))
			files->temporary += !sweep || !unlinkat(directory, entry->d_name, 0);
		else
			err = add(files, entry->d_name);
	}
	if (files->count)
		qsort(files->items, files->count, sizeof(*files->items), catalog_order);
	return err;
}

/* The row that speaks of this very file. */
static const struct slice *row_of(int directory, const struct catalog *rows,
				  const struct store_file *file)
{
	size_t at = catalog_find(rows, file->slice.level, file->slice.first);
	const struct slice *row = at == CATALOG_NONE ? NULL : &rows->rows[at];
	char name[SLICE_NAME_SIZE];

	if (!row || strcmp(slice_name(row, name), file->name) ||
	    slice_file_bytes(directory, file->name) != row->bytes)
		return NULL;
	return row;
}

static int read_one(int directory, const struct store_file *file, const struct catalog *rows,
		    const struct store_files_watch *watch, struct catalog *catalog,
		    size_t *ret_read)
{
	struct slice slice;
	const char *why = "";
	size_t at;
	int err = slice_read(directory, file->name, &slice, NULL, &why);

	if (!err) {
		++*ret_read;
		return catalog_add(catalog, &slice);
	}
	if (err == -ENOMEM)
		return err;
	at = catalog_find(rows, file->slice.level, file->slice.first);
	if (watch->keep_rows && at != CATALOG_NONE)
		return catalog_add(catalog, &rows->rows[at]);
	if (err != -ENOENT)
		watch->bad(watch->context, file->name, err, why);
	return 0;
}

int store_files_match(int directory, const struct store_files *files, const struct catalog *rows,
		      const struct store_files_watch *watch, struct catalog *catalog,
		      size_t *ret_read)
{
	int err = 0;

	*ret_read = 0;
	for (size_t i = 0; !err && i < files->count; i++) {
		const struct store_file *file = &files->items[i];
		const struct slice *row = row_of(directory, rows, file);

		err = row ? catalog_add(catalog, row)
			  : read_one(directory, file, rows, watch, catalog, ret_read);
	}
	return err;
}

/* ---- readers ---- */

static void say_bad(void *context, const char *name, int err, const char *why)
{
	char shown[SHOWN_SIZE], reason[SHOWN_SIZE];

	(void)context;
	(void)err;
	log_warn("leaving out '%s': %s", quote(shown, sizeof(shown), name),
		 quote(reason, sizeof(reason), why));
}

static void load_rows(const char *path, struct catalog *rows)
{
	_cleanup_(index_closep) struct index *index = NULL;
	int err = index_open(path, true, &index);

	if (!err)
		err = index_load(index, rows);
	if (err) {
		log_warn("the index cannot be read, reading the files themselves: %s",
			 err == -EBADMSG ? "it is damaged" : strerror(-err));
		catalog_release(rows);
	}
}

int store_read_catalog(const char *path, int *ret_directory, struct catalog *catalog)
{
	const struct store_files_watch watch = {NULL, say_bad, true};
	_cleanup_(store_files_release) struct store_files files = {0};
	_cleanup_(catalog_release) struct catalog rows = {0};
	_cleanup_close_ int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char shown[SHOWN_SIZE];
	size_t read;
	int err = directory < 0 ? -errno : 0;

	if (!err) {
		load_rows(path, &rows);
		err = store_files_list(directory, false, &files);
	}
	if (!err)
		err = store_files_match(directory, &files, &rows, &watch, catalog, &read);
	if (err) {
		log_error("cannot read the store '%s': %s", quote(shown, sizeof(shown), path),
			  strerror(-err));
		return err;
	}
	*ret_directory = TAKE_FD(directory);
	return 0;
}
