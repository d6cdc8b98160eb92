/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bounds-checked reader over foreign bytes (ELF, protobuf, records of the kernel).
 *
 * Every read either succeeds, stores its value and advances, or returns false and leaves both the
 * cursor and the output as they were. Numbers are little endian unless named otherwise. The cursor
 * borrows the bytes.
 */
#ifndef WICK_BASE_CURSOR_H
#define WICK_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const uint8_t *pos;
	const uint8_t *end;
};

static inline struct cursor cursor_of(const void *bytes, size_t size)
{
	return (struct cursor){bytes, (const uint8_t *)bytes + size};
}

static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->pos);
}

static inline bool cursor_skip(struct cursor *c, uint64_t size)
{
	if (size > cursor_left(c))
		return false;
	c->pos += size;
	return true;
}

/* Copies size bytes out. */
static inline bool cursor_copy(struct cursor *c, void *ret, size_t size)
{
	if (size > cursor_left(c))
		return false;
	memcpy(ret, c->pos, size);
	c->pos += size;
	return true;
}

static inline bool cursor_u8(struct cursor *c, uint8_t *ret)
{
	return cursor_copy(c, ret, sizeof(*ret));
}

static inline bool cursor_u16(struct cursor *c, uint16_t *ret)
{
	return cursor_copy(c, ret, sizeof(*ret));
}

static inline bool cursor_u32(struct cursor *c, uint32_t *ret)
{
	return cursor_copy(c, ret, sizeof(*ret));
}

static inline bool cursor_u64(struct cursor *c, uint64_t *ret)
{
	return cursor_copy(c, ret, sizeof(*ret));
}

/* A cursor over the next size bytes, which are stepped over here. */
static inline bool cursor_sub(struct cursor *c, uint64_t size, struct cursor *ret)
{
	if (size > cursor_left(c))
		return false;
	*ret = cursor_of(c->pos, size);
	c->pos += size;
	return true;
}

/* Unsigned LEB128, also protobuf's varint: at most ten bytes, bits past the 64th are refused. */
static inline bool cursor_uleb128(struct cursor *c, uint64_t *ret)
{
	uint64_t value = 0;
	const uint8_t *p = c->pos;

	if (p < c->end && *p < 0x80) {
		*ret = *p;
		c->pos++;
		return true;
	}
	if (c->end - p > 1 && p[1] < 0x80) {
		*ret = (uint64_t)(*p & 0x7f) | (uint64_t)p[1] << 7;
		c->pos += 2;
		return true;
	}
	for (unsigned int shift = 0; shift < 70 && p < c->end; shift += 7) {
		uint8_t byte = *p++;

		if (shift == 63 && (byte & 0x7e))
			return false;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			c->pos = p;
			*ret = value;
			return true;
		}
	}
	return false;
}

/* Signed LEB128; bits past the 64th are refused unless they only repeat the sign. */
static inline bool cursor_sleb128(struct cursor *c, int64_t *ret)
{
	uint64_t value = 0;
	const uint8_t *p = c->pos;

	for (unsigned int shift = 0; shift < 70 && p < c->end; shift += 7) {
		uint8_t byte = *p++;

		if (shift == 63 && byte != 0 && byte != 0x7f)
			return false;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			if (shift < 57 && (byte & 0x40))
				value |= ~(uint64_t)0 << (shift + 7);
			c->pos = p;
			*ret = (int64_t)value;
			return true;
		}
	}
	return false;
}

/* A NUL-terminated string that ends inside the bytes; ret is borrowed from them. */
static inline bool cursor_cstr(struct cursor *c, const char **ret)
{
	const uint8_t *nul = memchr(c->pos, 0, cursor_left(c));

	if (!nul)
		return false;
	*ret = (const char *)c->pos;
	c->pos = nul + 1;
	return true;
}

#endif
