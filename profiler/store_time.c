/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times and matches as people type them: see store_export.h. */
#include "profiler/store_export.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define NS 1000000000LL

/* Exactly n digits. */
static const char *number(const char *text, int n, int *ret)
{
	int value = 0;

	for (int i = 0; text && i < n; i++, text++) {
		if (*text < '0' || *text > '9')
			return NULL;
		value = value * 10 + (*text - '0');
	}
	*ret = value;
	return text;
}

static const char *literal(const char *text, const char *one_of)
{
	return text && *text && strchr(one_of, *text) ? text + 1 : NULL;
}

/* ".25": digits past nanoseconds count for nothing. */
static const char *fraction(const char *text, int64_t *ret_ns)
{
	int64_t unit = NS;

	if (!text || *text != '.')
		return text;
	if (*++text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++) {
		unit /= 10;
		*ret_ns += unit * (*text - '0');
	}
	return text;
}

/* "Z", "+01:00". */
static const char *zone(const char *text, int64_t *ret_seconds)
{
	int hours = 0, minutes = 0, sign;

	if (!text || *text == 'Z' || *text == 'z')
		return text ? text + 1 : NULL;
	sign = *text == '-' ? -1 : 1;
	text = number(literal(text, "+-"), 2, &hours);
	text = number(literal(text, ":"), 2, &minutes);
	if (hours > 23 || minutes > 59)
		return NULL;
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return text;
}

static bool is_date(const struct tm *tm)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = tm->tm_year + 1900;
	bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 &&
	       tm->tm_mday <= days[tm->tm_mon] + (tm->tm_mon == 1 && is_leap) && tm->tm_hour < 24 &&
	       tm->tm_min < 60 && tm->tm_sec <= 60 && year >= 1970 && year < 2200;
}

static int parse_rfc3339(const char *text, int64_t *ret_ns)
{
	int64_t ns = 0, offset_s = 0;
	struct tm tm = {0};

	text = number(text, 4, &tm.tm_year);
	text = number(literal(text, "-"), 2, &tm.tm_mon);
	text = number(literal(text, "-"), 2, &tm.tm_mday);
	text = number(literal(text, "Tt "), 2, &tm.tm_hour);
	text = number(literal(text, ":"), 2, &tm.tm_min);
	text = number(literal(text, ":"), 2, &tm.tm_sec);
	text = zone(fraction(text, &ns), &offset_s);
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	if (!text || *text || !is_date(&tm))
		return -EINVAL;
	*ret_ns = ((int64_t)timegm(&tm) - offset_s) * NS + ns;
	return 0;
}

/* "90s", "1h", "7d". */
static int parse_ago(const char *text, int64_t *ret_ns)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	size_t digits = strspn(text, "0123456789");
	int64_t value = 0;

	if (!digits || digits > 9)
		return -EINVAL;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (text[i] - '0');
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (text[digits] == units[i].unit && !text[digits + 1] &&
		    value < 4000000000LL / units[i].seconds) {
			*ret_ns = value * units[i].seconds * NS;
			return 0;
		}
	return -EINVAL;
}

int store_parse_time(const char *text, int64_t now_ns, int64_t *ret_ns)
{
	int64_t ago_ns = 0;

	if (*text == '-') {
		int err = parse_ago(text + 1, &ago_ns);

		if (!err)
			*ret_ns = now_ns - ago_ns;
		return err;
	}
	if (strcmp(text, "now") != 0)
		return parse_rfc3339(text, ret_ns);
	*ret_ns = now_ns;
	return 0;
}

int store_parse_match(char *text, struct store_range *range)
{
	char *equals = strchr(text, '=');

	if (!equals || equals == text)
		return -EINVAL;
	if (range->match_count == STORE_MATCHES_MAX)
		return -E2BIG;
	*equals = '\0';
	range->matches[range->match_count++] = (struct store_match){text, equals + 1};
	return 0;
}
