/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Address spaces in the kernel's mappings map: each a region of it, sorted, shared by all processes
 * that have the very same mappings (the workers of a server). One thread at a time.
 */
#ifndef WICK_PROFILER_UNWIND_REGIONS_H
#define WICK_PROFILER_UNWIND_REGIONS_H

#include "profiler/procs.h"
#include "profiler/ranges.h"
#include "profiler/unwind_maps.h"
#include "profiler/unwind_modules.h"

#include <stdbool.h>
#include <stdint.h>

struct unwind_region {
	uint64_t space;	 /* serial of the address space it was made of */
	uint32_t serial; /* for struct wick_proc */
	uint32_t refs;
	struct range range;
	uint32_t count; /* mappings; the range may be larger */
	bool is_open;	/* rows are missing that may come, or are gone */
	bool is_found;	/* under its space; else another has taken its place there */
	uint64_t generation;
	uint32_t position; /* among those found */
	uint32_t *modules; /* whose rows it leads to; as many as mappings, or fewer */
	uint32_t module_count;
};

struct unwind_regions;

int unwind_regions_new(const struct unwind_maps *maps, struct unwind_modules *modules,
		       struct unwind_regions **ret_regions);
void unwind_regions_free(struct unwind_regions *regions);

/*
 * The region for a space, up to date, with a reference for the caller. now: the one its process is
 * led to so far, or NULL; given again if nothing is different. -ENOSPC: no room.
 */
int unwind_regions_get(struct unwind_regions *regions, const struct address_space *space,
		       struct unwind_region *now, struct unwind_region **ret_region);

/* Would the process be led wrong if it stayed with the region a little longer? (If all that
 * happened is that memory was added, no.) */
bool unwind_regions_is_wrong(struct unwind_regions *regions, const struct unwind_region *region,
			     const struct address_space *space);

/* The last reference gives up the room, for others from ready_ns on. */
void unwind_regions_put(struct unwind_regions *regions, struct unwind_region *region,
			uint64_t ready_ns);

/* Modules have changed their state: open regions are looked at again when they are asked for. */
void unwind_regions_refresh(struct unwind_regions *regions);

/* True: the region led to the rows of this module; it is open from now on. */
bool unwind_region_reopen(struct unwind_region *region, uint32_t module);

/* Is the region as good as it gets, as things stand? */
bool unwind_regions_is_current(const struct unwind_regions *regions,
			       const struct unwind_region *region);

void unwind_regions_wake(struct unwind_regions *regions, uint64_t now_ns);

/* So much rests that changes had better be few. */
bool unwind_regions_is_pressed(const struct unwind_regions *regions);

/* Regions, mappings in use, mappings that rest. */
void unwind_regions_count(const struct unwind_regions *regions, uint32_t *ret_regions,
			  uint32_t *ret_mappings, uint32_t *ret_resting);

#endif
