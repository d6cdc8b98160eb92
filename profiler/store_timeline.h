/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each service used in a file of the store: its label "service", or "comm" where it has none. */
#ifndef WICK_PROFILER_STORE_TIMELINE_H
#define WICK_PROFILER_STORE_TIMELINE_H

#include "formats/profile.h"

struct store_service {
	const char *name; /* borrowed from the profile; "" = samples without either label */
	int64_t samples, cpu_ns;
	int64_t cut; /* of the samples: those whose stack is not whole */
};

/* All services of the profile, in no order; the caller frees the array. -ENOMEM. */
int store_services(const struct profile *profile, struct store_service **ret_services,
		   size_t *ret_count);

#endif
