/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "formats/pprof.h"
#include "formats/pprof_fields.h"
#include "formats/protobuf.h"
#include "tests/test.h"
#include "tests/unit/sample_profile.h"

#include <errno.h>

/* The bytes stand at the end of their own allocation, so that a read past them is seen. */
static int read_copy(const void *bytes, size_t size, struct profile **ret_profile,
		     const char **ret_why)
{
	_cleanup_free_ uint8_t *copy = malloc(size + !size);
	int err;

	if (size)
		memcpy(copy, bytes, size);
	err = pprof_read_flat(copy, size, ret_profile, ret_why);
	if (!err)
		CHECK(!profile_settle(*ret_profile));
	return err;
}

static struct profile *read_buf(const struct buf *buf)
{
	struct profile *profile = NULL;
	const char *why = "";

	if (read_copy(buf->bytes, buf->used, &profile, &why))
		TEST_FAIL("not read: %s", why);
	return profile;
}

static void add_strings(struct buf *buf, const char *const *strings)
{
	for (; *strings; strings++)
		protobuf_add_bytes(buf, 6, *strings, strlen(*strings));
}

/* Strings 0 to 3, one sample type. */
static void add_start(struct buf *buf)
{
	static const char *const strings[] = {"", "samples", "count", "f", NULL};
	size_t mark = protobuf_begin(buf, 1);

	protobuf_add_number(buf, 1, 1);
	protobuf_add_number(buf, 2, 2);
	protobuf_end(buf, mark);
	add_strings(buf, strings);
}

static void add_function(struct buf *buf, uint64_t id, uint64_t name)
{
	size_t mark = protobuf_begin(buf, 5);

	protobuf_add_number(buf, 1, id);
	protobuf_add_number(buf, 2, name);
	protobuf_end(buf, mark);
}

static void add_location(struct buf *buf, uint64_t id, uint64_t mapping, uint64_t function)
{
	size_t mark = protobuf_begin(buf, 4), line;

	protobuf_add_number(buf, 1, id);
	protobuf_add_number(buf, 2, mapping);
	line = protobuf_begin(buf, 4);
	protobuf_add_number(buf, 1, function);
	protobuf_end(buf, line);
	protobuf_end(buf, mark);
}

/* Not packed: one field a number. */
static void add_sample(struct buf *buf, uint64_t location, uint64_t value)
{
	size_t mark = protobuf_begin(buf, 2);

	protobuf_add_number(buf, 1, location);
	protobuf_add_number(buf, 2, value);
	protobuf_end(buf, mark);
}

static void check_refused(const struct buf *buf, int want, const char *want_why)
{
	struct profile *profile = NULL;
	const char *why = NULL;

	CHECK_INT(read_copy(buf->bytes, buf->used, &profile, &why), want);
	CHECK_STR(why, want_why);
	CHECK(!profile);
	profile_free(profile);
}

TEST(a_profile_written_and_read_is_written_the_same_again)
{
	_cleanup_(profile_freep) struct profile *profile = sample_profile(), *again = NULL;
	_cleanup_(buf_release) struct buf first = {0}, second = {0};

	profile_sort(profile);
	CHECK_INT(pprof_write(profile, &first), 0);
	again = read_buf(&first);
	if (!again)
		return;
	CHECK_INT(again->sample_count, 4);
	CHECK_INT(again->function_count, profile->function_count);
	CHECK_INT(again->locations[3].line_count, 0);
	CHECK_INT(profile_total(again, 1), profile_total(profile, 1));
	CHECK_INT(profile_ledger_get(again, "dropped.ring_full"), 2);
	CHECK_INT(again->ledger_count, 5);
	CHECK_INT(again->comment_count, 1);
	CHECK_INT(again->time_ns, profile->time_ns);
	CHECK_INT(again->period, 10101010);
	CHECK_STR(profile_string(again, again->default_type), "cpu");
	CHECK(again->mappings[0].has_lines);
	CHECK(!again->mappings[0].has_filenames);

	CHECK_INT(pprof_write(again, &second), 0);
	CHECK_INT(second.used, first.used);
	CHECK(second.used == first.used && !memcmp(first.bytes, second.bytes, first.used));
}

TEST(where_a_name_is_from_travels_with_its_location)
{
	_cleanup_(profile_freep) struct profile *profile = sample_profile(), *again = NULL,
						*sum = NULL;
	_cleanup_(buf_release) struct buf buf = {0};

	for (uint32_t i = 0; i < profile->location_count; i++)
		profile->locations[i].quality = (uint8_t)(i % PROFILE_QUALITIES);
	CHECK_INT(pprof_write(profile, &buf), 0);
	again = read_buf(&buf);
	CHECK(again && again->location_count == profile->location_count);
	for (uint32_t i = 0; again && i < again->location_count; i++) {
		CHECK_INT(again->locations[i].quality, profile->locations[i].quality);
		again->locations[i].quality = PROFILE_NOT_TOLD;
	}
	if (!again)
		return;
	/* Added up, the better word counts, whichever comes first. */
	CHECK_INT(profile_new(&sum), 0);
	CHECK_INT(profile_merge(sum, again), 0);
	CHECK_INT(profile_merge(sum, profile), 0);
	CHECK_INT(profile_merge(sum, again), 0);
	CHECK_INT(sum->location_count, profile->location_count);
	for (uint32_t i = 0, told = 0; i < sum->location_count; i++) {
		told += sum->locations[i].quality != PROFILE_NOT_TOLD;
		CHECK(i + 1 < sum->location_count || told + 1 == sum->location_count);
	}
}

TEST(a_word_on_names_that_is_not_known_is_none)
{
	static const struct {
		uint64_t number;
		bool is_text;
		uint8_t quality;
	} cases[] = {{PROFILE_LINE, false, PROFILE_LINE},
		     {PROFILE_QUALITIES, false, PROFILE_NOT_TOLD},
		     {UINT64_MAX, false, PROFILE_NOT_TOLD},
		     {0, true, PROFILE_NOT_TOLD}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(profile_freep) struct profile *profile = NULL;
		_cleanup_(buf_release) struct buf buf = {0};
		size_t mark;

		add_start(&buf);
		add_function(&buf, 1, 3);
		mark = protobuf_begin(&buf, PROFILE_LOCATION);
		protobuf_add_number(&buf, LOCATION_ID, 1);
		if (cases[i].is_text)
			protobuf_add_bytes(&buf, LOCATION_QUALITY, "line", 4);
		else
			protobuf_add_number(&buf, LOCATION_QUALITY, cases[i].number);
		protobuf_end(&buf, mark);
		add_sample(&buf, 1, 1);
		profile = read_buf(&buf);
		CHECK(profile && profile->location_count == 1);
		if (profile)
			CHECK_INT(profile->locations[0].quality, cases[i].quality);
	}
}

TEST(every_truncation_is_refused_or_read_as_less)
{
	_cleanup_(profile_freep) struct profile *profile = sample_profile();
	_cleanup_(buf_release) struct buf buf = {0};
	unsigned int refused = 0;

	CHECK_INT(pprof_write(profile, &buf), 0);
	for (size_t size = 0; size < buf.used; size++) {
		_cleanup_(profile_freep) struct profile *part = NULL;
		const char *why = NULL;

		if (read_copy(buf.bytes, size, &part, &why)) {
			refused++;
			CHECK(why && *why);
		} else {
			CHECK_INT(part->sample_count, 4);
		}
	}
	CHECK(refused > buf.used / 2);
}

TEST(every_flipped_bit_is_refused_or_read)
{
	_cleanup_(profile_freep) struct profile *profile = sample_profile();
	_cleanup_(buf_release) struct buf buf = {0};

	CHECK_INT(pprof_write(profile, &buf), 0);
	for (size_t bit = 0; bit < buf.used * 8; bit++) {
		_cleanup_(profile_freep) struct profile *part = NULL;
		const char *why = NULL;

		buf.bytes[bit / 8] ^= (char)(1 << bit % 8);
		if (read_copy(buf.bytes, buf.used, &part, &why))
			CHECK(why && *why);
		buf.bytes[bit / 8] ^= (char)(1 << bit % 8);
	}
}

TEST(sparse_ids_unknown_fields_and_unpacked_numbers_are_read)
{
	_cleanup_(buf_release) struct buf buf = {0};
	_cleanup_(profile_freep) struct profile *profile = NULL;
	char name[16];

	add_sample(&buf, UINT64_MAX, 5);
	add_location(&buf, UINT64_MAX, 0, 1ull << 40);
	protobuf_add_number(&buf, 500, 1);
	protobuf_add_bytes(&buf, 501, "later", 5);
	buf_add(&buf, "\xa5\x1f\0\0\0\0", 6);	       /* field 500, 32 bits */
	buf_add(&buf, "\xa1\x1f\0\0\0\0\0\0\0\0", 10); /* field 500, 64 bits */
	add_start(&buf);
	add_function(&buf, 1ull << 40, 3);
	profile = read_buf(&buf);
	if (!profile)
		return;
	CHECK_INT(profile_total(profile, 0), 5);
	CHECK_INT(profile->samples[0].location_count, 1);
	CHECK_INT(profile->locations[0].mapping, PROFILE_NO_MAPPING);
	CHECK_STR(profile_frame_name(profile, &profile->locations[0], 0, name, sizeof(name)), "f");
}

TEST(text_that_is_not_utf8_is_read_and_written_with_replacement_characters)
{
	_cleanup_(buf_release) struct buf buf = {0}, out = {0};
	_cleanup_(profile_freep) struct profile *profile = NULL;

	add_start(&buf);
	protobuf_add_bytes(&buf, 6, "a\xff\0b", 4);
	add_function(&buf, 1, 4);
	add_location(&buf, 1, 0, 1);
	add_sample(&buf, 1, 1);
	profile = read_buf(&buf);
	if (!profile)
		return;
	CHECK_STR(profile_string(profile, profile->functions[0].name), "a\xef\xbf\xbd\xef\xbf\xbd"
								       "b");
	profile_add_string(profile, "\xc3(", &profile->functions[0].name);
	CHECK_INT(pprof_write(profile, &out), 0);
	CHECK(memmem(out.bytes, out.used, "\xef\xbf\xbd(", 4));
	CHECK(!memmem(out.bytes, out.used, "\xc3(", 2));
}

TEST(a_location_without_lines_is_written_with_a_function_named_after_its_address)
{
	_cleanup_(profile_freep) struct profile *profile = sample_profile();
	_cleanup_(buf_release) struct buf buf = {0};

	CHECK_INT(pprof_write(profile, &buf), 0);
	CHECK(memmem(buf.bytes, buf.used, "libc.so.6+0x1234", 16));
	CHECK(memmem(buf.bytes, buf.used, "wick-ledger: taken=12 written=10 dropped.ring_full=2",
		     52));
}

TEST(strings_that_nothing_uses_are_not_written)
{
	_cleanup_(profile_freep) struct profile *profile = sample_profile();
	_cleanup_(buf_release) struct buf buf = {0};

	profile_add_string(profile, "nobody's", &(uint32_t){0});
	CHECK_INT(pprof_write(profile, &buf), 0);
	CHECK(!memmem(buf.bytes, buf.used, "nobody's", 8));
}

TEST(a_comment_counts_once_however_often_it_is_named)
{
	static const char *const comments[] = {"host: a", "wick-ledger: taken=5", NULL};
	_cleanup_(buf_release) struct buf buf = {0};
	_cleanup_(profile_freep) struct profile *profile = NULL;
	size_t mark;

	add_start(&buf);
	add_strings(&buf, comments);
	mark = protobuf_begin(&buf, 13);
	for (int i = 0; i < 1000; i++)
		buf_add_varint(&buf, 4 + i % 2);
	protobuf_end(&buf, mark);
	profile = read_buf(&buf);
	if (!profile)
		return;
	CHECK_INT(profile->comment_count, 1);
	CHECK_INT(profile_ledger_get(profile, "taken"), 5);
}

TEST(a_comment_that_only_looks_like_a_ledger_stays_a_comment)
{
	static const char *const comments[] = {
		"wick-ledger: taken",	 "wick-ledger: =5",
		"wick-ledger: taken=-5", "wick-ledger: a=99999999999999999999999",
		"wick-ledger:taken=5",	 "wick-ledger: a b=5",
	};

	for (size_t i = 0; i < ARRAY_SIZE(comments); i++) {
		_cleanup_(buf_release) struct buf buf = {0};
		_cleanup_(profile_freep) struct profile *profile = NULL;

		add_start(&buf);
		protobuf_add_bytes(&buf, 6, comments[i], strlen(comments[i]));
		protobuf_add_number(&buf, 13, 4);
		profile = read_buf(&buf);
		if (!profile)
			continue;
		CHECK_INT(profile->ledger_count, 0);
		CHECK_INT(profile->comment_count, 1);
		CHECK_STR(profile_string(profile, profile->comments[0]), comments[i]);
	}
}

TEST(what_is_not_there_is_refused_with_its_reason)
{
	static const struct {
		uint64_t sample, location, mapping, line, function, name;
		const char *why;
	} cases[] = {
		{2, 1, 0, 1, 1, 3, "a sample names a location that is not there"},
		{0, 0, 0, 1, 1, 3, "an element has the id 0"},
		{1, 1, 9, 1, 1, 3, "a location names a mapping that is not there"},
		{1, 1, 0, 2, 1, 3, "a line names a function that is not there"},
		{1, 1, 0, 0, 1, 3, "a line names a function that is not there"},
		{1, 1, 0, 1, 1, 4, "string index out of range"},
		{1, 1, 0, 1, 1, UINT64_MAX, "string index out of range"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_release) struct buf buf = {0};

		add_start(&buf);
		add_function(&buf, cases[i].function, cases[i].name);
		add_location(&buf, cases[i].location, cases[i].mapping, cases[i].line);
		add_sample(&buf, cases[i].sample, 1);
		check_refused(&buf, -EBADMSG, cases[i].why);
	}
}

TEST(damage_is_refused_with_its_reason)
{
	_cleanup_(buf_release) struct buf buf = {0};

	check_refused(&buf, -EBADMSG, "no sample types");
	add_start(&buf);
	add_sample(&buf, 0, 0);
	check_refused(&buf, -EBADMSG, "a sample has fewer values than there are types");

	buf_clear(&buf);
	add_start(&buf);
	add_function(&buf, 7, 3);
	add_function(&buf, 7, 3);
	check_refused(&buf, -EBADMSG, "two elements have the same id");

	buf_clear(&buf);
	add_start(&buf);
	protobuf_add_number(&buf, 9, 100);
	protobuf_add_number(&buf, 9, 200);
	check_refused(&buf, -EBADMSG, "two profiles, one after the other, in one file");

	buf_clear(&buf);
	protobuf_add_bytes(&buf, 6, "x", 1);
	check_refused(&buf, -EBADMSG, "the first string is not empty");

	buf_clear(&buf);
	add_start(&buf);
	buf_add(&buf, "\x22\x7f", 2);
	check_refused(&buf, -EBADMSG, "cut short or damaged at byte 27");

	buf_clear(&buf);
	add_start(&buf);
	protobuf_add_bytes(&buf, 9, "", 0);
	check_refused(&buf, -EBADMSG, "a number has the wrong wire type");
}

TEST(what_is_past_a_cap_is_refused_with_its_reason)
{
	_cleanup_(buf_release) struct buf buf = {0};
	size_t mark, packed;

	for (int i = 0; i <= PROFILE_VALUES_MAX; i++)
		add_start(&buf);
	check_refused(&buf, -EFBIG, "more sample types than can be held");

	buf_clear(&buf);
	add_start(&buf);
	add_function(&buf, 1, 3);
	add_location(&buf, 1, 0, 1);
	mark = protobuf_begin(&buf, 2);
	packed = protobuf_begin(&buf, 1);
	for (int i = 0; i <= PROFILE_DEPTH_MAX; i++)
		buf_add_varint(&buf, 1);
	protobuf_end(&buf, packed);
	protobuf_end(&buf, mark);
	check_refused(&buf, -EFBIG, "a stack is deeper than can be held");

	buf_clear(&buf);
	add_start(&buf);
	mark = protobuf_begin(&buf, 2);
	for (int i = 0; i <= PROFILE_LABELS_MAX; i++)
		protobuf_add_bytes(&buf, 3, "\x08\x01\x10\x02", 4);
	protobuf_end(&buf, mark);
	check_refused(&buf, -EFBIG, "a sample has more labels than can be held");

	buf_clear(&buf);
	add_start(&buf);
	mark = protobuf_begin(&buf, 6);
	for (int i = 0; i <= PROFILE_STRING_MAX; i++)
		buf_add_char(&buf, 'x');
	protobuf_end(&buf, mark);
	check_refused(&buf, -EFBIG, "a string is longer than can be held");
}

TEST(text_is_not_taken_for_pprof)
{
	static const char *const texts[] = {
		"",	   "main;work 5\n", "\nmain 5\n", "Hello;world 1\n", "\"quoted\" 1\n",
		"2;x 1\n", "PZ;jhx 4\n",    "<html>",	  "{\"a\": 1}",
	};
	_cleanup_(profile_freep) struct profile *profile = sample_profile();
	_cleanup_(buf_release) struct buf buf = {0};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (pprof_probe(texts[i], strlen(texts[i])))
			TEST_FAIL("taken for pprof: %s", texts[i]);
	CHECK(!pprof_probe("\x7f"
			   "ELF\2\1\1\0\0\0\0",
			   11));
	CHECK_INT(pprof_write(profile, &buf), 0);
	for (size_t size = 3; size <= buf.used; size++)
		if (!pprof_probe(buf.bytes, size))
			TEST_FAIL("not taken for pprof: the first %zu bytes", size);
}

TEST(length_prefixes_of_any_size_are_written_right)
{
	static const size_t sizes[] = {0, 1, 127, 128, 16383, 16384, 2097152};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_(buf_release) struct buf buf = {0};
		struct protobuf_field field;
		struct cursor c;
		size_t outer, inner;

		outer = protobuf_begin(&buf, 3);
		inner = protobuf_begin(&buf, 4);
		for (size_t j = 0; j < sizes[i]; j++)
			buf_add_char(&buf, (char)j);
		protobuf_end(&buf, inner);
		protobuf_end(&buf, outer);
		c = cursor_of(buf.bytes, buf.used);
		CHECK(protobuf_next(&c, &field));
		CHECK_INT(field.number, 3);
		CHECK_INT(cursor_left(&c), 0);
		c = field.bytes;
		CHECK(protobuf_next(&c, &field));
		CHECK_INT(field.number, 4);
		CHECK_INT(cursor_left(&field.bytes), sizes[i]);
		for (size_t j = 0; j < sizes[i]; j += 1021)
			CHECK_INT(field.bytes.pos[j], j & 0xff);
	}
}

TEST_MAIN()
