/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/folded.h"

#include "base/cleanup.h"
#include "base/cursor.h"
#include "formats/why.h"

#include <errno.h>
#include <string.h>

struct reader {
	struct profile *profile;
	struct buf name;
	unsigned long line; /* number of the line being read, from 1 */
	const char *why;
	uint32_t stack[PROFILE_DEPTH_MAX]; /* root first, then turned around */
};

static void reader_free(struct reader *reader)
{
	if (!reader)
		return;
	profile_free(reader->profile);
	buf_release(&reader->name);
	free(reader);
}

static void reader_freep(struct reader **reader)
{
	reader_free(*reader);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Cuts the count off the line's end: *length is then that of the stack. */
static int take_count(struct reader *reader, const char *line, size_t *length, int64_t *ret_count)
{
	size_t at = *length;
	int64_t count = 0;

	while (at && is_digit(line[at - 1]))
		at--;
	if (at == *length || !at || (line[at - 1] != ' ' && line[at - 1] != '\t')) {
		reader->why = why("line %lu does not end in a whole number", reader->line);
		return reader->profile->sample_count ? -EBADMSG : -EPROTONOSUPPORT;
	}
	for (size_t i = at; i < *length; i++)
		if (__builtin_mul_overflow(count, 10, &count) ||
		    __builtin_add_overflow(count, line[i] - '0', &count)) {
			reader->why = why("the count of line %lu is too large", reader->line);
			return -EBADMSG;
		}
	*length = at - 1;
	*ret_count = count;
	return 0;
}

static int add_frame(struct reader *reader, const char *text, size_t length, uint32_t *ret_id)
{
	struct profile_location location = {.mapping = PROFILE_NO_MAPPING};
	struct profile_function function = {0};
	struct profile_line line = {0};
	int err;

	if (length > PROFILE_STRING_MAX) {
		reader->why = why("a frame of line %lu is longer than can be held", reader->line);
		return -EFBIG;
	}
	buf_clear(&reader->name);
	if (length)
		buf_add_utf8(&reader->name, text, length);
	else
		buf_add_str(&reader->name, "[unknown]");
	err = buf_error(&reader->name);
	if (!err)
		err = strtab_add_n(&reader->profile->strings, reader->name.bytes, reader->name.used,
				   &function.name);
	if (!err)
		err = profile_add_function(reader->profile, &function, &line.function);
	if (!err)
		err = profile_add_location(reader->profile, &location, &line, 1, ret_id);
	return err;
}

static int add_frames(struct reader *reader, const char *stack, size_t length, uint32_t *ret_depth)
{
	const char *end = stack + length;
	uint32_t depth = 0;
	int err;

	for (;;) {
		const char *semicolon = memchr(stack, ';', (size_t)(end - stack));
		const char *stop = semicolon ? semicolon : end;

		if (depth >= PROFILE_DEPTH_MAX) {
			reader->why =
				why("line %lu has more frames than can be held", reader->line);
			return -EFBIG;
		}
		err = add_frame(reader, stack, (size_t)(stop - stack), &reader->stack[depth++]);
		if (err)
			return err;
		if (!semicolon)
			break;
		stack = semicolon + 1;
	}
	*ret_depth = depth;
	return 0;
}

/* As some write them; a stack may begin so too, but ends in its count. */
static bool is_comment(const char *line, size_t length)
{
	return !is_digit(line[length - 1]) &&
	       ((length > 1 && !memcmp(line, "# ", 2)) || (length > 2 && !memcmp(line, "// ", 3)));
}

static int read_line(struct reader *reader, const char *line, size_t length)
{
	uint32_t depth = 0;
	int64_t count;
	int err;

	while (length && (line[length - 1] == '\r' || line[length - 1] == ' '))
		length--;
	if (!length || is_comment(line, length))
		return 0;
	err = take_count(reader, line, &length, &count);
	if (!err)
		err = add_frames(reader, line, length, &depth);
	if (err)
		return err;
	for (uint32_t i = 0; i < depth / 2; i++) {
		uint32_t root = reader->stack[i];

		reader->stack[i] = reader->stack[depth - 1 - i];
		reader->stack[depth - 1 - i] = root;
	}
	return profile_add_sample(reader->profile, reader->stack, depth, NULL, 0, &count);
}

static int read_all(struct reader *reader, const char *text, size_t size)
{
	const char *end = text + size;
	int err = profile_add_type(reader->profile, "samples", "count");

	while (!err && text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;

		reader->line++;
		err = read_line(reader, text, (size_t)(stop - text));
		text = newline ? newline + 1 : end;
	}
	if (!err && !reader->profile->sample_count) {
		reader->why = "it is empty";
		err = -EPROTONOSUPPORT;
	}
	return err;
}

/* --- encodings --- */

static uint32_t unit_at(const uint8_t *bytes, size_t at, bool is_big)
{
	return is_big ? (uint32_t)bytes[at] << 8 | bytes[at + 1]
		      : (uint32_t)bytes[at + 1] << 8 | bytes[at];
}

static void add_code_point(struct buf *text, uint32_t code)
{
	const char bytes[] = {(char)(0xf0 | code >> 18), (char)(0x80 | (code >> 12 & 0x3f)),
			      (char)(0x80 | (code >> 6 & 0x3f)), (char)(0x80 | (code & 0x3f))};

	if (code < 0x80) {
		buf_add_char(text, (char)code);
	} else if (code < 0x800) {
		buf_add_char(text, (char)(0xc0 | code >> 6));
		buf_add(text, bytes + 3, 1);
	} else if (code < 0x10000) {
		buf_add_char(text, (char)(0xe0 | code >> 12));
		buf_add(text, bytes + 2, 2);
	} else {
		buf_add(text, bytes, 4);
	}
}

/* Halves of pairs that stand alone become bytes of no UTF-8, as any other damage. */
static void add_utf16(struct buf *text, const uint8_t *bytes, size_t size, bool is_big)
{
	for (size_t at = 0; at + 1 < size; at += 2) {
		uint32_t code = unit_at(bytes, at, is_big), low;

		if (code >> 10 == 0xd800 >> 10 && at + 3 < size) {
			low = unit_at(bytes, at + 2, is_big);
			if (low >> 10 == 0xdc00 >> 10) {
				code = 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff));
				at += 2;
			}
		}
		add_code_point(text, code);
	}
}

/* The text behind a byte order mark of UTF-16, which decoded holds; else all of it. */
static int find_text(const uint8_t *bytes, size_t size, struct buf *decoded, const char **ret_text,
		     size_t *ret_size)
{
	bool is_little = size > 1 && bytes[0] == 0xff && bytes[1] == 0xfe;
	bool is_big = size > 1 && bytes[0] == 0xfe && bytes[1] == 0xff;

	*ret_text = (const char *)bytes;
	*ret_size = size;
	if (!is_little && !is_big)
		return 0;
	add_utf16(decoded, bytes + 2, size - 2, is_big);
	*ret_text = decoded->used ? decoded->bytes : "";
	*ret_size = decoded->used;
	return buf_error(decoded);
}

int folded_read(const void *bytes, size_t size, struct profile **ret_profile, const char **ret_why)
{
	_cleanup_(buf_release) struct buf decoded = {0};
	const char *text;
	_cleanup_(reader_freep) struct reader *reader = calloc(1, sizeof(*reader));
	int err = reader ? profile_new(&reader->profile) : -ENOMEM;

	if (!err)
		err = find_text(bytes, size, &decoded, &text, &size);
	if (!err)
		err = read_all(reader, text, size);
	if (err) {
		*ret_why = reader && reader->why ? reader->why : "out of memory";
		return err;
	}
	*ret_profile = TAKE_PTR(reader->profile);
	return 0;
}
