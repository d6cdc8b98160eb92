/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/svg.h"

#include "base/cleanup.h"
#include "base/quote.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
	WIDTH = 1200,
	ROW = 18,
	TOP = 44,
	BOTTOM = 24,
	BOXES_MAX = 50000,
	SHADES = 32,
	NAME_MAX_BYTES = 4096,
};

static const double least_width = 0.1, char_width = 6.95;

/* ---- colours: draw.js, LIGHT_FAMILIES ---- */

static uint32_t rgb_of(double hue, double saturation, double lightness)
{
	double chroma = saturation * fmin(lightness, 1 - lightness);
	uint32_t colour = 0;

	/* CSS Color Module Level 4, section 7.1: hslToRgb(). */
	for (int part = 0; part < 3; part++) {
		double k = fmod((part == 0 ? 0 : part == 1 ? 8 : 4) + hue / 30, 12);
		double value = lightness - chroma * fmax(-1, fmin(fmin(k - 3, 9 - k), 1));

		colour = colour << 8 | (uint32_t)lround(value * 255);
	}
	return colour;
}

/* The next code point; bytes that are no UTF-8 are U+FFFD each. */
static uint32_t next_code_point(const char **at)
{
	size_t length = utf8_length(*at, strlen(*at) < 4 ? strlen(*at) : 4);
	const uint8_t *bytes = (const uint8_t *)*at;
	uint32_t code;

	if (!length) {
		(*at)++;
		return 0xfffd;
	}
	code = length == 1 ? bytes[0] : bytes[0] & (0xff >> (length + 1));
	for (size_t i = 1; i < length; i++)
		code = code << 6 | (bytes[i] & 0x3f);
	*at += length;
	return code;
}

/* model.js, hashText(): FNV-1a over UTF-16 units, and a finish. */
static uint32_t hash_text(const char *text)
{
	uint32_t hash = 0x811c9dc5;

	while (*text) {
		uint32_t code = next_code_point(&text);

		if (code >= 0x10000) {
			hash = (hash ^ (0xd800 + ((code - 0x10000) >> 10))) * 0x01000193;
			code = 0xdc00 + ((code - 0x10000) & 0x3ff);
		}
		hash = (hash ^ code) * 0x01000193;
	}
	hash = (hash ^ hash >> 15) * 0x2c1b3c6d;
	return hash ^ hash >> 13;
}

uint32_t svg_colour(const char *name, enum frame_kind kind)
{
	static const struct {
		double hue, hue_end, saturation, light, light_end;
	} families[] = {
		[FRAME_ROOT] = {220, 220, 8, 88, 88},  [FRAME_PROCESS] = {150, 172, 26, 76, 83},
		[FRAME_USER] = {16, 48, 76, 71, 81},   [FRAME_KERNEL] = {198, 226, 54, 75, 84},
		[FRAME_UNNAMED] = {30, 60, 8, 80, 86},
	};
	uint32_t shade = kind == FRAME_ROOT ? 0 : hash_text(name) % (SHADES * SHADES);
	double a = (double)(shade % SHADES) / (SHADES - 1);
	double b = floor((double)shade / SHADES) / (SHADES - 1);

	return rgb_of(
		families[kind].hue + (families[kind].hue_end - families[kind].hue) * a,
		families[kind].saturation / 100,
		(families[kind].light + (families[kind].light_end - families[kind].light) * b) /
			100);
}

/* ---- text ---- */

/* Controls, and what turns the direction of text or hides in it: text.js, UNSEEN. */
static bool is_unseen(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c ||
	       (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2060 && code <= 0x2069) || code == 0xfeff;
}

/* One character as XML text. A new line is one where the text is ours. */
static void add_character(struct buf *out, const char **at, bool with_lines)
{
	const char *start = *at;
	uint32_t code = next_code_point(at);

	if (code == '&')
		buf_add_str(out, "&amp;");
	else if (code == '<')
		buf_add_str(out, "&lt;");
	else if (code == '>')
		buf_add_str(out, "&gt;");
	else if (code == '\n' && with_lines)
		buf_add_char(out, '\n');
	else if (is_unseen(code))
		buf_printf(out, code < 256 ? "\\x%02x" : "\\u%04x", code);
	else if (code >= 0xfffd && code <= 0xffff)
		buf_add_str(out, "\xef\xbf\xbd"); /* XML has no U+FFFE and U+FFFF */
	else
		buf_add(out, start, (size_t)(*at - start));
}

static void add_text(struct buf *out, const char *text, bool with_lines)
{
	const char *at = text;

	while (*at && at - text < NAME_MAX_BYTES)
		add_character(out, &at, with_lines);
}

/* As much of the name as fits. */
static void add_label(struct buf *out, const char *name, double width)
{
	int fits = (int)((width - 6) / char_width), length = 0;
	const char *at = name;

	while (*at && length <= fits) {
		next_code_point(&at);
		length++;
	}
	if (length <= fits) {
		add_text(out, name, false);
	} else if (fits >= 3) {
		at = name;
		for (int i = 0; i < fits - 1; i++)
			add_character(out, &at, false);
		buf_add_str(out, "\xe2\x80\xa6");
	}
}

/* ---- boxes ---- */

struct box {
	uint32_t node, level;
	double left, width;
};

struct drawing {
	const struct svg_picture *picture;
	struct box *boxes; /* by level, each from left to right */
	uint32_t count, depth;
};

/* The least width that leaves no more than BOXES_MAX: what is cut there would not be seen anyhow.
 */
static double find_least(const struct svg_picture *picture, double scale)
{
	double least = least_width;

	for (;;) {
		uint32_t count = 0;

		for (uint32_t i = 0; i < picture->tree->node_count; i++)
			count += picture->width(picture->context, i) * scale >= least;
		if (count <= BOXES_MAX)
			return least;
		least *= 1.5;
	}
}

static void add_children(struct drawing *drawing, const struct box *parent, double scale,
			 double least)
{
	const struct svg_picture *picture = drawing->picture;
	const struct calltree *tree = picture->tree;
	double left = parent->left;

	for (uint32_t i = tree->child_first[parent->node]; i < tree->child_first[parent->node + 1];
	     i++) {
		double width = picture->width(picture->context, tree->children[i]) * scale;

		if (width >= least)
			drawing->boxes[drawing->count++] =
				(struct box){tree->children[i], parent->level + 1, left, width};
		left += width;
	}
}

static int lay_out(struct drawing *drawing)
{
	const struct svg_picture *picture = drawing->picture;
	double all = picture->width(picture->context, 0), scale = all > 0 ? WIDTH / all : 0;
	double least = find_least(picture, scale);

	drawing->boxes = calloc(BOXES_MAX + 1, sizeof(*drawing->boxes));
	if (!drawing->boxes)
		return -ENOMEM;
	drawing->boxes[drawing->count++] = (struct box){.width = WIDTH};
	for (uint32_t at = 0; at < drawing->count && scale > 0; at++)
		add_children(drawing, &drawing->boxes[at], scale, least);
	drawing->depth = drawing->boxes[drawing->count - 1].level + 1;
	return 0;
}

static void add_box(const struct drawing *drawing, const struct box *box, struct buf *out)
{
	const struct svg_picture *picture = drawing->picture;
	const char *name = calltree_node_name(picture->tree, box->node);
	uint32_t fill = picture->fill
				? picture->fill(picture->context, box->node)
				: svg_colour(name, calltree_node_kind(picture->tree, box->node));
	uint32_t y = TOP + box->level * ROW;
	_cleanup_(buf_release) struct buf tip = {0};

	picture->tip(picture->context, box->node, &tip);
	buf_add_str(out, "<g><title>");
	add_text(out, name, false);
	buf_add_char(out, '\n');
	if (buf_cstr(&tip))
		add_text(out, tip.bytes, true);
	buf_printf(out,
		   "</title><rect x=\"%.2f\" y=\"%" PRIu32 "\" width=\"%.2f\" height=\"%d\" "
		   "fill=\"#%06" PRIx32 "\"/>",
		   box->left, y, box->width, ROW - 1, fill);
	buf_printf(out, "<text x=\"%.2f\" y=\"%" PRIu32 "\">", box->left + 3, y + 13);
	add_label(out, name, box->width);
	buf_add_str(out, "</text></g>\n");
}

/* Could the script leave its CDATA section? */
static bool is_sound(const char *script)
{
	return !strstr(script, "]]>");
}

static void add_head(const struct drawing *drawing, struct buf *out)
{
	uint32_t height = TOP + drawing->depth * ROW + BOTTOM;

	buf_printf(out,
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%" PRIu32
		   "\" viewBox=\"0 0 %d %" PRIu32 "\">\n"
		   "<style>\ntext { font: 11.5px ui-monospace, \"DejaVu Sans Mono\", Menlo, "
		   "Consolas, monospace; fill: #1d1d1f; pointer-events: none }\n"
		   ".button { cursor: pointer; pointer-events: auto; fill: #6e6e73 }\n"
		   "#frames g { cursor: pointer }\n#frames g:hover rect { stroke: #1d1d1f }\n"
		   ".above { opacity: 0.55 }\n.match rect { fill: #d884f0 }\n.gone { display: none "
		   "}\n</style>\n",
		   WIDTH, height, WIDTH, height);
	buf_printf(out, "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n"
			"<text x=\"3\" y=\"16\">");
	add_text(out, drawing->picture->title, false);
	buf_printf(out,
		   "</text>\n<text class=\"button gone\" id=\"reset\" x=\"3\" y=\"35\">Reset "
		   "zoom</text>\n"
		   "<text class=\"button\" id=\"search\" x=\"%d\" y=\"35\">Search</text>\n"
		   "<text id=\"matched\" x=\"%d\" y=\"35\" text-anchor=\"end\"></text>\n",
		   WIDTH - 48, WIDTH - 60);
}

static void add_legend(const struct svg_legend *legend, struct buf *out)
{
	double left = 110;

	for (; legend && legend->text; legend++) {
		buf_printf(out,
			   "<rect x=\"%.1f\" y=\"26\" width=\"10\" height=\"10\" "
			   "fill=\"#%06" PRIx32 "\"/><text x=\"%.1f\" y=\"35\">",
			   left, legend->colour, left + 14);
		add_text(out, legend->text, false);
		buf_add_str(out, "</text>\n");
		left += 14 + char_width * (double)strlen(legend->text) + 16;
	}
}

int svg_write_picture(const struct svg_picture *picture, struct buf *out)
{
	struct drawing drawing = {.picture = picture};
	int err = is_sound(picture->script) ? lay_out(&drawing) : -EINVAL;

	if (err)
		return err;
	add_head(&drawing, out);
	add_legend(picture->legend, out);
	buf_add_str(out, "<g id=\"frames\">\n");
	for (uint32_t i = 0; i < drawing.count; i++)
		add_box(&drawing, &drawing.boxes[i], out);
	buf_add_str(out, "</g>\n<script><![CDATA[\n");
	buf_add_str(out, picture->script);
	buf_add_str(out, "]]></script>\n</svg>\n");
	free(drawing.boxes);
	return buf_error(out);
}

/* ---- a profile ---- */

struct plain {
	const struct calltree *tree;
	const char *type, *unit;
};

static double plain_width(const void *context, uint32_t node)
{
	return ((const struct plain *)context)->tree->nodes[node].total[0];
}

static void plain_tip(const void *context, uint32_t node, struct buf *out)
{
	const struct plain *plain = context;
	const struct calltree_node *at = &plain->tree->nodes[node];
	double all = plain->tree->nodes[0].total[0];

	buf_printf(out, "%.0f %s: %.2f %%, self %.0f: %.2f %%", at->total[0],
		   strcmp(plain->unit, "count") ? plain->unit : plain->type,
		   all > 0 ? 100 * at->total[0] / all : 0, at->self[0],
		   all > 0 ? 100 * at->self[0] / all : 0);
}

static void name_picture(const struct profile *profile, uint32_t type, struct buf *title)
{
	const struct profile_value_type *value = &profile->types[type];

	buf_printf(title, "%" PRId64 " %s", profile_total(profile, type),
		   profile_string(profile, value->type));
	if (profile->duration_ns > 0)
		buf_printf(title, " in %.3g s", (double)profile->duration_ns / 1e9);
}

int svg_write(const struct profile *profile, const char *script, struct buf *out)
{
	_cleanup_(buf_release) struct buf title = {0};
	_cleanup_(strtab_release) struct strtab names = {0};
	_cleanup_(calltree_release) struct calltree tree = {.names = &names};
	struct plain plain = {.tree = &tree, .type = "", .unit = ""};
	struct svg_picture picture = {
		.tree = &tree,
		.script = script,
		.width = plain_width,
		.tip = plain_tip,
		.context = &plain,
	};
	int samples = profile_find_type(profile, "samples"), err = 0;
	uint32_t type = samples < 0 ? 0 : (uint32_t)samples;

	if (profile->type_count) {
		plain.type = profile_string(profile, profile->types[type].type);
		plain.unit = profile_string(profile, profile->types[type].unit);
		name_picture(profile, type, &title);
		err = calltree_add(&tree, 0, profile, type, NULL, NULL);
	}
	if (!err)
		err = calltree_finish(&tree);
	picture.title = buf_cstr(&title);
	if (!err && !picture.title)
		err = -ENOMEM;
	return err ? err : svg_write_picture(&picture, out);
}
