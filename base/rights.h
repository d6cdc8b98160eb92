/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For children that read what foreigners wrote: giving all rights away, for good. */
#ifndef WICK_BASE_RIGHTS_H
#define WICK_BASE_RIGHTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * No capability is left or can be gained (also the bounding and ambient sets), no privileges come
 * by exec, root becomes nobody without groups (where it may), nobody's other processes cannot look
 * in, and the process dies with its parent, which must be the process named. Call it while there is
 * one thread. -ESRCH: the parent is gone already.
 */
int rights_drop(pid_t parent);

/* Lowers a resource limit (RLIMIT_*) to most, soft and hard. */
int rights_limit(int resource, uint64_t most);

/* False under a sanitizer, which reserves terabytes: then RLIMIT_AS must stay as it is. */
bool rights_may_limit_memory(void);

#endif
