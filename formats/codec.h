/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which encodings there are, and the way from a file name or from first bytes to one of them. */
#ifndef WICK_FORMATS_CODEC_H
#define WICK_FORMATS_CODEC_H

#include "base/buf.h"
#include "formats/profile.h"

/* FORMAT_HTML and FORMAT_SVG are pictures: they are written, not read. */
enum profile_format { FORMAT_PPROF, FORMAT_FOLDED, FORMAT_HTML, FORMAT_SVG };
enum profile_packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };

struct profile_codec {
	enum profile_format format;
	enum profile_packing packing;
};

/* By extension: .pb .pb.gz .pb.zst .folded .folded.gz .folded.zst .html .svg (.pprof, .prof,
 * .collapsed, .txt and their packed forms are read as the obvious one too). -EINVAL: unknown
 * extension. */
int profile_codec_by_name(const char *path, struct profile_codec *ret_codec);

/* The extensions that can be written, for error texts: ".pb.gz, .pb, ..". */
const char *profile_codec_names(void);

/* Can a profile be read from it? */
static inline bool profile_format_is_readable(enum profile_format format)
{
	return format == FORMAT_PPROF || format == FORMAT_FOLDED;
}

/* The viewer's parts, which formats/ does not own: see formats/html.h. NULL where no HTML or SVG is
 * made. */
struct html_viewer;

/* Appends the encoded, packed profile. profile is sorted on the way (profile_sort()). */
int profile_encode(struct profile *profile, struct profile_codec codec,
		   const struct html_viewer *viewer, struct buf *out);

/* The largest unpacked input a reader takes; past it a bomb is assumed (-EFBIG). */
enum { PROFILE_UNPACKED_MAX = 1 << 30 };

/*
 * Decodes foreign bytes, telling the format and packing by content (gzip and zstd magics,
 * protobuf's first bytes against text lines), not by name. On failure -EBADMSG (damaged), -EFBIG
 * (past a cap), -EPROTONOSUPPORT (not a profile) or -ENOMEM, and *ret_why (static text) names what
 * is wrong: "string index out of range", "cut short after 512 bytes".
 */
int profile_decode(const void *bytes, size_t size, struct profile **ret_profile,
		   const char **ret_why);

/* The same in about half the time, for what is looked at or merged into another profile: it may be
 * flat (see profile_append_mapping()). */
int profile_decode_flat(const void *bytes, size_t size, struct profile **ret_profile,
			const char **ret_why);

#endif
