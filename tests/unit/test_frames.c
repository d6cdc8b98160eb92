/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "formats/folded.h"
#include "formats/frames.h"
#include "tests/test.h"

#include <errno.h>

static uint32_t mapping(struct profile *profile, const char *file)
{
	struct profile_mapping m = {0};
	uint32_t id = 0;

	CHECK_INT(profile_add_string(profile, file, &m.file), 0);
	CHECK_INT(profile_add_mapping(profile, &m, &id), 0);
	return id;
}

/* A location whose lines are the names, up to NULL. */
static uint32_t location(struct profile *profile, uint32_t of, uint64_t address,
			 const char *const *names)
{
	struct profile_location at = {.mapping = of, .address = address};
	struct profile_line lines[8] = {0};
	uint32_t count = 0, id = 0;

	for (; names[count]; count++) {
		struct profile_function function = {0};

		profile_add_string(profile, names[count], &function.name);
		CHECK_INT(profile_add_function(profile, &function, &lines[count].function), 0);
	}
	CHECK_INT(profile_add_location(profile, &at, lines, count, &id), 0);
	return id;
}

#define LOCATION(of, address, ...)                                                                 \
	location(profile, of, address, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

/* main calls f, which has g and h inlined; below it the kernel; and code made at run time. */
static struct profile *example(void)
{
	struct profile *profile = NULL;
	uint32_t app, kernel, jit, stack[4];
	const int64_t one[2] = {1, 1};

	if (profile_new(&profile) || profile_init_cpu(profile, 1))
		return NULL;
	app = mapping(profile, "/bin/app");
	kernel = mapping(profile, "[kernel.kallsyms]");
	jit = mapping(profile, "[jit]");
	stack[3] = LOCATION(app, 1, "main");
	stack[2] = LOCATION(app, 2, "h", "g", "f");
	stack[1] = LOCATION(kernel, 3, "do_syscall");
	stack[0] = LOCATION(mapping(profile, "[ext4]"), 4, "ext4_read");
	CHECK_INT(profile_add_sample(profile, stack, 4, NULL, 0, one), 0);
	stack[2] = LOCATION(jit, 5, "js");
	stack[1] = LOCATION(app, 6);
	stack[0] = LOCATION(mapping(profile, "[vdso]"), 7, "clock");
	CHECK_INT(profile_add_sample(profile, stack, 4, NULL, 0, one), 0);
	return profile;
}

static const char *folded(const struct profile *profile, struct buf *out)
{
	buf_clear(out);
	CHECK_INT(folded_write(profile, out), 0);
	return buf_cstr(out);
}

TEST(kernel_inlined_and_jit_frames_are_marked_and_no_others)
{
	_cleanup_(profile_freep) struct profile *profile = example();
	_cleanup_(buf_release) struct buf out = {0};

	CHECK_INT(frames_annotate(profile), 0);
	CHECK_STR(folded(profile, &out), "main;f;g_[i];h_[i];do_syscall_[k];ext4_read_[k] 1\n"
					 "main;js_[j];app+0x6;clock 1\n");
}

TEST(expanded_each_location_has_one_line_and_the_stacks_read_the_same)
{
	_cleanup_(profile_freep) struct profile *profile = example();
	_cleanup_(buf_release) struct buf before = {0}, after = {0};

	folded(profile, &before);
	CHECK_INT(frames_expand(profile), 0);
	CHECK_STR(folded(profile, &after), before.bytes);
	CHECK_INT(profile->samples[0].location_count, 6);
	CHECK_INT(profile->samples[1].location_count, 4);
	for (uint32_t i = 0; i < profile->location_count; i++)
		CHECK(profile->locations[i].line_count <= 1);
}

/* The qualities of a stack from its root, as words. */
static const char *qualities(const struct profile *profile, uint32_t sample, struct buf *out)
{
	const struct profile_sample *s = &profile->samples[sample];

	buf_clear(out);
	for (uint32_t i = s->location_count; i-- > 0;) {
		const struct profile_location *at =
			&profile->locations[profile->sample_locations[s->location_first + i]];

		for (uint32_t j = at->line_count ? at->line_count : 1; j-- > 0;)
			buf_printf(out, "%s;", frame_quality_name(frame_quality(profile, at, j)));
	}
	return buf_cstr(out);
}

TEST(where_names_are_from_is_told_by_their_location_or_else_by_what_it_has)
{
	_cleanup_(profile_freep) struct profile *profile = example();
	_cleanup_(buf_release) struct buf out = {0};
	struct profile_location *f =
		&profile->locations[profile->sample_locations[profile->samples[0].location_first +
							      2]];

	CHECK_STR(qualities(profile, 0, &out),
		  "some symbol;some symbol;debug info;debug info;kernel;kernel;");
	CHECK_STR(qualities(profile, 1, &out), "some symbol;jit;module+offset;some symbol;");
	f->quality = PROFILE_SYMTAB;
	profile->lines[f->line_first].line = 7;
	CHECK_STR(qualities(profile, 0, &out), "some symbol;symtab;debug info;line;kernel;kernel;");
	CHECK(frame_is_named(profile, f, 2));
	/* What cannot be is not believed. */
	f->quality = PROFILE_OFFSET;
	CHECK_STR(qualities(profile, 0, &out),
		  "some symbol;some symbol;debug info;line;kernel;kernel;");
	f->quality = PROFILE_NAMELESS;
	CHECK(!frame_is_named(profile, f, 2));
}

TEST(expanded_each_level_keeps_where_its_name_is_from)
{
	_cleanup_(profile_freep) struct profile *profile = example();
	_cleanup_(buf_release) struct buf before = {0}, after = {0};

	profile->locations[profile->sample_locations[profile->samples[0].location_first + 2]]
		.quality = PROFILE_LINE;
	qualities(profile, 0, &before);
	CHECK_INT(frames_expand(profile), 0);
	CHECK_STR(qualities(profile, 0, &after), before.bytes);
}

TEST(a_stack_that_expands_past_the_limit_is_refused)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	uint32_t stack[PROFILE_DEPTH_MAX], id, app;
	const int64_t one[2] = {1, 1};

	CHECK_INT(profile_new(&profile) || profile_init_cpu(profile, 1), 0);
	app = mapping(profile, "/bin/app");
	id = LOCATION(app, 1, "a", "b");
	for (uint32_t i = 0; i < PROFILE_DEPTH_MAX; i++)
		stack[i] = id;
	CHECK_INT(profile_add_sample(profile, stack, PROFILE_DEPTH_MAX / 2 + 1, NULL, 0, one), 0);
	CHECK_INT(frames_expand(profile), -E2BIG);
}

TEST_MAIN()
