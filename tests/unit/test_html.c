/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/html.h"
#include "tests/test.h"

#include <errno.h>
#include <stdlib.h>

#define PAGE                                                                                       \
	"<head>\n<link rel=stylesheet href=wick.css>\n"                                            \
	"<script type=module src=main.js></script>\n</head>\n<body>\n"

static const char first[] =
	"import { x } from './y.js';\nexport const a = 1;\nlet b = 'export c';\n";
static const char second[] = "import { a } from './first.js';\nexport function f()\n{\n}\nf();";

static struct html_viewer viewer(const char *page, const char *style, const char *const *scripts)
{
	return (struct html_viewer){page, style, scripts, scripts[1] ? 2 : 1, NULL};
}

static int write_with(const char *page, const char *style, const char *script, struct buf *out)
{
	const char *const scripts[] = {script, NULL};
	struct html_viewer v = viewer(page, style, scripts);

	return html_write(&v, "x", 1, out);
}

TEST(page_style_modules_and_profile_stand_in_one_file)
{
	const char *const scripts[] = {first, second};
	struct html_viewer v = viewer(PAGE, "p { color: red }\n", scripts);
	struct buf out = {0};
	const char *html;

	CHECK_INT(html_write(&v, "\x1f\x8b\xff", 3, &out), 0);
	html = buf_cstr(&out);
	CHECK(strstr(html, "p { color: red }\n</style>"));
	CHECK(strstr(html, "<script type=application/octet-stream id=profile>H4v/</script>"));
	CHECK(strstr(html,
		     ">\nconst a = 1;\nlet b = 'export c';\nfunction f()\n{\n}\nf();</script>"));
	CHECK(!strstr(html, "import "));
	CHECK(!strstr(html, "wick.css"));
	CHECK(!strstr(html, "main.js"));
	CHECK(strstr(html, "</head>\n<body>\n"));
	buf_release(&out);
}

TEST(base64_ends_right_at_every_length)
{
	/* RFC 4648, section 10. */
	static const char *const cases[][2] = {{"", ""},
					       {"f", "Zg=="},
					       {"fo", "Zm8="},
					       {"foo", "Zm9v"},
					       {"foob", "Zm9vYg=="},
					       {"fooba", "Zm9vYmE="},
					       {"foobar", "Zm9vYmFy"}};
	const char *const scripts[] = {"", NULL};
	struct html_viewer v = viewer(PAGE, "", scripts);
	char want[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf out = {0};

		CHECK_INT(html_write(&v, cases[i][0], strlen(cases[i][0]), &out), 0);
		snprintf(want, sizeof(want), "id=profile>%s</script>", cases[i][1]);
		CHECK(strstr(buf_cstr(&out), want));
		buf_release(&out);
	}
}

/* The nonce of the policy is that of style and script, and not that of the next file. */
TEST(nonce_is_drawn_for_each_file)
{
	struct buf out[2] = {0};
	char nonce[2][33] = {0}, want[64];

	for (int i = 0; i < 2; i++) {
		const char *html;

		CHECK_INT(write_with(PAGE, "", "", &out[i]), 0);
		html = buf_cstr(&out[i]);
		CHECK_INT(sscanf(strstr(html, "script-src 'nonce-"),
				 "script-src 'nonce-%32[0-9a-f]", nonce[i]),
			  1);
		CHECK_INT(strlen(nonce[i]), 32);
		snprintf(want, sizeof(want), "<style nonce=%s>", nonce[i]);
		CHECK(strstr(html, want));
		snprintf(want, sizeof(want), "<script type=module nonce=%s>", nonce[i]);
		CHECK(strstr(html, want));
	}
	CHECK(strcmp(nonce[0], nonce[1]) != 0);
	buf_release(&out[0]);
	buf_release(&out[1]);
}

TEST(viewer_that_does_not_fit_is_refused_and_writes_nothing)
{
	struct buf out = {0};

	CHECK_INT(write_with("<html>", "", "", &out), -EINVAL);
	CHECK_INT(write_with("<link rel=stylesheet href=wick.css>\n", "", "", &out), -EINVAL);
	CHECK_INT(write_with("<script type=module src=main.js></script>\n", "", "", &out), -EINVAL);
	CHECK_INT(write_with(PAGE, "a { } </STYLE >", "", &out), -EINVAL);
	CHECK_INT(write_with(PAGE, "", "'</Script>'", &out), -EINVAL);
	CHECK_INT(write_with(PAGE, "", "'<!-- '", &out), -EINVAL);
	CHECK_INT(out.used, 0);
	buf_release(&out);
}

TEST_MAIN()
