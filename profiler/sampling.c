/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/sampling.h"

#include "base/log.h"
#include "base/quote.h"
#include "profiler/system.h"
#include "profiler/unwind_maps.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Which of two words; OPTION_CALL's shape needs the struct that holds the sampling. */
static int parse_word(const struct option_spec *spec, const char *value, const char *no,
		      const char *yes, bool *ret)
{
	char shown[64];

	if (strcmp(value, no) && strcmp(value, yes)) {
		log_error("--%s is '%s' or '%s', not '%s'", spec->name, no, yes,
			  quote(shown, sizeof(shown), value));
		return -EINVAL;
	}
	*ret = !strcmp(value, yes);
	return 0;
}

static struct sampling *sampling_of(void *options, const struct option_spec *spec)
{
	return (void *)((char *)options + spec->offset);
}

int sampling_parse_event(void *options, const struct option_spec *spec, const char *value)
{
	return parse_word(spec, value, "cpu-clock", "cycles", &sampling_of(options, spec)->cycles);
}

int sampling_parse_unwind(void *options, const struct option_spec *spec, const char *value)
{
	return parse_word(spec, value, "auto", "fp", &sampling_of(options, spec)->by_fp);
}

int sampling_parse_transport(void *options, const struct option_spec *spec, const char *value)
{
	return parse_word(spec, value, "map", "ring", &sampling_of(options, spec)->whole);
}

static bool is_power_of_two(unsigned int n)
{
	return n && !(n & (n - 1));
}

int sampling_check(const struct sampling *sampling)
{
	if (sampling->debug)
		log_set_level(LOG_DEBUG);
	if (sampling->kernel_only && sampling->user_only) {
		log_error("--kernel and --user exclude each other");
		log_hint("leave both out for whole stacks");
		return STATUS_USAGE;
	}
	if (!is_power_of_two(sampling->ring_bytes) ||
	    sampling->ring_bytes % (unsigned int)sysconf(_SC_PAGESIZE) ||
	    (sampling->task_ring_pages && !is_power_of_two(sampling->task_ring_pages))) {
		log_error("--ring-bytes and --task-ring-pages take powers of two, of whole pages");
		return STATUS_USAGE;
	}
	if (sampling->epoch_s < 0.1) {
		log_error("--epoch takes 0.1 s or more");
		return STATUS_USAGE;
	}
	if (sampling->comms &&
	    (!*sampling->comms || strstr(sampling->comms, ",,") || sampling->comms[0] == ',')) {
		log_error("--comm takes names, not none");
		log_hint("'ps -eo comm' lists those of this machine");
		return STATUS_USAGE;
	}
	system_check_namespace();
	return system_check_rights();
}

static struct sampler_tables tables_wanted(const struct sampling *sampling)
{
	struct unwind_sizes sizes = unwind_sizes(sampling->unwind_bytes);

	if (sampling->kernel_only)
		return (struct sampler_tables){0};
	if (sampling->by_fp)
		return (struct sampler_tables){.procs = WICK_PROCS_MAX};
	return (struct sampler_tables){
		.rules = sizes.rules,
		.pages = sizes.pages,
		.mappings = sizes.mappings,
		.procs = WICK_PROCS_MAX,
		.shards = sizes.shards,
	};
}

static int find_cgroup(const char *path, struct cgroup *ret_cgroup)
{
	char shown[256];
	int err = path ? cgroup_find(path, ret_cgroup) : 0;

	if (!err)
		return STATUS_OK;
	if (err == -ENOENT)
		log_error("no such control group: '%s'", quote(shown, sizeof(shown), path));
	else
		log_error("cannot tell the hierarchy of '%s'", quote(shown, sizeof(shown), path));
	log_hint(
		"give a directory below /sys/fs/cgroup; /proc/PID/cgroup tells where a process is");
	return STATUS_ERROR;
}

int sampling_pipeline(const struct sampling *sampling, const struct target *target, bool children,
		      struct pipeline_options *ret_options)
{
	struct debuginfod *debuginfod = NULL;
	struct cgroup cgroup = {0};
	int status = find_cgroup(sampling->cgroup, &cgroup);

	if (status == STATUS_OK)
		status = debuginfod_of_option(sampling->debuginfod, &debuginfod);
	if (status != STATUS_OK)
		return status;
	*ret_options = (struct pipeline_options){
		.sampler =
			{
				.hz = sampling->hz,
				.cycles = sampling->cycles,
				.kernel = !sampling->user_only,
				.user = !sampling->kernel_only,
				.whole = sampling->whole,
				.pids = target->pids,
				.pid_count = target->count,
				.follow = target->is_command || children,
				.comms = sampling->comms,
				.cgroup = cgroup,
				/* A command is wick's child, and what is wanted. */
				.exclude_self = sampling->exclude_self && !target->is_command,
				.max_depth = sampling->max_depth,
				.tables = tables_wanted(sampling),
				.ring_bytes = sampling->ring_bytes,
				.filter_entries = sampling->filter_entries,
				.stack_entries = sampling->stack_entries,
				.epoch_s = sampling->epoch_s,
				.count_runs = sampling->count_runs,
			},
		.task_ring_pages = sampling->task_ring_pages,
		.modules = sampling->modules,
		.threads = sampling->threads,
		.program = target->is_command ? target->program : NULL,
		.debuginfod = debuginfod,
	};
	return STATUS_OK;
}

static sigset_t ending_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return set;
}

int sampling_signals(void)
{
	sigset_t set = ending_signals();
	int fd;

	/* Before any thread is there, so that all inherit it. */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

void sampling_signals_default(void)
{
	sigset_t set = ending_signals();

	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void sampling_status(struct pipeline *pipeline, const char *tail)
{
	const struct window *window = pipeline_window(pipeline);
	uint64_t lost = 0;
	char line[256];

	for (size_t i = 0; i < WICK_DROPS; i++)
		lost += window->ledger.dropped[i];
	snprintf(line, sizeof(line),
		 "wick: %" PRIu64 " samples in %.0f s, %u stacks, %" PRIu64 " lost%s%s",
		 window->ledger.written, (double)(window->end_ns - window->start_ns) * 1e-9,
		 window->count_count, lost, *tail ? "; " : "", tail);
	log_status(line);
}
