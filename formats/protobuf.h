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

/* Reads the next field. False: the bytes left are no field (cut short, a group, or damaged) or
 * there are none; the cursor then stays where it was. */
bool protobuf_next(struct cursor *message, struct protobuf_field *ret_field);

/* Steps through the numbers of a repeated field, packed or not: called again and again on one field
 * until it gives 0. 1: *ret_value is the next number; -1: damaged, or no numbers. */
int protobuf_number(struct protobuf_field *field, uint64_t *ret_value);

/* A number; 0 is the default and is not written. */
void protobuf_add_number(struct buf *buf, uint32_t number, uint64_t value);
void protobuf_add_bytes(struct buf *buf, uint32_t number, const void *bytes, size_t size);

/* A nested message or packed field: what is appended between the two calls. protobuf_begin() gives
 * the mark that protobuf_end() takes. They nest. */
size_t protobuf_begin(struct buf *buf, uint32_t number);
void protobuf_end(struct buf *buf, size_t mark);

#endif
