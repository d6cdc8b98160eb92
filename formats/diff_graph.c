/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/diff_graph.h"

#include "base/cleanup.h"
#include "formats/calltree.h"
#include "formats/diff_row.h"
#include "formats/folded.h"
#include "formats/packing.h"
#include "formats/pprof.h"
#include "formats/svg.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* ---- the tree ---- */

static uint32_t stable_name(const void *context, uint32_t location, uint32_t line)
{
	return diff_frame(context, location, line) + 1; /* a function is its name's id - 1 */
}

static int make_tree(struct diff *diff, struct calltree *tree)
{
	int err = 0;

	tree->names = &diff->names;
	for (uint32_t i = 0; !err && i < diff->unit_count; i++)
		err = calltree_add(tree, diff->units[i].side, diff->units[i].profile,
				   diff->units[i].type, stable_name, &diff->units[i]);
	return err ? err : calltree_finish(tree);
}

/* The function of a node, or NULL for the root and for processes. */
static const struct diff_function *node_function(const struct diff *diff,
						 const struct calltree *tree, uint32_t node)
{
	const struct calltree_frame *frame = &tree->frames[tree->nodes[node].frame];

	if (frame->kind == FRAME_ROOT || frame->kind == FRAME_PROCESS || !frame->name ||
	    frame->name > diff->function_count)
		return NULL;
	return &diff->functions[frame->name - 1];
}

static double node_rate(const struct diff *diff, const struct calltree *tree, uint32_t node,
			enum diff_side side)
{
	return tree->nodes[node].total[side] / diff->totals[side].size * diff->scale[side];
}

/* ---- folded ---- */

static void add_path(const struct calltree *tree, uint32_t node, struct buf *out)
{
	uint32_t path[PROFILE_DEPTH_MAX], depth = 0;

	/* A location may be several frames: what does not fit is cut at the root. */
	for (; node && depth < PROFILE_DEPTH_MAX; node = tree->nodes[node].parent)
		path[depth++] = node;
	while (depth-- > 0) {
		folded_add_frame(out, calltree_node_name(tree, path[depth]));
		if (depth)
			buf_add_char(out, ';');
	}
}

int diff_write_folded(struct diff *diff, struct buf *out)
{
	_cleanup_(calltree_release) struct calltree tree = {0};
	int err = make_tree(diff, &tree);

	for (uint32_t i = 1; !err && i < tree.node_count; i++) {
		const double *self = tree.nodes[i].self;

		if (self[DIFF_BEFORE] <= 0 && self[DIFF_AFTER] <= 0)
			continue;
		add_path(&tree, i, out);
		buf_printf(out, " %.0f %.0f\n", self[DIFF_BEFORE], self[DIFF_AFTER]);
	}
	return err ? err : buf_error(out);
}

/* ---- colours and words of a function ---- */

/* What a box of the function looks like: a verdict, and how much of its colour there is. */
struct look {
	enum diff_verdict verdict;
	double strength; /* 0..1; 0: the change is passed on from callees */
};

static struct look look_of(const struct diff_function *function)
{
	const struct diff_change *change = diff_headline(function);
	struct look look = {.verdict = change->verdict};

	if (function->total.is_passed_on && !diff_is_change(change->verdict) &&
	    change->verdict != DIFF_MOVED) {
		look.verdict = function->total.difference > 0 ? DIFF_SLOWER : DIFF_FASTER;
		look.strength = 0;
		return look;
	}
	look.strength = isfinite(change->own_growth) ? fabs(change->own_growth) : 1;
	/* From a third on, so that small changes are seen: all of it when doubled, or halved. */
	look.strength = fmin(1, 0.35 + 0.65 * look.strength * (change->own_growth < 0 ? 2 : 1));
	return look;
}

static uint32_t mix(uint32_t from, uint32_t to, double part)
{
	uint32_t colour = 0;

	for (int shift = 16; shift >= 0; shift -= 8) {
		double a = from >> shift & 0xff, b = to >> shift & 0xff;

		colour = colour << 8 | (uint32_t)lround(a + (b - a) * part);
	}
	return colour;
}

enum {
	GREY = 0xd9d9dc,
	PALE_GREY = 0xececee,
	PALE_ORANGE = 0xf3e3d3,
	ORANGE = 0xf58b3c,
	PALE_BLUE = 0xd8e3f1,
	BLUE = 0x6fa5ef,
	VIOLET = 0xcdbfe3,
};

static uint32_t colour_of(struct look look)
{
	switch (look.verdict) {
	case DIFF_SLOWER:
	case DIFF_NEW:
		return mix(PALE_ORANGE, ORANGE, look.strength);
	case DIFF_FASTER:
	case DIFF_GONE:
		return mix(PALE_BLUE, BLUE, look.strength);
	case DIFF_MOVED:
		return VIOLET;
	case DIFF_TOO_FEW:
		return PALE_GREY;
	case DIFF_NO_EVIDENCE:
		break;
	}
	return GREY;
}

static void add_raw(struct buf *out, const char *name)
{
	buf_add_str(out, name);
}

static void add_change(const struct diff *diff, const char *word, const struct diff_change *change,
		       struct buf *out)
{
	struct diff_row row = diff_row_make(diff, change);

	buf_printf(out, "%s: %s -> %s, %s [%s], %s, q %s: %s\n", word, row.before, row.after,
		   row.change, row.interval, row.growth, row.q, row.verdict);
}

/* Lines: the verdict, and the numbers of the function wherever it is called. */
static void describe(const struct diff *diff, const struct diff_function *function, struct buf *out)
{
	buf_add_str(out, diff_verdict_name(diff_headline(function)->verdict));
	if (function->total.is_passed_on)
		buf_add_str(out, "; its callees changed");
	buf_add_str(out, " (");
	diff_note_add(diff, function, out, add_raw);
	/* No note, no brackets. */
	if (out->used && out->bytes[out->used - 1] == '(')
		out->used -= 2;
	else
		buf_add_char(out, ')');
	buf_add_char(out, '\n');
	add_change(diff, "self", &function->self, out);
	add_change(diff, "total", &function->total, out);
}

/* ---- svg ---- */

struct graph {
	const struct diff *diff;
	const struct calltree *tree;
	enum diff_width width;
};

static double graph_width(const void *context, uint32_t node)
{
	const struct graph *graph = context;
	double before = node_rate(graph->diff, graph->tree, node, DIFF_BEFORE);
	double after = node_rate(graph->diff, graph->tree, node, DIFF_AFTER);

	return graph->width == DIFF_WIDTH_BEFORE  ? before
	       : graph->width == DIFF_WIDTH_AFTER ? after
						  : before + after;
}

static uint32_t graph_fill(const void *context, uint32_t node)
{
	const struct graph *graph = context;
	const struct diff_function *function = node_function(graph->diff, graph->tree, node);

	return function ? colour_of(look_of(function)) : GREY;
}

static void graph_tip(const void *context, uint32_t node, struct buf *out)
{
	const struct graph *graph = context;
	const struct diff_function *function = node_function(graph->diff, graph->tree, node);
	struct diff_change here = {0};
	struct diff_row row;

	for (int side = 0; side < DIFF_SIDES; side++)
		here.rate[side] = node_rate(graph->diff, graph->tree, node, side);
	row = diff_row_make(graph->diff, &here);
	buf_printf(out, "in this stack: %s -> %s\n", row.before, row.after);
	if (function)
		describe(graph->diff, function, out);
}

int diff_write_svg(struct diff *diff, enum diff_width width, const char *script, struct buf *out)
{
	static const struct svg_legend legend[] = {
		{"costs more", ORANGE},
		{"less", BLUE},
		{"moved", VIOLET},
		{"no evidence", GREY},
		{"too few samples", PALE_GREY},
		{NULL, 0},
	};
	static const char *const widths[] = {"before and after", "before", "after"};
	_cleanup_(calltree_release) struct calltree tree = {0};
	struct graph graph = {diff, &tree, width};
	char title[128];
	const struct svg_picture picture = {
		.tree = &tree,
		.script = script,
		.title = title,
		.width = graph_width,
		.fill = graph_fill,
		.tip = graph_tip,
		.context = &graph,
		.legend = legend,
	};
	int err = make_tree(diff, &tree);

	snprintf(title, sizeof(title), "%.0f samples before, %.0f after; width: %s, in %s",
		 diff->totals[DIFF_BEFORE].samples, diff->totals[DIFF_AFTER].samples, widths[width],
		 diff_row_unit(diff));
	return err ? err : svg_write_picture(&picture, out);
}

/* ---- html ---- */

/* A location for each frame: the names are stable, addresses would not be. */
static int add_locations(const struct calltree *tree, struct profile *profile, uint32_t *locations)
{
	uint32_t kernel;
	struct profile_mapping mapping = {0};
	int err = profile_add_string(profile, "[kernel.kallsyms]", &mapping.file);

	if (!err)
		err = profile_add_mapping(profile, &mapping, &kernel);
	for (uint32_t i = 1; !err && i < tree->frame_count; i++) {
		const struct calltree_frame *frame = &tree->frames[i];
		struct profile_location location = {.mapping = PROFILE_NO_MAPPING, .address = i};
		struct profile_function function = {0};
		struct profile_line line = {0};

		if (frame->kind == FRAME_KERNEL)
			location.mapping = kernel;
		err = profile_add_string(profile, strtab_get(tree->names, frame->name),
					 &function.name);
		if (!err)
			err = profile_add_function(profile, &function, &line.function);
		if (!err)
			err = profile_add_location(profile, &location, &line, 1, &locations[i]);
	}
	return err;
}

static int64_t whole(double value)
{
	return llround(fmin(value, 9e18));
}

static int add_sample(const struct diff *diff, const struct calltree *tree, uint32_t node,
		      const uint32_t *locations, struct profile *profile)
{
	double before = tree->nodes[node].self[DIFF_BEFORE];
	double after = tree->nodes[node].self[DIFF_AFTER];
	double scaled = node_rate(diff, tree, 0, DIFF_AFTER) > 0
				? before * diff->totals[DIFF_AFTER].size /
					  diff->totals[DIFF_BEFORE].size *
					  diff->scale[DIFF_BEFORE] / diff->scale[DIFF_AFTER]
				: before;
	int64_t values[] = {whole(scaled + after), whole(before), whole(after)};
	uint32_t path[PROFILE_DEPTH_MAX], depth = 0, labels = 0;
	struct profile_label comm;
	int err = 0;

	for (; node && depth < PROFILE_DEPTH_MAX; node = tree->nodes[node].parent) {
		if (calltree_node_kind(tree, node) == FRAME_PROCESS) {
			err = profile_make_label(profile, "comm", calltree_node_name(tree, node),
						 &comm);
			labels = 1;
			break;
		}
		path[depth++] = locations[tree->nodes[node].frame];
	}
	return err ? err : profile_add_sample(profile, path, depth, &comm, labels, values);
}

static int make_profile(struct diff *diff, const struct calltree *tree,
			struct profile **ret_profile)
{
	static const char *const types[] = {"both", "before", "after"};
	_cleanup_(profile_freep) struct profile *profile = NULL;
	_cleanup_free_ uint32_t *locations =
		calloc((size_t)tree->frame_count + 1, sizeof(*locations));
	int err = locations ? profile_new(&profile) : -ENOMEM;

	for (size_t i = 0; !err && i < ARRAY_SIZE(types); i++)
		err = profile_add_type(profile, types[i], "samples");
	if (!err)
		err = profile_add_string(profile, types[0], &profile->default_type);
	if (!err)
		err = add_locations(tree, profile, locations);
	for (uint32_t i = 1; !err && i < tree->node_count; i++)
		if (tree->nodes[i].self[DIFF_BEFORE] > 0 || tree->nodes[i].self[DIFF_AFTER] > 0)
			err = add_sample(diff, tree, i, locations, profile);
	if (!err)
		err = profile_sort(profile);
	if (!err)
		*ret_profile = TAKE_PTR(profile);
	return err;
}

static void add_lines(struct buf *json, const char *text)
{
	const char *separator = "";

	buf_add_char(json, '[');
	while (*text) {
		const char *end = strchrnul(text, '\n');
		_cleanup_(buf_release) struct buf line = {0};

		buf_add(&line, text, (size_t)(end - text));
		buf_add_str(json, separator);
		if (buf_cstr(&line))
			buf_add_json(json, line.bytes);
		separator = ",";
		text = *end ? end + 1 : end;
	}
	buf_add_char(json, ']');
}

static void add_function(const struct diff *diff, const struct diff_function *function,
			 struct buf *json)
{
	struct look look = look_of(function);
	_cleanup_(buf_release) struct buf text = {0};

	buf_add_str(json, "[");
	buf_add_json(json, diff_name(diff, function));
	buf_printf(json, ",\"%s\",%.2f,", diff_verdict_name(look.verdict), look.strength);
	describe(diff, function, &text);
	if (buf_cstr(&text))
		add_lines(json, text.bytes);
	else
		json->failed = true;
	buf_add_char(json, ']');
}

static void add_head_line(struct buf *out, const char *word, const char *text)
{
	buf_printf(out, "%s: %s\n", word, text);
}

/* {"head": [line, ..], "functions": [[name, verdict, strength, [line, ..]], ..]} */
static int make_json(const struct diff *diff, struct buf *json)
{
	_cleanup_(buf_release) struct buf head = {0};
	uint32_t count = 0;
	_cleanup_free_ uint32_t *order = diff_ranking(diff, &count);

	diff_head_add(diff, &head, add_head_line);
	buf_add_str(&head, diff_caution);
	if (!order || !buf_cstr(&head))
		return -ENOMEM;
	buf_add_str(json, "{\"head\":");
	add_lines(json, head.bytes);
	buf_add_str(json, ",\"functions\":[");
	for (uint32_t i = 0; i < count; i++) {
		buf_add_str(json, i ? ",\n" : "\n");
		add_function(diff, &diff->functions[order[i]], json);
	}
	buf_add_str(json, "]}");
	return buf_error(json);
}

int diff_write_html(struct diff *diff, const struct html_viewer *viewer, struct buf *out)
{
	_cleanup_(calltree_release) struct calltree tree = {0};
	_cleanup_(profile_freep) struct profile *profile = NULL;
	_cleanup_(buf_release) struct buf plain = {0}, packed = {0}, json = {0};
	int err = make_tree(diff, &tree);

	if (!err)
		err = make_profile(diff, &tree, &profile);
	if (!err)
		err = pprof_write(profile, &plain);
	if (!err)
		err = gzip_pack(plain.bytes, plain.used, &packed);
	if (!err)
		err = make_json(diff, &json);
	if (!err && !buf_cstr(&json))
		err = -ENOMEM;
	return err ? err : html_write_diff(viewer, packed.bytes, packed.used, json.bytes, out);
}
