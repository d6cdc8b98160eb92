/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "formats/codec.h"
#include "formats/html.h"
#include "tests/test.h"
#include "tests/unit/sample_profile.h"

#include <errno.h>

static const char *const writable[] = {".pb.gz",  ".pb",	".pb.zst",
				       ".folded", ".folded.gz", ".folded.zst"};

TEST(formats_go_by_extension)
{
	static const struct {
		const char *path;
		enum profile_format format;
		enum profile_packing packing;
	} cases[] = {
		{"a.pb", FORMAT_PPROF, PACKING_NONE},
		{"/tmp/a.b.pb.gz", FORMAT_PPROF, PACKING_GZIP},
		{"a.pb.zst", FORMAT_PPROF, PACKING_ZSTD},
		{"a.pprof", FORMAT_PPROF, PACKING_NONE},
		{"a.prof.gz", FORMAT_PPROF, PACKING_GZIP},
		{"a.folded", FORMAT_FOLDED, PACKING_NONE},
		{"a.folded.gz", FORMAT_FOLDED, PACKING_GZIP},
		{"a.collapsed.zst", FORMAT_FOLDED, PACKING_ZSTD},
		{"a.txt", FORMAT_FOLDED, PACKING_NONE},
		{"a.html", FORMAT_HTML, PACKING_NONE},
	};
	static const char *const unknown[] = {
		"", "a", "a.gz", "a.html.gz", "pb", "a.svg.gz", "a.pb.gz.bak", "a.PB.GZ", "a.pb/x"};
	struct profile_codec codec;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_INT(profile_codec_by_name(cases[i].path, &codec), 0);
		CHECK_INT(codec.format, cases[i].format);
		CHECK_INT(codec.packing, cases[i].packing);
	}
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		if (profile_codec_by_name(unknown[i], &codec) != -EINVAL)
			TEST_FAIL("known: '%s'", unknown[i]);
}

TEST(every_extension_that_is_named_is_known_and_read_by_content)
{
	for (size_t i = 0; i < ARRAY_SIZE(writable); i++) {
		_cleanup_(profile_freep) struct profile *profile = sample_profile(), *again = NULL;
		_cleanup_(buf_release) struct buf buf = {0};
		struct profile_codec codec = {0};
		const char *why = "";

		CHECK(strstr(profile_codec_names(), writable[i]));
		CHECK_INT(profile_codec_by_name(writable[i], &codec), 0);
		CHECK_INT(profile_encode(profile, codec, NULL, &buf), 0);
		if (profile_decode(buf.bytes, buf.used, &again, &why)) {
			TEST_FAIL("%s: %s", writable[i], why);
			continue;
		}
		CHECK_INT(profile_total(again, 0), 10);
		CHECK_INT(profile_total(again, again->type_count - 1),
			  codec.format == FORMAT_PPROF ? 101010100 : 10);
	}
}

TEST(equal_profiles_give_equal_bytes)
{
	for (size_t i = 0; i < ARRAY_SIZE(writable); i++) {
		_cleanup_(profile_freep) struct profile *a = sample_profile(),
							*b = sample_profile();
		_cleanup_(buf_release) struct buf first = {0}, second = {0};
		struct profile_codec codec = {0};

		profile_codec_by_name(writable[i], &codec);
		profile_encode(a, codec, NULL, &first);
		profile_encode(b, codec, NULL, &second);
		CHECK_INT(first.used, second.used);
		CHECK(first.used == second.used && !memcmp(first.bytes, second.bytes, first.used));
	}
}

TEST(every_truncation_is_refused_or_read_with_a_reason)
{
	for (size_t i = 0; i < ARRAY_SIZE(writable); i++) {
		_cleanup_(profile_freep) struct profile *profile = sample_profile();
		_cleanup_(buf_release) struct buf buf = {0};
		struct profile_codec codec = {0};

		profile_codec_by_name(writable[i], &codec);
		profile_encode(profile, codec, NULL, &buf);
		for (size_t size = 0; size < buf.used; size++) {
			_cleanup_(profile_freep) struct profile *part = NULL;
			_cleanup_free_ char *copy = malloc(size + !size);
			const char *why = NULL;
			int err;

			if (size)
				memcpy(copy, buf.bytes, size);
			err = profile_decode(copy, size, &part, &why);
			CHECK(err <= 0 && !err == (part != NULL));
			CHECK(!err || (why && *why));
			if (codec.packing != PACKING_NONE && !err)
				TEST_FAIL("%s read from %zu bytes of %zu", writable[i], size,
					  buf.used);
		}
	}
}

TEST(other_files_are_refused_as_no_profile)
{
	static const struct {
		const char *bytes;
		size_t size;
		int err;
	} cases[] = {
		{"", 0, -EPROTONOSUPPORT},
		{"\x7f"
		 "ELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00",
		 18, -EPROTONOSUPPORT},
		{"<!doctype html>\n<title>x</title>\n", 33, -EPROTONOSUPPORT},
		{"{\"a\": 1}\n", 9, -EPROTONOSUPPORT},
		{"PERFILE2h\0\0\0\0\0\0\0", 16, -EPROTONOSUPPORT},
		{"\x1f\x8b", 2, -EBADMSG},
		{"\x28\xb5\x2f\xfd", 4, -EBADMSG},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(profile_freep) struct profile *profile = NULL;
		const char *why = NULL;

		CHECK_INT(profile_decode(cases[i].bytes, cases[i].size, &profile, &why),
			  cases[i].err);
		CHECK(why && *why);
	}
}

TEST(html_needs_a_viewer_and_holds_it)
{
	static const char *const scripts[] = {"export const answer = 42;\n"};
	struct html_viewer viewer = {
		.page = "<!doctype html>\n<link rel=stylesheet href=wick.css>\n"
			"<script type=module src=main.js></script>\n",
		.style = "body { margin: 7px }",
		.scripts = scripts,
		.script_count = 1,
	};
	_cleanup_(profile_freep) struct profile *profile = sample_profile();
	_cleanup_(buf_release) struct buf buf = {0};
	struct profile_codec codec = {FORMAT_HTML, PACKING_NONE};

	CHECK_INT(profile_encode(profile, codec, NULL, &buf), -EINVAL);
	CHECK_INT(buf.used, 0);
	CHECK_INT(profile_encode(profile, codec, &viewer, &buf), 0);
	CHECK(strstr(buf_cstr(&buf), "answer = 42"));
	CHECK(strstr(buf_cstr(&buf), ">H4sIA")); /* gzip's magic in base64 */
}

TEST(svg_needs_a_script_and_holds_it)
{
	struct html_viewer viewer = {.svg_script = "let answer = 42 < 43;\n"};
	_cleanup_(profile_freep) struct profile *profile = sample_profile();
	_cleanup_(buf_release) struct buf buf = {0};
	struct profile_codec codec = {0};

	CHECK_INT(profile_codec_by_name("x.svg", &codec), 0);
	CHECK(codec.format == FORMAT_SVG && !profile_format_is_readable(codec.format));
	CHECK_INT(profile_encode(profile, codec, NULL, &buf), -EINVAL);
	CHECK_INT(profile_encode(profile, codec, &viewer, &buf), 0);
	CHECK(strstr(buf_cstr(&buf), "<![CDATA[\nlet answer = 42 < 43;\n]]>"));
	CHECK(strstr(buf.bytes, "<title>libc.so.6+0x1234\n4 samples: 40.00 %, self 4: 40.00 %<"));
	viewer.svg_script = "]]><evil/>";
	buf_clear(&buf);
	CHECK_INT(profile_encode(profile, codec, &viewer, &buf), -EINVAL);
	CHECK_INT(buf.used, 0);
}

TEST_MAIN()
