/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The running kernel's text symbols, from /proc/kallsyms: modules and BPF programs included. */
#ifndef WICK_SYMBOLIZER_KALLSYMS_H
#define WICK_SYMBOLIZER_KALLSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kallsyms;

struct kallsyms_name {
	const char *symbol; /* borrowed */
	const char
		*module; /* "" = the kernel itself; else "nf_tables", "bpf", .. without brackets */
	uint64_t offset; /* of the address from the module's lowest text symbol; in the kernel from
			    _text (or _stext) */
};

/*
 * Reads a kallsyms text (path: /proc/kallsyms). -EACCES when every address in it reads 0 (needs
 * CAP_SYSLOG, see kptr_restrict and perf_event_paranoid): "kernel symbols unavailable", never a
 * match at 0; -ENODATA when it has no text symbols at all. Only types T t W w count, without the
 * "__pfx_" paddings. Malformed lines are skipped.
 */
int kallsyms_open(const char *path, struct kallsyms **ret_kallsyms);
void kallsyms_free(struct kallsyms *kallsyms);
static inline void kallsyms_freep(struct kallsyms **kallsyms)
{
	kallsyms_free(*kallsyms);
}

/* The symbol at or before addr. False: addr is before the first symbol, or 1 MB or more behind the
 * last one before it (kallsyms has no sizes, and no function is that long). Where several names
 * share an address the choice is the one of symindex (deterministic). */
bool kallsyms_lookup(const struct kallsyms *kallsyms, uint64_t addr,
		     struct kallsyms_name *ret_name);

/* The n-th symbol in order of addresses, up to the next one or as far as it may reach. */
struct kallsyms_range {
	uint64_t start, end;
	const char *symbol, *module; /* as above */
};
bool kallsyms_at(const struct kallsyms *kallsyms, size_t n, struct kallsyms_range *ret_range);

size_t kallsyms_bytes(const struct kallsyms *kallsyms);

#endif
