/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/module_file.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hashmap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { VDSO_SIZE_MAX = 16 * 4096 };

/* What perf calls a file whose path is longer than PATH_MAX. */
static const char TOO_LONG[] = "//toolong";

/* perf names anonymous memory "//anon" and "/anon_hugepage", maps(5) leaves it empty; "[heap]",
 * "[stack]" and others are the kernel's own words. */
static enum module_kind kind_of(const struct task_event *map)
{
	if (!strcmp(map->path, "[vdso]"))
		return MODULE_VDSO;
	if (map->path[0] == '/' && (map->path[1] != '/' || !strcmp(map->path, TOO_LONG)) &&
	    (map->inode || map->build_id_size))
		return MODULE_FILE;
	return MODULE_OTHER;
}

struct module_name module_name_of(const struct task_event *map)
{
	struct module_name name = {.kind = kind_of(map), .path = map->path};

	if (name.kind == MODULE_FILE) {
		name.dev = map->dev;
		name.inode = map->inode;
		name.build_id_size = map->build_id_size;
		memcpy(name.build_id, map->build_id, map->build_id_size);
	} else if (name.kind == MODULE_OTHER && name.path[0] != '[') {
		name.path = "[anon]";
	}
	return name;
}

uint64_t module_name_hash(const struct module_name *name)
{
	if (name->build_id_size)
		return hash_bytes(name->build_id, name->build_id_size);
	return hash_mix(hash_mix(name->dev, name->inode),
			hash_bytes(name->path, strlen(name->path)));
}

bool module_name_equal(const struct module_name *a, const struct module_name *b)
{
	if (a->build_id_size != b->build_id_size)
		return false;
	if (a->build_id_size)
		return !memcmp(a->build_id, b->build_id, a->build_id_size);
	return a->dev == b->dev && a->inode == b->inode && !strcmp(a->path, b->path);
}

static int open_regular(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat))
		return -errno;
	if (!S_ISREG(stat.st_mode))
		return -ENOEXEC;
	return TAKE_FD(fd);
}

static int open_below(int root_fd, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_close_ int found = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	char again[32];

	if (found < 0)
		return -errno;
	snprintf(again, sizeof(again), "/proc/self/fd/%d", found);
	return open_regular(again);
}

/* Without a build id the inode has to do. */
static int believe(const struct module_name *name, int fd)
{
	struct stat stat;

	if (fd < 0 || name->build_id_size || (!fstat(fd, &stat) && stat.st_ino == name->inode))
		return fd;
	close(fd);
	return -ESTALE;
}

int module_open_by_path(const struct module_name *name, int root_fd)
{
	int fd = root_fd >= 0 ? believe(name, open_below(root_fd, name->path)) : -ENOENT;

	/* Records have a path as its process sees it, /proc has it as we do. */
	return fd >= 0 ? fd : believe(name, open_regular(name->path));
}

int module_open_root(pid_t pid)
{
	_cleanup_close_ int fd = -1;
	struct stat theirs, ours;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &theirs) || stat("/", &ours) ||
	    (theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino))
		return -1;
	return TAKE_FD(fd);
}

/* The vdso is the same in all 64-bit processes of a machine: ours will do. */
static int open_vdso(void)
{
	const uint8_t *at = (const uint8_t *)getauxval(AT_SYSINFO_EHDR);
	_cleanup_close_ int fd = memfd_create("vdso", MFD_CLOEXEC);
	size_t size = 0, page = (size_t)sysconf(_SC_PAGESIZE);

	if (!at || fd < 0)
		return -ENOENT;
	/* Its end is not told; write() stops at the first page that is not there. */
	while (size < VDSO_SIZE_MAX && write(fd, at + size, page) == (ssize_t)page)
		size += page;
	return size ? TAKE_FD(fd) : -ENOENT;
}

/* Without a build id, inode or name have to do for what is mapped there now: either may read
 * otherwise (overlayfs; another mount namespace), but hardly both. */
static bool looks_mapped(const struct module_name *name, const char *link, int fd)
{
	char path[PATH_MAX];
	struct stat stat;
	ssize_t size;

	if (name->build_id_size || (!fstat(fd, &stat) && stat.st_ino == name->inode))
		return true;
	size = readlink(link, path, sizeof(path));
	return size > 0 && (size_t)size == strlen(name->path) &&
	       !memcmp(path, name->path, (size_t)size);
}

static void format_link(char ret[64], pid_t pid, uint64_t start, uint64_t end)
{
	snprintf(ret, 64, "/proc/%d/map_files/%llx-%llx", pid, (unsigned long long)start,
		 (unsigned long long)end);
}

int module_open_mapped(pid_t pid, uint64_t start, uint64_t end)
{
	char path[64];

	format_link(path, pid, start, end);
	return open_regular(path);
}

int module_open(const struct module_name *name, pid_t pid, uint64_t start, uint64_t end)
{
	_cleanup_close_ int fd = -1, root_fd = -1;
	char path[64];

	if (name->kind == MODULE_VDSO)
		return open_vdso();
	format_link(path, pid, start, end);
	fd = open_regular(path);
	if (fd >= 0 && looks_mapped(name, path, fd))
		return TAKE_FD(fd);
	root_fd = module_open_root(pid);
	return module_open_by_path(name, root_fd);
}

/* Looked at before it is opened: to open a device may do something. */
static int reopen_regular(int path_fd, uid_t uid, struct stat *stat)
{
	char path[32];
	int fd;

	if (fstat(path_fd, stat) || !S_ISREG(stat->st_mode) ||
	    (stat->st_uid != uid && stat->st_uid != 0))
		return -ENOENT;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

static int open_in_root(int root_fd, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
}

int module_open_jitdump(const struct module_name *name, pid_t pid, uint64_t start, uint64_t end,
			int root_fd, uid_t uid)
{
	_cleanup_close_ int mapped_fd = -1, named_fd = -1, fd = -1;
	struct stat stat;
	char path[64];

	format_link(path, pid, start, end);
	mapped_fd = open(path, O_PATH | O_CLOEXEC);
	if (mapped_fd >= 0)
		return reopen_regular(mapped_fd, uid, &stat);
	named_fd = root_fd < 0 ? -1 : open_in_root(root_fd, name->path);
	fd = named_fd < 0 ? -ENOENT : reopen_regular(named_fd, uid, &stat);
	return fd >= 0 && stat.st_ino == name->inode ? TAKE_FD(fd) : -ENOENT;
}

static int64_t ns_of(struct timespec time)
{
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static struct module_file file_of(const struct stat *stat)
{
	return (struct module_file){stat->st_dev, stat->st_ino, (uint64_t)stat->st_size,
				    ns_of(stat->st_mtim)};
}

struct module_file module_file_of(int fd)
{
	struct stat stat;

	return fstat(fd, &stat) ? (struct module_file){0} : file_of(&stat);
}

bool module_file_is_rewritten(const struct module_file *file, pid_t pid, uint64_t start,
			      uint64_t end)
{
	struct module_file now;
	struct stat mapped;
	char path[64];

	format_link(path, pid, start, end);
	if (!file->inode || stat(path, &mapped))
		return false;
	now = file_of(&mapped);
	return now.dev == file->dev && now.inode == file->inode &&
	       (now.size != file->size || now.mtime_ns != file->mtime_ns);
}

bool module_file_is_newer(int fd, int64_t wall_ns)
{
	int64_t now_ns = clock_wall_ns();
	struct stat stat;

	/* Times may be set by hand, that of the inode's last change may not; nor is one of the future
	 * believed: the clock was set back. */
	return !fstat(fd, &stat) && ns_of(stat.st_mtim) > wall_ns &&
	       ns_of(stat.st_ctim) > wall_ns && ns_of(stat.st_mtim) <= now_ns;
}
