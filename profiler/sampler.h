/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sampler: loads the program of bpf/, opens one perf event a CPU, hands out the records, turns
 * the epochs over.
 *
 * An epoch is a stretch of time with its own stack maps and its own exact counts. To end epoch E:
 *
 *	turner thread    fresh maps into the slots of E+1; control.epoch = E+1; wait until no run of
 *	                 the program that read E is left; ring the bell (sampler_bell_fd)
 *	caller's thread  sampler_drain(): all records of E are out now; sampler_take_epoch(): its
 *	                 counts
 *
 * The wait is a repeated update of an array-of-maps, which the kernel ends with an RCU grace
 * period; it takes ~10 ms, hence the thread. The slot's old map (of E-1) is let go only then, so
 * that a run that read E never sees another epoch's map.
 *
 * All functions belong to one thread, except where they say so.
 */
#ifndef WICK_PROFILER_SAMPLER_H
#define WICK_PROFILER_SAMPLER_H

#include "bpf/abi.h"
#include "profiler/cgroups.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sampler;

struct sampler_options {
	unsigned int hz;   /* ticks a second and CPU */
	bool cycles;	   /* the PMU's cycles instead of cpu-clock */
	bool kernel, user; /* stacks to take */
	bool whole;	   /* stacks travel in the ring, not through maps */
	/* Only samples for which all of these hold. */
	const pid_t *pids; /* of these processes (with their threads); NULL = all */
	size_t pid_count;
	bool follow;		/* and all their children from now on */
	unsigned int max_depth; /* frames of a user stack, up to WICK_DEPTH_MAX */
	/* Room for the unwind tables; all but procs 0 = user stacks by frame pointer alone;
	 * procs 0 = who has which pid is not followed either. */
	struct sampler_tables {
		uint32_t rules, pages, mappings, procs, shards; /* entries of the maps */
	} tables;
	const char *comms;	     /* of processes or threads of these names: "a,b"; NULL = all */
	struct cgroup cgroup;	     /* of this group and those below; id 0 = all */
	bool exclude_self;	     /* not of wick and its own children */
	unsigned int ring_bytes;     /* of each CPU's ring; a power of two >= the page size */
	unsigned int filter_entries; /* processes that can be followed; 0 = WICK_FILTER_MAX */
	unsigned int stack_entries;  /* of each stack map; 0 = 2 x CPUs x hz x epoch_s, in bounds */
	double epoch_s;
	bool count_runs; /* have the kernel count the program's runs (tests) */
	/* One in so many samples is given to check() too, by sampler_drain_checks(); 0 = none. */
	unsigned int check_every;
	void (*check)(void *context, const struct wick_check *check);
	void *check_context;
};

/* What an epoch counted, summed over the CPUs. */
struct sampler_epoch {
	uint32_t epoch;
	uint64_t counts[WICK_COUNTS];
};

/*
 * Loads and prepares everything; nothing samples yet. Says what is wrong and how to cure it, and
 * gives 0 or a negative errno.
 */
int sampler_new(const struct sampler_options *options, struct sampler **ret_sampler);
void sampler_free(struct sampler *sampler);
static inline void sampler_freep(struct sampler **sampler)
{
	sampler_free(*sampler);
}

/* Opens and attaches the events of all CPUs that are online. From its return on, every tick runs
 * the program. */
int sampler_start(struct sampler *sampler);

/* A CPU went, or came back (or came new): its event is gone for good and is opened again. Records
 * that it left can still be drained. */
void sampler_cpu_offline(struct sampler *sampler, unsigned int cpu);
void sampler_cpu_online(struct sampler *sampler, unsigned int cpu);

/* How often the kernel has held an event back for being too frequent, so far, as of the last
 * sampler_drain(). */
uint64_t sampler_throttled(struct sampler *sampler);

/* Detaches the events: nothing samples any more. The epoch that ran still has to be ended. */
void sampler_stop(struct sampler *sampler);

/* Readable when a ring is filling up (a quarter full). */
int sampler_ring_fd(const struct sampler *sampler);

/*
 * Hands out every record in the rings, under a lock: any thread. Whole stacks, if there are any, stand
 * behind the sample: as many pcs as sampler_whole_pcs() tells, the user's first; checked against the
 * record's size. Valid during the call only.
 */
typedef void (*sampler_record)(void *context, const struct wick_sample *sample);
size_t sampler_whole_pcs(const struct wick_sample *sample);
void sampler_drain(struct sampler *sampler, sampler_record record, void *context);

/* The same for what options.check asked for. Checking takes its time. */
void sampler_drain_checks(struct sampler *sampler);

/* Records that were too short or inconsistent, so far: a bug if not 0. */
uint64_t sampler_bad_records(struct sampler *sampler);

/* Asks for the end of the current epoch; no-op while one is ending. */
void sampler_turn(struct sampler *sampler);

/* Readable when an epoch has ended: then sampler_drain(), then sampler_take_epoch(), in this order.
 */
int sampler_bell_fd(const struct sampler *sampler);
bool sampler_has_ended(struct sampler *sampler);

/* Waits until no epoch is ending. Gives the error that kept one from ending. */
int sampler_wait(struct sampler *sampler);

/* The counts of the epoch that has ended, and the end of its maps: stacks of it cannot be fetched
 * any more. False: none has ended. */
bool sampler_take_epoch(struct sampler *sampler, struct sampler_epoch *ret_epoch);

/* A stack of a sample's epoch by its name. -ENOENT: not in the map (or check differs). One system
 * call, during which this CPU does not sample: fetch each stack once. */
enum sampler_side { SAMPLER_KERNEL, SAMPLER_USER };
int sampler_fetch(struct sampler *sampler, enum sampler_side side, uint32_t epoch, uint64_t hash,
		  uint32_t check, struct wick_stack *ret_stack);

/* Every process there is, with what the program knows it by. From sampler_follow() on
 * nothing falls between this and the execs. 0 or a negative errno. */
typedef void (*sampler_task)(void *context, const struct wick_task *task);
int sampler_tasks(struct sampler *sampler, sampler_task take, void *context);

/* From its return on, forks, execs and exits are followed. Called by sampler_start() if not
 * before. */
int sampler_follow(struct sampler *sampler);

/* The descriptor of one of the program's maps ("rules", "pages", "mappings", "procs", "shards"). */
int sampler_map(const struct sampler *sampler, const char *name);

/* Who has the pid now, as the followers know it: gives 0, -ENOENT if it is nobody that was forked or
 * exec'd since sampler_follow(), or another negative errno. */
int sampler_identity(const struct sampler *sampler, pid_t pid, uint64_t *ret_start_ns,
		     uint64_t *ret_exec_id);

/* "cpu-clock" or "cycles". */
const char *sampler_event(const struct sampler *sampler);

/* The kernel's own count of the program's runs and their time; zeros unless count_runs. */
void sampler_runs(const struct sampler *sampler, uint64_t *ret_runs, uint64_t *ret_run_ns);

#endif
