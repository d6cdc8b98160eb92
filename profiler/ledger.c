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
	{"whole", "stacks that travelled whole: their map was full or busy, or not used"},
	{"filter_full", "child processes that were not followed: the filter was full"},
	{"runs", "runs of the program, by the kernel's own count"},
	{"run_ns", "nanoseconds they took"},
};

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

/* Reasons that did not happen are left out. */
static int store(struct profile *profile, const struct reason *reasons, const uint64_t *counts,
		 size_t n)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++)
		if (counts[i])
			err = profile_ledger_add(profile, reasons[i].name, counts[i]);
	return err;
}

int ledger_store(const struct ledger *ledger, struct profile *profile)
{
	const struct {
		const char *name;
		uint64_t count;
		bool always;
	} counts[] = {
		{"taken", ledger->taken, true},
		{"written", ledger->written, true},
		{"complete", ledger->complete, true},
		{"not_run", ledger->not_run, true},
		{"filtered", ledger->filtered, false},
		{"whole", ledger->whole, false},
		{"filter_full", ledger->filter_full, false},
		{"runs", ledger->runs, false},
		{"run_ns", ledger->run_ns, false},
	};
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(counts); i++)
		if (counts[i].count || counts[i].always)
			err = profile_ledger_add(profile, counts[i].name, counts[i].count);
	if (!err)
		err = store(profile, drops, ledger->dropped, WICK_DROPS);
	if (!err)
		err = store(profile, cuts, ledger->cut, WICK_CUTS);
	return err;
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

	log_info("%" PRIu64 " samples taken, %" PRIu64 " written, %" PRIu64 " dropped; %" PRIu64
		 " stacks complete, %" PRIu64 " cut; about %" PRIu64 " ticks not run",
		 ledger->taken, ledger->written, dropped, ledger->complete,
		 ledger->written - ledger->complete, ledger->not_run);
	print(drops, ledger->dropped, WICK_DROPS);
	print(cuts, ledger->cut, WICK_CUTS);
	if (off)
		log_warn("the ledger is off by %" PRIu64 ": a bug in wick, please report it", off);
}
