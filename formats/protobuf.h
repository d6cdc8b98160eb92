/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Protobuf's wire format (protobuf.dev/programming-guides/encoding): a bounded reader and a writer.
 */
#ifndef WICK_FORMATS_PROTOBUF_H
#define WICK_FORMATS_PROTOBUF_H

#include "base/buf.h"
#include "base/cursor.h"

enum protobuf_wire {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_BYTES = 2,
	WIRE_FIXED32 = 5,
};

struct protobuf_field {
	uint32_t number; /* 1 .. 2^29-1 */
	enum protobuf_wire wire;
	uint64_t value;	     /* WIRE_VARINT and the fixed ones */
	struct cursor bytes; /* WIRE_BYTES: borrowed from the message */
};

/* The payload of a field whose number and wire type are known. */
static inline bool protobuf_payload(struct cursor *c, struct protobuf_field *field)
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

/* Reads the next field. False: the bytes left are no field (cut short, a group, or damaged) or
 * there are none; the cursor then stays where it was, and *ret_field is of no use. Inline: a profile
 * has millions of them. */
static inline bool protobuf_next(struct cursor *message, struct protobuf_field *ret_field)
{
	struct cursor c = *message;
	uint64_t tag;

	if (!cursor_uleb128(&c, &tag) || tag > UINT32_MAX || tag >> 3 == 0)
		return false;
	ret_field->number = (uint32_t)(tag >> 3);
	ret_field->wire = (enum protobuf_wire)(tag & 7);
	if (!protobuf_payload(&c, ret_field))
		return false;
	*message = c;
	return true;
}

/* Steps through the numbers of a repeated field, packed or not: called again and again on one field
 * until it gives 0. 1: *ret_value is the next number; -1: damaged, or no numbers. */
static inline int protobuf_number(struct protobuf_field *field, uint64_t *ret_value)
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

/* A number; 0 is the default and is not written. */
void protobuf_add_number(struct buf *buf, uint32_t number, uint64_t value);
void protobuf_add_bytes(struct buf *buf, uint32_t number, const void *bytes, size_t size);

/* A nested message or packed field: what is appended between the two calls. protobuf_begin() gives
 * the mark that protobuf_end() takes. They nest. */
size_t protobuf_begin(struct buf *buf, uint32_t number);
void protobuf_end(struct buf *buf, size_t mark);

#endif
