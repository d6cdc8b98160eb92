/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Foreign strings (names of processes, files, symbols) made safe for a terminal, a log or a file.
 */
#ifndef WICK_BASE_QUOTE_H
#define WICK_BASE_QUOTE_H

#include <stddef.h>

/* Writes string to ret with every control byte (0x00-0x1f, 0x7f, C1), backslash and byte that is
 * not valid UTF-8 as \xNN. Cut to size with "..." at the end. Returns ret, for use inside a printf.
 */
const char *quote(char *ret, size_t size, const char *string);

/* The length in bytes of the valid UTF-8 sequence at bytes (1-4), or 0 if there is none: overlong
 * forms, surrogates and values past U+10FFFF are refused (RFC 3629). */
size_t utf8_length(const char *bytes, size_t size);

#endif
