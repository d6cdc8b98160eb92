/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wick store timeline: what each service used, step by step, as the index has it. */
#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/commands.h"
#include "profiler/output.h"
#include "profiler/store_files.h"
#include "profiler/store_index.h"
#include "profiler/store_options.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DATE_SIZE = 32, NAME_SIZE = 64 };

struct timeline_options {
	const char *from, *to, *service;
	bool json;
};

static const struct timeline_options defaults = {.from = "-10m", .to = "now"};

/* ---- rows ---- */

/* Wall time less the clock that the rows go by, as it stood when the file began. */
static int64_t wall_shift_s(const struct slice *slice)
{
	int64_t shift_ns = slice->wall_ns - (int64_t)slice->start_ns - slice->align_ns;

	return (shift_ns + (shift_ns < 0 ? -500000000 : 500000000)) / 1000000000;
}

/* Steps that two files share become one row. */
static int add_file(struct timeline *sum, struct index *index, const struct slice *slice)
{
	_cleanup_(timeline_release) struct timeline timeline = {0};
	int err = index_load_timeline(index, slice, &timeline);

	for (uint32_t i = 0; !err && i < timeline.count; i++) {
		struct timeline_row row = timeline.rows[i];

		row.at_s += wall_shift_s(slice);
		err = timeline_add(sum, strtab_get(&timeline.names, row.service), &row);
	}
	if (!err && !timeline.count && (slice->sums.samples || slice->sums.dropped))
		err = -ENODATA;
	return err;
}

static int add_files(struct timeline *sum, struct index *index, const struct catalog *catalog,
		     const struct store_range *range)
{
	_cleanup_free_ size_t *plan = calloc(catalog->count + 1, sizeof(*plan));
	size_t count = plan ? catalog_plan_fine(catalog, plan) : 0, missing = 0;
	int err = plan ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < count; i++) {
		const struct slice *slice = &catalog->rows[plan[i]];

		if (slice->wall_ns >= range->to_ns || slice->wall_end_ns < range->from_ns)
			continue;
		err = add_file(sum, index, slice);
		missing += err == -ENODATA;
		err = err == -ENODATA ? 0 : err;
	}
	if (missing)
		log_warn("%zu files of this range are not in the index", missing);
	return err;
}

static int read_store(const char *path, const struct store_range *range, struct timeline *sum)
{
	_cleanup_(catalog_release) struct catalog catalog = {0};
	_cleanup_(index_closep) struct index *index = NULL;
	_cleanup_close_ int directory = -1;
	int err = store_read_catalog(path, &directory, &catalog);
	char shown[256];

	if (err)
		return err;
	err = index_open(path, true, &index);
	if (!err)
		err = add_files(sum, index, &catalog, range);
	if (!err)
		return 0;
	log_error("cannot read the index of the store '%s': %s", quote(shown, sizeof(shown), path),
		  strerror(-err));
	log_hint("'wick store rebuild' makes it anew from the files");
	return err;
}

/* By time, then the most first. */
static int compare_rows(const void *left, const void *right)
{
	const struct timeline_row *a = left, *b = right;

	if (a->at_s != b->at_s)
		return a->at_s < b->at_s ? -1 : 1;
	if (a->step_s != b->step_s)
		return a->step_s < b->step_s ? -1 : 1;
	if (a->cpu_ns != b->cpu_ns)
		return a->cpu_ns > b->cpu_ns ? -1 : 1;
	return a->service < b->service ? -1 : a->service > b->service;
}

static bool is_wanted(const struct timeline *sum, const struct timeline_row *row,
		      const struct timeline_options *options, const struct store_range *range)
{
	return row->at_s >= (range->from_ns - 1) / 1000000000 + 1 &&
	       row->at_s < (range->to_ns - 1) / 1000000000 + 1 &&
	       (!options->service ||
		!strcmp(options->service, strtab_get(&sum->names, row->service)));
}

/* ---- printing ---- */

static const char *date_of(int64_t at_s, char ret[DATE_SIZE])
{
	time_t seconds = (time_t)at_s;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(ret, DATE_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm))
		strcpy(ret, "?");
	return ret;
}

static void print_row(struct buf *text, const struct timeline *sum, const struct timeline_row *row)
{
	char date[DATE_SIZE], name[NAME_SIZE];
	const char *service = strtab_get(&sum->names, row->service);

	buf_printf(text, "%-20s %7" PRIu32 " %10.3f %9" PRId64 " %8" PRId64 " %8" PRId64 "  %s\n",
		   date_of(row->at_s, date), row->step_s, (double)row->cpu_ns * 1e-9, row->samples,
		   row->cut, row->dropped,
		   *service ? quote(name, sizeof(name), service) : "(others)");
}

static void print_json(struct buf *text, const struct timeline *sum, const struct timeline_row *row)
{
	char date[DATE_SIZE];

	buf_printf(text,
		   "{\"from\": \"%s\", \"seconds\": %" PRIu32 ", \"cpu_ns\": %" PRId64
		   ", \"samples\": %" PRId64 ", \"cut\": %" PRId64 ", \"dropped\": %" PRId64
		   ", \"service\": ",
		   date_of(row->at_s, date), row->step_s, row->cpu_ns, row->samples, row->cut,
		   row->dropped);
	buf_add_json(text, strtab_get(&sum->names, row->service));
	buf_add_char(text, '}');
}

static int print(const struct timeline *sum, const struct timeline_options *options,
		 const struct store_range *range)
{
	_cleanup_(buf_release) struct buf text = {0};
	bool is_first = true;

	if (options->json)
		buf_add_char(&text, '[');
	else
		buf_printf(&text, "%-20s %7s %10s %9s %8s %8s  %s\n", "from", "seconds", "cpu s",
			   "samples", "cut", "dropped", "service");
	for (uint32_t i = 0; i < sum->count; i++) {
		if (!is_wanted(sum, &sum->rows[i], options, range))
			continue;
		if (options->json)
			buf_add_str(&text, is_first ? "\n" : ",\n");
		(options->json ? print_json : print_row)(&text, sum, &sum->rows[i]);
		is_first = false;
	}
	if (options->json)
		buf_add_str(&text, "\n]\n");
	return output_text(&text);
}

static int run(const void *raw, int argc, char **argv)
{
	const struct timeline_options *options = raw;
	_cleanup_(timeline_release) struct timeline sum = {0};
	struct store_range range = {0};
	int status;

	if (argc != 1) {
		log_error("'wick store timeline' takes one directory");
		log_hint("it is the one that 'wick agent --store' was given");
		return STATUS_USAGE;
	}
	status = store_take_times(options->from, options->to, &range);
	if (status != STATUS_OK)
		return status;
	if (read_store(argv[0], &range, &sum))
		return STATUS_ERROR;
	if (sum.count)
		qsort(sum.rows, sum.count, sizeof(*sum.rows), compare_rows);
	return print(&sum, options, &range);
}

static const struct option_spec specs[] = {
	{.name = "from",
	 .kind = OPTION_STRING,
	 .value = "T",
	 .help = "begin: 2026-11-22T10:15:00Z, -7d, now (-10m)",
	 .offset = offsetof(struct timeline_options, from)},
	{.name = "to",
	 .kind = OPTION_STRING,
	 .value = "T",
	 .help = "end, in the same forms (now)",
	 .offset = offsetof(struct timeline_options, to)},
	{.name = "service",
	 .kind = OPTION_STRING,
	 .value = "NAME",
	 .help = "only this one",
	 .offset = offsetof(struct timeline_options, service)},
	{.name = "json",
	 .kind = OPTION_FLAG,
	 .help = "for programs",
	 .offset = offsetof(struct timeline_options, json)},
	{.name = NULL},
};

const struct command store_timeline_command = {
	.name = "timeline",
	.arguments = "DIR",
	.summary = "what each service used, every 10 seconds",
	.details = "As fine as the store still has it: 10 seconds in slices of a minute, then a\n"
		   "minute, 10 minutes, an hour. Services that used least, and dropped samples,"
		   " which\nare nobody's, stand under (others), \"\" in JSON.\n",
	.options = specs,
	.options_size = sizeof(struct timeline_options),
	.defaults = &defaults,
	.run = run,
};
