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

static int read_line(struct reader *reader, const char *line, size_t length)
{
	uint32_t depth;
	int64_t count;
	int err;

	while (length && (line[length - 1] == '\r' || line[length - 1] == ' '))
		length--;
	/* A comment, as some write them; a stack may begin so too, but ends in its count. */
	if (!length || (length > 1 && !memcmp(line, "# ", 2) && !is_digit(line[length - 1])))
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

int folded_read(const void *bytes, size_t size, struct profile **ret_profile, const char **ret_why)
{
	_cleanup_(reader_freep) struct reader *reader = calloc(1, sizeof(*reader));
	int err = reader ? profile_new(&reader->profile) : -ENOMEM;

	if (!err)
		err = read_all(reader, bytes, size);
	if (err) {
		*ret_why = reader && reader->why ? reader->why : "out of memory";
		return err;
	}
	*ret_profile = TAKE_PTR(reader->profile);
	return 0;
}
