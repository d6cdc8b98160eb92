/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/folded.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* A long name that many stacks share could make any amount of text. */
enum { FOLDED_MAX = 1 << 30 };

/* The distinct lines and their counts; labels that the text does not show make several samples one.
 */
struct writer {
	const struct profile *profile;
	uint32_t type;	  /* the value that is the count */
	struct buf texts; /* what each location reads, one after the other */
	size_t *text_at;  /* where a location's text begins; one more for the end */
	struct strtab stacks;
	int64_t *counts; /* by the stack's id */
	uint32_t counts_size;
	uint32_t *order; /* ids of stacks, sorted by text */
	struct buf line;
};

static void writer_release(struct writer *writer)
{
	buf_release(&writer->texts);
	free(writer->text_at);
	strtab_release(&writer->stacks);
	free(writer->counts);
	free(writer->order);
	buf_release(&writer->line);
}

/* Does text end in white space and a number, with or without a fraction? */
static bool ends_like_a_count(const char *text, size_t length)
{
	size_t at = length;

	while (at && text[at - 1] >= '0' && text[at - 1] <= '9')
		at--;
	if (at && text[at - 1] == '.') {
		at--;
		while (at && text[at - 1] >= '0' && text[at - 1] <= '9')
			at--;
	}
	return at && at < length && text[at - 1] == ' ' && text[at] != '.';
}

/* In place; text is valid UTF-8. */
static void escape(char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		uint8_t byte = (uint8_t)text[i];

		if (byte == ';')
			text[i] = ':';
		else if (byte < 0x20 || byte == 0x7f)
			text[i] = ' ';
		else if (byte == 0xc2 && (uint8_t)text[i + 1] < 0xa0)
			text[i] = text[i + 1] = ' '; /* C1: commands to some terminals */
	}
}

void folded_add_frame(struct buf *to, const char *name)
{
	size_t start = to->used;

	if (!*name)
		name = "[unknown]";
	buf_add_utf8(to, name, strlen(name));
	if (to->failed)
		return;
	escape(to->bytes + start, to->used - start);
	if (ends_like_a_count(to->bytes + start, to->used - start))
		buf_add_char(to, '_');
}

static int fits(const struct buf *text)
{
	return text->used > FOLDED_MAX ? -EFBIG : buf_error(text);
}

static int add_location(struct writer *writer, const struct profile_location *location)
{
	const struct profile *profile = writer->profile;
	char name[512];
	int err = 0;

	for (uint32_t i = location->line_count; !err && i-- > 0;) {
		uint32_t function = profile->lines[location->line_first + i].function;

		folded_add_frame(&writer->texts,
				 profile_string(profile, profile->functions[function].name));
		if (i)
			buf_add_char(&writer->texts, ';');
		err = fits(&writer->texts);
	}
	if (!location->line_count)
		folded_add_frame(&writer->texts,
				 profile_frame_name(profile, location, 0, name, sizeof(name)));
	return err ? err : fits(&writer->texts);
}

static int make_texts(struct writer *writer)
{
	uint32_t count = writer->profile->location_count;
	int err = 0;

	writer->text_at = calloc((size_t)count + 1, sizeof(*writer->text_at));
	if (!writer->text_at)
		return -ENOMEM;
	for (uint32_t i = 0; !err && i < count; i++) {
		err = add_location(writer, &writer->profile->locations[i]);
		writer->text_at[i + 1] = writer->texts.used;
	}
	return err;
}

static int make_line(struct writer *writer, const struct profile_sample *sample)
{
	const struct profile *profile = writer->profile;
	const struct profile_label *comm = profile_sample_label(profile, sample, "comm");
	struct buf *line = &writer->line;
	int err = 0;

	buf_clear(line);
	if (comm && comm->string)
		folded_add_frame(line, profile_string(profile, comm->string));
	for (uint32_t i = sample->location_count; !err && i-- > 0;) {
		uint32_t id = profile->sample_locations[sample->location_first + i];
		size_t at = writer->text_at[id];

		if (line->used)
			buf_add_char(line, ';');
		buf_add(line, writer->texts.bytes + at, writer->text_at[id + 1] - at);
		err = fits(line);
	}
	if (!line->used)
		folded_add_frame(line, "");
	return err ? err : buf_error(line);
}

static int add_sample(struct writer *writer, const struct profile_sample *sample)
{
	uint32_t id, before = strtab_count(&writer->stacks);
	int err = make_line(writer, sample);

	if (!err)
		err = strtab_add_n(&writer->stacks, writer->line.bytes, writer->line.used, &id);
	if (!err && writer->stacks.bytes_used > FOLDED_MAX)
		err = -EFBIG;
	if (!err)
		err = array_reserve(&writer->counts, &writer->counts_size, (size_t)id + 1);
	if (err)
		return err;
	if (id >= before)
		writer->counts[id] = 0;
	if (__builtin_add_overflow(writer->counts[id], sample->values[writer->type],
				   &writer->counts[id]))
		return -ERANGE;
	return 0;
}

static int compare_stacks(const void *a, const void *b, void *context)
{
	const struct strtab *stacks = context;

	return strcmp(strtab_get(stacks, *(const uint32_t *)a),
		      strtab_get(stacks, *(const uint32_t *)b));
}

static int write_lines(struct writer *writer, struct buf *out)
{
	uint32_t count = strtab_count(&writer->stacks);

	writer->order = calloc(count, sizeof(*writer->order));
	if (!writer->order)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		writer->order[i] = i;
	qsort_r(writer->order, count, sizeof(*writer->order), compare_stacks, &writer->stacks);

	/* The empty string sorts first and is no stack. */
	for (uint32_t i = 1; i < count; i++) {
		int64_t value = writer->counts[writer->order[i]];

		if (value < 0)
			return -ERANGE;
		if (!value)
			continue;
		buf_add_str(out, strtab_get(&writer->stacks, writer->order[i]));
		buf_printf(out, " %" PRId64 "\n", value);
	}
	return buf_error(out);
}

int folded_write(const struct profile *profile, struct buf *out)
{
	_cleanup_(writer_release) struct writer writer = {.profile = profile};
	int samples = profile_find_type(profile, "samples"), err = make_texts(&writer);

	writer.type = samples < 0 ? 0 : (uint32_t)samples;
	for (uint32_t i = 0; !err && i < profile->sample_count; i++)
		err = add_sample(&writer, &profile->samples[i]);
	return err ? err : write_lines(&writer, out);
}
