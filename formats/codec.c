/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/codec.h"

#include "base/cleanup.h"
#include "formats/folded.h"
#include "formats/html.h"
#include "formats/packing.h"
#include "formats/pprof.h"
#include "formats/svg.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *suffix;
	enum profile_format format;
} formats[] = {
	{".pb", FORMAT_PPROF},	    {".pprof", FORMAT_PPROF}, {".prof", FORMAT_PPROF},
	{".folded", FORMAT_FOLDED}, {".txt", FORMAT_FOLDED},  {".collapsed", FORMAT_FOLDED},
	{".html", FORMAT_HTML},	    {".svg", FORMAT_SVG},
};

static const struct {
	const char *suffix;
	enum profile_packing packing;
} packings[] = {
	{".gz", PACKING_GZIP},
	{".zst", PACKING_ZSTD},
};

/* Takes suffix off the end, if it is there. */
static bool cut(const char *name, size_t *length, const char *suffix)
{
	size_t size = strlen(suffix);

	if (*length < size || memcmp(name + *length - size, suffix, size) != 0)
		return false;
	*length -= size;
	return true;
}

int profile_codec_by_name(const char *path, struct profile_codec *ret_codec)
{
	struct profile_codec codec = {.packing = PACKING_NONE};
	size_t length = strlen(path);

	for (size_t i = 0; i < ARRAY_SIZE(packings); i++)
		if (cut(path, &length, packings[i].suffix)) {
			codec.packing = packings[i].packing;
			break;
		}
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (cut(path, &length, formats[i].suffix)) {
			codec.format = formats[i].format;
			if (!profile_format_is_readable(codec.format) &&
			    codec.packing != PACKING_NONE)
				return -EINVAL;
			*ret_codec = codec;
			return 0;
		}
	return -EINVAL;
}

const char *profile_codec_names(void)
{
	return ".pb.gz, .pb, .pb.zst, .folded, .folded.gz, .folded.zst, .html, .svg";
}

static int encode_html(const struct profile *profile, const struct html_viewer *viewer,
		       struct buf *out)
{
	_cleanup_(buf_release) struct buf plain = {0}, packed = {0};
	int err = viewer ? pprof_write(profile, &plain) : -EINVAL;

	if (!err)
		err = gzip_pack(plain.bytes, plain.used, &packed);
	if (!err)
		err = html_write(viewer, packed.bytes, packed.used, out);
	return err;
}

static int encode_plain(const struct profile *profile, enum profile_format format, struct buf *out)
{
	return format == FORMAT_FOLDED ? folded_write(profile, out) : pprof_write(profile, out);
}

static int encode_packed(const struct profile *profile, struct profile_codec codec, struct buf *out)
{
	_cleanup_(buf_release) struct buf plain = {0};
	int err = encode_plain(profile, codec.format, &plain);

	if (err)
		return err;
	return codec.packing == PACKING_GZIP ? gzip_pack(plain.bytes, plain.used, out)
					     : zstd_pack(plain.bytes, plain.used, out);
}

int profile_encode(struct profile *profile, struct profile_codec codec,
		   const struct html_viewer *viewer, struct buf *out)
{
	int err = profile_sort(profile);

	if (err)
		return err;
	if (codec.format == FORMAT_HTML)
		return encode_html(profile, viewer, out);
	if (codec.format == FORMAT_SVG)
		return viewer && viewer->svg_script ? svg_write(profile, viewer->svg_script, out)
						    : -EINVAL;
	if (codec.packing == PACKING_NONE)
		return encode_plain(profile, codec.format, out);
	return encode_packed(profile, codec, out);
}

static int read_plain(const void *bytes, size_t size, struct profile **ret_profile,
		      const char **ret_why)
{
	if (!size) {
		*ret_why = "it is empty";
		return -EPROTONOSUPPORT;
	}
	if (pprof_probe(bytes, size))
		return pprof_read_flat(bytes, size, ret_profile, ret_why);
	return folded_read(bytes, size, ret_profile, ret_why);
}

int profile_decode_flat(const void *bytes, size_t size, struct profile **ret_profile,
			const char **ret_why)
{
	_cleanup_(buf_release) struct buf plain = {0};
	int err;

	if (gzip_probe(bytes, size)) {
		err = gzip_unpack(bytes, size, PROFILE_UNPACKED_MAX, &plain, ret_why);
	} else if (zstd_probe(bytes, size)) {
		err = zstd_unpack(bytes, size, PROFILE_UNPACKED_MAX, &plain, ret_why);
	} else if (size > PROFILE_UNPACKED_MAX) {
		*ret_why = "larger than any profile that can be read";
		err = -EFBIG;
	} else {
		return read_plain(bytes, size, ret_profile, ret_why);
	}
	return err ? err : read_plain(plain.bytes, plain.used, ret_profile, ret_why);
}

int profile_decode(const void *bytes, size_t size, struct profile **ret_profile,
		   const char **ret_why)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	int err = profile_decode_flat(bytes, size, &profile, ret_why);

	if (err)
		return err;
	err = profile_settle(profile);
	if (err)
		*ret_why = "out of memory";
	else
		*ret_profile = TAKE_PTR(profile);
	return err;
}
