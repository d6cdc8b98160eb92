/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "formats/diff_names.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <string.h>

enum { RUST_HASH = 16 };

/* The length of word if text begins with it, else 0. */
static size_t word_at(const char *text, const char *word)
{
	size_t length = strlen(word);

	return strncmp(text, word, length) ? 0 : length;
}

static size_t digits_at(const char *text)
{
	return strspn(text, "0123456789");
}

static size_t hex_at(const char *text)
{
	return strspn(text, "0123456789abcdef");
}

static bool ends_part(char c)
{
	return !c || c == '.' || c == ' ' || c == ']';
}

/* The length of ".cold", ".part.3" and their like at text, else 0. */
static size_t clone_suffix(const char *text)
{
	static const char *const suffixes[] = {".cold", ".part", ".constprop",
					       ".isra", ".llvm", ".lto_priv"};

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		size_t length = word_at(text, suffixes[i]);

		if (!length)
			continue;
		if (text[length] == '.' && digits_at(text + length + 1))
			length += 1 + digits_at(text + length + 1);
		else if (i > 0)
			continue; /* the others always have a number */
		if (ends_part(text[length]))
			return length;
	}
	return 0;
}

/* The length of " [clone .cold]", " [clone .part.0]" at text, else 0. */
static size_t clone_note(const char *text)
{
	size_t length = word_at(text, " [clone "), inner;

	if (!length)
		return 0;
	inner = clone_suffix(text + length);
	while (inner && text[length + inner] == '.') {
		size_t more = clone_suffix(text + length + inner);

		if (!more)
			return 0;
		inner += more;
	}
	return inner && text[length + inner] == ']' ? length + inner + 1 : 0;
}

/* "::h" and 16 hexadecimal digits at the end of a Rust name. */
static size_t rust_hash(const char *text)
{
	size_t length = word_at(text, "::h");

	if (!length || hex_at(text + length) != RUST_HASH)
		return 0;
	length += RUST_HASH;
	return ends_part(text[length]) ? length : 0;
}

/* "_GLOBAL__N_" and what it is made unique with. */
static size_t anonymous_namespace(const char *text)
{
	size_t length = word_at(text, "_GLOBAL__N_");

	if (!length)
		return 0;
	while (isalnum((unsigned char)text[length]) || text[length] == '_')
		length++;
	return length;
}

/* A number or hash that only tells one piece of generated code from the others. */
static const struct {
	const char *before;
	bool is_hex;
} numbered[] = {
	{"{lambda#", false},
	{"{unnamed type#", false},
	{"'lambda", false},
	{"'unnamed", false},
	{"$_", false},
	{"$$Lambda$", false},
	{"$$Lambda/0x", true},
	{"$Proxy", false},
	{"GeneratedMethodAccessor", false},
	{"GeneratedConstructorAccessor", false},
	{"GeneratedSerializationConstructorAccessor", false},
	{"CGLIB$$", true},
	{"LambdaForm$MH/0x", true},
	{"LambdaForm$DMH/0x", true},
	{"LambdaForm$BMH/0x", true},
};

/* The length of a known beginning of a number at text, and of the number behind it; else 0. */
static size_t number_at(const char *text, size_t *ret_before)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbered); i++) {
		size_t before = word_at(text, numbered[i].before), number;

		if (!before)
			continue;
		number = numbered[i].is_hex ? hex_at(text + before) : digits_at(text + before);
		/* Java's "$$Lambda$17/0x0000000800c03000": both parts. */
		if (number && word_at(text + before + number, "/0x"))
			number += 3 + hex_at(text + before + number + 3);
		if (!number)
			continue;
		*ret_before = before;
		return number;
	}
	return 0;
}

/* What the way through a name has met: each character is looked at a bounded number of times. */
struct scan {
	bool is_lambda;	    /* "{lambda(" or "lambda$": a number may follow, later on */
	bool is_unbalanced; /* a '<' without its '>': no further one is looked for */
};

static bool opens_lambda(const char *text)
{
	return word_at(text, "{lambda(") || word_at(text, "lambda$");
}

/* The digits of Java's lambda$main$3 and C++'s "{lambda(int)#2}": text is at the '$' or '#'. */
static size_t late_number_at(const struct scan *scan, const char *text)
{
	size_t number;

	if (!scan->is_lambda || (*text != '#' && *text != '$'))
		return 0;
	number = digits_at(text + 1);
	if (*text == '#' ? text[1 + number] != '}' : isalnum((unsigned char)text[1 + number]))
		return 0;
	return number;
}

/* "+0x" and an address at the end: a frame without a name. */
static size_t address_at(const char *text)
{
	size_t digits = word_at(text, "+0x") ? hex_at(text + 3) : 0;

	return digits && !text[3 + digits] ? 3 + digits : 0;
}

/* What of name is left out: text stands at any place in it. */
static size_t dropped_at(const char *text)
{
	size_t length = clone_suffix(text);

	if (!length)
		length = clone_note(text);
	return length ? length : rust_hash(text);
}

/* The end of the template arguments that open at text, or NULL where that is an operator. */
static const char *template_end(struct scan *scan, const char *name, const char *text)
{
	int depth = 0;

	if (scan->is_unbalanced || (text - name >= 8 && !strncmp(text - 8, "operator", 8)) ||
	    (text - name >= 9 && !strncmp(text - 9, "operator<", 9)))
		return NULL;
	for (; *text; text++) {
		if (*text == '<')
			depth++;
		else if (*text == '>' && text[-1] != '-' && !--depth)
			return text;
	}
	scan->is_unbalanced = true;
	return NULL;
}

/* Appends what stands for the text at `at` and gives the length of that text. */
static size_t add_piece(struct buf *out, struct scan *scan, const char *name, const char *at,
			bool without_templates)
{
	size_t before = 0, length = at > name ? dropped_at(at) : 0;
	const char *end;

	if (length)
		return length;
	length = anonymous_namespace(at);
	if (length) {
		buf_add_str(out, "(anonymous namespace)");
		return length;
	}
	length = at > name ? address_at(at) : 0;
	if (length) {
		buf_add_str(out, "+N");
		return length;
	}
	length = number_at(at, &before);
	if (!length) {
		before = 1;
		length = late_number_at(scan, at);
	}
	if (length) {
		buf_add(out, at, before);
		buf_add_char(out, 'N');
		return before + length;
	}
	if (without_templates && *at == '<' && at > name) {
		end = template_end(scan, name, at);
		if (end) {
			buf_add_str(out, "<>");
			return (size_t)(end + 1 - at);
		}
	}
	buf_add_char(out, *at);
	return 1;
}

void diff_name_add(struct buf *out, const char *name, bool without_templates)
{
	struct scan scan = {0};
	size_t start = out->used;

	for (const char *at = name; *at;) {
		scan.is_lambda |= opens_lambda(at);
		at += add_piece(out, &scan, name, at, without_templates);
	}
	if (out->used == start)
		buf_add_str(out, name);
}
