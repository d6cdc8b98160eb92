/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/why.h"

#include <stdarg.h>
#include <stdio.h>

const char *why(const char *format, ...)
{
	static _Thread_local char text[128];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return text;
}
