/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands, each in its own file; main.c puts them in tables. */
#ifndef WICK_PROFILER_COMMANDS_H
#define WICK_PROFILER_COMMANDS_H

#include "profiler/options.h"

#define COMMAND(name) extern const struct command name##_command;
#define DUMP(verb)    COMMAND(dump_##verb)
#include "profiler/commands.def"
#undef COMMAND
#undef DUMP

/* A verb of `wick store`. */
extern const struct command store_timeline_command;

#endif
