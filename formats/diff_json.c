/* SPDX-License-Identifier: GPL-2.0-or-later */
/* packaging/wick-diff-json.md says what each field means; tests/e2e/diff-cli.sh holds the two
 * together. */
#include "base/cleanup.h"
#include "formats/diff_row.h"
#include "formats/diff_write.h"

#include <math.h>

static const char *const side_names[] = {"before", "after"};

/* JSON has no infinities and no NaN. */
static void add_number(struct buf *out, const char *key, double value)
{
	if (isfinite(value))
		buf_printf(out, "\"%s\": %.9g", key, value);
	else
		buf_printf(out, "\"%s\": null", key);
}

static void add_pair(struct buf *out, const char *key, const double values[DIFF_SIDES])
{
	buf_printf(out, "\"%s\": {", key);
	for (int side = 0; side < DIFF_SIDES; side++) {
		buf_add_str(out, side ? ", " : "");
		add_number(out, side_names[side], values[side]);
	}
	buf_add_char(out, '}');
}

static void add_change(const struct diff_change *change, const double *cpu_s, struct buf *out)
{
	const struct {
		const char *key;
		double value;
	} numbers[] = {
		{"difference", change->difference},
		{"low", change->low},
		{"high", change->high},
		{"growth", change->growth},
		{"growth_low", change->growth_low},
		{"growth_high", change->growth_high},
		{"own_growth", change->own_growth},
		{"p", change->p},
		{"q", change->q},
		{"detectable_growth", change->detectable},
	};

	buf_printf(out, "{\"verdict\": \"%s\", ", diff_verdict_name(change->verdict));
	add_pair(out, "samples", change->samples);
	if (cpu_s) {
		buf_add_str(out, ", ");
		add_pair(out, "cpu_s", cpu_s);
	}
	buf_add_str(out, ", ");
	add_pair(out, "rate", change->rate);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		buf_add_str(out, ", ");
		add_number(out, numbers[i].key, numbers[i].value);
	}
	buf_add_char(out, '}');
}

static void add_function(const struct diff *diff, const struct diff_function *function,
			 struct buf *out)
{
	const struct diff_change *headline = diff_headline(function);

	buf_add_str(out, "    {\"name\": ");
	buf_add_json(out, diff_name(diff, function));
	buf_printf(out,
		   ", \"verdict\": \"%s\", \"by\": \"%s\", \"passed_on\": %s,\n"
		   "     \"inlined\": {\"before\": %s, \"after\": %s}, \"moved\": [",
		   diff_verdict_name(headline->verdict),
		   headline == &function->total ? "total" : "self",
		   function->total.is_passed_on ? "true" : "false",
		   function->is_inlined[DIFF_BEFORE] ? "true" : "false",
		   function->is_inlined[DIFF_AFTER] ? "true" : "false");
	for (uint32_t i = 0; i < function->partner_count; i++) {
		buf_add_str(out, i ? ", " : "");
		buf_add_json(out, diff_name(diff, &diff->functions[function->partners[i]]));
	}
	buf_add_str(out, "],\n     \"self\": ");
	add_change(&function->self, function->self_cpu_s, out);
	buf_add_str(out, ",\n     \"total\": ");
	add_change(&function->total, function->cpu_s, out);
	buf_add_char(out, '}');
}

static void add_side(const struct diff *diff, enum diff_side side, struct buf *out)
{
	const struct diff_totals *totals = &diff->totals[side];
	bool is_work = diff->options.denominator == DIFF_WORK;
	const struct {
		const char *key;
		double value;
	} numbers[] = {
		{"samples", totals->samples},
		{"cpu_s", totals->cpu_s},
		{"duration_s", totals->duration_s > 0 ? totals->duration_s : NAN},
		{"work", is_work ? totals->size : NAN},
		{"spread", diff->spread[side]},
		{"correlation", diff->sides[side].correlation},
	};

	buf_printf(out, "  \"%s\": {\"profiles\": %u", side_names[side], totals->units);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		buf_add_str(out, ", ");
		add_number(out, numbers[i].key, numbers[i].value);
	}
	buf_add_str(out, "},\n");
}

static void add_gate(const struct diff *diff, const struct diff_gate *gate, struct buf *out)
{
	const char *separator = "";

	if (!gate) {
		buf_add_str(out, "  \"gate\": null,\n");
		return;
	}
	buf_printf(out,
		   "  \"gate\": {\"fail_above\": %.9g, \"min_share\": %.9g, \"whole\": %s, "
		   "\"offenders\": [",
		   gate->growth, gate->min_share, diff_gate_whole(diff, gate) ? "true" : "false");
	for (uint32_t i = 0; i < diff->function_count; i++) {
		if (!diff_gate_function(diff, gate, &diff->functions[i]))
			continue;
		buf_add_str(out, separator);
		buf_add_json(out, diff_name(diff, &diff->functions[i]));
		separator = ", ";
	}
	buf_add_str(out, "]},\n");
}

void diff_write_json(const struct diff *diff, const struct diff_gate *gate, struct buf *out)
{
	static const char *const denominators[] = {"share", "cores", "work"};
	static const char *const units[] = {"fraction", "cores", "seconds"};
	uint32_t count = 0;
	_cleanup_free_ uint32_t *order = diff_ranking(diff, &count);

	if (!order) {
		out->failed = true;
		return;
	}
	buf_printf(out,
		   "{\n  \"schema\": 1,\n  \"denominator\": \"%s\",\n  \"unit\": \"%s\",\n"
		   "  \"alpha\": %g,\n  \"tests\": %u,\n  ",
		   denominators[diff->options.denominator], units[diff->options.denominator],
		   diff->options.alpha, diff->tests);
	add_number(out, "drift", diff->drift);
	buf_printf(out, ",\n  \"spread_assumed\": %s,\n  ",
		   diff->spread_is_assumed ? "true" : "false");
	add_number(out, "detectable_growth", diff->detectable);
	buf_add_str(out, ",\n  ");
	add_number(out, "samples_needed", diff->samples_needed);
	buf_add_str(out, ",\n");
	add_side(diff, DIFF_BEFORE, out);
	add_side(diff, DIFF_AFTER, out);
	if (diff->options.denominator == DIFF_SHARE) {
		buf_add_str(out, "  \"whole\": null,\n");
	} else {
		buf_add_str(out, "  \"whole\": ");
		add_change(&diff->whole, NULL, out);
		buf_add_str(out, ",\n");
	}
	add_gate(diff, gate, out);
	buf_add_str(out, "  \"functions\": [");
	for (uint32_t i = 0; i < count; i++) {
		buf_add_str(out, i ? ",\n" : "\n");
		add_function(diff, &diff->functions[order[i]], out);
	}
	buf_add_str(out, "\n  ]\n}\n");
}
