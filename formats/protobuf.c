/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/protobuf.h"

#include <string.h>

static void add_tag(struct buf *buf, uint32_t number, enum protobuf_wire wire)
{
	buf_add_varint(buf, (uint64_t)number << 3 | wire);
}

void protobuf_add_number(struct buf *buf, uint32_t number, uint64_t value)
{
	if (!value)
		return;
	add_tag(buf, number, WIRE_VARINT);
	buf_add_varint(buf, value);
}

void protobuf_add_bytes(struct buf *buf, uint32_t number, const void *bytes, size_t size)
{
	add_tag(buf, number, WIRE_BYTES);
	buf_add_varint(buf, size);
	buf_add(buf, bytes, size);
}

size_t protobuf_begin(struct buf *buf, uint32_t number)
{
	add_tag(buf, number, WIRE_BYTES);
	buf_add_char(buf, 0);
	return buf->used;
}

/* One byte was kept for the length; the rare message of 128 bytes and more moves up. */
void protobuf_end(struct buf *buf, size_t mark)
{
	size_t size, extra = 0;

	if (buf->failed)
		return;
	size = buf->used - mark;
	if (size < 0x80) {
		buf->bytes[mark - 1] = (char)size;
		return;
	}
	for (size_t rest = size >> 7; rest; rest >>= 7)
		extra++;
	if (!buf_reserve(buf, extra))
		return;
	memmove(buf->bytes + mark + extra, buf->bytes + mark, size);
	buf->used = mark - 1;
	buf_add_varint(buf, size);
	buf->used += size;
}
