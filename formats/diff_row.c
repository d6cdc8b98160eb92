/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/diff_row.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

const char diff_caution[] =
	"This is association, not cause: load, machine and the layout of memory "
	"of each start differ too.";

/* Rates and differences are shown times this. */
static double shown_scale(const struct diff *diff)
{
	switch (diff->options.denominator) {
	case DIFF_SHARE:
		return 100;
	case DIFF_CORES:
		return 1;
	case DIFF_WORK:
		return 1000;
	}
	return 1;
}

const char *diff_row_unit(const struct diff *diff)
{
	switch (diff->options.denominator) {
	case DIFF_SHARE:
		return "%";
	case DIFF_CORES:
		return "cores";
	case DIFF_WORK:
		return "ms";
	}
	return "";
}

/* So many digits behind the point that four or so are told in all. */
static int digits_for(const struct diff *diff, double largest)
{
	double shown = fabs(largest) * shown_scale(diff);

	if (diff->options.denominator == DIFF_SHARE || shown >= 10)
		return 2;
	return shown >= 0.1 || shown <= 0 ? 3 : shown >= 0.001 ? 5 : 8;
}

static void print_growth(double growth, char *ret, size_t size)
{
	if (isinf(growth))
		snprintf(ret, size, "new");
	else
		snprintf(ret, size, "%+.1f %%", growth * 100);
}

static void print_q(double q, char *ret, size_t size)
{
	if (isnan(q))
		snprintf(ret, size, "-");
	else if (q < 0.0001)
		snprintf(ret, size, "<0.0001");
	else
		snprintf(ret, size, "%.4f", q);
}

struct diff_row diff_row_make(const struct diff *diff, const struct diff_change *change)
{
	struct diff_row row = {.verdict = diff_verdict_name(change->verdict)};
	double scale = shown_scale(diff);
	int digits = digits_for(diff, fmax(change->rate[DIFF_BEFORE], change->rate[DIFF_AFTER]));
	const char *unit = diff->options.denominator == DIFF_SHARE  ? " %"
			   : diff->options.denominator == DIFF_WORK ? " ms"
								    : "";

	snprintf(row.before, sizeof(row.before), "%.*f%s", digits,
		 change->rate[DIFF_BEFORE] * scale, unit);
	snprintf(row.after, sizeof(row.after), "%.*f%s", digits, change->rate[DIFF_AFTER] * scale,
		 unit);
	snprintf(row.change, sizeof(row.change), "%+.*f", digits, change->difference * scale);
	snprintf(row.interval, sizeof(row.interval), "%+.*f .. %+.*f", digits, change->low * scale,
		 digits, change->high * scale);
	print_growth(change->growth, row.growth, sizeof(row.growth));
	print_q(change->q, row.q, sizeof(row.q));
	return row;
}

const char *diff_count_text(double count, char *ret, size_t size)
{
	char plain[32];
	size_t length, used = 0;

	snprintf(plain, sizeof(plain), "%.0f", fmin(count, 1e18));
	length = strlen(plain);
	for (size_t i = 0; i < length && used + 2 < size; i++) {
		if (i && (length - i) % 3 == 0)
			ret[used++] = ',';
		ret[used++] = plain[i];
	}
	ret[used] = '\0';
	return ret;
}

/* ---- notes ---- */

static void add_moved(const struct diff *diff, const struct diff_function *function,
		      struct buf *out, void (*add_name)(struct buf *out, const char *name))
{
	const char *words = function->self.difference > 0 ? "from " : "to ";

	for (uint32_t i = 0; i < function->partner_count; i++) {
		buf_add_str(out, i ? ", " : words);
		add_name(out, diff_name(diff, &diff->functions[function->partners[i]]));
	}
}

static void add_detectable(const struct diff_change *change, struct buf *out)
{
	if (change->detectable < 10)
		buf_printf(out, "a change of %.2g %% would show", change->detectable * 100);
	else
		buf_add_str(out, "not even a tenfold change would show");
}

static bool has_both(const struct diff_change *change)
{
	return change->samples[DIFF_BEFORE] > 0 && change->samples[DIFF_AFTER] > 0;
}

void diff_note_add(const struct diff *diff, const struct diff_function *function, struct buf *out,
		   void (*add_name)(struct buf *out, const char *name))
{
	const struct diff_change *change = diff_headline(function);
	const char *separator = "";

	if (change == &function->total) {
		buf_add_str(out, "with all it calls");
		separator = "; ";
	}
	if (has_both(&function->total) &&
	    function->is_inlined[DIFF_BEFORE] != function->is_inlined[DIFF_AFTER]) {
		buf_printf(out, "%s%s", separator,
			   function->is_inlined[DIFF_AFTER] ? "inlined now" : "was inlined");
		separator = "; ";
	}
	if (change->verdict == DIFF_MOVED) {
		buf_add_str(out, separator);
		add_moved(diff, function, out, add_name);
	} else if (has_both(change) && diff_is_change(change->verdict) && diff->drift != 1) {
		buf_printf(out, "%s%+.1f %% against most functions", separator,
			   ((1 + change->growth) / diff->drift - 1) * 100);
	} else if (change->verdict == DIFF_NO_EVIDENCE && change->low * change->high > 0 &&
		   change->growth * (diff->drift - 1) > 0) {
		buf_printf(out, "%sas most functions", separator);
	} else if (!diff_is_change(change->verdict)) {
		buf_add_str(out, separator);
		add_detectable(change, out);
	}
}

/* ---- the head ---- */

static void add_side(const struct diff *diff, enum diff_side side, struct buf *out)
{
	const struct diff_totals *totals = &diff->totals[side];
	const struct diff_unit *first = &diff->units[0];
	char count[32];

	buf_printf(out, "%u profile%s, %s %s", totals->units, totals->units == 1 ? "" : "s",
		   diff_count_text(totals->samples, count, sizeof(count)),
		   profile_string(first->profile, first->profile->types[first->type].type));
	if (!isnan(totals->cpu_s))
		buf_printf(out, ", %.2f s of CPU", totals->cpu_s);
	if (totals->duration_s > 0)
		buf_printf(out, " in %.2f s", totals->duration_s);
}

static void add_denominator(const struct diff *diff, struct buf *out)
{
	struct diff_row row = diff_row_make(diff, &diff->whole);
	char counts[DIFF_SIDES][32];

	switch (diff->options.denominator) {
	case DIFF_SHARE:
		buf_add_str(out, "share of the CPU time of its side");
		if (fabs(diff->drift - 1) >= 0.0005)
			buf_printf(out,
				   "; most functions' shares went %+.1f %%, a verdict needs more",
				   (diff->drift - 1) * 100);
		return;
	case DIFF_CORES:
		buf_add_str(out, "CPU seconds a second (cores)");
		break;
	case DIFF_WORK:
		buf_printf(out, "CPU time for each of %s and %s units of work",
			   diff_count_text(diff->totals[DIFF_BEFORE].size, counts[0], 32),
			   diff_count_text(diff->totals[DIFF_AFTER].size, counts[1], 32));
		break;
	}
	buf_printf(out, "; all of it: %s -> %s, %s [%s], %s, %s, p %s", row.before, row.after,
		   row.change, row.interval, row.growth, row.verdict, row.q);
}

static void add_units(const struct diff *diff, struct buf *out)
{
	uint32_t before = diff->totals[DIFF_BEFORE].units, after = diff->totals[DIFF_AFTER].units;

	if (before == 1 && after == 1) {
		buf_printf(
			out,
			"as drawing samples does (binomial), and by %.1f %% from run to run (%s)",
			diff->spread[DIFF_BEFORE] * 100,
			diff->spread_is_assumed ? "assumed: one profile a side"
						: "as all functions do from side to side");
		return;
	}
	buf_printf(out, "by %.1f and %.1f %% from profile to profile, beside drawing samples",
		   diff->spread[DIFF_BEFORE] * 100, diff->spread[DIFF_AFTER] * 100);
	if (before == 1 || after == 1)
		buf_printf(out, "; the one %s is taken to be as the others",
			   before == 1 ? "before" : "after");
	if (diff->sides[0].correlation > 0 || diff->sides[1].correlation > 0)
		buf_printf(out, "; neighbours correlate by %.2f and %.2f",
			   diff->sides[0].correlation, diff->sides[1].correlation);
}

static void add_power(const struct diff *diff, struct buf *out)
{
	char needed[32];

	buf_printf(
		out,
		"a change of %.2g %% in a function with 2 %% share (80 %% power, %u tests, alpha "
		"%g); 5 %% takes %s samples a side",
		diff->detectable * 100, diff->tests, diff->options.alpha,
		diff_count_text(ceil(diff->samples_needed / 100) * 100, needed, sizeof(needed)));
}

void diff_head_add(const struct diff *diff, struct buf *out,
		   void (*line)(struct buf *out, const char *word, const char *text))
{
	static const char *const words[] = {"before", "after", "by", "varies", "shows"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		_cleanup_(buf_release) struct buf text = {0};

		if (i < DIFF_SIDES)
			add_side(diff, (enum diff_side)i, &text);
		else if (i == 2)
			add_denominator(diff, &text);
		else if (i == 3)
			add_units(diff, &text);
		else
			add_power(diff, &text);
		if (buf_cstr(&text))
			line(out, words[i], text.bytes);
		else
			out->failed = true;
	}
}
