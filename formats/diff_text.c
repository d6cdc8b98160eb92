/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/quote.h"
#include "formats/diff_row.h"
#include "formats/diff_write.h"

#include <string.h>

enum { ROWS = 20, ROWS_UNCHANGED = 5, NAME_SHOWN = 512 };

static void add_line(struct buf *out, const char *word, const char *text)
{
	char shown[1024];

	buf_printf(out, "%-8s %s\n", word, quote(shown, sizeof(shown), text));
}

static void add_name(struct buf *out, const char *name)
{
	char shown[NAME_SHOWN];

	buf_add_str(out, quote(shown, sizeof(shown), name));
}

static void add_row(const struct diff *diff, const struct diff_function *function, struct buf *out)
{
	struct diff_row row = diff_row_make(diff, diff_headline(function));
	_cleanup_(buf_release) struct buf note = {0};

	diff_note_add(diff, function, &note, add_name);
	buf_printf(out, "%-11s %9s %9s %8s  %-18s %9s %7s  ",
		   strcmp(row.verdict, "too few samples") ? row.verdict : "too few", row.before,
		   row.after, row.change, row.interval, row.growth, row.q);
	add_name(out, diff_name(diff, function));
	if (note.used)
		buf_printf(out, " (%.*s)", (int)note.used, note.bytes);
	buf_add_char(out, '\n');
}

/* How many of the ranking belong on a screen: all that changed, and a few that did not. */
static uint32_t rows_on_screen(const struct diff *diff, const uint32_t *order, uint32_t count)
{
	uint32_t rows = 0, unchanged = 0;

	while (rows < count && rows < ROWS && unchanged < ROWS_UNCHANGED) {
		enum diff_verdict verdict = diff_headline(&diff->functions[order[rows++]])->verdict;

		unchanged += verdict == DIFF_NO_EVIDENCE || verdict == DIFF_TOO_FEW;
	}
	return rows;
}

static void add_sum(const struct diff *diff, const uint32_t *order, uint32_t count, struct buf *out)
{
	uint32_t counts[DIFF_MOVED + 1] = {0};
	const char *separator = "";

	for (uint32_t i = 0; i < count; i++)
		counts[diff_headline(&diff->functions[order[i]])->verdict]++;
	for (int verdict = DIFF_MOVED; verdict >= 0; verdict--) {
		if (!counts[verdict])
			continue;
		buf_printf(out, "%s%u %s", separator, counts[verdict],
			   diff_verdict_name((enum diff_verdict)verdict));
		separator = ", ";
	}
	buf_add_char(out, '\n');
}

void diff_write_text(const struct diff *diff, bool all, struct buf *out)
{
	uint32_t rows, count = 0;
	_cleanup_free_ uint32_t *order = diff_ranking(diff, &count);
	char interval[64];

	if (!order) {
		out->failed = true;
		return;
	}
	rows = all ? count : rows_on_screen(diff, order, count);
	diff_head_add(diff, out, add_line);
	snprintf(interval, sizeof(interval), "%g %% interval", 100 * (1 - diff->options.alpha));
	buf_printf(out, "\n%-11s %9s %9s %8s  %-18s %9s %7s  %s\n", "verdict", "before", "after",
		   "change", interval, "growth", "q", "function");
	for (uint32_t i = 0; i < rows; i++)
		add_row(diff, &diff->functions[order[i]], out);
	if (rows < count)
		buf_printf(out, "%u more: --all shows all\n", count - rows);
	buf_add_char(out, '\n');
	add_sum(diff, order, count, out);
	buf_printf(out, "%s\n", diff_caution);
}
