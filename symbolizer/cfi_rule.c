/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/cfi_program.h"

/* DWARF 5, 7.7.1: what occurs in the expressions of CFI that compilers and glibc write. */
enum {
	DW_OP_deref = 0x06,
	DW_OP_and = 0x1a,
	DW_OP_plus = 0x22,
	DW_OP_plus_uconst = 0x23,
	DW_OP_shl = 0x24,
	DW_OP_ge = 0x2a,
	DW_OP_lit0 = 0x30,
	DW_OP_breg0 = 0x70,
	DW_OP_bregx = 0x92,
};

/* "register + offset" */
static bool read_breg(struct cursor *c, uint64_t *ret_reg, int64_t *ret_off)
{
	uint8_t op;

	if (!cursor_u8(c, &op))
		return false;
	if (op == DW_OP_bregx) {
		if (!cursor_uleb128(c, ret_reg))
			return false;
	} else if (op >= DW_OP_breg0 && op < DW_OP_breg0 + 32) {
		*ret_reg = op - DW_OP_breg0;
	} else {
		return false;
	}
	return cursor_sleb128(c, ret_off);
}

static bool is_breg(struct cursor c, uint64_t *ret_reg, int64_t *ret_off)
{
	return read_breg(&c, ret_reg, ret_off) && !cursor_left(&c);
}

/* What ld writes for a lazy PLT: the stub pushes 8 bytes on its way, from its operand-th byte on.
 *	sp + off + ((ip & 15) >= operand) << 3 */
static bool is_plt(struct cursor c, const struct cfi_arch *arch, int64_t *ret_off,
		   int32_t *ret_operand)
{
	static const uint8_t before[] = {DW_OP_lit0 + 15, DW_OP_and};
	static const uint8_t after[] = {DW_OP_ge, DW_OP_lit0 + 3, DW_OP_shl, DW_OP_plus};
	uint64_t sp, ip;
	int64_t zero;
	uint8_t operand;

	if (!read_breg(&c, &sp, ret_off) || sp != arch->sp || !read_breg(&c, &ip, &zero) ||
	    arch->ip == CFI_NO_REGISTER || ip != arch->ip || zero)
		return false;
	if (cursor_left(&c) != sizeof(before) + 1 + sizeof(after) ||
	    memcmp(c.pos, before, sizeof(before)) ||
	    memcmp(c.pos + sizeof(before) + 1, after, sizeof(after)))
		return false;
	operand = (uint8_t)(c.pos[sizeof(before)] - DW_OP_lit0);
	*ret_operand = operand;
	return operand < 16;
}

/* *(register + off), or that plus a constant. */
static bool is_deref(struct cursor c, uint64_t *ret_reg, int64_t *ret_off, int64_t *ret_extra)
{
	uint64_t extra = 0;
	uint8_t op;

	if (!read_breg(&c, ret_reg, ret_off) || !cursor_u8(&c, &op) || op != DW_OP_deref)
		return false;
	if (cursor_left(&c) &&
	    (!cursor_u8(&c, &op) || op != DW_OP_plus_uconst || !cursor_uleb128(&c, &extra)))
		return false;
	*ret_extra = (int64_t)extra;
	return !cursor_left(&c);
}

static bool walker_register(const struct cfi_arch *arch, uint64_t reg, uint8_t *ret_reg)
{
	if (reg == arch->sp)
		*ret_reg = CFI_REG_SP;
	else if (reg == arch->fp)
		*ret_reg = CFI_REG_FP;
	else if (reg == arch->bx)
		*ret_reg = CFI_REG_BX;
	else if (reg < arch->general_count)
		*ret_reg = (uint8_t)(CFI_REG_LEAF + reg);
	else
		return false;
	return true;
}

struct cfi_rule cfi_rule_unsupported(enum cfi_why why)
{
	return (struct cfi_rule){.cfa = CFI_UNSUPPORTED, .reg = (uint8_t)why};
}

static bool set_s32(int32_t *at, int64_t value)
{
	*at = (int32_t)value;
	return *at == value;
}

/* -1: done; else the reason why it cannot be done. */
static int rule_cfa(const struct cfi_cie *cie, const struct cfi_state *state, struct cfi_rule *rule)
{
	uint64_t reg = state->cfa_reg;
	int64_t off = state->cfa_off, extra = 0;

	rule->cfa = CFI_CFA_REG;
	if (state->cfa_is_expression) {
		if (is_plt(state->cfa_expression, cie->arch, &off, &rule->extra)) {
			rule->cfa = CFI_CFA_PLT;
			reg = cie->arch->sp;
			extra = rule->extra;
		} else if (is_deref(state->cfa_expression, &reg, &off, &extra)) {
			rule->cfa = CFI_CFA_DEREF;
		} else if (!is_breg(state->cfa_expression, &reg, &off)) {
			return CFI_WHY_CFA_EXPRESSION;
		}
	}
	if (!walker_register(cie->arch, reg, &rule->reg))
		return CFI_WHY_CFA_REGISTER;
	if (!set_s32(&rule->cfa_off, off) || !set_s32(&rule->extra, extra))
		return CFI_WHY_OFFSET;
	return -1;
}

static int rule_ra(const struct cfi_cie *cie, const struct cfi_state *state, struct cfi_rule *rule)
{
	const struct cfi_place *ra = &state->places[CFI_KEPT_RA];
	const struct cfi_arch *arch = cie->arch;
	uint64_t reg = (uint64_t)ra->off;
	uint8_t number;

	if (!cie->is_ra_expected)
		return CFI_WHY_RA;
	if (ra->where == CFI_OFFSET) {
		if (arch->ra_is_pushed && ra->off == -8)
			return -1;
		rule->ra = CFI_RA_CFA;
		if (rule->cfa != CFI_CFA_REG)
			return CFI_WHY_RA;
		return set_s32(&rule->extra, ra->off) ? -1 : CFI_WHY_OFFSET;
	}
	if (ra->where == CFI_UNSPECIFIED || ra->where == CFI_SAME)
		reg = arch->ra;
	else if (ra->where != CFI_REGISTER)
		return CFI_WHY_RA;
	if (rule->cfa != CFI_CFA_REG || reg >= arch->general_count ||
	    !walker_register(arch, reg, &number))
		return CFI_WHY_RA;
	rule->ra = CFI_RA_REG;
	rule->extra = number;
	return -1;
}

/* Where a register is saved relative to the CFA, be it said so or by an expression over the very
 * register that the CFA comes from. */
static bool saved_at_cfa(const struct cfi_arch *arch, const struct cfi_place *place,
			 const struct cfi_rule *rule, int64_t *ret_off)
{
	uint64_t reg;
	uint8_t number;

	if (place->where == CFI_OFFSET) {
		*ret_off = place->off;
		return true;
	}
	return place->where == CFI_EXPRESSION && rule->cfa == CFI_CFA_REG &&
	       is_breg(place->expression, &reg, ret_off) && walker_register(arch, reg, &number) &&
	       number == rule->reg &&
	       !__builtin_sub_overflow(*ret_off, (int64_t)rule->cfa_off, ret_off);
}

static bool saved_at_fp(const struct cfi_arch *arch, const struct cfi_place *place,
			int64_t *ret_off)
{
	uint64_t reg;

	return place->where == CFI_EXPRESSION && is_breg(place->expression, &reg, ret_off) &&
	       reg == arch->fp;
}

static bool is_kept(const struct cfi_place *place, uint8_t reg)
{
	return place->where == CFI_UNSPECIFIED || place->where == CFI_SAME ||
	       (place->where == CFI_REGISTER && place->off == reg);
}

static int rule_fp(const struct cfi_arch *arch, const struct cfi_place *fp, struct cfi_rule *rule)
{
	int64_t off = 0;

	if (is_kept(fp, arch->fp))
		rule->fp = CFI_FP_SAME;
	else if (saved_at_cfa(arch, fp, rule, &off))
		rule->fp = CFI_FP_CFA;
	else if (saved_at_fp(arch, fp, &off))
		rule->fp = CFI_FP_BASE;
	else
		rule->fp = CFI_FP_LOST;
	if (rule->fp == CFI_FP_CFA || rule->fp == CFI_FP_BASE)
		rule->fp_off = (int16_t)off;
	else
		off = 0;
	return rule->fp_off == off ? -1 : CFI_WHY_OFFSET;
}

static void rule_bx(const struct cfi_arch *arch, const struct cfi_place *bx, struct cfi_rule *rule)
{
	int64_t off;
	bool saved;

	rule->bx_off = CFI_BX_SAME;
	if (is_kept(bx, arch->bx))
		return;
	saved = rule->fp == CFI_FP_BASE ? saved_at_fp(arch, bx, &off)
					: saved_at_cfa(arch, bx, rule, &off);
	rule->bx_off = saved && off && off == (int16_t)off ? (int16_t)off : CFI_BX_LOST;
}

struct cfi_rule cfi_rule_signal(const struct cfi_arch *arch)
{
	return (struct cfi_rule){
		.cfa = CFI_SIGNAL,
		.cfa_off = arch->signal_sp,
		.extra = arch->signal_ip,
		.fp_off = arch->signal_fp,
		.bx_off = arch->signal_bx,
	};
}

/* Where the kernel saved a register, if the trampoline says so by an expression over sp, as glibc's
 * does; else the place that it has on this machine anyway. */
static int16_t signal_place(const struct cfi_arch *arch, const struct cfi_place *place,
			    int16_t otherwise)
{
	int64_t off;
	uint64_t reg;

	if (place->where == CFI_EXPRESSION && is_breg(place->expression, &reg, &off) &&
	    reg == arch->sp && off == (int16_t)off)
		return (int16_t)off;
	return otherwise;
}

static void rule_signal(const struct cfi_arch *arch, const struct cfi_place *places,
			struct cfi_rule *rule)
{
	*rule = cfi_rule_signal(arch);
	rule->cfa_off = signal_place(arch, &places[CFI_KEPT_SP], arch->signal_sp);
	rule->extra = signal_place(arch, &places[CFI_KEPT_RA], arch->signal_ip);
	rule->fp_off = signal_place(arch, &places[CFI_KEPT_FP], arch->signal_fp);
	rule->bx_off = signal_place(arch, &places[CFI_KEPT_BX], arch->signal_bx);
}

void cfi_rule_make(const struct cfi_cie *cie, const struct cfi_state *state,
		   struct cfi_rule *ret_rule)
{
	const struct cfi_place *sp = &state->places[CFI_KEPT_SP];
	int why;

	*ret_rule = (struct cfi_rule){0};
	if (cie->is_signal) {
		rule_signal(cie->arch, state->places, ret_rule);
		return;
	}
	if (state->places[CFI_KEPT_RA].where == CFI_UNDEFINED) {
		ret_rule->cfa = CFI_END;
		return;
	}
	why = rule_cfa(cie, state, ret_rule);
	if (why < 0)
		why = rule_ra(cie, state, ret_rule);
	if (why < 0 && sp->where != CFI_UNSPECIFIED &&
	    !(sp->where == CFI_VAL_OFFSET && sp->off == 0))
		why = CFI_WHY_SP;
	if (why < 0)
		why = rule_fp(cie->arch, &state->places[CFI_KEPT_FP], ret_rule);
	if (why < 0)
		rule_bx(cie->arch, &state->places[CFI_KEPT_BX], ret_rule);
	else
		*ret_rule = cfi_rule_unsupported((enum cfi_why)why);
}
