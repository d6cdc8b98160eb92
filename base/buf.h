/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Growable bytes. An allocation that fails sets `failed` and makes every later append a no-op, so
 * that a writer checks once, at its end. Zero-initialised is a valid empty buffer.
 */
#ifndef WICK_BASE_BUF_H
#define WICK_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *bytes; /* not NUL-terminated, except after buf_cstr() */
	size_t used, size;
	bool failed;
};

void buf_release(struct buf *buf);
void buf_clear(struct buf *buf);
void buf_add(struct buf *buf, const void *bytes, size_t size);
void buf_add_str(struct buf *buf, const char *string);
void buf_add_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Text that others take for UTF-8: each NUL and each byte that is part of no valid sequence becomes
 * U+FFFD. */
void buf_add_utf8(struct buf *buf, const char *bytes, size_t size);

/* A JSON string with its quotes; string may hold anything (see buf_add_utf8()). */
void buf_add_json(struct buf *buf, const char *string);

/* Protobuf's varint, LEB128. */
void buf_add_varint(struct buf *buf, uint64_t value);

/* Room for size more bytes at buf->bytes + buf->used; the caller then raises used. False if none.
 */
bool buf_reserve(struct buf *buf, size_t size);

/* The content with a NUL behind it (not counted in used), or NULL if the buffer failed. */
const char *buf_cstr(struct buf *buf);

/* 0, or -ENOMEM if any append failed. */
int buf_error(const struct buf *buf);

#endif
