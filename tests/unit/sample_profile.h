/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small profile with one of everything, for the tests of the encodings. */
#ifndef WICK_TESTS_UNIT_SAMPLE_PROFILE_H
#define WICK_TESTS_UNIT_SAMPLE_PROFILE_H

#include "formats/profile.h"

static inline uint32_t sample_location(struct profile *profile, uint32_t mapping, uint64_t address,
				       const char *outer, const char *inlined)
{
	struct profile_location location = {.mapping = mapping, .address = address};
	struct profile_function function = {0};
	struct profile_line lines[2] = {{.line = 7, .column = 3}, {.line = 40}};
	uint32_t id, count = 0;

	if (inlined) {
		profile_add_string(profile, inlined, &function.name);
		profile_add_function(profile, &function, &lines[count++].function);
	}
	if (outer) {
		profile_add_string(profile, outer, &function.name);
		profile_add_string(profile, "main.c", &function.file);
		function.start_line = 30;
		profile_add_function(profile, &function, &lines[count++].function);
	}
	profile_add_location(profile, &location, lines, count, &id);
	return id;
}

static inline void sample_add(struct profile *profile, const uint32_t *stack, uint32_t depth,
			      const char *comm, int64_t pid, int64_t count)
{
	struct profile_label labels[2];

	profile_make_label(profile, "comm", comm, &labels[0]);
	profile_make_number(profile, "pid", pid, &labels[1]);
	profile_add_sample(profile, stack, depth, labels, 2, (int64_t[]){count, count * 10101010});
}

/*
 * Folded:  app;main;work 5
 *          app;main;work;inner;libc.so.6+0x1234 4    (inner is inlined into work)
 *          app;main;do_syscall_64 1
 */
static inline struct profile *sample_profile(void)
{
	struct profile_mapping mapping = {.start = 0x1000, .limit = 0x9000, .offset = 0x1000};
	uint32_t app, libc, kernel, main_at, work, inner, libc_at, syscall_at;
	struct profile *profile;

	profile_new(&profile);
	profile_init_cpu(profile, 99);
	profile->time_ns = 1700000000000000000;
	profile->duration_ns = 10000000000;
	profile_add_comment(profile, "host: test");
	profile_ledger_add(profile, "taken", 12);
	profile_ledger_add(profile, "written", 10);
	profile_ledger_add(profile, "dropped.ring_full", 2);
	profile_ledger_add(profile, "complete", 10);
	profile_ledger_add(profile, "not_run", 0);

	profile_add_string(profile, "/usr/bin/app", &mapping.file);
	profile_add_string(profile, "abcd1234", &mapping.build_id);
	mapping.has_functions = mapping.has_lines = mapping.has_inlines = true;
	profile_add_mapping(profile, &mapping, &app);
	mapping = (struct profile_mapping){.start = 0, .limit = 0x200000};
	profile_add_string(profile, "/lib/libc.so.6", &mapping.file);
	profile_add_mapping(profile, &mapping, &libc);
	mapping = (struct profile_mapping){.limit = 0x200000, .has_functions = true};
	profile_add_string(profile, "[kernel.kallsyms]", &mapping.file);
	profile_add_mapping(profile, &mapping, &kernel);

	main_at = sample_location(profile, app, 0x1100, "main", NULL);
	work = sample_location(profile, app, 0x1200, "work", NULL);
	inner = sample_location(profile, app, 0x1204, "work", "inner");
	libc_at = sample_location(profile, libc, 0x1234, NULL, NULL);
	syscall_at = sample_location(profile, kernel, 0x88, "do_syscall_64", NULL);

	sample_add(profile, (uint32_t[]){work, main_at}, 2, "app", 10, 2);
	sample_add(profile, (uint32_t[]){work, main_at}, 2, "app", 11, 3);
	sample_add(profile, (uint32_t[]){libc_at, inner, main_at}, 3, "app", 10, 4);
	sample_add(profile, (uint32_t[]){syscall_at, main_at}, 2, "app", 10, 1);
	return profile;
}

#endif
