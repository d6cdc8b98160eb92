/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wick agent: sample the whole machine for good, and show the last minutes in the browser.
 *
 * What is shown are two windows: the open one and the one before it, so between one and two times
 * --window of the past, in bounded memory. Profiles are made when the page asks, not before.
 */
#include "base/cleanup.h"
#include "base/log.h"
#include "formats/codec.h"
#include "profiler/commands.h"
#include "profiler/limits.h"
#include "profiler/sampling.h"
#include "profiler/server.h"
#include "profiler/store_export.h"
#include "profiler/store_options.h"
#include "profiler/store_timeline.h"
#include "profiler/store_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <time.h>

enum {
	STATUS_LINE_MS = 1000,
	WINDOW_BYTES_MAX = 16 << 20, /* a window this large is closed before its time */
	VIEW_WAIT_MS = 300,	     /* for names, by who looks; he may look again */
	END_WAIT_MS = 5000,
};

struct agent_options {
	struct sampling sampling;
	struct server_options server;
	double window_s, slice_s;
	const char *store; /* directory, or NULL */
	struct store_options keeping;
};

static const struct agent_options defaults = {
	.sampling = SAMPLING_DEFAULTS,
	.server.listen = "127.0.0.1:7878",
	.window_s = 300,
	.slice_s = 60,
	.keeping = STORE_DEFAULTS,
};

static const struct option_spec agent_options[] = {
	{.letter = 'l',
	 .name = "listen",
	 .kind = OPTION_STRING,
	 .value = "ADDR:PORT",
	 .help = "where the viewer is (127.0.0.1:7878)",
	 .offset = offsetof(struct agent_options, server.listen)},
	{.name = "no-token",
	 .kind = OPTION_FLAG,
	 .help = "let everybody read who reaches the port",
	 .offset = offsetof(struct agent_options, server.no_token)},
	{.name = "window",
	 .kind = OPTION_SECONDS,
	 .value = "T",
	 .help = "show at least this much of the past (5m)",
	 .offset = offsetof(struct agent_options, window_s)},
	{.name = "store",
	 .kind = OPTION_STRING,
	 .value = "DIR",
	 .help = "keep everything, in this directory",
	 .offset = offsetof(struct agent_options, store)},
	{.name = "slice",
	 .kind = OPTION_SECONDS,
	 .value = "T",
	 .help = "one file in the store for each such time (60s)",
	 .offset = offsetof(struct agent_options, slice_s)},
	{.name = "keep",
	 .kind = OPTION_CALL,
	 .value = "T,..",
	 .help = "of each level, finest first (7d,30d,90d,2y)",
	 .offset = offsetof(struct agent_options, keeping),
	 .parse = store_parse_keep},
	{.name = "max-bytes",
	 .kind = OPTION_BYTES,
	 .value = "N",
	 .help = "the store takes no more of the disk (1G)",
	 .offset = offsetof(struct agent_options, keeping.max_bytes)},
	{.name = "backlog-bytes",
	 .kind = OPTION_BYTES,
	 .value = "N",
	 .hidden = true,
	 .help = "memory for slices that cannot be written",
	 .offset = offsetof(struct agent_options, keeping.backlog_bytes)},
	SAMPLING_OPTIONS(struct agent_options),
	{.name = NULL},
};

struct agent {
	const struct agent_options *options;
	struct pipeline *pipeline;
	struct server *server;
	struct store_writer *store; /* NULL: nothing is kept */
	struct buf before; /* the last closed window, with names, encoded: a tenth the size */
};

static const struct profile_codec before_codec = {FORMAT_PPROF, PACKING_ZSTD};

static int list(void *context, struct buf *json)
{
	const struct window *window = pipeline_window(((struct agent *)context)->pipeline);

	buf_printf(json,
		   "[{\"id\":0,\"name\":\"this machine, live\",\"live\":true,\"time_ns\":%lld}",
		   (long long)window->wall_ns);
	if (((struct agent *)context)->store)
		server_add_ranges(json, false);
	buf_add_char(json, ']');
	return buf_error(json);
}

static int memfd_of(const struct buf *bytes, int *ret_fd)
{
	_cleanup_close_ int fd = memfd_create("profile", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t done = 0;

	while (fd >= 0 && done < bytes->used) {
		ssize_t n = write(fd, bytes->bytes + done, bytes->used - done);

		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	if (fd < 0 || lseek(fd, 0, SEEK_SET))
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int add_before(const struct agent *agent, struct profile *profile)
{
	_cleanup_(profile_freep) struct profile *before = NULL;
	const char *why;
	int err;

	if (!agent->before.used)
		return 0;
	err = profile_decode(agent->before.bytes, agent->before.used, &before, &why);
	return err ? err : profile_merge(profile, before);
}

static int snapshot(struct agent *agent, struct profile **ret_profile)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	int err = pipeline_profile(agent->pipeline, pipeline_window(agent->pipeline), VIEW_WAIT_MS,
				   &profile);

	if (!err)
		err = add_before(agent, profile);
	if (!err)
		*ret_profile = TAKE_PTR(profile);
	return err;
}

static int open_profile(void *context, unsigned int id, int *ret_fd)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	_cleanup_(buf_release) struct buf bytes = {0};
	int err;

	if (id)
		return -ENOENT;
	err = snapshot(context, &profile);
	if (!err)
		err = profile_encode(profile, (struct profile_codec){FORMAT_PPROF, PACKING_GZIP},
				     NULL, &bytes);
	return err ? err : memfd_of(&bytes, ret_fd);
}

/* Read as anybody would: the writer is not asked. */
static int open_range(void *context, int64_t from_ns, int64_t to_ns, int *ret_fd)
{
	const struct store_range range = {.from_ns = from_ns, .to_ns = to_ns};

	return store_bundle(((struct agent *)context)->options->store, &range, ret_fd);
}

static double window_length(const struct agent *agent)
{
	return agent->store ? agent->options->slice_s : agent->options->window_s;
}

static void give_to_store(struct agent *agent, const struct window *closed, struct profile *profile)
{
	_cleanup_(timeline_release) struct timeline timeline = {0};
	int err = timeline_add_window(&timeline, closed, profile->period);

	if (!err)
		err = timeline_write(&timeline, profile);
	if (err)
		log_warn("this slice has no timeline: %s", strerror(-err));
	store_writer_give(agent->store, profile, closed->start_ns, closed->end_ns);
}

static void take_closed(struct agent *agent, const struct window *closed, uint32_t wait_ms)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	int err = pipeline_profile(agent->pipeline, closed, wait_ms, &profile);

	buf_release(&agent->before);
	if (!err)
		err = profile_encode(profile, before_codec, NULL, &agent->before);
	if (err) {
		log_warn("cannot keep the last window, going on: %s", strerror(-err));
		buf_release(&agent->before);
	}
	if (profile && agent->store)
		give_to_store(agent, closed, TAKE_PTR(profile));
}

static void turn_window(struct agent *agent)
{
	const struct window *window = pipeline_window(agent->pipeline);
	struct window *closed = pipeline_closed(agent->pipeline);

	if (closed) {
		take_closed(agent, closed, 0); /* it has waited */
		window_free(closed);
		memory_trim();
	} else if ((double)(window->end_ns - window->start_ns) > window_length(agent) * 1e9 ||
		   window_bytes(window) > WINDOW_BYTES_MAX) {
		pipeline_cut(agent->pipeline);
	}
}

/* --- what it holds --- */

static void tell_item(void *context, const struct memory_item *item)
{
	char limit[32] = "";

	(void)context;
	if (item->limit)
		snprintf(limit, sizeof(limit), " of %" PRIu64, item->limit);
	log_info("memory: %s %" PRIu64 "%s, %.1f MB (%s)", item->name, item->entries, limit,
		 (double)item->bytes / 1e6, item->sentence);
}

static void tell_memory(struct agent *agent)
{
	const struct memory_item before = {.name = "before",
					   .sentence = "the window before, encoded",
					   .bytes = agent->before.size};

	tell_item(NULL, &before);
	pipeline_tell_memory(agent->pipeline, tell_item, NULL);
	memory_of_process(tell_item, NULL);
}

/* A descriptor that is readable once SIGUSR1 has come; or a negative errno. */
static int open_asking(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	/* Before any thread is there, so that all inherit it. */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int serve(struct agent *agent, int signal_fd, int asking_fd)
{
	const struct server_source source = {agent, list, open_profile,
					     agent->store ? open_range : NULL};
	struct pollfd fds[] = {{.fd = pipeline_fd(agent->pipeline), .events = POLLIN},
			       {.fd = signal_fd, .events = POLLIN},
			       {.fd = server_fd(agent->server), .events = POLLIN},
			       {.fd = asking_fd, .events = POLLIN}};
	struct signalfd_siginfo signal;
	time_t shown = time(NULL);

	for (;;) {
		poll(fds, ARRAY_SIZE(fds), STATUS_LINE_MS);
		if (fds[1].revents && read(signal_fd, &signal, sizeof(signal)) == sizeof(signal))
			return STATUS_OK;
		if (fds[2].revents && server_handle(agent->server, &source) == -EPIPE) {
			log_error("the server child ended unexpectedly");
			return STATUS_ERROR;
		}
		if (fds[3].revents && read(asking_fd, &signal, sizeof(signal)) == sizeof(signal))
			tell_memory(agent);
		if (fds[0].revents)
			pipeline_work(agent->pipeline);
		turn_window(agent);
		if (time(NULL) != shown) {
			sampling_status(agent->pipeline, server_url(agent->server));
			shown = time(NULL);
		}
	}
}

/* The stop has brought everything into the open window; one may just have been closed, too. */
static void keep_last(struct agent *agent)
{
	_cleanup_(window_freep) struct window *closed = pipeline_closed(agent->pipeline);

	if (closed)
		take_closed(agent, closed, END_WAIT_MS);
	take_closed(agent, pipeline_window(agent->pipeline), END_WAIT_MS);
}

static int end(struct agent *agent)
{
	log_status(NULL);
	sampling_signals_default();
	if (pipeline_stop(agent->pipeline))
		return STATUS_ERROR;
	ledger_print(&pipeline_window(agent->pipeline)->ledger);
	if (agent->store)
		keep_last(agent);
	return STATUS_OK;
}

static int run(const void *raw, int argc, char **argv)
{
	struct agent agent = {.options = raw};
	const struct target everything = {.go_fd = -1, .error_fd = -1};
	struct pipeline_options wanted;
	_cleanup_(server_stopp) struct server *server = NULL;
	_cleanup_(pipeline_freep) struct pipeline *pipeline = NULL;
	_cleanup_(store_writer_stopp) struct store_writer *store = NULL;
	_cleanup_close_ int signal_fd = -1, asking_fd = -1;
	int status;

	(void)argv;
	if (argc) {
		log_error("'wick agent' takes no arguments");
		log_hint("see 'wick agent --help'");
		return STATUS_USAGE;
	}
	limits_raise_files();
	memory_limit_heap();
	status = sampling_check(&agent.options->sampling);
	if (status == STATUS_OK)
		status = sampling_pipeline(&agent.options->sampling, &everything, false, &wanted);
	if (status != STATUS_OK)
		return status;
	wanted.timeline = agent.options->store;
	signal_fd = sampling_signals();
	asking_fd = open_asking();
	/* The server's child first: it has nothing of what follows. */
	if (signal_fd < 0 || asking_fd < 0 || server_start(&agent.options->server, &server) ||
	    (agent.options->store &&
	     store_writer_start(agent.options->store, &agent.options->keeping, &store)) ||
	    pipeline_new(&wanted, &pipeline) || pipeline_start(pipeline))
		return STATUS_ERROR;
	log_info("sampling this machine at %u Hz; open %s", agent.options->sampling.hz,
		 server_url(server));
	agent.pipeline = pipeline;
	agent.server = server;
	agent.store = store;
	status = serve(&agent, signal_fd, asking_fd);
	if (end(&agent) != STATUS_OK)
		status = STATUS_ERROR;
	buf_release(&agent.before);
	return status;
}

const struct command agent_command = {
	.name = "agent",
	.summary = "sample the whole machine, show it live in the browser",
	.options = agent_options,
	.options_size = sizeof(struct agent_options),
	.defaults = &defaults,
	.run = run,
};
