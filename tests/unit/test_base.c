/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/hashmap.h"
#include "base/quote.h"
#include "base/strtab.h"
#include "tests/test.h"

static bool same_number(const void *table, uint32_t position, const void *key)
{
	return ((const uint64_t *)table)[position] == *(const uint64_t *)key;
}

/* Few distinct hashes, so that runs of collisions are long. */
static uint64_t poor_hash(uint64_t key)
{
	return key % 7;
}

TEST(hashmap_finds_what_is_left_after_removals_in_a_run_of_collisions)
{
	struct hashmap map = {0};
	uint64_t keys[200];

	for (uint32_t i = 0; i < ARRAY_SIZE(keys); i++) {
		keys[i] = i * 3;
		CHECK_INT(hashmap_add(&map, poor_hash(keys[i]), i), 0);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(keys); i += 2)
		hashmap_remove(&map, poor_hash(keys[i]), i);
	for (uint32_t i = 0; i < ARRAY_SIZE(keys); i++) {
		uint32_t at = hashmap_find(&map, poor_hash(keys[i]), same_number, keys, &keys[i]);

		CHECK_INT(at, i % 2 ? i : HASHMAP_NONE);
	}
	hashmap_move(&map, poor_hash(keys[1]), 1, 0);
	keys[0] = keys[1];
	CHECK_INT(hashmap_find(&map, poor_hash(keys[0]), same_number, keys, &keys[0]), 0);
	hashmap_release(&map);
}

TEST(strtab_gives_equal_strings_equal_ids_and_the_empty_string_id_0)
{
	struct strtab tab = {0};
	uint32_t a, b, c, empty;

	CHECK_INT(strtab_add(&tab, "main", &a), 0);
	CHECK_INT(strtab_add_n(&tab, "mainly", 4, &b), 0);
	CHECK_INT(strtab_add(&tab, "mainly", &c), 0);
	CHECK_INT(strtab_add(&tab, NULL, &empty), 0);
	CHECK_INT(a, 1);
	CHECK_INT(b, a);
	CHECK_INT(c, 2);
	CHECK_INT(empty, 0);
	CHECK_STR(strtab_get(&tab, c), "mainly");
	CHECK_STR(strtab_get(&tab, 99), "");
	CHECK_INT(strtab_length(&tab, a), 4);
	CHECK_INT(strtab_length(&tab, c), 6);
	CHECK_INT(strtab_length(&tab, empty), 0);
	CHECK_INT(strtab_length(&tab, 99), 0);
	strtab_release(&tab);
}

TEST(cursor_refuses_to_read_past_the_end_and_does_not_move)
{
	static const uint8_t bytes[] = {1, 2, 3};
	struct cursor c = cursor_of(bytes, sizeof(bytes));
	uint32_t value = 7;

	CHECK(!cursor_u32(&c, &value));
	CHECK_INT(value, 7);
	CHECK_INT(cursor_left(&c), 3);
	CHECK(!cursor_skip(&c, UINT64_MAX));
	CHECK_INT(cursor_left(&c), 3);
}

TEST(cursor_reads_the_widest_leb128_and_refuses_wider_ones)
{
	static const uint8_t widest[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 1};
	static const uint8_t wider[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 2};
	static const uint8_t cut[] = {128, 128};
	struct cursor c = cursor_of(widest, sizeof(widest));
	uint64_t value = 0;

	CHECK(cursor_uleb128(&c, &value));
	CHECK(value == UINT64_MAX);
	c = cursor_of(wider, sizeof(wider));
	CHECK(!cursor_uleb128(&c, &value));
	c = cursor_of(cut, sizeof(cut));
	CHECK(!cursor_uleb128(&c, &value));
}

TEST(cursor_reads_signed_leb128)
{
	static const struct {
		const char *bytes;
		size_t size;
		int64_t value;
	} cases[] = {
		{"\x02", 1, 2},
		{"\x7e", 1, -2},
		{"\xff\x00", 2, 127},
		{"\x81\x7f", 2, -127},
		{"\x80\x7f", 2, -128},
		{"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f", 10, INT64_MIN},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00", 10, INT64_MAX},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 9, -1},
		{"\x80\x80\x80\x80\x80\x80\x80\x80\x40", 9, INT64_MIN / 2},
	};
	static const uint8_t wider[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 1};
	struct cursor c;
	int64_t value = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		c = cursor_of(cases[i].bytes, cases[i].size);
		CHECK(cursor_sleb128(&c, &value));
		CHECK_INT(value, cases[i].value);
		CHECK_INT(cursor_left(&c), 0);
	}
	c = cursor_of(wider, sizeof(wider));
	CHECK(!cursor_sleb128(&c, &value));
	c = cursor_of(wider, 4);
	CHECK(!cursor_sleb128(&c, &value));
	CHECK_INT(cursor_left(&c), 4);
}

TEST(cursor_refuses_a_string_without_its_terminator)
{
	struct cursor c = cursor_of("ab\0cd", 5);
	const char *string;

	CHECK(cursor_cstr(&c, &string));
	CHECK_STR(string, "ab");
	CHECK(!cursor_cstr(&c, &string));
}

TEST(quote_makes_control_bytes_and_broken_utf8_harmless)
{
	char out[64];

	CHECK_STR(quote(out, sizeof(out), "a\x1b[31m\n"), "a\\x1b[31m\\x0a");
	CHECK_STR(quote(out, sizeof(out), "gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
	CHECK_STR(quote(out, sizeof(out), "\xc0\x80\xff"), "\\xc0\\x80\\xff");
	CHECK_STR(quote(out, sizeof(out), "\xc2\x9b"), "\\xc2\\x9b");
	CHECK_STR(quote(out, 8, "0123456789"), "0123...");
}

TEST(buf_keeps_what_was_appended)
{
	struct buf buf = {0};

	buf_add_str(&buf, "a");
	buf_printf(&buf, "%d-%s", 12, "b");
	buf_add_varint(&buf, 300);
	CHECK_INT(buf_error(&buf), 0);
	CHECK_INT(buf.used, 7);
	CHECK(!memcmp(buf.bytes, "a12-b\xac\x02", 7));
	buf_release(&buf);
}

TEST_MAIN()
