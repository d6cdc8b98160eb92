/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a recording is about: the whole machine, some processes, or a command that wick starts. */
#ifndef WICK_PROFILER_TARGET_H
#define WICK_PROFILER_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct target {
	pid_t *pids; /* NULL: the whole machine */
	size_t count;
	bool is_command;     /* pids[0] is a command of ours, to be followed into its children */
	const char *command; /* its name, as typed; argv's */
	char program[4096];  /* the file that it will be, found as execvp(3) finds it; or "" */
	int go_fd;	     /* the command waits for its end of this pipe; -1 if none */
	int error_fd;	     /* what execvp() said */
	int *pidfds;	     /* by pid */
};

/* "12,34 56": processes that exist. Says what is wrong and gives a STATUS_. */
int target_of_pids(const char *list, struct target *ret_target);

/* Starts argv as the user who called sudo would have (same uid as wick), stopped before its exec.
 */
int target_of_command(char **argv, struct target *ret_target);

/* Lets the command go; no-op for others. Says what is wrong and gives a STATUS_. */
int target_go(struct target *target);

/* True when all processes of the target have ended (never for the whole machine). */
bool target_has_ended(const struct target *target);

/* For the end of a recording: how the command ended, said when it failed. If it still runs (the
 * recording was cut short), it is left alone. */
void target_report(const struct target *target);

void target_release(struct target *target);

#endif
