/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/ksymbols.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANGES_MAX = 1 << 16 };

struct ksymbols {
	struct ksymbol_range *ranges; /* sorted, disjoint */
	uint32_t count, size, serial;
};

int ksymbols_new(struct ksymbols **ret_ksymbols)
{
	struct ksymbols *ksymbols = calloc(1, sizeof(*ksymbols));

	if (!ksymbols)
		return -ENOMEM;
	*ret_ksymbols = ksymbols;
	return 0;
}

static void clear(struct ksymbols *ksymbols)
{
	for (uint32_t i = 0; i < ksymbols->count; i++)
		free(ksymbols->ranges[i].name);
	ksymbols->count = 0;
	ksymbols->serial++;
}

void ksymbols_free(struct ksymbols *ksymbols)
{
	if (!ksymbols)
		return;
	clear(ksymbols);
	free(ksymbols->ranges);
	free(ksymbols);
}

/* The number of ranges that end at or before addr. */
static uint32_t count_before(const struct ksymbols *ksymbols, uint64_t addr)
{
	uint32_t low = 0, high = ksymbols->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ksymbols->ranges[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Ranges from at on, n of them, make place for one: or for none, if range is NULL. */
static void splice(struct ksymbols *ksymbols, uint32_t at, uint32_t n,
		   const struct ksymbol_range *range)
{
	struct ksymbol_range *ranges = ksymbols->ranges;
	uint32_t behind = ksymbols->count - at - n, put = range ? 1 : 0;

	for (uint32_t i = 0; i < n; i++)
		free(ranges[at + i].name);
	memmove(ranges + at + put, ranges + at + n, behind * sizeof(*ranges));
	if (range)
		ranges[at] = *range;
	ksymbols->count = at + put + behind;
	ksymbols->serial++;
}

/* What the new one covers a part of is gone as well: we have missed its end. But one whose size was
 * not told, which then starts before it, is only shorter than it seemed. */
int ksymbols_add(struct ksymbols *ksymbols, uint64_t start, uint64_t size, const char *name)
{
	struct ksymbol_range range = {start, start + size, NULL};
	uint32_t at = count_before(ksymbols, start), last;

	if (!size || range.end < start)
		range.end = UINT64_MAX;
	if (ksymbols->count >= RANGES_MAX)
		return -EFBIG;
	if (array_reserve(&ksymbols->ranges, &ksymbols->size, (size_t)ksymbols->count + 1))
		return -ENOMEM;
	range.name = strdup(name);
	if (!range.name)
		return -ENOMEM;
	if (at < ksymbols->count && ksymbols->ranges[at].start < start)
		ksymbols->ranges[at++].end = start;
	for (last = at; last < ksymbols->count && ksymbols->ranges[last].start < range.end;)
		last++;
	splice(ksymbols, at, last - at, &range);
	return 0;
}

void ksymbols_remove(struct ksymbols *ksymbols, uint64_t start)
{
	uint32_t at = count_before(ksymbols, start);

	if (at < ksymbols->count && ksymbols->ranges[at].start == start)
		splice(ksymbols, at, 1, NULL);
}

bool ksymbols_is_module(const char *module)
{
	return !strcmp(module, "bpf") || !strncmp(module, "__builtin__", 11);
}

int ksymbols_read(struct ksymbols *ksymbols, const struct kallsyms *kallsyms)
{
	struct kallsyms_range range;
	int err = 0;

	clear(ksymbols);
	for (size_t i = 0; !err && kallsyms && kallsyms_at(kallsyms, i, &range); i++) {
		char name[1200];

		if (!ksymbols_is_module(range.module))
			continue;
		snprintf(name, sizeof(name), "%s\t[%s]", range.symbol, range.module);
		err = ksymbols_add(ksymbols, range.start, range.end - range.start, name);
	}
	return err;
}

const struct ksymbol_range *ksymbols_find(const struct ksymbols *ksymbols, uint64_t addr)
{
	uint32_t at = count_before(ksymbols, addr);

	return at < ksymbols->count && ksymbols->ranges[at].start <= addr ? &ksymbols->ranges[at]
									  : NULL;
}

uint32_t ksymbols_serial(const struct ksymbols *ksymbols)
{
	return ksymbols->serial;
}

uint32_t ksymbols_count(const struct ksymbols *ksymbols)
{
	return ksymbols->count;
}
