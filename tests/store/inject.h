/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes one system call of this process fail, as WICK_FAULT says: see inject.c. */
#ifndef WICK_TESTS_STORE_INJECT_H
#define WICK_TESTS_STORE_INJECT_H

/* From here on. 0, -EINVAL: it is not understood, or why there can be no faults here. */
int inject_start(void);

#endif
