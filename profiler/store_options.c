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
			for (uint32_t i = level + 1; level >= LEVEL_1D && i < STORE_LEVELS; i++)
				store->keep_s[i] = store->keep_s[level];
			return 0;
		}
		at++;
	}
	log_error("--%s takes times such as 7d or 7d,30d,90d,2y, not '%s'", spec->name,
		  quote(shown, sizeof(shown), value));
	return -EINVAL;
}

static int take_time(const char *name, const char *text, int64_t now_ns, int64_t *ret_ns)
{
	char shown[128];

	if (!store_parse_time(text, now_ns, ret_ns))
		return STATUS_OK;
	log_error("--%s takes a time, not '%s'", name, quote(shown, sizeof(shown), text));
	log_hint("such as 2026-11-22T10:15:00Z, 2026-11-22T10:15:00+01:00, -1h or now");
	return STATUS_USAGE;
}

int store_take_times(const char *from, const char *to, struct store_range *range)
{
	int64_t now_ns = store_now().wall_ns;
	int status = take_time("from", from, now_ns, &range->from_ns);

	if (status == STATUS_OK)
		status = take_time("to", to, now_ns, &range->to_ns);
	if (status == STATUS_OK && range->from_ns >= range->to_ns) {
		log_error("--from is not before --to");
		status = STATUS_USAGE;
	}
	return status;
}
