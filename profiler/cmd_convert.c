/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/commands.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/output.h"

#include <errno.h>
#include <string.h>

struct convert_options {
	const char *output;
	struct output_frames frames;
};

static int merge_file(struct profile *profile, const char *path)
{
	_cleanup_(profile_freep) struct profile *other = NULL;
	char name[256];
	int err, status = output_read_flat(path, &other);

	if (status != STATUS_OK)
		return status;
	err = profile_merge(profile, other);
	if (!err)
		return STATUS_OK;
	log_error("cannot add '%s': %s", quote(name, sizeof(name), path),
		  err == -EINVAL ? "its sample types are not those of the first file"
				 : strerror(-err));
	return STATUS_ERROR;
}

static int convert(const void *data, int argc, char **argv)
{
	const struct convert_options *options = data;
	_cleanup_(profile_freep) struct profile *profile = NULL;
	int status;

	if (argc < 1 || !options->output) {
		log_error(argc < 1 ? "no input file given" : "no output file given");
		log_hint("wick convert IN.. -o OUT, see wick convert --help");
		return STATUS_USAGE;
	}
	status = output_check(options->output);
	if (status == STATUS_OK)
		status = output_read(argv[0], &profile);
	for (int i = 1; status == STATUS_OK && i < argc; i++)
		status = merge_file(profile, argv[i]);
	if (status == STATUS_OK)
		status = output_shape(profile, &options->frames);
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
	OUTPUT_FRAME_OPTIONS(struct convert_options, false),
	{.name = NULL},
};

const struct command convert_command = {
	.name = "convert",
	.arguments = "IN..",
	.summary = "write a profile, or a sum, in another format",
	.details = "Each IN may be pprof or folded stacks, plain or packed, whatever its name.\n"
		   "OUT ends in .pb.gz, .pb, .pb.zst, .folded, .folded.gz, .folded.zst, .html or\n"
		   ".svg.\n",
	.options = convert_specs,
	.options_size = sizeof(struct convert_options),
	.run = convert,
};
