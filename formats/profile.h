/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A profile in memory, in the shape of pprof's profile.proto: samples that point to locations,
 * locations that point to a mapping and to lines, lines that point to functions, strings by id.
 *
 *   sample --locations (leaf first)--> location --> mapping (build id)
 *      |                                  +--lines (innermost callee first)--> function --> names
 *      +--> labels, values (one for each sample type)
 *
 * Ids here are positions in the arrays below, from 0; the encodings number them from 1. All strings
 * are interned in `strings`, id 0 is "". Every add function finds an equal element before it makes
 * a new one, so two adds of the same thing give the same id, and two samples with the same
 * locations and labels are one sample whose values are the sum. A profile owns all its memory;
 * nothing is borrowed. Not thread safe. Functions give 0 or -ENOMEM unless they say more.
 */
#ifndef WICK_FORMATS_PROFILE_H
#define WICK_FORMATS_PROFILE_H

#include "base/hashmap.h"
#include "base/strtab.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	PROFILE_VALUES_MAX = 8,	      /* sample types in a profile */
	PROFILE_LABELS_MAX = 32,      /* labels of one sample */
	PROFILE_DEPTH_MAX = 4096,     /* locations of one sample; readers refuse more */
	PROFILE_LINES_MAX = 1024,     /* lines (inlined levels) of one location */
	PROFILE_LEDGER_MAX = 256,     /* lines of the ledger */
	PROFILE_STRING_MAX = 1 << 20, /* bytes of a string; readers refuse more */
};

struct profile_value_type {
	uint32_t type; /* string ids: "samples", "cpu" */
	uint32_t unit; /* "count", "nanoseconds" */
};

struct profile_mapping {
	uint64_t start, limit; /* vaddrs of the module's image, not of a process */
	uint64_t offset;       /* in the file */
	uint32_t file;	       /* string id: path, or "[kernel.kallsyms]", "[vdso]" */
	uint32_t build_id;     /* string id: lower-case hex, or 0 */
	/* What every location of the mapping has. Other tools look for what is not said to be there. */
	bool has_functions, has_filenames, has_lines, has_inlines;
};

struct profile_function {
	uint32_t name;	      /* string id, demangled, never 0 */
	uint32_t system_name; /* as the symbol table has it */
	uint32_t file;
	int64_t start_line;
};

struct profile_line {
	uint32_t function;
	int64_t line; /* 0 = unknown */
	int64_t column;
};

#define PROFILE_NO_MAPPING UINT32_MAX

/* Where the name of a frame is from, worst first. The numbers are part of the file format, where
 * they travel as a field of the location that other readers of pprof skip. */
enum profile_quality {
	PROFILE_NOT_TOLD = 0,  /* the file is not wick's, or went through another tool */
	PROFILE_NAMELESS = 1,  /* not of a file: "[unmapped]", "[anon]+0x12", "[kernel]" */
	PROFILE_OFFSET = 2,    /* "module+0x1234" */
	PROFILE_DYNSYM = 3,    /* the symbols that a library exports */
	PROFILE_GO = 4,	       /* the table of a Go program's runtime, without a line */
	PROFILE_DEBUGDATA = 5, /* the compressed symbol table of .gnu_debugdata */
	PROFILE_SYMTAB = 6,
	PROFILE_DEBUG = 7, /* debug info, without a line */
	PROFILE_LINE = 8,  /* with source file and line */
	PROFILE_JIT = 9,   /* told by the runtime that made the code */
	PROFILE_KERNEL = 10,
	PROFILE_QUALITIES,
};

struct profile_location {
	uint32_t mapping;		 /* or PROFILE_NO_MAPPING */
	uint64_t address;		 /* vaddr in the mapping's module */
	uint32_t line_first, line_count; /* in profile.lines; count 0 = not symbolized */
	bool is_folded;
	uint8_t quality; /* enum profile_quality, of the last line: see frame_quality() */
};

struct profile_label {
	uint32_t key;	 /* string id */
	uint32_t string; /* string id; 0 = a number */
	int64_t number;
	uint32_t unit; /* string id of the number's unit, or 0 */
};

/* An order without a meaning, which is 0 for equal ones. */
static inline int profile_label_compare(const struct profile_label *a,
					const struct profile_label *b)
{
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->string != b->string)
		return a->string < b->string ? -1 : 1;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	if (a->unit != b->unit)
		return a->unit < b->unit ? -1 : 1;
	return 0;
}

/* The labels of a sample, in the order given. Few samples have labels of their own: threads and
 * services have them, so samples share them. */
struct profile_label_set {
	uint32_t first, count; /* in profile.labels */
};

struct profile_sample {
	uint32_t location_first, location_count; /* in profile.sample_locations, leaf first */
	uint32_t label_set;			 /* in profile.label_sets; 0 = no labels */
	int64_t values[PROFILE_VALUES_MAX];
};

/*
 * One line of the ledger: what became of the samples. Names: "taken", "written",
 * "dropped.<reason>", "complete", "cut.<reason>", "not_run". taken = written + sum of dropped.*,
 * written = complete + sum of cut.*. In pprof the ledger travels as one comment, "wick-ledger:
 * taken=12 written=12 ..".
 */
struct profile_count {
	uint32_t name; /* string id */
	uint64_t count;
};

struct profile {
	struct strtab strings;

	struct profile_value_type types[PROFILE_VALUES_MAX];
	uint32_t type_count;
	uint32_t default_type; /* string id, or 0 */
	struct profile_value_type period_type;
	int64_t period;

	int64_t time_ns;     /* wall clock at the start, since 1970; 0 = unknown */
	int64_t duration_ns; /* 0 = unknown */
	uint32_t drop_frames, keep_frames, doc_url; /* string ids */

	uint32_t *comments; /* string ids; the ledger's line is not among them */
	uint32_t comment_count, comments_size;
	struct hashmap comment_index;
	struct profile_count *ledger; /* in the order of first mention; empty: not wick's file */
	uint32_t ledger_count, ledger_size;

	/* From here to the end: the tables that profile_settle() makes anew. */
	struct profile_mapping *mappings;
	uint32_t mapping_count, mappings_size;
	struct profile_function *functions;
	uint32_t function_count, functions_size;
	struct profile_line *lines;
	uint32_t line_count, lines_size;
	struct profile_location *locations;
	uint32_t location_count, locations_size;
	uint32_t *sample_locations;
	uint32_t sample_location_count, sample_locations_size;
	struct profile_label *labels;
	uint32_t label_count, labels_size;
	struct profile_label_set *label_sets;
	uint32_t label_set_count, label_sets_size;
	struct profile_sample *samples;
	uint32_t sample_count, samples_size;

	struct hashmap mapping_index, function_index, location_index, label_set_index, sample_index;
};

int profile_new(struct profile **ret_profile);
void profile_free(struct profile *profile);
static inline void profile_freep(struct profile **profile)
{
	profile_free(*profile);
}

/* Adds a sample type; all of them stand before the first sample. -E2BIG past PROFILE_VALUES_MAX. */
int profile_add_type(struct profile *profile, const char *type, const char *unit);

/* What every wick profile of CPU time has: samples/count and cpu/nanoseconds, period 1e9/hz ns,
 * default type "cpu". */
int profile_init_cpu(struct profile *profile, unsigned int hz);

int profile_add_string(struct profile *profile, const char *string, uint32_t *ret_id);
static inline const char *profile_string(const struct profile *profile, uint32_t id)
{
	return strtab_get(&profile->strings, id);
}

int profile_add_comment(struct profile *profile, const char *text);

/* Adds to a line of the ledger (and makes it, also for 0). profile_merge() adds whole ledgers up.
 * -E2BIG past PROFILE_LEDGER_MAX. */
int profile_ledger_add(struct profile *profile, const char *name, uint64_t count);
/* The count under this name, 0 if there is none. */
uint64_t profile_ledger_get(const struct profile *profile, const char *name);

/* The key of a mapping is (build_id or file, offset, start, limit); the has_ flags of an equal one
 * stay where both have them. */
int profile_add_mapping(struct profile *profile, const struct profile_mapping *mapping,
			uint32_t *ret_id);
int profile_add_function(struct profile *profile, const struct profile_function *function,
			 uint32_t *ret_id);

/* The key of a location is (mapping, address, lines). location->line_first and line_count are
 * ignored: lines are given beside it and copied. An equal one takes the better quality. -E2BIG past
 * PROFILE_LINES_MAX. */
int profile_add_location(struct profile *profile, const struct profile_location *location,
			 const struct profile_line *lines, uint32_t line_count, uint32_t *ret_id);

/* The label "key" = string, as for profile_add_sample(). */
int profile_make_label(struct profile *profile, const char *key, const char *string,
		       struct profile_label *ret_label);
/* The label "key" = number. */
int profile_make_number(struct profile *profile, const char *key, int64_t number,
			struct profile_label *ret_label);

/* Adds values (type_count of them) to the sample with these locations (leaf first) and labels.
 * Sums wrap around, as in Go. -E2BIG past PROFILE_DEPTH_MAX or PROFILE_LABELS_MAX. */
int profile_add_sample(struct profile *profile, const uint32_t *locations, uint32_t location_count,
		       const struct profile_label *labels, uint32_t label_count,
		       const int64_t *values);

/* Adds all of other, translating ids: what `go tool pprof -proto a b` does (google/pprof
 * profile/merge.go). Both have the same sample types and period type, or -EINVAL; a profile without
 * types and samples takes those of other. The time is the earlier one, the period the longer one,
 * the durations add up, comments are joined without repeats, samples of zeros are left out. After
 * -ENOMEM profile holds a part of other. */
int profile_merge(struct profile *profile, const struct profile *other);

/* The text of a frame: the function's name, or "module+0xaddress" for one without (module: the last
 * part of the mapping's path; "0xaddress" where there is none). Written to ret, which is also
 * returned; cut to size. */
const char *profile_frame_name(const struct profile *profile,
			       const struct profile_location *location, uint32_t line, char *ret,
			       size_t size);

/* The sample's labels. */
static inline const struct profile_label *profile_labels(const struct profile *profile,
							 const struct profile_sample *sample,
							 uint32_t *ret_count)
{
	const struct profile_label_set *set = &profile->label_sets[sample->label_set];

	*ret_count = set->count;
	return profile->labels + set->first;
}

/* The label of that key in a set, or NULL if there is none. */
const struct profile_label *profile_find_label(const struct profile *profile,
					       const struct profile_label_set *set,
					       const char *key);

/* The same for a sample. */
static inline const struct profile_label *profile_sample_label(const struct profile *profile,
							       const struct profile_sample *sample,
							       const char *key)
{
	return profile_find_label(profile, &profile->label_sets[sample->label_set], key);
}

/* The sum of a value over all samples; wraps around. */
int64_t profile_total(const struct profile *profile, uint32_t type);

/* The position of the sample type with this name, or -1. */
int profile_find_type(const struct profile *profile, const char *type);

/*
 * The same without a look whether it is there: for a reader, whose file has each element once as a
 * rule. Such a profile is flat: good to look at, to be written and to be merged into another one;
 * nothing but strings, comments and lines of the ledger can be added to it. line_count and the
 * sample's counts are within the caps above.
 */
int profile_append_mapping(struct profile *profile, const struct profile_mapping *mapping,
			   uint32_t *ret_id);
int profile_append_function(struct profile *profile, const struct profile_function *function,
			    uint32_t *ret_id);
int profile_append_location(struct profile *profile, const struct profile_location *location,
			    const struct profile_line *lines, uint32_t line_count,
			    uint32_t *ret_id);
int profile_append_label_set(struct profile *profile, const struct profile_label *labels,
			     uint32_t count, uint32_t *ret_set);
int profile_append_sample(struct profile *profile, const uint32_t *locations,
			  uint32_t location_count, uint32_t label_set, const int64_t *values);

/* Makes a flat profile an ordinary one: equal elements become one. On failure it is as it was. */
int profile_settle(struct profile *profile);

/* Sorts samples by their path from root to leaf, then by labels: gzip halves (measured), and the
 * same adds in another order of samples give the same output. Costs one pass where they are sorted.
 */
int profile_sort(struct profile *profile);

/* Bytes of memory held. */
size_t profile_bytes(const struct profile *profile);

#endif
