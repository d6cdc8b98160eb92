/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/debug_files.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
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

static bool is_elf(int fd)
{
	char magic[SELFMAG];

	return pread(fd, magic, SELFMAG, 0) == SELFMAG && !memcmp(magic, ELFMAG, SELFMAG);
}

/* A device or FIFO is looked at but never opened. */
static int open_regular(int root_fd, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_close_ int found = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	_cleanup_close_ int fd = -1;
	char again[32];
	struct stat st;

	if (found < 0 || fstat(found, &st) || !S_ISREG(st.st_mode))
		return -ENOENT;
	snprintf(again, sizeof(again), "/proc/self/fd/%d", found);
	fd = open(again, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 || !is_elf(fd) ? -ENOENT : TAKE_FD(fd);
}

static int open_in_roots(int root_fd, struct buf *path, struct debug_file *ret_file)
{
	_cleanup_close_ int own_root = -1;
	char *copy;
	int fd = -ENOENT;

	if (!buf_cstr(path))
		return -ENOMEM;
	if (root_fd >= 0)
		fd = open_regular(root_fd, path->bytes);
	if (fd < 0) {
		own_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		fd = open_regular(own_root, path->bytes);
	}
	if (fd < 0)
		return -ENOENT;
	copy = strdup(path->bytes);
	if (!copy) {
		close(fd);
		return -ENOMEM;
	}
	*ret_file = (struct debug_file){fd, copy};
	return 0;
}

int debug_file_by_build_id(int root_fd, const uint8_t *id, size_t size, struct debug_file *ret_file)
{
	_cleanup_(buf_release) struct buf path = {0};

	if (size < 2)
		return -ENOENT;
	buf_printf(&path, "%s/.build-id/%02x/", debug_directory, id[0]);
	for (size_t i = 1; i < size; i++)
		buf_printf(&path, "%02x", id[i]);
	buf_add_str(&path, ".debug");
	return open_in_roots(root_fd, &path, ret_file);
}

/* prefix, the directory of path, middle, name */
static int open_beside(int root_fd, const char *prefix, const char *path, const char *middle,
		       const char *name, struct debug_file *ret_file)
{
	_cleanup_(buf_release) struct buf candidate = {0};
	const char *slash = strrchr(path, '/');

	buf_add_str(&candidate, prefix);
	buf_add(&candidate, path, slash ? (size_t)(slash + 1 - path) : 0);
	buf_add_str(&candidate, middle);
	buf_add_str(&candidate, name);
	return open_in_roots(root_fd, &candidate, ret_file);
}

int debug_file_by_link(int root_fd, const char *path, const char *link, struct debug_file *ret_file)
{
	int err;

	if (*path != '/' || strchr(link, '/'))
		return -ENOENT;
	err = open_beside(root_fd, debug_directory, path, "", link, ret_file);
	if (err == -ENOENT)
		err = open_beside(root_fd, "", path, ".debug/", link, ret_file);
	if (err == -ENOENT)
		err = open_beside(root_fd, "", path, "", link, ret_file);
	return err;
}

int debug_file_by_altlink(int root_fd, const char *path, const char *link,
			  struct debug_file *ret_file)
{
	return open_beside(root_fd, "", *link == '/' ? "" : path, "", link, ret_file);
}

/* prefix, the first `length` bytes of path, ".dwp" */
static int open_package(int root_fd, const char *prefix, const char *path, size_t length,
			struct debug_file *ret_file)
{
	_cleanup_(buf_release) struct buf candidate = {0};

	buf_add_str(&candidate, prefix);
	buf_add(&candidate, path, length);
	buf_add_str(&candidate, ".dwp");
	return open_in_roots(root_fd, &candidate, ret_file);
}

int debug_file_package(int root_fd, const char *path, struct debug_file *ret_file)
{
	static const char suffix[] = ".debug";
	size_t length = strlen(path), end = sizeof(suffix) - 1;
	int err = open_package(root_fd, "", path, length, ret_file);

	if (err == -ENOENT && *path == '/')
		err = open_package(root_fd, debug_directory, path, length, ret_file);
	if (err == -ENOENT && length > end && !strcmp(path + length - end, suffix))
		err = open_package(root_fd, "", path, length - end, ret_file);
	return err;
}

int debug_file_split(int root_fd, const char *path, const char *comp_dir, const char *name,
		     struct debug_file *ret_file)
{
	_cleanup_(buf_release) struct buf candidate = {0};
	const char *slash = strrchr(name, '/');
	int err = -ENOENT;

	if (*name != '/' && *comp_dir)
		buf_printf(&candidate, "%s/", comp_dir);
	buf_add_str(&candidate, name);
	if (*name == '/' || *comp_dir == '/')
		err = open_in_roots(root_fd, &candidate, ret_file);
	else if (path)
		err = open_beside(root_fd, "", path, "", buf_cstr(&candidate), ret_file);
	if (err == -ENOENT && path && *name != '/')
		err = open_beside(root_fd, "", path, "", name, ret_file);
	if (err == -ENOENT && path && slash)
		err = open_beside(root_fd, "", path, "", slash + 1, ret_file);
	return err;
}
