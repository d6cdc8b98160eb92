/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gzip and zstd, in memory, with a bound on what comes out. */
#ifndef WICK_FORMATS_PACKING_H
#define WICK_FORMATS_PACKING_H

#include "base/buf.h"

/* Appends the bytes packed, as exactly one gzip member (no time, no name) or one zstd frame (with
 * its size and a checksum). 0 or -ENOMEM. */
int gzip_pack(const void *bytes, size_t size, struct buf *out);
int zstd_pack(const void *bytes, size_t size, struct buf *out);

/* Do the bytes begin like it? */
bool gzip_probe(const void *bytes, size_t size);
bool zstd_probe(const void *bytes, size_t size);

/*
 * Appends the unpacked bytes of foreign input, which may be several members or frames one after the
 * other. -EBADMSG: damaged, cut short, or something else behind the end; -EFBIG: more than max
 * bytes come out, or a zstd window past ZSTD_WINDOW_LOG_MAX; *ret_why as in profile_decode(). On
 * failure out holds a part.
 */
int gzip_unpack(const void *bytes, size_t size, size_t max, struct buf *out, const char **ret_why);
int zstd_unpack(const void *bytes, size_t size, size_t max, struct buf *out, const char **ret_why);

/* 2^27 = 128 MB: what zstd itself writes without --long=28 and more. */
enum { ZSTD_WINDOW_LOG_MAX = 27 };

#endif
