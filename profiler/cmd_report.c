/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/commands.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/ledger.h"
#include "profiler/output.h"
#include "profiler/quality.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct report_options {
	unsigned int top;
	bool json;
};

enum { TOP_ROWS = 20, NAME_SHOWN = 1024 };

/* A function, or a location without one. */
struct row {
	int64_t self, total;
	uint32_t location, line; /* where it was seen first: gives the name */
	uint32_t seen; /* the last sample that counted it, from 1: recursion counts once */
};

struct report {
	const struct profile *profile;
	uint32_t type;	  /* the value that is shown */
	struct row *rows; /* by function, then by location, then one for samples without a stack */
	uint32_t row_count;
};

static void report_release(struct report *report)
{
	free(report->rows);
}

static void count_frame(struct report *report, uint32_t sample, uint32_t row, uint32_t location,
			uint32_t line, bool is_leaf)
{
	struct row *at = &report->rows[row];
	int64_t value = report->profile->samples[sample].values[report->type];

	if (!at->seen) {
		at->location = location;
		at->line = line;
	}
	if (at->seen != sample + 1)
		at->total = (int64_t)((uint64_t)at->total + (uint64_t)value);
	if (is_leaf)
		at->self = (int64_t)((uint64_t)at->self + (uint64_t)value);
	at->seen = sample + 1;
}

static void count_sample(struct report *report, uint32_t index)
{
	const struct profile *profile = report->profile;
	const struct profile_sample *sample = &profile->samples[index];

	for (uint32_t i = 0; i < sample->location_count; i++) {
		uint32_t id = profile->sample_locations[sample->location_first + i];
		const struct profile_location *location = &profile->locations[id];

		for (uint32_t j = 0; j < location->line_count; j++)
			count_frame(report, index,
				    profile->lines[location->line_first + j].function, id, j,
				    !i && !j);
		if (!location->line_count)
			count_frame(report, index, profile->function_count + id, id, 0, !i);
	}
	if (!sample->location_count)
		count_frame(report, index, report->row_count - 1, UINT32_MAX, 0, true);
}

/* Returns the name: of the profile's strings, or made in ret. */
static const char *row_name(const struct report *report, const struct row *row, char *ret,
			    size_t size)
{
	const struct profile *profile = report->profile;
	const struct profile_location *location;

	if (row->location == UINT32_MAX)
		return "[unknown]";
	location = &profile->locations[row->location];
	if (row->line >= location->line_count)
		return profile_frame_name(profile, location, row->line, ret, size);
	return profile_string(
		profile,
		profile->functions[profile->lines[location->line_first + row->line].function].name);
}

/* The source file, or else the module. */
static const char *row_file(const struct report *report, const struct row *row)
{
	const struct profile *profile = report->profile;
	const struct profile_location *location;
	uint32_t file = 0;

	if (row->location == UINT32_MAX)
		return "";
	location = &profile->locations[row->location];
	if (row->line < location->line_count)
		file = profile->functions[profile->lines[location->line_first + row->line].function]
			       .file;
	if (!file && location->mapping != PROFILE_NO_MAPPING)
		file = profile->mappings[location->mapping].file;
	return profile_string(profile, file);
}

static int compare_rows(const void *left, const void *right, void *context)
{
	const struct report *report = context;
	const struct row *a = left, *b = right;
	char a_name[512], b_name[512];

	if (a->self != b->self)
		return a->self > b->self ? -1 : 1;
	if (a->total != b->total)
		return a->total > b->total ? -1 : 1;
	return strcmp(row_name(report, a, a_name, sizeof(a_name)),
		      row_name(report, b, b_name, sizeof(b_name)));
}

static int make_rows(struct report *report)
{
	const struct profile *profile = report->profile;
	uint32_t kept = 0;

	if (profile->function_count > UINT32_MAX - 1 - profile->location_count)
		return -ENOMEM;
	report->row_count = profile->function_count + profile->location_count + 1;
	report->rows = calloc(report->row_count, sizeof(*report->rows));
	if (!report->rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < profile->sample_count; i++)
		count_sample(report, i);
	for (uint32_t i = 0; i < report->row_count; i++)
		if (report->rows[i].seen)
			report->rows[kept++] = report->rows[i];
	report->row_count = kept;
	qsort_r(report->rows, kept, sizeof(*report->rows), compare_rows, report);
	return 0;
}

/* The position of cpu/nanoseconds, or -1. */
static int cpu_type(const struct profile *profile)
{
	int cpu = profile_find_type(profile, "cpu");

	if (cpu >= 0 && strcmp(profile_string(profile, profile->types[cpu].unit), "nanoseconds"))
		return -1;
	return cpu;
}

static void add_header(const struct report *report, struct buf *out)
{
	const struct profile *profile = report->profile;
	int cpu = cpu_type(profile);
	const struct profile_value_type *type = &profile->types[report->type];
	char shown[NAME_SHOWN], unit[NAME_SHOWN];

	if (profile->duration_ns > 0)
		buf_printf(out, "duration  %.3f s\n", (double)profile->duration_ns / 1e9);
	buf_printf(out, "%-9s %" PRId64 " %s\n",
		   quote(shown, sizeof(shown), profile_string(profile, type->type)),
		   profile_total(profile, report->type),
		   quote(unit, sizeof(unit), profile_string(profile, type->unit)));
	if (cpu >= 0)
		buf_printf(out, "cpu       %.3f s\n",
			   (double)profile_total(profile, (uint32_t)cpu) / 1e9);
	for (uint32_t i = 0; i < profile->comment_count; i++) {
		const char *comment = profile_string(profile, profile->comments[i]);

		if (*comment != '#') /* for programs; pprof leaves them out, too */
			buf_printf(out, "comment   %s\n", quote(shown, sizeof(shown), comment));
	}
}

/* Does name begin with prefix? Then what follows it, else NULL. */
static const char *after(const char *name, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(name, prefix, length) ? NULL : name + length;
}

static uint64_t ledger_sum(const struct profile *profile, const char *prefix)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < profile->ledger_count; i++)
		if (after(profile_string(profile, profile->ledger[i].name), prefix))
			sum += profile->ledger[i].count;
	return sum;
}

static void add_ledger(const struct profile *profile, struct buf *out)
{
	uint64_t taken = profile_ledger_get(profile, "taken"),
		 written = profile_ledger_get(profile, "written"),
		 complete = profile_ledger_get(profile, "complete"),
		 dropped = ledger_sum(profile, "dropped."), cut = ledger_sum(profile, "cut.");
	char shown[NAME_SHOWN];

	if (!profile->ledger_count)
		return;
	buf_printf(out,
		   "ledger    %" PRIu64 " taken %s %" PRIu64 " written + %" PRIu64 " dropped\n"
		   "          %" PRIu64 " written %s %" PRIu64 " complete + %" PRIu64 " cut\n",
		   taken, taken == written + dropped ? "=" : "is not", written, dropped, written,
		   written == complete + cut ? "=" : "is not", complete, cut);
	for (uint32_t i = 0; i < profile->ledger_count; i++) {
		const char *name = profile_string(profile, profile->ledger[i].name), *sentence;

		if (!strcmp(name, "taken") || !strcmp(name, "written") || !strcmp(name, "complete"))
			continue;
		if (!profile->ledger[i].count)
			continue;
		buf_printf(out, "          %" PRIu64 " %s", profile->ledger[i].count,
			   quote(shown, sizeof(shown), name));
		sentence = ledger_sentence(name);
		if (sentence)
			buf_printf(out, ": %s", sentence);
		buf_add_char(out, '\n');
	}
}

static double percent(int64_t part, int64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void add_table(const struct report *report, unsigned int top, struct buf *out)
{
	int64_t whole = profile_total(report->profile, report->type);
	char name[512], shown[NAME_SHOWN], file[NAME_SHOWN];

	buf_printf(out, "\n%7s %10s %7s %10s  %s\n", "self", "", "total", "", "function (file)");
	for (uint32_t i = 0; i < report->row_count && i < top; i++) {
		const struct row *row = &report->rows[i];
		const char *path = row_file(report, row), *slash = strrchr(path, '/');

		buf_printf(out, "%6.2f%% %10" PRId64 " %6.2f%% %10" PRId64 "  %s",
			   percent(row->self, whole), row->self, percent(row->total, whole),
			   row->total,
			   quote(shown, sizeof(shown), row_name(report, row, name, sizeof(name))));
		if (*path)
			buf_printf(out, " (%s)",
				   quote(file, sizeof(file), slash ? slash + 1 : path));
		buf_add_char(out, '\n');
	}
	if (report->row_count > top)
		buf_printf(out, "%u more: --top %u shows all\n", report->row_count - top,
			   report->row_count);
}

static void add_json_types(const struct profile *profile, struct buf *out)
{
	int cpu = cpu_type(profile);

	if (cpu >= 0)
		buf_printf(out, "  \"cpu_ns\": %" PRId64 ",\n",
			   profile_total(profile, (uint32_t)cpu));
	else
		buf_add_str(out, "  \"cpu_ns\": null,\n");
	buf_add_str(out, "  \"types\": [");
	for (uint32_t i = 0; i < profile->type_count; i++) {
		buf_add_str(out, i ? ", {\"type\": " : "{\"type\": ");
		buf_add_json(out, profile_string(profile, profile->types[i].type));
		buf_add_str(out, ", \"unit\": ");
		buf_add_json(out, profile_string(profile, profile->types[i].unit));
		buf_printf(out, ", \"total\": %" PRId64 "}", profile_total(profile, i));
	}
	buf_add_str(out, "],\n  \"comments\": [");
	for (uint32_t i = 0; i < profile->comment_count; i++) {
		buf_add_str(out, i ? ", " : "");
		buf_add_json(out, profile_string(profile, profile->comments[i]));
	}
	buf_add_str(out, "],\n");
}

static void add_json_reasons(const struct profile *profile, const char *prefix, struct buf *out)
{
	const char *separator = "";

	buf_add_char(out, '{');
	for (uint32_t i = 0; i < profile->ledger_count; i++) {
		const char *reason =
			after(profile_string(profile, profile->ledger[i].name), prefix);

		if (!reason)
			continue;
		buf_add_str(out, separator);
		buf_add_json(out, reason);
		buf_printf(out, ": %" PRIu64, profile->ledger[i].count);
		separator = ", ";
	}
	buf_add_char(out, '}');
}

/* The counts beside the equations: filtered, runs.. */
static void add_json_others(const struct profile *profile, struct buf *out)
{
	static const char *const told[] = {"taken",    "written", "dropped",
					   "complete", "cut",	  "not_run"};

	for (uint32_t i = 0; i < profile->ledger_count; i++) {
		const char *name = profile_string(profile, profile->ledger[i].name);
		bool is_told = after(name, "dropped.") || after(name, "cut.");

		for (size_t n = 0; n < ARRAY_SIZE(told); n++)
			is_told |= !strcmp(name, told[n]);
		if (is_told)
			continue;
		buf_add_str(out, ", ");
		buf_add_json(out, name);
		buf_printf(out, ": %" PRIu64, profile->ledger[i].count);
	}
}

static void add_json_ledger(const struct profile *profile, struct buf *out)
{
	if (!profile->ledger_count) {
		buf_add_str(out, "  \"ledger\": null,\n");
		return;
	}
	buf_printf(out, "  \"ledger\": {\"taken\": %" PRIu64 ", \"written\": %" PRIu64,
		   profile_ledger_get(profile, "taken"), profile_ledger_get(profile, "written"));
	buf_add_str(out, ", \"dropped\": ");
	add_json_reasons(profile, "dropped.", out);
	buf_printf(out, ",\n    \"complete\": %" PRIu64 ", \"cut\": ",
		   profile_ledger_get(profile, "complete"));
	add_json_reasons(profile, "cut.", out);
	buf_printf(out, ", \"not_run\": %" PRIu64, profile_ledger_get(profile, "not_run"));
	add_json_others(profile, out);
	buf_add_str(out, "},\n");
}

static void add_json(const struct report *report, const struct quality *quality, unsigned int top,
		     struct buf *out)
{
	const struct profile *profile = report->profile;
	char name[512];

	buf_printf(out, "{\n  \"duration_s\": %.9f,\n  \"samples\": %" PRId64 ",\n",
		   (double)profile->duration_ns / 1e9, profile_total(profile, report->type));
	add_json_types(profile, out);
	add_json_ledger(profile, out);
	quality_as_json(quality, out);
	buf_add_str(out, "  \"functions\": [");
	for (uint32_t i = 0; i < report->row_count && i < top; i++) {
		const struct row *row = &report->rows[i];

		buf_add_str(out, i ? ",\n    {\"name\": " : "\n    {\"name\": ");
		buf_add_json(out, row_name(report, row, name, sizeof(name)));
		buf_printf(out,
			   ", \"self\": %" PRId64 ", \"total\": %" PRId64 ", \"file\": ", row->self,
			   row->total);
		buf_add_json(out, row_file(report, row));
		buf_add_char(out, '}');
	}
	buf_add_str(out, "\n  ]\n}\n");
}

static int run_report(const void *data, int argc, char **argv)
{
	const struct report_options *options = data;
	_cleanup_(profile_freep) struct profile *profile = NULL;
	_cleanup_(report_release) struct report report = {0};
	_cleanup_(quality_release) struct quality quality = {0};
	_cleanup_(buf_release) struct buf out = {0};
	int samples, status;

	if (argc != 1) {
		log_error(argc < 1 ? "no profile given" : "more than one profile given");
		log_hint("see wick report --help");
		return STATUS_USAGE;
	}
	status = output_read(argv[0], &profile);
	if (status != STATUS_OK)
		return status;
	samples = profile_find_type(profile, "samples");
	report.profile = profile;
	report.type = samples < 0 ? 0 : (uint32_t)samples;
	if (make_rows(&report) || quality_weigh(profile, report.type, &quality)) {
		log_error("out of memory");
		return STATUS_ERROR;
	}
	if (options->json) {
		add_json(&report, &quality, options->top ? options->top : UINT32_MAX, &out);
	} else {
		add_header(&report, &out);
		add_ledger(profile, &out);
		quality_as_text(&quality, &out);
		add_table(&report, options->top ? options->top : TOP_ROWS, &out);
	}
	return output_text(&out);
}

static const struct option_spec report_specs[] = {
	{.name = "top",
	 .kind = OPTION_UINT,
	 .value = "N",
	 .help = "functions to show (default: 20, with --json all)",
	 .offset = offsetof(struct report_options, top),
	 .min = 1},
	{.name = "json",
	 .kind = OPTION_FLAG,
	 .help = "machine-readable, with the whole ledger",
	 .offset = offsetof(struct report_options, json)},
	{.name = NULL},
};

const struct command report_command = {
	.name = "report",
	.arguments = "FILE",
	.summary = "show a profile's top functions and its ledger",
	.details = "self: samples in the function itself; total: in it and all it calls.\n",
	.options = report_specs,
	.options_size = sizeof(struct report_options),
	.run = run_report,
};
