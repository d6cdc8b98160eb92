/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/protobuf.h"

#include <string.h>

static bool read_payload(struct cursor *c, struct protobuf_field *field)
{
	uint64_t size;
	uint32_t word;

	switch (field->wire) {
	case WIRE_VARINT:
		return cursor_uleb128(c, &field->value);
	case WIRE_FIXED64:
		return cursor_u64(c, &field->value);
	case WIRE_BYTES:
		return cursor_uleb128(c, &size) && cursor_sub(c, size, &field->bytes);
	case WIRE_FIXED32:
		if (!cursor_u32(c, &word))
			return false;
		field->value = word;
		return true;
	}
	return false;
}

bool protobuf_next(struct cursor *message, struct protobuf_field *ret_field)
{
	struct protobuf_field field = {0};
	struct cursor c = *message;
	uint64_t tag;

	if (!cursor_uleb128(&c, &tag) || tag > UINT32_MAX || tag >> 3 == 0)
		return false;
	field.number = (uint32_t)(tag >> 3);
	field.wire = (enum protobuf_wire)(tag & 7);
	if (!read_payload(&c, &field))
		return false;
	*message = c;
	*ret_field = field;
	return true;
}

int protobuf_number(struct protobuf_field *field, uint64_t *ret_value)
{
	if (field->wire == WIRE_VARINT) {
		*ret_value = field->value;
		field->wire = WIRE_BYTES;
		field->bytes = (struct cursor){0};
		return 1;
	}
	if (field->wire != WIRE_BYTES)
		return -1;
	if (!cursor_left(&field->bytes))
		return 0;
	return cursor_uleb128(&field->bytes, ret_value) ? 1 : -1;
}

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
	for (size_t rest = size >> 7; rest; rest >>= 7)
		extra++;
	if (!buf_reserve(buf, extra))
		return;
	memmove(buf->bytes + mark + extra, buf->bytes + mark, size);
	buf->used = mark - 1;
	buf_add_varint(buf, size);
	buf->used += size;
}
