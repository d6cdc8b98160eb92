/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every command, each in its own profiler/cmd_<name>.c; main.c puts them in order. */
/* The commands, each defined in its own file, for the tables of main.c and of `wick dump`. */
#ifndef WICK_PROFILER_COMMANDS_H
#define WICK_PROFILER_COMMANDS_H

#include "profiler/options.h"

#define COMMAND(name) extern const struct command name##_command;
#define DUMP(verb)    COMMAND(dump_##verb)
#include "profiler/commands.def"
#undef COMMAND
#undef DUMP
extern const struct command record_command;
extern const struct command agent_command;
extern const struct command serve_command;
extern const struct command report_command;
extern const struct command convert_command;

/* Verbs of wick dump. */
extern const struct command dump_elf_command;
extern const struct command dump_addr_command;
extern const struct command dump_profile_command;
extern const struct command dump_system_command;
extern const struct command convert_command;
extern const struct command report_command;

/* The verbs of `wick dump`. */
extern const struct command dump_profile_command;

#endif
