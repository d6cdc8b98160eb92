/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One profile for a range of time: what `wick export` writes and the server shows. The files that
 * add up to the range are chosen by whoever may read the store; the merging needs only their bytes,
 * so it can be done by a process that may not: store_bundle() here, store_merge_bundle() there.
 */
#ifndef WICK_PROFILER_STORE_EXPORT_H
#define WICK_PROFILER_STORE_EXPORT_H

#include "formats/profile.h"
#include "profiler/store_catalog.h"
#include "profiler/store_merge.h"

enum { STORE_MATCHES_MAX = 8 };

/* [from, to) in wall time, and what samples must have. */
struct store_range {
	int64_t from_ns, to_ns;
	struct store_match matches[STORE_MATCHES_MAX];
	size_t match_count;
};

/*
 * "now", "-90s", "-1h", "-7d" (of now), or RFC 3339: "2026-11-22T10:15:00Z", "..+01:00", with or
 * without a fraction. -EINVAL: none of these.
 */
int store_parse_time(const char *text, int64_t now_ns, int64_t *ret_ns);

/* "label=value" into the next match; text is cut at the '=' and borrowed. -EINVAL, or -E2BIG. */
int store_parse_match(char *text, struct store_range *range);

/* A sum in the making. */
struct store_sum {
	struct profile *profile;
	const struct store_range *range;
	struct slice_sums sums; /* of all that was added, matching or not */
	size_t files;
};

int store_sum_start(struct store_sum *sum, const struct store_range *range);
void store_sum_release(struct store_sum *sum);

/* Adds the bytes of one file of a store. Errors as profile_decode(), -EINVAL as profile_merge(). */
int store_sum_add(struct store_sum *sum, const void *bytes, size_t size, const char **ret_why);

/* The same for a file whose row is known: also -EBADMSG if it does not hold what the row says. */
int store_sum_add_row(struct store_sum *sum, const struct slice *row, const void *bytes,
		      size_t size, const char **ret_why);

/* What it is, as comments; a sum of chosen samples has no ledger, as nobody can say which of the
 * lost samples would have matched. Gives the profile away. */
int store_sum_end(struct store_sum *sum, struct profile **ret_profile);

/*
 * Reads a range from a store, with or without a writer at work. Files that are damaged are named on
 * stderr, left out and counted. Says what is wrong; -ENOENT: no file is in the range.
 */
int store_export(const char *path, const struct store_range *range, struct profile **ret_profile,
		 size_t *ret_missing);

/* The names of the files that add up to the range, one a line. As store_export(). */
int store_list(const char *path, const struct store_range *range, struct buf *names);

/* For a process that may not read the store: the files of the range in a sealed memfd, and their
 * sum. -EFBIG: past STORE_BUNDLE_MAX. */
enum { STORE_BUNDLE_MAX = 512 << 20 };
int store_bundle(const char *path, const struct store_range *range, int *ret_fd);
int store_merge_bundle(int fd, const struct store_range *range, struct profile **ret_profile,
		       const char **ret_why);

#endif
