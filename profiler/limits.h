/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Resource limits of this process. */
#ifndef WICK_PROFILER_LIMITS_H
#define WICK_PROFILER_LIMITS_H

/* As many descriptors as may be had without asking: each CPU takes five, each process given by pid
 * one. */
void limits_raise_files(void);

/* What it was before, for a command that is about to be run. */
void limits_restore_files(void);

#endif
