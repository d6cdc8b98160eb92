/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/store_timeline.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>

static uint32_t service_of(const struct profile *profile, const struct profile_sample *sample)
{
	const struct profile_label *label = profile_sample_label(profile, sample, "service");

	if (!label)
		label = profile_sample_label(profile, sample, "comm");
	return label ? label->string : 0;
}

static int64_t value_of(const struct profile_sample *sample, int type)
{
	return type < 0 ? 0 : sample->values[type];
}

static void add(struct store_service *service, const struct profile *profile,
		const struct profile_sample *sample)
{
	int64_t samples = value_of(sample, profile_find_type(profile, "samples"));

	service->samples += samples;
	service->cpu_ns += value_of(sample, profile_find_type(profile, "cpu"));
	if (profile_sample_label(profile, sample, "cut"))
		service->cut += samples;
}

int store_services(const struct profile *profile, struct store_service **ret_services,
		   size_t *ret_count)
{
	uint32_t strings = strtab_count(&profile->strings);
	struct store_service *services = calloc(strings, sizeof(*services));
	size_t count = 0;

	if (!services)
		return -ENOMEM;
	for (uint32_t i = 0; i < profile->sample_count; i++)
		add(&services[service_of(profile, &profile->samples[i])], profile,
		    &profile->samples[i]);
	for (uint32_t i = 0; i < strings; i++)
		if (services[i].samples || services[i].cpu_ns) {
			services[count] = services[i];
			services[count++].name = profile_string(profile, i);
		}
	*ret_services = services;
	*ret_count = count;
	return 0;
}
