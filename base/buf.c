/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"

#include "base/array.h"
#include "base/quote.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { VARINT_MAX = 10 }; /* bytes of 64 bits */

void buf_release(struct buf *buf)
{
	free(buf->bytes);
	*buf = (struct buf){0};
}

void buf_clear(struct buf *buf)
{
	buf->used = 0;
	buf->failed = false;
}

bool buf_reserve(struct buf *buf, size_t size)
{
	if (buf->failed || size > SIZE_MAX - buf->used ||
	    array_reserve(&buf->bytes, &buf->size, buf->used + size))
		buf->failed = true;
	return !buf->failed;
}

void buf_add(struct buf *buf, const void *bytes, size_t size)
{
	if (!size || !buf_reserve(buf, size))
		return;
	memcpy(buf->bytes + buf->used, bytes, size);
	buf->used += size;
}

void buf_add_str(struct buf *buf, const char *string)
{
	buf_add(buf, string, strlen(string));
}

void buf_add_char(struct buf *buf, char c)
{
	if (buf_reserve(buf, 1))
		buf->bytes[buf->used++] = c;
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0 || !buf_reserve(buf, (size_t)length + 1)) {
		buf->failed = true;
		return;
	}
	va_start(args, format);
	vsnprintf(buf->bytes + buf->used, (size_t)length + 1, format, args);
	va_end(args);
	buf->used += (size_t)length;
}

void buf_add_utf8(struct buf *buf, const char *bytes, size_t size)
{
	size_t good = 0;

	for (size_t i = 0; i < size;) {
		size_t length = bytes[i] ? utf8_length(bytes + i, size - i) : 0;

		if (!length) {
			buf_add(buf, bytes + good, i - good);
			buf_add_str(buf, "\xef\xbf\xbd");
			good = i + 1;
		}
		i += length ? length : 1;
	}
	buf_add(buf, bytes + good, size - good);
}

void buf_add_json(struct buf *buf, const char *string)
{
	size_t start = 0, i;

	buf_add_char(buf, '"');
	for (i = 0; string[i]; i++) {
		uint8_t c = (uint8_t)string[i];

		if (c >= 0x20 && c != 0x7f && c != '"' && c != '\\')
			continue;
		buf_add_utf8(buf, string + start, i - start);
		if (c == '"' || c == '\\')
			buf_printf(buf, "\\%c", c);
		else
			buf_printf(buf, "\\u%04x", c);
		start = i + 1;
	}
	buf_add_utf8(buf, string + start, i - start);
	buf_add_char(buf, '"');
}

void buf_add_varint(struct buf *buf, uint64_t value)
{
	char *at;

	if (!buf_reserve(buf, VARINT_MAX))
		return;
	at = buf->bytes + buf->used;
	for (; value >= 0x80; value >>= 7)
		*at++ = (char)(value | 0x80);
	*at++ = (char)value;
	buf->used = (size_t)(at - buf->bytes);
}

const char *buf_cstr(struct buf *buf)
{
	if (!buf_reserve(buf, 1))
		return NULL;
	buf->bytes[buf->used] = '\0';
	return buf->bytes;
}

int buf_error(const struct buf *buf)
{
	return buf->failed ? -ENOMEM : 0;
}
