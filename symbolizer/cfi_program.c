/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/cfi_program.h"

#include "base/cleanup.h"

#include <string.h>

/* DWARF 5, 7.24, and what GNU and Arm added. */
enum {
	DW_CFA_advance_loc = 1, /* in the two high bits, as the next two */
	DW_CFA_offset = 2,
	DW_CFA_restore = 3,
	DW_CFA_nop = 0x00,
	DW_CFA_set_loc,
	DW_CFA_advance_loc1,
	DW_CFA_advance_loc2,
	DW_CFA_advance_loc4,
	DW_CFA_offset_extended,
	DW_CFA_restore_extended,
	DW_CFA_undefined,
	DW_CFA_same_value,
	DW_CFA_register,
	DW_CFA_remember_state,
	DW_CFA_restore_state,
	DW_CFA_def_cfa,
	DW_CFA_def_cfa_register,
	DW_CFA_def_cfa_offset,
	DW_CFA_def_cfa_expression,
	DW_CFA_expression,
	DW_CFA_offset_extended_sf,
	DW_CFA_def_cfa_sf,
	DW_CFA_def_cfa_offset_sf,
	DW_CFA_val_offset,
	DW_CFA_val_offset_sf,
	DW_CFA_val_expression,
	DW_CFA_MIPS_advance_loc8 = 0x1d,
	DW_CFA_AARCH64_negate_ra_state_with_pc = 0x2c,
	DW_CFA_AARCH64_negate_ra_state = 0x2d, /* DW_CFA_GNU_window_save elsewhere */
	DW_CFA_GNU_args_size = 0x2e,
	DW_CFA_GNU_negative_offset_extended = 0x2f,
};

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

enum {
	REMEMBERED_MAX = 32, /* compilers nest once; hand-written code a few times */
};

/* DW_EH_PE of the LSB */
enum {
	FORMAT_ABSPTR = 0x00,
	FORMAT_ULEB128,
	FORMAT_UDATA2,
	FORMAT_UDATA4,
	FORMAT_UDATA8,
	FORMAT_SIGNED = 0x08,
	FORMAT_SLEB128,
	FORMAT_SDATA2,
	FORMAT_SDATA4,
	FORMAT_SDATA8,
	BASE_ABSOLUTE = 0x00,
	BASE_PCREL = 0x10,
	BASE_TEXTREL = 0x20,
	BASE_DATAREL = 0x30,
	BASE_ALIGNED = 0x50,
};

static bool read_format(struct cursor *c, uint8_t format, uint64_t *ret_value)
{
	uint16_t u16;
	uint32_t u32;

	switch (format) {
	case FORMAT_ABSPTR:
	case FORMAT_SIGNED:
	case FORMAT_UDATA8:
	case FORMAT_SDATA8:
		return cursor_u64(c, ret_value);
	case FORMAT_ULEB128:
		return cursor_uleb128(c, ret_value);
	case FORMAT_SLEB128:
		return cursor_sleb128(c, (int64_t *)ret_value);
	case FORMAT_UDATA2:
	case FORMAT_SDATA2:
		if (!cursor_u16(c, &u16))
			return false;
		*ret_value = format == FORMAT_UDATA2 ? u16 : (uint64_t)(int16_t)u16;
		return true;
	case FORMAT_UDATA4:
	case FORMAT_SDATA4:
		if (!cursor_u32(c, &u32))
			return false;
		*ret_value = format == FORMAT_UDATA4 ? u32 : (uint64_t)(int32_t)u32;
		return true;
	default:
		return false;
	}
}

bool cfi_pointer(struct cursor *c, uint8_t encoding, const struct cfi_bases *bases,
		 uint64_t *ret_value)
{
	struct cursor at = *c;
	uint64_t vaddr = bases->vaddr + (uint64_t)(at.pos - bases->bytes), value, base;

	switch (encoding & 0xf0) {
	case BASE_ABSOLUTE:
		base = 0;
		break;
	case BASE_PCREL:
		base = vaddr;
		break;
	case BASE_TEXTREL:
		base = bases->text;
		break;
	case BASE_DATAREL:
		base = bases->data;
		break;
	case BASE_ALIGNED:
		base = 0;
		if (!cursor_skip(&at, -vaddr & 7))
			return false;
		break;
	default:
		return false;
	}
	if (!read_format(&at, encoding & 0x0f, &value))
		return false;
	*ret_value = base + value;
	*c = at;
	return true;
}

/* An interpreter at work. */
struct run {
	const struct cfi_cie *cie;
	const struct cfi_arch *arch;
	struct cursor code;
	struct cfi_state state;
	uint64_t at, end; /* the row that grows starts at vaddr `at` */
	uint64_t from;
	struct cfi_rows *rows; /* NULL: these are a CIE's instructions, there are no rows */
	uint32_t remembered_count;
	struct cfi_state remembered[REMEMBERED_MAX];
};

/* "register + offset", with nothing behind it unless rest is wanted. */
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

static void unsupported(struct cfi_rule *rule, enum cfi_why why)
{
	*rule = (struct cfi_rule){.cfa = CFI_UNSUPPORTED, .reg = (uint8_t)why};
}

static bool set_s32(int32_t *at, int64_t value)
{
	*at = (int32_t)value;
	return *at == value;
}

/* -1: done; else the reason why it cannot be done. */
static int rule_cfa(const struct run *run, struct cfi_rule *rule)
{
	const struct cfi_state *state = &run->state;
	uint64_t reg = state->cfa_reg;
	int64_t off = state->cfa_off, extra = 0;

	rule->cfa = CFI_CFA_REG;
	if (state->cfa_is_expression) {
		if (is_plt(state->cfa_expression, run->arch, &off, &rule->extra)) {
			rule->cfa = CFI_CFA_PLT;
			reg = run->arch->sp;
			extra = rule->extra;
		} else if (is_deref(state->cfa_expression, &reg, &off, &extra)) {
			rule->cfa = CFI_CFA_DEREF;
		} else if (!is_breg(state->cfa_expression, &reg, &off)) {
			return CFI_WHY_CFA_EXPRESSION;
		}
	}
	if (!walker_register(run->arch, reg, &rule->reg))
		return CFI_WHY_CFA_REGISTER;
	if (!set_s32(&rule->cfa_off, off) || !set_s32(&rule->extra, extra))
		return CFI_WHY_OFFSET;
	return -1;
}

static int rule_ra(const struct run *run, struct cfi_rule *rule)
{
	const struct cfi_place *ra = &run->state.places[CFI_KEPT_RA];
	const struct cfi_arch *arch = run->arch;
	uint64_t reg = (uint64_t)ra->off;
	uint8_t number;

	if (!run->cie->is_ra_expected)
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
static bool saved_at_cfa(const struct run *run, const struct cfi_place *place,
			 const struct cfi_rule *rule, int64_t *ret_off)
{
	uint64_t reg;
	uint8_t number;

	if (place->where == CFI_OFFSET) {
		*ret_off = place->off;
		return true;
	}
	return place->where == CFI_EXPRESSION && rule->cfa == CFI_CFA_REG &&
	       is_breg(place->expression, &reg, ret_off) &&
	       walker_register(run->arch, reg, &number) && number == rule->reg &&
	       !__builtin_sub_overflow(*ret_off, (int64_t)rule->cfa_off, ret_off);
}

static bool saved_at_fp(const struct run *run, const struct cfi_place *place, int64_t *ret_off)
{
	uint64_t reg;

	return place->where == CFI_EXPRESSION && is_breg(place->expression, &reg, ret_off) &&
	       reg == run->arch->fp;
}

static bool is_kept(const struct cfi_place *place, uint8_t reg)
{
	return place->where == CFI_UNSPECIFIED || place->where == CFI_SAME ||
	       (place->where == CFI_REGISTER && place->off == reg);
}

static int rule_fp(const struct run *run, struct cfi_rule *rule)
{
	const struct cfi_place *fp = &run->state.places[CFI_KEPT_FP];
	int64_t off = 0;

	if (is_kept(fp, run->arch->fp))
		rule->fp = CFI_FP_SAME;
	else if (saved_at_cfa(run, fp, rule, &off))
		rule->fp = CFI_FP_CFA;
	else if (saved_at_fp(run, fp, &off))
		rule->fp = CFI_FP_BASE;
	else
		rule->fp = CFI_FP_LOST;
	rule->fp_off = (int16_t)off;
	return rule->fp_off == off ? -1 : CFI_WHY_OFFSET;
}

static void rule_bx(const struct run *run, struct cfi_rule *rule)
{
	const struct cfi_place *bx = &run->state.places[CFI_KEPT_BX];
	int64_t off;
	bool saved;

	rule->bx_off = CFI_BX_SAME;
	if (is_kept(bx, run->arch->bx))
		return;
	saved = rule->fp == CFI_FP_BASE ? saved_at_fp(run, bx, &off)
					: saved_at_cfa(run, bx, rule, &off);
	rule->bx_off = saved && off && off == (int16_t)off ? (int16_t)off : CFI_BX_LOST;
}

/* glibc's trampoline says by expressions over sp where the kernel saved each register. */
static void signal_place(const struct run *run, enum cfi_kept kept, int16_t *off)
{
	const struct cfi_place *place = &run->state.places[kept];
	int64_t said;
	uint64_t reg;

	if (place->where == CFI_EXPRESSION && is_breg(place->expression, &reg, &said) &&
	    reg == run->arch->sp && said == (int16_t)said)
		*off = (int16_t)said;
}

static struct cfi_rule signal_rule(const struct cfi_arch *arch)
{
	return (struct cfi_rule){
		.cfa = CFI_SIGNAL,
		.cfa_off = arch->signal_sp,
		.extra = arch->signal_ip,
		.fp_off = arch->signal_fp,
		.bx_off = arch->signal_bx,
	};
}

static void make_signal(const struct run *run, struct cfi_rule *rule)
{
	int16_t sp = run->arch->signal_sp, ip = run->arch->signal_ip;

	*rule = signal_rule(run->arch);
	signal_place(run, CFI_KEPT_SP, &sp);
	signal_place(run, CFI_KEPT_RA, &ip);
	signal_place(run, CFI_KEPT_FP, &rule->fp_off);
	signal_place(run, CFI_KEPT_BX, &rule->bx_off);
	rule->cfa_off = sp;
	rule->extra = ip;
}

static void make_rule(const struct run *run, struct cfi_rule *rule)
{
	const struct cfi_place *sp = &run->state.places[CFI_KEPT_SP];
	int why;

	*rule = (struct cfi_rule){0};
	if (run->cie->is_signal) {
		make_signal(run, rule);
		return;
	}
	if (run->state.places[CFI_KEPT_RA].where == CFI_UNDEFINED) {
		rule->cfa = CFI_END;
		return;
	}
	why = rule_cfa(run, rule);
	if (why < 0)
		why = rule_ra(run, rule);
	if (why < 0 && sp->where != CFI_UNSPECIFIED &&
	    !(sp->where == CFI_VAL_OFFSET && sp->off == 0))
		why = CFI_WHY_SP;
	if (why < 0)
		why = rule_fp(run, rule);
	if (why < 0)
		rule_bx(run, rule);
	else
		unsupported(rule, (enum cfi_why)why);
}

static void put_row(struct run *run, uint64_t end)
{
	struct cfi_rule rule;

	if (end <= run->from)
		return;
	make_rule(run, &rule);
	cfi_rows_put(run->rows, run->at > run->from ? run->at : run->from, &rule);
}

/* The row that grew is complete: the next one starts at vaddr. */
static bool advance_to(struct run *run, uint64_t vaddr)
{
	if (!run->rows || vaddr < run->at)
		return false;
	if (vaddr > run->end)
		vaddr = run->end; /* GNU as may do so behind a function's last instruction */
	if (vaddr > run->at)
		put_row(run, vaddr);
	run->at = vaddr;
	return true;
}

static bool advance_by(struct run *run, uint64_t delta)
{
	uint64_t vaddr;

	return !__builtin_mul_overflow(delta, run->cie->code_align, &delta) &&
	       !__builtin_add_overflow(run->at, delta, &vaddr) && advance_to(run, vaddr);
}

static struct cfi_place *place_of(struct run *run, uint64_t reg)
{
	const struct cfi_arch *arch = run->arch;

	if (reg == arch->fp)
		return &run->state.places[CFI_KEPT_FP];
	if (reg == arch->ra)
		return &run->state.places[CFI_KEPT_RA];
	if (reg == arch->bx)
		return &run->state.places[CFI_KEPT_BX];
	if (reg == arch->sp)
		return &run->state.places[CFI_KEPT_SP];
	return NULL;
}

static void set_place(struct run *run, uint64_t reg, unsigned int where, int64_t off)
{
	struct cfi_place *place = place_of(run, reg);

	if (!place)
		return;
	place->where = where;
	place->off = off;
}

static void restore_place(struct run *run, uint64_t reg)
{
	struct cfi_place *place = place_of(run, reg);

	if (place)
		*place = run->cie->initial.places[place - run->state.places];
}

static bool factored(const struct run *run, int64_t value, int64_t *ret_off)
{
	return !__builtin_mul_overflow(value, run->cie->data_align, ret_off);
}

/* DW_CFA_offset.. of a register and an unsigned or signed factored offset. */
static bool op_offset(struct run *run, bool is_signed, unsigned int where)
{
	uint64_t reg, value;
	int64_t off;

	if (!cursor_uleb128(&run->code, &reg))
		return false;
	if (is_signed ? !cursor_sleb128(&run->code, (int64_t *)&value)
		      : !cursor_uleb128(&run->code, &value))
		return false;
	if (!factored(run, (int64_t)value, &off))
		return false;
	set_place(run, reg, where, off);
	return true;
}

static bool op_negative_offset(struct run *run)
{
	uint64_t reg, value;
	int64_t off;

	if (!cursor_uleb128(&run->code, &reg) || !cursor_uleb128(&run->code, &value) ||
	    !factored(run, (int64_t)value, &off) || off == INT64_MIN)
		return false;
	set_place(run, reg, CFI_OFFSET, -off);
	return true;
}

static bool read_expression(struct run *run, struct cursor *ret_expression)
{
	uint64_t size;

	return cursor_uleb128(&run->code, &size) && cursor_sub(&run->code, size, ret_expression);
}

static bool op_expression(struct run *run, unsigned int where)
{
	struct cursor expression;
	struct cfi_place *place;
	uint64_t reg;

	if (!cursor_uleb128(&run->code, &reg) || !read_expression(run, &expression))
		return false;
	place = place_of(run, reg);
	if (place) {
		place->where = where;
		place->expression = expression;
	}
	return true;
}

static bool op_def_cfa(struct run *run, bool has_reg, bool has_off, bool is_signed)
{
	struct cfi_state *state = &run->state;
	uint64_t reg = state->cfa_reg, value;
	int64_t off = state->cfa_off;

	if (has_reg && !cursor_uleb128(&run->code, &reg))
		return false;
	if (has_off && is_signed &&
	    (!cursor_sleb128(&run->code, &off) || !factored(run, off, &off)))
		return false;
	if (has_off && !is_signed) {
		if (!cursor_uleb128(&run->code, &value) || value > INT64_MAX)
			return false;
		off = (int64_t)value;
	}
	state->cfa_reg = reg;
	state->cfa_off = off;
	/* Not valid behind an expression without both (DWARF 5, 6.4.2.2), but libgcrypt has a lone
	 * register there and means the offset from before. */
	if (has_reg)
		state->cfa_is_expression = false;
	return true;
}

static bool op_def_cfa_expression(struct run *run)
{
	if (!read_expression(run, &run->state.cfa_expression))
		return false;
	run->state.cfa_is_expression = true;
	return true;
}

static bool op_register(struct run *run)
{
	uint64_t reg, other;

	if (!cursor_uleb128(&run->code, &reg) || !cursor_uleb128(&run->code, &other))
		return false;
	set_place(run, reg, CFI_REGISTER, other > INT64_MAX ? INT64_MAX : (int64_t)other);
	return true;
}

static bool op_one_register(struct run *run, unsigned int where)
{
	uint64_t reg;

	if (!cursor_uleb128(&run->code, &reg))
		return false;
	if (where == CFI_UNSPECIFIED)
		restore_place(run, reg);
	else
		set_place(run, reg, where, 0);
	return true;
}

static bool op_remember(struct run *run)
{
	if (run->remembered_count == REMEMBERED_MAX)
		return false;
	run->remembered[run->remembered_count++] = run->state;
	return true;
}

static bool op_restore(struct run *run)
{
	if (!run->remembered_count)
		return false;
	run->state = run->remembered[--run->remembered_count];
	return true;
}

static bool op_advance(struct run *run, unsigned int size)
{
	uint64_t delta = 0;

	return cursor_copy(&run->code, &delta, size) && advance_by(run, delta);
}

static bool op_set_loc(struct run *run)
{
	uint64_t vaddr;

	return cfi_pointer(&run->code, run->cie->encoding, run->cie->bases, &vaddr) &&
	       advance_to(run, vaddr);
}

static bool op_extended(struct run *run, uint8_t op)
{
	uint64_t ignored;

	switch (op) {
	case DW_CFA_nop:
		return true;
	case DW_CFA_set_loc:
		return op_set_loc(run);
	case DW_CFA_advance_loc1:
		return op_advance(run, 1);
	case DW_CFA_advance_loc2:
		return op_advance(run, 2);
	case DW_CFA_advance_loc4:
		return op_advance(run, 4);
	case DW_CFA_MIPS_advance_loc8:
		return op_advance(run, 8);
	case DW_CFA_offset_extended:
		return op_offset(run, false, CFI_OFFSET);
	case DW_CFA_offset_extended_sf:
		return op_offset(run, true, CFI_OFFSET);
	case DW_CFA_val_offset:
		return op_offset(run, false, CFI_VAL_OFFSET);
	case DW_CFA_val_offset_sf:
		return op_offset(run, true, CFI_VAL_OFFSET);
	case DW_CFA_GNU_negative_offset_extended:
		return op_negative_offset(run);
	case DW_CFA_restore_extended:
		return op_one_register(run, CFI_UNSPECIFIED);
	case DW_CFA_undefined:
		return op_one_register(run, CFI_UNDEFINED);
	case DW_CFA_same_value:
		return op_one_register(run, CFI_SAME);
	case DW_CFA_register:
		return op_register(run);
	case DW_CFA_remember_state:
		return op_remember(run);
	case DW_CFA_restore_state:
		return op_restore(run);
	case DW_CFA_def_cfa:
		return op_def_cfa(run, true, true, false);
	case DW_CFA_def_cfa_sf:
		return op_def_cfa(run, true, true, true);
	case DW_CFA_def_cfa_register:
		return op_def_cfa(run, true, false, false);
	case DW_CFA_def_cfa_offset:
		return op_def_cfa(run, false, true, false);
	case DW_CFA_def_cfa_offset_sf:
		return op_def_cfa(run, false, true, true);
	case DW_CFA_def_cfa_expression:
		return op_def_cfa_expression(run);
	case DW_CFA_expression:
		return op_expression(run, CFI_EXPRESSION);
	case DW_CFA_val_expression:
		return op_expression(run, CFI_VAL_EXPRESSION);
	case DW_CFA_AARCH64_negate_ra_state:
	case DW_CFA_AARCH64_negate_ra_state_with_pc:
		return run->arch->has_ra_state; /* the walker masks each address anyway */
	case DW_CFA_GNU_args_size:
		return cursor_uleb128(&run->code, &ignored);
	default:
		return false;
	}
}

static bool step(struct run *run)
{
	uint8_t op, low;
	uint64_t value;
	int64_t off;

	if (!cursor_u8(&run->code, &op))
		return false;
	low = op & 0x3f;
	switch (op >> 6) {
	case DW_CFA_advance_loc:
		return advance_by(run, low);
	case DW_CFA_offset:
		if (!cursor_uleb128(&run->code, &value) || !factored(run, (int64_t)value, &off))
			return false;
		set_place(run, low, CFI_OFFSET, off);
		return true;
	case DW_CFA_restore:
		restore_place(run, low);
		return true;
	default:
		return op_extended(run, op);
	}
}

bool cfi_program_prepare(struct cfi_cie *cie, struct cursor code)
{
	struct run run;

	run.cie = cie;
	run.arch = cie->arch;
	run.code = code;
	run.state = cie->initial;
	run.rows = NULL;
	run.remembered_count = 0;
	while (cursor_left(&run.code))
		if (!step(&run))
			return false;
	cie->initial = run.state;
	return true;
}

bool cfi_program_run(const struct cfi_cie *cie, const struct cfi_fde *fde, uint64_t from,
		     struct cfi_rows *rows)
{
	struct run run; /* not cleared: most of it is room to remember states */
	bool is_sound = true;

	run.cie = cie;
	run.arch = cie->arch;
	run.code = fde->code;
	run.state = cie->initial;
	run.at = fde->start;
	run.end = fde->end;
	run.from = from;
	run.rows = rows;
	run.remembered_count = 0;
	while (is_sound && run.at < run.end && cursor_left(&run.code))
		is_sound = step(&run);
	if (run.at < run.end && is_sound) {
		put_row(&run, run.end);
	} else if (run.at < run.end) {
		struct cfi_rule rule;

		unsupported(&rule, CFI_WHY_DAMAGED);
		cfi_rows_put(rows, run.at > from ? run.at : from, &rule);
	}
	return is_sound;
}
