/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wick record: sample for a while, write one profile. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/commands.h"
#include "profiler/limits.h"
#include "profiler/output.h"
#include "profiler/sampling.h"
#include "profiler/target.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>

enum { STATUS_LINE_MS = 500 };

struct record_options {
	struct sampling sampling;
	bool everything, children;
	const char *pids;
	double seconds;
	const char *output;
	struct output_frames frames;
};

static const struct record_options defaults = {
	.sampling = SAMPLING_DEFAULTS,
	.output = "wick.pb.gz",
};

static const struct option_spec record_options[] = {
	{.letter = 'a',
	 .name = "all",
	 .kind = OPTION_FLAG,
	 .help = "the whole machine (unless -p or a command is given)",
	 .offset = offsetof(struct record_options, everything)},
	{.letter = 'p',
	 .name = "pid",
	 .kind = OPTION_STRING,
	 .value = "PID,..",
	 .help = "these processes, with all their threads",
	 .offset = offsetof(struct record_options, pids)},
	{.name = "children",
	 .kind = OPTION_FLAG,
	 .help = "with -p: also the processes they start from now on",
	 .offset = offsetof(struct record_options, children)},
	{.letter = 'd',
	 .name = "duration",
	 .kind = OPTION_SECONDS,
	 .value = "T",
	 .help = "how long: 10, 500ms, 2m (until Ctrl-C or its end)",
	 .offset = offsetof(struct record_options, seconds)},
	{.letter = 'o',
	 .name = "output",
	 .kind = OPTION_STRING,
	 .value = "FILE",
	 .help = "what to write (wick.pb.gz); - is folded text on stdout",
	 .offset = offsetof(struct record_options, output)},
	OUTPUT_FRAME_OPTIONS(struct record_options, true),
	SAMPLING_OPTIONS(struct record_options),
	{.name = NULL},
};

static int find_target(const struct record_options *options, int argc, char **argv,
		       struct target *ret_target)
{
	char shown[128];

	if ((options->everything || argc) && options->pids) {
		log_error("-p does not go with %s", argc ? "a command" : "-a");
		log_hint("see 'wick record --help'");
		return STATUS_USAGE;
	}
	if (options->everything && argc) {
		log_error("-a does not go with the command '%s'",
			  quote(shown, sizeof(shown), argv[0]));
		log_hint("with -a, start the command yourself");
		return STATUS_USAGE;
	}
	if (options->children && !options->pids) {
		log_error("--children goes with -p only");
		log_hint("a command is always followed into its children");
		return STATUS_USAGE;
	}
	if (options->pids)
		return target_of_pids(options->pids, ret_target);
	if (argc)
		return target_of_command(argv, ret_target);
	return STATUS_OK;
}

/* Until the time is over, the target has ended or a signal has come. */
static void sample(struct pipeline *pipeline, const struct target *target, int signal_fd,
		   double seconds)
{
	struct pollfd fds[] = {{.fd = pipeline_fd(pipeline), .events = POLLIN},
			       {.fd = signal_fd, .events = POLLIN}};
	double start = clock_boot_s(), end = seconds > 0 ? start + seconds : INFINITY,
	       shown = start;
	struct signalfd_siginfo signal;

	for (double now = start; now < end && !target_has_ended(target); now = clock_boot_s()) {
		double left_ms = (end - now) * 1000;

		poll(fds, 2, left_ms < STATUS_LINE_MS ? (int)left_ms + 1 : STATUS_LINE_MS);
		if (fds[1].revents && read(signal_fd, &signal, sizeof(signal)) == sizeof(signal))
			break;
		if (fds[0].revents)
			pipeline_work(pipeline);
		if (now - shown > STATUS_LINE_MS / 1000.0) {
			sampling_status(pipeline, seconds > 0 ? "" : "Ctrl-C ends it");
			shown = now;
		}
	}
	log_status(NULL);
}

static int write_profile(struct pipeline *pipeline, const struct record_options *options)
{
	const char *path = options->output;
	_cleanup_(profile_freep) struct profile *profile = NULL;
	char shown[256];
	size_t bytes;
	int err =
		pipeline_profile(pipeline, pipeline_window(pipeline), PIPELINE_ALL_NAMES, &profile);
	int status;

	if (err) {
		log_error("cannot make the profile: %s", strerror(-err));
		return STATUS_ERROR;
	}
	status = output_shape(profile, &options->frames);
	if (status == STATUS_OK)
		status = output_write(profile, path, &bytes);
	if (status == STATUS_OK) {
		ledger_print(&pipeline_window(pipeline)->ledger);
		if (strcmp(path, "-"))
			log_info("wrote '%s', %zu bytes", quote(shown, sizeof(shown), path), bytes);
	}
	return status;
}

static int record(const struct record_options *options, struct target *target)
{
	_cleanup_close_ int signal_fd = sampling_signals();
	_cleanup_(pipeline_freep) struct pipeline *pipeline = NULL;
	struct pipeline_options wanted;
	int status;

	if (signal_fd < 0) {
		log_error("cannot take signals: %s", strerror(-signal_fd));
		return STATUS_ERROR;
	}
	status = sampling_pipeline(&options->sampling, target, options->children, &wanted);
	if (status != STATUS_OK)
		return status;
	if (pipeline_new(&wanted, &pipeline) || pipeline_start(pipeline))
		return STATUS_ERROR;
	status = target_go(target);
	if (status != STATUS_OK)
		return status;
	sample(pipeline, target, signal_fd, options->seconds);
	sampling_signals_default();
	if (pipeline_stop(pipeline))
		return STATUS_ERROR;
	status = write_profile(pipeline, options);
	target_report(target);
	return status;
}

static int run(const void *raw, int argc, char **argv)
{
	const struct record_options *options = raw;
	_cleanup_(target_release) struct target target = {.go_fd = -1, .error_fd = -1};
	int status = output_check(options->output);

	limits_raise_files();
	memory_limit_heap();
	if (status == STATUS_OK)
		status = sampling_check(&options->sampling);
	if (status == STATUS_OK)
		status = find_target(options, argc, argv, &target);
	return status == STATUS_OK ? record(options, &target) : status;
}

const struct command record_command = {
	.name = "record",
	.arguments = "[-- CMD ..]",
	.summary = "sample for a while and write a profile",
	.details =
		"FILE's extension tells: .pb[.gz .zst] (pprof), .folded[.gz .zst], .svg, .html.\n"
		"Ctrl-C writes what was taken; the second one quits without.\n",
	.options = record_options,
	.options_size = sizeof(struct record_options),
	.defaults = &defaults,
	.runs_program = true,
	.run = run,
};
