/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads that do little, but at once, as data waits for them that is soon gone; and the locks that
 * they share with those that have time. */
#ifndef WICK_PROFILER_URGENT_H
#define WICK_PROFILER_URGENT_H

#include <pthread.h>

/* The higher goes first. */
enum urgency {
	URGENT_TABLES = 1, /* a new process waits for its unwind tables, and may end soon */
	URGENT_RINGS,	   /* the kernel's rings fill */
};

/* The calling thread, as far as we may. */
void urgent_thread(enum urgency urgency);

/* Whoever has it runs as urgently as who waits for it. */
void urgent_lock_init(pthread_mutex_t *lock);

#endif
