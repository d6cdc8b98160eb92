/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/unwind_rows.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/hashmap.h"
#include "profiler/ranges.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

enum {
	SHARD_ROWS = 1 << WICK_SHARD_BITS,
	RULE_NONE = 0,	      /* as in a module's table */
	RULE_UNSUPPORTED = 1, /* stands for those that found no room */
};

_Static_assert(sizeof(struct wick_rule) == sizeof(struct cfi_rule), "the same bytes");
#define SAME_FIELD(field)                                                                          \
	_Static_assert(offsetof(struct wick_rule, field) == offsetof(struct cfi_rule, field) &&    \
			       sizeof(((struct wick_rule *)0)->field) ==                           \
				       sizeof(((struct cfi_rule *)0)->field),                      \
		       "the same bytes")
SAME_FIELD(cfa);
SAME_FIELD(fp);
SAME_FIELD(ra);
SAME_FIELD(reg);
SAME_FIELD(cfa_off);
SAME_FIELD(extra);
SAME_FIELD(fp_off);
SAME_FIELD(bx_off);
#define SAME_NUMBER(a, b) _Static_assert((int)(a) == (int)(b), "the same numbers")
SAME_NUMBER(WICK_CFA_NONE, CFI_NONE);
SAME_NUMBER(WICK_CFA_END, CFI_END);
SAME_NUMBER(WICK_CFA_REG, CFI_CFA_REG);
SAME_NUMBER(WICK_CFA_DEREF, CFI_CFA_DEREF);
SAME_NUMBER(WICK_CFA_PLT, CFI_CFA_PLT);
SAME_NUMBER(WICK_CFA_SIGNAL, CFI_SIGNAL);
SAME_NUMBER(WICK_CFA_UNSUPPORTED, CFI_UNSUPPORTED);
SAME_NUMBER(WICK_FP_SAME, CFI_FP_SAME);
SAME_NUMBER(WICK_FP_CFA, CFI_FP_CFA);
SAME_NUMBER(WICK_FP_BASE, CFI_FP_BASE);
SAME_NUMBER(WICK_FP_LOST, CFI_FP_LOST);
SAME_NUMBER(WICK_RA_DEFAULT, CFI_RA_DEFAULT);
SAME_NUMBER(WICK_RA_CFA, CFI_RA_CFA);
SAME_NUMBER(WICK_RA_REG, CFI_RA_REG);
SAME_NUMBER(WICK_REG_SP, CFI_REG_SP);
SAME_NUMBER(WICK_REG_FP, CFI_REG_FP);
SAME_NUMBER(WICK_REG_BX, CFI_REG_BX);
SAME_NUMBER(WICK_REG_LEAF, CFI_REG_LEAF);
SAME_NUMBER(WICK_BX_SAME, CFI_BX_SAME);
SAME_NUMBER(WICK_BX_LOST, CFI_BX_LOST);
SAME_NUMBER(WICK_PAGE_BITS, CFI_PAGE_SHIFT);

struct unwind_placed {
	struct unwind_segment *segments;
	uint32_t segment_count;
	struct range pages;
	struct range *rows; /* one or more, each in a shard */
	uint32_t range_count, ranges_size;
	uint32_t row_count;
};

struct unwind_rows {
	const struct unwind_maps *maps;
	pthread_mutex_t lock; /* of all below */
	uint32_t **shards;
	uint32_t shard_count;
	struct ranges rows, pages;
	uint32_t rule_count;
	struct hashmap rule_index;
	uint64_t rules_refused;
};

/* --- rules --- */

static uint64_t rule_hash(const struct wick_rule *rule)
{
	return hash_bytes(rule, sizeof(*rule));
}

static bool rule_equal(const void *table, uint32_t position, const void *key)
{
	const struct unwind_rows *rows = table;

	return !memcmp(&rows->maps->rules[position], key, sizeof(struct wick_rule));
}

static uint16_t intern(struct unwind_rows *rows, const struct cfi_rule *local)
{
	struct wick_rule rule;
	uint64_t hash;
	uint32_t at;

	memcpy(&rule, local, sizeof(rule));
	hash = rule_hash(&rule);
	at = hashmap_find(&rows->rule_index, hash, rule_equal, rows, &rule);
	if (at != HASHMAP_NONE)
		return (uint16_t)at;
	at = rows->rule_count;
	if (at >= rows->maps->sizes.rules || hashmap_add(&rows->rule_index, hash, at)) {
		rows->rules_refused++;
		return RULE_UNSUPPORTED;
	}
	rows->maps->rules[at] = rule;
	rows->rule_count++;
	return (uint16_t)at;
}

/* Numbers of the kernel's rules by numbers of the table's. */
static int intern_all(struct unwind_rows *rows, const struct cfi_table *table,
		      uint16_t **ret_numbers)
{
	uint32_t count = table->header->rule_count;
	uint16_t *numbers = calloc(count, sizeof(*numbers));

	if (!numbers)
		return -ENOMEM;
	pthread_mutex_lock(&rows->lock);
	for (uint32_t i = 0; i < count; i++)
		numbers[i] = intern(rows, &table->rules[i]);
	pthread_mutex_unlock(&rows->lock);
	*ret_numbers = numbers;
	return 0;
}

/* --- room for rows --- */

/* One more shard. Without the lock meanwhile: it takes 10 ms. Only one thread places at a time. */
static int add_shard(struct unwind_rows *rows)
{
	uint32_t *shard, index = rows->shard_count;
	int err;

	if (index >= rows->maps->sizes.shards)
		return -ENOSPC;
	pthread_mutex_unlock(&rows->lock);
	err = rows->maps->add_shard(rows->maps->context, index, &shard);
	pthread_mutex_lock(&rows->lock);
	if (err)
		return err;
	rows->shards[index] = shard;
	err = ranges_grow(&rows->rows, SHARD_ROWS);
	if (!err)
		rows->shard_count++;
	return err;
}

/* The pages from `from` on whose rows fit in `room`; gives the number of those rows. */
static uint32_t fill(const struct cfi_table *table, uint32_t from, uint32_t room, uint32_t *ret_to)
{
	uint32_t used = 0, at = from;

	while (at < table->header->page_count && table->pages[at].row_count <= room - used)
		used += table->pages[at++].row_count;
	*ret_to = at;
	return used;
}

/* Room for as many of the pages from *page on as one range gives: all that is left if possible, in
 * a new shard if need be, else what the largest range holds. */
static int take_some(struct unwind_rows *rows, const struct cfi_table *table, uint32_t left,
		     uint32_t *page, struct range *ret_range)
{
	uint32_t room, used, to;
	int err = 0;

	if (ranges_largest(&rows->rows) < (left < SHARD_ROWS ? left : SHARD_ROWS))
		err = add_shard(rows);
	if (err && err != -ENOSPC)
		return err;
	room = ranges_largest(&rows->rows);
	used = fill(table, *page, left < room ? left : room, &to);
	if (!used)
		return -ENOSPC;
	*page = to;
	return ranges_take(&rows->rows, used, ret_range);
}

static int take_rows(struct unwind_rows *rows, const struct cfi_table *table,
		     struct unwind_placed *placed)
{
	uint32_t left = table->header->row_count, page = 0;
	int err = 0;

	while (!err && left) {
		err = array_reserve(&placed->rows, &placed->ranges_size,
				    (size_t)placed->range_count + 1);
		if (!err)
			err = take_some(rows, table, left, &page,
					&placed->rows[placed->range_count]);
		if (!err)
			left -= placed->rows[placed->range_count++].count;
	}
	placed->row_count = table->header->row_count - left;
	return err;
}

static int take_room(struct unwind_rows *rows, const struct cfi_table *table,
		     struct unwind_placed *placed)
{
	int err;

	pthread_mutex_lock(&rows->lock);
	err = ranges_take(&rows->pages, table->header->page_count, &placed->pages);
	if (!err)
		err = take_rows(rows, table, placed);
	if (err) {
		/* Nothing was written, so nothing needs to rest. */
		ranges_give(&rows->pages, placed->pages);
		for (uint32_t i = 0; i < placed->range_count; i++)
			ranges_give(&rows->rows, placed->rows[i]);
	}
	pthread_mutex_unlock(&rows->lock);
	return err;
}

/* --- copying --- */

static void copy_rows(struct unwind_rows *rows, const struct cfi_table *table,
		      const uint16_t *numbers, const struct unwind_placed *placed)
{
	const struct range *range = placed->rows;
	uint32_t used = 0;

	for (uint32_t i = 0; i < table->header->page_count; i++) {
		const struct cfi_page *page = &table->pages[i];
		const uint32_t *from = table->rows + page->row_first;
		uint32_t first, *to;

		if (page->row_count > range->count - used) {
			range++;
			used = 0;
		}
		first = range->start + used;
		to = rows->shards[first >> WICK_SHARD_BITS] + (first & (SHARD_ROWS - 1));
		for (uint32_t j = 0; j < page->row_count; j++)
			to[j] = (from[j] & 0xffff0000) | numbers[from[j] & 0xffff];
		rows->maps->pages[placed->pages.start + i] =
			(struct wick_page){first, page->row_count};
		used += page->row_count;
	}
}

static void copy_segments(const struct cfi_table *table, struct unwind_placed *placed)
{
	for (uint32_t i = 0; i < placed->segment_count; i++) {
		const struct cfi_segment *from = &table->segments[i];

		placed->segments[i] = (struct unwind_segment){
			from->off, from->vaddr, from->size,
			placed->pages.start + from->page_first - from->first_page};
	}
}

static void placed_free(struct unwind_placed *placed)
{
	if (!placed)
		return;
	free(placed->segments);
	free(placed->rows);
	free(placed);
}

static void placed_freep(struct unwind_placed **placed)
{
	placed_free(*placed);
}

int unwind_rows_place(struct unwind_rows *rows, const struct cfi_table *table,
		      struct unwind_placed **ret_placed)
{
	_cleanup_(placed_freep) struct unwind_placed *placed = calloc(1, sizeof(*placed));
	_cleanup_free_ uint16_t *numbers = NULL;
	const struct cfi_header *header = table->header;
	int err;

	if (!placed)
		return -ENOMEM;
	if (header->page_count > rows->maps->sizes.pages ||
	    header->row_count > (uint64_t)rows->maps->sizes.shards * SHARD_ROWS)
		return -EFBIG;
	placed->segment_count = header->segment_count;
	placed->segments = calloc(placed->segment_count, sizeof(*placed->segments));
	if (!placed->segments)
		return -ENOMEM;
	err = intern_all(rows, table, &numbers);
	if (!err)
		err = take_room(rows, table, placed);
	if (err)
		return err;
	copy_segments(table, placed);
	copy_rows(rows, table, numbers, placed);
	*ret_placed = TAKE_PTR(placed);
	return 0;
}

void unwind_rows_prepare(struct unwind_rows *rows)
{
	pthread_mutex_lock(&rows->lock);
	if (ranges_largest(&rows->rows) < SHARD_ROWS / 4)
		add_shard(rows);
	pthread_mutex_unlock(&rows->lock);
}

void unwind_rows_rest(struct unwind_rows *rows, struct unwind_placed *placed, uint64_t ready_ns)
{
	if (!placed)
		return;
	pthread_mutex_lock(&rows->lock);
	ranges_rest(&rows->pages, placed->pages, ready_ns);
	for (uint32_t i = 0; i < placed->range_count; i++)
		ranges_rest(&rows->rows, placed->rows[i], ready_ns);
	pthread_mutex_unlock(&rows->lock);
	placed_free(placed);
}

void unwind_rows_wake(struct unwind_rows *rows, uint64_t now_ns)
{
	pthread_mutex_lock(&rows->lock);
	ranges_wake(&rows->pages, now_ns);
	ranges_wake(&rows->rows, now_ns);
	pthread_mutex_unlock(&rows->lock);
}

const struct unwind_segment *unwind_placed_segments(const struct unwind_placed *placed,
						    uint32_t *ret_count)
{
	*ret_count = placed->segment_count;
	return placed->segments;
}

uint32_t unwind_placed_rows(const struct unwind_placed *placed)
{
	return placed->row_count;
}

struct unwind_rows_stats unwind_rows_stats(struct unwind_rows *rows)
{
	struct unwind_rows_stats stats;

	pthread_mutex_lock(&rows->lock);
	stats = (struct unwind_rows_stats){
		.shards = rows->shard_count,
		.rows = rows->rows.taken - rows->rows.rests,
		.pages = rows->pages.taken - rows->pages.rests,
		.rules = rows->rule_count,
		.resting = rows->rows.rests,
		.rules_refused = rows->rules_refused,
	};
	pthread_mutex_unlock(&rows->lock);
	return stats;
}

/* --- life --- */

/* The two that must be there, whatever comes. */
static int intern_first(struct unwind_rows *rows)
{
	const struct cfi_rule none = {.cfa = CFI_NONE};
	const struct cfi_rule unsupported = {.cfa = CFI_UNSUPPORTED, .reg = CFI_WHY_RULES};

	return intern(rows, &none) == RULE_NONE && intern(rows, &unsupported) == RULE_UNSUPPORTED &&
			       !rows->rules_refused
		       ? 0
		       : -ENOMEM;
}

int unwind_rows_new(const struct unwind_maps *maps, struct unwind_rows **ret_rows)
{
	struct unwind_rows *rows = calloc(1, sizeof(*rows));
	int err;

	if (!rows)
		return -ENOMEM;
	rows->maps = maps;
	rows->rows.block = SHARD_ROWS;
	pthread_mutex_init(&rows->lock, NULL);
	rows->shards = calloc(maps->sizes.shards, sizeof(*rows->shards));
	err = rows->shards ? ranges_grow(&rows->pages, maps->sizes.pages) : -ENOMEM;
	if (!err)
		err = intern_first(rows);
	if (err) {
		unwind_rows_free(rows);
		return err;
	}
	*ret_rows = rows;
	return 0;
}

void unwind_rows_free(struct unwind_rows *rows)
{
	if (!rows)
		return;
	ranges_release(&rows->rows);
	ranges_release(&rows->pages);
	hashmap_release(&rows->rule_index);
	free(rows->shards);
	pthread_mutex_destroy(&rows->lock);
	free(rows);
}
