/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/store_timeline.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "profiler/store_slice.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	STEPS_MAX = 24,
	NUMBER_MAX = 1 << 30, /* of seconds in a step, and of steps */
};

#define SECOND 1000000000LL

void timeline_release(struct timeline *timeline)
{
	strtab_release(&timeline->names);
	free(timeline->rows);
	hashmap_release(&timeline->index);
	*timeline = (struct timeline){0};
}

uint32_t timeline_step(const struct slice *slice)
{
	static const uint32_t steps[] = {10, 60, 600, 3600, 86400};
	uint64_t length_ns = slice->level == LEVEL_SLICE ? slice->end_ns - slice->start_ns
							 : slice_level_ns(slice->level);
	size_t i = 0;

	while (i < ARRAY_SIZE(steps) - 1 && length_ns > (uint64_t)(steps[i] * SECOND * STEPS_MAX))
		i++;
	return steps[i];
}

/* ---- rows ---- */

/* A profile may hold any numbers; its sums wrap around, too. */
static void add_wrapping(int64_t *sum, int64_t more)
{
	*sum = (int64_t)((uint64_t)*sum + (uint64_t)more);
}

static void add_values(struct timeline_row *sum, const struct timeline_row *more)
{
	add_wrapping(&sum->samples, more->samples);
	add_wrapping(&sum->cpu_ns, more->cpu_ns);
	add_wrapping(&sum->cut, more->cut);
	add_wrapping(&sum->dropped, more->dropped);
}

static bool is_empty(const struct timeline_row *row)
{
	return !row->samples && !row->cpu_ns && !row->cut && !row->dropped;
}

static bool row_equal(const void *table, uint32_t position, const void *key)
{
	const struct timeline_row *have = &((const struct timeline *)table)->rows[position];
	const struct timeline_row *want = key;

	return have->service == want->service && have->at_s == want->at_s &&
	       have->step_s == want->step_s;
}

int timeline_add(struct timeline *timeline, const char *service, const struct timeline_row *row)
{
	struct timeline_row key = {.step_s = row->step_s, .at_s = row->at_s};
	int err = strtab_add(&timeline->names, service, &key.service);
	uint64_t hash = hash_mix((uint64_t)key.service << 32 | key.step_s, (uint64_t)key.at_s);
	uint32_t at;

	if (err)
		return err;
	at = hashmap_find(&timeline->index, hash, row_equal, timeline, &key);
	if (at == HASHMAP_NONE) {
		at = timeline->count;
		err = array_reserve(&timeline->rows, &timeline->size, (size_t)at + 1);
		if (!err)
			err = hashmap_add(&timeline->index, hash, at);
		if (err)
			return err;
		timeline->rows[timeline->count++] = key;
	}
	add_values(&timeline->rows[at], row);
	return 0;
}

static int64_t floor_to(int64_t at, int64_t step)
{
	return at - ((at % step) + step) % step;
}

int timeline_merge(struct timeline *timeline, const struct timeline *other, uint32_t step_s)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < other->count; i++) {
		struct timeline_row row = other->rows[i];

		row.step_s = row.step_s > step_s ? row.step_s : step_s;
		row.at_s = floor_to(row.at_s, row.step_s);
		err = timeline_add(timeline, strtab_get(&other->names, row.service), &row);
	}
	return err;
}

int timeline_add_window(struct timeline *timeline, const struct window *window, int64_t period)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < window->second_count; i++) {
		const struct window_second *second = &window->seconds[i];
		const struct timeline_row row = {.step_s = 1,
						 .at_s = second->second,
						 .samples = (int64_t)second->ticks,
						 .cpu_ns = (int64_t)second->ticks * period,
						 .cut = (int64_t)second->cut,
						 .dropped = (int64_t)second->dropped};

		err = timeline_add(timeline, strtab_get(&window->strings, second->comm), &row);
	}
	return err;
}

/* ---- comments: reading ---- */

static bool is_comment(const struct profile *profile, uint32_t i)
{
	return !strncmp(profile_string(profile, profile->comments[i]), TIMELINE_COMMENT,
			strlen(TIMELINE_COMMENT));
}

/* A number, and what stands behind it; false: none there, or more than an int64_t. */
static bool take_number(const char **text, int64_t *ret)
{
	char *end;

	if (**text != '-' && (**text < '0' || **text > '9'))
		return false;
	errno = 0;
	*ret = strtoll(*text, &end, 10);
	if (errno || end == *text)
		return false;
	*text = end;
	return true;
}

static bool take_values(const char **text, int64_t period, struct timeline_row *row)
{
	bool has_cpu = false;

	while (**text && **text != ' ' && **text != ':') {
		char what = *(*text)++;
		int64_t *value = what == 's'   ? &row->samples
				 : what == 'c' ? &row->cut
				 : what == 'p' ? &row->cpu_ns
				 : what == 'd' ? &row->dropped
					       : NULL;

		if (!value || !take_number(text, value))
			return false;
		has_cpu |= what == 'p';
	}
	if (!has_cpu)
		row->cpu_ns = (int64_t)((uint64_t)row->samples * (uint64_t)period);
	return true;
}

struct head {
	int64_t step_s, from_s;
};

static bool take_head(const char **text, struct head *head)
{
	*text += strlen(TIMELINE_COMMENT);
	return take_number(text, &head->step_s) && *(*text)++ == ' ' &&
	       take_number(text, &head->from_s) && head->step_s > 0 && head->step_s <= NUMBER_MAX &&
	       head->from_s > -(INT64_C(1) << 40) && head->from_s < INT64_C(1) << 40;
}

static int read_comment(struct timeline *timeline, const struct profile *profile, const char *text)
{
	const char *name = strstr(text, ": ");
	struct head head;
	int64_t n;
	int err = 0;

	if (!name || !take_head(&text, &head))
		return -EBADMSG;
	while (!err && text < name) {
		struct timeline_row row = {.step_s = (uint32_t)head.step_s};

		if (*text++ != ' ' || !take_number(&text, &n) || n < 0 || n > NUMBER_MAX ||
		    !take_values(&text, profile->period, &row))
			return -EBADMSG;
		row.at_s = head.from_s + n * head.step_s;
		err = timeline_add(timeline, name + 2, &row);
	}
	return err ? err : text == name ? 0 : -EBADMSG;
}

/* What is not understood counts as not there. */
static int read_comments(struct timeline *timeline, const struct profile *profile)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < profile->comment_count; i++)
		if (is_comment(profile, i))
			err = read_comment(timeline, profile,
					   profile_string(profile, profile->comments[i]));
	if (err == -EBADMSG)
		timeline_release(timeline);
	return err == -EBADMSG ? 0 : err;
}

/* ---- comments: writing ---- */

static int compare_rows(const void *left, const void *right)
{
	const struct timeline_row *a = left, *b = right;

	if (a->service != b->service)
		return a->service < b->service ? -1 : 1;
	if (a->step_s != b->step_s)
		return a->step_s < b->step_s ? -1 : 1;
	return a->at_s < b->at_s ? -1 : a->at_s > b->at_s;
}

static struct timeline_row *sorted_rows(const struct timeline *timeline)
{
	struct timeline_row *rows = calloc(timeline->count + 1u, sizeof(*rows));

	if (rows && timeline->count) {
		memcpy(rows, timeline->rows, timeline->count * sizeof(*rows));
		qsort(rows, timeline->count, sizeof(*rows), compare_rows);
	}
	return rows;
}

static void print_row(struct buf *text, const struct timeline_row *row, int64_t from_s,
		      int64_t period)
{
	buf_printf(text, " %" PRId64, (row->at_s - from_s) / row->step_s);
	if (row->samples)
		buf_printf(text, "s%" PRId64, row->samples);
	if (row->cut)
		buf_printf(text, "c%" PRId64, row->cut);
	if (row->cpu_ns != (int64_t)((uint64_t)row->samples * (uint64_t)period))
		buf_printf(text, "p%" PRId64, row->cpu_ns);
	if (row->dropped)
		buf_printf(text, "d%" PRId64, row->dropped);
}

/* One comment for rows of one service and one step that are whole steps apart; gives how many. */
static uint32_t print_comment(struct buf *text, const struct timeline *timeline,
			      const struct timeline_row *rows, uint32_t count, int64_t period)
{
	uint32_t n = 0;

	buf_printf(text, TIMELINE_COMMENT "%" PRIu32 " %" PRId64, rows->step_s, rows->at_s);
	while (n < count && rows[n].service == rows->service && rows[n].step_s == rows->step_s &&
	       !((rows[n].at_s - rows->at_s) % rows->step_s))
		print_row(text, &rows[n++], rows->at_s, period);
	buf_printf(text, ": %s", strtab_get(&timeline->names, rows->service));
	return n;
}

static void drop_comments(struct profile *profile)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < profile->comment_count; i++)
		if (!is_comment(profile, i))
			profile->comments[kept++] = profile->comments[i];
	profile->comment_count = kept;
}

int timeline_write(const struct timeline *timeline, struct profile *profile)
{
	_cleanup_free_ struct timeline_row *rows = sorted_rows(timeline);
	int err = rows ? 0 : -ENOMEM;

	drop_comments(profile);
	for (uint32_t i = 0; !err && i < timeline->count;) {
		_cleanup_(buf_release) struct buf text = {0};
		const char *comment;

		i += print_comment(&text, timeline, &rows[i], timeline->count - i, profile->period);
		comment = buf_cstr(&text);
		err = comment ? profile_add_comment(profile, comment) : -ENOMEM;
	}
	return err;
}

/* ---- sums ---- */

static const char *service_of(const struct profile *profile, const struct profile_sample *sample)
{
	const struct profile_label *label = profile_sample_label(profile, sample, "service");

	if (!label)
		label = profile_sample_label(profile, sample, "comm");
	return label ? profile_string(profile, label->string) : "";
}

static int64_t value_of(const struct profile_sample *sample, int type)
{
	return type < 0 ? 0 : sample->values[type];
}

/* One row for each service: that of `whole`. */
static int add_samples(struct timeline *timeline, const struct profile *profile,
		       const struct timeline_row *whole)
{
	int samples = profile_find_type(profile, "samples"),
	    cpu = profile_find_type(profile, "cpu");
	int err = 0;

	for (uint32_t i = 0; !err && i < profile->sample_count; i++) {
		const struct profile_sample *sample = &profile->samples[i];
		struct timeline_row row = {.step_s = whole->step_s,
					   .at_s = whole->at_s,
					   .samples = value_of(sample, samples),
					   .cpu_ns = value_of(sample, cpu)};

		if (profile_sample_label(profile, sample, "cut"))
			row.cut = row.samples;
		if (!is_empty(&row))
			err = timeline_add(timeline, service_of(profile, sample), &row);
	}
	return err;
}

/* What each of its services has in all, by name id; [strtab_count()]. */
static struct timeline_row *service_sums(const struct timeline *timeline)
{
	struct timeline_row *sums = calloc(strtab_count(&timeline->names), sizeof(*sums));

	for (uint32_t i = 0; sums && i < timeline->count; i++)
		add_values(&sums[timeline->rows[i].service], &timeline->rows[i]);
	return sums;
}

static bool has_values(const struct timeline_row *a, const struct timeline_row *b)
{
	return a->samples == b->samples && a->cpu_ns == b->cpu_ns && a->cut == b->cut;
}

/* Does each service have what it has in `flat`, and "" what those have that it does not name? */
static int is_true(const struct timeline *timeline, const struct timeline *flat, bool *ret)
{
	_cleanup_free_ struct timeline_row *sums = service_sums(timeline);
	struct timeline_row rest = {0};
	bool is_same = true;

	if (!sums)
		return -ENOMEM;
	for (uint32_t i = 0; i < flat->count; i++) {
		const char *name = strtab_get(&flat->names, flat->rows[i].service);
		uint32_t id = 0;

		if (strtab_find(&timeline->names, name, &id) || !id) {
			add_values(&rest, &flat->rows[i]);
			continue;
		}
		is_same &= has_values(&sums[id], &flat->rows[i]);
		sums[id] = (struct timeline_row){0};
	}
	is_same &= has_values(&sums[0], &rest);
	for (uint32_t i = 1; i < strtab_count(&timeline->names); i++)
		is_same &= is_empty(&sums[i]);
	*ret = is_same;
	return 0;
}

static int64_t dropped_in(const struct timeline *timeline)
{
	struct timeline_row sum = {0};

	for (uint32_t i = 0; i < timeline->count; i++)
		add_values(&sum, &timeline->rows[i]);
	return sum.dropped;
}

/* ---- the bound ---- */

/* A service, by how much there is of it. */
struct weight {
	int64_t samples;
	uint32_t service, rows;
	bool is_kept;
};

static int compare_weights(const void *left, const void *right)
{
	const struct weight *a = left, *b = right;

	if (a->samples != b->samples)
		return a->samples > b->samples ? -1 : 1;
	return a->service < b->service ? -1 : a->service > b->service;
}

static int compare_services(const void *left, const void *right)
{
	const struct weight *a = left, *b = right;

	return a->service < b->service ? -1 : a->service > b->service;
}

/* By name id; the greatest ones that fit are kept. "" is there in any case, with a row for each
 * step, of which there are STEPS_MAX and one that the file shares with the next. */
static struct weight *weigh(const struct timeline *timeline)
{
	uint32_t count = strtab_count(&timeline->names), used = STEPS_MAX + 1;
	struct weight *weights = calloc(count, sizeof(*weights));

	for (uint32_t i = 0; weights && i < count; i++)
		weights[i].service = i;
	for (uint32_t i = 0; weights && i < timeline->count; i++) {
		weights[timeline->rows[i].service].rows++;
		add_wrapping(&weights[timeline->rows[i].service].samples,
			     timeline->rows[i].samples);
	}
	if (!weights)
		return NULL;
	qsort(weights, count, sizeof(*weights), compare_weights);
	for (uint32_t i = 0; i < count && used + weights[i].rows <= TIMELINE_ROWS_MAX; i++) {
		weights[i].is_kept = true;
		used += weights[i].service ? weights[i].rows : 0;
	}
	qsort(weights, count, sizeof(*weights), compare_services);
	return weights;
}

static int bound(struct timeline *timeline)
{
	_cleanup_free_ struct weight *weights = weigh(timeline);
	_cleanup_(timeline_release) struct timeline bounded = {0};
	int err = weights ? 0 : -ENOMEM;

	for (uint32_t i = 0; !err && i < timeline->count; i++) {
		const struct timeline_row *row = &timeline->rows[i];

		err = timeline_add(&bounded,
				   weights[row->service].is_kept
					   ? strtab_get(&timeline->names, row->service)
					   : "",
				   row);
	}
	if (err)
		return err;
	timeline_release(timeline);
	*timeline = bounded;
	bounded = (struct timeline){0};
	return 0;
}

/* All of a file's time as one step. */
static struct timeline_row whole_of(const struct slice *slice)
{
	uint64_t seconds = (slice->end_ns - slice->start_ns + SECOND - 1) / SECOND;
	int64_t start_ns = (int64_t)(slice->start_ns + (uint64_t)slice->align_ns);

	return (struct timeline_row){
		.at_s = floor_to(start_ns, SECOND) / SECOND,
		.step_s = !seconds		 ? 1
			  : seconds > NUMBER_MAX ? NUMBER_MAX
						 : (uint32_t)seconds,
	};
}

int timeline_settle(struct timeline *timeline, const struct profile *profile,
		    const struct slice *slice)
{
	_cleanup_(timeline_release) struct timeline flat = {0};
	struct timeline_row rest = whole_of(slice);
	uint64_t dropped = slice_sum(profile).dropped;
	bool is_right = false;
	int err = add_samples(&flat, profile, &rest);

	if (!err)
		err = is_true(timeline, &flat, &is_right);
	if (err)
		return err;
	rest.dropped = (int64_t)(dropped - (uint64_t)dropped_in(timeline));
	if (!is_right || rest.dropped < 0) {
		rest.dropped = (int64_t)dropped;
		timeline_release(timeline);
		*timeline = flat;
		flat = (struct timeline){0};
	}
	if (rest.dropped)
		err = timeline_add(timeline, "", &rest);
	return err || timeline->count <= TIMELINE_ROWS_MAX ? err : bound(timeline);
}

int timeline_of(const struct profile *profile, const struct slice *slice,
		struct timeline *ret_timeline)
{
	_cleanup_(timeline_release) struct timeline timeline = {0};
	int err = read_comments(&timeline, profile);

	if (!err)
		err = timeline_settle(&timeline, profile, slice);
	if (err)
		return err;
	*ret_timeline = timeline;
	timeline = (struct timeline){0};
	return 0;
}

int timeline_guess(struct timeline *timeline, const struct slice *slice)
{
	struct timeline_row row = whole_of(slice);

	row.samples = slice->sums.samples;
	row.cpu_ns = slice->sums.cpu_ns;
	row.cut = (int64_t)(slice->sums.written - slice->sums.complete);
	row.dropped = (int64_t)slice->sums.dropped;
	return timeline_add(timeline, "", &row);
}

/* The boot clock's seconds become those of the clock that roll-ups are cut by. */
int timeline_fit(struct profile *profile, const struct slice *slice)
{
	_cleanup_(timeline_release) struct timeline seconds = {0}, timeline = {0};
	int err = read_comments(&seconds, profile);

	for (uint32_t i = 0; i < seconds.count; i++)
		seconds.rows[i].at_s += floor_to(slice->align_ns, SECOND) / SECOND;
	if (!err)
		err = timeline_merge(&timeline, &seconds, timeline_step(slice));
	if (!err)
		err = timeline_settle(&timeline, profile, slice);
	return err ? err : timeline_write(&timeline, profile);
}
