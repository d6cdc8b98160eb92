/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/store_catalog.h"

#include "base/array.h"

#include <string.h>

void catalog_release(struct catalog *catalog)
{
	free(catalog->rows);
	*catalog = (struct catalog){0};
}

static bool stands_before(const struct slice *a, uint32_t level, uint32_t first)
{
	return a->first != first ? a->first < first : a->level > level;
}

/* The first row that does not stand before (level, first). */
static size_t lower_bound(const struct catalog *catalog, uint32_t level, uint32_t first)
{
	size_t low = 0, high = catalog->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (stands_before(&catalog->rows[middle], level, first))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct catalog *catalog, size_t at, uint32_t level, uint32_t first)
{
	return at < catalog->count && catalog->rows[at].level == level &&
	       catalog->rows[at].first == first;
}

size_t catalog_find(const struct catalog *catalog, uint32_t level, uint32_t first)
{
	size_t at = lower_bound(catalog, level, first);

	return is_at(catalog, at, level, first) ? at : CATALOG_NONE;
}

int catalog_add(struct catalog *catalog, const struct slice *slice)
{
	size_t at = lower_bound(catalog, slice->level, slice->first);
	int err;

	if (is_at(catalog, at, slice->level, slice->first))
		catalog_remove(catalog, at);
	err = array_reserve(&catalog->rows, &catalog->size, catalog->count + 1);
	if (err)
		return err;
	memmove(&catalog->rows[at + 1], &catalog->rows[at],
		(catalog->count - at) * sizeof(*catalog->rows));
	catalog->rows[at] = *slice;
	catalog->count++;
	catalog->bytes[slice->level] += slice_disk_bytes(slice->bytes);
	return 0;
}

void catalog_remove(struct catalog *catalog, size_t at)
{
	catalog->bytes[catalog->rows[at].level] -= slice_disk_bytes(catalog->rows[at].bytes);
	catalog->count--;
	memmove(&catalog->rows[at], &catalog->rows[at + 1],
		(catalog->count - at) * sizeof(*catalog->rows));
}

static bool holds(const struct slice *slice, const struct slice *other)
{
	return slice->first <= other->first && other->last <= slice->last;
}

size_t catalog_parent(const struct catalog *catalog, size_t at)
{
	const struct slice *slice = &catalog->rows[at];

	/* The nearest row of the next level before it is the only one that can hold it. */
	while (at-- > 0)
		if (catalog->rows[at].level == slice->level + 1)
			return holds(&catalog->rows[at], slice) ? at : CATALOG_NONE;
	return CATALOG_NONE;
}

size_t catalog_finest(const struct catalog *catalog, size_t at)
{
	const struct slice *slice = &catalog->rows[at];
	size_t finest = at;

	for (size_t i = at + 1; i < catalog->count && catalog->rows[i].first <= slice->last; i++)
		if (catalog->rows[i].level < catalog->rows[finest].level)
			finest = i;
	return finest;
}

size_t catalog_newest(const struct catalog *catalog)
{
	size_t newest = CATALOG_NONE;

	/* In order of slices the last row is the newest or a part of it. */
	for (size_t i = catalog->count; i-- > 0;) {
		if (newest == CATALOG_NONE || catalog->rows[i].last > catalog->rows[newest].last)
			newest = i;
		if (catalog->rows[i].level == STORE_LEVELS - 1)
			break;
	}
	return newest;
}

/* ---- roll-ups ---- */

static int64_t stretch_of(const struct slice *slice, uint64_t length_ns)
{
	return ((int64_t)slice->start_ns + slice->align_ns) / (int64_t)length_ns;
}

static bool is_same_stretch(const struct slice *a, const struct slice *b, uint64_t length_ns)
{
	return !strcmp(a->boot, b->boot) && stretch_of(a, length_ns) == stretch_of(b, length_ns);
}

size_t catalog_due(const struct catalog *catalog, uint32_t level, size_t *ret, size_t max)
{
	uint64_t length_ns = slice_level_ns(level + 1);
	uint32_t rolled_to = 0;
	size_t count = 0;

	for (size_t i = 0; i < catalog->count; i++) {
		const struct slice *row = &catalog->rows[i];

		if (row->level == level + 1)
			rolled_to = row->last;
		if (row->level != level)
			continue;
		if (count && (row->last <= rolled_to || count == max ||
			      !is_same_stretch(&catalog->rows[ret[0]], row, length_ns)))
			return count;
		if (row->last > rolled_to)
			ret[count++] = i;
	}
	return 0;
}

/* ---- ranges ---- */

struct plan {
	const struct catalog *catalog;
	int64_t from_ns, to_ns;
	size_t *ret, count;
	bool is_fine;
};

static size_t behind(const struct catalog *catalog, size_t at)
{
	uint32_t last = catalog->rows[at].last;

	do
		at++;
	while (at < catalog->count && catalog->rows[at].first <= last);
	return at;
}

/* Are all its parts still there? */
static bool has_detail(const struct catalog *catalog, size_t at, size_t end)
{
	const struct slice *row = &catalog->rows[at];
	uint32_t parts = 0;

	if (row->level == LEVEL_SLICE)
		return false;
	for (size_t i = at + 1; i < end; i++)
		if (catalog->rows[i].level == row->level - 1)
			parts += catalog->rows[i].parts;
	return parts == row->parts;
}

/* The file at `at`, or what it is made of; gives the position behind all that. */
static size_t plan_one(struct plan *plan, size_t at)
{
	const struct slice *row = &plan->catalog->rows[at];
	size_t end = behind(plan->catalog, at);
	bool is_inside =
		!plan->is_fine && plan->from_ns <= row->wall_ns && row->wall_end_ns <= plan->to_ns;

	if (row->wall_end_ns < plan->from_ns || row->wall_ns >= plan->to_ns)
		return end;
	if (!is_inside && has_detail(plan->catalog, at, end)) {
		for (size_t i = at + 1; i < end;)
			i = plan_one(plan, i);
		return end;
	}
	if (plan->from_ns <= row->wall_ns)
		plan->ret[plan->count++] = at;
	return end;
}

static size_t plan_all(struct plan *plan)
{
	for (size_t i = 0; i < plan->catalog->count;)
		i = plan_one(plan, i);
	return plan->count;
}

size_t catalog_plan(const struct catalog *catalog, int64_t from_ns, int64_t to_ns, size_t *ret)
{
	struct plan plan = {catalog, from_ns, to_ns, ret, 0, false};

	return plan_all(&plan);
}

size_t catalog_plan_fine(const struct catalog *catalog, size_t *ret)
{
	struct plan plan = {catalog, INT64_MIN, INT64_MAX, ret, 0, true};

	return plan_all(&plan);
}
