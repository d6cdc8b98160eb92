/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/commands.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "formats/diff_graph.h"
#include "formats/diff_row.h"
#include "formats/diff_write.h"
#include "profiler/assets.h"
#include "profiler/output.h"

#include <errno.h>
#include <math.h>
#include <string.h>

struct diff_command_options {
	struct option_list files[DIFF_SIDES];
	struct option_list work[DIFF_SIDES];
	const char *output, *allow;
	struct diff_options diff;
	double fail_above, min_share;
	enum diff_width width; /* of an SVG */
	bool all, json;
};

static const struct diff_command_options defaults = {
	.diff = DIFF_DEFAULTS,
	.fail_above = -1,
	.min_share = 0.5,
};

static int refuse(const char *error, const char *hint)
{
	log_error("%s", error);
	log_hint("%s", hint);
	return STATUS_USAGE;
}

/* ---- what is compared ---- */

static int work_of(const struct option_list *work, unsigned int position, unsigned int files,
		   double *ret_work)
{
	const char *text;
	char shown[64], *end;

	*ret_work = 0;
	if (!work->count)
		return STATUS_OK;
	if (work->count != 1 && work->count != files)
		return refuse("the numbers of work are not as many as the profiles",
			      "give one number for each profile, or one for all of a side");
	text = work->items[work->count == 1 ? 0 : position];
	*ret_work = strtod(text, &end);
	if (text[strspn(text, "0123456789.eE+")] || *end || !(*ret_work > 0)) {
		log_error("work is a number above 0, not '%s'", quote(shown, sizeof(shown), text));
		return STATUS_USAGE;
	}
	/* One number is that of all profiles together: each did its part. */
	if (work->count == 1)
		*ret_work /= files;
	return STATUS_OK;
}

static const char *reason(int err)
{
	return err == -EINVAL	 ? "it counts something else than the first profile"
	       : err == -ERANGE	 ? "it holds negative counts: it is a difference already"
	       : err == -ENODATA ? "it does not say for how long or how much CPU time it is, "
				   "which --per cores and --work-.. need"
				 : strerror(-err);
}

static int add_file(struct diff *diff, enum diff_side side, const char *path, double work)
{
	struct profile *profile = NULL;
	char shown[256];
	int err, status = output_read(path, &profile);

	if (status != STATUS_OK)
		return status;
	err = diff_add(diff, side, profile, work);
	if (!err)
		return STATUS_OK;
	log_error("cannot compare '%s': %s", quote(shown, sizeof(shown), path), reason(err));
	return STATUS_ERROR;
}

static int add_side(struct diff *diff, enum diff_side side,
		    const struct diff_command_options *options)
{
	const struct option_list *files = &options->files[side];
	int status = STATUS_OK;

	for (unsigned int i = 0; status == STATUS_OK && i < files->count; i++) {
		double work;

		status = work_of(&options->work[side], i, files->count, &work);
		if (status == STATUS_OK)
			status = add_file(diff, side, files->items[i], work);
	}
	return status;
}

static int compare(const struct diff_command_options *options, struct diff **ret_diff)
{
	_cleanup_(diff_freep) struct diff *diff = NULL;
	int status = STATUS_OK, err = diff_new(&options->diff, &diff);

	for (int side = 0; !err && status == STATUS_OK && side < DIFF_SIDES; side++)
		status = add_side(diff, side, options);
	if (!err && status == STATUS_OK)
		err = diff_compare(diff);
	if (err) {
		log_error("cannot compare: %s",
			  err == -ENODATA ? "one side has no samples" : strerror(-err));
		return STATUS_ERROR;
	}
	if (status == STATUS_OK)
		*ret_diff = TAKE_PTR(diff);
	return status;
}

/* ---- what is written ---- */

enum form {
	FORM_TEXT,
	FORM_JSON,
	FORM_MARKDOWN,
	FORM_FOLDED,
	FORM_SVG,
	FORM_HTML,
	FORM_UNKNOWN,
};

static bool ends_in(const char *path, const char *suffix)
{
	size_t length = strlen(path), size = strlen(suffix);

	return length >= size && !strcmp(path + length - size, suffix);
}

static enum form form_of(const struct diff_command_options *options)
{
	static const struct {
		const char *suffix;
		enum form form;
	} forms[] = {
		{".json", FORM_JSON},	  {".md", FORM_MARKDOWN}, {".txt", FORM_TEXT},
		{".folded", FORM_FOLDED}, {".svg", FORM_SVG},	  {".html", FORM_HTML},
	};

	if (options->json || !options->output || !strcmp(options->output, "-"))
		return options->json ? FORM_JSON : FORM_TEXT;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (ends_in(options->output, forms[i].suffix))
			return forms[i].form;
	return FORM_UNKNOWN;
}

static int write_out(struct diff *diff, const struct diff_gate *gate,
		     const struct diff_command_options *options)
{
	_cleanup_(buf_release) struct buf out = {0};
	int err = 0;

	switch (form_of(options)) {
	case FORM_JSON:
		diff_write_json(diff, gate, &out);
		break;
	case FORM_MARKDOWN:
		diff_write_markdown(diff, &out);
		break;
	case FORM_FOLDED:
		err = diff_write_folded(diff, &out);
		break;
	case FORM_SVG:
		err = diff_write_svg(diff, options->width, assets_viewer()->svg_script, &out);
		break;
	case FORM_HTML:
		err = diff_write_html(diff, assets_viewer(), &out);
		break;
	default:
		diff_write_text(diff, options->all, &out);
		break;
	}
	if (err) {
		log_error("cannot write the comparison: %s", strerror(-err));
		return STATUS_ERROR;
	}
	return options->output ? output_write_bytes(&out, options->output) : output_text(&out);
}

/* ---- the gate ---- */

/* what: a few words more about the change. */
static void log_offender(const struct diff *diff, const char *name,
			 const struct diff_change *change, const char *what)
{
	struct diff_row row = diff_row_make(diff, change);
	char shown[512];

	log_error("gate: '%s' is %s%s: %s -> %s, %s [%s], %s, q %s",
		  quote(shown, sizeof(shown), name), row.verdict, what, row.before, row.after,
		  row.change, row.interval, row.growth, row.q);
}

static int check_gate(const struct diff *diff, const struct diff_gate *gate)
{
	uint32_t count = 0;
	_cleanup_free_ uint32_t *order = diff_ranking(diff, &count);
	bool is_open = !diff_gate_whole(diff, gate);

	if (!order) {
		log_error("out of memory");
		return STATUS_ERROR;
	}
	if (!is_open)
		log_offender(diff, "all CPU time", &diff->whole, "");
	for (uint32_t i = 0; i < count; i++) {
		const struct diff_function *function = &diff->functions[order[i]];
		const struct diff_change *change = diff_headline(function);

		if (!diff_gate_function(diff, gate, function))
			continue;
		log_offender(diff, diff_name(diff, function), change,
			     change == &function->total ? " with all it calls" : "");
		is_open = false;
	}
	return is_open ? STATUS_OK : STATUS_GATE;
}

/* ---- the command ---- */

static int check_options(struct diff_command_options *options, int argc, char **argv)
{
	if (argc == 2 && !options->files[0].count && !options->files[1].count) {
		for (int side = 0; side < DIFF_SIDES; side++)
			options->files[side] =
				(struct option_list){(const char **)&argv[side], 1, 0};
	} else if (argc) {
		return refuse("two profiles, or --before and --after with one at least",
			      "wick diff BEFORE AFTER, or wick diff --before A1 A2 --after B1 B2");
	}
	if (!options->files[DIFF_BEFORE].count || !options->files[DIFF_AFTER].count)
		return refuse("no profiles to compare",
			      "wick diff BEFORE AFTER, or wick diff --before A1 A2 --after B1 B2");
	if (!options->work[DIFF_BEFORE].count != !options->work[DIFF_AFTER].count)
		return refuse("work is known of one side only",
			      "give both --work-before and --work-after");
	if (options->work[DIFF_BEFORE].count)
		options->diff.denominator = DIFF_WORK;
	if (!(options->diff.alpha > 0 && options->diff.alpha < 1))
		return refuse("--alpha is between 0 and 1", "0.05 is the default");
	if (form_of(options) == FORM_UNKNOWN)
		return refuse("unknown extension of the output",
			      "known are .json, .md, .txt, .folded, .svg, .html");
	return options->output ? output_check_place(options->output) : STATUS_OK;
}

static int run_gated(const struct diff_command_options *options, const regex_t *allow)
{
	const struct diff_gate gate = {.growth = options->fail_above / 100,
				       .min_share = options->min_share / 100,
				       .allow = allow};
	bool is_gated = options->fail_above >= 0;
	_cleanup_(diff_freep) struct diff *diff = NULL;
	int status = compare(options, &diff);

	if (status == STATUS_OK)
		status = write_out(diff, is_gated ? &gate : NULL, options);
	if (status == STATUS_OK && is_gated)
		status = check_gate(diff, &gate);
	return status;
}

static int run(const void *data, int argc, char **argv)
{
	struct diff_command_options options = *(const struct diff_command_options *)data;
	char why[256], shown[256];
	regex_t allow;
	int err, status = check_options(&options, argc, argv);

	if (status != STATUS_OK)
		return status;
	if (!options.allow)
		return run_gated(&options, NULL);
	err = regcomp(&allow, options.allow, REG_EXTENDED | REG_NOSUB);
	if (err) {
		regerror(err, &allow, why, sizeof(why));
		log_error("--allow takes a regular expression, not '%s': %s",
			  quote(shown, sizeof(shown), options.allow), why);
		return STATUS_USAGE;
	}
	status = run_gated(&options, &allow);
	regfree(&allow);
	return status;
}

static int parse_per(void *data, const struct option_spec *spec, const char *value)
{
	struct diff_command_options *options = data;
	char shown[64];

	(void)spec;
	if (!strcmp(value, "share")) {
		options->diff.denominator = DIFF_SHARE;
	} else if (!strcmp(value, "cores")) {
		options->diff.denominator = DIFF_CORES;
	} else {
		log_error("--per takes share or cores, not '%s'",
			  quote(shown, sizeof(shown), value));
		return -EINVAL;
	}
	return 0;
}

static int parse_width(void *data, const struct option_spec *spec, const char *value)
{
	static const char *const widths[] = {"both", "before", "after"};
	struct diff_command_options *options = data;
	char shown[64];

	(void)spec;
	for (size_t i = 0; i < ARRAY_SIZE(widths); i++)
		if (!strcmp(value, widths[i])) {
			options->width = (enum diff_width)i;
			return 0;
		}
	log_error("--width takes both, before or after, not '%s'",
		  quote(shown, sizeof(shown), value));
	return -EINVAL;
}

#define AT(member) offsetof(struct diff_command_options, member)

static const struct option_spec diff_specs[] = {
	{.name = "before",
	 .kind = OPTION_LIST,
	 .value = "FILE..",
	 .help = "several profiles: runs, or slices in their order",
	 .offset = AT(files[DIFF_BEFORE])},
	{.name = "after",
	 .kind = OPTION_LIST,
	 .value = "FILE..",
	 .help = "those of the other side",
	 .offset = AT(files[DIFF_AFTER])},
	{.letter = 'o',
	 .name = "output",
	 .kind = OPTION_STRING,
	 .value = "OUT",
	 .help = "a file: .json .md .txt .folded .svg .html",
	 .offset = AT(output)},
	{.name = "json",
	 .kind = OPTION_FLAG,
	 .help = "machine-readable, all of it",
	 .offset = AT(json)},
	{.name = "all",
	 .kind = OPTION_FLAG,
	 .help = "all functions, not a screen",
	 .offset = AT(all)},
	{.name = "per",
	 .kind = OPTION_CALL,
	 .value = "WHAT",
	 .help = "share of CPU time (default), or cores",
	 .parse = parse_per},
	{.name = "work-before",
	 .kind = OPTION_LIST,
	 .value = "N..",
	 .help = "CPU time for each unit of work: how much was done",
	 .offset = AT(work[DIFF_BEFORE])},
	{.name = "work-after",
	 .kind = OPTION_LIST,
	 .value = "N..",
	 .help = "and on the other side",
	 .offset = AT(work[DIFF_AFTER])},
	{.name = "width",
	 .kind = OPTION_CALL,
	 .value = "SIDE",
	 .help = "of an .svg's boxes: both (default), before, after",
	 .parse = parse_width},
	{.name = "alpha",
	 .kind = OPTION_NUMBER,
	 .value = "A",
	 .help = "share of false findings that is borne (0.05)",
	 .offset = AT(diff.alpha),
	 .max = 1},
	{.name = "min-samples",
	 .kind = OPTION_NUMBER,
	 .value = "N",
	 .help = "fewer in all are not judged (20)",
	 .offset = AT(diff.min_samples)},
	{.name = "fail-above",
	 .kind = OPTION_NUMBER,
	 .value = "PCT",
	 .help = "exit with 3 if a function grew by more, for certain",
	 .offset = AT(fail_above)},
	{.name = "min-share",
	 .kind = OPTION_NUMBER,
	 .value = "PCT",
	 .help = "and holds so much of the CPU time (0.5)",
	 .offset = AT(min_share),
	 .max = 100},
	{.name = "allow",
	 .kind = OPTION_STRING,
	 .value = "REGEX",
	 .help = "and its name does not match",
	 .offset = AT(allow)},
	{.name = "raw-names",
	 .kind = OPTION_FLAG,
	 .help = "names as they are, with .cold, hashes and numbers",
	 .offset = AT(diff.raw_names)},
	{.name = "no-templates",
	 .kind = OPTION_FLAG,
	 .help = "C++ names without template arguments",
	 .offset = AT(diff.without_templates)},
	{.name = NULL},
};

const struct command diff_command = {
	.name = "diff",
	.arguments = "BEFORE AFTER",
	.summary = "what costs more CPU, and how sure is it; a gate for CI",
	.details = "Several profiles a side (--before A1 A2 --after B1 B2) tell how runs vary.\n"
		   "Exits with 3 if something is slower beyond --fail-above.\n",
	.options = diff_specs,
	.options_size = sizeof(struct diff_command_options),
	.defaults = &defaults,
	.run = run,
};
