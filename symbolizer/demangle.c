/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/demangle.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libiberty/demangle.h>

enum {
	D_BYTES_MAX = 128 << 10, /* what one D name may allocate in all; real ones need a few KB */
	D_LOST_MAX = 16 << 20,	 /* what D names that met it may leak in all; then none is tried */
};

static size_t d_bytes_lost;

/* The call that runs: libiberty's callbacks end it by longjmp() when it outgrows its bounds. */
static struct {
	char *out;
	size_t used, size; /* size: with room for the NUL */
	size_t d_bytes;
	jmp_buf too_much;
} run;

/* How a call ended, besides 0. */
enum { CUT = 1, REFUSED = 2 };

static void take(const char *bytes, size_t size, void *opaque)
{
	size_t left = run.size - 1 - run.used;

	(void)opaque;
	if (!size)
		return; /* bytes may be NULL */
	memcpy(run.out + run.used, bytes, size < left ? size : left);
	run.used += size < left ? size : left;
	if (size > left)
		longjmp(run.too_much, CUT);
}

/* libiberty's D demangler has no callback and no bound: it grows strings through these two, which
 * stand here in place of libiberty's own, and so a hostile name ends in its first 128 KB. */
void *xmalloc(size_t size);
void *xrealloc(void *old, size_t size);

void *xrealloc(void *old, size_t size)
{
	void *bytes = NULL;

	run.d_bytes += size;
	if (run.d_bytes <= D_BYTES_MAX)
		bytes = realloc(old, size ? size : 1);
	if (!bytes) {
		d_bytes_lost += run.d_bytes;
		longjmp(run.too_much, REFUSED);
	}
	return bytes;
}

void *xmalloc(size_t size)
{
	return xrealloc(NULL, size);
}

static bool demangle_d(const char *symbol)
{
	char *readable = d_bytes_lost < D_LOST_MAX ? dlang_demangle(symbol, DMGL_NO_OPTS) : NULL;

	if (!readable)
		return false;
	run.used = strnlen(readable, run.size - 1);
	memcpy(run.out, readable, run.used);
	free(readable);
	return true;
}

/* "17h" and 16 hexadecimal digits before the E that ends a legacy Rust name. */
static const char *rust_legacy_end(const char *symbol)
{
	const char *hash = strstr(symbol, "17h");

	for (; hash; hash = strstr(hash + 1, "17h"))
		if (strspn(hash + 3, "0123456789abcdef") == 16 && hash[19] == 'E' &&
		    (!hash[20] || hash[20] == '.'))
			return hash + 20;
	return NULL;
}

static bool demangle_stem(const char *stem)
{
	if (stem[1] == 'R')
		return rust_demangle_callback(stem, DMGL_NO_OPTS, take, NULL);
	if (stem[1] == 'D')
		return demangle_d(stem);
	return (rust_legacy_end(stem) && rust_demangle_callback(stem, DMGL_NO_OPTS, take, NULL)) ||
	       cplus_demangle_v3_callback(stem, DMGL_NO_OPTS, take, NULL);
}

/*
 * Where a compiler's clone suffix (".cold", ".isra.0.cold", ".llvm.123") begins: legacy Rust has
 * dots inside the name, so there it is behind the hash; else at the first dot that does not follow
 * a digit (old GCC has "4._96": a length and a name).
 */
static size_t stem_length(const char *symbol)
{
	const char *end = symbol[1] == 'Z' ? rust_legacy_end(symbol) : NULL;
	size_t length;

	if (end)
		return (size_t)(end - symbol);
	for (length = 1; symbol[length]; length++)
		if (symbol[length] == '.' && !isdigit((unsigned char)symbol[length - 1]))
			break;
	return length;
}

static void add_suffix(const char *suffix)
{
	const char *llvm = strstr(suffix, ".llvm.");
	size_t length = llvm ? (size_t)(llvm - suffix) : strlen(suffix);
	size_t left = run.size - 1 - run.used;

	memcpy(run.out + run.used, suffix, length < left ? length : left);
	run.used += length < left ? length : left;
}

/* Its own function: setjmp() leaves a caller's variables in doubt. */
static int demangle_bounded(const char *stem)
{
	int end = setjmp(run.too_much);

	return end ? end : demangle_stem(stem) && run.used ? 0 : REFUSED;
}

const char *demangle(const char *symbol, char *ret, size_t size)
{
	char stem[DEMANGLE_IN_MAX + 1];
	size_t length = strnlen(symbol, sizeof(stem));
	int end;

	if (length == sizeof(stem) || size < 2 || symbol[0] != '_' || !symbol[1] ||
	    !strchr("RZD", symbol[1]))
		return NULL;
	length = stem_length(symbol);
	memcpy(stem, symbol, length);
	stem[length] = '\0';
	run.out = ret;
	run.used = run.d_bytes = 0;
	run.size = size < DEMANGLE_OUT_MAX ? size : DEMANGLE_OUT_MAX;
	end = demangle_bounded(stem);
	if (end == REFUSED)
		return NULL;
	if (end != CUT)
		add_suffix(symbol + length);
	ret[run.used] = '\0';
	return ret;
}
