/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/elf_debugdata.h"

#include "base/buf.h"

#include <dlfcn.h>
#include <errno.h>
#include <lzma.h>
#include <stdlib.h>

/* For the dictionary: 64 MiB is what "xz -9" takes, and a little more. */
enum { MEMORY_MAX = 68 << 20, STEP_MIN = 64 << 10 };

static struct {
	__typeof__(&lzma_stream_decoder) stream_decoder;
	__typeof__(&lzma_code) code;
	__typeof__(&lzma_end) end;
} lzma;

void debugdata_load(void)
{
	void *library = dlopen("liblzma.so.5", RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return;
	lzma.stream_decoder =
		(__typeof__(lzma.stream_decoder))dlsym(library, "lzma_stream_decoder");
	lzma.code = (__typeof__(lzma.code))dlsym(library, "lzma_code");
	lzma.end = (__typeof__(lzma.end))dlsym(library, "lzma_end");
}

static bool is_loaded(void)
{
	return lzma.stream_decoder && lzma.code && lzma.end;
}

static int error_of(lzma_ret result)
{
	switch (result) {
	case LZMA_STREAM_END:
		return 0;
	case LZMA_MEM_ERROR:
		return -ENOMEM;
	case LZMA_MEMLIMIT_ERROR:
		return -EFBIG;
	default:
		return -EBADMSG;
	}
}

/* As long as there is room to grow: doubling, so that a small section takes little. */
static int decode(lzma_stream *stream, struct buf *out)
{
	lzma_ret result = LZMA_OK;

	while (result == LZMA_OK) {
		size_t step = out->used > STEP_MIN ? out->used : STEP_MIN;

		if (step > DEBUGDATA_MAX - out->used)
			step = DEBUGDATA_MAX - out->used;
		if (!step)
			return -EFBIG;
		if (!buf_reserve(out, step))
			return -ENOMEM;
		stream->next_out = (uint8_t *)out->bytes + out->used;
		stream->avail_out = step;
		result = lzma.code(stream, LZMA_FINISH);
		out->used += step - stream->avail_out;
	}
	return error_of(result);
}

int debugdata_unpack(struct cursor packed, void **ret_bytes, size_t *ret_size)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	struct buf out = {0};
	lzma_ret begun;
	int err;

	if (!is_loaded())
		return -ENOSYS;
	begun = lzma.stream_decoder(&stream, MEMORY_MAX, 0);
	if (begun != LZMA_OK)
		return error_of(begun);
	stream.next_in = packed.pos;
	stream.avail_in = cursor_left(&packed);
	err = decode(&stream, &out);
	lzma.end(&stream);
	if (err) {
		buf_release(&out);
		return err;
	}
	*ret_bytes = out.bytes;
	*ret_size = out.used;
	return 0;
}
