/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/packing.h"

#include "base/cleanup.h"
#include "formats/why.h"

#include <errno.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { ZSTD_LEVEL = 7 };

static void free_cctxp(ZSTD_CCtx **cctx)
{
	ZSTD_freeCCtx(*cctx);
}

static void free_dctxp(ZSTD_DCtx **dctx)
{
	ZSTD_freeDCtx(*dctx);
}

int zstd_pack(const void *bytes, size_t size, struct buf *out)
{
	_cleanup_(free_cctxp) ZSTD_CCtx *cctx = ZSTD_createCCtx();
	size_t packed;

	if (!cctx || !buf_reserve(out, ZSTD_compressBound(size)))
		return -ENOMEM;
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_compressionLevel, ZSTD_LEVEL);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_checksumFlag, 1);
	packed = ZSTD_compress2(cctx, out->bytes + out->used, out->size - out->used, bytes, size);
	if (ZSTD_isError(packed))
		return -ENOMEM;
	out->used += packed;
	return 0;
}

bool zstd_probe(const void *bytes, size_t size)
{
	return size >= 4 && !memcmp(bytes, "\x28\xb5\x2f\xfd", 4);
}

static int refuse(size_t code, size_t at, const char **ret_why)
{
	switch (ZSTD_getErrorCode(code)) {
	case ZSTD_error_memory_allocation:
		*ret_why = "out of memory";
		return -ENOMEM;
	case ZSTD_error_frameParameter_windowTooLarge:
		*ret_why = why("a zstd window of more than %d MB", 1 << (ZSTD_WINDOW_LOG_MAX - 20));
		return -EFBIG;
	default:
		*ret_why = why("zstd data damaged before byte %zu", at);
		return -EBADMSG;
	}
}

int zstd_unpack(const void *bytes, size_t size, size_t max, struct buf *out, const char **ret_why)
{
	_cleanup_(free_dctxp) ZSTD_DCtx *dctx = ZSTD_createDCtx();
	ZSTD_inBuffer in = {bytes, size, 0};
	size_t before = out->used, wanted = 1;

	if (!dctx ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(dctx, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX))) {
		*ret_why = "out of memory";
		return -ENOMEM;
	}
	/* wanted: 0 = a frame has ended; with no input left, that is the end. */
	while (wanted || in.pos < in.size) {
		size_t room = max - (out->used - before), start = in.pos;
		ZSTD_outBuffer part = {0};

		if (!buf_reserve(out, ZSTD_DStreamOutSize())) {
			*ret_why = "out of memory";
			return -ENOMEM;
		}
		part.dst = out->bytes + out->used;
		part.size = out->size - out->used;
		if (part.size > room)
			part.size = room + 1;
		wanted = ZSTD_decompressStream(dctx, &part, &in);
		out->used += part.pos;
		if (ZSTD_isError(wanted))
			return refuse(wanted, in.pos, ret_why);
		if (out->used - before > max) {
			*ret_why = why("unpacks to more than %zu bytes", max);
			return -EFBIG;
		}
		if (wanted && in.pos == start && !part.pos) {
			*ret_why = why("zstd data cut short after %zu bytes", size);
			return -EBADMSG;
		}
	}
	return 0;
}
