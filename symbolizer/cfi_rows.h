/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The growing arrays of an unwind table: rows are put in the order of their vaddrs, rules are
 * deduplicated, pages and statistics come of themselves. In the parser child only. */
#ifndef WICK_SYMBOLIZER_CFI_ROWS_H
#define WICK_SYMBOLIZER_CFI_ROWS_H

#include "base/hashmap.h"
#include "symbolizer/cfi.h"

struct cfi_rows {
	struct cfi_rule *rules;
	struct hashmap numbers; /* of the rules */
	struct cfi_page *pages;
	uint32_t *rows;
	uint32_t rule_count, rules_size;
	uint32_t page_count, pages_size;
	uint32_t row_count, rows_size;
	uint32_t rule; /* in force at the end */
	uint64_t
		since; /* the vaddr where it came into force: never above that of a row to be put */
	uint64_t page; /* the vaddr of the last page */
	struct cfi_stats stats;
	int err; /* the first failure; then nothing more is put */
};

/* With rule 0. Check ->err. */
void cfi_rows_init(struct cfi_rows *rows);
void cfi_rows_release(struct cfi_rows *rows);

/* A segment's rows go between these two, and none is put outside its vaddrs. */
void cfi_rows_begin(struct cfi_rows *rows, struct cfi_segment *segment);
void cfi_rows_end(struct cfi_rows *rows, struct cfi_segment *segment);

/* From vaddr on this rule holds. vaddr: never below that of the row before; the same replaces it.
 */
void cfi_rows_put(struct cfi_rows *rows, uint64_t vaddr, const struct cfi_rule *rule);

#endif
