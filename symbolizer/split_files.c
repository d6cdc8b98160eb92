/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/split_files.h"

#include "base/cleanup.h"
#include "symbolizer/debug_sections.h"

#include <errno.h>
#include <string.h>

int split_files_init(struct split_files *files, int package_fd, symindex_open_split_fn open_split)
{
	int err;

	*files = (struct split_files){.open_split = open_split, .fd = -1};
	if (package_fd < 0 || elf_file_open(&files->package_elf, package_fd, true))
		return 0;
	err = debug_sections_read(files->package_elf.elf, true, &files->whole);
	if (!err)
		files->has_package = dwarf_package_open(&files->whole, &files->package);
	return err == -ENOMEM ? err : 0;
}

static void close_now(struct split_files *files)
{
	dwarf_release(&files->now);
	elf_file_release(&files->elf);
	memset(&files->elf, 0, sizeof(files->elf));
	cleanup_closep(&files->fd);
	files->fd = -1;
	files->comp_dir = files->name = NULL;
}

void split_files_release(struct split_files *files)
{
	close_now(files);
	dwarf_release(&files->whole);
	elf_file_release(&files->package_elf);
}

/* Link-time optimisation puts several units into one file. */
static bool is_open(const struct split_files *files, const struct dwarf_unit *skeleton)
{
	return files->name && !strcmp(files->name, skeleton->dwo_name) &&
	       !strcmp(files->comp_dir, skeleton->comp_dir ? skeleton->comp_dir : "");
}

static int open_file(struct split_files *files, const struct dwarf_unit *skeleton)
{
	const char *comp_dir = skeleton->comp_dir ? skeleton->comp_dir : "";
	int err;

	if (!files->open_split)
		return -ENOENT;
	files->fd = files->open_split(comp_dir, skeleton->dwo_name);
	if (files->fd < 0)
		return -ENOENT;
	if (elf_file_open(&files->elf, files->fd, true))
		return -EBADMSG;
	err = debug_sections_read(files->elf.elf, true, &files->now);
	if (err)
		return err == -ENOMEM ? err : -EBADMSG;
	files->comp_dir = comp_dir;
	files->name = skeleton->dwo_name;
	return 0;
}

int split_files_open(void *context, const struct dwarf_unit *skeleton, struct dwarf **ret_split)
{
	struct split_files *files = context;
	int err = 0;

	if (!is_open(files, skeleton)) {
		close_now(files);
		if (!files->has_package ||
		    !dwarf_package_find(&files->package, skeleton->dwo_id, &files->now))
			err = open_file(files, skeleton);
		if (!err)
			err = dwarf_read_units(&files->now);
	}
	if (err)
		return err;
	*ret_split = &files->now;
	return 0;
}
