/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/cfi_rows.h"

#include "base/array.h"

#include <string.h>

static bool rule_equals(const void *table, uint32_t position, const void *key)
{
	return !memcmp((const struct cfi_rule *)table + position, key, sizeof(struct cfi_rule));
}

static int add_rule(struct cfi_rows *r, const struct cfi_rule *rule, uint64_t hash,
		    uint32_t *ret_number)
{
	int err = array_reserve(&r->rules, &r->rules_size, r->rule_count + 1);

	if (!err)
		err = hashmap_add(&r->numbers, hash, r->rule_count);
	if (err)
		return err;
	r->rules[r->rule_count] = *rule;
	*ret_number = r->rule_count++;
	return 0;
}

/* The last number is kept for the rule that stands for those past the cap. */
static int number_of(struct cfi_rows *r, const struct cfi_rule *rule, uint32_t *ret_number)
{
	static const struct cfi_rule too_many = {.cfa = CFI_UNSUPPORTED, .reg = CFI_WHY_RULES};
	uint64_t hash = hash_bytes(rule, sizeof(*rule));
	uint32_t number = hashmap_find(&r->numbers, hash, rule_equals, r->rules, rule);

	if (number != HASHMAP_NONE) {
		*ret_number = number;
		return 0;
	}
	if (r->rule_count == CFI_RULES_MAX) {
		*ret_number = CFI_RULES_MAX - 1;
		return 0;
	}
	if (r->rule_count == CFI_RULES_MAX - 1)
		rule = &too_many;
	return add_rule(r, rule, hash, ret_number);
}

void cfi_rows_init(struct cfi_rows *r)
{
	static const struct cfi_rule none = {.cfa = CFI_NONE};
	uint32_t number;

	memset(r, 0, sizeof(*r));
	r->err = add_rule(r, &none, hash_bytes(&none, sizeof(none)), &number);
}

void cfi_rows_release(struct cfi_rows *r)
{
	free(r->rules);
	free(r->pages);
	free(r->rows);
	hashmap_release(&r->numbers);
}

/* Counts the bytes of the rule in force up to vaddr. */
static void count_bytes(struct cfi_rows *r, uint64_t vaddr)
{
	const struct cfi_rule *rule = &r->rules[r->rule];
	uint64_t bytes = vaddr - r->since;

	r->since = vaddr;
	if (rule->cfa != CFI_NONE)
		r->stats.covered += bytes;
	if (rule->cfa == CFI_UNSUPPORTED)
		r->stats.unsupported[rule->reg] += bytes;
	else if (rule->reg >= CFI_REG_LEAF || rule->ra == CFI_RA_REG)
		r->stats.leaf_only += bytes;
}

static int add_row(struct cfi_rows *r, uint32_t low)
{
	int err;

	if (r->row_count == CFI_ROWS_MAX)
		return -EFBIG;
	err = array_reserve(&r->rows, &r->rows_size, r->row_count + 1);
	if (err)
		return err;
	r->rows[r->row_count++] = low << 16 | r->rule;
	r->pages[r->page_count - 1].row_count++;
	return 0;
}

static int add_page(struct cfi_rows *r, uint64_t vaddr)
{
	int err;

	if (r->page_count == CFI_PAGES_MAX)
		return -EFBIG;
	err = array_reserve(&r->pages, &r->pages_size, r->page_count + 1);
	if (err)
		return err;
	r->pages[r->page_count++] = (struct cfi_page){.row_first = r->row_count};
	r->page = vaddr;
	return add_row(r, 0);
}

static int add_pages(struct cfi_rows *r, uint64_t vaddr)
{
	const uint64_t size = 1u << CFI_PAGE_SHIFT;
	int err = 0;

	while (!err && vaddr - r->page >= size)
		err = add_page(r, r->page + size);
	return err;
}

/* The row before the one that is replaced may have the rule that is put now. */
static int change_rule(struct cfi_rows *r, uint32_t low)
{
	struct cfi_page *page = &r->pages[r->page_count - 1];
	uint32_t *last = &r->rows[r->row_count - 1];

	if (*last >> 16 != low)
		return add_row(r, low);
	if (page->row_count > 1 && (last[-1] & 0xffff) == r->rule) {
		r->row_count--;
		page->row_count--;
	} else {
		*last = low << 16 | r->rule;
	}
	return 0;
}

void cfi_rows_put(struct cfi_rows *r, uint64_t vaddr, const struct cfi_rule *rule)
{
	uint32_t number;

	if (r->err)
		return;
	r->stats.raw_rows++;
	if (rule_equals(r->rules, r->rule, rule))
		return;
	count_bytes(r, vaddr);
	r->err = add_pages(r, vaddr);
	if (!r->err)
		r->err = number_of(r, rule, &number);
	if (r->err || number == r->rule)
		return;
	r->rule = number;
	r->err = change_rule(r, vaddr & 0xffff);
}

void cfi_rows_begin(struct cfi_rows *r, struct cfi_segment *segment)
{
	segment->first_page = (uint32_t)(segment->vaddr >> CFI_PAGE_SHIFT);
	segment->page_first = r->page_count;
	r->rule = 0;
	r->since = segment->vaddr;
	if (!r->err)
		r->err = add_page(r, (uint64_t)segment->first_page << CFI_PAGE_SHIFT);
}

void cfi_rows_end(struct cfi_rows *r, struct cfi_segment *segment)
{
	if (!r->err)
		r->err = add_pages(r, segment->vaddr + segment->size - 1);
	if (!r->err)
		count_bytes(r, segment->vaddr + segment->size);
	segment->page_count = r->page_count - segment->page_first;
}
