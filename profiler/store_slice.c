/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/store_slice.h"

#include "base/cleanup.h"
#include "formats/codec.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define HEADER_PREFIX "wick-slice: "
#define SUFFIX	      ".pb.gz"
#define TEMPORARY     ".wick-"

enum { HEADER_SIZE = 320 };

static const struct {
	const char *name;
	uint64_t ns;
} levels[STORE_LEVELS] = {
	[LEVEL_SLICE] = {"slice", 0},
	[LEVEL_10M] = {"10m", 600 * 1000000000ULL},
	[LEVEL_1H] = {"1h", 3600 * 1000000000ULL},
	[LEVEL_1D] = {"1d", 86400 * 1000000000ULL},
	[LEVEL_1W] = {"1w", 604800 * 1000000000ULL},
	[LEVEL_4W] = {"4w", 4 * 604800 * 1000000000ULL},
};

const char *slice_level_name(uint32_t level)
{
	return levels[level].name;
}

uint64_t slice_level_ns(uint32_t level)
{
	return levels[level].ns;
}

const char *slice_name(const struct slice *slice, char ret[SLICE_NAME_SIZE])
{
	time_t seconds = (time_t)(slice->wall_ns / 1000000000);
	char date[20];
	struct tm tm;

	if (slice->wall_ns < 0 || !gmtime_r(&seconds, &tm) ||
	    !strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", &tm))
		strcpy(date, "00000000T000000Z");
	snprintf(ret, SLICE_NAME_SIZE, "%s-%s-%010" PRIu32 SUFFIX, date, levels[slice->level].name,
		 slice->first);
	return ret;
}

/* The dash and the text behind it, if that is a level's name and another dash. */
static const char *after_level(const char *dash, uint32_t *ret_level)
{
	for (uint32_t level = 0; dash && level < STORE_LEVELS; level++) {
		size_t length = strlen(levels[level].name);

		if (!strncmp(dash + 1, levels[level].name, length) && dash[1 + length] == '-') {
			*ret_level = level;
			return dash + 2 + length;
		}
	}
	return NULL;
}

int slice_parse_name(const char *name, struct slice *ret_slice)
{
	uint32_t level;
	const char *digits = after_level(strchr(name, '-'), &level);
	uint64_t first = 0;
	size_t n = digits ? strspn(digits, "0123456789") : 0;

	if (name[0] < '0' || name[0] > '9' || n != 10 || strcmp(digits + n, SUFFIX) ||
	    strlen(name) >= SLICE_NAME_SIZE)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		first = first * 10 + (uint64_t)(digits[i] - '0');
	if (!first || first > UINT32_MAX)
		return -EINVAL;
	*ret_slice = (struct slice){.level = level, .first = (uint32_t)first};
	return 0;
}

bool slice_is_temporary(const char *name)
{
	size_t length = strlen(name);

	return !strncmp(name, TEMPORARY, strlen(TEMPORARY)) && length > 4 &&
	       !strcmp(name + length - 4, ".tmp");
}

/* ---- header ---- */

static void format_header(const struct slice *slice, char ret[HEADER_SIZE])
{
	snprintf(ret, HEADER_SIZE,
		 HEADER_PREFIX "1 level=%" PRIu32 " slices=%" PRIu32 "-%" PRIu32 "/%" PRIu32
			       " boot=%s start=%" PRIu64 " end=%" PRIu64 " wall=%" PRId64
			       " wall_end=%" PRId64 " align=%" PRId64 " age=%" PRIu64,
		 slice->level, slice->first, slice->last, slice->parts, slice->boot,
		 slice->start_ns, slice->end_ns, slice->wall_ns, slice->wall_end_ns,
		 slice->align_ns, slice->age_ns);
}

static bool is_plausible(const struct slice *slice)
{
	return slice->level < STORE_LEVELS && slice->first && slice->first <= slice->last &&
	       slice->parts && slice->parts <= slice->last - slice->first + 1 &&
	       (slice->level != LEVEL_SLICE || slice->first == slice->last) &&
	       slice->start_ns <= slice->end_ns && slice->wall_ns <= slice->wall_end_ns;
}

/* What was read must be what would have been written: no sscanf() leniency is left. */
static int parse_header(const char *text, struct slice *ret_slice)
{
	struct slice slice = {0};
	char again[HEADER_SIZE];

	if (sscanf(text,
		   HEADER_PREFIX "1 level=%" SCNu32 " slices=%" SCNu32 "-%" SCNu32 "/%" SCNu32
				 " boot=%32[0-9a-f] start=%" SCNu64 " end=%" SCNu64 " wall=%" SCNd64
				 " wall_end=%" SCNd64 " align=%" SCNd64 " age=%" SCNu64,
		   &slice.level, &slice.first, &slice.last, &slice.parts, slice.boot,
		   &slice.start_ns, &slice.end_ns, &slice.wall_ns, &slice.wall_end_ns,
		   &slice.align_ns, &slice.age_ns) != 11)
		return -EPROTONOSUPPORT;
	format_header(&slice, again);
	if (strcmp(text, again) || !is_plausible(&slice))
		return -EPROTONOSUPPORT;
	*ret_slice = slice;
	return 0;
}

static bool is_header(const struct profile *profile, uint32_t i)
{
	return !strncmp(profile_string(profile, profile->comments[i]), HEADER_PREFIX,
			strlen(HEADER_PREFIX));
}

/* The index of comments holds positions: they are added anew. */
static int remove_comment(struct profile *profile, uint32_t at)
{
	uint32_t count = profile->comment_count;
	_cleanup_free_ uint32_t *ids = calloc(count, sizeof(*ids));
	int err = 0;

	if (!ids)
		return -ENOMEM;
	memcpy(ids, profile->comments, count * sizeof(*ids));
	hashmap_clear(&profile->comment_index);
	profile->comment_count = 0;
	for (uint32_t i = 0; !err && i < count; i++)
		if (i != at) {
			_cleanup_free_ char *text = strdup(profile_string(profile, ids[i]));

			err = text ? profile_add_comment(profile, text) : -ENOMEM;
		}
	return err;
}

int slice_take_header(struct profile *profile, struct slice *ret_slice)
{
	struct slice slice;
	uint32_t at = 0;
	int err;

	while (at < profile->comment_count && !is_header(profile, at))
		at++;
	if (at == profile->comment_count)
		return -EPROTONOSUPPORT;
	err = parse_header(profile_string(profile, profile->comments[at]), &slice);
	if (!err)
		err = remove_comment(profile, at);
	if (err)
		return err;
	slice.sums = slice_sum(profile);
	*ret_slice = slice;
	return 0;
}

/* ---- content ---- */

static int64_t total(const struct profile *profile, const char *type)
{
	int at = profile_find_type(profile, type);

	return at < 0 ? 0 : profile_total(profile, (uint32_t)at);
}

struct slice_sums slice_sum(const struct profile *profile)
{
	struct slice_sums sums = {
		.samples = total(profile, "samples"),
		.cpu_ns = total(profile, "cpu"),
		.taken = profile_ledger_get(profile, "taken"),
		.written = profile_ledger_get(profile, "written"),
		.complete = profile_ledger_get(profile, "complete"),
	};

	for (uint32_t i = 0; i < profile->ledger_count; i++)
		if (!strncmp(profile_string(profile, profile->ledger[i].name), "dropped.", 8))
			sums.dropped += profile->ledger[i].count;
	return sums;
}

int slice_encode(struct profile *profile, struct slice *slice, struct buf *ret_bytes)
{
	const struct profile_codec codec = {FORMAT_PPROF, PACKING_GZIP};
	char header[HEADER_SIZE];
	struct slice ignored;
	int err;

	format_header(slice, header);
	err = profile_add_comment(profile, header);
	if (!err)
		err = profile_encode(profile, codec, NULL, ret_bytes);
	slice->sums = slice_sum(profile);
	return err ? err : slice_take_header(profile, &ignored);
}

/* ---- files ---- */

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t n = TEMP_FAILURE_RETRY(write(fd, bytes, size));

		if (n <= 0)
			return n ? -errno : -EIO;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

uint64_t slice_file_bytes(int directory, const char *name)
{
	struct stat st;

	return fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) ? 0 : (uint64_t)st.st_size;
}

/* After an fsync() that failed the pages count as clean: nothing is tried again on this file. */
static int fill(int directory, const char *temporary, const void *bytes, size_t size)
{
	_cleanup_close_ int fd = TEMP_FAILURE_RETRY(openat(
		directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
	int err;

	if (fd < 0)
		return -errno;
	err = write_all(fd, bytes, size);
	if (!err && TEMP_FAILURE_RETRY(fsync(fd)))
		err = -errno;
	if (!err && close(TAKE_FD(fd)) && errno != EINTR)
		err = -errno;
	return err;
}

int slice_write(int directory, struct slice *slice, const void *bytes, size_t size)
{
	char name[SLICE_NAME_SIZE], temporary[SLICE_NAME_SIZE];
	int err;

	slice_name(slice, name);
	snprintf(temporary, sizeof(temporary), TEMPORARY "%s-%" PRIu32 ".tmp",
		 levels[slice->level].name, slice->first);
	err = fill(directory, temporary, bytes, size);
	if (!err && TEMP_FAILURE_RETRY(renameat(directory, temporary, directory, name)))
		err = -errno;
	if (!err && TEMP_FAILURE_RETRY(fsync(directory)) && errno != EINVAL) {
		err = -errno;
		unlinkat(directory, name, 0);
	}
	if (err)
		unlinkat(directory, temporary, 0);
	else
		slice->bytes = size;
	return err;
}

static int read_all(int fd, struct buf *bytes)
{
	for (;;) {
		ssize_t n;

		if (!buf_reserve(bytes, 64 << 10))
			return -ENOMEM;
		n = TEMP_FAILURE_RETRY(
			read(fd, bytes->bytes + bytes->used, bytes->size - bytes->used));
		if (n <= 0)
			return n ? -errno : 0;
		bytes->used += (size_t)n;
		if (bytes->used > PROFILE_UNPACKED_MAX)
			return -EFBIG;
	}
}

int slice_read_bytes(int directory, const char *name, struct buf *bytes)
{
	_cleanup_close_ int fd = TEMP_FAILURE_RETRY(
		openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
	struct stat st;

	if (fd < 0)
		return -errno;
	if (TEMP_FAILURE_RETRY(fstat(fd, &st)))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EPROTONOSUPPORT;
	return read_all(fd, bytes);
}

/* Does the header belong to this name? */
static int match_name(const char *name, const struct slice *slice)
{
	struct slice named;

	if (slice_parse_name(name, &named) || named.level != slice->level ||
	    named.first != slice->first)
		return -EBADMSG;
	return 0;
}

int slice_decode(const void *bytes, size_t size, struct slice *ret_slice,
		 struct profile **ret_profile, const char **ret_why)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	struct slice slice;
	int err = profile_decode_flat(bytes, size, &profile, ret_why);

	if (err)
		return err;
	err = slice_take_header(profile, &slice);
	if (err) {
		*ret_why = err == -ENOMEM ? "out of memory" : "it has no header of a slice";
		return err;
	}
	slice.bytes = size;
	*ret_slice = slice;
	if (ret_profile)
		*ret_profile = TAKE_PTR(profile);
	return 0;
}

int slice_read(int directory, const char *name, struct slice *ret_slice,
	       struct profile **ret_profile, const char **ret_why)
{
	_cleanup_(buf_release) struct buf bytes = {0};
	_cleanup_(profile_freep) struct profile *profile = NULL;
	struct slice slice;
	int err = slice_read_bytes(directory, name, &bytes);

	*ret_why = strerror(-err);
	if (!err)
		err = slice_decode(bytes.bytes, bytes.used, &slice, &profile, ret_why);
	if (err)
		return err;
	if (match_name(name, &slice)) {
		*ret_why = "its header is that of another file";
		return -EBADMSG;
	}
	*ret_slice = slice;
	if (ret_profile)
		*ret_profile = TAKE_PTR(profile);
	return 0;
}

bool slice_is_damage(int err)
{
	return err == -EBADMSG || err == -EFBIG || err == -EPROTONOSUPPORT;
}
