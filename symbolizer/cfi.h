/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How to step from a frame to its caller, for every pc of one module (an ELF file): the rows of
 * .eh_frame and .debug_frame, compiled by a parser child (which alone reads the ELF) into a flat,
 * read-only table; checked once by the parent, then copied into the kernel's maps.
 *
 * Layout of the bytes, all little endian, made by cfi_build() and accepted by cfi_table_open(); the
 * arrays follow each other without gaps and fill the file:
 *
 *   struct cfi_header   magic, version, size, counts, build id, statistics
 *   struct cfi_segment  segment[segment_count]  executable PT_LOADs, by vaddr, disjoint
 *   struct cfi_rule     rule[rule_count]        deduplicated; rule[0] is the one of kind CFI_NONE
 *   struct cfi_page     page[page_count]        the segments' pages, segment by segment
 *   uint32_t            row[row_count]          (vaddr & 0xffff) << 16 | number of a rule
 *
 * A page is 64 KiB of vaddrs, aligned. Its rows lie behind those of the page before it, rise
 * strictly, and the first has a low pc of 0 (it repeats the rule in force), so that a search never
 * leaves its page: the row in force at a pc is the last one whose low pc is at or below it. Two
 * neighbours never have the same rule, except across the edge of a page. Each vaddr of a segment's
 * pages has a rule; what no FDE covers has rule 0, but padding of up to CFI_PADDING_MAX bytes
 * between two FDEs keeps the rule before it. Outside its segment a page may say anything.
 *
 * Three spaces of addresses, three words, as in symindex.h: addr, vaddr, off.
 */
#ifndef WICK_SYMBOLIZER_CFI_H
#define WICK_SYMBOLIZER_CFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CFI_BUILD_ID_MAX = 64, /* bytes */
	CFI_PAGE_SHIFT = 16,
	CFI_PADDING_MAX = 15, /* bytes */
};

/* Caps of one module; past them it is refused (-EFBIG), except for rules: what comes after the last
 * is CFI_UNSUPPORTED. */
enum {
	CFI_SEGMENTS_MAX = 64,
	CFI_RULES_MAX = 65535,
	CFI_PAGES_MAX = 1 << 16, /* 4 GiB of text */
	CFI_ROWS_MAX = 32 << 20,
};

/*
 * Registers, one number for both machines. The walker knows sp and fp of every frame and bx (a
 * callee-saved register, x86-64's rbx: ld.so's lazy binding has its CFA there with many frames
 * below it) where CFI_BX_LOST did not lose it. All other registers are known in the leaf frame
 * only, where they are the interrupted ones: CFI_REG_LEAF + the DWARF number. In a frame further
 * up a rule that needs one of them ends the walk as unsupported.
 */
enum cfi_reg {
	CFI_REG_SP,   /* x86-64 rsp, arm64 sp */
	CFI_REG_FP,   /* rbp, x29 */
	CFI_REG_BX,   /* rbx; arm64 never uses it */
	CFI_REG_LEAF, /* + DWARF number: x86-64 0..15 (rax rdx rcx rbx rsi rdi rbp rsp r8..), arm64
			 0..30 */
};

/* Where the frame's CFA is, which is the caller's sp except for CFI_SIGNAL. */
enum cfi_cfa {
	CFI_NONE, /* no CFI here: try the frame pointer */
	CFI_END,  /* the return address is undefined: this frame is the root */
	/* reg + cfa_off. With fp as reg the frame may be on another stack than its caller (Go's
	 * systemstack, Rust's psm), so that the caller's sp may be below; 0 in fp is then a root.
	 */
	CFI_CFA_REG,
	CFI_CFA_DEREF, /* *(u64 *)(reg + cfa_off) + extra */
	CFI_CFA_PLT,   /* reg + cfa_off + ((pc & 15) >= extra ? 8 : 0); reg is sp */
	/* The frame is the trampoline a signal handler returns to. All of the caller's (the
	 * interrupted frame's) registers are in memory at sp + an offset: ip at extra, sp at
	 * cfa_off, fp at fp_off, bx at bx_off. Its pc is looked up as it is, like a leaf's. On
	 * arm64 lr precedes sp: sp + cfa_off - 8; leaf registers are not known again. */
	CFI_SIGNAL,
	CFI_UNSUPPORTED, /* there is a rule, but none of the above: reg is an enum cfi_why */
	CFI_CFA_COUNT
};

/* Where the caller's fp is. */
enum cfi_fp {
	CFI_FP_SAME, /* still in fp */
	CFI_FP_CFA,  /* *(u64 *)(CFA + fp_off) */
	CFI_FP_BASE, /* *(u64 *)(fp + fp_off), fp being this frame's: realigned stacks */
	CFI_FP_LOST, /* nowhere the walker can find it: take 0 */
	CFI_FP_COUNT
};

/* Where the return address is. */
enum cfi_ra {
	CFI_RA_DEFAULT, /* *(u64 *)(CFA - 8): always so on x86-64 but for CFI_RA_REG */
	CFI_RA_CFA,	/* *(u64 *)(CFA + extra); CFI_CFA_REG only */
	CFI_RA_REG, /* in a register, and so in the leaf frame only (arm64's lr, rdi in __vfork):
		       extra is an enum cfi_reg; CFI_CFA_REG only */
	CFI_RA_COUNT
};

/* Why a rule is CFI_UNSUPPORTED. */
enum cfi_why {
	CFI_WHY_CFA_EXPRESSION, /* a CFA expression of no known form */
	CFI_WHY_CFA_REGISTER,	/* a CFA register that is no general one */
	CFI_WHY_RA,		/* return address by an expression or value */
	CFI_WHY_SP,		/* the caller's sp is not the CFA (longjmp) */
	CFI_WHY_OFFSET,		/* an offset does not fit */
	CFI_WHY_RULES,		/* the module has more than CFI_RULES_MAX */
	CFI_WHY_DAMAGED,	/* instructions that make no sense; the rest of that FDE */
	CFI_WHY_COUNT
};

/* bx_off: where the caller's bx is. Any other value: saved at the address that fp_off counts from
 * (CFA, or fp with CFI_FP_BASE) + bx_off. The walker need not read it there before a rule wants it:
 * keep the address. */
enum {
	CFI_BX_SAME = 0,
	CFI_BX_LOST = INT16_MIN,
};

/* Unused fields are 0, so that equal rules are equal bytes. */
struct cfi_rule {
	uint8_t cfa; /* enum cfi_cfa */
	uint8_t fp;  /* enum cfi_fp */
	uint8_t ra;  /* enum cfi_ra */
	uint8_t reg; /* enum cfi_reg, or enum cfi_why */
	int32_t cfa_off;
	int32_t extra;
	int16_t fp_off;
	int16_t bx_off;
};

struct cfi_segment {
	uint64_t off, vaddr, size; /* size: bytes in the file, at least 1 */
	uint32_t first_page;	   /* vaddr >> 16; of the table's vaddrs, so below 2^48 >> 16 */
	uint32_t page_first;	   /* its pages are page[page_first] .. */
	uint32_t page_count;	   /* as many as vaddr and size touch */
	uint32_t zero;
};

struct cfi_page {
	uint32_t row_first; /* its rows are row[row_first] .. */
	uint32_t row_count; /* at least 1 */
};

/* Bytes are of the executable segments; each byte counts once. */
struct cfi_stats {
	uint64_t text;	    /* of the segments */
	uint64_t covered;   /* by an FDE, or padding that was given to one */
	uint64_t leaf_only; /* covered, by a rule that needs a register of the leaf frame: on arm64
			      also the lr of all code that has not saved it */
	uint64_t unsupported[CFI_WHY_COUNT]; /* covered, by CFI_UNSUPPORTED */
	uint32_t fdes;			     /* that gave rows */
	uint32_t damaged;  /* FDEs that were left out, or cut at CFI_WHY_DAMAGED */
	uint32_t overlaps; /* FDEs that were left out or cut, for another covers that text */
	uint32_t raw_rows; /* before neighbours were merged */
};

#define CFI_MAGIC   "wickcfi" /* with its NUL: 8 bytes */
#define CFI_VERSION 1u

struct cfi_header {
	char magic[8];
	uint32_t version;
	uint32_t machine;	/* EM_X86_64 or EM_AARCH64 */
	uint64_t size;		/* of the whole file, bytes */
	uint32_t segment_count; /* at least 1 */
	uint32_t rule_count;	/* at least 1 */
	uint32_t page_count;
	uint32_t row_count;
	uint32_t build_id_size;
	uint32_t zero;
	uint8_t build_id[CFI_BUILD_ID_MAX]; /* zeros behind build_id_size */
	struct cfi_stats stats;
};

_Static_assert(sizeof(struct cfi_rule) == 16, "file format, and that of the kernel's map");
_Static_assert(sizeof(struct cfi_segment) == 40, "file format");
_Static_assert(sizeof(struct cfi_page) == 8, "file format");
_Static_assert(sizeof(struct cfi_stats) == 96, "file format");
_Static_assert(sizeof(struct cfi_header) == 208, "file format");

/* A checked table. The arrays are borrowed from the mapping and live as long as it. */
struct cfi_table {
	const struct cfi_header *header;
	const struct cfi_segment *segments;
	const struct cfi_rule *rules;
	const struct cfi_page *pages;
	const uint32_t *rows;
};

/*
 * Takes the bytes (a sealed memfd of a parser child) by mmap and checks all of them in one pass:
 * bounds, counts, order, kinds, rule numbers. -EBADMSG for anything that cfi_build() would not have
 * made. The descriptor stays the caller's and may be closed at once.
 */
int cfi_table_open(int fd, struct cfi_table **ret_table);
void cfi_table_free(struct cfi_table *table);
static inline void cfi_table_freep(struct cfi_table **table)
{
	cfi_table_free(*table);
}

/* The rule in force at vaddr and the vaddrs it holds for without a gap inside its page. False: in
 * no executable segment. Callers look return addresses up at vaddr - 1. Any thread. */
bool cfi_table_find(const struct cfi_table *table, uint64_t vaddr, const struct cfi_rule **ret_rule,
		    uint64_t *ret_start, uint64_t *ret_end);

/* For a person: "cfa = rsp + 16, rbp at cfa - 16, ra at cfa - 8". Cut at size. */
enum { CFI_WORDS_MAX = 160 };
void cfi_rule_words(const struct cfi_rule *rule, uint32_t machine, char *ret_words, size_t size);

/* "an expression of no known form". */
const char *cfi_why_words(enum cfi_why why);

/*
 * In the parser child only: reads the ELF behind elf_fd and writes the table to out_fd. debug_fd:
 * its separate debug file, whose .debug_frame is read too, or -1; a debug file that cannot be read
 * is as if it were not there. A file without any CFI gives a table of rule 0 only. Foreign bytes:
 * bounded, capped; a damaged FDE costs only its own rows. -ENOEXEC: not an ELF file this can read
 * (x86-64 and arm64, 64 bits, with code); -EBADMSG: damaged; -EFBIG: past a cap.
 */
int cfi_build(int elf_fd, int debug_fd, int out_fd);

#endif
