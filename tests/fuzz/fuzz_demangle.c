/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a symbol: an end, in bounds. Slow inputs are findings, see -timeout. */
#include "symbolizer/demangle.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
const char *__asan_default_options(void);

/* See demangle.h: a name that is ended by longjmp() may leak. */
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *symbol = malloc(size + 1), *readable;
	size_t room = size % 7 ? DEMANGLE_OUT_MAX : size % 64;

	readable = malloc(room + 1);
	if (!symbol || !readable)
		abort();
	memcpy(symbol, bytes, size);
	symbol[size] = '\0';
	if (demangle(symbol, readable, room) && strlen(readable) >= room)
		abort();
	free(symbol);
	free(readable);
	return 0;
}
