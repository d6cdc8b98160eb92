/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One file of the store: a slice of time, or a roll-up of such slices. An ordinary .pb.gz with one
 * more comment that says what it is, so that the index can be made anew from the files alone.
 *
 *	20261122T101500Z-slice-0000000042.pb.gz		one minute, as it was sampled
 *	20261122T101000Z-10m-0000000037.pb.gz		slices 37 to 46, without pid and tid
 *
 * Slices have serial numbers that only grow in a store, whatever the clocks do; a roll-up is known
 * by its level and the first of its slices. The time in a name is for people.
 */
#ifndef WICK_PROFILER_STORE_SLICE_H
#define WICK_PROFILER_STORE_SLICE_H

#include "base/buf.h"
#include "formats/profile.h"

#include <stdint.h>

enum store_level { LEVEL_SLICE, LEVEL_10M, LEVEL_1H, LEVEL_1D, LEVEL_1W, LEVEL_4W, STORE_LEVELS };

enum {
	SLICE_BOOT_SIZE = 33, /* 32 hex digits, NUL */
	SLICE_NAME_SIZE = 48,
};

/* What a file holds; the sums of roll-ups equal the sums of their parts. */
struct slice_sums {
	int64_t samples, cpu_ns;
	uint64_t taken, written, dropped, complete; /* of the ledger */
};

struct slice {
	uint32_t level;
	uint32_t first, last; /* serial numbers of the slices in it; equal at LEVEL_SLICE */
	uint32_t parts;	      /* how many of them */
	char boot[SLICE_BOOT_SIZE];
	uint64_t start_ns, end_ns;    /* CLOCK_BOOTTIME of that boot */
	int64_t wall_ns, wall_end_ns; /* labels: the earliest start and the latest end in it */
	int64_t align_ns;	      /* boot clock + this: the clock that roll-ups are cut by */
	uint64_t age_ns;	      /* the store's own clock at its end */
	struct slice_sums sums;
	uint64_t bytes;	 /* of the file */
	bool is_indexed; /* the index has a row of it */
};

/* "slice", "10m", "1h", "1d", "1w", "4w", and their lengths (0 for slices: any). */
const char *slice_level_name(uint32_t level);
uint64_t slice_level_ns(uint32_t level);

const char *slice_name(const struct slice *slice, char ret[SLICE_NAME_SIZE]);
/* Level and first serial number from a name. -EINVAL: not the name of a slice. */
int slice_parse_name(const char *name, struct slice *ret_slice);

/* A temporary file of slice_write(), left behind by a crash? */
bool slice_is_temporary(const char *name);

/* The sums of a profile. */
struct slice_sums slice_sum(const struct profile *profile);

/* The profile as the file's bytes, what slice says as a comment in it. Fills slice->sums. */
int slice_encode(struct profile *profile, struct slice *slice, struct buf *ret_bytes);

/* Takes the comment out of a decoded profile. Fills all of slice but bytes. -EPROTONOSUPPORT: none
 * there, or not one of this version. */
int slice_take_header(struct profile *profile, struct slice *ret_slice);

/*
 * Writes a file whole and durably: temporary name, fsync, rename, fsync of the directory. On
 * failure no file of either name is there, as far as the file system still obeys. Fills
 * slice->bytes.
 */
int slice_write(int directory, struct slice *slice, const void *bytes, size_t size);

/*
 * Reads and verifies a file: packed data with its checksum, encoding, header against name.
 * ret_profile may be NULL. *ret_why (static text) names what is wrong. Errors as profile_decode(),
 * or what the file system says (-ENOENT, -EIO, ..).
 */
int slice_read(int directory, const char *name, struct slice *ret_slice,
	       struct profile **ret_profile, const char **ret_why);

/* The bytes of a file as they are. */
int slice_read_bytes(int directory, const char *name, struct buf *bytes);

/* Decodes the bytes of a file of any name, as slice_read(). */
int slice_decode(const void *bytes, size_t size, struct slice *ret_slice,
		 struct profile **ret_profile, const char **ret_why);

/* Is it the file that is bad, and not the machine (no memory, no descriptor, EIO)? */
bool slice_is_damage(int err);

/* The size of a file; 0: not there. And what a file of a size takes of a disk. */
uint64_t slice_file_bytes(int directory, const char *name);
static inline uint64_t slice_disk_bytes(uint64_t bytes)
{
	return (bytes + 4095) / 4096 * 4096;
}

#endif
