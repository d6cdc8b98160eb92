/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Readable names of C++, Rust (legacy and v0) and D symbols, by libiberty, with bounds. */
#ifndef WICK_SYMBOLIZER_DEMANGLE_H
#define WICK_SYMBOLIZER_DEMANGLE_H

#include <stddef.h>

enum {
	DEMANGLE_IN_MAX = 4096,	 /* bytes of a symbol; longer ones stay as they are */
	DEMANGLE_OUT_MAX = 8192, /* bytes of the readable form; the rest is cut */
};

/*
 * Writes the readable form of symbol, without parameters, to ret (of size bytes, at most
 * DEMANGLE_OUT_MAX are used) and returns it; NULL if symbol is not a mangled name or was refused.
 * Hostile names cost bounded time and memory: output past the cap ends the demangler by longjmp (a
 * 311-byte symbol hangs the plain calls). What such an end leaks is bounded, too (D: 16 MB a
 * process, then D names stay as they are), but run it in the parser child. One thread at a time.
 */
const char *demangle(const char *symbol, char *ret, size_t size);

#endif
