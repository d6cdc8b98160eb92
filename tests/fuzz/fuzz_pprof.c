/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes: refused with a reason, or read into a profile that survives being written and read. */
#include "base/cleanup.h"
#include "formats/codec.h"

#include <errno.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* No assert(): it would vanish with NDEBUG. */
static void must(bool claim)
{
	if (!claim)
		abort();
}

static void check_same(const struct profile *a, const struct profile *b)
{
	must(a->type_count == b->type_count);
	for (uint32_t i = 0; i < a->type_count; i++)
		must(profile_total(a, i) == profile_total(b, i));
	must(a->sample_count == b->sample_count);
	must(a->sample_location_count == b->sample_location_count);
	must(a->location_count == b->location_count);
	/* A frame of folded text that is named "0x0" reads as one without a name, which is shown
	 * so. */
	must(a->line_count >= b->line_count);
	must(a->ledger_count == b->ledger_count);
	must(a->comment_count == b->comment_count);
}

static void check_round_trip(struct profile *profile, enum profile_packing packing)
{
	_cleanup_(profile_freep) struct profile *again = NULL;
	_cleanup_(buf_release) struct buf bytes = {0};
	struct profile_codec codec = {FORMAT_PPROF, packing};
	const char *why;

	must(!profile_encode(profile, codec, NULL, &bytes));
	must(!profile_decode(bytes.bytes, bytes.used, &again, &why));
	check_same(profile, again);
}

static void check_merge(const struct profile *profile)
{
	_cleanup_(profile_freep) struct profile *twice = NULL;

	must(!profile_new(&twice));
	must(!profile_merge(twice, profile));
	if (profile->type_count)
		must(profile_total(twice, 0) == profile_total(profile, 0));
	must(!profile_merge(twice, profile));
}

static void check_folded(struct profile *profile)
{
	_cleanup_(buf_release) struct buf text = {0};
	struct profile_codec codec = {FORMAT_FOLDED, PACKING_NONE};
	int err = profile_encode(profile, codec, NULL, &text);

	must(!err || err == -ERANGE || err == -EFBIG);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	_cleanup_(profile_freep) struct profile *profile = NULL;
	const char *why = NULL;

	if (profile_decode(bytes, size, &profile, &why)) {
		must(why && *why && !profile);
		return 0;
	}
	check_round_trip(profile, PACKING_NONE);
	check_round_trip(profile, size & 1 ? PACKING_GZIP : PACKING_ZSTD);
	check_merge(profile);
	check_folded(profile);
	return 0;
}
