/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/pipeline.h"

#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "profiler/arrivals.h"
#include "profiler/cpus.h"
#include "profiler/hotplug.h"
#include "profiler/ksymbols.h"
#include "profiler/modules.h"
#include "profiler/names.h"
#include "profiler/procs.h"
#include "profiler/ring_reader.h"
#include "profiler/stacks.h"
#include "profiler/system.h"
#include "profiler/task_events.h"
#include "profiler/unwind_tables.h"
#include "symbolizer/child.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

static const uint64_t KSYMBOLS_PAUSE_NS = 10000000000;

enum {
	TASK_RING_PAGES = 128,
	WORK_MS = 100,		/* there is a round at least this often */
	HORIZON_NS = 5000000,	/* a record stamped this long ago is in its ring by now */
	LINGER_NS = 2000000000, /* an exited process is kept this long for late samples */
	NAME_BYTES = 512,	/* of readable names, for each module that is kept */
};

/* A closed window waits so long for its names, at most. */
static const uint64_t NAMES_NS = 20000000000;

struct pipeline {
	struct pipeline_options options;
	struct sampler *sampler;
	struct ring_reader *reader;
	struct task_events *task_events;
	struct modules *modules;
	struct procs *procs;
	struct names *names;
	struct ksymbols *ksymbols;
	bool ksymbols_old;		 /* records were lost: it has to be read again */
	uint64_t ksymbols_ns;		 /* when it was read last */
	struct unwind_maps *unwind_maps; /* NULL: user stacks by frame pointer alone */
	struct unwind_tables *unwind;	 /* goes with them; drains the task events */
	int epoll_fd, timer_fd, hotplug_fd;
	struct cpus_busy busy;

	struct arrivals arrivals;
	uint64_t received[2];		     /* records of an epoch, by parity */
	uint64_t bad_records;		     /* of them accounted for */
	uint64_t throttled, refused;	     /* likewise */
	uint64_t longest_ns, longest_cpu_ns; /* rounds of work: the longest, its CPU time */
	uint32_t epoch;			     /* that runs now, as far as we have been told */
	uint64_t turned_ns, swept_ns;

	struct window *window, *next, *closed;
	uint64_t closed_ns, closed_serial; /* when, and the last of its modules to be parsed */
	bool cut_wanted, is_stopped;
	struct window shown; /* what pipeline_window() gave last: a view of window */
};

/* --- windows and ledger --- */

static struct window *window_of(struct pipeline *pipeline, uint32_t epoch)
{
	if (pipeline->next && epoch >= pipeline->next->first_epoch)
		return pipeline->next;
	return pipeline->window;
}

/* --- drain and apply --- */

static void on_record(void *context, const struct wick_sample *sample)
{
	struct pipeline *pipeline = context;

	pipeline->received[sample->epoch & 1]++;
	if (arrivals_add_sample(&pipeline->arrivals, sample))
		window_of(pipeline, sample->epoch)->ledger.dropped[WICK_DROP_no_memory]++;
}

static void take_records(struct pipeline *pipeline)
{
	uint64_t lost[2];

	ring_reader_take(pipeline->reader, on_record, pipeline, lost);
	for (uint32_t epoch = pipeline->epoch; epoch <= pipeline->epoch + 1; epoch++) {
		pipeline->received[epoch & 1] += lost[epoch & 1];
		window_of(pipeline, epoch)->ledger.dropped[WICK_DROP_no_memory] += lost[epoch & 1];
	}
	sampler_drain_checks(pipeline->sampler);
}

static void on_event(void *context, const struct task_event *event)
{
	static struct log_limit limit;
	struct pipeline *pipeline = context;
	struct arrival_event queued = {.event = *event};
	int err = 0;

	if (event->kind == TASK_THREAD)
		return;
	queued.event.path = NULL;
	if (event->kind == TASK_MAP)
		err = modules_add(pipeline->modules, event, &queued.module);
	if (event->kind == TASK_CODE && !(queued.name = strdup(event->path)))
		err = -ENOMEM;
	if (event->kind == TASK_LOST && event->lost && log_limited(&limit, 1))
		log_warn("%llu process records were lost; mappings are read again",
			 (unsigned long long)event->lost);
	if (!err)
		err = arrivals_add_event(&pipeline->arrivals, &queued);
	if (err) { /* as good as a lost record */
		procs_event(pipeline->procs, &(struct task_event){.kind = TASK_LOST}, 0);
		pipeline->ksymbols_old = true;
		free(queued.name);
	}
}

/* The name has done its work. */
static void take_code(struct pipeline *pipeline, struct arrival_event *queued)
{
	const struct task_event *event = &queued->event;
	int err = 0;

	if (event->is_gone)
		ksymbols_remove(pipeline->ksymbols, event->start);
	else
		err = ksymbols_add(pipeline->ksymbols, event->start, event->end - event->start,
				   queued->name);
	if (err)
		log_debug("code of the kernel has no name: %s", strerror(-err));
	free(TAKE_PTR(queued->name));
}

static void take_sample(struct pipeline *pipeline, const struct wick_sample *sample)
{
	const struct stacks stacks = {
		.sampler = pipeline->sampler,
		.modules = pipeline->modules,
		.procs = pipeline->procs,
		.ksymbols = pipeline->ksymbols,
		.threads = pipeline->options.threads,
		.timeline = pipeline->options.timeline,
	};

	stacks_add(&stacks, window_of(pipeline, sample->epoch), sample);
}

static void apply(void *context, const struct wick_sample *sample, struct arrival_event *queued)
{
	struct pipeline *pipeline = context;

	if (sample) {
		take_sample(pipeline, sample);
		return;
	}
	if (queued->event.kind == TASK_CODE) {
		take_code(pipeline, queued);
		return;
	}
	pipeline->ksymbols_old |= queued->event.kind == TASK_LOST;
	procs_event(pipeline->procs, &queued->event, queued->module);
}

static void apply_until(struct pipeline *pipeline, uint64_t horizon_ns)
{
	arrivals_take(&pipeline->arrivals, horizon_ns, apply, pipeline);
}

/* After the samples, so that what happened before a sample is there with it. */
static void drain_events(struct pipeline *pipeline)
{
	if (pipeline->unwind)
		unwind_tables_drain(pipeline->unwind, on_event, pipeline);
	else
		task_events_drain(pipeline->task_events, on_event, pipeline);
}

/* Applies all. */
static void apply_all(struct pipeline *pipeline)
{
	drain_events(pipeline);
	apply_until(pipeline, UINT64_MAX);
}

/* --- epochs --- */

static int open_window(struct pipeline *pipeline, uint32_t first_epoch, struct window **ret_window)
{
	int err = window_new(first_epoch, ret_window);

	if (!err)
		(*ret_window)->busy_s = cpus_busy_s(&pipeline->busy);
	return err;
}

/* Ticks that the program missed are told beside the samples. Where the kernel throttles, it misses
 * most: then it is the rate that was lower, and each sample stands for more time. */
static void close_window(struct pipeline *pipeline, uint64_t now_ns, double busy_s)
{
	struct window *window = pipeline->window;
	struct ledger *ledger = &window->ledger;
	double passed_s = busy_s - window->busy_s;
	double ticks = pipeline->options.sampler.hz * passed_s;
	double runs = (double)(ledger->taken + ledger->filtered);

	window->end_ns = now_ns;
	for (uint32_t i = 0; i < window->frame_count; i++)
		ledger->replaced +=
			modules_look(pipeline->modules, window->frames[i].module, now_ns);
	if (ledger->throttled && runs > 0 && runs < ticks)
		window->hz = runs / passed_s;
	else
		ledger->not_run = ticks > runs ? (uint64_t)(ticks - runs) : 0;
}

/* What an ended epoch counted in the kernel, against what came out of the rings. */
static void account(struct pipeline *pipeline, const struct sampler_epoch *ended)
{
	struct window *window = window_of(pipeline, ended->epoch);
	struct ledger *ledger = &window->ledger;
	uint64_t bad = sampler_bad_records(pipeline->sampler);
	uint64_t throttled = sampler_throttled(pipeline->sampler);
	uint64_t refused = procs_refused(pipeline->procs) + modules_refused(pipeline->modules);

	ledger->taken += ended->counts[WICK_COUNT_taken];
	ledger->filtered += ended->counts[WICK_COUNT_filtered];
	ledger->whole += ended->counts[WICK_COUNT_whole];
	ledger->filter_full += ended->counts[WICK_COUNT_filter_full];
	ledger->dropped[WICK_DROP_ring_full] += ended->counts[WICK_COUNT_ring_full];
	ledger->dropped[WICK_DROP_no_ring] += ended->counts[WICK_COUNT_no_ring];
	ledger->dropped[WICK_DROP_bad_record] += bad - pipeline->bad_records;
	pipeline->bad_records = bad;
	ledger->throttled += throttled - pipeline->throttled;
	pipeline->throttled = throttled;
	ledger->refused += refused - pipeline->refused;
	pipeline->refused = refused;
	if (pipeline->options.timeline)
		window_note_dropped(window, clock_boot_ns()); /* or in no second */
	pipeline->received[ended->epoch & 1] = 0;
	pipeline->epoch = ended->epoch + 1;
}

/* The turner replaces the stack maps of the epoch before: nothing of it may wait. */
static void turn(struct pipeline *pipeline)
{
	for (uint32_t i = 0; i < arrivals_count(&pipeline->arrivals); i++) {
		const struct wick_sample *sample = arrivals_sample(&pipeline->arrivals, i);

		if (sample && sample->epoch < pipeline->epoch) {
			apply_all(pipeline);
			break;
		}
	}
	pipeline->turned_ns = clock_boot_ns();
	sampler_turn(pipeline->sampler);
}

/* All records of the ended epoch have been drained before this. */
static void end_epoch(struct pipeline *pipeline, const struct sampler_epoch *ended)
{
	account(pipeline, ended);
	if (pipeline->next && pipeline->next->first_epoch == ended->epoch + 1) {
		apply_all(pipeline);
		close_window(pipeline, pipeline->next->start_ns, pipeline->next->busy_s);
		pipeline->closed = pipeline->window;
		pipeline->closed_ns = clock_boot_ns();
		pipeline->closed_serial = modules_serial(pipeline->modules);
		pipeline->window = TAKE_PTR(pipeline->next);
	} else if (pipeline->cut_wanted && !pipeline->closed &&
		   !open_window(pipeline, ended->epoch + 2, &pipeline->next)) {
		pipeline->cut_wanted = false;
		turn(pipeline);
	}
}

static void take_ended(struct pipeline *pipeline)
{
	struct sampler_epoch ended;

	if (sampler_take_epoch(pipeline->sampler, &ended))
		end_epoch(pipeline, &ended);
}

static void drain(struct pipeline *pipeline)
{
	take_records(pipeline);
	drain_events(pipeline);
}

/* --- modules that go --- */

static void mark_mapped(void *context, uint32_t module)
{
	modules_mark_mapped(context, module);
}

static void mark_window(struct pipeline *pipeline, const struct window *window)
{
	for (uint32_t i = 0; window && i < window->frame_count; i++)
		modules_mark_sampled(pipeline->modules, window->frames[i].module);
}

/* Everything here that has a module's id. */
static void sweep_modules(struct pipeline *pipeline)
{
	const struct arrivals *arrivals = &pipeline->arrivals;

	if (!modules_is_crowded(pipeline->modules))
		return;
	procs_each_module(pipeline->procs, mark_mapped, pipeline->modules);
	for (uint32_t i = 0; i < arrivals_count(arrivals); i++) {
		const struct arrival_event *event = arrivals_event(arrivals, i);

		if (event)
			modules_mark_mapped(pipeline->modules, event->module);
	}
	mark_window(pipeline, pipeline->window);
	mark_window(pipeline, pipeline->next);
	mark_window(pipeline, pipeline->closed);
	modules_sweep(pipeline->modules);
}

/* --- CPUs that come and go --- */

static void on_cpu(void *context, unsigned int cpu, bool is_online)
{
	struct pipeline *pipeline = context;
	int err = task_events_cpu(pipeline->task_events, cpu, is_online);

	log_debug("cpu %u is %s", cpu, is_online ? "online" : "offline");
	if (err)
		log_warn("cpu %u will tell of no processes: %s", cpu, strerror(-err));
	if (is_online) {
		sampler_cpu_online(pipeline->sampler, cpu);
	} else {
		cpus_busy_forget(&pipeline->busy, cpu);
		sampler_cpu_offline(pipeline->sampler, cpu);
	}
}

/* Too many messages at once: as if every CPU had gone and come back. */
static void reopen_all(struct pipeline *pipeline)
{
	_cleanup_free_ bool *online = NULL;
	int count;

	if (cpus_online(&online, &count))
		return;
	for (int cpu = 0; cpu < count; cpu++) {
		on_cpu(pipeline, (unsigned int)cpu, false);
		if (online[cpu])
			on_cpu(pipeline, (unsigned int)cpu, true);
	}
}

/* What is there now, also of what no record has told. Where records are lost all the time, now and
 * then is enough: it takes some 50 ms. */
static void read_ksymbols(struct pipeline *pipeline)
{
	uint64_t now = clock_boot_ns();
	int err;

	if (!pipeline->ksymbols_old || !pipeline->options.sampler.kernel ||
	    (pipeline->ksymbols_ns && now - pipeline->ksymbols_ns < KSYMBOLS_PAUSE_NS))
		return;
	err = ksymbols_read(pipeline->ksymbols, names_kernel(pipeline->names));
	if (err)
		log_debug("not all BPF programs will have names: %s", strerror(-err));
	pipeline->ksymbols_old = false;
	pipeline->ksymbols_ns = now;
}

static void work(struct pipeline *pipeline)
{
	/* Looked at before the drain: what ends after this look waits for the next round. */
	bool is_ended = sampler_has_ended(pipeline->sampler);
	uint64_t now = clock_boot_ns(), expired;

	if (read(pipeline->timer_fd, &expired, sizeof(expired)) < 0 && errno != EAGAIN)
		log_debug("timer: %s", strerror(errno));
	if (pipeline->hotplug_fd >= 0 && hotplug_read(pipeline->hotplug_fd, on_cpu, pipeline))
		reopen_all(pipeline);
	drain(pipeline);
	apply_until(pipeline, now - HORIZON_NS);
	if (is_ended)
		take_ended(pipeline);
	read_ksymbols(pipeline);
	procs_audit(pipeline->procs, now);
	if (now - pipeline->swept_ns > LINGER_NS / 4) {
		procs_sweep(pipeline->procs, now - LINGER_NS);
		pipeline->swept_ns = now;
	}
	sweep_modules(pipeline);
	if (now - pipeline->turned_ns > pipeline->options.sampler.epoch_s * 1e9)
		turn(pipeline);
}

void pipeline_work(struct pipeline *pipeline)
{
	uint64_t began = clock_boot_ns(), began_cpu = clock_cpu_ns(), took;

	work(pipeline);
	took = clock_boot_ns() - began;
	if (took <= pipeline->longest_ns)
		return;
	pipeline->longest_ns = took;
	pipeline->longest_cpu_ns = clock_cpu_ns() - began_cpu;
}

/* --- life --- */

static int watch(struct pipeline *pipeline, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(pipeline->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_fds(struct pipeline *pipeline)
{
	struct itimerspec tick = {.it_interval.tv_nsec = WORK_MS * 1000000,
				  .it_value.tv_nsec = WORK_MS * 1000000};
	int err;

	pipeline->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	pipeline->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (pipeline->epoll_fd < 0 || pipeline->timer_fd < 0)
		return -errno;
	timerfd_settime(pipeline->timer_fd, 0, &tick, NULL);
	err = watch(pipeline, pipeline->timer_fd);
	if (!err)
		err = watch(pipeline, sampler_ring_fd(pipeline->sampler));
	if (!err)
		err = watch(pipeline, sampler_bell_fd(pipeline->sampler));
	if (!err && !pipeline->unwind)
		err = watch(pipeline, task_events_fd(pipeline->task_events));
	if (!err && pipeline->hotplug_fd >= 0)
		err = watch(pipeline, pipeline->hotplug_fd);
	return err;
}

/* Before the events, so that no CPU comes between unseen. */
static void open_hotplug(struct pipeline *pipeline)
{
	int fd = hotplug_open();

	if (fd < 0)
		log_warn("a CPU that goes offline will not be sampled again: %s", strerror(-fd));
	pipeline->hotplug_fd = fd;
}

static bool has_tables(const struct pipeline *pipeline)
{
	return pipeline->options.sampler.tables.shards;
}

static int open_task_events(struct pipeline *pipeline)
{
	unsigned int pages = pipeline->options.task_ring_pages;
	int err = task_events_new(pages ? pages : TASK_RING_PAGES, has_tables(pipeline),
				  &pipeline->task_events);

	if (err)
		system_explain_perf(err, "process records");
	return err;
}

/* Those that will be sampled; children to come are told of by events. */
static int read_targets(struct pipeline *pipeline)
{
	const struct sampler_options *options = &pipeline->options.sampler;

	for (size_t i = 0; i < options->pid_count; i++)
		procs_read(pipeline->procs, options->pids[i]);
	return options->pid_count ? 0 : procs_scan(pipeline->procs);
}

static bool is_target(const struct pipeline *pipeline, uint32_t pid)
{
	const struct sampler_options *options = &pipeline->options.sampler;
	bool found = !options->pid_count;

	for (size_t i = 0; !found && i < options->pid_count; i++)
		found = options->pids[i] == (pid_t)pid;
	return found;
}

struct task_taker {
	struct pipeline *pipeline;
	uint64_t since_ns, until_ns;
	struct wick_task *tasks;
	uint32_t count, size;
};

static void take_task(void *context, const struct wick_task *task)
{
	struct task_taker *taker = context;

	if (is_target(taker->pipeline, task->pid) &&
	    !array_reserve(&taker->tasks, &taker->size, (size_t)taker->count + 1))
		taker->tasks[taker->count++] = *task;
}

/* Who is there, with the followers on: all others will be told of by events. */
static int add_tasks(struct pipeline *pipeline)
{
	struct task_taker taker = {.pipeline = pipeline, .since_ns = clock_boot_ns()};
	int err = sampler_follow(pipeline->sampler);

	if (!err)
		err = sampler_tasks(pipeline->sampler, take_task, &taker);
	taker.until_ns = clock_boot_ns();
	for (uint32_t i = 0; !err && i < taker.count; i++)
		unwind_tables_add(pipeline->unwind, &taker.tasks[i], taker.since_ns,
				  taker.until_ns);
	free(taker.tasks);
	return err;
}

static int make_tables(struct pipeline *pipeline)
{
	const struct sampler_options *options = &pipeline->options.sampler;
	const struct unwind_map_fds fds = {
		.rules = sampler_map(pipeline->sampler, "rules"),
		.pages = sampler_map(pipeline->sampler, "pages"),
		.mappings = sampler_map(pipeline->sampler, "mappings"),
		.shards = sampler_map(pipeline->sampler, "shards"),
		.procs = sampler_map(pipeline->sampler, "procs"),
	};
	const struct unwind_sizes sizes = {options->tables.rules, options->tables.pages,
					   options->tables.mappings, options->tables.shards};
	struct unwind_options wanted = {
		.scope = !options->pid_count ? UNWIND_ALL
			 : options->follow   ? UNWIND_FOLLOW
					     : UNWIND_LISTED,
		.events = pipeline->task_events,
		.compile = unwind_compile_elf,
		.modules_limit = pipeline->options.modules,
	};
	int err = unwind_maps_open(&fds, &sizes, &pipeline->unwind_maps);

	wanted.maps = pipeline->unwind_maps;
	return err ? err : unwind_tables_new(&wanted, &pipeline->unwind);
}

/* What was asked for by name is unwound from the first sample on; the rest of the machine from the
 * one that follows it. */
static int open_tables(struct pipeline *pipeline)
{
	const struct sampler_options *options = &pipeline->options.sampler;
	int err = make_tables(pipeline);

	if (!err)
		err = add_tasks(pipeline);
	if (err) {
		log_error("cannot prepare the unwind tables: %s", strerror(-err));
		return err;
	}
	unwind_tables_load_common(pipeline->unwind);
	if (pipeline->options.program)
		unwind_tables_load_file(pipeline->unwind, pipeline->options.program);
	for (size_t i = 0; i < options->pid_count && !pipeline->options.program; i++)
		unwind_tables_load(pipeline->unwind, options->pids[i]);
	if (options->pid_count)
		unwind_tables_wait(pipeline->unwind);
	return unwind_tables_start(pipeline->unwind);
}

int pipeline_new(const struct pipeline_options *options, struct pipeline **ret_pipeline)
{
	_cleanup_(pipeline_freep) struct pipeline *pipeline = calloc(1, sizeof(*pipeline));
	uint32_t modules = options->modules ? options->modules : MODULES_LIMIT;
	int err;

	if (!pipeline) {
		debuginfod_free(options->debuginfod);
		return -ENOMEM;
	}
	child_prepare();
	pipeline->options = *options;
	pipeline->epoll_fd = pipeline->timer_fd = pipeline->hotplug_fd = -1;
	err = sampler_new(&options->sampler, &pipeline->sampler);
	if (!err)
		err = modules_new(modules, &pipeline->modules);
	if (err)
		debuginfod_free(options->debuginfod);
	else if (options->debuginfod)
		err = modules_ask_servers(pipeline->modules, options->debuginfod);
	if (!err)
		err = procs_new(pipeline->modules, &pipeline->procs);
	if (!err)
		err = names_new(pipeline->modules, (size_t)modules * NAME_BYTES, &pipeline->names);
	if (!err)
		err = ksymbols_new(&pipeline->ksymbols);
	open_hotplug(pipeline);
	/* Events first, then /proc: nothing falls between. */
	if (!err)
		err = open_task_events(pipeline);
	pipeline->ksymbols_old = true;
	if (!err)
		read_ksymbols(pipeline);
	if (!err)
		err = read_targets(pipeline);
	if (!err && has_tables(pipeline))
		err = open_tables(pipeline);
	if (!err)
		err = ring_reader_new(pipeline->sampler, pipeline->unwind, &pipeline->reader);
	if (!err)
		err = open_fds(pipeline);
	if (err)
		return err;
	*ret_pipeline = TAKE_PTR(pipeline);
	return 0;
}

void pipeline_free(struct pipeline *pipeline)
{
	if (!pipeline)
		return;
	ring_reader_free(pipeline->reader);
	unwind_tables_free(pipeline->unwind);
	unwind_maps_close(pipeline->unwind_maps);
	sampler_free(pipeline->sampler);
	task_events_free(pipeline->task_events);
	names_free(pipeline->names);
	ksymbols_free(pipeline->ksymbols);
	procs_free(pipeline->procs);
	modules_free(pipeline->modules);
	arrivals_release(&pipeline->arrivals);
	window_free(pipeline->window);
	window_free(pipeline->next);
	window_free(pipeline->closed);
	if (pipeline->epoll_fd >= 0)
		close(pipeline->epoll_fd);
	if (pipeline->timer_fd >= 0)
		close(pipeline->timer_fd);
	if (pipeline->hotplug_fd >= 0)
		close(pipeline->hotplug_fd);
	cpus_busy_release(&pipeline->busy);
	free(pipeline);
}

int pipeline_fd(const struct pipeline *pipeline)
{
	return pipeline->epoll_fd;
}

static int ask_sampler(void *context, pid_t pid, uint64_t *ret_start_ns, uint64_t *ret_exec_id)
{
	return sampler_identity(context, pid, ret_start_ns, ret_exec_id);
}

int pipeline_start(struct pipeline *pipeline)
{
	int err = open_window(pipeline, 0, &pipeline->window);

	pipeline->turned_ns = clock_boot_ns();
	if (!err)
		err = sampler_start(pipeline->sampler);
	if (pipeline->options.sampler.tables.procs)
		procs_ask(pipeline->procs, ask_sampler, pipeline->sampler);
	return err;
}

/* Waits for the epoch that is ending, if one is, and brings it home. */
static int finish_epoch(struct pipeline *pipeline)
{
	int err = sampler_wait(pipeline->sampler);

	drain(pipeline);
	apply_all(pipeline);
	take_ended(pipeline);
	return err;
}

static void tell_rounds(struct pipeline *pipeline)
{
	const struct ring_waits waits = ring_reader_waits(pipeline->reader);

	log_debug(
		"%u processes known at the end; the rings waited for %.1f ms at most to be looked "
		"into, which took %.1f ms at most, %llu times amid other work; that came in rounds "
		"of %.1f ms at most, %.1f ms of CPU",
		procs_count(pipeline->procs), (double)waits.longest_ns * 1e-6,
		(double)waits.look_ns * 1e-6, (unsigned long long)waits.looks,
		(double)pipeline->longest_ns * 1e-6, (double)pipeline->longest_cpu_ns * 1e-6);
}

static void tell_tables(struct pipeline *pipeline)
{
	_cleanup_(buf_release) struct buf text = {0};
	struct unwind_stats stats;

	if (!pipeline->unwind || !log_enabled(LOG_DEBUG))
		return;
	stats = unwind_tables_stats(pipeline->unwind);
	unwind_stats_print(&stats, &text);
	if (buf_cstr(&text))
		log_debug("%s", text.bytes);
}

int pipeline_stop(struct pipeline *pipeline)
{
	double busy_s = cpus_busy_s(&pipeline->busy);
	uint64_t now = clock_boot_ns();
	int err;

	pipeline->cut_wanted = false;
	pipeline->is_stopped = true;
	sampler_stop(pipeline->sampler);
	err = finish_epoch(pipeline);
	sampler_turn(pipeline->sampler);
	if (!err)
		err = finish_epoch(pipeline);
	if (pipeline->unwind)
		unwind_tables_stop(pipeline->unwind);
	if (err)
		log_error("cannot end the last epoch: %s", strerror(-err));
	close_window(pipeline, now, busy_s);
	tell_rounds(pipeline);
	tell_tables(pipeline);
	/* Only if we had it counted: others may have turned the count on in the middle. */
	if (pipeline->options.sampler.count_runs)
		sampler_runs(pipeline->sampler, &pipeline->window->ledger.runs,
			     &pipeline->window->ledger.run_ns);
	return err;
}

/* Samples that are in the queue, or out of the rings at all, and belong to the window. */
static uint64_t waiting(struct pipeline *pipeline)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < arrivals_count(&pipeline->arrivals); i++) {
		const struct wick_sample *sample = arrivals_sample(&pipeline->arrivals, i);

		count += sample && window_of(pipeline, sample->epoch) == pipeline->window;
	}
	return count;
}

static uint64_t arrived(struct pipeline *pipeline)
{
	uint64_t count = 0;

	for (uint32_t epoch = pipeline->epoch; epoch <= pipeline->epoch + 1; epoch++)
		if (window_of(pipeline, epoch) == pipeline->window)
			count += pipeline->received[epoch & 1];
	return count;
}

const struct window *pipeline_window(struct pipeline *pipeline)
{
	struct window *shown = &pipeline->shown;

	if (pipeline->window->end_ns)
		return pipeline->window;
	*shown = *pipeline->window;
	shown->end_ns = clock_boot_ns();
	shown->ledger.taken += arrived(pipeline) - waiting(pipeline);
	return shown;
}

void pipeline_cut(struct pipeline *pipeline)
{
	if (pipeline->cut_wanted || pipeline->next || pipeline->closed)
		return;
	pipeline->cut_wanted = true;
	turn(pipeline);
}

/* For names, but not so long that the next window gets longer for it. */
static bool must_wait(struct pipeline *pipeline)
{
	uint64_t half = (pipeline->closed->end_ns - pipeline->closed->start_ns) / 2;
	uint64_t waited = clock_boot_ns() - pipeline->closed_ns;

	return waited < (half < NAMES_NS ? half : NAMES_NS) &&
	       !modules_is_done(pipeline->modules, pipeline->closed_serial);
}

struct window *pipeline_closed(struct pipeline *pipeline)
{
	if (!pipeline->closed || (!pipeline->is_stopped && must_wait(pipeline)))
		return NULL;
	return TAKE_PTR(pipeline->closed);
}

/* What the tables of user stacks were worth, in one line. */
static int comment_tables(struct pipeline *pipeline, struct profile *profile)
{
	_cleanup_(buf_release) struct buf text = {0};
	struct unwind_stats stats;

	if (!pipeline->unwind)
		return 0;
	stats = unwind_tables_stats(pipeline->unwind);
	unwind_stats_comment(&stats, &text);
	return buf_cstr(&text) ? profile_add_comment(profile, text.bytes) : -ENOMEM;
}

unsigned int pipeline_asked(struct pipeline *pipeline)
{
	modules_wait(pipeline->modules, MODULES_ALL);
	return modules_asked(pipeline->modules);
}

static void tell_names(const struct pipeline *pipeline, uint64_t profile_ns)
{
	const struct child_cost names = child_cost(false), tables = child_cost(true);

	log_debug("CPU time for names so far: %llu readers %.3f s, their threads %.3f s; "
		  "this profile %.3f s; for unwind tables: %llu readers %.3f s",
		  (unsigned long long)names.children, (double)names.cpu_us * 1e-6,
		  (double)modules_cpu_ns(pipeline->modules) * 1e-9, (double)profile_ns * 1e-9,
		  (unsigned long long)tables.children, (double)tables.cpu_us * 1e-6);
}

int pipeline_profile(struct pipeline *pipeline, const struct window *window, uint32_t wait_ms,
		     struct profile **ret_profile)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	uint64_t begun_ns = clock_cpu_ns();
	int err;

	if (wait_ms)
		modules_wait(pipeline->modules, wait_ms);
	err = names_profile(pipeline->names, window, pipeline->options.sampler.hz,
			    sampler_event(pipeline->sampler), &profile);
	if (!err)
		err = comment_tables(pipeline, profile);
	if (err)
		return err;
	tell_names(pipeline, clock_cpu_ns() - begun_ns);
	*ret_profile = TAKE_PTR(profile);
	return 0;
}

void pipeline_tell_memory(struct pipeline *pipeline, memory_take take, void *context)
{
	const struct memory_item items[] = {
		{"queue", "records that wait for their turn", arrivals_count(&pipeline->arrivals),
		 0, arrivals_bytes(&pipeline->arrivals) + ring_reader_bytes(pipeline->reader)},
		{"window", "of the open window: stacks that are counted",
		 pipeline->window->count_count, 0, window_bytes(pipeline->window)},
		{"processes", "processes whose mappings are known, for names",
		 procs_count(pipeline->procs), 0, procs_bytes(pipeline->procs)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		take(context, &items[i]);
	modules_tell_memory(pipeline->modules, take, context);
	names_tell_memory(pipeline->names, take, context);
	if (pipeline->unwind)
		unwind_tables_tell_memory(pipeline->unwind, take, context);
}
