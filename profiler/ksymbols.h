/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's code that comes and goes while it runs: BPF programs, trampolines, probes. Fed in order
 * of time by its records (PERF_RECORD_KSYMBOL), so that a sample's address is named by what stood
 * there when it was taken, though that is gone when the profile is written, and though other code
 * may be there by then. Only what is there now is kept. One thread.
 */
#ifndef WICK_PROFILER_KSYMBOLS_H
#define WICK_PROFILER_KSYMBOLS_H

#include "symbolizer/kallsyms.h"

struct ksymbols;

struct ksymbol_range {
	uint64_t start, end; /* addrs */
	char *name;	     /* as /proc/kallsyms has it: "bpf_prog_..\t[bpf]" */
};

int ksymbols_new(struct ksymbols **ret_ksymbols);
void ksymbols_free(struct ksymbols *ksymbols);
static inline void ksymbols_freep(struct ksymbols **ksymbols)
{
	ksymbols_free(*ksymbols);
}

/* Code has come, in the place of whatever was there: size bytes, at least 1. 0 or -ENOMEM; -EFBIG:
 * there are 65536 already. */
int ksymbols_add(struct ksymbols *ksymbols, uint64_t start, uint64_t size, const char *name);
/* What starts there has gone. */
void ksymbols_remove(struct ksymbols *ksymbols, uint64_t start);

/* Anew from a table: all of its symbols of this kind, each up to the next symbol. */
int ksymbols_read(struct ksymbols *ksymbols, const struct kallsyms *kallsyms);
/* Is a module of kallsyms no module, but of this kind? */
bool ksymbols_is_module(const char *module);

/* The code at addr, or NULL. Borrowed until the next change. */
const struct ksymbol_range *ksymbols_find(const struct ksymbols *ksymbols, uint64_t addr);

/* Another number after each change: a kernel stack means the same only under the same number. */
uint32_t ksymbols_serial(const struct ksymbols *ksymbols);

uint32_t ksymbols_count(const struct ksymbols *ksymbols);

#endif
