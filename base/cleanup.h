/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scope-bound release of memory, descriptors and files, and moves out of such variables. */
#ifndef WICK_BASE_CLEANUP_H
#define WICK_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))

/* Gives the pointer's value away and leaves NULL behind: "this is now the caller's". */
#define TAKE_PTR(ptr)                                                                              \
	({                                                                                         \
		__typeof__(ptr) *_taken_at = &(ptr);                                               \
		__typeof__(ptr) _taken = *_taken_at;                                               \
		*_taken_at = NULL;                                                                 \
		_taken;                                                                            \
	})

/* The same for a descriptor: leaves -1 behind. */
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int *_taken_at = &(fd);                                                            \
		int _taken = *_taken_at;                                                           \
		*_taken_at = -1;                                                                   \
		_taken;                                                                            \
	})

static inline void cleanup_freep(void *at)
{
	free(*(void **)at);
}

static inline void cleanup_closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclosep(FILE **file)
{
	if (*file)
		fclose(*file);
}

#define _cleanup_free_	 _cleanup_(cleanup_freep)
#define _cleanup_close_	 _cleanup_(cleanup_closep)
#define _cleanup_fclose_ _cleanup_(cleanup_fclosep)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
