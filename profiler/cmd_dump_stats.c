/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wick dump stats: samples this machine for a moment and tells every count of it, and what it cost. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "profiler/commands.h"
#include "profiler/limits.h"
#include "profiler/output.h"
#include "profiler/sampling.h"

#include <inttypes.h>
#include <poll.h>
#include <sys/resource.h>

struct dump_stats_options {
	struct sampling sampling;
	double seconds;
	bool json;
};

static const struct dump_stats_options defaults = {
	.sampling = SAMPLING_DEFAULTS,
	.seconds = 1,
};

static const struct option_spec dump_stats_options[] = {
	{.letter = 'd',
	 .name = "duration",
	 .kind = OPTION_SECONDS,
	 .value = "T",
	 .help = "how long (1s)",
	 .offset = offsetof(struct dump_stats_options, seconds)},
	{.name = "json",
	 .kind = OPTION_FLAG,
	 .help = "as JSON",
	 .offset = offsetof(struct dump_stats_options, json)},
	SAMPLING_OPTIONS(struct dump_stats_options),
	{.name = NULL},
};

struct printer {
	struct buf out;
	bool json;
};

static int print_count(void *context, const char *name, const char *sentence, uint64_t count)
{
	struct printer *printer = context;

	if (!printer->json) {
		buf_printf(&printer->out, "%12" PRIu64 " %-20s %s\n", count, name, sentence);
		return 0;
	}
	buf_add_str(&printer->out, printer->out.used ? ",\n " : "{");
	buf_add_json(&printer->out, name);
	buf_printf(&printer->out, ": {\"count\": %" PRIu64 ", \"means\": ", count);
	buf_add_json(&printer->out, sentence);
	buf_add_str(&printer->out, "}");
	return 0;
}

static void print_field(struct printer *printer, const char *field, uint64_t number)
{
	if (number)
		buf_printf(&printer->out, ", \"%s\": %" PRIu64, field, number);
}

/* In text: entries, of how many, bytes. */
static void print_memory(void *context, const struct memory_item *item)
{
	struct printer *printer = context;
	char limit[32] = "";

	if (!printer->json) {
		if (item->limit)
			snprintf(limit, sizeof(limit), "/%" PRIu64, item->limit);
		buf_printf(&printer->out, "%12" PRIu64 "%-9s %-17s %7.1f MB  %s\n", item->entries,
			   limit, item->name, (double)item->bytes / 1e6, item->sentence);
		return;
	}
	buf_add_str(&printer->out, printer->out.used ? ",\n " : "{");
	buf_printf(&printer->out, "\"memory.%s\": {\"bytes\": %" PRIu64, item->name, item->bytes);
	print_field(printer, "entries", item->entries);
	print_field(printer, "limit", item->limit);
	buf_add_str(&printer->out, ", \"means\": ");
	buf_add_json(&printer->out, item->sentence);
	buf_add_str(&printer->out, "}");
}

static uint64_t microseconds(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

static void print_cost(struct printer *printer)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage))
		return;
	print_count(printer, "cpu_us", "microseconds of CPU that wick itself used, all told",
		    microseconds(&usage.ru_utime) + microseconds(&usage.ru_stime));
	print_count(printer, "rss_kb", "KiB of memory that wick itself held at most",
		    (uint64_t)usage.ru_maxrss);
}

static void sample(struct pipeline *pipeline, double seconds)
{
	struct pollfd fd = {.fd = pipeline_fd(pipeline), .events = POLLIN};
	const struct window *window;

	do {
		poll(&fd, 1, 100);
		pipeline_work(pipeline);
		window = pipeline_window(pipeline);
	} while ((double)(window->end_ns - window->start_ns) < seconds * 1e9);
}

static int run(const void *raw, int argc, char **argv)
{
	struct dump_stats_options options = *(const struct dump_stats_options *)raw;
	const struct target everything = {.go_fd = -1, .error_fd = -1};
	_cleanup_(pipeline_freep) struct pipeline *pipeline = NULL;
	struct printer printer = {.json = options.json};
	struct pipeline_options wanted;
	int status;

	(void)argv;
	if (argc) {
		log_error("'wick dump stats' takes no arguments");
		log_hint("see 'wick dump stats --help'");
		return STATUS_USAGE;
	}
	limits_raise_files();
	memory_limit_heap();
	options.sampling.count_runs = true;
	status = sampling_check(&options.sampling);
	if (status == STATUS_OK)
		status = sampling_pipeline(&options.sampling, &everything, false, &wanted);
	if (status != STATUS_OK)
		return status;
	if (pipeline_new(&wanted, &pipeline) || pipeline_start(pipeline))
		return STATUS_ERROR;
	sample(pipeline, options.seconds);
	if (pipeline_stop(pipeline))
		return STATUS_ERROR;
	ledger_each(&pipeline_window(pipeline)->ledger, print_count, &printer);
	print_cost(&printer);
	pipeline_tell_memory(pipeline, print_memory, &printer);
	memory_of_process(print_memory, &printer);
	if (printer.json)
		buf_add_str(&printer.out, "}\n");
	status = output_text(&printer.out);
	buf_release(&printer.out);
	return status;
}

const struct command dump_stats_command = {
	.name = "stats",
	.summary = "sample for a moment: every count, and what it cost",
	.options = dump_stats_options,
	.options_size = sizeof(struct dump_stats_options),
	.defaults = &defaults,
	.run = run,
};
