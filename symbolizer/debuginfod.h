/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug files from debuginfod servers, for those who asked for it: the build ids of what runs here,
 * private programs included, go over the network to the servers that they named, and to no other.
 * One child a file fetches it (fetch.h). What it brings is believed only once the caller has had it
 * read and its build id compared; then it is kept for later. What the servers do not have is
 * remembered for a while.
 *
 * A server that does not answer is not asked again for the rest of an hour. One thread.
 */
#ifndef WICK_SYMBOLIZER_DEBUGINFOD_H
#define WICK_SYMBOLIZER_DEBUGINFOD_H

#include "symbolizer/debug_files.h"

#include <stdbool.h>
#include <stdint.h>

enum { DEBUGINFOD_SERVERS_MAX = 8, DEBUGINFOD_DETAIL_MAX = 400 };

struct debuginfod_limits {
	uint64_t cache_bytes;		 /* of all that is kept; the file on its way comes on top */
	uint64_t file_bytes, hour_bytes; /* of one file, of all in an hour */
	unsigned int file_s, hour_s;	 /* for one file, for all in an hour */
	unsigned int missing_s;		 /* so long an answer "not found" holds */
};

#define DEBUGINFOD_DEFAULTS                                                                        \
	{                                                                                          \
		.cache_bytes = 2ULL << 30, .file_bytes = 1ULL << 30, .hour_bytes = 4ULL << 30,     \
		.file_s = 90, .hour_s = 300, .missing_s = 24 * 3600                                \
	}

enum debuginfod_answer {
	DEBUGINFOD_OFF, /* nobody asked for it */
	DEBUGINFOD_FOUND,
	DEBUGINFOD_NO_ID, /* the file has no build id to ask for */
	DEBUGINFOD_NOT_FOUND,
	DEBUGINFOD_REMEMBERED, /* as not found, from an earlier time */
	DEBUGINFOD_OVER,       /* the limits of an hour are reached */
	DEBUGINFOD_FAILED,     /* detail says why */
	DEBUGINFOD_ANSWERS,
};

struct debuginfod;

/*
 * urls: separated by white space, as in $DEBUGINFOD_URLS, which is taken where urls is NULL. Opens
 * no connection. -ENOENT: there is no URL. -EINVAL: one is none that is taken here, or one
 * too many; it starts at *ret_bad. What is fetched is kept in the symbol cache's "debuginfod"; where
 * that cannot be had, it is held in memory while it is read.
 */
int debuginfod_new(const char *urls, const struct debuginfod_limits *limits,
		   struct debuginfod **ret_debuginfod, const char **ret_bad);
void debuginfod_free(struct debuginfod *debuginfod);
static inline void debuginfod_freep(struct debuginfod **debuginfod)
{
	debuginfod_free(*debuginfod);
}

/* False: it is known, or clear at once, that there is no use in asking. */
bool debuginfod_may_have(struct debuginfod *debuginfod, const uint8_t *id, size_t size);

/* Blocks. DEBUGINFOD_FOUND: the file is open, and to be judged; its path is the server's URL, or
 * the kept file's. ret_detail: for a person, what went wrong where; "" if nothing. */
enum debuginfod_answer debuginfod_get(struct debuginfod *debuginfod, const uint8_t *id, size_t size,
				      struct debug_file *ret_file,
				      char ret_detail[DEBUGINFOD_DETAIL_MAX]);

/* Is it what was asked for? Keeps it, or forgets it and remembers that. */
void debuginfod_judge(struct debuginfod *debuginfod, const uint8_t *id, size_t size, bool is_right);

/* For a person: "not found". */
const char *debuginfod_answer_text(enum debuginfod_answer answer);

#endif
