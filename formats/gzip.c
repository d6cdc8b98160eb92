/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/packing.h"

#include "base/cleanup.h"
#include "formats/why.h"

#include <errno.h>
#include <libdeflate.h>
#include <limits.h>
#include <string.h>
#include <zlib.h>

enum {
	GZIP_WINDOW = 15 + 16, /* zlib: the largest window, in gzip's wrapping */
	GZIP_LEVEL = 5,	       /* as small as zlib at its 6, in half the time */
	GZIP_FAST_LEVEL = 1,   /* 7 % larger, in half the time again: somebody waits for so much */
	GZIP_FAST_SIZE = 8 << 20,
	GZIP_CHUNK = 64 << 10,
	GZIP_TRAILER = 8,
	GZIP_RATIO_MAX = 1032, /* of deflate */
};

/* zlib counts in unsigned int: a large buffer is given in parts. */
static uInt part_of(size_t size)
{
	return size > UINT_MAX ? UINT_MAX : (uInt)size;
}

static void inflate_endp(z_stream *stream)
{
	inflateEnd(stream);
}

static void free_compressorp(struct libdeflate_compressor **compressor)
{
	libdeflate_free_compressor(*compressor);
}

static void free_decompressorp(struct libdeflate_decompressor **decompressor)
{
	libdeflate_free_decompressor(*decompressor);
}

int gzip_pack(const void *bytes, size_t size, struct buf *out)
{
	_cleanup_(free_compressorp) struct libdeflate_compressor *compressor =
		libdeflate_alloc_compressor(size < GZIP_FAST_SIZE ? GZIP_LEVEL : GZIP_FAST_LEVEL);
	size_t bound = compressor ? libdeflate_gzip_compress_bound(compressor, size) : 0;

	if (!compressor || !buf_reserve(out, bound))
		return -ENOMEM;
	out->used +=
		libdeflate_gzip_compress(compressor, bytes, size, out->bytes + out->used, bound);
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

/*
 * What most files are: one member, whole and sound. libdeflate wants to know beforehand how much
 * comes out; the last four bytes say so, of a file that is what it should be. Anything else is
 * zlib's to take apart and to tell what is wrong.
 */
static bool unpack_whole(const uint8_t *bytes, size_t size, size_t max, struct buf *out)
{
	_cleanup_(free_decompressorp) struct libdeflate_decompressor *decompressor = NULL;
	size_t want, taken;
	const uint8_t *end = bytes + size;

	if (size < GZIP_TRAILER)
		return false;
	want = (size_t)end[-4] | (size_t)end[-3] << 8 | (size_t)end[-2] << 16 |
	       (size_t)end[-1] << 24;
	if (want > max || want / GZIP_RATIO_MAX > size || !buf_reserve(out, want + 1))
		return false;
	decompressor = libdeflate_alloc_decompressor();
	if (!decompressor ||
	    libdeflate_gzip_decompress_ex(decompressor, bytes, size, out->bytes + out->used, want,
					  &taken, NULL) != LIBDEFLATE_SUCCESS ||
	    taken != size)
		return false;
	out->used += want;
	return true;
}

static int unpack_members(const void *bytes, size_t size, size_t max, struct buf *out,
			  const char **ret_why)
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

int gzip_unpack(const void *bytes, size_t size, size_t max, struct buf *out, const char **ret_why)
{
	return unpack_whole(bytes, size, max, out) ? 0
						   : unpack_members(bytes, size, max, out, ret_why);
}
