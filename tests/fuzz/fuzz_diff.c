/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two texts of folded stacks, parted by a line "==": whatever they are, they are compared, the numbers hold
 * together, and every output can be written. */
#include "base/cleanup.h"
#include "formats/diff.h"
#include "formats/diff_graph.h"
#include "formats/diff_write.h"
#include "formats/folded.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* No assert(): it would vanish with NDEBUG. */
static void must(bool claim)
{
	if (!claim)
		abort();
}

static bool add(struct diff *diff, enum diff_side side, const uint8_t *bytes, size_t size)
{
	struct profile *profile = NULL;
	const char *why = NULL;

	return !folded_read(bytes, size, &profile, &why) && !diff_add(diff, side, profile, 0);
}

static void check(const struct diff *diff)
{
	double self[DIFF_SIDES] = {0};

	for (uint32_t i = 0; i < diff->function_count; i++) {
		const struct diff_function *function = &diff->functions[i];
		const struct diff_change *change = &function->self;

		must(change->low <= change->difference && change->difference <= change->high);
		must(change->p >= 0 && change->p <= 1);
		must(isnan(change->q) || (change->q >= change->p * 0.999999 && change->q <= 1));
		for (int side = 0; side < DIFF_SIDES; side++) {
			must(function->total.samples[side] >= change->samples[side] * 0.999999);
			self[side] += change->samples[side];
		}
	}
	for (int side = 0; side < DIFF_SIDES; side++)
		must(fabs(self[side] - diff->totals[side].samples) <=
		     1e-9 * diff->totals[side].samples);
}

static void write_all(struct diff *diff)
{
	static const char *const scripts[] = {""};
	static const struct html_viewer viewer = {
		.page = "<link rel=stylesheet href=wick.css>\n"
			"<script type=module src=main.js></script>\n",
		.style = "",
		.scripts = scripts,
		.script_count = 1,
	};
	const struct diff_gate gate = {.growth = 0.05};
	_cleanup_(buf_release) struct buf out = {0};

	diff_write_text(diff, true, &out);
	diff_write_markdown(diff, &out);
	diff_write_json(diff, &gate, &out);
	must(!diff_write_folded(diff, &out));
	must(!diff_write_svg(diff, DIFF_WIDTH_BOTH, "", &out));
	must(!diff_write_html(diff, &viewer, &out));
	must(!buf_error(&out));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const struct diff_options options = {
		.alpha = 0.05, .min_samples = 2, .without_templates = size % 2};
	const uint8_t *parting = memmem(bytes, size, "\n==\n", 4);
	_cleanup_(diff_freep) struct diff *diff = NULL;
	int err;

	if (!parting || diff_new(&options, &diff))
		return 0;
	if (!add(diff, DIFF_BEFORE, bytes, (size_t)(parting + 1 - bytes)) ||
	    !add(diff, DIFF_AFTER, parting + 4, size - (size_t)(parting + 4 - bytes)))
		return 0;
	err = diff_compare(diff);
	must(!err || err == -ENODATA);
	if (err)
		return 0;
	check(diff);
	write_all(diff);
	return 0;
}
