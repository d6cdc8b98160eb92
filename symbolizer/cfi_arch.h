/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What CFI of one machine needs to know: all of it that is not in the files themselves. */
#ifndef WICK_SYMBOLIZER_CFI_ARCH_H
#define WICK_SYMBOLIZER_CFI_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CFI_NO_REGISTER = 255 };

struct cfi_arch {
	uint16_t machine;	   /* EM_ of ELF */
	uint8_t sp, fp, bx, ra;	   /* DWARF numbers; bx may be CFI_NO_REGISTER */
	uint8_t ip;		   /* as it occurs in expressions, or CFI_NO_REGISTER */
	uint8_t general_count;	   /* general registers are 0 .. general_count - 1 */
	bool ra_is_pushed;	   /* by the call, at CFA - 8; else it comes in ra */
	bool has_ra_state;	   /* DW_CFA 0x2d and 0x2c are pointer authentication's */
	const uint8_t *trampoline; /* code of the signal trampoline */
	uint8_t trampoline_size;
	/* Go's functions: what saves fp and sets it, one byte after the CFA said so (NULL: not
	 * known here), and does this code load sp, as what moves to another stack does? */
	const uint8_t *go_entry;
	uint8_t go_entry_size;
	bool (*loads_sp)(const uint8_t *code, size_t size);
	/* Is this the program's entry, which marks the outermost frame? NULL: not known here. */
	bool (*is_entry)(const uint8_t *code, size_t size);
	/* At sp + ..: the interrupted registers, in a trampoline (ucontext). */
	int16_t signal_ip, signal_sp, signal_fp, signal_bx;
	const char *names[3];		  /* of enum cfi_reg's first */
	const char *const *general_names; /* by DWARF number */
};

/* NULL: no CFI of this machine is read here. */
const struct cfi_arch *cfi_arch(uint16_t machine);

#endif
