/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of addresses in code that a process made at run time, by time: code is thrown away, moved,
 * and other code takes its place. Made by a parser child from the process's perf map and jitdump for
 * the addresses that are asked for, then checked once by the parent and searched.
 *
 * Layout of the bytes, without gaps; the parent and the child are one program:
 *
 *   struct jit_names_header
 *   struct jit_spot     spot[spot_count]        sorted, disjoint: the same holds at all its addresses
 *   struct jit_version  version[version_count]  what stood there, the oldest first
 *   struct jit_piece    piece[piece_count]      of code; the first one is none
 *   struct jit_row      row[row_count]          lines
 *   char                string[string_size]     NUL-terminated, the first is ""
 */
#ifndef WICK_SYMBOLIZER_JIT_NAMES_H
#define WICK_SYMBOLIZER_JIT_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JIT_NAMES_MAGIC "wickjit1"

struct jit_names_header {
	char magic[8];
	uint32_t spot_count, version_count, piece_count, row_count, string_size;
	uint32_t is_part; /* not all of the perf map was read */
};

struct jit_spot {
	uint64_t first, last; /* addrs, the last one included */
	uint32_t version, version_count;
};

struct jit_version {
	uint64_t from_ns; /* CLOCK_MONOTONIC; 0 = ever since */
	uint32_t piece;	  /* 0: nothing stood there from then on */
	uint32_t zero;
};

struct jit_piece {
	uint64_t start; /* addr */
	uint32_t name;
	uint32_t row, row_count; /* of its lines, sorted */
	uint32_t zero;
};

struct jit_row {
	uint64_t addr;
	uint32_t file, line; /* hold up to the next row */
};

_Static_assert(sizeof(struct jit_names_header) == 32, "no padding");
_Static_assert(sizeof(struct jit_spot) == 24, "no padding");
_Static_assert(sizeof(struct jit_version) == 16, "no padding");
_Static_assert(sizeof(struct jit_piece) == 24, "no padding");
_Static_assert(sizeof(struct jit_row) == 16, "no padding");

struct jit_names;

/* Takes the bytes of a sealed memfd and checks all of them. -EBADMSG: not what jit_names_build()
 * makes. */
int jit_names_open(int fd, struct jit_names **ret_names);
void jit_names_free(struct jit_names *names);
static inline void jit_names_freep(struct jit_names **names)
{
	jit_names_free(*names);
}

/* Does it know what stands at addr (which may be nothing)? Else it has to be asked for. */
bool jit_names_knows(const struct jit_names *names, uint64_t addr);

struct jit_name {
	const char *symbol; /* all strings are borrowed */
	uint64_t start;	    /* addr of the code */
	const char *file;   /* or NULL */
	uint32_t line;	    /* or 0 */
};

/* What stood at addr at a time. False: nothing that has a name. Code counts from a second before its
 * record on where nothing was there before it, as it may run before its writer says so. */
bool jit_names_find(const struct jit_names *names, uint64_t addr, uint64_t when_ns,
		    struct jit_name *ret_name);

/* The first time behind when_ns at which something else came to addr; UINT64_MAX: none. */
uint64_t jit_names_until(const struct jit_names *names, uint64_t addr, uint64_t when_ns);

/* Of the perf map only a part was read: it is larger than what is read of one. */
bool jit_names_is_part(const struct jit_names *names);

size_t jit_names_bytes(const struct jit_names *names);

/* --- in the parser child --- */

struct jit_names_input {
	int asked_fd; /* a file: now (CLOCK_MONOTONIC), then the addrs, sorted, each a uint64_t */
	int map_fd, dump_fd; /* perf map and jitdump; others than regular files are none */
};

enum {
	JIT_ASKED_MAX = 1 << 18,
	JIT_VERSIONS_MAX = 64, /* kept of a place, the newest */
	JIT_ROWS_MAX = 1 << 20,
};

/* 0; -ENOMEM; -EFBIG: too many addresses; -EBADMSG: not a list of them. What is wrong in the files
 * costs names, not more. */
int jit_names_build(const struct jit_names_input *input, int out_fd);

#endif
