/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What record and agent have in common on the command line, and the way from there to a pipeline.
 */
#ifndef WICK_PROFILER_SAMPLING_H
#define WICK_PROFILER_SAMPLING_H

#include "profiler/debuginfod_option.h"
#include "profiler/options.h"
#include "profiler/pipeline.h"
#include "profiler/target.h"

#include <stdbool.h>
#include <sys/types.h>

struct sampling {
	unsigned int hz;
	bool cycles, kernel_only, user_only, threads;
	bool by_fp;			 /* walk user stacks by frame pointer alone */
	unsigned long long unwind_bytes; /* of the tables to walk them otherwise */
	unsigned int max_depth;		 /* frames of a user stack */
	const char *cgroup, *comms;	 /* NULL: any */
	bool exclude_self;
	const char *debuginfod; /* see debuginfod_of_option() */
	/* For tests and measurements. */
	bool whole, count_runs, debug;
	unsigned int ring_bytes, stack_entries, task_ring_pages, modules, filter_entries;
	double epoch_s;
};

#define SAMPLING_DEFAULTS                                                                          \
	{                                                                                          \
		.hz = 99, .ring_bytes = 1 << 20, .epoch_s = 5, .max_depth = 127,                   \
		.unwind_bytes = 32 << 20                                                           \
	}

int sampling_parse_event(void *options, const struct option_spec *spec, const char *value);
int sampling_parse_unwind(void *options, const struct option_spec *spec, const char *value);
int sampling_parse_transport(void *options, const struct option_spec *spec, const char *value);

/* Rows for the option table of a command whose options struct holds a struct sampling as
 * `sampling`. */
/* clang-format off */
#define SAMPLING_OPTIONS(type)                                                                     \
	{ .letter = 'F', .name = "frequency", .kind = OPTION_UINT, .value = "HZ",                  \
	  .help = "samples a second on each busy CPU (99)",                                        \
	  .offset = offsetof(type, sampling.hz), .min = 1, .max = 10000 },                         \
	{ .name = "event", .kind = OPTION_CALL, .value = "EVENT",                                  \
	  .help = "cpu-clock, or cycles where there is a PMU (cpu-clock)",                         \
	  .offset = offsetof(type, sampling), .parse = sampling_parse_event },                     \
	{ .name = "kernel", .kind = OPTION_FLAG, .help = "kernel stacks only",                     \
	  .offset = offsetof(type, sampling.kernel_only) },                                        \
	{ .name = "user", .kind = OPTION_FLAG, .help = "user stacks only",                         \
	  .offset = offsetof(type, sampling.user_only) },                                          \
	{ .name = "threads", .kind = OPTION_FLAG, .help = "tell threads apart (labels tid, thread)", \
	  .offset = offsetof(type, sampling.threads) },                                            \
	{ .name = "unwind", .kind = OPTION_CALL, .value = "auto|fp",                               \
	  .help = "by unwind rows, or by frame pointers alone (auto)",         \
	  .offset = offsetof(type, sampling), .parse = sampling_parse_unwind },                    \
	{ .name = "unwind-memory", .kind = OPTION_BYTES, .value = "N",                          \
	  .help = "room for the unwind rows (32M)",                   \
	  .offset = offsetof(type, sampling.unwind_bytes) },                                       \
	{ .name = "max-depth", .kind = OPTION_UINT, .value = "N",                                  \
	  .help = "frames of a user stack; of more, both ends stay (127)",              \
	  .offset = offsetof(type, sampling.max_depth), .min = 8, .max = 1024 },                   \
	{ .name = "cgroup", .kind = OPTION_STRING, .value = "PATH",                                \
	  .help = "only this control group and those below it",                                    \
	  .offset = offsetof(type, sampling.cgroup) },                                             \
	{ .name = "comm", .kind = OPTION_STRING, .value = "NAME,..",                               \
	  .help = "only processes and threads of these names",                                     \
	  .offset = offsetof(type, sampling.comms) },                                              \
	{ .name = "exclude-self", .kind = OPTION_FLAG, .help = "leave wick itself out",            \
	  .offset = offsetof(type, sampling.exclude_self) },                                       \
	DEBUGINFOD_OPTION(type, sampling.debuginfod),                                              \
	{ .name = "debug", .kind = OPTION_FLAG, .help = "say what is done, and why",               \
	  .offset = offsetof(type, sampling.debug) },                                              \
	{ .name = "transport", .kind = OPTION_CALL, .value = "map|ring", .hidden = true,           \
	  .help = "stacks through the stack maps, or whole in the ring",                           \
	  .offset = offsetof(type, sampling), .parse = sampling_parse_transport },                 \
	{ .name = "ring-bytes", .kind = OPTION_UINT, .value = "N", .hidden = true,                 \
	  .help = "bytes of each CPU's ring, a power of two",                                      \
	  .offset = offsetof(type, sampling.ring_bytes), .min = 4096, .max = 1 << 28 },            \
	{ .name = "stack-entries", .kind = OPTION_UINT, .value = "N", .hidden = true,              \
	  .help = "entries of each stack map",                                                     \
	  .offset = offsetof(type, sampling.stack_entries), .min = 1, .max = 1 << 20 },            \
	{ .name = "task-ring-pages", .kind = OPTION_UINT, .value = "N", .hidden = true,            \
	  .help = "pages of each CPU's ring of process records, a power of two",                   \
	  .offset = offsetof(type, sampling.task_ring_pages), .min = 1, .max = 1 << 14 },          \
	{ .name = "modules", .kind = OPTION_UINT, .value = "N", .hidden = true,                    \
	  .help = "mapped files that are remembered though nothing maps them",                     \
	  .offset = offsetof(type, sampling.modules), .min = 16, .max = 1 << 16 },                 \
	{ .name = "filter-entries", .kind = OPTION_UINT, .value = "N", .hidden = true,             \
	  .help = "processes that are followed at most, where not all are",                        \
	  .offset = offsetof(type, sampling.filter_entries), .min = 1, .max = WICK_FILTER_MAX },   \
	{ .name = "epoch", .kind = OPTION_SECONDS, .value = "T", .hidden = true,                   \
	  .help = "length of an epoch", .offset = offsetof(type, sampling.epoch_s) },              \
	{ .name = "count-runs", .kind = OPTION_FLAG, .hidden = true,                               \
	  .help = "have the kernel count the program's runs too",                                  \
	  .offset = offsetof(type, sampling.count_runs) }
/* clang-format on */

/* Checks the values against each other and this user's rights; says what is wrong. Gives a STATUS_.
 */
int sampling_check(const struct sampling *sampling);

/* Options for a pipeline about the target; what they point to is borrowed. children: follow the
 * target's processes into those that they start. Says what is wrong and gives a STATUS_. */
int sampling_pipeline(const struct sampling *sampling, const struct target *target, bool children,
		      struct pipeline_options *ret_options);

/* A descriptor that is readable once SIGINT, SIGTERM or SIGHUP has come (they do nothing else from
 * then on), or a negative errno. */
int sampling_signals(void);

/* After the first signal: the next one ends the program at once. */
void sampling_signals_default(void);

/* One status line: rate, samples, lost. */
void sampling_status(struct pipeline *pipeline, const char *tail);

#endif
