/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/ledger.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct reason {
	const char *name, *sentence;
} drops[] =
	{
#define WICK_DROP(name, sentence) {"dropped." #name, sentence},
#include "bpf/stats.def"
},
  cuts[] = {
#define WICK_END(name, sentence) {"cut." #name, sentence},
#define WICK_CUT(name, sentence) {"cut." #name, sentence},
#include "bpf/stats.def"
};

static const struct reason others[] = {
	{"not_run", "ticks on which the kernel did not run the program (an estimate)"},
	{"filtered", "ticks that met other processes than those asked for"},
	{"throttled", "times the kernel held the event back: sampled less often than asked for"},
	{"whole", "stacks that travelled whole: their map was full or busy, or not used"},
	{"runs", "runs of the program, by the kernel's own count"},
	{"run_ns", "nanoseconds they took"},
};

/* What is missing beside the samples; told at the end as well. */
static const struct reason wants[] = {
	{"filter_full", "child processes that were not followed: the filter was full"},
	{"refused", "mappings not kept, as there were too many: their frames have no names"},
	{"replaced",
	 "files replaced in place while they were mapped: their names are those before"},
};

struct want_counts {
	uint64_t of[ARRAY_SIZE(wants)];
};

static struct want_counts count_wants(const struct ledger *ledger)
{
	return (struct want_counts){{ledger->filter_full, ledger->refused, ledger->replaced}};
}

static uint64_t sum(const uint64_t *counts, size_t n)
{
	uint64_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += counts[i];
	return total;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

uint64_t ledger_difference(const struct ledger *ledger)
{
	uint64_t dropped = sum(ledger->dropped, WICK_DROPS);
	uint64_t cut = sum(ledger->cut, WICK_CUTS);

	return distance(ledger->taken, ledger->written + dropped) +
	       distance(ledger->written, ledger->complete + cut);
}

static int each(const struct reason *reasons, const uint64_t *counts, size_t n, ledger_take take,
		void *context)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++)
		err = take(context, reasons[i].name, reasons[i].sentence, counts[i]);
	return err;
}

int ledger_each(const struct ledger *ledger, ledger_take take, void *context)
{
	static const struct reason sums[] = {
		{"taken", "samples of processes that were asked for"},
		{"written", "samples in the profile"},
		{"complete", "of them with a stack up to its root"},
	};
	const uint64_t sum_counts[] = {ledger->taken, ledger->written, ledger->complete};
	/* In the order of others[]. */
	const uint64_t other_counts[] = {ledger->not_run, ledger->filtered, ledger->throttled,
					 ledger->whole,	  ledger->runs,	    ledger->run_ns};
	const struct want_counts want_counts = count_wants(ledger);
	enum { first = WICK_END_LAST_COMPLETE + 1 }; /* those before are no cuts */
	int err = each(sums, sum_counts, ARRAY_SIZE(sums), take, context);

	_Static_assert(ARRAY_SIZE(others) == ARRAY_SIZE(other_counts), "a count for each name");
	if (!err)
		err = each(others, other_counts, ARRAY_SIZE(others), take, context);
	if (!err)
		err = each(wants, want_counts.of, ARRAY_SIZE(wants), take, context);
	if (!err)
		err = each(drops, ledger->dropped, WICK_DROPS, take, context);
	return err ? err
		   : each(cuts + first, ledger->cut + first, WICK_CUTS - first, take, context);
}

/* Counts of 0 are left out, but for those that every profile has. */
static int store(void *context, const char *name, const char *sentence, uint64_t count)
{
	static const char *const always[] = {"taken", "written", "complete", "not_run"};
	bool wanted = count;

	(void)sentence;
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		wanted |= !strcmp(name, always[i]);
	return wanted ? profile_ledger_add(context, name, count) : 0;
}

int ledger_store(const struct ledger *ledger, struct profile *profile)
{
	return ledger_each(ledger, store, profile);
}

static const char *find(const struct reason *reasons, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(reasons[i].name, name))
			return reasons[i].sentence;
	return NULL;
}

const char *ledger_cut(unsigned int cut)
{
	return cuts[cut].name + strlen("cut.");
}

const char *ledger_sentence(const char *name)
{
	const char *sentence = find(others, ARRAY_SIZE(others), name);

	if (!sentence)
		sentence = find(wants, ARRAY_SIZE(wants), name);
	if (!sentence)
		sentence = find(drops, ARRAY_SIZE(drops), name);
	return sentence ? sentence : find(cuts, ARRAY_SIZE(cuts), name);
}

static void print(const struct reason *reasons, const uint64_t *counts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (counts[i])
			log_info("  %10" PRIu64 "  %s: %s", counts[i], reasons[i].name,
				 reasons[i].sentence);
}

void ledger_print(const struct ledger *ledger)
{
	uint64_t dropped = sum(ledger->dropped, WICK_DROPS), off = ledger_difference(ledger);
	const struct want_counts want_counts = count_wants(ledger);

	log_info("%" PRIu64 " samples taken, %" PRIu64 " written, %" PRIu64 " dropped; %" PRIu64
		 " stacks complete, %" PRIu64 " cut; about %" PRIu64 " ticks not run",
		 ledger->taken, ledger->written, dropped, ledger->complete,
		 ledger->written - ledger->complete, ledger->not_run);
	print(drops, ledger->dropped, WICK_DROPS);
	print(cuts, ledger->cut, WICK_CUTS);
	print(wants, want_counts.of, ARRAY_SIZE(wants));
	if (ledger->throttled)
		log_warn("the kernel held the event back %" PRIu64
			 " times: sampled less often than asked for, and weighed so",
			 ledger->throttled);
	if (off)
		log_warn("the ledger is off by %" PRIu64 ": a bug in wick, please report it", off);
}
