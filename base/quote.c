/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/quote.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

size_t utf8_length(const char *bytes, size_t size)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const uint8_t *b = (const uint8_t *)bytes;
	size_t length;
	uint32_t value;

	if (!size)
		return 0;
	if (b[0] < 0x80)
		return 1;
	length = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
	if (b[0] < 0xc2 || b[0] > 0xf4 || length > size)
		return 0;
	value = b[0] & (0x7f >> length);
	for (size_t i = 1; i < length; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (b[i] & 0x3f);
	}
	if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return 0;
	return length;
}

static bool is_plain(const char *bytes, size_t length)
{
	uint8_t first = (uint8_t)bytes[0];

	if (length == 1)
		return first >= 0x20 && first != 0x7f && first != '\\';
	/* C1 controls, U+0080 to U+009F, are commands to some terminals. */
	return !(first == 0xc2 && (uint8_t)bytes[1] < 0xa0);
}

const char *quote(char *ret, size_t size, const char *string)
{
	size_t left = strlen(string), used = 0;

	while (left) {
		size_t length = utf8_length(string, left);
		bool plain = length && is_plain(string, length);
		size_t step = plain ? length : 1, need = plain ? length : 4;

		if (used + need + (left > step ? 4 : 1) > size) {
			snprintf(ret + used, size - used, "...");
			return ret;
		}
		if (plain)
			memcpy(ret + used, string, length);
		else
			snprintf(ret + used, size - used, "\\x%02x", (uint8_t)*string);
		used += need;
		string += step;
		left -= step;
	}
	ret[used] = '\0';
	return ret;
}
