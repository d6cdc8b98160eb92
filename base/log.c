/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum log_level shown = LOG_INFO;
static char status[256];

void log_set_level(enum log_level level)
{
	shown = level;
}

bool log_enabled(enum log_level level)
{
	return level <= shown;
}

static void print(const char *prefix, const char *format, va_list args)
{
	char line[2048];
	int used;

	flockfile(stderr); /* of the status line too */
	used = snprintf(line, sizeof(line), "%s%s", status[0] ? "\r\033[K" : "", prefix);
	vsnprintf(line + used, sizeof(line) - (size_t)used, format, args);
	fprintf(stderr, "%s\n%s", line, status);
	fflush(stderr);
	funlockfile(stderr);
}

void log_at(enum log_level level, const char *format, ...)
{
	static const char *const prefix[] = {
		"wick: ", "wick: warning: ", "wick: ", "wick: debug: "};
	va_list args;

	if (!log_enabled(level))
		return;
	va_start(args, format);
	print(prefix[level], format, args);
	va_end(args);
}

void log_hint(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print("hint: ", format, args);
	va_end(args);
}

void log_status(const char *line)
{
	if (!isatty(STDERR_FILENO))
		return;
	flockfile(stderr);
	if (line)
		snprintf(status, sizeof(status), "%s", line);
	else
		status[0] = '\0';
	fprintf(stderr, "\r\033[K%s", status);
	fflush(stderr);
	funlockfile(stderr);
}

bool log_limited(struct log_limit *limit, unsigned long burst)
{
	unsigned long n = ++limit->count;

	return n <= burst || !(n & (n - 1));
}
