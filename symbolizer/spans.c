/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/spans.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <stdlib.h>

void spans_release(struct spans *spans)
{
	free(spans->span);
	*spans = (struct spans){0};
}

int spans_add(struct spans *spans, const struct span *span)
{
	if (array_reserve(&spans->span, &spans->size, spans->count + 1))
		return -ENOMEM;
	spans->span[spans->count++] = *span;
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct span *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

/* The spans that have begun and not been seen to end; the one that began last is on top. */
struct open_spans {
	const struct span **span;
	size_t count;
};

/* Gives out what the open ones cover from `at` up to limit. */
static int sweep(struct open_spans *open, uint32_t at, uint32_t limit, struct spans *out)
{
	while (open->count && at < limit) {
		const struct span *top = open->span[open->count - 1];
		uint32_t end = top->end < limit ? top->end : limit;

		if (end > at) {
			struct span piece = {at, end, top->id, top->rank};

			if (spans_add(out, &piece))
				return -ENOMEM;
			at = end;
		}
		if (top->end <= at)
			open->count--;
	}
	return 0;
}

int spans_flatten(struct span *from, size_t count, struct spans *out)
{
	_cleanup_free_ const struct span **stack = NULL;
	struct open_spans open = {0};
	uint32_t at = 0;
	int err = 0;

	if (count == 1)
		return spans_add(out, from);
	open.span = stack = calloc(count + 1, sizeof(const struct span *));
	if (!stack)
		return -ENOMEM;
	if (count)
		qsort(from, count, sizeof(*from), compare);
	for (size_t i = 0; !err && i < count; i++) {
		err = sweep(&open, at, from[i].start, out);
		at = from[i].start;
		open.span[open.count++] = &from[i];
	}
	return err ? err : sweep(&open, at, UINT32_MAX, out);
}
