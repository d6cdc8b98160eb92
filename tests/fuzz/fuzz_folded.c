/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text: refused with a reason, or read, written and read again with the same sums; and what is
 * written once is written the same again. */
#include "base/cleanup.h"
#include "formats/folded.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* No assert(): it would vanish with NDEBUG. */
static void must(bool claim)
{
	if (!claim)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	_cleanup_(profile_freep) struct profile *profile = NULL, *again = NULL;
	_cleanup_(buf_release) struct buf first = {0}, second = {0};
	const char *why = NULL;
	int err = folded_read(bytes, size, &profile, &why);

	if (err) {
		must(why && *why && !profile);
		return 0;
	}
	err = folded_write(profile, &first);
	if (err) {
		must(err == -ERANGE);
		return 0;
	}
	if (!first.used) /* all counts were 0 */
		return 0;
	must(!folded_read(first.bytes, first.used, &again, &why));
	must(profile_total(again, 0) == profile_total(profile, 0));
	must(!folded_write(again, &second));
	must(second.used == first.used && !memcmp(second.bytes, first.bytes, first.used));
	return 0;
}
