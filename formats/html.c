/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/html.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#define STYLE_LINE  "<link rel=stylesheet href=wick.css>\n"
#define SCRIPT_LINE "<script type=module src=main.js></script>\n"

enum { NONCE_BYTES = 16, NONCE_SIZE = 2 * NONCE_BYTES + 1 };

/* Script and style are named by a nonce, as 'unsafe-inline' would let foreign strings run too.
 * Drawn anew for each file: nothing that comes from a profile can know it. */
static int draw_nonce(char ret[NONCE_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[NONCE_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	for (size_t i = 0; i < NONCE_BYTES; i++) {
		ret[2 * i] = digits[bytes[i] >> 4];
		ret[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret[NONCE_SIZE - 1] = '\0';
	return 0;
}

static void add_base64(struct buf *out, const unsigned char *bytes, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *to;

	if (size > SIZE_MAX / 4 * 3 - 3 || !buf_reserve(out, (size + 2) / 3 * 4)) {
		out->failed = true;
		return;
	}
	to = out->bytes + out->used;
	for (size_t at = 0; at < size; at += 3) {
		size_t left = size - at;
		unsigned int group = (unsigned int)bytes[at] << 16 |
				     (left > 1 ? (unsigned int)bytes[at + 1] << 8 : 0) |
				     (left > 2 ? bytes[at + 2] : 0);

		*to++ = digits[group >> 18];
		*to++ = digits[group >> 12 & 63];
		*to++ = left > 1 ? digits[group >> 6 & 63] : '=';
		*to++ = left > 2 ? digits[group & 63] : '=';
	}
	out->used = (size_t)(to - out->bytes);
}

static bool starts_with(const char *line, const char *word)
{
	return !strncmp(line, word, strlen(word));
}

/* A module's text in one script with the others: its imports are above it, exports mean nothing. */
static void add_module(struct buf *out, const char *script)
{
	for (const char *line = script; *line;) {
		const char *end = strchr(line, '\n');
		size_t length = end ? (size_t)(end + 1 - line) : strlen(line);

		if (starts_with(line, "export "))
			buf_add(out, line + strlen("export "), length - strlen("export "));
		else if (!starts_with(line, "import "))
			buf_add(out, line, length);
		line += length;
	}
}

/* Could this text leave the element it is put into? HTML is closed by "</script" in any case, and
 * "<!--" begins a state that swallows it. */
static bool breaks_element(const char *text, const char *closing)
{
	return strcasestr(text, closing) || strstr(text, "<!--");
}

static bool viewer_is_sound(const struct html_viewer *viewer)
{
	if (!strstr(viewer->page, STYLE_LINE) || !strstr(viewer->page, SCRIPT_LINE))
		return false;
	if (strstr(viewer->page, STYLE_LINE) > strstr(viewer->page, SCRIPT_LINE))
		return false;
	if (breaks_element(viewer->style, "</style"))
		return false;
	for (size_t i = 0; i < viewer->script_count; i++) {
		if (breaks_element(viewer->scripts[i], "</script"))
			return false;
	}
	return true;
}

/* In JSON '<' stands in strings only, where it can be written so that it closes no element. */
static void add_json(struct buf *out, const char *json)
{
	for (; *json; json++) {
		if (*json == '<')
			buf_add_str(out, "\\u003c");
		else
			buf_add_char(out, *json);
	}
}

int html_write(const struct html_viewer *viewer, const void *pprof_gz, size_t size, struct buf *out)
{
	return html_write_diff(viewer, pprof_gz, size, NULL, out);
}

int html_write_diff(const struct html_viewer *viewer, const void *pprof_gz, size_t size,
		    const char *diff_json, struct buf *out)
{
	const char *style_line, *script_line, *rest;
	char nonce[NONCE_SIZE];
	int err;

	if (!viewer_is_sound(viewer))
		return -EINVAL;
	err = draw_nonce(nonce);
	if (err)
		return err;
	style_line = strstr(viewer->page, STYLE_LINE);
	script_line = strstr(viewer->page, SCRIPT_LINE);
	buf_add(out, viewer->page, (size_t)(style_line - viewer->page));
	buf_printf(out,
		   "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; "
		   "script-src 'nonce-%s'; style-src 'nonce-%s'; img-src data:; base-uri 'none'; "
		   "form-action 'none'\">\n",
		   nonce, nonce);
	buf_printf(out, "<style nonce=%s>\n", nonce);
	buf_add_str(out, viewer->style);
	buf_add_str(out, "</style>\n");
	rest = style_line + strlen(STYLE_LINE);
	buf_add(out, rest, (size_t)(script_line - rest));
	buf_add_str(out, "<script type=application/octet-stream id=profile>");
	add_base64(out, pprof_gz, size);
	if (diff_json) {
		buf_add_str(out, "</script>\n<script type=application/json id=diff>");
		add_json(out, diff_json);
	}
	buf_printf(out, "</script>\n<script type=module nonce=%s>\n", nonce);
	for (size_t i = 0; i < viewer->script_count; i++)
		add_module(out, viewer->scripts[i]);
	buf_add_str(out, "</script>\n");
	buf_add_str(out, script_line + strlen(SCRIPT_LINE));
	return buf_error(out);
}
