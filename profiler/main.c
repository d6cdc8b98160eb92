/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/commands.h"
#include "profiler/manual.h"
#include "profiler/output.h"
#include "profiler/server.h"
#include "symbolizer/parser.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define COMMAND(name) &name##_command,
#define DUMP(verb)
static const struct command *const commands[] = {
#include "profiler/commands.def"
	NULL};
#undef COMMAND
#undef DUMP

#define COMMAND(name)
#define DUMP(verb) &dump_##verb##_command,
static const struct command *const dumps[] = {
#include "profiler/commands.def"
	NULL};
#undef COMMAND
#undef DUMP

const struct command dump_command = {
	.name = "dump",
	.arguments = "WHAT ..",
	.summary = "show what wick sees in files and in this machine",
	.verbs = dumps,
};

struct wick_options {
	bool version;
	const char *manual;
};

static const struct command wick_command;

static const struct option_spec wick_options[] = {
	{.name = "version",
	 .kind = OPTION_FLAG,
	 .help = "the version",
	 .offset = offsetof(struct wick_options, version)},
	{.name = "manual",
	 .kind = OPTION_STRING,
	 .value = "man|bash|zsh",
	 .help = "the man page, or completions for a shell, on stdout",
	 .offset = offsetof(struct wick_options, manual),
	 .hidden = true},
	{.name = NULL},
};

static int print_manual(const char *kind)
{
	_cleanup_(buf_release) struct buf text = {0};
	char shown[64];
	int err = manual_make(&wick_command, kind, &text);

	if (err == -EINVAL) {
		log_error("--manual is 'man', 'bash' or 'zsh', not '%s'",
			  quote(shown, sizeof(shown), kind));
		return STATUS_USAGE;
	}
	return output_text(&text);
}

static int run_wick(const void *raw, int argc, char **argv)
{
	const struct wick_options *options = raw;

	(void)argc;
	(void)argv;
	if (options->version) {
		printf("wick %s\n", WICK_VERSION);
		return STATUS_OK;
	}
	if (options->manual)
		return print_manual(options->manual);
	log_error("'wick' needs a command");
	log_hint("see 'wick --help'; 'sudo wick agent' profiles this machine and shows it in the "
		 "browser");
	return STATUS_USAGE;
}

static const struct command wick_command = {
	.name = "wick",
	.arguments = "COMMAND ..",
	.summary = "A continuous CPU profiler for Linux.",
	.details = "'wick COMMAND --help' tells more.\n",
	.options = wick_options,
	.options_size = sizeof(struct wick_options),
	.verbs = commands,
	.run = run_wick,
};

/* Descriptors 0 to 2 are there, whatever the caller closed: else a file of ours would become
 * stderr. */
static void open_standard_fds(void)
{
	int fd = open("/dev/null", O_RDWR);

	while (fd >= 0 && fd < 3)
		fd = dup(fd);
	if (fd >= 3)
		close(fd);
}

int main(int argc, char **argv)
{
	int status = parser_main(argc, argv);

	if (status < 0)
		status = server_main(argc, argv);
	if (status >= 0)
		return status;
	open_standard_fds();
	signal(SIGPIPE, SIG_IGN);
	return command_run(&wick_command, "wick", argc, argv);
}
