/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The man page and the shells' completions, made from the tables that the command line is parsed by. */
#ifndef WICK_PROFILER_MANUAL_H
#define WICK_PROFILER_MANUAL_H

#include "base/buf.h"
#include "profiler/options.h"

/* kind: "man", "bash" or "zsh". -EINVAL: another. */
int manual_make(const struct command *root, const char *kind, struct buf *out);

#endif
