/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fields may come in any order and elements refer to each other by id. So the message is walked once
 * to see where the fields of each kind stand; then each kind is read, within the bytes from its first
 * to its last field, in such an order that what is referred to is there: strings; types, mappings,
 * functions and single values; locations; samples.
 */
#include "formats/pprof.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "formats/pprof_fields.h"
#include "formats/protobuf.h"
#include "formats/why.h"

#include <errno.h>
#include <string.h>

/* The ids that a file gives to its elements (any number but 0), by the order of the elements. */
struct id_map {
	uint64_t *ids;
	uint32_t count, size;
	struct hashmap index; /* empty while the ids are 1, 2, 3, .. as nearly every writer's are */
};

/* The fields of one kind, and whatever stands between them. */
struct span {
	const uint8_t *from, *to;
};

/* The end of a sample's message from its first label on, if nothing but labels is there: samples
 * share few sets of labels, and the same bytes are the same set. */
struct tail {
	const uint8_t *bytes;
	size_t size;
	uint32_t label_set;
};

/* A function enters the profile when a location names it: stand-ins never do. */
struct raw_function {
	struct profile_function function;
	uint32_t id; /* in the profile, or HASHMAP_NONE */
};

struct reader {
	struct profile *profile;
	struct cursor file;
	const uint8_t *start;
	const char *why;
	bool has_time;

	uint32_t *strings; /* the profile's id by the file's index */
	uint32_t string_count, strings_size;
	bool *is_comment; /* by the file's index: a comment counts once, as one byte can repeat it
			   */
	struct id_map mapping_map, function_map, location_map;
	struct raw_function *functions;
	uint32_t functions_size;
	struct buf scratch;
	struct span spans[PROFILE_DOC_URL + 1]; /* by field number */
	struct tail *tails;
	uint32_t tail_count, tails_size;
	struct hashmap tail_index;

	/* The location or sample being read. */
	struct profile_line line[PROFILE_LINES_MAX];
	uint32_t stack[PROFILE_DEPTH_MAX];
	struct profile_label label[PROFILE_LABELS_MAX];
};

typedef int (*field_handler)(struct reader *reader, struct protobuf_field *field);

static void reader_free(struct reader *reader)
{
	if (!reader)
		return;
	profile_free(reader->profile);
	free(reader->strings);
	free(reader->is_comment);
	free(reader->mapping_map.ids);
	free(reader->function_map.ids);
	free(reader->location_map.ids);
	hashmap_release(&reader->mapping_map.index);
	hashmap_release(&reader->function_map.index);
	hashmap_release(&reader->location_map.index);
	free(reader->functions);
	free(reader->tails);
	hashmap_release(&reader->tail_index);
	buf_release(&reader->scratch);
	free(reader);
}

static void reader_freep(struct reader **reader)
{
	reader_free(*reader);
}

static int damaged(struct reader *reader, const char *text)
{
	reader->why = text;
	return -EBADMSG;
}

static int too_big(struct reader *reader, const char *text)
{
	reader->why = text;
	return -EFBIG;
}

static bool id_equals(const void *table, uint32_t position, const void *key)
{
	return ((const struct id_map *)table)->ids[position] == *(const uint64_t *)key;
}

/* The position of the element with this id, or HASHMAP_NONE. */
static uint32_t id_map_find(const struct id_map *map, uint64_t id)
{
	if (!map->index.used)
		return id - 1 < map->count ? (uint32_t)(id - 1) : HASHMAP_NONE;
	return hashmap_find(&map->index, hash_mix(id, 0), id_equals, map, &id);
}

/* From the first id on that is out of line, all of them stand in the index. */
static int id_map_index(struct id_map *map, uint64_t id)
{
	int err = 0;

	if (!map->index.used && id == map->count + 1ull)
		return 0;
	for (uint32_t i = map->index.used; !err && i < map->count; i++)
		err = hashmap_add(&map->index, hash_mix(map->ids[i], 0), i);
	return err ? err : hashmap_add(&map->index, hash_mix(id, 0), map->count);
}

static int id_map_add(struct reader *reader, struct id_map *map, uint64_t id)
{
	int err;

	if (!id)
		return damaged(reader, "an element has the id 0");
	if (id_map_find(map, id) != HASHMAP_NONE)
		return damaged(reader, "two elements have the same id");
	err = array_reserve(&map->ids, &map->size, (size_t)map->count + 1);
	if (!err)
		err = id_map_index(map, id);
	if (!err)
		map->ids[map->count++] = id;
	return err;
}

static int next_field(struct reader *reader, struct cursor *message, struct protobuf_field *ret)
{
	if (!cursor_left(message))
		return 0;
	if (protobuf_next(message, ret))
		return 1;
	return damaged(reader, why("cut short or damaged at byte %zu",
				   (size_t)(message->pos - reader->start)));
}

/*
 * The numbers of a flat message: values[n] is that of field n, for n up to max; the last one counts
 * where there are several. Fields past max, and the one that holds messages (0: none), are left
 * out.
 */
static int read_numbers(struct reader *reader, struct cursor message, uint64_t *values,
			uint32_t max, uint32_t nested)
{
	struct protobuf_field field = {0};
	int more;

	while ((more = next_field(reader, &message, &field)) > 0) {
		if (field.number > max || field.number == nested)
			continue;
		if (field.wire != WIRE_VARINT)
			return damaged(reader, "a number has the wrong wire type");
		values[field.number] = field.value;
	}
	return more;
}

static int find_spans(struct reader *reader)
{
	struct cursor file = reader->file;
	struct protobuf_field field = {0};
	const uint8_t *at = file.pos;
	int more;

	for (; (more = next_field(reader, &file, &field)) > 0; at = file.pos) {
		struct span *span;

		if (field.number > PROFILE_DOC_URL)
			continue;
		span = &reader->spans[field.number];
		if (!span->from)
			span->from = at;
		span->to = file.pos;
	}
	return more;
}

static int walk(struct reader *reader, uint32_t number, field_handler handle)
{
	struct cursor c = {reader->spans[number].from, reader->spans[number].to};
	struct protobuf_field field = {0};
	int err = 0;

	/* All of it was walked before: these are fields. */
	while (!err && next_field(reader, &c, &field) > 0)
		if (field.number == number)
			err = handle(reader, &field);
	return err;
}

static int need_message(struct reader *reader, const struct protobuf_field *field)
{
	return field->wire == WIRE_BYTES ? 0 : damaged(reader, "a message has the wrong wire type");
}

static int find_string(struct reader *reader, uint64_t index, uint32_t *ret_id)
{
	if (index >= reader->string_count)
		return damaged(reader, "string index out of range");
	*ret_id = reader->strings[index];
	return 0;
}

/* Without NULs. */
static bool is_ascii(const char *bytes, size_t size)
{
	const uint64_t ones = 0x0101010101010101, highs = ones << 7;

	for (; size >= sizeof(uint64_t); bytes += sizeof(uint64_t), size -= sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, bytes, sizeof(word));
		if ((word | (word - ones)) & highs) /* a NUL borrows from itself, or from above */
			return false;
	}
	for (size_t i = 0; i < size; i++)
		if (bytes[i] <= 0)
			return false;
	return true;
}

static int add_string(struct reader *reader, const char *bytes, size_t size, uint32_t *ret_id)
{
	struct buf *scratch = &reader->scratch;

	if (!size)
		bytes = "";
	if (is_ascii(bytes, size))
		return strtab_add_hashed(&reader->profile->strings, bytes, size,
					 strtab_hash(bytes, size), ret_id);
	buf_clear(scratch);
	buf_add_utf8(scratch, bytes, size);
	return buf_error(scratch) ? -ENOMEM
				  : strtab_add_n(&reader->profile->strings, scratch->bytes,
						 scratch->used, ret_id);
}

static int read_string(struct reader *reader, struct protobuf_field *field)
{
	size_t size = cursor_left(&field->bytes);
	int err = need_message(reader, field);

	if (!err && !reader->string_count && size)
		err = damaged(reader, "the first string is not empty");
	if (!err && size > PROFILE_STRING_MAX)
		err = too_big(reader, "a string is longer than can be held");
	if (!err)
		err = array_reserve(&reader->strings, &reader->strings_size,
				    (size_t)reader->string_count + 1);
	if (err)
		return err;
	err = add_string(reader, (const char *)field->bytes.pos, size,
			 &reader->strings[reader->string_count]);
	if (!err)
		reader->string_count++;
	return err;
}

static int read_value_type(struct reader *reader, struct protobuf_field *field,
			   struct profile_value_type *ret_type)
{
	uint64_t values[VALUE_TYPE_UNIT + 1] = {0};
	int err = need_message(reader, field);

	if (!err)
		err = read_numbers(reader, field->bytes, values, VALUE_TYPE_UNIT, 0);
	if (!err)
		err = find_string(reader, values[VALUE_TYPE_TYPE], &ret_type->type);
	if (!err)
		err = find_string(reader, values[VALUE_TYPE_UNIT], &ret_type->unit);
	return err;
}

static int read_sample_type(struct reader *reader, struct protobuf_field *field)
{
	struct profile *profile = reader->profile;

	if (profile->type_count >= PROFILE_VALUES_MAX)
		return too_big(reader, "more sample types than can be held");
	return read_value_type(reader, field, &profile->types[profile->type_count++]);
}

static int read_period_type(struct reader *reader, struct protobuf_field *field)
{
	return read_value_type(reader, field, &reader->profile->period_type);
}

static int read_mapping(struct reader *reader, struct protobuf_field *field)
{
	uint64_t values[MAPPING_HAS_INLINE_FRAMES + 1] = {0};
	struct profile_mapping mapping = {0};
	uint32_t id; /* its position in the file */
	int err = need_message(reader, field);

	if (!err)
		err = read_numbers(reader, field->bytes, values, MAPPING_HAS_INLINE_FRAMES, 0);
	if (!err)
		err = find_string(reader, values[MAPPING_FILENAME], &mapping.file);
	if (!err)
		err = find_string(reader, values[MAPPING_BUILD_ID], &mapping.build_id);
	if (!err)
		err = id_map_add(reader, &reader->mapping_map, values[MAPPING_ID]);
	if (err)
		return err;

	mapping.start = values[MAPPING_MEMORY_START];
	mapping.limit = values[MAPPING_MEMORY_LIMIT];
	mapping.offset = values[MAPPING_FILE_OFFSET];
	mapping.has_functions = values[MAPPING_HAS_FUNCTIONS];
	mapping.has_filenames = values[MAPPING_HAS_FILENAMES];
	mapping.has_lines = values[MAPPING_HAS_LINE_NUMBERS];
	mapping.has_inlines = values[MAPPING_HAS_INLINE_FRAMES];
	return profile_append_mapping(reader->profile, &mapping, &id);
}

static int name_function(struct reader *reader, struct profile_function *function)
{
	if (!function->name)
		function->name = function->system_name;
	if (function->name)
		return 0;
	return profile_add_string(reader->profile, "[unknown]", &function->name);
}

static int read_function(struct reader *reader, struct protobuf_field *field)
{
	uint64_t values[FUNCTION_START_LINE + 1] = {0};
	struct profile_function function = {0};
	uint32_t position = reader->function_map.count;
	int err = need_message(reader, field);

	if (!err)
		err = read_numbers(reader, field->bytes, values, FUNCTION_START_LINE, 0);
	if (!err)
		err = find_string(reader, values[FUNCTION_NAME], &function.name);
	if (!err)
		err = find_string(reader, values[FUNCTION_SYSTEM_NAME], &function.system_name);
	if (!err)
		err = find_string(reader, values[FUNCTION_FILENAME], &function.file);
	if (!err)
		err = name_function(reader, &function);
	if (!err)
		err = id_map_add(reader, &reader->function_map, values[FUNCTION_ID]);
	if (!err)
		err = array_reserve(&reader->functions, &reader->functions_size,
				    (size_t)position + 1);
	if (err)
		return err;
	function.start_line = (int64_t)values[FUNCTION_START_LINE];
	reader->functions[position] = (struct raw_function){function, HASHMAP_NONE};
	return 0;
}

static int read_header_string(struct reader *reader, struct protobuf_field *field, uint32_t *ret_id)
{
	if (field->wire != WIRE_VARINT)
		return damaged(reader, "a number has the wrong wire type");
	return find_string(reader, field->value, ret_id);
}

static int read_drop_frames(struct reader *reader, struct protobuf_field *field)
{
	return read_header_string(reader, field, &reader->profile->drop_frames);
}

static int read_keep_frames(struct reader *reader, struct protobuf_field *field)
{
	return read_header_string(reader, field, &reader->profile->keep_frames);
}

static int read_default_type(struct reader *reader, struct protobuf_field *field)
{
	return read_header_string(reader, field, &reader->profile->default_type);
}

static int read_doc_url(struct reader *reader, struct protobuf_field *field)
{
	return read_header_string(reader, field, &reader->profile->doc_url);
}

static int read_header_number(struct reader *reader, struct protobuf_field *field,
			      int64_t *ret_value)
{
	if (field->wire != WIRE_VARINT)
		return damaged(reader, "a number has the wrong wire type");
	*ret_value = (int64_t)field->value;
	return 0;
}

/* Go's reader takes the same second time for the sign of two profiles in one file. */
static int read_time(struct reader *reader, struct protobuf_field *field)
{
	if (reader->has_time)
		return damaged(reader, "two profiles, one after the other, in one file");
	reader->has_time = true;
	return read_header_number(reader, field, &reader->profile->time_ns);
}

static int read_duration(struct reader *reader, struct protobuf_field *field)
{
	return read_header_number(reader, field, &reader->profile->duration_ns);
}

static int read_period(struct reader *reader, struct protobuf_field *field)
{
	return read_header_number(reader, field, &reader->profile->period);
}

struct ledger_entry {
	char name[64];
	uint64_t count;
};

/* Takes " name=count" from *text. */
static bool next_entry(const char **text, struct ledger_entry *ret_entry)
{
	const char *name = *text + 1, *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : 0;
	char *end;

	if (**text != ' ' || !length || length >= sizeof(ret_entry->name) ||
	    memchr(name, ' ', length) || equals[1] < '0' || equals[1] > '9')
		return false;
	errno = 0;
	ret_entry->count = strtoull(equals + 1, &end, 10);
	if (errno || (*end && *end != ' '))
		return false;
	memcpy(ret_entry->name, name, length);
	ret_entry->name[length] = '\0';
	*text = end;
	return true;
}

static bool is_ledger(const char *text)
{
	struct ledger_entry entry;

	if (strncmp(text, PPROF_LEDGER, strlen(PPROF_LEDGER)) != 0)
		return false;
	text += strlen(PPROF_LEDGER);
	while (*text)
		if (!next_entry(&text, &entry))
			return false;
	return true;
}

static int add_ledger(struct reader *reader, const char *text)
{
	struct ledger_entry entry;
	int err = 0;

	text += strlen(PPROF_LEDGER);
	while (!err && *text && next_entry(&text, &entry))
		err = profile_ledger_add(reader->profile, entry.name, entry.count);
	return err == -E2BIG ? too_big(reader, "more lines of the ledger than can be held") : err;
}

/* The text is copied: the strings may move while it is read. */
static int add_comment(struct reader *reader, uint32_t id)
{
	_cleanup_free_ char *text = strdup(profile_string(reader->profile, id));

	if (!text)
		return -ENOMEM;
	if (is_ledger(text))
		return add_ledger(reader, text);
	return profile_add_comment(reader->profile, text);
}

static int read_comments(struct reader *reader, struct protobuf_field *field)
{
	uint64_t index;
	uint32_t id;
	int more, err;

	while ((more = protobuf_number(field, &index)) > 0) {
		err = find_string(reader, index, &id);
		if (!err && !reader->is_comment[index])
			err = add_comment(reader, id);
		if (err)
			return err;
		reader->is_comment[index] = true;
	}
	return more < 0 ? damaged(reader, "damaged comment") : 0;
}

static int use_function(struct reader *reader, uint32_t position, uint32_t *ret_id)
{
	struct raw_function *raw = &reader->functions[position];
	int err = 0;

	if (raw->id == HASHMAP_NONE)
		err = profile_append_function(reader->profile, &raw->function, &raw->id);
	if (!err)
		*ret_id = raw->id;
	return err;
}

static int read_line(struct reader *reader, struct protobuf_field *field, struct profile_line *ret)
{
	uint64_t values[LINE_COLUMN + 1] = {0};
	int err = need_message(reader, field);

	if (!err)
		err = read_numbers(reader, field->bytes, values, LINE_COLUMN, 0);
	if (err)
		return err;
	ret->function = id_map_find(&reader->function_map, values[LINE_FUNCTION_ID]);
	if (ret->function == HASHMAP_NONE)
		return damaged(reader, "a line names a function that is not there");
	ret->line = (int64_t)values[LINE_LINE];
	ret->column = (int64_t)values[LINE_COLUMN];
	return 0;
}

/* What another wick may know and this one does not is not told. */
static uint8_t quality_of(const struct protobuf_field *field)
{
	return field->wire == WIRE_VARINT && field->value < PROFILE_QUALITIES
		       ? (uint8_t)field->value
		       : PROFILE_NOT_TOLD;
}

/* Is this the name that pprof_write() gives to a location without lines? */
static bool is_stand_in(const struct reader *reader, const struct profile_location *location,
			uint32_t line_count)
{
	const struct profile_line *line = reader->line;
	const struct profile_function *function = &reader->functions[line->function].function;
	char name[512];

	if (line_count != 1 || line->line || line->column || function->system_name ||
	    function->file || function->start_line)
		return false;
	profile_frame_name(reader->profile, location, 0, name, sizeof(name));
	return !strcmp(name, profile_string(reader->profile, function->name));
}

static int add_location(struct reader *reader, const struct profile_location *location,
			uint32_t line_count)
{
	uint32_t id; /* its position in the file */
	int err = 0;

	if (line_count && is_stand_in(reader, location, line_count))
		line_count = 0;
	for (uint32_t i = 0; !err && i < line_count; i++)
		err = use_function(reader, reader->line[i].function, &reader->line[i].function);
	if (err)
		return err;
	return profile_append_location(reader->profile, location, reader->line, line_count, &id);
}

/* Its lines go to reader->line; their functions are then positions in reader->functions. */
static int read_location(struct reader *reader, struct protobuf_field *field)
{
	uint64_t values[LOCATION_IS_FOLDED + 1] = {0};
	struct profile_location location = {.mapping = PROFILE_NO_MAPPING};
	struct protobuf_field part = {0};
	uint32_t line_count = 0;
	int more, err = need_message(reader, field);

	while (!err && (more = next_field(reader, &field->bytes, &part)) != 0) {
		if (more < 0)
			return more;
		if (part.number == LOCATION_QUALITY)
			location.quality = quality_of(&part);
		else if (part.number == LOCATION_LINE && line_count >= PROFILE_LINES_MAX)
			err = too_big(reader, "more lines in a location than can be held");
		else if (part.number == LOCATION_LINE)
			err = read_line(reader, &part, &reader->line[line_count++]);
		else if (part.number <= LOCATION_IS_FOLDED && part.wire != WIRE_VARINT)
			err = damaged(reader, "a number has the wrong wire type");
		else if (part.number <= LOCATION_IS_FOLDED)
			values[part.number] = part.value;
	}
	if (!err)
		err = id_map_add(reader, &reader->location_map, values[LOCATION_ID]);
	if (err)
		return err;

	if (values[LOCATION_MAPPING_ID]) {
		location.mapping = id_map_find(&reader->mapping_map, values[LOCATION_MAPPING_ID]);
		if (location.mapping == HASHMAP_NONE)
			return damaged(reader, "a location names a mapping that is not there");
	}
	location.address = values[LOCATION_ADDRESS];
	location.is_folded = values[LOCATION_IS_FOLDED];
	return add_location(reader, &location, line_count);
}

static int read_stack(struct reader *reader, const struct protobuf_field *field, uint32_t *depth)
{
	struct protobuf_field numbers = *field; /* a copy can stay in registers */
	uint32_t count = *depth;
	uint64_t id;
	int more;

	while ((more = protobuf_number(&numbers, &id)) > 0) {
		uint32_t position = id_map_find(&reader->location_map, id);

		if (position == HASHMAP_NONE)
			return damaged(reader, "a sample names a location that is not there");
		if (count >= PROFILE_DEPTH_MAX)
			return too_big(reader, "a stack is deeper than can be held");
		reader->stack[count++] = position;
	}
	*depth = count;
	return more < 0 ? damaged(reader, "damaged stack of a sample") : 0;
}

static int read_values(struct reader *reader, struct protobuf_field *field, int64_t *values,
		       uint32_t *count)
{
	uint64_t value;
	int more;

	while ((more = protobuf_number(field, &value)) > 0) {
		if (*count >= reader->profile->type_count)
			return damaged(reader, "a sample has more values than there are types");
		values[(*count)++] = (int64_t)value;
	}
	return more < 0 ? damaged(reader, "damaged value of a sample") : 0;
}

static int read_label(struct reader *reader, struct protobuf_field *field, uint32_t *count)
{
	uint64_t values[LABEL_NUM_UNIT + 1] = {0};
	struct profile_label label = {0};
	int err = need_message(reader, field);

	if (!err)
		err = read_numbers(reader, field->bytes, values, LABEL_NUM_UNIT, 0);
	if (!err)
		err = find_string(reader, values[LABEL_KEY], &label.key);
	if (!err)
		err = find_string(reader, values[LABEL_STR], &label.string);
	if (!err && !label.string) {
		label.number = (int64_t)values[LABEL_NUM];
		err = find_string(reader, values[LABEL_NUM_UNIT], &label.unit);
	}
	if (err)
		return err;
	if (*count >= PROFILE_LABELS_MAX)
		return too_big(reader, "a sample has more labels than can be held");
	reader->label[(*count)++] = label;
	return 0;
}

static bool tail_equals(const void *table, uint32_t position, const void *key)
{
	const struct tail *have = &((const struct reader *)table)->tails[position], *want = key;

	return have->size == want->size && !memcmp(have->bytes, want->bytes, want->size);
}

static int remember_tail(struct reader *reader, const struct tail *tail, uint64_t hash)
{
	int err =
		array_reserve(&reader->tails, &reader->tails_size, (size_t)reader->tail_count + 1);

	if (!err)
		err = hashmap_add(&reader->tail_index, hash, reader->tail_count);
	if (!err)
		reader->tails[reader->tail_count++] = *tail;
	return err;
}

/* What of a sample stands in front of its labels, or between them. */
struct sample_parts {
	int64_t values[PROFILE_VALUES_MAX];
	uint32_t depth, value_count, label_count;
	bool is_mixed; /* something else stands behind the first label */
};

static int read_part(struct reader *reader, struct protobuf_field *part, struct sample_parts *parts)
{
	if (part->number == SAMPLE_LABEL)
		return read_label(reader, part, &parts->label_count);
	parts->is_mixed = parts->label_count;
	if (part->number == SAMPLE_LOCATION_ID)
		return read_stack(reader, part, &parts->depth);
	if (part->number == SAMPLE_VALUE)
		return read_values(reader, part, parts->values, &parts->value_count);
	return 0;
}

/* The labels of a message that goes on at its first one; also what is mixed with them. */
static int read_labels(struct reader *reader, struct cursor message, struct sample_parts *parts,
		       uint32_t *ret_set)
{
	struct tail tail = {message.pos, cursor_left(&message), 0};
	uint64_t hash = hash_bytes(tail.bytes, tail.size);
	uint32_t known = hashmap_find(&reader->tail_index, hash, tail_equals, reader, &tail);
	struct protobuf_field part = {0};
	int more, err = 0;

	if (known != HASHMAP_NONE) {
		*ret_set = reader->tails[known].label_set;
		return 0;
	}
	while (!err && (more = next_field(reader, &message, &part)) != 0)
		err = more < 0 ? more : read_part(reader, &part, parts);
	if (!err)
		err = profile_append_label_set(reader->profile, reader->label, parts->label_count,
					       &tail.label_set);
	if (!err && !parts->is_mixed)
		err = remember_tail(reader, &tail, hash);
	*ret_set = tail.label_set;
	return err;
}

static int read_sample(struct reader *reader, struct protobuf_field *field)
{
	struct cursor message = field->bytes, rest = message;
	struct sample_parts parts = {0};
	struct protobuf_field part = {0};
	uint32_t label_set = 0;
	int more, err = need_message(reader, field);

	for (; !err && (more = next_field(reader, &message, &part)) != 0; rest = message) {
		if (more < 0)
			return more;
		if (part.number == SAMPLE_LABEL) {
			err = read_labels(reader, rest, &parts, &label_set);
			break;
		}
		err = read_part(reader, &part, &parts);
	}
	if (err)
		return err;
	if (parts.value_count != reader->profile->type_count)
		return damaged(reader, "a sample has fewer values than there are types");
	return profile_append_sample(reader->profile, reader->stack, parts.depth, label_set,
				     parts.values);
}

static int check_types(struct reader *reader)
{
	return reader->profile->type_count ? 0 : damaged(reader, "no sample types");
}

static int read_all(struct reader *reader)
{
	static const struct {
		uint32_t number;
		field_handler handle;
	} kinds[] = {
		{PROFILE_SAMPLE_TYPE, read_sample_type},
		{PROFILE_MAPPING, read_mapping},
		{PROFILE_FUNCTION, read_function},
		{PROFILE_DROP_FRAMES, read_drop_frames},
		{PROFILE_KEEP_FRAMES, read_keep_frames},
		{PROFILE_TIME_NANOS, read_time},
		{PROFILE_DURATION_NANOS, read_duration},
		{PROFILE_PERIOD_TYPE, read_period_type},
		{PROFILE_PERIOD, read_period},
		{PROFILE_COMMENT, read_comments},
		{PROFILE_DEFAULT_SAMPLE_TYPE, read_default_type},
		{PROFILE_DOC_URL, read_doc_url},
		{PROFILE_LOCATION, read_location},
		{PROFILE_SAMPLE, read_sample},
	};
	int err = find_spans(reader);

	if (!err)
		err = walk(reader, PROFILE_STRING_TABLE, read_string);
	reader->is_comment = calloc((size_t)reader->string_count + 1, sizeof(*reader->is_comment));
	if (!err && !reader->is_comment)
		err = -ENOMEM;
	for (size_t i = 0; !err && i < ARRAY_SIZE(kinds); i++) {
		err = walk(reader, kinds[i].number, kinds[i].handle);
		if (!err && kinds[i].number == PROFILE_SAMPLE_TYPE)
			err = check_types(reader);
	}
	return err;
}

int pprof_read_flat(const void *bytes, size_t size, struct profile **ret_profile,
		    const char **ret_why)
{
	_cleanup_(reader_freep) struct reader *reader = calloc(1, sizeof(*reader));
	int err = reader ? profile_new(&reader->profile) : -ENOMEM;

	if (!err) {
		reader->file = cursor_of(bytes, size);
		reader->start = bytes;
		err = read_all(reader);
	}
	if (err) {
		*ret_why = reader && reader->why ? reader->why : "out of memory";
		return err;
	}
	*ret_profile = TAKE_PTR(reader->profile);
	return 0;
}

static bool is_known(uint32_t number, enum protobuf_wire wire)
{
	if (!number || number > PROFILE_DOC_URL)
		return false;
	if (number == PROFILE_COMMENT && wire == WIRE_BYTES)
		return true;
	return wire == (number <= PROFILE_STRING_TABLE || number == PROFILE_PERIOD_TYPE
				? WIRE_BYTES
				: WIRE_VARINT);
}

/* Text has no control characters; a profile has them from its second byte on, the lengths of its
 * small messages. So a file that merely begins like a field is not taken for one. */
static bool has_control(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size && i < 64; i++)
		if (bytes[i] < 0x20 && bytes[i] != '\n' && bytes[i] != '\r' && bytes[i] != '\t')
			return true;
	return false;
}

bool pprof_probe(const void *bytes, size_t size)
{
	struct cursor c = cursor_of(bytes, size);
	struct protobuf_field field = {0};

	if (!has_control(bytes, size))
		return false;
	for (unsigned int i = 0; i < 8 && cursor_left(&c); i++) {
		uint8_t tag = *c.pos;

		/* A field that is cut short may well be one. */
		if (!protobuf_next(&c, &field))
			return is_known(tag >> 3, tag & 7);
		if (!is_known(field.number, field.wire))
			return false;
	}
	return true;
}
