/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/store_options.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/store.h"

#include <errno.h>
#include <string.h>

static const struct {
	char unit;
	double seconds;
} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}, {'y', 365.25 * 86400}};

/* Steps over a number with its unit; NULL: there is none. */
static const char *parse_one(const char *text, double *ret_seconds)
{
	char *end;
	double number = strtod(text, &end);

	if (*text < '0' || *text > '9' || number <= 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (*end == units[i].unit && number * units[i].seconds < 1e10) {
			*ret_seconds = number * units[i].seconds;
			return end + 1;
		}
	return NULL;
}

int store_parse_keep(void *options, const struct option_spec *spec, const char *value)
{
	struct store_options *store = (void *)((char *)options + spec->offset);
	const char *at = value;
	char shown[64];

	for (uint32_t level = 0; level < STORE_LEVELS; level++) {
		at = parse_one(at, &store->keep_s[level]);
		if (!at || (*at && *at != ','))
			break;
		if (!*at) {
			/* Four times spoke of all there was, when there were no weeks. */
			if (level == LEVEL_1D)
				store->keep_s[LEVEL_1W] = store->keep_s[LEVEL_1D];
			return 0;
		}
		at++;
	}
	log_error("--%s takes times such as 7d or 7d,30d,90d,2y,2y, not '%s'", spec->name,
		  quote(shown, sizeof(shown), value));
	return -EINVAL;
}
