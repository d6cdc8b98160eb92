/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wick dump profile: everything in a profile, sorted, so that two dumps can be compared by diff. */
#include "profiler/commands.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "formats/frames.h"
#include "profiler/output.h"

#include <inttypes.h>
#include <string.h>

struct dump_options {
	bool json;
};

/* Texts to be sorted, each NUL-terminated. */
struct blocks {
	struct buf text;
	size_t *at;
	uint32_t count, size;
};

static void blocks_release(struct blocks *blocks)
{
	buf_release(&blocks->text);
	free(blocks->at);
}

static void blocks_begin(struct blocks *blocks)
{
	if (array_reserve(&blocks->at, &blocks->size, (size_t)blocks->count + 1))
		blocks->text.failed = true;
	else
		blocks->at[blocks->count++] = blocks->text.used;
}

static int compare_blocks(const void *a, const void *b, void *context)
{
	const char *text = context;

	return strcmp(text + *(const size_t *)a, text + *(const size_t *)b);
}

/* Appends the blocks in order, with a separator between them. */
static void blocks_write(struct blocks *blocks, const char *separator, struct buf *out)
{
	if (blocks->text.failed)
		out->failed = true;
	if (!blocks->count || out->failed)
		return;
	qsort_r(blocks->at, blocks->count, sizeof(*blocks->at), compare_blocks, blocks->text.bytes);
	for (uint32_t i = 0; i < blocks->count; i++) {
		buf_add_str(out, i ? separator : "");
		buf_add_str(out, blocks->text.bytes + blocks->at[i]);
	}
}

static void add_quoted(struct buf *out, const char *string)
{
	char shown[1024];

	buf_add_str(out, quote(shown, sizeof(shown), string));
}

static void add_type(const struct profile *profile, struct profile_value_type type, struct buf *out)
{
	add_quoted(out, profile_string(profile, type.type));
	buf_add_char(out, '/');
	add_quoted(out, profile_string(profile, type.unit));
}

static void add_line(const struct profile *profile, const char *name, uint32_t string,
		     struct buf *out)
{
	if (!string)
		return;
	buf_printf(out, "%s: ", name);
	add_quoted(out, profile_string(profile, string));
	buf_add_char(out, '\n');
}

static void add_header(const struct profile *profile, struct buf *out)
{
	buf_add_str(out, "types:");
	for (uint32_t i = 0; i < profile->type_count; i++) {
		buf_add_char(out, ' ');
		add_type(profile, profile->types[i], out);
		buf_printf(out, "=%" PRId64, profile_total(profile, i));
	}
	buf_add_char(out, '\n');
	add_line(profile, "default type", profile->default_type, out);
	buf_printf(out, "period: %" PRId64 " ", profile->period);
	add_type(profile, profile->period_type, out);
	buf_printf(out, "\ntime: %" PRId64 " ns\nduration: %" PRId64 " ns\n", profile->time_ns,
		   profile->duration_ns);
	add_line(profile, "drop frames", profile->drop_frames, out);
	add_line(profile, "keep frames", profile->keep_frames, out);
	add_line(profile, "doc url", profile->doc_url, out);
	for (uint32_t i = 0; i < profile->comment_count; i++) {
		buf_add_str(out, "comment: ");
		add_quoted(out, profile_string(profile, profile->comments[i]));
		buf_add_char(out, '\n');
	}
	for (uint32_t i = 0; i < profile->ledger_count; i++) {
		buf_add_str(out, "ledger: ");
		add_quoted(out, profile_string(profile, profile->ledger[i].name));
		buf_printf(out, " %" PRIu64 "\n", profile->ledger[i].count);
	}
}

static void add_mapping(const struct profile *profile, const struct profile_mapping *mapping,
			struct buf *out)
{
	buf_add_str(out, "mapping: ");
	add_quoted(out, profile_string(profile, mapping->file));
	buf_printf(out, " 0x%" PRIx64 "-0x%" PRIx64 " offset 0x%" PRIx64, mapping->start,
		   mapping->limit, mapping->offset);
	if (mapping->build_id) {
		buf_add_str(out, " build id ");
		add_quoted(out, profile_string(profile, mapping->build_id));
	}
	buf_printf(out, "%s%s%s%s\n", mapping->has_functions ? " functions" : "",
		   mapping->has_filenames ? " filenames" : "", mapping->has_lines ? " lines" : "",
		   mapping->has_inlines ? " inlines" : "");
}

static void add_frame(const struct profile *profile, const struct profile_location *location,
		      uint32_t line, struct buf *out)
{
	char name[1024];

	buf_add_str(out, "\t");
	add_quoted(out, profile_frame_name(profile, location, line, name, sizeof(name)));
	if (line < location->line_count) {
		const struct profile_line *at = &profile->lines[location->line_first + line];
		uint32_t file = profile->functions[at->function].file;

		buf_add_str(out, file ? " at " : "");
		add_quoted(out, profile_string(profile, file));
		if (at->line)
			buf_printf(out, ":%" PRId64, at->line);
		if (at->column)
			buf_printf(out, ":%" PRId64, at->column);
	}
	if (line + 1 < location->line_count)
		buf_add_str(out, " (inlined)");
	if (location->mapping != PROFILE_NO_MAPPING && profile->mappings[location->mapping].file) {
		buf_add_str(out, " in ");
		add_quoted(out, profile_string(profile, profile->mappings[location->mapping].file));
	}
	buf_printf(out, " 0x%" PRIx64 "\n", location->address);
}

static void add_labels(const struct profile *profile, const struct profile_sample *sample,
		       struct buf *out)
{
	uint32_t count;
	const struct profile_label *labels = profile_labels(profile, sample, &count);

	for (uint32_t i = 0; i < count; i++) {
		const struct profile_label *label = &labels[i];

		buf_add_char(out, ' ');
		add_quoted(out, profile_string(profile, label->key));
		buf_add_char(out, '=');
		if (label->string)
			add_quoted(out, profile_string(profile, label->string));
		else
			buf_printf(out, "%" PRId64, label->number);
		add_quoted(out, profile_string(profile, label->unit));
	}
}

/* Root first, so that stacks that begin alike stand together; the values, which change most, last.
 */
static void add_sample(const struct profile *profile, const struct profile_sample *sample,
		       struct buf *out)
{
	buf_add_str(out, "sample:");
	add_labels(profile, sample, out);
	buf_add_char(out, '\n');
	for (uint32_t i = sample->location_count; i-- > 0;) {
		const struct profile_location *location =
			&profile->locations[profile->sample_locations[sample->location_first + i]];

		for (uint32_t j = location->line_count; j-- > 0;)
			add_frame(profile, location, j, out);
		if (!location->line_count)
			add_frame(profile, location, 0, out);
	}
	buf_add_str(out, "\t=");
	for (uint32_t i = 0; i < profile->type_count; i++)
		buf_printf(out, " %" PRId64, sample->values[i]);
	buf_add_char(out, '\n');
}

static void add_text(const struct profile *profile, struct buf *out)
{
	_cleanup_(blocks_release) struct blocks mappings = {0}, samples = {0};

	add_header(profile, out);
	for (uint32_t i = 0; i < profile->mapping_count; i++) {
		blocks_begin(&mappings);
		add_mapping(profile, &profile->mappings[i], &mappings.text);
		buf_add_char(&mappings.text, '\0');
	}
	blocks_write(&mappings, "", out);
	for (uint32_t i = 0; i < profile->sample_count; i++) {
		blocks_begin(&samples);
		add_sample(profile, &profile->samples[i], &samples.text);
		buf_add_char(&samples.text, '\0');
	}
	blocks_write(&samples, "", out);
}

static void json_string(const struct profile *profile, const char *name, uint32_t string,
			struct buf *out)
{
	buf_printf(out, "\"%s\": ", name);
	buf_add_json(out, profile_string(profile, string));
}

static void json_type(const struct profile *profile, struct profile_value_type type,
		      struct buf *out)
{
	buf_add_char(out, '{');
	json_string(profile, "type", type.type, out);
	buf_add_str(out, ", ");
	json_string(profile, "unit", type.unit, out);
	buf_add_char(out, '}');
}

static void json_header(const struct profile *profile, struct buf *out)
{
	buf_add_str(out, "{\n\"types\": [");
	for (uint32_t i = 0; i < profile->type_count; i++) {
		buf_add_str(out, i ? ", " : "");
		json_type(profile, profile->types[i], out);
	}
	buf_add_str(out, "],\n");
	json_string(profile, "default_type", profile->default_type, out);
	buf_add_str(out, ",\n\"period_type\": ");
	json_type(profile, profile->period_type, out);
	buf_printf(out,
		   ",\n\"period\": %" PRId64 ",\n\"time_ns\": %" PRId64
		   ",\n\"duration_ns\": %" PRId64 ",\n",
		   profile->period, profile->time_ns, profile->duration_ns);
	json_string(profile, "drop_frames", profile->drop_frames, out);
	buf_add_str(out, ",\n");
	json_string(profile, "keep_frames", profile->keep_frames, out);
	buf_add_str(out, ",\n");
	json_string(profile, "doc_url", profile->doc_url, out);
	buf_add_str(out, ",\n\"comments\": [");
	for (uint32_t i = 0; i < profile->comment_count; i++) {
		buf_add_str(out, i ? ", " : "");
		buf_add_json(out, profile_string(profile, profile->comments[i]));
	}
	buf_add_str(out, "],\n\"ledger\": {");
	for (uint32_t i = 0; i < profile->ledger_count; i++) {
		buf_add_str(out, i ? ", " : "");
		buf_add_json(out, profile_string(profile, profile->ledger[i].name));
		buf_printf(out, ": %" PRIu64, profile->ledger[i].count);
	}
	buf_add_str(out, "},\n");
}

static void json_mapping(const struct profile *profile, const struct profile_mapping *mapping,
			 struct buf *out)
{
	buf_add_char(out, '{');
	json_string(profile, "file", mapping->file, out);
	buf_add_str(out, ", ");
	json_string(profile, "build_id", mapping->build_id, out);
	buf_printf(out,
		   ", \"start\": \"0x%" PRIx64 "\", \"limit\": \"0x%" PRIx64
		   "\", \"offset\": \"0x%" PRIx64 "\"",
		   mapping->start, mapping->limit, mapping->offset);
	buf_printf(out,
		   ", \"has_functions\": %s, \"has_filenames\": %s, \"has_lines\": %s, "
		   "\"has_inlines\": %s}",
		   mapping->has_functions ? "true" : "false",
		   mapping->has_filenames ? "true" : "false", mapping->has_lines ? "true" : "false",
		   mapping->has_inlines ? "true" : "false");
}

static void json_frame(const struct profile *profile, const struct profile_location *location,
		       uint32_t line, struct buf *out)
{
	char name[512];

	if (line < location->line_count) {
		const struct profile_line *at = &profile->lines[location->line_first + line];
		const struct profile_function *function = &profile->functions[at->function];

		buf_add_char(out, '{');
		json_string(profile, "name", function->name, out);
		buf_add_str(out, ", ");
		json_string(profile, "system_name", function->system_name, out);
		buf_add_str(out, ", ");
		json_string(profile, "file", function->file, out);
		buf_printf(out, ", \"line\": %" PRId64 ", \"column\": %" PRId64, at->line,
			   at->column);
	} else {
		buf_add_str(out, "{\"name\": ");
		buf_add_json(out, profile_frame_name(profile, location, line, name, sizeof(name)));
	}
	buf_printf(out, ", \"inlined\": %s, \"quality\": \"%s\", ",
		   line + 1 < location->line_count ? "true" : "false",
		   frame_quality_name(frame_quality(profile, location, line)));
	json_string(profile, "module",
		    location->mapping == PROFILE_NO_MAPPING
			    ? 0
			    : profile->mappings[location->mapping].file,
		    out);
	buf_printf(out, ", \"address\": \"0x%" PRIx64 "\"}", location->address);
}

static void json_labels(const struct profile *profile, const struct profile_sample *sample,
			struct buf *out)
{
	uint32_t count;
	const struct profile_label *labels = profile_labels(profile, sample, &count);

	for (uint32_t i = 0; i < count; i++) {
		const struct profile_label *label = &labels[i];

		buf_add_str(out, i ? ", {" : "{");
		json_string(profile, "key", label->key, out);
		buf_add_str(out, ", ");
		if (label->string) {
			json_string(profile, "string", label->string, out);
		} else {
			buf_printf(out, "\"number\": %" PRId64 ", ", label->number);
			json_string(profile, "unit", label->unit, out);
		}
		buf_add_char(out, '}');
	}
}

static void json_sample(const struct profile *profile, const struct profile_sample *sample,
			struct buf *out)
{
	const char *separator = "";

	buf_add_str(out, "{\"labels\": [");
	json_labels(profile, sample, out);
	buf_add_str(out, "], \"frames\": [");
	for (uint32_t i = sample->location_count; i-- > 0;) {
		const struct profile_location *location =
			&profile->locations[profile->sample_locations[sample->location_first + i]];
		uint32_t count = location->line_count ? location->line_count : 1;

		for (uint32_t j = count; j-- > 0; separator = ", ") {
			buf_add_str(out, separator);
			json_frame(profile, location, j, out);
		}
	}
	buf_add_str(out, "], \"values\": [");
	for (uint32_t i = 0; i < profile->type_count; i++)
		buf_printf(out, "%s%" PRId64, i ? ", " : "", sample->values[i]);
	buf_add_str(out, "]}");
}

static void add_json(const struct profile *profile, struct buf *out)
{
	_cleanup_(blocks_release) struct blocks mappings = {0}, samples = {0};

	json_header(profile, out);
	for (uint32_t i = 0; i < profile->mapping_count; i++) {
		blocks_begin(&mappings);
		json_mapping(profile, &profile->mappings[i], &mappings.text);
		buf_add_char(&mappings.text, '\0');
	}
	buf_add_str(out, "\"mappings\": [\n");
	blocks_write(&mappings, ",\n", out);
	for (uint32_t i = 0; i < profile->sample_count; i++) {
		blocks_begin(&samples);
		json_sample(profile, &profile->samples[i], &samples.text);
		buf_add_char(&samples.text, '\0');
	}
	buf_add_str(out, "\n],\n\"samples\": [\n");
	blocks_write(&samples, ",\n", out);
	buf_add_str(out, "\n]\n}\n");
}

static int dump_profile(const void *data, int argc, char **argv)
{
	const struct dump_options *options = data;
	_cleanup_(profile_freep) struct profile *profile = NULL;
	_cleanup_(buf_release) struct buf out = {0};
	int status;

	if (argc != 1) {
		log_error(argc < 1 ? "no profile given" : "more than one profile given");
		log_hint("see wick dump profile --help");
		return STATUS_USAGE;
	}
	status = output_read(argv[0], &profile);
	if (status != STATUS_OK)
		return status;
	if (options->json)
		add_json(profile, &out);
	else
		add_text(profile, &out);
	return output_text(&out);
}

static const struct option_spec dump_specs[] = {
	{.name = "json",
	 .kind = OPTION_FLAG,
	 .help = "machine-readable",
	 .offset = offsetof(struct dump_options, json)},
	{.name = NULL},
};

const struct command dump_profile_command = {
	.name = "profile",
	.arguments = "FILE",
	.summary = "all that is in a profile, sorted, for diff",
	.options = dump_specs,
	.options_size = sizeof(struct dump_options),
	.run = dump_profile,
};
