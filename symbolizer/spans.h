/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stretches of addresses that may overlap, made disjoint. */
#ifndef WICK_SYMBOLIZER_SPANS_H
#define WICK_SYMBOLIZER_SPANS_H

#include <stddef.h>
#include <stdint.h>

struct span {
	uint32_t start, end; /* end is behind it; start < end */
	uint32_t id;
	uint32_t
		rank; /* of several that begin together, the one with the highest has the address */
};

struct spans {
	struct span *span;
	size_t count, size;
};

void spans_release(struct spans *spans);

/* 0 or -ENOMEM. */
int spans_add(struct spans *spans, const struct span *span);

/* Appends to out, in order and disjoint, what the count spans at `from` cover (they are sorted in
 * place): each address goes to the one that began last, and so, where spans nest, to the innermost.
 * 0 or -ENOMEM. */
int spans_flatten(struct span *from, size_t count, struct spans *out);

#endif
