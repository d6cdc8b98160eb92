/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wick check-unwind: a second opinion on user stacks, by libunwind. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/commands.h"
#include "profiler/sampling.h"
#include "profiler/target.h"
#include "profiler/unwind_check.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

enum {
	DRAIN_MS = 20,
	CASES_MAX = 50,
	GATE_SHARE = 1000, /* one pc in so many may differ */
};

struct check_unwind_options {
	struct sampling sampling;
	const char *pids, *cases;
	double seconds;
	unsigned int one_in;
};

static const struct check_unwind_options defaults = {
	.sampling = SAMPLING_DEFAULTS,
	.seconds = 10,
	.one_in = 10,
};

static const struct option_spec check_unwind_options[] = {
	{.letter = 'p',
	 .name = "pid",
	 .kind = OPTION_STRING,
	 .value = "PID,..",
	 .help = "these processes (the whole machine)",
	 .offset = offsetof(struct check_unwind_options, pids)},
	{.letter = 'd',
	 .name = "duration",
	 .kind = OPTION_SECONDS,
	 .value = "T",
	 .help = "how long (10), or until the command ends",
	 .offset = offsetof(struct check_unwind_options, seconds)},
	{.letter = 'F',
	 .name = "frequency",
	 .kind = OPTION_UINT,
	 .value = "HZ",
	 .help = "samples a second on each busy CPU (99)",
	 .offset = offsetof(struct check_unwind_options, sampling.hz),
	 .min = 1,
	 .max = 10000},
	{.name = "one-in",
	 .kind = OPTION_UINT,
	 .value = "N",
	 .help = "check one in N samples (10)",
	 .offset = offsetof(struct check_unwind_options, one_in),
	 .min = 1,
	 .max = 1000000},
	{.name = "cases",
	 .kind = OPTION_STRING,
	 .value = "DIR",
	 .help = "write what differs there, one file a stack",
	 .offset = offsetof(struct check_unwind_options, cases)},
	{.name = NULL},
};

static void on_check(void *context, const struct wick_check *sample)
{
	unwind_check_sample(context, sample);
}

/* Drains often: a sample is to be looked at while its process is there. */
static void sample(struct pipeline *pipeline, const struct target *target, int signal_fd,
		   double seconds)
{
	struct pollfd fds[] = {{.fd = pipeline_fd(pipeline), .events = POLLIN},
			       {.fd = signal_fd, .events = POLLIN}};
	struct signalfd_siginfo signal;
	double end = clock_boot_s() + seconds;

	while (clock_boot_s() < end && !target_has_ended(target)) {
		poll(fds, 2, DRAIN_MS);
		if (fds[1].revents && read(signal_fd, &signal, sizeof(signal)) == sizeof(signal))
			break;
		pipeline_work(pipeline);
	}
}

static int report(const struct unwind_check *check)
{
	_cleanup_(buf_release) struct buf text = {0};
	struct unwind_check_module sum = unwind_check_sum(check);
	uint64_t compared = sum.equal + sum.different;
	char shown[256];

	unwind_check_print(check, &text);
	if (buf_error(&text)) {
		log_error("cannot print: %s", strerror(-buf_error(&text)));
		return STATUS_ERROR;
	}
	fwrite(text.bytes, 1, text.used, stdout);
	if (check->cases && check->case_count)
		log_info("%u stacks differ; see '%s'", check->case_count,
			 quote(shown, sizeof(shown), check->cases));
	if (!compared) {
		log_error("nothing could be compared");
		return STATUS_ERROR;
	}
	return sum.different * GATE_SHARE > compared ? STATUS_GATE : STATUS_OK;
}

static int check_unwind(const struct check_unwind_options *options, struct target *target,
			struct unwind_check *check)
{
	struct pipeline_options wanted;
	_cleanup_close_ int signal_fd = sampling_signals();
	_cleanup_(pipeline_freep) struct pipeline *pipeline = NULL;
	int status = sampling_pipeline(&options->sampling, target, false, &wanted);

	if (status != STATUS_OK)
		return status;
	wanted.sampler.kernel = false;
	wanted.sampler.check_every = options->one_in;
	wanted.sampler.check = on_check;
	wanted.sampler.check_context = check;
	if (signal_fd < 0 || pipeline_new(&wanted, &pipeline) || pipeline_start(pipeline))
		return STATUS_ERROR;
	status = target_go(target);
	if (status != STATUS_OK)
		return status;
	sample(pipeline, target, signal_fd, options->seconds);
	sampling_signals_default();
	if (pipeline_stop(pipeline))
		return STATUS_ERROR;
	target_report(target);
	return report(check);
}

static int find_target(const struct check_unwind_options *options, int argc, char **argv,
		       struct target *ret_target)
{
	if (argc && options->pids) {
		log_error("-p does not go with a command");
		log_hint("see 'wick check-unwind --help'");
		return STATUS_USAGE;
	}
	if (options->pids)
		return target_of_pids(options->pids, ret_target);
	return argc ? target_of_command(argv, ret_target) : STATUS_OK;
}

static int run(const void *raw, int argc, char **argv)
{
	const struct check_unwind_options *options = raw;
	_cleanup_(target_release) struct target target = {.go_fd = -1, .error_fd = -1};
	_cleanup_(unwind_check_release) struct unwind_check check = {0};
	char shown[256];
	int status, err;

	if (options->cases && mkdir(options->cases, 0700) && errno != EEXIST) {
		log_error("cannot make '%s': %s", quote(shown, sizeof(shown), options->cases),
			  strerror(errno));
		return STATUS_ERROR;
	}
	err = unwind_check_init(&check, options->cases, CASES_MAX);
	if (err) {
		log_error("cannot load libunwind");
		log_hint("install libunwind8");
		return STATUS_ERROR;
	}
	status = sampling_check(&options->sampling);
	if (status == STATUS_OK)
		status = find_target(options, argc, argv, &target);
	return status == STATUS_OK ? check_unwind(options, &target, &check) : status;
}

const struct command check_unwind_command = {
	.name = "check-unwind",
	.arguments = "[-- CMD ..]",
	.summary = "hold user stacks against libunwind's, by module",
	.details = "For one in N samples the stack is copied and walked once more by libunwind,\n"
		   "from the files' .eh_frame. Reads foreign files as root: for programs of\n"
		   "your own.\n"
		   "Exit status 3: more than 0.1 % of the pcs differ.\n",
	.options = check_unwind_options,
	.options_size = sizeof(struct check_unwind_options),
	.defaults = &defaults,
	.runs_program = true,
	.run = run,
};
