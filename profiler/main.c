/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/commands.h"
#include "profiler/server.h"
#include "symbolizer/parser.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static int run_dump(const void *options, int argc, char **argv);

static const struct command dump_command = {
	.name = "dump",
	.arguments = "WHAT ..",
	.summary = "show what wick sees: elf, addr, profile, system",
	.details = "WHAT is one of\n"
		   "  elf FILE           build id, segments and symbols of an ELF file\n"
		   "  addr FILE VADDR..  what addresses of an ELF file are called\n"
		   "  profile FILE       a profile as sorted text\n"
		   "  system             what works on this machine, and what will be missing\n"
		   "each with --json and --help\n",
	.run = run_dump,
};

static const struct command *const commands[] = {
	&record_command, &agent_command,   &serve_command,
	&report_command, &convert_command, &dump_command,
};

static const struct command *const dumps[] = {
	&dump_elf_command,
	&dump_addr_command,
	&dump_profile_command,
	&dump_system_command,
};

static const struct command *find(const struct command *const *table, size_t count,
				  const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(table[i]->name, name))
			return table[i];
	return NULL;
}

static int run_dump(const void *options, int argc, char **argv)
{
	const struct command *command;
	char shown[64];

	(void)options;
	if (!argc) {
		log_error("'wick dump' needs to know what");
		log_hint("see 'wick dump --help'");
		return STATUS_USAGE;
	}
	command = find(dumps, ARRAY_SIZE(dumps), argv[0]);
	if (command)
		return command_run(command, argc, argv);
	log_error("cannot dump '%s'", quote(shown, sizeof(shown), argv[0]));
	log_hint("see 'wick dump --help'");
	return STATUS_USAGE;
}

static int print_help(void)
{
	printf("usage: wick COMMAND ..\nA continuous CPU profiler for Linux.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-10s%s\n", commands[i]->name, commands[i]->summary);
	printf("\n'wick COMMAND --help' tells more; 'wick --version' the version.\n");
	return STATUS_OK;
}

static int unknown(const char *name)
{
	char shown[64];

	log_error("unknown command '%s'", quote(shown, sizeof(shown), name));
	log_hint("see 'wick --help'");
	return STATUS_USAGE;
}

/* Descriptors 0 to 2 are ours to write to, whatever the caller closed. */
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
	const struct command *command;

	if (status < 0)
		status = server_main(argc, argv);
	if (status >= 0)
		return status;
	open_standard_fds();
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_help();
		return argc < 2 ? STATUS_USAGE : STATUS_OK;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("wick %s\n", WICK_VERSION);
		return STATUS_OK;
	}
	command = find(commands, ARRAY_SIZE(commands), argv[1]);
	return command ? command_run(command, argc - 1, argv + 1) : unknown(argv[1]);
}
