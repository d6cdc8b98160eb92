/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The FDEs of a file, gathered from its .eh_frame (LSB, 10.6) and .debug_frame (DWARF 5, 6.4.1)
 * sections: what function each is for and where its instructions are. In the parser child only.
 *
 * Foreign bytes. Work is bounded by the sections' sizes: each CIE is prepared once, an entry is
 * read at most twice, and the instructions that are run have a budget, for entries of a hostile
 * file may lie in each other.
 */
#ifndef WICK_SYMBOLIZER_CFI_FRAME_H
#define WICK_SYMBOLIZER_CFI_FRAME_H

#include "base/hashmap.h"
#include "symbolizer/cfi_program.h"

enum {
	CFI_SECTIONS_MAX = 4,
	CFI_FDES_MAX = 16 << 20,
	CFI_CIES_MAX = 1 << 20,
};

/* One run of entries. */
struct cfi_section {
	struct cursor entries;
	struct cfi_bases bases;
	bool is_debug;	   /* .debug_frame: other ids, other pointers */
	bool ends_at_zero; /* what lies behind a zero length is not known to be entries */
};

/* One FDE, in the order of its section's rank. */
struct cfi_function {
	uint64_t start, end; /* vaddrs, start < end */
	const uint8_t *code;
	uint32_t code_size;
	uint32_t cie;
};

struct cfi_frames {
	const struct cfi_arch *arch;
	struct cfi_section sections[CFI_SECTIONS_MAX]; /* the lower, the better */
	uint32_t section_count;
	struct cfi_cie *cies;
	struct cfi_cie_key {
		uint64_t at; /* offset in its section */
		uint32_t section;
	} * cie_keys;
	struct hashmap cie_numbers;
	uint32_t cie_count, cies_size, cie_keys_size;
	struct cfi_function *functions;
	uint32_t function_count, functions_size;
	uint64_t budget; /* bytes of instructions that may still be run */
	uint32_t damaged;
};

void cfi_frames_release(struct cfi_frames *frames);

/* Appends the FDEs of a section, which becomes the next worse one. By its entries, from the first
 * to the last; 0, -ENOMEM or -EFBIG. */
int cfi_frames_scan(struct cfi_frames *frames, const struct cfi_section *section);

/* The same through the table of an .eh_frame_hdr, its bytes from the table on: count pairs of
 * 32-bit offsets from hdr_vaddr. Where a pair is damaged or there are none, by a scan. */
int cfi_frames_look_up(struct cfi_frames *frames, const struct cfi_section *section,
		       struct cursor table, uint64_t hdr_vaddr, uint64_t count);

/* By start, then better section first, then the order of the file. */
void cfi_frames_sort(struct cfi_frames *frames);

/* The rank of the section that a function is of. */
uint32_t cfi_frames_rank(const struct cfi_frames *frames, const struct cfi_function *function);

/* Puts the rows of a function from vaddr `from` to `end`; counts it if it is damaged. go_code: its
 * bytes up to end if it is Go's own, else empty. */
void cfi_frames_run(struct cfi_frames *frames, const struct cfi_function *function, uint64_t from,
		    uint64_t end, struct cursor go_code, struct cfi_rows *rows);

#endif
