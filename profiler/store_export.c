/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/store_export.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/store_files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum {
	SHOWN_SIZE = 256,
	TRIES = 4,
	THREADS_MAX = 4,
	THREAD_BYTES = 1 << 20, /* of files: for less, another thread is not worth its start */
};

/* ---- sums ---- */

int store_sum_start(struct store_sum *sum, const struct store_range *range)
{
	*sum = (struct store_sum){.range = range};
	return profile_new(&sum->profile);
}

void store_sum_release(struct store_sum *sum)
{
	profile_free(sum->profile);
}

static void count(struct store_sum *sum, const struct slice_sums *more)
{
	sum->files++;
	sum->sums.samples += more->samples;
	sum->sums.taken += more->taken;
	sum->sums.written += more->written;
	sum->sums.dropped += more->dropped;
}

/* Adds a sum that was made beside this one. */
static int join(struct store_sum *sum, const struct store_sum *other)
{
	size_t files = sum->files + other->files;
	int err = other->files ? profile_merge(sum->profile, other->profile) : 0;

	if (err)
		return err;
	count(sum, &other->sums);
	sum->files = files;
	return 0;
}

static int add(struct store_sum *sum, struct profile *profile, const struct slice_sums *sums,
	       const char **ret_why)
{
	int err = 0;

	store_drop_own_words(profile);
	if (sum->range && sum->range->match_count)
		err = store_keep_matching(profile, sum->range->matches, sum->range->match_count);
	if (!err)
		err = profile_merge(sum->profile, profile);
	if (err)
		*ret_why = err == -EINVAL ? "its sample types are not those of the others"
					  : strerror(-err);
	else
		count(sum, sums);
	return err;
}

int store_sum_add(struct store_sum *sum, const void *bytes, size_t size, const char **ret_why)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	struct slice slice;
	int err = slice_decode(bytes, size, &slice, &profile, ret_why);

	return err ? err : add(sum, profile, &slice.sums, ret_why);
}

int store_sum_add_row(struct store_sum *sum, const struct slice *row, const void *bytes,
		      size_t size, const char **ret_why)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	struct slice slice;
	int err = slice_decode(bytes, size, &slice, &profile, ret_why);

	if (err)
		return err;
	if (memcmp(&slice.sums, &row->sums, sizeof(slice.sums)) != 0) {
		*ret_why = "its sums are not those of its row";
		return -EBADMSG;
	}
	return add(sum, profile, &slice.sums, ret_why);
}

static int add_match_comments(struct store_sum *sum)
{
	const struct store_range *range = sum->range;
	char text[512];
	int err = 0;

	for (size_t i = 0; !err && i < range->match_count; i++) {
		snprintf(text, sizeof(text), "only samples with %s=%s", range->matches[i].label,
			 range->matches[i].value);
		err = profile_add_comment(sum->profile, text);
	}
	if (err || !range->match_count)
		return err;
	snprintf(text, sizeof(text),
		 "the whole host in this range: %" PRIu64 " samples taken, %" PRIu64
		 " written, %" PRIu64 " dropped",
		 sum->sums.taken, sum->sums.written, sum->sums.dropped);
	sum->profile->ledger_count = 0;
	return profile_add_comment(sum->profile, text);
}

int store_sum_end(struct store_sum *sum, struct profile **ret_profile)
{
	char text[64];
	int err;

	snprintf(text, sizeof(text), "from a store: %zu files", sum->files);
	err = profile_add_comment(sum->profile, text);
	if (!err)
		err = add_match_comments(sum);
	if (!err)
		*ret_profile = TAKE_PTR(sum->profile);
	return err;
}

/* ---- reading ---- */

struct reading {
	int (*each)(void *context, const struct slice *row, const void *bytes, size_t size,
		    const char **ret_why);
	void *context;
	size_t files, missing;
};

static void leave_out(struct reading *reading, const char *name, const char *why)
{
	char shown[SHOWN_SIZE], reason[SHOWN_SIZE];

	reading->missing++;
	log_warn("leaving out '%s': %s", quote(shown, sizeof(shown), name),
		 quote(reason, sizeof(reason), why));
}

/* -ENOENT: retention took it since the catalog was read. */
static int read_one(struct reading *reading, int directory, const struct slice *row)
{
	_cleanup_(buf_release) struct buf bytes = {0};
	char name[SLICE_NAME_SIZE];
	const char *why = "";
	int err = slice_read_bytes(directory, slice_name(row, name), &bytes);

	if (err == -ENOENT || err == -ENOMEM)
		return err;
	why = strerror(-err);
	if (!err)
		err = reading->each(reading->context, row, bytes.bytes, bytes.used, &why);
	reading->files += !err;
	if (err == -ENOMEM || err == -EFBIG)
		return err;
	if (err)
		leave_out(reading, name, why);
	return 0;
}

static int plan_range(const char *path, const struct store_range *range, int *ret_directory,
		      struct catalog *catalog, size_t **ret_plan, size_t *ret_count)
{
	int err = store_read_catalog(path, ret_directory, catalog);

	if (err)
		return err;
	*ret_plan = calloc(catalog->count + 1, sizeof(**ret_plan));
	if (!*ret_plan)
		return -ENOMEM;
	*ret_count = catalog_plan(catalog, range->from_ns, range->to_ns, *ret_plan);
	return *ret_count ? 0 : -ENODATA;
}

/* The files of a range. */
struct planned {
	struct catalog catalog;
	int directory;
	size_t *rows; /* of the catalog */
	size_t count;
};

static void planned_release(struct planned *planned)
{
	catalog_release(&planned->catalog);
	free(planned->rows);
	if (planned->directory >= 0)
		close(planned->directory);
}

static int plan_files(const char *path, const struct store_range *range, struct planned *planned)
{
	return plan_range(path, range, &planned->directory, &planned->catalog, &planned->rows,
			  &planned->count);
}

static int read_files(const struct planned *planned, size_t from, size_t to,
		      struct reading *reading)
{
	int err = 0;

	for (size_t i = from; !err && i < to; i++)
		err = read_one(reading, planned->directory,
			       &planned->catalog.rows[planned->rows[i]]);
	return err;
}

static int read_range(const char *path, const struct store_range *range, struct reading *reading)
{
	_cleanup_(planned_release) struct planned planned = {.directory = -1};
	int err = plan_files(path, range, &planned);

	return err ? err : read_files(&planned, 0, planned.count, reading);
}

/* ---- one process ---- */

static int add_to_sum(void *context, const struct slice *row, const void *bytes, size_t size,
		      const char **ret_why)
{
	return store_sum_add_row(context, row, bytes, size, ret_why);
}

/*
 * A thread's part of the files, which are neighbours in time: most of a host's stacks are the same
 * all day, so a part's sum is little more than one of its files, and adding the sums up costs
 * little.
 */
struct share {
	const struct planned *planned;
	size_t from, to;
	struct store_sum sum;
	struct reading reading;
	pthread_t thread;
	bool is_thread;
	int err;
};

static void *work(void *context)
{
	struct share *share = context;

	share->err = read_files(share->planned, share->from, share->to, &share->reading);
	return NULL;
}

/* As many threads as there are CPUs to run them and bytes to keep them busy. */
static size_t count_threads(uint64_t bytes, size_t max)
{
	uint64_t threads = bytes / THREAD_BYTES;
	cpu_set_t cpus;

	if (threads > max)
		threads = max;
	if (!sched_getaffinity(0, sizeof(cpus), &cpus) && threads > (uint64_t)CPU_COUNT(&cpus))
		threads = (uint64_t)CPU_COUNT(&cpus);
	return threads > 1 ? threads : 1;
}

/* Into parts of about the same size. */
static size_t share_out(const struct planned *planned, size_t max, struct share shares[THREADS_MAX])
{
	uint64_t bytes = 0, done = 0;
	size_t threads, n = 0;

	for (size_t i = 0; i < planned->count; i++)
		bytes += planned->catalog.rows[planned->rows[i]].bytes;
	threads = count_threads(bytes, max);
	shares[0] = (struct share){.planned = planned};
	for (size_t i = 0; i < planned->count; i++) {
		uint64_t size = planned->catalog.rows[planned->rows[i]].bytes;

		/* A file belongs to the part that has the larger half of it. */
		if (n + 1 < threads && i > shares[n].from &&
		    done + size / 2 >= bytes / threads * (n + 1)) {
			shares[n].to = i;
			shares[++n] = (struct share){.planned = planned, .from = i};
		}
		done += size;
	}
	shares[n].to = planned->count;
	return n + 1;
}

static void start(struct share *share, const struct store_range *range, bool as_thread)
{
	share->err = store_sum_start(&share->sum, range);
	share->reading = (struct reading){add_to_sum, &share->sum, 0, 0};
	if (share->err)
		return;
	share->is_thread = as_thread && !pthread_create(&share->thread, NULL, work, share);
	if (!share->is_thread)
		work(share);
}

/* Gives the first error: that of the shares before, or of this one. */
static int finish(struct share *share, struct store_sum *sum, size_t *missing, int err)
{
	if (share->is_thread)
		pthread_join(share->thread, NULL);
	*missing += share->reading.missing;
	if (!err)
		err = share->err;
	return err || sum == &share->sum ? err : join(sum, &share->sum);
}

static int try_export(const char *path, const struct store_range *range, size_t threads,
		      struct profile **ret_profile, size_t *ret_missing)
{
	_cleanup_(planned_release) struct planned planned = {.directory = -1};
	struct share shares[THREADS_MAX];
	int err = plan_files(path, range, &planned);
	size_t count;

	*ret_missing = 0;
	if (err)
		return err;
	count = share_out(&planned, threads, shares);
	/* The first part is this thread's own, when the others are on their way. */
	for (size_t i = count; i-- > 0;)
		start(&shares[i], range, i > 0);
	for (size_t i = 0; i < count; i++)
		err = finish(&shares[i], &shares[0].sum, ret_missing, err);
	if (!err)
		err = store_sum_end(&shares[0].sum, ret_profile);
	for (size_t i = 0; i < count; i++)
		store_sum_release(&shares[i].sum);
	return err;
}

static int say(const char *path, int err)
{
	char shown[SHOWN_SIZE];

	if (err == -ENODATA) {
		log_error("no profiles in this range");
		log_hint("'wick store check DIR' tells which times the store has");
	} else if (err == -ENOMEM || err == -ENOENT || err == -EFBIG) {
		log_error("cannot read the store '%s': %s", quote(shown, sizeof(shown), path),
			  err == -ENOENT ? "its files go faster than they can be read"
					 : strerror(-err));
	}
	return err;
}

int store_export(const char *path, const struct store_range *range, struct profile **ret_profile,
		 size_t *ret_missing)
{
	int err = -ENOENT;

	for (int i = 0; err == -ENOENT && i < TRIES; i++)
		err = try_export(path, range, THREADS_MAX, ret_profile, ret_missing);
	/* Which of the files count other things than the first one tells only one thread. */
	if (err == -EINVAL)
		err = try_export(path, range, 1, ret_profile, ret_missing);
	return say(path, err);
}

int store_list(const char *path, const struct store_range *range, struct buf *names)
{
	_cleanup_(catalog_release) struct catalog catalog = {0};
	_cleanup_close_ int directory = -1;
	_cleanup_free_ size_t *plan = NULL;
	size_t planned = 0;
	char name[SLICE_NAME_SIZE];
	int err = plan_range(path, range, &directory, &catalog, &plan, &planned);

	for (size_t i = 0; !err && i < planned; i++)
		buf_printf(names, "%s\n", slice_name(&catalog.rows[plan[i]], name));
	return say(path, err ? err : buf_error(names));
}

/* ---- two processes ---- */

struct bundle {
	int fd;
	size_t bytes;
};

static int write_all(int fd, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size) {
		ssize_t n = TEMP_FAILURE_RETRY(write(fd, at, size));

		if (n <= 0)
			return n ? -errno : -EIO;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

static int add_to_bundle(void *context, const struct slice *row, const void *bytes, size_t size,
			 const char **ret_why)
{
	struct bundle *bundle = context;
	uint64_t length = size;
	int err;

	(void)row;
	(void)ret_why;
	bundle->bytes += size;
	if (bundle->bytes > STORE_BUNDLE_MAX)
		return -EFBIG;
	err = write_all(bundle->fd, &length, sizeof(length));
	return err ? err : write_all(bundle->fd, bytes, size);
}

static int try_bundle(const char *path, const struct store_range *range, int *ret_fd)
{
	_cleanup_close_ int fd = memfd_create("wick-range", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct bundle bundle = {fd, 0};
	struct reading reading = {add_to_bundle, &bundle, 0, 0};
	int err = fd < 0 ? -errno : read_range(path, range, &reading);

	if (err)
		return err;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int store_bundle(const char *path, const struct store_range *range, int *ret_fd)
{
	int err = -ENOENT;

	for (int i = 0; err == -ENOENT && i < TRIES; i++)
		err = try_bundle(path, range, ret_fd);
	return err;
}

/* The bundle's maker is trusted no more than its bytes. */
static int add_bundled(struct store_sum *sum, const uint8_t *bytes, size_t size,
		       const char **ret_why)
{
	int err = 0;

	while (!err && size) {
		uint64_t length;

		*ret_why = "the bundle is cut short";
		if (size < sizeof(length))
			return -EBADMSG;
		memcpy(&length, bytes, sizeof(length));
		bytes += sizeof(length);
		size -= sizeof(length);
		if (length > size)
			return -EBADMSG;
		err = store_sum_add(sum, bytes, length, ret_why);
		bytes += length;
		size -= length;
	}
	return err;
}

int store_merge_bundle(int fd, const struct store_range *range, struct profile **ret_profile,
		       const char **ret_why)
{
	_cleanup_(store_sum_release) struct store_sum sum = {0};
	struct stat st;
	void *bytes;
	int err = fstat(fd, &st) ? -errno : store_sum_start(&sum, range);

	*ret_why = strerror(-err);
	if (err)
		return err;
	bytes = st.st_size ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
	if (bytes == MAP_FAILED) {
		*ret_why = strerror(errno);
		return -errno;
	}
	err = add_bundled(&sum, bytes, (size_t)st.st_size, ret_why);
	if (bytes)
		munmap(bytes, (size_t)st.st_size);
	return err ? err : store_sum_end(&sum, ret_profile);
}
