/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/commands.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "profiler/output.h"

struct convert_options {
	const char *output;
};

static int convert(const void *data, int argc, char **argv)
{
	const struct convert_options *options = data;
	_cleanup_(profile_freep) struct profile *profile = NULL;
	int status;

	if (argc != 1 || !options->output) {
		log_error("%s", argc == 1  ? "no output file given"
				: argc < 1 ? "no input file given"
					   : "more than one input file given");
		log_hint("wick convert IN -o OUT, see wick convert --help");
		return STATUS_USAGE;
	}
	status = output_check(options->output);
	if (status == STATUS_OK)
		status = output_read(argv[0], &profile);
	if (status == STATUS_OK)
		status = output_write(profile, options->output, NULL);
	return status;
}

static const struct option_spec convert_specs[] = {
	{.letter = 'o',
	 .name = "output",
	 .kind = OPTION_STRING,
	 .value = "OUT",
	 .help = "what to write, named by format; - is folded text",
	 .offset = offsetof(struct convert_options, output)},
	{.name = NULL},
};

const struct command convert_command = {
	.name = "convert",
	.arguments = "IN",
	.summary = "write a profile in another format",
	.details = "IN may be pprof or folded stacks, plain or packed, whatever its name.\n"
		   "OUT ends in .pb.gz, .pb, .pb.zst, .folded, .folded.gz, .folded.zst or .html.\n",
	.options = convert_specs,
	.options_size = sizeof(struct convert_options),
	.run = convert,
};
