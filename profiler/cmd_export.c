/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wick export: a range of a store as one profile. */
#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/commands.h"
#include "profiler/output.h"
#include "profiler/store.h"
#include "profiler/store_export.h"
#include "profiler/store_options.h"

#include <errno.h>
#include <string.h>

struct export_options {
	const char *store, *from, *to, *output;
	bool list;
	struct store_range range;
};

static const struct export_options defaults = {.from = "-1h", .to = "now"};

/* The value stands in argv, which is ours to cut. */
static int parse_where(void *raw, const struct option_spec *spec, const char *value)
{
	struct export_options *options = raw;
	int err = store_parse_match((char *)(uintptr_t)value, &options->range);
	char shown[128];

	if (err == -EINVAL)
		log_error("--%s takes label=value, not '%s'", spec->name,
			  quote(shown, sizeof(shown), value));
	else if (err)
		log_error("--%s can be given %d times", spec->name, STORE_MATCHES_MAX);
	return err ? -EINVAL : 0;
}

static int check(struct export_options *options, int argc)
{
	int status;

	if (argc || !options->store || (!options->output && !options->list)) {
		if (argc)
			log_error("'wick export' takes no arguments");
		else
			log_error("no %s given", options->store ? "output file" : "store");
		log_hint("wick export --store DIR --from -1h -o FILE");
		return STATUS_USAGE;
	}
	status = store_take_times(options->from, options->to, &options->range);
	return status == STATUS_OK && !options->list ? output_check(options->output) : status;
}

static int list(const struct export_options *options)
{
	_cleanup_(buf_release) struct buf names = {0};

	return store_list(options->store, &options->range, &names) ? STATUS_ERROR
								   : output_text(&names);
}

static int run(const void *raw, int argc, char **argv)
{
	struct export_options options = *(const struct export_options *)raw;
	_cleanup_(profile_freep) struct profile *profile = NULL;
	size_t missing = 0;
	int status = check(&options, argc);

	(void)argv;
	if (status != STATUS_OK)
		return status;
	if (options.list)
		return list(&options);
	if (store_export(options.store, &options.range, &profile, &missing))
		return STATUS_ERROR;
	if (!profile->sample_count && options.range.match_count) {
		log_error("no samples in this range have what --where asks for");
		return STATUS_ERROR;
	}
	status = output_write(profile, options.output, NULL);
	if (status == STATUS_OK && missing) {
		log_error("%zu files of this range could not be read: the sum is not whole",
			  missing);
		return STATUS_ERROR;
	}
	return status;
}

static const struct option_spec specs[] = {
	{.name = "store",
	 .kind = OPTION_STRING,
	 .value = "DIR",
	 .help = "what 'wick agent --store' writes",
	 .offset = offsetof(struct export_options, store)},
	{.name = "from",
	 .kind = OPTION_STRING,
	 .value = "T",
	 .help = "begin: 2026-11-22T10:15:00Z, -7d, now (-1h)",
	 .offset = offsetof(struct export_options, from)},
	{.name = "to",
	 .kind = OPTION_STRING,
	 .value = "T",
	 .help = "end, in the same forms (now)",
	 .offset = offsetof(struct export_options, to)},
	{.name = "where",
	 .kind = OPTION_CALL,
	 .value = "LABEL=VALUE",
	 .help = "only samples with this label; may be repeated",
	 .parse = parse_where},
	{.name = "list",
	 .kind = OPTION_FLAG,
	 .help = "only name the files that add up to the range",
	 .offset = offsetof(struct export_options, list)},
	{.letter = 'o',
	 .name = "output",
	 .kind = OPTION_STRING,
	 .value = "FILE",
	 .help = "what to write, named by format; - is folded text",
	 .offset = offsetof(struct export_options, output)},
	{.name = NULL},
};

const struct command export_command = {
	.name = "export",
	.summary = "write a range of a store as one profile",
	.details =
		"A range holds what was sampled in [from, to), as fine as the store still has it.\n"
		"FILE ends in .pb.gz, .pb, .pb.zst, .folded, .folded.gz, .folded.zst or .html.\n",
	.options = specs,
	.options_size = sizeof(struct export_options),
	.defaults = &defaults,
	.run = run,
};
