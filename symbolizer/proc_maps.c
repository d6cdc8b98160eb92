/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/proc_maps.h"

#include <string.h>

/* Digits of a base up to a delimiter, which is stepped over. False: none, too many, another end. */
static bool take_number(const char **at, const char *end, unsigned int base, char delimiter,
			uint64_t *ret_value)
{
	const char *p = *at;
	uint64_t value = 0;

	for (; p < end && *p != delimiter; p++) {
		unsigned int digit = 99;

		if (*p >= '0' && *p <= '9')
			digit = (unsigned int)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			digit = (unsigned int)(*p - 'a') + 10;
		if (digit >= base || __builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return false;
	}
	if (p == *at || p == end)
		return false;
	*at = p + 1;
	*ret_value = value;
	return true;
}

static bool take_flags(const char **at, const char *end, bool *ret_is_executable)
{
	if (end - *at < 5 || (*at)[4] != ' ')
		return false;
	*ret_is_executable = (*at)[2] == 'x';
	*at += 5;
	return true;
}

/* "start-end rwxp off major:minor inode   path", all but the inode in hexadecimal. */
static bool parse_line(const char *at, const char *end, struct proc_mapping *ret_mapping)
{
	struct proc_mapping m = {0};
	uint64_t major, minor;

	if (!take_number(&at, end, 16, '-', &m.start) || !take_number(&at, end, 16, ' ', &m.end) ||
	    m.start >= m.end || !take_flags(&at, end, &m.is_executable) ||
	    !take_number(&at, end, 16, ' ', &m.off) || !take_number(&at, end, 16, ':', &major) ||
	    !take_number(&at, end, 16, ' ', &minor) || major > UINT32_MAX || minor > UINT32_MAX)
		return false;
	m.dev_major = (uint32_t)major;
	m.dev_minor = (uint32_t)minor;
	/* There is a space behind the inode, also where no path follows. */
	if (!take_number(&at, end, 10, ' ', &m.inode))
		return false;
	while (at < end && *at == ' ')
		at++;
	m.path = at;
	m.path_length = (size_t)(end - at);
	*ret_mapping = m;
	return true;
}

bool proc_maps_next(const char **text, const char *end, struct proc_mapping *ret_mapping)
{
	while (*text < end) {
		const char *line = *text;
		const char *newline = memchr(line, '\n', (size_t)(end - line));

		*text = newline ? newline + 1 : end;
		if (parse_line(line, newline ? newline : end, ret_mapping))
			return true;
	}
	return false;
}
