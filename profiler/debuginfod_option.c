/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/debuginfod_option.h"

#include "base/log.h"
#include "base/quote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long long number_of(const char *variable, unsigned long long usual,
				    unsigned long long most)
{
	const char *text = getenv(variable);
	char *end;
	unsigned long long number = text ? strtoull(text, &end, 10) : 0;

	if (!text || *end || !number)
		return usual;
	return number < most ? number : most;
}

static bool is_on_its_way_alone(const char *url)
{
	static const char *const safe[] = {"https://", "http://localhost", "http://127.",
					   "http://[::1]"};

	for (size_t i = 0; i < sizeof(safe) / sizeof(safe[0]); i++)
		if (!strncmp(url, safe[i], strlen(safe[i])))
			return true;
	return false;
}

static void warn_of_http(const char *urls)
{
	static const char white[] = " \t\r\n\f\v";

	for (urls += strspn(urls, white); *urls; urls += strspn(urls, white)) {
		if (!is_on_its_way_alone(urls)) {
			log_warn("with http, who is on the way sees the build ids and can forge "
				 "the names");
			return;
		}
		urls += strcspn(urls, white);
	}
}

static int complain(int err, const char *bad)
{
	char word[256], shown[300];

	if (err == -ENOENT) {
		log_error("--debuginfod has no server to ask");
		log_hint("--debuginfod=URLS, or DEBUGINFOD_URLS in the environment, names some");
		return STATUS_USAGE;
	}
	if (err != -EINVAL) {
		log_error("cannot use debuginfod: %s", strerror(-err));
		return STATUS_ERROR;
	}
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(bad, " \t\r\n\f\v"), bad);
	log_error("'%s' is no URL of a debuginfod server, or one too many",
		  quote(shown, sizeof(shown), word));
	log_hint("up to %d of the form https://HOST[:PORT][/PATH], with blanks between",
		 DEBUGINFOD_SERVERS_MAX);
	return STATUS_USAGE;
}

int debuginfod_of_option(const char *urls, struct debuginfod **ret_debuginfod)
{
	struct debuginfod_limits limits = DEBUGINFOD_DEFAULTS;
	const char *from = urls && *urls ? urls : getenv("DEBUGINFOD_URLS"), *bad = "";
	int err;

	*ret_debuginfod = NULL;
	if (!urls)
		return STATUS_OK;
	limits.file_bytes = number_of("DEBUGINFOD_MAXSIZE", limits.file_bytes, limits.cache_bytes);
	limits.file_s = (unsigned int)number_of("DEBUGINFOD_MAXTIME", limits.file_s, limits.hour_s);
	err = debuginfod_new(from ? from : "", &limits, ret_debuginfod, &bad);
	if (err)
		return complain(err, bad);
	warn_of_http(from);
	return STATUS_OK;
}
