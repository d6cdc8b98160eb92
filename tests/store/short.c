/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Preloaded into a program: its SHORT_AT-th write(), of write and pwrite64 together, writes only half.
 * strace cannot do that: it could only pretend. */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static size_t cut(size_t size)
{
	static atomic_int calls;
	const char *at = getenv("SHORT_AT");

	return at && atomic_fetch_add(&calls, 1) + 1 == atoi(at) && size > 1 ? size / 2 : size;
}

ssize_t write(int fd, const void *bytes, size_t size)
{
	ssize_t (*next)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");

	return next(fd, bytes, cut(size));
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
	ssize_t (*next)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");

	return next(fd, bytes, cut(size), at);
}
