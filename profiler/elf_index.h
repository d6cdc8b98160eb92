/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names and lines of one ELF file, for the dumps: with the symbol cache that record uses. */
#ifndef WICK_PROFILER_ELF_INDEX_H
#define WICK_PROFILER_ELF_INDEX_H

#include "symbolizer/parser.h"

struct elf_index {
	struct symindex *index;
	struct symbol_cache *cache; /* or NULL: */
	int cache_error;	    /* why there is none */
	struct debuginfod *debuginfod;
	struct parser_search search;
};

/* debuginfod: see debuginfod_of_option(). Says what is wrong and gives a STATUS_. Release it in any
 * case. */
int elf_index_open(const char *path, const char *debuginfod, struct elf_index *ret_index);
void elf_index_release(struct elf_index *index);

/* "/root/.cache/wick: read from it", for a person; lives until the next call. */
const char *elf_index_cache_text(const struct elf_index *index);

/* A source of names and lines, best first, and why it was used or not. */
struct elf_rank {
	const char *key, *name; /* for JSON, for a person */
	const char *why;	/* "used", or why not */
	const char *path;	/* of the file that it is in, or NULL */
	const char *detail;	/* or NULL */
	bool is_used, is_debug_info;
	uint32_t has, used; /* symbols, names; of debug info: functions and inlined calls */
};

/* The n-th, from 0. False: there are no more. What it points to is the index's. */
bool elf_index_rank(const struct elf_index *index, unsigned int n, struct elf_rank *ret_rank);

#endif
