/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wick dump system: what works on this machine, and what will be missing. */
#include "base/buf.h"
#include "base/log.h"
#include "profiler/commands.h"
#include "profiler/system.h"

#include <stdio.h>

struct dump_system_options {
	bool json;
};

static const struct option_spec dump_system_options[] = {
	{.name = "json",
	 .kind = OPTION_FLAG,
	 .help = "as JSON",
	 .offset = offsetof(struct dump_system_options, json)},
	{.name = NULL},
};

static void print_text(const struct system_fact *facts, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		printf("%-2s%-27s %-21s %s\n", facts[i].is_good ? "" : "!", facts[i].name,
		       facts[i].value, facts[i].means);
}

static void print_json(const struct system_fact *facts, unsigned int count)
{
	struct buf out = {0};

	buf_add_str(&out, "{");
	for (unsigned int i = 0; i < count; i++) {
		buf_add_str(&out, i ? ",\n " : "");
		buf_add_json(&out, facts[i].name);
		buf_add_str(&out, ": {\"value\": ");
		buf_add_json(&out, facts[i].value);
		buf_printf(&out,
			   ", \"good\": %s, \"means\": ", facts[i].is_good ? "true" : "false");
		buf_add_json(&out, facts[i].means);
		buf_add_str(&out, "}");
	}
	buf_add_str(&out, "}\n");
	fwrite(out.bytes, 1, out.used, stdout);
	buf_release(&out);
}

static int run(const void *raw, int argc, char **argv)
{
	const struct dump_system_options *options = raw;
	struct system_fact facts[SYSTEM_FACTS_MAX];
	unsigned int count;

	(void)argv;
	if (argc) {
		log_error("'wick dump system' takes no arguments");
		log_hint("see 'wick dump system --help'");
		return STATUS_USAGE;
	}
	count = system_facts(facts);
	if (options->json)
		print_json(facts, count);
	else
		print_text(facts, count);
	return STATUS_OK;
}

const struct command dump_system_command = {
	.name = "system",
	.summary = "what works on this machine, and (!) what is missing",
	.options = dump_system_options,
	.options_size = sizeof(struct dump_system_options),
	.run = run,
};
