/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/packing.h"

#include "base/cleanup.h"
#include "formats/why.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <zlib.h>

enum {
	GZIP_WINDOW = 15 + 16, /* zlib: the largest window, in gzip's wrapping */
	GZIP_LEVEL = 6,
	GZIP_MEMORY = 8,
	GZIP_CHUNK = 64 << 10,
};

/* zlib counts in unsigned int: a large buffer is given in parts. */
static uInt part_of(size_t size)
{
	return size > UINT_MAX ? UINT_MAX : (uInt)size;
}

static void deflate_endp(z_stream *stream)
{
	deflateEnd(stream);
}

static void inflate_endp(z_stream *stream)
{
	inflateEnd(stream);
}

int gzip_pack(const void *bytes, size_t size, struct buf *out)
{
	_cleanup_(deflate_endp) z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes};
	size_t left = size;
	int state = Z_OK;

	if (deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	while (state != Z_STREAM_END) {
		if (!stream.avail_in) {
			stream.avail_in = part_of(left);
			left -= stream.avail_in;
		}
		if (!buf_reserve(out, GZIP_CHUNK))
			return -ENOMEM;
		stream.next_out = (Bytef *)out->bytes + out->used;
		stream.avail_out = part_of(out->size - out->used);
		state = deflate(&stream, left ? Z_NO_FLUSH : Z_FINISH);
		out->used = (size_t)((char *)stream.next_out - out->bytes);
	}
	return 0;
}

bool gzip_probe(const void *bytes, size_t size)
{
	return size >= 2 && !memcmp(bytes, "\x1f\x8b", 2);
}

/* Unpacks until a member ends (Z_STREAM_END) or zlib has nothing more to do. */
static int inflate_some(z_stream *stream, size_t *left, size_t room, struct buf *out)
{
	int state;

	if (!stream->avail_in) {
		stream->avail_in = part_of(*left);
		*left -= stream->avail_in;
	}
	if (!buf_reserve(out, GZIP_CHUNK))
		return Z_MEM_ERROR;
	stream->next_out = (Bytef *)out->bytes + out->used;
	stream->avail_out = part_of(out->size - out->used);
	/* One byte more than there is room for, so that the caller sees the excess. */
	if (stream->avail_out > room)
		stream->avail_out = part_of(room + 1);
	state = inflate(stream, Z_NO_FLUSH);
	out->used = (size_t)((char *)stream->next_out - out->bytes);
	return state;
}

static int refuse(int state, size_t at, const char **ret_why)
{
	if (state == Z_MEM_ERROR) {
		*ret_why = "out of memory";
		return -ENOMEM;
	}
	*ret_why = state == Z_BUF_ERROR ? why("gzip data cut short after %zu bytes", at)
					: why("gzip data damaged before byte %zu", at);
	return -EBADMSG;
}

int gzip_unpack(const void *bytes, size_t size, size_t max, struct buf *out, const char **ret_why)
{
	_cleanup_(inflate_endp) z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes};
	size_t left = size, before = out->used;

	if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK)
		return refuse(Z_MEM_ERROR, 0, ret_why);
	for (;;) {
		int state = inflate_some(&stream, &left, max - (out->used - before), out);
		size_t at = (size_t)((const char *)stream.next_in - (const char *)bytes);

		if (out->used - before > max) {
			*ret_why = why("unpacks to more than %zu bytes", max);
			return -EFBIG;
		}
		if (state == Z_OK)
			continue;
		if (state != Z_STREAM_END)
			return refuse(state, at, ret_why);
		if (at == size)
			return 0;
		if (!gzip_probe(stream.next_in, size - at)) {
			*ret_why = why("something else follows the gzip data at byte %zu", at);
			return -EBADMSG;
		}
		inflateReset(&stream);
	}
}
