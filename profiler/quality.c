/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/quality.h"

#include "base/cleanup.h"
#include "base/quote.h"
#include "formats/frames.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LACKS_SHOWN = 4, NAME_SHOWN = 1024 };

void quality_release(struct quality *quality)
{
	free(quality->lacks);
}

static void weigh_leaf(struct quality *quality, const struct profile_location *leaf, int64_t value)
{
	enum profile_quality from = frame_quality(quality->profile, leaf, 0);
	bool is_user = !leaf->line_count ||
		       frame_kind(quality->profile, leaf, leaf->line_count - 1) != FRAME_OF_KERNEL;
	struct quality_lack *lack;

	quality->from[from] += value;
	quality->named += frame_is_named(quality->profile, leaf, 0) ? value : 0;
	if (!is_user)
		return;
	quality->user += value;
	quality->with_lines += from == PROFILE_LINE ? value : 0;
	if (leaf->mapping == PROFILE_NO_MAPPING)
		return;
	lack = &quality->lacks[leaf->mapping];
	if (from == PROFILE_LINE) {
		lack->has_other_lines = true;
		return;
	}
	lack->value += value;
	if (lack->best < from)
		lack->best = (uint8_t)from;
}

static int compare_lacks(const void *left, const void *right)
{
	const struct quality_lack *a = left, *b = right;

	if (a->value != b->value)
		return a->value > b->value ? -1 : 1;
	return a->mapping < b->mapping ? -1 : a->mapping > b->mapping;
}

static void sort_lacks(struct quality *quality)
{
	uint32_t count = quality->profile->mapping_count;

	qsort(quality->lacks, count, sizeof(*quality->lacks), compare_lacks);
	while (quality->lack_count < count && quality->lacks[quality->lack_count].value > 0)
		quality->lack_count++;
}

int quality_weigh(const struct profile *profile, uint32_t type, struct quality *ret_quality)
{
	struct quality quality = {.profile = profile, .whole = profile_total(profile, type)};

	quality.lacks = calloc(profile->mapping_count + 1u, sizeof(*quality.lacks));
	if (!quality.lacks)
		return -ENOMEM;
	for (uint32_t i = 0; i < profile->mapping_count; i++)
		quality.lacks[i].mapping = i;
	for (uint32_t i = 0; i < profile->sample_count; i++) {
		const struct profile_sample *sample = &profile->samples[i];
		const uint32_t *leaf = &profile->sample_locations[sample->location_first];

		if (sample->location_count)
			weigh_leaf(&quality, &profile->locations[*leaf], sample->values[type]);
	}
	sort_lacks(&quality);
	*ret_quality = quality;
	return 0;
}

/* --- why --- */

/* What the recorder noted of the module, see names.c: "no lines: /usr/bin/x: its debug info is damaged". */
static const char *noted_reason(const struct profile *profile, const char *file)
{
	static const char *const beginnings[] = {"no names: ", "no lines: "};
	size_t length = strlen(file);

	for (uint32_t i = 0; i < profile->comment_count; i++) {
		const char *text = profile_string(profile, profile->comments[i]);

		for (size_t n = 0; n < ARRAY_SIZE(beginnings); n++) {
			const char *path = text + strlen(beginnings[n]);

			if (!strncmp(text, beginnings[n], strlen(beginnings[n])) &&
			    !strncmp(path, file, length) && !strncmp(path + length, ": ", 2))
				return path + length + 2;
		}
	}
	return NULL;
}

static const char *of_no_file(const char *file)
{
	static const struct {
		const char *file, *why;
	} reasons[] = {
		{"[anon]", "code made at run time that nothing tells of"},
		{"[jit]", "its runtime tells no lines"},
		{"[unmapped]", "no file was mapped there"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (!strcmp(file, reasons[i].file))
			return reasons[i].why;
	return NULL;
}

static const char *why(const struct profile *profile, const struct quality_lack *lack)
{
	const char *file = profile_string(profile, profile->mappings[lack->mapping].file);
	const char *reason = noted_reason(profile, file);

	if (!reason)
		reason = of_no_file(file);
	if (reason)
		return reason;
	if (lack->has_other_lines)
		return "no lines for some code";
	return lack->best == PROFILE_OFFSET   ? "no symbols"
	       : lack->best == PROFILE_DYNSYM ? "no debug info, only exported symbols"
					      : "no debug info";
}

/* --- output --- */

static double percent(int64_t part, int64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static const char *module_name(const struct profile *profile, uint32_t mapping)
{
	const char *path = profile_string(profile, profile->mappings[mapping].file);
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void add_sources(const struct quality *quality, struct buf *out)
{
	const char *separator = "\n          from: ";

	for (unsigned int i = PROFILE_QUALITIES; i-- > 0;) {
		if (!quality->from[i])
			continue;
		buf_printf(out, "%s%s %.1f %%", separator,
			   frame_quality_name((enum profile_quality)i),
			   percent(quality->from[i], quality->whole));
		separator = ", ";
	}
}

void quality_as_text(const struct quality *quality, struct buf *out)
{
	char shown[NAME_SHOWN], reason[NAME_SHOWN];

	if (!quality->whole)
		return;
	buf_printf(out, "names     %.1f %% of samples named",
		   percent(quality->named, quality->whole));
	if (quality->user)
		buf_printf(out, ", %.1f %% of those in user code with lines",
			   percent(quality->with_lines, quality->user));
	add_sources(quality, out);
	for (uint32_t i = 0; i < quality->lack_count && i < LACKS_SHOWN; i++) {
		const struct quality_lack *lack = &quality->lacks[i];

		buf_printf(
			out, "%s%s (%s)", i ? ", " : "\n          missing: ",
			quote(shown, sizeof(shown), module_name(quality->profile, lack->mapping)),
			quote(reason, sizeof(reason), why(quality->profile, lack)));
	}
	if (quality->lack_count > LACKS_SHOWN)
		buf_printf(out, " and %" PRIu32 " more", quality->lack_count - LACKS_SHOWN);
	buf_add_char(out, '\n');
}

static void add_json_sources(const struct quality *quality, struct buf *out)
{
	const char *separator = "";

	buf_add_str(out, ", \"from\": {");
	for (unsigned int i = 0; i < PROFILE_QUALITIES; i++) {
		if (!quality->from[i])
			continue;
		buf_printf(out, "%s\"%s\": %" PRId64, separator,
			   frame_quality_name((enum profile_quality)i), quality->from[i]);
		separator = ", ";
	}
	buf_add_char(out, '}');
}

void quality_as_json(const struct quality *quality, struct buf *out)
{
	const struct profile *profile = quality->profile;

	buf_printf(out,
		   "  \"names\": {\"named\": %" PRId64 ", \"user\": %" PRId64
		   ", \"with_lines\": %" PRId64,
		   quality->named, quality->user, quality->with_lines);
	add_json_sources(quality, out);
	buf_add_str(out, ", \"missing\": [");
	for (uint32_t i = 0; i < quality->lack_count; i++) {
		const struct quality_lack *lack = &quality->lacks[i];

		buf_add_str(out, i ? ", {\"module\": " : "{\"module\": ");
		buf_add_json(out, profile_string(profile, profile->mappings[lack->mapping].file));
		buf_printf(out, ", \"samples\": %" PRId64 ", \"why\": ", lack->value);
		buf_add_json(out, why(profile, lack));
		buf_add_char(out, '}');
	}
	buf_add_str(out, "]},\n");
}
