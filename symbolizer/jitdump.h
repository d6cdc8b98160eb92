/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names, times and lines of code made at run time, from jit-PID.dump: the binary file that V8, Java's
 * and LLVM's agents, wasmtime, .NET and others write for perf (the kernel's
 * tools/perf/Documentation/jitdump-specification.txt). The writer maps a page of it as executable:
 * the mapping tells which file it is.
 */
#ifndef WICK_SYMBOLIZER_JITDUMP_H
#define WICK_SYMBOLIZER_JITDUMP_H

#include "symbolizer/jit_code.h"

#include <stdbool.h>
#include <sys/types.h>

enum {
	JITDUMP_BYTES_MAX =
		1 << 30, /* the rest is not read; code in it is stepped over, not read */
	JITDUMP_CODES_MAX = 1 << 20,
};

/* Does a mapping of a file of this name say that it is one? */
bool jitdump_is_path(const char *path);

/*
 * In the parser child: hands out all code that was loaded, and code that was moved as what is gone
 * and what is there from then on. Ends at the first record that is not whole or not sound, at
 * JIT_CODE_CLOSE and at a cap. *ret_is_timed: its times are those of a clock that can be compared.
 * 0; -EBADMSG: it is no jitdump of this machine's byte order; -ENOMEM, or what take gives.
 */
int jitdump_read(int fd, jit_code_take take, void *context, bool *ret_is_timed);

/* One line of a piece of code. */
struct jitdump_row {
	uint64_t addr;
	uint32_t line;
	const char *file; /* borrowed from the bytes */
};

/* 0, or a negative errno that ends the reading. */
typedef int (*jitdump_row_take)(void *context, const struct jitdump_row *row);

/* The lines of code from the bytes at [row_off, row_end) of its file. Writers have been seen that
 * put other memory in the place of file names: all rows are sound, or none is handed out. */
int jitdump_rows(const struct jit_code *code, const void *bytes, jitdump_row_take take,
		 void *context);

#endif
