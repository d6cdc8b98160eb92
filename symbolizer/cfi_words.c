/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/cfi.h"
#include "symbolizer/cfi_arch.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* The words so far. */
struct words {
	char *text;
	size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void add(struct words *w, const char *format, ...)
{
	va_list arguments;
	int added;

	if (w->used >= w->size)
		return;
	va_start(arguments, format);
	added = vsnprintf(w->text + w->used, w->size - w->used, format, arguments);
	va_end(arguments);
	if (added > 0)
		w->used += (size_t)added;
}

static void add_sum(struct words *w, const char *base, int64_t off)
{
	add(w, "%s", base);
	if (off)
		add(w, " %c %" PRId64, off < 0 ? '-' : '+', off < 0 ? -off : off);
}

static const char *reg_name(const struct cfi_arch *arch, int64_t reg)
{
	if (reg < CFI_REG_LEAF)
		return arch->names[reg];
	return arch->general_names[reg - CFI_REG_LEAF];
}

static void add_cfa(struct words *w, const struct cfi_arch *arch, const struct cfi_rule *r)
{
	const char *reg = reg_name(arch, r->reg);

	add(w, "cfa = ");
	if (r->cfa == CFI_CFA_DEREF)
		add(w, "*(");
	add_sum(w, reg, r->cfa_off);
	if (r->cfa == CFI_CFA_DEREF)
		add_sum(w, ")", r->extra);
	if (r->cfa == CFI_CFA_PLT)
		add(w, " + (pc & 15 >= %" PRId32 " ? 8 : 0)", r->extra);
}

static void add_saved(struct words *w, const struct cfi_arch *arch, const struct cfi_rule *r)
{
	const char *fp = arch->names[CFI_REG_FP], *bx = arch->names[CFI_REG_BX];
	const char *base = r->fp == CFI_FP_BASE ? fp : "cfa";

	if (r->fp == CFI_FP_LOST)
		add(w, ", %s lost", fp);
	else if (r->fp != CFI_FP_SAME)
		add_sum(w, (add(w, ", %s at ", fp), base), r->fp_off);
	if (r->bx_off == CFI_BX_LOST)
		add(w, ", %s lost", bx);
	else if (r->bx_off != CFI_BX_SAME)
		add_sum(w, (add(w, ", %s at ", bx), base), r->bx_off);
}

static void add_ra(struct words *w, const struct cfi_arch *arch, const struct cfi_rule *r)
{
	if (r->ra == CFI_RA_REG)
		add(w, ", ra in %s", reg_name(arch, r->extra));
	else
		add_sum(w, (add(w, ", ra at "), "cfa"), r->ra == CFI_RA_CFA ? r->extra : -8);
}

void cfi_rule_words(const struct cfi_rule *r, uint32_t machine, char *ret_words, size_t size)
{
	const struct cfi_arch *arch = cfi_arch((uint16_t)machine);
	struct words w = {.text = ret_words, .size = size};

	switch (r->cfa) {
	case CFI_NONE:
		add(&w, "none");
		break;
	case CFI_END:
		add(&w, "end");
		break;
	case CFI_UNSUPPORTED:
		add(&w, "unsupported: %s", cfi_why_words((enum cfi_why)r->reg));
		break;
	case CFI_SIGNAL:
		add(&w, "signal frame: ip at sp + %" PRId32 ", sp at + %" PRId32 ", fp at + %d",
		    r->extra, r->cfa_off, r->fp_off);
		if (r->bx_off != CFI_BX_LOST)
			add(&w, ", bx at + %d", r->bx_off);
		break;
	default:
		add_cfa(&w, arch, r);
		add_saved(&w, arch, r);
		add_ra(&w, arch, r);
	}
}

const char *cfi_why_words(enum cfi_why why)
{
	static const char *const words[CFI_WHY_COUNT] = {
		[CFI_WHY_CFA_EXPRESSION] = "cfa by an expression of no known form",
		[CFI_WHY_CFA_REGISTER] = "cfa by a special register",
		[CFI_WHY_RA] = "return address in no known place",
		[CFI_WHY_SP] = "caller's sp is not the cfa",
		[CFI_WHY_OFFSET] = "offset too large",
		[CFI_WHY_RULES] = "too many rules in this module",
		[CFI_WHY_DAMAGED] = "damaged instructions",
	};

	return words[why];
}
