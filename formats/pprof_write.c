/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/pprof.h"

#include "base/cleanup.h"
#include "formats/pprof_fields.h"
#include "formats/protobuf.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Of bytes. */
struct span {
	size_t first, count;
};

/* Strings are numbered in the order of their first use; those that nothing uses are not written. */
struct writer {
	const struct profile *profile;
	struct buf *out;
	struct buf strings; /* the table, as written */
	uint32_t string_count;
	uint32_t *string_ids; /* written id by the profile's id; 0 = not used yet */
	struct buf labels;    /* label sets, as written */
	struct span *label_sets;
	struct buf scratch;
	int err;
};

static void writer_release(struct writer *writer)
{
	buf_release(&writer->strings);
	free(writer->string_ids);
	free(writer->label_sets);
	buf_release(&writer->labels);
	buf_release(&writer->scratch);
}

static uint32_t string_id(struct writer *writer, const char *string, size_t length)
{
	if (!length && writer->string_count)
		return 0;
	buf_clear(&writer->scratch);
	buf_add_utf8(&writer->scratch, string, length);
	if (buf_error(&writer->scratch))
		writer->err = -ENOMEM;
	protobuf_add_bytes(&writer->strings, PROFILE_STRING_TABLE, writer->scratch.bytes,
			   writer->scratch.used);
	return writer->string_count++;
}

static void add_text(struct writer *writer, uint32_t number, const char *string)
{
	protobuf_add_number(writer->out, number, string_id(writer, string, strlen(string)));
}

static uint32_t written_string(struct writer *writer, uint32_t id)
{
	uint32_t *written = &writer->string_ids[id];

	if (id && !*written)
		*written = string_id(writer, profile_string(writer->profile, id),
				     strtab_length(&writer->profile->strings, id));
	return *written;
}

static void add_string(struct writer *writer, uint32_t number, uint32_t id)
{
	protobuf_add_number(writer->out, number, written_string(writer, id));
}

static void add_type(struct writer *writer, uint32_t number, struct profile_value_type type)
{
	size_t mark = protobuf_begin(writer->out, number);

	add_string(writer, VALUE_TYPE_TYPE, type.type);
	add_string(writer, VALUE_TYPE_UNIT, type.unit);
	protobuf_end(writer->out, mark);
}

static void add_label(struct writer *writer, const struct profile_label *label)
{
	struct buf *labels = &writer->labels;
	size_t mark = protobuf_begin(labels, SAMPLE_LABEL);

	protobuf_add_number(labels, LABEL_KEY, written_string(writer, label->key));
	if (label->string) {
		protobuf_add_number(labels, LABEL_STR, written_string(writer, label->string));
	} else {
		protobuf_add_number(labels, LABEL_NUM, (uint64_t)label->number);
		protobuf_add_number(labels, LABEL_NUM_UNIT, written_string(writer, label->unit));
	}
	protobuf_end(labels, mark);
}

/* Encoded once; copied for each sample. */
static void add_label_set(struct writer *writer, const struct profile_sample *sample)
{
	struct span *span = &writer->label_sets[sample->label_set];
	uint32_t count;
	const struct profile_label *labels = profile_labels(writer->profile, sample, &count);

	if (count && !span->count) {
		span->first = writer->labels.used;
		for (uint32_t i = 0; i < count; i++)
			add_label(writer, &labels[i]);
		span->count = writer->labels.used - span->first;
	}
	if (buf_error(&writer->labels))
		writer->err = -ENOMEM;
	else if (span->count)
		buf_add(writer->out, writer->labels.bytes + span->first, span->count);
}

static void add_sample(struct writer *writer, const struct profile_sample *sample)
{
	const struct profile *profile = writer->profile;
	size_t mark = protobuf_begin(writer->out, PROFILE_SAMPLE), packed;

	if (sample->location_count) {
		packed = protobuf_begin(writer->out, SAMPLE_LOCATION_ID);
		for (uint32_t i = 0; i < sample->location_count; i++)
			buf_add_varint(writer->out,
				       profile->sample_locations[sample->location_first + i] +
					       1ull);
		protobuf_end(writer->out, packed);
	}
	packed = protobuf_begin(writer->out, SAMPLE_VALUE);
	for (uint32_t i = 0; i < profile->type_count; i++)
		buf_add_varint(writer->out, (uint64_t)sample->values[i]);
	protobuf_end(writer->out, packed);
	add_label_set(writer, sample);
	protobuf_end(writer->out, mark);
}

static void add_mapping(struct writer *writer, uint32_t id)
{
	const struct profile_mapping *mapping = &writer->profile->mappings[id];
	struct buf *out = writer->out;
	size_t mark = protobuf_begin(out, PROFILE_MAPPING);

	protobuf_add_number(out, MAPPING_ID, id + 1ull);
	protobuf_add_number(out, MAPPING_MEMORY_START, mapping->start);
	protobuf_add_number(out, MAPPING_MEMORY_LIMIT, mapping->limit);
	protobuf_add_number(out, MAPPING_FILE_OFFSET, mapping->offset);
	add_string(writer, MAPPING_FILENAME, mapping->file);
	add_string(writer, MAPPING_BUILD_ID, mapping->build_id);
	protobuf_add_number(out, MAPPING_HAS_FUNCTIONS, mapping->has_functions);
	protobuf_add_number(out, MAPPING_HAS_FILENAMES, mapping->has_filenames);
	protobuf_add_number(out, MAPPING_HAS_LINE_NUMBERS, mapping->has_lines);
	protobuf_add_number(out, MAPPING_HAS_INLINE_FRAMES, mapping->has_inlines);
	protobuf_end(out, mark);
}

static void add_line(struct writer *writer, uint64_t function_id, int64_t line, int64_t column)
{
	size_t mark = protobuf_begin(writer->out, LOCATION_LINE);

	protobuf_add_number(writer->out, LINE_FUNCTION_ID, function_id);
	protobuf_add_number(writer->out, LINE_LINE, (uint64_t)line);
	protobuf_add_number(writer->out, LINE_COLUMN, (uint64_t)column);
	protobuf_end(writer->out, mark);
}

/* stand_in: the id of the function that is written for a location without lines. */
static void add_location(struct writer *writer, uint32_t id, uint64_t stand_in)
{
	const struct profile_location *location = &writer->profile->locations[id];
	size_t mark = protobuf_begin(writer->out, PROFILE_LOCATION);

	protobuf_add_number(writer->out, LOCATION_ID, id + 1ull);
	if (location->mapping != PROFILE_NO_MAPPING)
		protobuf_add_number(writer->out, LOCATION_MAPPING_ID, location->mapping + 1ull);
	protobuf_add_number(writer->out, LOCATION_ADDRESS, location->address);
	for (uint32_t i = 0; i < location->line_count; i++) {
		const struct profile_line *line = &writer->profile->lines[location->line_first + i];

		add_line(writer, line->function + 1ull, line->line, line->column);
	}
	if (!location->line_count)
		add_line(writer, stand_in, 0, 0);
	protobuf_add_number(writer->out, LOCATION_IS_FOLDED, location->is_folded);
	protobuf_add_number(writer->out, LOCATION_QUALITY, location->quality);
	protobuf_end(writer->out, mark);
}

static void add_function(struct writer *writer, uint32_t id)
{
	const struct profile_function *function = &writer->profile->functions[id];
	size_t mark = protobuf_begin(writer->out, PROFILE_FUNCTION);

	protobuf_add_number(writer->out, FUNCTION_ID, id + 1ull);
	add_string(writer, FUNCTION_NAME, function->name);
	add_string(writer, FUNCTION_SYSTEM_NAME, function->system_name);
	add_string(writer, FUNCTION_FILENAME, function->file);
	protobuf_add_number(writer->out, FUNCTION_START_LINE, (uint64_t)function->start_line);
	protobuf_end(writer->out, mark);
}

static void add_stand_in(struct writer *writer, const struct profile_location *location,
			 uint64_t id)
{
	char name[512];
	size_t mark = protobuf_begin(writer->out, PROFILE_FUNCTION);

	protobuf_add_number(writer->out, FUNCTION_ID, id);
	add_text(writer, FUNCTION_NAME,
		 profile_frame_name(writer->profile, location, 0, name, sizeof(name)));
	protobuf_end(writer->out, mark);
}

static void add_tables(struct writer *writer)
{
	const struct profile *profile = writer->profile;
	uint64_t stand_in = profile->function_count;

	for (uint32_t i = 0; i < profile->mapping_count; i++)
		add_mapping(writer, i);
	for (uint32_t i = 0; i < profile->location_count; i++)
		add_location(writer, i, profile->locations[i].line_count ? 0 : ++stand_in);

	for (uint32_t i = 0; i < profile->function_count; i++)
		add_function(writer, i);
	stand_in = profile->function_count;
	for (uint32_t i = 0; i < profile->location_count; i++)
		if (!profile->locations[i].line_count)
			add_stand_in(writer, &profile->locations[i], ++stand_in);
}

/* Repeated: 0 is a value as any other, the empty comment. */
static void add_comment(struct writer *writer, const char *text, size_t length)
{
	uint64_t id = string_id(writer, text, length);
	size_t mark = protobuf_begin(writer->out, PROFILE_COMMENT);

	buf_add_varint(writer->out, id);
	protobuf_end(writer->out, mark);
}

static void add_comments(struct writer *writer)
{
	_cleanup_(buf_release) struct buf ledger = {0};
	const struct profile *profile = writer->profile;

	for (uint32_t i = 0; i < profile->comment_count; i++) {
		const char *text = profile_string(profile, profile->comments[i]);

		add_comment(writer, text, strlen(text));
	}
	if (!profile->ledger_count)
		return;
	buf_add_str(&ledger, PPROF_LEDGER);
	for (uint32_t i = 0; i < profile->ledger_count; i++)
		buf_printf(&ledger, " %s=%" PRIu64,
			   profile_string(profile, profile->ledger[i].name),
			   profile->ledger[i].count);
	if (buf_error(&ledger))
		writer->err = -ENOMEM;
	else
		add_comment(writer, ledger.bytes, ledger.used);
}

static void add_header(struct writer *writer)
{
	const struct profile *profile = writer->profile;

	add_string(writer, PROFILE_DROP_FRAMES, profile->drop_frames);
	add_string(writer, PROFILE_KEEP_FRAMES, profile->keep_frames);
	protobuf_add_number(writer->out, PROFILE_TIME_NANOS, (uint64_t)profile->time_ns);
	protobuf_add_number(writer->out, PROFILE_DURATION_NANOS, (uint64_t)profile->duration_ns);
	if (profile->period_type.type || profile->period_type.unit)
		add_type(writer, PROFILE_PERIOD_TYPE, profile->period_type);
	protobuf_add_number(writer->out, PROFILE_PERIOD, (uint64_t)profile->period);
	add_comments(writer);
	add_string(writer, PROFILE_DEFAULT_SAMPLE_TYPE, profile->default_type);
	add_string(writer, PROFILE_DOC_URL, profile->doc_url);
}

static void add_string_table(struct writer *writer)
{
	if (buf_error(&writer->strings))
		writer->err = -ENOMEM;
	else
		buf_add(writer->out, writer->strings.bytes, writer->strings.used);
}

int pprof_write(const struct profile *profile, struct buf *out)
{
	_cleanup_(writer_release) struct writer writer = {.profile = profile, .out = out};

	writer.string_ids = calloc(strtab_count(&profile->strings), sizeof(*writer.string_ids));
	writer.label_sets = calloc(profile->label_set_count, sizeof(*writer.label_sets));
	if (!writer.string_ids || !writer.label_sets)
		return -ENOMEM;
	string_id(&writer, "", 0);
	for (uint32_t i = 0; i < profile->type_count; i++)
		add_type(&writer, PROFILE_SAMPLE_TYPE, profile->types[i]);
	for (uint32_t i = 0; i < profile->sample_count; i++)
		add_sample(&writer, &profile->samples[i]);
	add_tables(&writer);
	add_header(&writer);
	add_string_table(&writer);
	return writer.err ? writer.err : buf_error(out);
}
