/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why foreign bytes were refused, as a text for a person. */
#ifndef WICK_FORMATS_WHY_H
#define WICK_FORMATS_WHY_H

/* A short text in a buffer of this thread, valid until its next call here. */
const char *why(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
