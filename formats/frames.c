/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/frames.h"

#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char jit_file[] = "[jit]";

/* Words in brackets that are no kernel module. */
static const char *const user_files[] = {"[vdso]", "[anon]",	 "[heap]",    "[stack]",   "[vvar]",
					 "[jit]",  "[unmapped]", "[uprobes]", "[vsyscall]"};

enum frame_kind frame_kind(const struct profile *profile, const struct profile_location *location,
			   uint32_t line)
{
	const char *file = "";

	if (line + 1 < location->line_count)
		return FRAME_INLINED;
	if (location->mapping != PROFILE_NO_MAPPING)
		file = profile_string(profile, profile->mappings[location->mapping].file);
	if (*file != '[')
		return FRAME_NATIVE;
	if (!strcmp(file, jit_file))
		return FRAME_JIT;
	for (size_t i = 0; i < ARRAY_SIZE(user_files); i++)
		if (!strcmp(file, user_files[i]))
			return FRAME_NATIVE;
	return FRAME_OF_KERNEL;
}

/* Names that stand where there is none. */
static const char *const nameless[] = {"[kernel]", "[unmapped]", "[unknown]", "[frames left out]"};

static bool is_of_file(const struct profile *profile, const struct profile_location *location)
{
	return location->mapping != PROFILE_NO_MAPPING &&
	       *profile_string(profile, profile->mappings[location->mapping].file) != '[';
}

/* A file is a file: what it tells need not fit what else is there. */
static bool may_be(const struct profile_location *location, enum profile_quality quality)
{
	return location->line_count ? quality != PROFILE_OFFSET
				    : quality == PROFILE_OFFSET || quality == PROFILE_NAMELESS;
}

static enum profile_quality guess_quality(const struct profile *profile,
					  const struct profile_location *location, uint32_t line)
{
	enum frame_kind kind = frame_kind(profile, location, line);
	const struct profile_line *at = &profile->lines[location->line_first + line];
	const char *name;

	if (line >= location->line_count)
		return is_of_file(profile, location) ? PROFILE_OFFSET : PROFILE_NAMELESS;
	name = profile_string(profile, profile->functions[at->function].name);
	for (size_t i = 0; i < ARRAY_SIZE(nameless); i++)
		if (!strcmp(name, nameless[i]))
			return PROFILE_NAMELESS;
	if (at->line)
		return PROFILE_LINE;
	return kind == FRAME_OF_KERNEL ? PROFILE_KERNEL
	       : kind == FRAME_JIT     ? PROFILE_JIT
				       : PROFILE_NOT_TOLD;
}

enum profile_quality frame_quality(const struct profile *profile,
				   const struct profile_location *location, uint32_t line)
{
	enum profile_quality told = (enum profile_quality)location->quality;

	if (line + 1 < location->line_count)
		return profile->lines[location->line_first + line].line ? PROFILE_LINE
									: PROFILE_DEBUG;
	return told != PROFILE_NOT_TOLD && may_be(location, told)
		       ? told
		       : guess_quality(profile, location, line);
}

bool frame_is_named(const struct profile *profile, const struct profile_location *location,
		    uint32_t line)
{
	enum profile_quality quality = frame_quality(profile, location, line);

	return quality != PROFILE_NAMELESS && quality != PROFILE_OFFSET;
}

const char *frame_quality_name(enum profile_quality quality)
{
	static const char *const names[PROFILE_QUALITIES] = {
		[PROFILE_NOT_TOLD] = "some symbol",
		[PROFILE_NAMELESS] = "none",
		[PROFILE_OFFSET] = "module+offset",
		[PROFILE_DYNSYM] = "dynsym",
		[PROFILE_GO] = "gopclntab",
		[PROFILE_DEBUGDATA] = "debugdata",
		[PROFILE_SYMTAB] = "symtab",
		[PROFILE_DEBUG] = "debug info",
		[PROFILE_LINE] = "line",
		[PROFILE_JIT] = "jit",
		[PROFILE_KERNEL] = "kernel",
	};

	return names[quality];
}

/* The function under a name with a suffix. */
static int suffixed(struct profile *profile, uint32_t id, const char *suffix, uint32_t *ret_id)
{
	_cleanup_(buf_release) struct buf name = {0};
	struct profile_function function = profile->functions[id];
	int err;

	buf_add_str(&name, profile_string(profile, function.name));
	buf_add_str(&name, suffix);
	if (!buf_cstr(&name))
		return -ENOMEM;
	err = profile_add_string(profile, name.bytes, &function.name);
	return err ? err : profile_add_function(profile, &function, ret_id);
}

int frames_annotate(struct profile *profile)
{
	static const char *const suffixes[] = {
		[FRAME_NATIVE] = NULL,
		[FRAME_INLINED] = "_[i]",
		[FRAME_JIT] = "_[j]",
		[FRAME_OF_KERNEL] = "_[k]",
	};
	int err = 0;

	for (uint32_t i = 0; i < profile->location_count; i++) {
		const struct profile_location *location = &profile->locations[i];

		for (uint32_t j = 0; !err && j < location->line_count; j++) {
			struct profile_line *line = &profile->lines[location->line_first + j];
			const char *suffix = suffixes[frame_kind(profile, location, j)];

			if (suffix)
				err = suffixed(profile, line->function, suffix, &line->function);
		}
	}
	return err;
}

/* The locations that stand for one, from first on. */
struct levels {
	uint32_t first, count;
};

/* The innermost level stays in the location itself. */
static int expand_location(struct profile *profile, uint32_t id, uint32_t *ids)
{
	/* By value: adding moves the arrays. */
	const struct profile_location location = profile->locations[id];
	int err = 0;

	*ids = id;
	for (uint32_t i = 1; !err && i < location.line_count; i++) {
		struct profile_line line = profile->lines[location.line_first + i];
		struct profile_location level = location;

		level.quality = (uint8_t)frame_quality(profile, &location, i);
		err = profile_add_location(profile, &level, &line, 1, &ids[i]);
	}
	if (location.line_count > 1) {
		profile->locations[id].quality = (uint8_t)frame_quality(profile, &location, 0);
		profile->locations[id].line_count = 1;
	}
	return err;
}

static int expand_samples(struct profile *profile, const struct levels *levels, const uint32_t *ids)
{
	uint32_t *expanded = NULL, count = 0, size = 0;

	for (uint32_t i = 0; i < profile->sample_count; i++) {
		struct profile_sample *sample = &profile->samples[i];
		uint32_t first = count;

		for (uint32_t j = 0; j < sample->location_count; j++) {
			uint32_t id = profile->sample_locations[sample->location_first + j];

			if (array_reserve(&expanded, &size, (size_t)count + levels[id].count)) {
				free(expanded);
				return -ENOMEM;
			}
			/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): of 0 bytes */
			memcpy(expanded + count, ids + levels[id].first,
			       levels[id].count * sizeof(*ids));
			count += levels[id].count;
		}
		if (count - first > PROFILE_DEPTH_MAX) {
			free(expanded);
			return -E2BIG;
		}
		sample->location_first = first;
		sample->location_count = count - first;
	}
	free(profile->sample_locations);
	profile->sample_locations = expanded;
	profile->sample_location_count = count;
	profile->sample_locations_size = size;
	hashmap_clear(&profile->sample_index); /* its keys were the old lists */
	return 0;
}

int frames_expand(struct profile *profile)
{
	uint32_t count = profile->location_count, total = 0;
	_cleanup_free_ struct levels *levels = calloc(count + 1u, sizeof(*levels));
	_cleanup_free_ uint32_t *ids = NULL;
	int err = 0;

	if (!levels)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t lines = profile->locations[i].line_count;

		levels[i] = (struct levels){total, lines > 1 ? lines : 1};
		total += levels[i].count;
	}
	ids = calloc(total + 1u, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	for (uint32_t i = 0; !err && i < count; i++)
		err = expand_location(profile, i, ids + levels[i].first);
	return err ? err : expand_samples(profile, levels, ids);
}
