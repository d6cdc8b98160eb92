/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "formats/packing.h"
#include "tests/test.h"

#include <errno.h>

struct packing {
	const char *name;
	int (*pack)(const void *bytes, size_t size, struct buf *out);
	int (*unpack)(const void *bytes, size_t size, size_t max, struct buf *out,
		      const char **ret_why);
	bool (*probe)(const void *bytes, size_t size);
};

static const struct packing packings[] = {
	{"gzip", gzip_pack, gzip_unpack, gzip_probe},
	{"zstd", zstd_pack, zstd_unpack, zstd_probe},
};

#define for_each_packing(p)                                                                        \
	for (const struct packing *p = packings; p < packings + ARRAY_SIZE(packings); p++)

/* From a copy that ends where the bytes end, so that a read past them is seen. */
static int unpack(const struct packing *p, const struct buf *packed, size_t size, size_t max,
		  struct buf *out, const char **ret_why)
{
	_cleanup_free_ char *copy = malloc(size + !size);

	if (size)
		memcpy(copy, packed->bytes, size);
	return p->unpack(copy, size, max, out, ret_why);
}

static void add_text(struct buf *text, size_t lines)
{
	for (size_t i = 0; i < lines; i++)
		buf_printf(text, "main;work;step_%zu %zu\n", i * 7919 % 1000, i);
}

TEST(what_is_packed_unpacks_to_the_same)
{
	for_each_packing(p)
	{
		for (size_t lines = 0; lines < 20000; lines = lines * 7 + 1) {
			_cleanup_(buf_release) struct buf text = {0}, packed = {0}, again = {0};
			const char *why = "";

			add_text(&text, lines);
			CHECK_INT(p->pack(text.bytes, text.used, &packed), 0);
			CHECK(p->probe(packed.bytes, packed.used));
			if (unpack(p, &packed, packed.used, text.used, &again, &why))
				TEST_FAIL("%s: %s", p->name, why);
			CHECK_INT(again.used, text.used);
			CHECK(!text.used || !memcmp(again.bytes, text.bytes, text.used));
		}
	}
}

TEST(several_members_one_after_the_other_are_one_text)
{
	for_each_packing(p)
	{
		_cleanup_(buf_release) struct buf packed = {0}, text = {0};
		const char *why = "";

		p->pack("abc", 3, &packed);
		p->pack("", 0, &packed);
		p->pack("def", 3, &packed);
		if (unpack(p, &packed, packed.used, 100, &text, &why))
			TEST_FAIL("%s: %s", p->name, why);
		CHECK_STR(buf_cstr(&text), "abcdef");
	}
}

TEST(every_truncation_is_refused)
{
	for_each_packing(p)
	{
		_cleanup_(buf_release) struct buf text = {0}, packed = {0};

		add_text(&text, 300);
		p->pack(text.bytes, text.used, &packed);
		for (size_t size = 0; size < packed.used; size++) {
			_cleanup_(buf_release) struct buf part = {0};
			const char *why = NULL;

			CHECK_INT(unpack(p, &packed, size, 1 << 20, &part, &why), -EBADMSG);
			CHECK(why && strstr(why, "cut short"));
		}
	}
}

TEST(damage_is_found_by_the_checksum)
{
	for_each_packing(p)
	{
		_cleanup_(buf_release) struct buf text = {0}, packed = {0}, part = {0};
		const char *why = "";

		add_text(&text, 300);
		p->pack(text.bytes, text.used, &packed);
		packed.bytes[packed.used / 2] ^= 0x10;
		CHECK_INT(unpack(p, &packed, packed.used, 1 << 20, &part, &why), -EBADMSG);
		CHECK(strstr(why, "damaged before byte"));
	}
}

TEST(something_else_behind_the_end_is_refused)
{
	_cleanup_(buf_release) struct buf packed = {0}, part = {0};
	char want[64];
	const char *why = "";

	gzip_pack("abc", 3, &packed);
	snprintf(want, sizeof(want), "something else follows the gzip data at byte %zu",
		 packed.used);
	buf_add_str(&packed, "junk");
	CHECK_INT(unpack(&packings[0], &packed, packed.used, 100, &part, &why), -EBADMSG);
	CHECK_STR(why, want);
	buf_clear(&packed);
	zstd_pack("abc", 3, &packed);
	buf_add_str(&packed, "junk");
	CHECK_INT(unpack(&packings[1], &packed, packed.used, 100, &part, &why), -EBADMSG);
}

TEST(more_than_the_limit_is_refused_and_the_limit_itself_is_not)
{
	for_each_packing(p)
	{
		_cleanup_(buf_release) struct buf zeros = {0}, packed = {0}, part = {0};
		const char *why = "";
		size_t size = 5 << 20;

		buf_reserve(&zeros, size);
		memset(zeros.bytes, 0, size);
		p->pack(zeros.bytes, size, &packed);
		CHECK(packed.used < size / 100);
		CHECK_INT(unpack(p, &packed, packed.used, size, &part, &why), 0);
		CHECK_INT(part.used, size);
		buf_clear(&part);
		CHECK_INT(unpack(p, &packed, packed.used, size - 1, &part, &why), -EFBIG);
		CHECK_STR(why, "unpacks to more than 5242879 bytes");
		buf_clear(&part);
		CHECK_INT(unpack(p, &packed, packed.used, 1000, &part, &why), -EFBIG);
		/* The bomb is not unpacked first: no more is taken than one byte past the limit. */
		CHECK_INT(part.used, 1001);
	}
}

TEST(a_zstd_window_past_the_limit_is_refused)
{
	/* Frame header (RFC 8878 3.1.1): no size, window descriptor 0x90 = 2^28 bytes. */
	static const char frame[] = "\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00";
	_cleanup_(buf_release) struct buf part = {0};
	const char *why = "";

	CHECK_INT(zstd_unpack(frame, sizeof(frame) - 1, 100, &part, &why), -EFBIG);
	CHECK_STR(why, "a zstd window of more than 128 MB");
}

TEST(gzip_is_one_member_that_says_nothing_about_the_machine)
{
	_cleanup_(buf_release) struct buf packed = {0};

	gzip_pack("abc", 3, &packed);
	CHECK(!memcmp(packed.bytes, "\x1f\x8b\x08\x00\x00\x00\x00\x00", 8));
}

TEST_MAIN()
