/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * profile_sort(): samples as strings of locations, root first, by multikey quicksort (Bentley and
 * Sedgewick 1997). Stacks share long beginnings: each location of them is looked at once for a
 * whole group, where a sort by comparison would walk along them again and again.
 */
#include "formats/profile.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

enum { SORT_SMALL = 12 };

/* A sample, and the location at the depth that is being looked at, plus one; 0 = it has ended. */
struct sort_item {
	uint32_t key, sample;
};

static uint32_t key_at(const struct profile *profile, uint32_t sample, uint32_t depth)
{
	const struct profile_sample *s = &profile->samples[sample];

	return depth < s->location_count
		       ? profile->sample_locations[s->location_first + s->location_count - 1 -
						   depth] +
				 1
		       : 0;
}

static int compare_labels(const struct profile *profile, const struct profile_sample *a,
			  const struct profile_sample *b)
{
	uint32_t count, other_count;
	const struct profile_label *labels = profile_labels(profile, a, &count);
	const struct profile_label *others = profile_labels(profile, b, &other_count);
	int order = 0;

	if (a->label_set == b->label_set)
		return 0;
	for (uint32_t i = 0; !order && i < count && i < other_count; i++)
		order = profile_label_compare(&labels[i], &others[i]);
	return order ? order : (count > other_count) - (count < other_count);
}

/* The order of two samples whose first `depth` locations are the same. */
static int compare(const struct profile *profile, uint32_t a, uint32_t b, uint32_t depth)
{
	uint32_t left, right;

	do {
		left = key_at(profile, a, depth);
		right = key_at(profile, b, depth);
		depth++;
	} while (left == right && left);
	if (left != right)
		return left < right ? -1 : 1;
	return compare_labels(profile, &profile->samples[a], &profile->samples[b]);
}

static int compare_items(const void *left, const void *right, void *context)
{
	const struct sort_item *a = left, *b = right;
	const struct profile *profile = context;

	return compare_labels(profile, &profile->samples[a->sample], &profile->samples[b->sample]);
}

static void sort_few(const struct profile *profile, struct sort_item *items, size_t count,
		     uint32_t depth)
{
	for (size_t i = 1; i < count; i++) {
		struct sort_item item = items[i];
		size_t at = i;

		for (; at && compare(profile, items[at - 1].sample, item.sample, depth) > 0; at--)
			items[at] = items[at - 1];
		items[at] = item;
	}
}

static void swap(struct sort_item *a, struct sort_item *b)
{
	struct sort_item item = *a;

	*a = *b;
	*b = item;
}

static uint32_t median(uint32_t a, uint32_t b, uint32_t c)
{
	if (a > b)
		return median(b, a, c);
	return c < a ? a : c < b ? c : b;
}

struct sort_part {
	struct sort_item *items;
	size_t count;
	uint32_t depth;
};

/* Into what is less than, equal to and greater than one of the keys. */
static void split(const struct sort_part *whole, struct sort_part parts[3])
{
	struct sort_item *items = whole->items;
	size_t count = whole->count, less = 0, i = 0, greater = count;
	uint32_t pivot = median(items[count / 4].key, items[count / 2].key,
				items[count - count / 4 - 1].key);

	while (i < greater) {
		if (items[i].key < pivot)
			swap(&items[less++], &items[i++]);
		else if (items[i].key > pivot)
			swap(&items[--greater], &items[i]);
		else
			i++;
	}
	parts[0] = (struct sort_part){items, less, whole->depth};
	parts[1] = (struct sort_part){items + less, greater - less, whole->depth};
	parts[2] = (struct sort_part){items + greater, count - greater, whole->depth};
}

/* Those that agree at this depth are looked at one deeper; where they have ended, labels count. */
static void descend(struct profile *profile, struct sort_part *part)
{
	if (part->count && !part->items[0].key) {
		qsort_r(part->items, part->count, sizeof(*part->items), compare_items, profile);
		part->count = 0;
	}
	part->depth++;
	for (size_t i = 0; i < part->count; i++)
		part->items[i].key = key_at(profile, part->items[i].sample, part->depth);
}

/* The largest part is gone on with and the others are called for, so that the calls nest no deeper
 * than the logarithm of the count. */
static void sort_from(struct profile *profile, struct sort_part part)
{
	while (part.count > SORT_SMALL) {
		struct sort_part parts[3];
		size_t largest;

		split(&part, parts);
		descend(profile, &parts[1]);
		largest = parts[1].count >= parts[0].count ? 1 : 0;
		if (parts[2].count > parts[largest].count)
			largest = 2;
		for (size_t i = 0; i < 3; i++)
			if (i != largest)
				sort_from(profile, parts[i]);
		part = parts[largest];
	}
	sort_few(profile, part.items, part.count, part.depth);
}

static bool is_sorted(const struct profile *profile)
{
	for (uint32_t i = 1; i < profile->sample_count; i++)
		if (compare(profile, i - 1, i, 0) > 0)
			return false;
	return true;
}

int profile_sort(struct profile *profile)
{
	size_t count = profile->sample_count;
	_cleanup_free_ struct sort_item *items = NULL;
	struct profile_sample *sorted;

	if (is_sorted(profile))
		return 0;
	items = calloc(count, sizeof(*items));
	sorted = malloc(count * sizeof(*sorted));
	if (!items || !sorted) {
		free(sorted);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++)
		items[i] = (struct sort_item){key_at(profile, i, 0), i};
	sort_from(profile, (struct sort_part){items, count, 0});
	for (size_t i = 0; i < count; i++)
		sorted[i] = profile->samples[items[i].sample];
	free(profile->samples);
	profile->samples = sorted;
	profile->samples_size = (uint32_t)count;
	hashmap_clear(&profile->sample_index);
	return 0;
}
