/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/profile.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "formats/profile_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int profile_new(struct profile **ret_profile)
{
	_cleanup_(profile_freep) struct profile *profile = calloc(1, sizeof(*profile));
	uint32_t empty;

	if (!profile || strtab_add(&profile->strings, "", &empty))
		return -ENOMEM;
	/* Never NULL: an element without any lines, labels or locations still points into them. */
	if (array_reserve(&profile->lines, &profile->lines_size, 1) ||
	    array_reserve(&profile->labels, &profile->labels_size, 1) ||
	    array_reserve(&profile->sample_locations, &profile->sample_locations_size, 1) ||
	    profile_append_label_set(profile, NULL, 0, &empty))
		return -ENOMEM;
	*ret_profile = TAKE_PTR(profile);
	return 0;
}

void profile_free(struct profile *profile)
{
	if (!profile)
		return;
	strtab_release(&profile->strings);
	free(profile->comments);
	free(profile->ledger);
	free(profile->mappings);
	free(profile->functions);
	free(profile->lines);
	free(profile->locations);
	free(profile->sample_locations);
	free(profile->labels);
	free(profile->label_sets);
	free(profile->samples);
	hashmap_release(&profile->comment_index);
	hashmap_release(&profile->mapping_index);
	hashmap_release(&profile->function_index);
	hashmap_release(&profile->location_index);
	hashmap_release(&profile->label_set_index);
	hashmap_release(&profile->sample_index);
	free(profile);
}

int profile_add_string(struct profile *profile, const char *string, uint32_t *ret_id)
{
	return strtab_add(&profile->strings, string, ret_id);
}

static int make_type(struct profile *profile, const char *type, const char *unit,
		     struct profile_value_type *ret_type)
{
	struct profile_value_type made = {0};
	int err = profile_add_string(profile, type, &made.type);

	if (!err)
		err = profile_add_string(profile, unit, &made.unit);
	if (!err)
		*ret_type = made;
	return err;
}

int profile_add_type(struct profile *profile, const char *type, const char *unit)
{
	int err;

	if (profile->type_count >= PROFILE_VALUES_MAX)
		return -E2BIG;
	err = make_type(profile, type, unit, &profile->types[profile->type_count]);
	if (!err)
		profile->type_count++;
	return err;
}

int profile_init_cpu(struct profile *profile, unsigned int hz)
{
	int err = profile_add_type(profile, "samples", "count");

	if (!err)
		err = profile_add_type(profile, "cpu", "nanoseconds");
	if (!err)
		err = make_type(profile, "cpu", "nanoseconds", &profile->period_type);
	if (!err)
		err = profile_add_string(profile, "cpu", &profile->default_type);
	if (!err)
		profile->period = hz ? 1000000000 / hz : 0;
	return err;
}

static bool comment_equals(const void *table, uint32_t position, const void *key)
{
	return ((const struct profile *)table)->comments[position] == *(const uint32_t *)key;
}

int profile_add_comment(struct profile *profile, const char *text)
{
	uint64_t hash;
	uint32_t id;
	int err = profile_add_string(profile, text, &id);

	if (err)
		return err;
	hash = hash_mix(id, 0);
	if (hashmap_find(&profile->comment_index, hash, comment_equals, profile, &id) !=
	    HASHMAP_NONE)
		return 0;
	err = array_reserve(&profile->comments, &profile->comments_size,
			    (size_t)profile->comment_count + 1);
	if (!err)
		err = hashmap_add(&profile->comment_index, hash, profile->comment_count);
	if (!err)
		profile->comments[profile->comment_count++] = id;
	return err;
}

int profile_ledger_add(struct profile *profile, const char *name, uint64_t count)
{
	uint32_t id, i;
	int err = profile_add_string(profile, name, &id);

	if (err)
		return err;
	for (i = 0; i < profile->ledger_count; i++)
		if (profile->ledger[i].name == id) {
			profile->ledger[i].count += count;
			return 0;
		}
	if (i >= PROFILE_LEDGER_MAX)
		return -E2BIG;
	err = array_reserve(&profile->ledger, &profile->ledger_size, (size_t)i + 1);
	if (!err)
		profile->ledger[profile->ledger_count++] = (struct profile_count){id, count};
	return err;
}

uint64_t profile_ledger_get(const struct profile *profile, const char *name)
{
	for (uint32_t i = 0; i < profile->ledger_count; i++)
		if (!strcmp(profile_string(profile, profile->ledger[i].name), name))
			return profile->ledger[i].count;
	return 0;
}

/* Two mappings are of the same module if their build ids agree, and their files where there is no
 * build id. The lowest bit tells the one kind of id from the other. */
static uint64_t module_of(const struct profile_mapping *mapping)
{
	return mapping->build_id ? (uint64_t)mapping->build_id << 1 | 1
				 : (uint64_t)mapping->file << 1;
}

static bool mapping_equals(const void *table, uint32_t position, const void *key)
{
	const struct profile_mapping *have = &((const struct profile *)table)->mappings[position];
	const struct profile_mapping *want = key;

	return module_of(have) == module_of(want) && have->offset == want->offset &&
	       have->start == want->start && have->limit == want->limit;
}

static void join_flags(struct profile_mapping *to, const struct profile_mapping *from)
{
	to->has_functions &= from->has_functions;
	to->has_filenames &= from->has_filenames;
	to->has_lines &= from->has_lines;
	to->has_inlines &= from->has_inlines;
}

/* What was indexed before it was appended is taken back where that failed. */
static int indexed(struct hashmap *map, uint64_t hash, uint32_t position, int err)
{
	if (err)
		hashmap_remove(map, hash, position);
	return err;
}

int profile_append_mapping(struct profile *profile, const struct profile_mapping *mapping,
			   uint32_t *ret_id)
{
	int err = array_reserve(&profile->mappings, &profile->mappings_size,
				(size_t)profile->mapping_count + 1);

	if (err)
		return err;
	*ret_id = profile->mapping_count++;
	profile->mappings[*ret_id] = *mapping;
	return 0;
}

int profile_add_mapping(struct profile *profile, const struct profile_mapping *mapping,
			uint32_t *ret_id)
{
	uint64_t hash = hash_mix(hash_mix(module_of(mapping), mapping->offset),
				 hash_mix(mapping->start, mapping->limit));
	uint32_t id = hashmap_find(&profile->mapping_index, hash, mapping_equals, profile, mapping);
	uint32_t next = profile->mapping_count;
	int err;

	if (id != HASHMAP_NONE) {
		join_flags(&profile->mappings[id], mapping);
		*ret_id = id;
		return 0;
	}
	err = hashmap_add(&profile->mapping_index, hash, next);
	return err ? err
		   : indexed(&profile->mapping_index, hash, next,
			     profile_append_mapping(profile, mapping, ret_id));
}

static bool function_equals(const void *table, uint32_t position, const void *key)
{
	const struct profile_function *have = &((const struct profile *)table)->functions[position];
	const struct profile_function *want = key;

	return have->name == want->name && have->system_name == want->system_name &&
	       have->file == want->file && have->start_line == want->start_line;
}

int profile_append_function(struct profile *profile, const struct profile_function *function,
			    uint32_t *ret_id)
{
	int err = array_reserve(&profile->functions, &profile->functions_size,
				(size_t)profile->function_count + 1);

	if (err)
		return err;
	*ret_id = profile->function_count++;
	profile->functions[*ret_id] = *function;
	return 0;
}

uint64_t profile_function_hash(const struct profile_function *function)
{
	return hash_mix(hash_mix(function->name, function->system_name),
			hash_mix(function->file, (uint64_t)function->start_line));
}

int profile_add_function(struct profile *profile, const struct profile_function *function,
			 uint32_t *ret_id)
{
	return profile_add_function_hashed(profile, function, profile_function_hash(function),
					   ret_id);
}

int profile_add_function_hashed(struct profile *profile, const struct profile_function *function,
				uint64_t hash, uint32_t *ret_id)
{
	uint32_t id =
		hashmap_find(&profile->function_index, hash, function_equals, profile, function);
	uint32_t next = profile->function_count;
	int err;

	if (id != HASHMAP_NONE) {
		*ret_id = id;
		return 0;
	}
	err = hashmap_add(&profile->function_index, hash, next);
	return err ? err
		   : indexed(&profile->function_index, hash, next,
			     profile_append_function(profile, function, ret_id));
}

struct location_key {
	const struct profile_location *location;
	const struct profile_line *lines;
	uint32_t line_count;
};

static bool lines_equal(const struct profile_line *a, const struct profile_line *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (a[i].function != b[i].function || a[i].line != b[i].line ||
		    a[i].column != b[i].column)
			return false;
	return true;
}

static bool location_equals(const void *table, uint32_t position, const void *key)
{
	const struct profile *profile = table;
	const struct profile_location *have = &profile->locations[position];
	const struct location_key *want = key;

	return have->address == want->location->address &&
	       have->mapping == want->location->mapping &&
	       have->is_folded == want->location->is_folded &&
	       have->line_count == want->line_count &&
	       lines_equal(profile->lines + have->line_first, want->lines, want->line_count);
}

uint64_t profile_location_hash(const struct profile_location *location,
			       const struct profile_line *lines, uint32_t line_count)
{
	uint64_t hash =
		hash_mix(location->address, (uint64_t)location->mapping << 1 | location->is_folded);

	for (uint32_t i = 0; i < line_count; i++)
		hash = hash_mix(hash ^ (uint64_t)lines[i].column,
				(uint64_t)lines[i].function << 32 ^ (uint64_t)lines[i].line);
	return hash;
}

int profile_append_location(struct profile *profile, const struct profile_location *location,
			    const struct profile_line *lines, uint32_t line_count, uint32_t *ret_id)
{
	struct profile_location *appended;
	int err = array_reserve(&profile->locations, &profile->locations_size,
				(size_t)profile->location_count + 1);

	if (!err)
		err = array_reserve(&profile->lines, &profile->lines_size,
				    (size_t)profile->line_count + line_count);
	if (err)
		return err;
	appended = &profile->locations[profile->location_count];
	*appended = *location;
	appended->line_first = profile->line_count;
	appended->line_count = line_count;
	if (line_count)
		memcpy(profile->lines + profile->line_count, lines, line_count * sizeof(*lines));
	profile->line_count += line_count;
	*ret_id = profile->location_count++;
	return 0;
}

int profile_add_location(struct profile *profile, const struct profile_location *location,
			 const struct profile_line *lines, uint32_t line_count, uint32_t *ret_id)
{
	if (line_count > PROFILE_LINES_MAX)
		return -E2BIG;
	return profile_add_location_hashed(profile, location, lines, line_count,
					   profile_location_hash(location, lines, line_count),
					   ret_id);
}

int profile_add_location_hashed(struct profile *profile, const struct profile_location *location,
				const struct profile_line *lines, uint32_t line_count,
				uint64_t hash, uint32_t *ret_id)
{
	struct location_key key = {location, lines, line_count};
	uint32_t id, next = profile->location_count;
	int err;

	id = hashmap_find(&profile->location_index, hash, location_equals, profile, &key);
	if (id != HASHMAP_NONE) {
		if (profile->locations[id].quality < location->quality)
			profile->locations[id].quality = location->quality;
		*ret_id = id;
		return 0;
	}
	err = hashmap_add(&profile->location_index, hash, next);
	return err ? err
		   : indexed(&profile->location_index, hash, next,
			     profile_append_location(profile, location, lines, line_count, ret_id));
}

int profile_make_label(struct profile *profile, const char *key, const char *string,
		       struct profile_label *ret_label)
{
	struct profile_label label = {0};
	int err = profile_add_string(profile, key, &label.key);

	if (!err)
		err = profile_add_string(profile, string, &label.string);
	if (!err)
		*ret_label = label;
	return err;
}

int profile_make_number(struct profile *profile, const char *key, int64_t number,
			struct profile_label *ret_label)
{
	struct profile_label label = {.number = number};
	int err = profile_add_string(profile, key, &label.key);

	if (!err)
		*ret_label = label;
	return err;
}

struct labels_key {
	const struct profile_label *labels;
	uint32_t count;
};

static bool label_set_equals(const void *table, uint32_t position, const void *key)
{
	const struct profile *profile = table;
	const struct profile_label_set *have = &profile->label_sets[position];
	const struct labels_key *want = key;

	if (have->count != want->count)
		return false;
	for (uint32_t i = 0; i < want->count; i++)
		if (profile_label_compare(&profile->labels[have->first + i], &want->labels[i]))
			return false;
	return true;
}

static uint64_t label_set_hash(const struct profile_label *labels, uint32_t count)
{
	uint64_t hash = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct profile_label *label = &labels[i];

		hash = hash_mix(hash ^ (uint64_t)label->number ^ label->unit,
				(uint64_t)label->key << 32 | label->string);
	}
	return hash;
}

int profile_append_label_set(struct profile *profile, const struct profile_label *labels,
			     uint32_t count, uint32_t *ret_set)
{
	int err = array_reserve(&profile->label_sets, &profile->label_sets_size,
				(size_t)profile->label_set_count + 1);

	if (!err)
		err = array_reserve(&profile->labels, &profile->labels_size,
				    (size_t)profile->label_count + count);
	if (err)
		return err;
	if (count)
		memcpy(profile->labels + profile->label_count, labels, count * sizeof(*labels));
	*ret_set = profile->label_set_count++;
	profile->label_sets[*ret_set] = (struct profile_label_set){profile->label_count, count};
	profile->label_count += count;
	return 0;
}

/* The empty set is there from the start, without an entry in the index. */
int profile_add_label_set(struct profile *profile, const struct profile_label *labels,
			  uint32_t count, uint32_t *ret_set)
{
	struct labels_key key = {labels, count};
	uint64_t hash = label_set_hash(labels, count);
	uint32_t id, next = profile->label_set_count;
	int err;

	if (!count) {
		*ret_set = 0;
		return 0;
	}
	id = hashmap_find(&profile->label_set_index, hash, label_set_equals, profile, &key);
	if (id != HASHMAP_NONE) {
		*ret_set = id;
		return 0;
	}
	err = hashmap_add(&profile->label_set_index, hash, next);
	return err ? err
		   : indexed(&profile->label_set_index, hash, next,
			     profile_append_label_set(profile, labels, count, ret_set));
}

struct sample_key {
	const uint32_t *locations;
	uint32_t location_count, label_set;
};

static bool sample_equals(const void *table, uint32_t position, const void *key)
{
	const struct profile *profile = table;
	const struct profile_sample *have = &profile->samples[position];
	const struct sample_key *want = key;

	return have->location_count == want->location_count && have->label_set == want->label_set &&
	       (!have->location_count ||
		!memcmp(profile->sample_locations + have->location_first, want->locations,
			want->location_count * sizeof(*want->locations)));
}

uint64_t profile_sample_hash(const uint32_t *locations, uint32_t location_count, uint32_t label_set)
{
	uint64_t hash =
		location_count ? hash_bytes(locations, location_count * sizeof(*locations)) : 0;

	return hash_mix(hash, label_set);
}

int profile_append_sample(struct profile *profile, const uint32_t *locations,
			  uint32_t location_count, uint32_t label_set, const int64_t *values)
{
	struct profile_sample *sample;
	int err = array_reserve(&profile->samples, &profile->samples_size,
				(size_t)profile->sample_count + 1);

	if (!err)
		err = array_reserve(&profile->sample_locations, &profile->sample_locations_size,
				    (size_t)profile->sample_location_count + location_count);
	if (err)
		return err;

	sample = &profile->samples[profile->sample_count++];
	*sample = (struct profile_sample){
		.location_first = profile->sample_location_count,
		.location_count = location_count,
		.label_set = label_set,
	};
	memcpy(sample->values, values, profile->type_count * sizeof(*values));
	if (location_count)
		memcpy(profile->sample_locations + sample->location_first, locations,
		       location_count * sizeof(*locations));
	profile->sample_location_count += location_count;
	return 0;
}

/* After profile_sort() the index is made anew only if there is anything more to add. */
int profile_index_samples(struct profile *profile)
{
	int err = 0;

	if (profile->sample_index.used == profile->sample_count)
		return 0;
	hashmap_clear(&profile->sample_index);
	for (uint32_t i = 0; !err && i < profile->sample_count; i++) {
		const struct profile_sample *sample = &profile->samples[i];
		uint64_t hash =
			profile_sample_hash(profile->sample_locations + sample->location_first,
					    sample->location_count, sample->label_set);

		err = hashmap_add(&profile->sample_index, hash, i);
	}
	return err;
}

static int64_t wrapping_add(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

int profile_add_sample(struct profile *profile, const uint32_t *locations, uint32_t location_count,
		       const struct profile_label *labels, uint32_t label_count,
		       const int64_t *values)
{
	uint32_t label_set;
	int err = location_count > PROFILE_DEPTH_MAX || label_count > PROFILE_LABELS_MAX
			  ? -E2BIG
			  : profile_index_samples(profile);

	if (!err)
		err = profile_add_label_set(profile, labels, label_count, &label_set);
	return err ? err
		   : profile_add_sample_hashed(
			     profile, locations, location_count, label_set, values,
			     profile_sample_hash(locations, location_count, label_set));
}

int profile_add_sample_hashed(struct profile *profile, const uint32_t *locations,
			      uint32_t location_count, uint32_t label_set, const int64_t *values,
			      uint64_t hash)
{
	struct sample_key key = {locations, location_count, label_set};
	uint32_t id, next = profile->sample_count;
	int err;

	id = hashmap_find(&profile->sample_index, hash, sample_equals, profile, &key);
	if (id == HASHMAP_NONE) {
		err = hashmap_add(&profile->sample_index, hash, next);
		return err ? err
			   : indexed(&profile->sample_index, hash, next,
				     profile_append_sample(profile, locations, location_count,
							   label_set, values));
	}
	for (uint32_t i = 0; i < profile->type_count; i++) {
		int64_t *value = &profile->samples[id].values[i];

		*value = wrapping_add(*value, values[i]);
	}
	return 0;
}

/* Names may be of any length, and this is called for each of many locations: look at the ends only.
 */
enum { MODULE_NAME_MAX = 256 };

static const char *module_name(const struct profile *profile, uint32_t mapping)
{
	uint32_t file = profile->mappings[mapping].file;
	size_t length = strtab_length(&profile->strings, file);
	const char *end = profile_string(profile, file) + length, *slash;

	if (length > MODULE_NAME_MAX)
		length = MODULE_NAME_MAX;
	slash = memrchr(end - length, '/', length);
	return slash && slash + 1 < end ? slash + 1 : end - length;
}

/* Appends text to ret, which holds size bytes and a string of *used; cuts it. */
static void put(char *ret, size_t size, size_t *used, const char *text, size_t length)
{
	if (length > size - 1 - *used)
		length = size - 1 - *used;
	memcpy(ret + *used, text, length);
	*used += length;
	ret[*used] = '\0';
}

/* By hand: a file has thousands of such names, each made once to write and once to read it. */
static void put_address(char *ret, size_t size, size_t *used, uint64_t address)
{
	char digits[2 + 16], *at = digits + sizeof(digits);

	do
		*--at = "0123456789abcdef"[address & 15];
	while (address >>= 4);
	*--at = 'x';
	*--at = '0';
	put(ret, size, used, at, (size_t)(digits + sizeof(digits) - at));
}

const char *profile_frame_name(const struct profile *profile,
			       const struct profile_location *location, uint32_t line, char *ret,
			       size_t size)
{
	size_t used = 0;

	if (line < location->line_count) {
		uint32_t function = profile->lines[location->line_first + line].function;
		uint32_t name = profile->functions[function].name;

		put(ret, size, &used, profile_string(profile, name),
		    strtab_length(&profile->strings, name));
		return ret;
	}
	if (location->mapping != PROFILE_NO_MAPPING && profile->mappings[location->mapping].file) {
		const char *module = module_name(profile, location->mapping);

		put(ret, size, &used, module, strlen(module));
		put(ret, size, &used, "+", 1);
	}
	put_address(ret, size, &used, location->address);
	return ret;
}

const struct profile_label *profile_find_label(const struct profile *profile,
					       const struct profile_label_set *set, const char *key)
{
	for (uint32_t i = 0; i < set->count; i++) {
		const struct profile_label *label = &profile->labels[set->first + i];

		if (!strcmp(profile_string(profile, label->key), key))
			return label;
	}
	return NULL;
}

int64_t profile_total(const struct profile *profile, uint32_t type)
{
	int64_t total = 0;

	for (uint32_t i = 0; i < profile->sample_count; i++)
		total = wrapping_add(total, profile->samples[i].values[type]);
	return total;
}

int profile_find_type(const struct profile *profile, const char *type)
{
	for (uint32_t i = 0; i < profile->type_count; i++)
		if (!strcmp(profile_string(profile, profile->types[i].type), type))
			return (int)i;
	return -1;
}

size_t profile_bytes(const struct profile *profile)
{
	return sizeof(*profile) + strtab_bytes(&profile->strings) +
	       profile->comments_size * sizeof(*profile->comments) +
	       profile->ledger_size * sizeof(*profile->ledger) +
	       profile->mappings_size * sizeof(*profile->mappings) +
	       profile->functions_size * sizeof(*profile->functions) +
	       profile->lines_size * sizeof(*profile->lines) +
	       profile->locations_size * sizeof(*profile->locations) +
	       profile->sample_locations_size * sizeof(*profile->sample_locations) +
	       profile->labels_size * sizeof(*profile->labels) +
	       profile->label_sets_size * sizeof(*profile->label_sets) +
	       profile->samples_size * sizeof(*profile->samples) +
	       hashmap_bytes(&profile->comment_index) + hashmap_bytes(&profile->mapping_index) +
	       hashmap_bytes(&profile->function_index) + hashmap_bytes(&profile->location_index) +
	       hashmap_bytes(&profile->label_set_index) + hashmap_bytes(&profile->sample_index);
}
