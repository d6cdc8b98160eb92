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
	GO_MOVER_MAX = 512,  /* bytes of a function that moves to another stack */
	REMEMBERED_MAX = 32, /* compilers nest once; hand-written code a few times */
};

/* An interpreter at work. */
struct run {
	const struct cfi_cie *cie;
	const struct cfi_arch *arch;
	struct cursor code;
	struct cfi_state state;
	uint64_t at, end; /* the row that grows starts at vaddr `at` */
	uint64_t from;
	struct cursor go_code;
	bool go_is_framed, go_moves; /* fp is saved; the function moves to another stack */
	struct cfi_rows *rows;	     /* NULL: these are a CIE's instructions, there are no rows */
	uint32_t remembered_count;
	struct cfi_state remembered[REMEMBERED_MAX];
};

static void put_from(struct run *run, uint64_t vaddr, const struct cfi_rule *rule)
{
	cfi_rows_put(run->rows, vaddr > run->from ? vaddr : run->from, rule);
}

/* Does the row start one byte after the start of a function's entry? */
static bool is_go_entry(const struct run *run)
{
	size_t size = run->arch->go_entry_size;
	struct cursor c = run->go_code;

	return run->at > run->end - cursor_left(&c) &&
	       cursor_skip(&c, run->at - 1 - (run->end - cursor_left(&c))) &&
	       cursor_left(&c) >= size && !memcmp(c.pos, run->arch->go_entry, size);
}

/* Go's .debug_frame says nothing of fp, which its functions save at CFA - 16, nor of the few that
 * call on another stack (systemstack, asmcgocall, nanotime1): there the CFA is where fp says. */
static void put_go_row(struct run *run, uint64_t end, struct cfi_rule *rule)
{
	enum { FRAMED = 16 }; /* CFA - sp once fp is pushed, the least of a framed function */
	uint64_t set = run->at;

	if (rule->cfa != CFI_CFA_REG || rule->reg != CFI_REG_SP || rule->fp != CFI_FP_SAME ||
	    rule->cfa_off < FRAMED) {
		put_from(run, run->at, rule);
		return;
	}
	if (rule->cfa_off == FRAMED && is_go_entry(run)) {
		run->go_is_framed = true;
		set += run->arch->go_entry_size - 1u;
	}
	if (run->go_is_framed) {
		rule->fp = CFI_FP_CFA;
		rule->fp_off = -FRAMED;
	}
	put_from(run, run->at, rule);
	if (run->go_is_framed && run->go_moves && set < end) {
		rule->reg = CFI_REG_FP;
		rule->cfa_off = FRAMED;
		put_from(run, set, rule);
	}
}

static void put_row(struct run *run, uint64_t end)
{
	struct cfi_rule rule;

	if (end <= run->from)
		return;
	cfi_rule_make(run->cie, &run->state, &rule);
	if (cursor_left(&run->go_code))
		put_go_row(run, end, &rule);
	else
		put_from(run, run->at, &rule);
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
	uint64_t reg, value = 0;
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
	run.at = run.end = run.from = 0;
	run.go_code = (struct cursor){0};
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
	run.code = fde->instructions;
	run.state = cie->initial;
	run.at = fde->start;
	run.end = fde->end;
	run.from = from;
	run.go_code = fde->go_code;
	run.go_is_framed = false;
	run.go_moves = cursor_left(&run.go_code) && cursor_left(&run.go_code) <= GO_MOVER_MAX &&
		       cie->arch->loads_sp(run.go_code.pos, cursor_left(&run.go_code));
	run.rows = rows;
	run.remembered_count = 0;
	while (is_sound && run.at < run.end && cursor_left(&run.code))
		is_sound = step(&run);
	if (run.at < run.end && is_sound) {
		put_row(&run, run.end);
	} else if (run.at < run.end) {
		const struct cfi_rule rule = cfi_rule_unsupported(CFI_WHY_DAMAGED);

		put_from(&run, run.at, &rule);
	}
	return is_sound;
}
