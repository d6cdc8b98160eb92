/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/quote.h"
#include "formats/diff_row.h"
#include "formats/diff_write.h"

#include <math.h>
#include <string.h>

enum { ROWS_MAX = 30, NAME_SHOWN = 300 };

/* Text that stays text: no markup, no mention of people, no link, no end of a table's cell. HTML's
 * entities are understood everywhere in Markdown but in code spans, so no code spans are used. */
static void add_escaped(struct buf *out, const char *text)
{
	char shown[NAME_SHOWN];

	for (const char *at = quote(shown, sizeof(shown), text); *at; at++) {
		if (strchr("\\`*_{}[]<>()#+-.!|&@:~$'\"/", *at))
			buf_printf(out, "&#%d;", *at);
		else
			buf_add_char(out, *at);
	}
}

static void add_line(struct buf *out, const char *word, const char *text)
{
	buf_printf(out, "- %s: ", word);
	add_escaped(out, text);
	buf_add_char(out, '\n');
}

static void add_cpu(struct buf *out, double cpu_s)
{
	if (isnan(cpu_s))
		buf_add_str(out, " |");
	else
		buf_printf(out, " %.2f |", cpu_s);
}

static void add_row(const struct diff *diff, const struct diff_function *function, struct buf *out)
{
	const struct diff_change *change = diff_headline(function);
	struct diff_row row = diff_row_make(diff, change);
	const double *cpu_s = change == &function->total ? function->cpu_s : function->self_cpu_s;
	_cleanup_(buf_release) struct buf note = {0};

	buf_printf(out, "| %s | ", row.verdict);
	add_escaped(out, diff_name(diff, function));
	buf_printf(out, " | %s | %s | %s (%s) | %s | %s |", row.before, row.after, row.change,
		   row.interval, row.growth, row.q[0] == '<' ? "&lt;0.0001" : row.q);
	add_cpu(out, cpu_s[DIFF_BEFORE]);
	add_cpu(out, cpu_s[DIFF_AFTER]);
	diff_note_add(diff, function, &note, add_escaped);
	buf_add_char(out, ' ');
	buf_add(out, note.bytes, note.used);
	buf_add_str(out, " |\n");
}

static bool is_told(const struct diff_function *function)
{
	enum diff_verdict verdict = diff_headline(function)->verdict;

	return diff_is_change(verdict) || verdict == DIFF_MOVED;
}

void diff_write_markdown(const struct diff *diff, struct buf *out)
{
	uint32_t rows = 0, told = 0, count = 0;
	_cleanup_free_ uint32_t *order = diff_ranking(diff, &count);

	if (!order) {
		out->failed = true;
		return;
	}
	while (told < count && is_told(&diff->functions[order[told]]))
		told++;
	buf_printf(out, "### CPU profile: %u of %u functions changed or moved\n\n", told, count);
	if (told) {
		buf_printf(out,
			   "| verdict | function | before | after | change (%g %% interval) | "
			   "growth | q | CPU s before | CPU s after | |\n"
			   "|---|---|--:|--:|--:|--:|--:|--:|--:|---|\n",
			   100 * (1 - diff->options.alpha));
	}
	for (; rows < told && rows < ROWS_MAX; rows++)
		add_row(diff, &diff->functions[order[rows]], out);
	if (rows < told)
		buf_printf(out, "\n%u more changed or moved.\n", told - rows);
	buf_add_char(out, '\n');
	diff_head_add(diff, out, add_line);
	buf_printf(out, "\n%s\n", diff_caution);
}
