/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands, each defined in its own file, for the tables of main.c and of `wick dump`. */
#ifndef WICK_PROFILER_COMMANDS_H
#define WICK_PROFILER_COMMANDS_H

#include "profiler/options.h"

extern const struct command convert_command;
extern const struct command report_command;

/* The verbs of `wick dump`. */
extern const struct command dump_profile_command;

#endif
