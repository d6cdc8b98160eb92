/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/unwind_regions.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/hashmap.h"

#include <errno.h>
#include <string.h>

enum { ROUND = 8 }; /* regions are whole multiples: fewer odd gaps between them */

struct unwind_regions {
	const struct unwind_maps *maps;
	struct unwind_modules *modules;
	struct ranges ranges;
	struct unwind_region **found;
	uint32_t found_count, found_size;
	struct hashmap by_space;
	uint32_t count; /* of all, found or not */
	uint32_t next_serial;
	uint64_t generation;

	/* The region being made. */
	struct wick_mapping *draft;
	uint32_t *draft_modules;
	uint32_t draft_count, draft_size, draft_module_count, draft_modules_size;
	bool draft_is_open;
};

/* --- the draft --- */

/* Puts a mapping behind the others, in order and clipped where they overlap, which they do only if
 * a file says so. */
static int push(struct unwind_regions *regions, uint32_t from, const struct wick_mapping *mapping)
{
	struct wick_mapping *draft;
	uint32_t at = regions->draft_count;

	if (at >= WICK_PROC_MAPPINGS_MAX)
		return -ENOSPC;
	if (array_reserve(&regions->draft, &regions->draft_size, (size_t)at + 1))
		return -ENOMEM;
	draft = regions->draft;
	for (; at > from && draft[at - 1].start > mapping->start; at--)
		draft[at] = draft[at - 1];
	draft[at] = *mapping;
	regions->draft_count++;
	return 0;
}

static void clip(struct unwind_regions *regions, uint32_t from)
{
	struct wick_mapping *draft = regions->draft;
	uint32_t kept = from;

	for (uint32_t i = from; i < regions->draft_count; i++) {
		struct wick_mapping mapping = draft[i];

		if (kept > from && mapping.start < draft[kept - 1].end)
			mapping.start = draft[kept - 1].end;
		if (mapping.start < mapping.end)
			draft[kept++] = mapping;
	}
	regions->draft_count = kept;
}

/* The part of a mapping that shows a segment. */
static bool cut(const struct proc_map *map, const struct unwind_segment *segment,
		struct wick_mapping *ret_mapping)
{
	uint64_t map_end = map->off + (map->end - map->start);
	uint64_t first = segment->off > map->off ? segment->off : map->off;
	uint64_t end = segment->off + segment->size;

	if (end > map_end)
		end = map_end;
	if (first >= end || map_end < map->off)
		return false;
	*ret_mapping = (struct wick_mapping){
		.start = map->start + (first - map->off),
		.end = map->start + (end - map->off),
		.bias = map->start - map->off + segment->off - segment->vaddr,
		.page = segment->page,
		.kind = WICK_MAPPING_ROWS,
	};
	return true;
}

static int push_rows(struct unwind_regions *regions, const struct proc_map *map,
		     const struct unwind_module *module)
{
	uint32_t count, from = regions->draft_count;
	const struct unwind_segment *segments = unwind_placed_segments(module->placed, &count);
	struct wick_mapping mapping;
	int err = 0;

	for (uint32_t i = 0; !err && i < count; i++)
		if (cut(map, &segments[i], &mapping))
			err = push(regions, from, &mapping);
	if (err || regions->draft_count == from)
		return err;
	clip(regions, from);
	err = array_reserve(&regions->draft_modules, &regions->draft_modules_size,
			    (size_t)regions->draft_module_count + 1);
	if (!err)
		regions->draft_modules[regions->draft_module_count++] = module->id;
	return err;
}

/* Code without rows; what lies side by side (a JIT's memory) is one. */
static int push_bare(struct unwind_regions *regions, const struct proc_map *map, uint32_t kind)
{
	struct wick_mapping *last =
		regions->draft_count ? &regions->draft[regions->draft_count - 1] : NULL;

	if (last && last->kind == kind && last->end == map->start) {
		last->end = map->end;
		return 0;
	}
	return push(regions, regions->draft_count,
		    &(struct wick_mapping){.start = map->start, .end = map->end, .kind = kind});
}

static int push_map(struct unwind_regions *regions, const struct proc_map *map)
{
	const struct unwind_module *module = unwind_modules_get(regions->modules, map->module);
	uint32_t from = regions->draft_count;
	uint32_t bare = module->name.kind == MODULE_FILE ? WICK_MAPPING_FILE : WICK_MAPPING_BARE;
	int err;

	switch (module->state) {
	case UNWIND_READY:
		err = push_rows(regions, map, module);
		return err || regions->draft_count > from ? err : push_bare(regions, map, bare);
	case UNWIND_BARE:
		return push_bare(regions, map, bare);
	case UNWIND_CLOSED:
		regions->draft_is_open = true;
		return push_bare(regions, map, bare);
	default:
		regions->draft_is_open = true;
		return push_bare(regions, map, WICK_MAPPING_PENDING);
	}
}

static int make_draft(struct unwind_regions *regions, const struct address_space *space)
{
	int err = 0;

	regions->draft_count = regions->draft_module_count = 0;
	regions->draft_is_open = false;
	/* The walk's search compares below 2^63: not [vsyscall], the last of /proc/PID/maps. */
	for (uint32_t i = 0; !err && i < space->count; i++)
		if (space->maps[i].end <= WICK_PC_ADDR)
			err = push_map(regions, &space->maps[i]);
	return err;
}

static const struct wick_mapping *mappings_of(const struct unwind_regions *regions,
					      const struct unwind_region *region)
{
	return regions->maps->mappings + region->range.start;
}

static bool is_draft(const struct unwind_regions *regions, const struct unwind_region *region)
{
	return region->count == regions->draft_count &&
	       !memcmp(mappings_of(regions, region), regions->draft,
		       region->count * sizeof(struct wick_mapping));
}

/* --- finding --- */

static uint64_t space_hash(uint64_t space)
{
	return hash_mix(space, 0);
}

static bool space_equal(const void *table, uint32_t position, const void *key)
{
	return ((const struct unwind_regions *)table)->found[position]->space ==
	       *(const uint64_t *)key;
}

static struct unwind_region *find(const struct unwind_regions *regions, uint64_t space)
{
	uint32_t at =
		hashmap_find(&regions->by_space, space_hash(space), space_equal, regions, &space);

	return at == HASHMAP_NONE ? NULL : regions->found[at];
}

static void hide(struct unwind_regions *regions, struct unwind_region *region)
{
	uint32_t at = region->position, last = regions->found_count - 1;

	if (!region->is_found)
		return;
	hashmap_remove(&regions->by_space, space_hash(region->space), at);
	if (at != last) {
		struct unwind_region *moved = regions->found[last];

		hashmap_move(&regions->by_space, space_hash(moved->space), last, at);
		moved->position = at;
		regions->found[at] = moved;
	}
	regions->found_count--;
	region->is_found = false;
}

/* Without memory for it the region is just not shared. */
static void show(struct unwind_regions *regions, struct unwind_region *region)
{
	if (array_reserve(&regions->found, &regions->found_size,
			  (size_t)regions->found_count + 1) ||
	    hashmap_add(&regions->by_space, space_hash(region->space), regions->found_count))
		return;
	region->position = regions->found_count;
	region->is_found = true;
	regions->found[regions->found_count++] = region;
}

/* --- making --- */

static uint32_t new_serial(struct unwind_regions *regions)
{
	regions->next_serial++;
	return regions->next_serial ? regions->next_serial : ++regions->next_serial;
}

static int make(struct unwind_regions *regions, uint64_t space, struct unwind_region **ret_region)
{
	uint32_t room = (regions->draft_count + ROUND - 1) / ROUND * ROUND;
	size_t modules = regions->draft_module_count * sizeof(uint32_t);
	struct unwind_region *region = calloc(1, sizeof(*region));
	int err;

	if (!region)
		return -ENOMEM;
	region->modules = modules ? malloc(modules) : NULL;
	err = modules && !region->modules ? -ENOMEM
					  : ranges_take(&regions->ranges, room, &region->range);
	if (err) {
		free(region->modules);
		free(region);
		return err;
	}
	if (modules)
		memcpy(region->modules, regions->draft_modules, modules);
	for (uint32_t i = 0; i < regions->draft_module_count; i++)
		unwind_modules_ref(regions->modules, region->modules[i]);
	memcpy(regions->maps->mappings + region->range.start, regions->draft,
	       regions->draft_count * sizeof(struct wick_mapping));
	region->module_count = regions->draft_module_count;
	region->count = regions->draft_count;
	region->space = space;
	region->serial = new_serial(regions);
	region->is_open = regions->draft_is_open;
	region->generation = regions->generation;
	region->refs = 1;
	regions->count++;
	show(regions, region);
	*ret_region = region;
	return 0;
}

bool unwind_regions_is_current(const struct unwind_regions *regions,
			       const struct unwind_region *region)
{
	return !region->is_open || region->generation == regions->generation;
}

static struct unwind_region *again(struct unwind_regions *regions, struct unwind_region *region)
{
	region->generation = regions->generation;
	region->is_open = regions->draft_is_open;
	region->refs++;
	return region;
}

int unwind_regions_get(struct unwind_regions *regions, const struct address_space *space,
		       struct unwind_region *now, struct unwind_region **ret_region)
{
	struct unwind_region *region = find(regions, space->serial);
	int err;

	if (region && unwind_regions_is_current(regions, region)) {
		region->refs++;
		*ret_region = region;
		return 0;
	}
	err = make_draft(regions, space);
	if (err)
		return err;
	if (region && is_draft(regions, region)) {
		*ret_region = again(regions, region);
		return 0;
	}
	if (now && is_draft(regions, now)) {
		*ret_region = again(regions, now);
		return 0;
	}
	if (region)
		hide(regions, region);
	return make(regions, space->serial, ret_region);
}

static bool has(const struct wick_mapping *mappings, uint32_t count,
		const struct wick_mapping *wanted)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (mappings[mid].start < wanted->start)
			low = mid + 1;
		else
			high = mid;
	}
	return low < count && !memcmp(&mappings[low], wanted, sizeof(*wanted));
}

bool unwind_regions_is_wrong(struct unwind_regions *regions, const struct unwind_region *region,
			     const struct address_space *space)
{
	const struct wick_mapping *mapping = mappings_of(regions, region);

	if (make_draft(regions, space))
		return true;
	for (uint32_t i = 0; i < region->count; i++, mapping++)
		if (mapping->kind == WICK_MAPPING_ROWS &&
		    !has(regions->draft, regions->draft_count, mapping))
			return true;
	return false;
}

void unwind_regions_put(struct unwind_regions *regions, struct unwind_region *region,
			uint64_t ready_ns)
{
	if (!region || --region->refs)
		return;
	hide(regions, region);
	ranges_rest(&regions->ranges, region->range, ready_ns);
	regions->count--;
	for (uint32_t i = 0; i < region->module_count; i++)
		unwind_modules_unref(regions->modules, region->modules[i]);
	free(region->modules);
	free(region);
}

void unwind_regions_refresh(struct unwind_regions *regions)
{
	regions->generation++;
}

bool unwind_region_reopen(struct unwind_region *region, uint32_t module)
{
	for (uint32_t i = 0; i < region->module_count; i++)
		if (region->modules[i] == module)
			return region->is_open = true;
	return false;
}

void unwind_regions_wake(struct unwind_regions *regions, uint64_t now_ns)
{
	ranges_wake(&regions->ranges, now_ns);
}

bool unwind_regions_is_pressed(const struct unwind_regions *regions)
{
	return regions->ranges.rests > regions->ranges.size / 4;
}

void unwind_regions_count(const struct unwind_regions *regions, uint32_t *ret_regions,
			  uint32_t *ret_mappings, uint32_t *ret_resting)
{
	*ret_regions = regions->count;
	*ret_mappings = regions->ranges.taken - regions->ranges.rests;
	*ret_resting = regions->ranges.rests;
}

/* --- life --- */

int unwind_regions_new(const struct unwind_maps *maps, struct unwind_modules *modules,
		       struct unwind_regions **ret_regions)
{
	struct unwind_regions *regions = calloc(1, sizeof(*regions));
	int err;

	if (!regions)
		return -ENOMEM;
	regions->maps = maps;
	regions->modules = modules;
	err = ranges_grow(&regions->ranges, maps->sizes.mappings);
	if (err) {
		free(regions);
		return err;
	}
	*ret_regions = regions;
	return 0;
}

/* All references have been put. */
void unwind_regions_free(struct unwind_regions *regions)
{
	if (!regions)
		return;
	ranges_release(&regions->ranges);
	hashmap_release(&regions->by_space);
	free(regions->found);
	free(regions->draft);
	free(regions->draft_modules);
	free(regions);
}
