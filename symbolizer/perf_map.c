/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/perf_map.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PIECE = 64 << 10 };

/* --- opening --- */

int perf_map_find_owner(pid_t pid, struct perf_map_owner *ret_owner)
{
	struct perf_map_owner owner = {.ns_pid = pid};
	char path[32], line[256];
	_cleanup_fclose_ FILE *file = NULL;
	bool has_uid = false;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		const char *last = strrchr(line, '\t');

		if (sscanf(line, "Uid:\t%*u\t%u", &owner.uid) == 1)
			has_uid = true;
		else if (!strncmp(line, "NSpid:", 6) && last) /* outermost namespace first */
			owner.ns_pid = (pid_t)strtol(last, NULL, 10);
	}
	if (!has_uid)
		return -ESRCH;
	*ret_owner = owner;
	return 0;
}

const char *perf_map_refusal_text(enum perf_map_refusal refusal)
{
	static const char *const texts[PERF_MAP_REFUSALS] = {
		[PERF_MAP_NOT_REFUSED] = "",
		[PERF_MAP_SYMLINK] = "it is a symbolic link",
		[PERF_MAP_NO_FILE] = "it is no regular file",
		[PERF_MAP_OTHER_NAMES] = "it is a hard link",
		[PERF_MAP_OTHER_OWNER] = "it belongs to somebody else",
		[PERF_MAP_UNREADABLE] = "it could not be opened",
	};

	return texts[refusal];
}

static enum perf_map_refusal judge(int fd, uid_t uid)
{
	struct stat st;

	if (fstat(fd, &st))
		return PERF_MAP_UNREADABLE;
	if (!S_ISREG(st.st_mode))
		return PERF_MAP_NO_FILE;
	if (st.st_nlink != 1)
		return PERF_MAP_OTHER_NAMES;
	return st.st_uid == uid || st.st_uid == 0 ? PERF_MAP_NOT_REFUSED : PERF_MAP_OTHER_OWNER;
}

static enum perf_map_refusal why_not_opened(int err)
{
	switch (err) {
	case ENOENT: /* there is none, or no /tmp */
	case ENOTDIR:
		return PERF_MAP_NOT_REFUSED;
	case ELOOP:
		return PERF_MAP_SYMLINK;
	case ENXIO: /* a socket, or a device without a driver */
		return PERF_MAP_NO_FILE;
	default:
		return PERF_MAP_UNREADABLE;
	}
}

int perf_map_open(int root_fd, const struct perf_map_owner *owner,
		  enum perf_map_refusal *ret_refusal)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_close_ int fd = -1;
	char path[32];

	snprintf(path, sizeof(path), "tmp/perf-%d.map", owner->ns_pid);
	fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	*ret_refusal = fd < 0 ? why_not_opened(errno) : judge(fd, owner->uid);
	return fd < 0 || *ret_refusal ? -ENOENT : TAKE_FD(fd);
}

/* --- reading --- */

/* A hexadecimal number, with or without 0x, up to a space, which is stepped over. */
static bool take_hex(const char **at, const char *end, uint64_t *ret_number)
{
	const char *p = *at;
	uint64_t number = 0;
	unsigned int digits = 0;

	if (end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		p += 2;
	for (; p < end && *p != ' '; p++, digits++) {
		unsigned int digit = *p >= '0' && *p <= '9'   ? (unsigned int)(*p - '0')
				     : *p >= 'a' && *p <= 'f' ? (unsigned int)(*p - 'a') + 10
				     : *p >= 'A' && *p <= 'F' ? (unsigned int)(*p - 'A') + 10
							      : 16;

		if (digit > 15 || digits == 16)
			return false;
		number = number << 4 | digit;
	}
	if (!digits || p == end)
		return false;
	*at = p + 1;
	*ret_number = number;
	return true;
}

struct reader {
	jit_code_take take;
	void *context;
	uint32_t lines;
};

static int take_line(struct reader *r, const char *line, const char *end, off_t off)
{
	const char *at = line;
	struct jit_code code = {0};

	if (!take_hex(&at, end, &code.start) || !take_hex(&at, end, &code.size) || at == end ||
	    !code.size)
		return 0;
	code.name_off = (uint64_t)(off + (at - line));
	code.name_length = (uint32_t)(end - at < JIT_NAME_MAX ? end - at : JIT_NAME_MAX);
	return r->take(r->context, &code);
}

/* The whole lines of a piece; gives the bytes taken. off: of the piece in the file. */
static int take_lines(struct reader *r, const char *piece, size_t size, off_t off,
		      size_t *ret_taken)
{
	const char *at = piece, *end;
	int err = 0;

	while (!err && r->lines < PERF_MAP_LINES_MAX &&
	       (end = memchr(at, '\n', size - (size_t)(at - piece)))) {
		err = take_line(r, at, end, off + (at - piece));
		at = end + 1;
		r->lines++;
	}
	*ret_taken = (size_t)(at - piece);
	return err;
}

static bool has_more(int fd, off_t off)
{
	char byte;

	return pread(fd, &byte, 1, off) == 1;
}

/* A line that is longer than a piece ends the reading. */
int perf_map_read(int fd, jit_code_take take, void *context, bool *ret_is_part)
{
	_cleanup_free_ char *piece = malloc(PIECE);
	struct reader reader = {.take = take, .context = context};
	off_t off = 0;
	size_t taken;
	int err = piece ? 0 : -ENOMEM;

	for (; !err && off < PERF_MAP_BYTES_MAX; off += (off_t)taken) {
		ssize_t got = pread(fd, piece, PIECE, off);

		taken = 0;
		if (got > 0)
			err = take_lines(&reader, piece, (size_t)got, off, &taken);
		if (!taken)
			break;
	}
	*ret_is_part = (off >= PERF_MAP_BYTES_MAX || reader.lines >= PERF_MAP_LINES_MAX) &&
		       has_more(fd, off);
	return err;
}
