/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/debug_files.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char debug_directory[] = "/usr/lib/debug";

void debug_file_release(struct debug_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	free(file->path);
	*file = DEBUG_FILE_NONE;
}

/* A device or FIFO is looked at but never opened. */
static int open_regular(int root_fd, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_close_ int found = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	char again[32];
	struct stat st;
	int fd;

	if (found < 0 || fstat(found, &st) || !S_ISREG(st.st_mode))
		return -ENOENT;
	snprintf(again, sizeof(again), "/proc/self/fd/%d", found);
	fd = open(again, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -ENOENT : fd;
}

int debug_file_at(int root_fd, const char *path, struct debug_file *ret_file)
{
	_cleanup_close_ int own_root = -1;
	char *copy;
	int fd = -ENOENT;

	if (root_fd >= 0)
		fd = open_regular(root_fd, path);
	if (fd < 0) {
		own_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		fd = open_regular(own_root, path);
	}
	if (fd < 0)
		return -ENOENT;
	copy = strdup(path);
	if (!copy) {
		close(fd);
		return -ENOMEM;
	}
	*ret_file = (struct debug_file){fd, copy};
	return 0;
}

static char *take_path(struct buf *path)
{
	if (!buf_cstr(path))
		buf_release(path);
	return path->bytes;
}

char *debug_file_path_by_build_id(const uint8_t *id, size_t size)
{
	struct buf path = {0};

	if (size < 2)
		return NULL;
	buf_printf(&path, "%s/.build-id/%02x/", debug_directory, id[0]);
	for (size_t i = 1; i < size; i++)
		buf_printf(&path, "%02x", id[i]);
	buf_add_str(&path, ".debug");
	return take_path(&path);
}

int debug_file_by_build_id(int root_fd, const uint8_t *id, size_t size, struct debug_file *ret_file)
{
	_cleanup_free_ char *path = debug_file_path_by_build_id(id, size);

	return path ? debug_file_at(root_fd, path, ret_file) : -ENOENT;
}

/* prefix, the directory of path, middle, name */
static char *path_beside(const char *prefix, const char *path, const char *middle, const char *name)
{
	struct buf beside = {0};
	const char *slash = strrchr(path, '/');

	buf_add_str(&beside, prefix);
	buf_add(&beside, path, slash ? (size_t)(slash + 1 - path) : 0);
	buf_add_str(&beside, middle);
	buf_add_str(&beside, name);
	return take_path(&beside);
}

char *debug_file_path_by_link(const char *path, const char *link, unsigned int place)
{
	if (*path != '/' || strchr(link, '/'))
		return NULL;
	return path_beside(place == 0 ? debug_directory : "", path, place == 1 ? ".debug/" : "",
			   link);
}

int debug_file_by_altlink(int root_fd, const char *path, const char *link,
			  struct debug_file *ret_file)
{
	_cleanup_free_ char *there = path_beside("", *link == '/' ? "" : path, "", link);

	return there ? debug_file_at(root_fd, there, ret_file) : -ENOMEM;
}
