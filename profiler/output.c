/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/output.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "formats/codec.h"
#include "formats/frames.h"
#include "profiler/assets.h"
#include "profiler/options.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

enum { NAME_SHOWN = 256, TEMPORARY_SIZE = 32 };

/* Where the bytes go and as what. */
struct target {
	const char *path;
	struct profile_codec codec;
	bool is_direct; /* not a file of ours to replace: a pipe, a terminal, /dev/null */
};

static int fail(const char *what, const char *path, int err)
{
	char name[NAME_SHOWN];

	log_error("cannot %s '%s': %s", what, quote(name, sizeof(name), path), strerror(-err));
	switch (-err) {
	case ENOSPC:
	case EDQUOT:
		log_hint("free some space, or choose another place with -o");
		break;
	case EACCES:
	case EPERM:
	case EROFS:
		log_hint("choose a place that you may write to with -o");
		break;
	}
	return STATUS_ERROR;
}

static bool is_stdout(const char *path)
{
	return !strcmp(path, "-") || !strcmp(path, "/dev/stdout");
}

/* The links in /dev and /proc lead to descriptors and devices: to replace one would harm the
 * system. */
static bool is_direct(const char *path, const struct stat *st)
{
	struct stat link;

	if (S_ISFIFO(st->st_mode) || S_ISCHR(st->st_mode))
		return true;
	return (!strncmp(path, "/dev/", 5) || !strncmp(path, "/proc/", 6)) && !lstat(path, &link) &&
	       S_ISLNK(link.st_mode);
}

static int find_place(const char *path, struct target *ret_target)
{
	struct target target = {path, {FORMAT_FOLDED, PACKING_NONE}, is_stdout(path)};
	char name[NAME_SHOWN];
	struct stat st;
	bool exists = !target.is_direct && !stat(path, &st);

	if (exists && is_direct(path, &st))
		target.is_direct = true;
	if (exists && !target.is_direct && !S_ISREG(st.st_mode)) {
		log_error("'%s' is %s", quote(name, sizeof(name), path),
			  S_ISDIR(st.st_mode) ? "a directory" : "not a file that can be replaced");
		return STATUS_ERROR;
	}
	*ret_target = target;
	return STATUS_OK;
}

static int find_target(const char *path, struct target *ret_target)
{
	struct target target;
	char name[NAME_SHOWN];
	int status = find_place(path, &target);

	if (status != STATUS_OK)
		return status;
	if (profile_codec_by_name(path, &target.codec) && !target.is_direct) {
		log_error("unknown extension: '%s'", quote(name, sizeof(name), path));
		log_hint("known are %s; '-o -' is folded text on stdout", profile_codec_names());
		return STATUS_USAGE;
	}
	*ret_target = target;
	return STATUS_OK;
}

/* "." for a name without a slash. The caller frees it. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static int check_directory(const char *path)
{
	_cleanup_free_ char *directory = directory_of(path);

	if (!directory)
		return fail("write", path, -ENOMEM);
	if (faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS))
		return fail("write to the directory", directory, -errno);
	return STATUS_OK;
}

int output_check_place(const char *path)
{
	struct target target;
	int status = find_place(path, &target);

	if (status != STATUS_OK || target.is_direct)
		return status;
	return check_directory(path);
}

int output_check(const char *path)
{
	struct target target;
	int status = find_target(path, &target);

	return status == STATUS_OK ? output_check_place(path) : status;
}

static int write_all(int fd, const struct buf *bytes)
{
	for (size_t at = 0; at < bytes->used;) {
		ssize_t n = write(fd, bytes->bytes + at, bytes->used - at);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* A reader that has gone away shall be EPIPE, whatever the program does with SIGPIPE elsewhere. */
static int write_pipe(int fd, const struct buf *bytes)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	int err;

	sigaction(SIGPIPE, &ignore, &before);
	err = write_all(fd, bytes);
	sigaction(SIGPIPE, &before, NULL);
	return err;
}

static int write_direct(const char *path, const struct buf *bytes)
{
	_cleanup_close_ int fd = -1;

	if (is_stdout(path))
		return write_pipe(STDOUT_FILENO, bytes);
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : write_pipe(fd, bytes);
}

static bool number_of(const char *name, unsigned int *ret_number)
{
	const char *text = getenv(name);
	unsigned long number;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || *end || number >= UINT32_MAX)
		return false;
	*ret_number = (unsigned int)number;
	return true;
}

/* Under sudo the file belongs to who asked for it. */
static int give_to_owner(int fd)
{
	unsigned int uid, gid;

	if (geteuid() || !number_of("SUDO_UID", &uid) || !number_of("SUDO_GID", &gid))
		return 0;
	return fchown(fd, uid, gid) ? -errno : 0;
}

/* ".wick-0123456789abcdef.tmp" */
static bool is_temporary(const char *name)
{
	size_t digits;

	if (strncmp(name, ".wick-", 6))
		return false;
	digits = strspn(name + 6, "0123456789abcdef");
	return digits == 16 && !strcmp(name + 6 + digits, ".tmp");
}

/* What a wick that was killed has left behind: one that lives holds the lock of its file. */
static void sweep(int directory)
{
	int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;

	if (!dir && again >= 0)
		close(again);
	while (dir && (entry = readdir(dir))) {
		_cleanup_close_ int fd = -1;
		struct stat st;

		if (!is_temporary(entry->d_name))
			continue;
		fd = openat(directory, entry->d_name,
			    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
		    !flock(fd, LOCK_EX | LOCK_NB))
			unlinkat(directory, entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

static int draw_name(char name[TEMPORARY_SIZE])
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -errno;
	snprintf(name, TEMPORARY_SIZE, ".wick-%016" PRIx64 ".tmp", number);
	return 0;
}

/* Locked, and not swept away by another wick between its creation and the lock. */
static bool is_ours(int fd)
{
	struct stat st;

	return !flock(fd, LOCK_EX | LOCK_NB) && !fstat(fd, &st) && st.st_nlink == 1;
}

static int create_named(int directory, char name[TEMPORARY_SIZE], int *ret_fd)
{
	int err = 0;

	for (int tries = 0; !err && tries < 100; tries++) {
		_cleanup_close_ int fd = -1;

		err = draw_name(name);
		if (err)
			return err;
		fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    0644);
		if (fd >= 0 && is_ours(fd)) {
			*ret_fd = TAKE_FD(fd);
			return 0;
		}
		if (fd < 0 && errno != EEXIST)
			err = -errno;
	}
	return err ? err : -EEXIST;
}

/* Gives a file without a name one, for the moment until it is renamed: link() does not replace. */
static int name_it(int fd, int directory, char name[TEMPORARY_SIZE])
{
	char path[64];
	int err;

	flock(fd, LOCK_EX | LOCK_NB);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (int tries = 0; tries < 100; tries++) {
		err = draw_name(name);
		if (err)
			return err;
		if (!linkat(AT_FDCWD, path, directory, name, AT_SYMLINK_FOLLOW))
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int fill(int fd, const struct buf *bytes)
{
	int err = write_all(fd, bytes);

	if (!err)
		err = give_to_owner(fd);
	if (!err && fsync(fd))
		err = -errno;
	return err;
}

/* A whole file under a temporary name. Without a name until it is whole, where the file system can:
 * so nothing is left if wick is killed meanwhile. */
static int write_temporary(int directory, const struct buf *bytes, char name[TEMPORARY_SIZE],
			   int *ret_fd)
{
	_cleanup_close_ int fd = openat(directory, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0644);
	int err;

	if (fd >= 0) {
		err = fill(fd, bytes);
		if (err)
			return err;
		if (!name_it(fd, directory, name)) {
			*ret_fd = TAKE_FD(fd);
			return 0;
		}
		close(TAKE_FD(fd));
	}
	err = create_named(directory, name, &fd);
	if (err)
		return err;
	err = fill(fd, bytes);
	if (err)
		unlinkat(directory, name, 0);
	else
		*ret_fd = TAKE_FD(fd);
	return err;
}

static int write_replacing(const char *path, const struct buf *bytes)
{
	_cleanup_free_ char *name = directory_of(path);
	_cleanup_close_ int directory = -1, fd = -1;
	const char *slash = strrchr(path, '/');
	char temporary[TEMPORARY_SIZE];
	int err;

	if (!name)
		return -ENOMEM;
	directory = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return -errno;
	sweep(directory);
	err = write_temporary(directory, bytes, temporary, &fd);
	if (err)
		return err;
	if (renameat(directory, temporary, directory, slash ? slash + 1 : path)) {
		err = -errno;
		unlinkat(directory, temporary, 0);
		return err;
	}
	/* The file is whole and in place: a file system that cannot sync directories is no failure.
	 */
	if (fsync(directory) && errno != EINVAL)
		return -errno;
	return 0;
}

int output_write(struct profile *profile, const char *path, size_t *ret_bytes)
{
	_cleanup_(buf_release) struct buf bytes = {0};
	struct target target = {0};
	int err, status = find_target(path, &target);

	if (status != STATUS_OK)
		return status;
	err = profile_encode(profile, target.codec, assets_viewer(), &bytes);
	if (err == -ERANGE) {
		log_error("folded text cannot hold the negative counts of this profile");
		log_hint("write it as .pb.gz");
		return STATUS_ERROR;
	}
	if (!err)
		err = target.is_direct ? write_direct(path, &bytes) : write_replacing(path, &bytes);
	if (err)
		return fail("write", is_stdout(path) ? "standard output" : path, err);
	if (ret_bytes)
		*ret_bytes = bytes.used;
	return STATUS_OK;
}

int output_write_bytes(const struct buf *bytes, const char *path)
{
	struct target target = {0};
	int err = buf_error(bytes), status = find_place(path, &target);

	if (status != STATUS_OK)
		return status;
	if (!err)
		err = target.is_direct ? write_direct(path, bytes) : write_replacing(path, bytes);
	return err ? fail("write", is_stdout(path) ? "standard output" : path, err) : STATUS_OK;
}

int output_text(const struct buf *text)
{
	int err = buf_error(text);

	if (!err)
		err = write_pipe(STDOUT_FILENO, text);
	return err ? fail("write", "standard output", err) : STATUS_OK;
}

static int read_all(int fd, struct buf *bytes)
{
	for (;;) {
		ssize_t n;

		if (!buf_reserve(bytes, 64 << 10))
			return -ENOMEM;
		n = read(fd, bytes->bytes + bytes->used, bytes->size - bytes->used);
		if (!n)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		bytes->used += n > 0 ? (size_t)n : 0;
		if (bytes->used > PROFILE_UNPACKED_MAX)
			return -EFBIG;
	}
}

typedef int (*decode_profile)(const void *bytes, size_t size, struct profile **ret_profile,
			      const char **ret_why);

static int read_file(const char *path, struct buf *bytes)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int err = fd < 0 ? -errno : read_all(fd, bytes);
	char name[NAME_SHOWN];

	if (!err)
		return STATUS_OK;
	log_error("cannot read '%s': %s", quote(name, sizeof(name), path), strerror(-err));
	if (err == -ENOENT)
		log_hint("check the name; `wick record -o FILE` makes a profile");
	return STATUS_ERROR;
}

static int read_profile(const char *path, decode_profile decode, struct profile **ret_profile)
{
	_cleanup_(buf_release) struct buf bytes = {0};
	char name[NAME_SHOWN], reason[NAME_SHOWN];
	const char *text = "";
	int err, status = read_file(path, &bytes);

	if (status != STATUS_OK)
		return status;
	err = decode(bytes.bytes, bytes.used, ret_profile, &text);
	if (!err)
		return STATUS_OK;
	log_error("cannot read '%s': %s: %s", quote(name, sizeof(name), path),
		  err == -EPROTONOSUPPORT ? "not a profile"
		  : err == -EFBIG	  ? "too large"
		  : err == -ENOMEM	  ? "no room for it"
					  : "damaged",
		  quote(reason, sizeof(reason), text));
	if (err == -EPROTONOSUPPORT)
		log_hint(
			"readable are pprof (.pb) and folded stacks (.folded), plain, .gz or .zst");
	return STATUS_ERROR;
}

int output_read(const char *path, struct profile **ret_profile)
{
	return read_profile(path, profile_decode, ret_profile);
}

int output_read_flat(const char *path, struct profile **ret_profile)
{
	return read_profile(path, profile_decode_flat, ret_profile);
}

int output_parse_inline(void *options, const struct option_spec *spec, const char *value)
{
	struct output_frames *frames = (void *)((char *)options + spec->offset);
	char shown[128];

	if (strcmp(value, "lines") && strcmp(value, "expand")) {
		log_error("--inline takes lines or expand, not '%s'",
			  quote(shown, sizeof(shown), value));
		return -EINVAL;
	}
	frames->expand = !strcmp(value, "expand");
	return 0;
}

int output_shape(struct profile *profile, const struct output_frames *frames)
{
	int err = 0;

	/* In this order: a location of its own does not tell that it is inlined. */
	if (frames->annotate)
		err = frames_annotate(profile);
	if (!err && frames->expand)
		err = frames_expand(profile);
	if (!err)
		return STATUS_OK;
	log_error("cannot rewrite the frames: %s",
		  err == -E2BIG ? "with its inlined calls a stack is too deep" : "out of memory");
	return STATUS_ERROR;
}
