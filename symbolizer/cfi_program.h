/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The instructions of CIEs and FDEs (DWARF 5, 6.4.2): run once from the start of a function to its
 * end, they give its rows. Foreign bytes: a program that makes no sense ends where it stops to, and
 * the rest of its function is CFI_UNSUPPORTED. In the parser child only.
 */
#ifndef WICK_SYMBOLIZER_CFI_PROGRAM_H
#define WICK_SYMBOLIZER_CFI_PROGRAM_H

#include "base/cursor.h"
#include "symbolizer/cfi_arch.h"
#include "symbolizer/cfi_rows.h"

/* The caller's value of one register. */
struct cfi_place {
	enum {
		CFI_UNSPECIFIED,
		CFI_SAME,
		CFI_UNDEFINED,
		CFI_OFFSET,	    /* saved at CFA + off */
		CFI_VAL_OFFSET,	    /* is CFA + off */
		CFI_REGISTER,	    /* is in register off */
		CFI_EXPRESSION,	    /* saved where the expression says */
		CFI_VAL_EXPRESSION, /* is what the expression gives */
	} where;
	int64_t off;
	struct cursor expression;
};

/* The only registers whose places are kept. */
enum cfi_kept { CFI_KEPT_SP, CFI_KEPT_FP, CFI_KEPT_BX, CFI_KEPT_RA, CFI_KEPT_COUNT };

/* One row while it grows. */
struct cfi_state {
	uint64_t cfa_reg; /* DWARF number */
	int64_t cfa_off;
	struct cursor cfa_expression;
	bool cfa_is_expression;
	struct cfi_place places[CFI_KEPT_COUNT];
};

/* Bases of encoded pointers (LSB, 10.5); pcrel counts from where the pointer stands. */
struct cfi_bases {
	uint64_t text, data;
	const uint8_t *bytes; /* stands at vaddr */
	uint64_t vaddr;
};

enum { CFI_POINTER_OMIT = 0xff };

/* A pointer in the encoding of DW_EH_PE. False: the bytes end, or it is one that cannot be followed
 * here (indirect, function relative). */
bool cfi_pointer(struct cursor *c, uint8_t encoding, const struct cfi_bases *bases,
		 uint64_t *ret_value);

/* What the FDEs of one CIE have in common. */
struct cfi_cie {
	const struct cfi_arch *arch;
	const struct cfi_bases *bases;
	uint64_t code_align;
	int64_t data_align;
	struct cfi_state initial;
	uint8_t encoding;    /* of the FDE's addresses */
	bool is_usable;	     /* false: none of its FDEs is */
	bool is_signal;	     /* augmentation S */
	bool has_size;	     /* augmentation z: FDEs have data to skip */
	bool is_ra_expected; /* the return address column is the arch's */
};

struct cfi_fde {
	uint64_t start, end; /* vaddrs */
	struct cursor instructions;
	struct cursor go_code; /* from start to end, if it is Go's own; else empty */
};

/* What a row says, as far as the walker can follow it; else CFI_UNSUPPORTED. */
void cfi_rule_make(const struct cfi_cie *cie, const struct cfi_state *state,
		   struct cfi_rule *ret_rule);
struct cfi_rule cfi_rule_unsupported(enum cfi_why why);

/* A trampoline that is known by its code. */
struct cfi_rule cfi_rule_signal(const struct cfi_arch *arch);

/* Runs the CIE's own instructions into ->initial. False: they make no sense. */
bool cfi_program_prepare(struct cfi_cie *cie, struct cursor code);

/* Puts the rows of an FDE from vaddr `from` (which is inside it) on. False: it was damaged. */
bool cfi_program_run(const struct cfi_cie *cie, const struct cfi_fde *fde, uint64_t from,
		     struct cfi_rows *rows);

#endif
