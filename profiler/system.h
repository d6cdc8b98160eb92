/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this machine and this user's rights allow, and the words for what they do not. */
#ifndef WICK_PROFILER_SYSTEM_H
#define WICK_PROFILER_SYSTEM_H

#include "base/buf.h"

#include <stdbool.h>

/*
 * Before anything is opened: names each capability that is missing. Without CAP_BPF or CAP_PERFMON
 * nothing can be sampled: one error line each, a hint, and STATUS_ERROR. The others only cost names
 * or processes: a warning each. capabilities(7)
 */
int system_check_rights(void);

/* Why perf_event_open() or loading the program failed (err: negative errno), with the cure. */
void system_explain_perf(int err, const char *event);
void system_explain_bpf(int err);

/* From here on libbpf says nothing by itself; system_explain_bpf() adds its last words, which are
 * the verifier's where that refused. */
void system_listen_to_libbpf(void);

/* The inode of this process's pid namespace; 0 if that is the initial one. */
unsigned int system_pid_namespace(void);

/* Says what cannot be seen from a pid namespace of our own; nothing in the initial one. */
void system_check_namespace(void);

/* A fact about this machine. */
struct system_fact {
	const char *name;  /* "kptr_restrict" */
	char value[128];   /* "1" */
	bool is_good;	   /* nothing is missing because of it */
	const char *means; /* what works, or what will be missing */
};

enum { SYSTEM_FACTS_MAX = 48 };

/* Gathers the facts; gives their number. */
unsigned int system_facts(struct system_fact facts[SYSTEM_FACTS_MAX]);

#endif
