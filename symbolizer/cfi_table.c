/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/file.h"
#include "symbolizer/cfi.h"
#include "symbolizer/cfi_arch.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static const uint64_t page_size = 1u << CFI_PAGE_SHIFT;

/* The counts are below their caps when this is called, so that the sum cannot wrap. */
static uint64_t layout_size(const struct cfi_header *h)
{
	return sizeof(*h) + h->segment_count * (uint64_t)sizeof(struct cfi_segment) +
	       h->rule_count * (uint64_t)sizeof(struct cfi_rule) +
	       h->page_count * (uint64_t)sizeof(struct cfi_page) +
	       h->row_count * (uint64_t)sizeof(uint32_t);
}

static bool header_is_sound(const struct cfi_header *h, uint64_t size)
{
	static const uint8_t zeros[CFI_BUILD_ID_MAX];

	if (memcmp(h->magic, CFI_MAGIC, sizeof(h->magic)) != 0 || h->version != CFI_VERSION ||
	    h->machine > UINT16_MAX || !cfi_arch((uint16_t)h->machine) || h->zero)
		return false;
	if (!h->segment_count || h->segment_count > CFI_SEGMENTS_MAX || !h->rule_count ||
	    h->rule_count > CFI_RULES_MAX || h->page_count > CFI_PAGES_MAX ||
	    h->row_count > CFI_ROWS_MAX || h->build_id_size > CFI_BUILD_ID_MAX)
		return false;
	if (memcmp(h->build_id + h->build_id_size, zeros, CFI_BUILD_ID_MAX - h->build_id_size) != 0)
		return false;
	return h->size == size && layout_size(h) == size;
}

/* Pages that no segment has, or that two have, are found by the count. */
static bool segments_are_sound(const struct cfi_table *t)
{
	uint64_t last = 0;
	uint32_t page = 0;

	for (uint32_t i = 0; i < t->header->segment_count; i++) {
		const struct cfi_segment *s = &t->segments[i];
		uint64_t end, off_end;

		if (!s->size || s->zero || s->vaddr < last ||
		    __builtin_add_overflow(s->vaddr, s->size, &end) || end >> 48 ||
		    __builtin_add_overflow(s->off, s->size, &off_end))
			return false;
		if (s->first_page != s->vaddr >> CFI_PAGE_SHIFT || s->page_first != page ||
		    s->page_count != ((end - 1) >> CFI_PAGE_SHIFT) - s->first_page + 1 ||
		    s->page_count > t->header->page_count - page)
			return false;
		page += s->page_count;
		last = end;
	}
	return page == t->header->page_count;
}

static bool register_is_sound(const struct cfi_arch *arch, int64_t reg)
{
	return reg >= 0 && reg < CFI_REG_LEAF + arch->general_count;
}

static bool rule_is_sound(const struct cfi_arch *arch, const struct cfi_rule *r)
{
	if (r->fp >= CFI_FP_COUNT || r->ra >= CFI_RA_COUNT)
		return false;
	switch (r->cfa) {
	case CFI_NONE:
	case CFI_END:
	case CFI_SIGNAL:
		return !r->reg;
	case CFI_UNSUPPORTED:
		return r->reg < CFI_WHY_COUNT;
	case CFI_CFA_PLT:
		return r->reg == CFI_REG_SP && r->extra >= 0 && r->extra < 16 &&
		       r->ra == CFI_RA_DEFAULT;
	case CFI_CFA_DEREF:
		return register_is_sound(arch, r->reg) && r->ra == CFI_RA_DEFAULT;
	case CFI_CFA_REG:
		return register_is_sound(arch, r->reg) &&
		       (r->ra != CFI_RA_REG || register_is_sound(arch, r->extra));
	default:
		return false;
	}
}

static bool rules_are_sound(const struct cfi_table *t)
{
	static const struct cfi_rule none = {.cfa = CFI_NONE};
	const struct cfi_arch *arch = cfi_arch((uint16_t)t->header->machine);

	for (uint32_t i = 0; i < t->header->rule_count; i++)
		if (!rule_is_sound(arch, &t->rules[i]))
			return false;
	return !memcmp(&t->rules[0], &none, sizeof(none));
}

static bool rows_are_sound(const uint32_t *rows, uint32_t count, uint32_t rule_count)
{
	if (rows[0] >> 16 || (rows[0] & 0xffff) >= rule_count)
		return false;
	for (uint32_t i = 1; i < count; i++)
		if (rows[i] >> 16 <= rows[i - 1] >> 16 || (rows[i] & 0xffff) >= rule_count ||
		    (rows[i] & 0xffff) == (rows[i - 1] & 0xffff))
			return false;
	return true;
}

static bool pages_are_sound(const struct cfi_table *t)
{
	uint32_t row = 0;

	for (uint32_t i = 0; i < t->header->page_count; i++) {
		const struct cfi_page *p = &t->pages[i];

		if (p->row_first != row || !p->row_count ||
		    p->row_count > t->header->row_count - row ||
		    !rows_are_sound(t->rows + row, p->row_count, t->header->rule_count))
			return false;
		row += p->row_count;
	}
	return row == t->header->row_count;
}

int cfi_table_open(int fd, struct cfi_table **ret_table)
{
	_cleanup_(cfi_table_freep) struct cfi_table *table = calloc(1, sizeof(*table));
	const void *bytes;
	size_t size;
	int err;

	if (!table)
		return -ENOMEM;
	err = file_map(fd, sizeof(struct cfi_header), &bytes, &size);
	if (err)
		return err;
	if (!header_is_sound(bytes, size)) {
		munmap((void *)bytes, size);
		return -EBADMSG;
	}
	table->header = bytes;
	table->segments = (const void *)(table->header + 1);
	table->rules = (const void *)(table->segments + table->header->segment_count);
	table->pages = (const void *)(table->rules + table->header->rule_count);
	table->rows = (const void *)(table->pages + table->header->page_count);
	if (!segments_are_sound(table) || !rules_are_sound(table) || !pages_are_sound(table))
		return -EBADMSG;
	*ret_table = TAKE_PTR(table);
	return 0;
}

void cfi_table_free(struct cfi_table *table)
{
	if (!table)
		return;
	if (table->header)
		munmap((void *)table->header, table->header->size);
	free(table);
}

/* The number of the page's rows whose low pc is at or below low; at least 1. */
static uint32_t rows_up_to(const uint32_t *rows, uint32_t count, uint32_t low)
{
	uint32_t from = 0, to = count;

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;

		if (rows[middle] >> 16 <= low)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

bool cfi_table_find(const struct cfi_table *t, uint64_t vaddr, const struct cfi_rule **ret_rule,
		    uint64_t *ret_start, uint64_t *ret_end)
{
	for (uint32_t i = 0; i < t->header->segment_count; i++) {
		const struct cfi_segment *s = &t->segments[i];
		uint64_t base = vaddr & ~(page_size - 1), limit = s->vaddr + s->size, end;
		const struct cfi_page *page;
		const uint32_t *rows;
		uint32_t up_to;

		if (vaddr < s->vaddr || vaddr >= limit)
			continue;
		page = &t->pages[s->page_first + (vaddr >> CFI_PAGE_SHIFT) - s->first_page];
		rows = t->rows + page->row_first;
		up_to = rows_up_to(rows, page->row_count, vaddr & (page_size - 1));
		end = base + (up_to < page->row_count ? rows[up_to] >> 16 : page_size);
		base += rows[up_to - 1] >> 16;
		*ret_rule = &t->rules[rows[up_to - 1] & 0xffff];
		*ret_start = base > s->vaddr ? base : s->vaddr;
		*ret_end = end < limit ? end : limit;
		return true;
	}
	return false;
}
