/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How wick speaks to a person: one line on stderr, lower case, what failed first, subjects in
 * single quotes, then an optional "hint: " line with the cure. Only profiler/ calls this; libraries
 * return errors. Foreign strings pass quote() before they get here.
 */
#ifndef WICK_BASE_LOG_H
#define WICK_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines above this level are not printed. LOG_INFO at start. */
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

void log_at(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__) /* we stop */
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)  /* we go on, and the text says how */
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)  /* rare changes of state */
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__) /* for us */

/* The line under an error that says what to do. */
void log_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The status line: redrawn in place when stderr is a terminal, else not shown at all. Any line
 * printed above it keeps it intact; log_status(NULL) takes it away. */
void log_status(const char *line);

/* For messages inside loops: true for the first `burst` calls on this state and then once for each
 * power of two, so that a flood stays readable and its size known. */
struct log_limit {
	unsigned long count;
};
bool log_limited(struct log_limit *limit, unsigned long burst);

#endif
