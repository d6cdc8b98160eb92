/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/kallsyms.h"

#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/strtab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	CHUNK = 64 << 10,
	NAME_LENGTH_MAX = 512, /* the kernel's KSYM_NAME_LEN */
	SYMBOLS_MAX = 4 << 20,
	MODULES_MAX = 1 << 15,
	REACH_MAX = 1 << 20, /* bytes behind a symbol that may still be its code */
};

struct ksymbol {
	uint64_t addr;
	uint32_t name;	 /* where it starts in names */
	uint16_t module; /* id in modules, 0 = the kernel itself */
	uint8_t bind;	 /* 0 T, 1 W w, 2 t */
};

struct kallsyms {
	struct ksymbol *symbols; /* sorted by addr, which are distinct */
	size_t count, size;
	struct buf names;
	struct strtab modules;
	uint64_t *module_start; /* by module id */
	uint64_t text;		/* of _text, or _stext; 0 = neither */
	bool has_lines, is_sorted;
};

/* A line in parts; the strings are not NUL-terminated. */
struct line {
	uint64_t addr;
	char type;
	const char *name, *module;
	size_t name_length, module_length;
};

static const char *take_hex(const char *at, uint64_t *ret_value)
{
	uint64_t value = 0;
	const char *p = at;

	for (; p < at + 16; p++) {
		unsigned int digit = (unsigned char)*p - (unsigned int)'0';

		if (digit > 9) {
			digit = (unsigned char)*p - (unsigned int)'a';
			if (digit > 5)
				break;
			digit += 10;
		}
		value = value << 4 | digit;
	}
	*ret_value = value;
	return p > at ? p : NULL;
}

/* "addr type name", or "addr type name\t[module]"; *end is the newline. */
static bool parse_line(const char *at, const char *end, struct line *ret_line)
{
	struct line line = {.module = ""};
	const char *tab;

	at = take_hex(at, &line.addr);
	if (!at || end - at < 4 || at[0] != ' ' || at[2] != ' ')
		return false;
	line.type = at[1];
	line.name = at + 3;
	tab = memchr(line.name, '\t', (size_t)(end - line.name));
	line.name_length = (size_t)((tab ? tab : end) - line.name);
	if (tab && (end - tab < 4 || tab[1] != '[' || end[-1] != ']'))
		return false;
	if (tab) {
		line.module = tab + 2;
		line.module_length = (size_t)(end - 1 - line.module);
	}
	*ret_line = line;
	return line.name_length && !memchr(line.name, '\0', (size_t)(end - line.name)) &&
	       line.name_length < NAME_LENGTH_MAX && line.module_length < NAME_LENGTH_MAX;
}

/* Lines of one module stand together, so the last one's id is mostly right. */
static int module_id(struct kallsyms *k, const struct line *line, uint16_t *ret_id)
{
	uint16_t last = k->count ? k->symbols[k->count - 1].module : 0;
	const char *name = strtab_get(&k->modules, last);
	uint32_t id;
	int err;

	if (!line->module_length) {
		*ret_id = 0;
		return 0;
	}
	if (!strncmp(name, line->module, line->module_length) && !name[line->module_length]) {
		*ret_id = last;
		return 0;
	}
	err = strtab_add_n(&k->modules, line->module, line->module_length, &id);
	if (!err && id > MODULES_MAX)
		err = -EFBIG;
	if (!err)
		*ret_id = (uint16_t)id;
	return err;
}

static bool is_text(const struct line *line)
{
	static const char pad[] = "__pfx_"; /* the NOPs before a function: half of all symbols */

	return strchr("TtWw", line->type) && line->type &&
	       (line->name_length < sizeof(pad) || memcmp(line->name, pad, sizeof(pad) - 1) != 0);
}

static bool line_is(const struct line *line, const char *name)
{
	return line->name_length == strlen(name) && !memcmp(line->name, name, line->name_length);
}

static int add_line(struct kallsyms *k, const struct line *line)
{
	struct ksymbol s = {.addr = line->addr, .name = (uint32_t)k->names.used};
	int err;

	k->has_lines = true;
	if (!line->addr)
		return 0;
	if (k->count >= SYMBOLS_MAX)
		return -EFBIG;
	s.bind = line->type == 'T' ? 0 : line->type == 't' ? 2 : 1;
	err = module_id(k, line, &s.module);
	if (!err)
		err = array_reserve(&k->symbols, &k->size, k->count + 1);
	if (err)
		return err;
	if (!s.module && (line_is(line, "_text") || (!k->text && line_is(line, "_stext"))))
		k->text = s.addr;
	if (k->count && k->symbols[k->count - 1].addr > s.addr)
		k->is_sorted = false;
	k->symbols[k->count++] = s;
	buf_add(&k->names, line->name, line->name_length);
	buf_add_char(&k->names, '\0');
	return buf_error(&k->names);
}

/* Whole lines of [at, end); gives how much of it they are. */
static int parse_lines(struct kallsyms *k, const char *at, const char *end, size_t *ret_used)
{
	const char *start = at, *newline;

	while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
		struct line line;

		if (parse_line(at, newline, &line) && is_text(&line)) {
			int err = add_line(k, &line);

			if (err)
				return err;
		}
		at = newline + 1;
	}
	*ret_used = (size_t)(at - start);
	return 0;
}

static int read_text(struct kallsyms *k, int fd)
{
	_cleanup_free_ char *text = malloc(CHUNK);
	size_t left = 0, used = 0;
	ssize_t got;

	if (!text)
		return -ENOMEM;
	while ((got = read(fd, text + left, CHUNK - left)) != 0) {
		int err;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		left += (size_t)got;
		err = parse_lines(k, text, text + left, &used);
		if (err)
			return err;
		left -= used;
		memmove(text, text + used, left);
		if (left == CHUNK)
			return -EBADMSG; /* no line is that long */
	}
	return 0;
}

static size_t underscores(const char *name)
{
	return strspn(name, "_");
}

/* By addr, the best alias first (the order of elf_symtab.c). */
static int compare_symbols(const void *left, const void *right, void *names)
{
	const struct ksymbol *a = left, *b = right;
	const char *a_name = (const char *)names + a->name, *b_name = (const char *)names + b->name;
	size_t a_size, b_size;

	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	if (a->bind != b->bind)
		return a->bind < b->bind ? -1 : 1;
	a_size = underscores(a_name);
	b_size = underscores(b_name);
	if (a_size == b_size) {
		a_size = strlen(a_name);
		b_size = strlen(b_name);
	}
	if (a_size != b_size)
		return a_size < b_size ? -1 : 1;
	return strcmp(a_name, b_name);
}

static void drop_aliases(struct kallsyms *k)
{
	size_t kept = 0;

	for (size_t i = 0; i < k->count; i++) {
		if (kept && k->symbols[kept - 1].addr == k->symbols[i].addr) {
			if (compare_symbols(&k->symbols[i], &k->symbols[kept - 1], k->names.bytes) <
			    0)
				k->symbols[kept - 1] = k->symbols[i];
			continue;
		}
		k->symbols[kept++] = k->symbols[i];
	}
	k->count = kept;
}

static int find_module_starts(struct kallsyms *k)
{
	k->module_start = calloc(strtab_count(&k->modules), sizeof(*k->module_start));
	if (!k->module_start)
		return -ENOMEM;
	for (size_t i = k->count; i-- > 0;)
		k->module_start[k->symbols[i].module] = k->symbols[i].addr;
	if (k->text && k->text < k->module_start[0])
		k->module_start[0] = k->text;
	return 0;
}

static void give_back_slack(struct kallsyms *k)
{
	void *symbols = realloc(k->symbols, k->count * sizeof(*k->symbols));
	void *names = realloc(k->names.bytes, k->names.used);

	if (symbols) {
		k->symbols = symbols;
		k->size = k->count;
	}
	if (names) {
		k->names.bytes = names;
		k->names.size = k->names.used;
	}
}

int kallsyms_open(const char *path, struct kallsyms **ret_kallsyms)
{
	_cleanup_(kallsyms_freep) struct kallsyms *k = calloc(1, sizeof(*k));
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err;

	if (!k)
		return -ENOMEM;
	if (fd < 0)
		return -errno;
	k->is_sorted = true;
	err = read_text(k, fd);
	if (err)
		return err;
	if (!k->count)
		return k->has_lines ? -EACCES : -ENODATA;
	if (!k->is_sorted)
		qsort_r(k->symbols, k->count, sizeof(*k->symbols), compare_symbols, k->names.bytes);
	drop_aliases(k);
	err = find_module_starts(k);
	if (err)
		return err;
	give_back_slack(k);
	*ret_kallsyms = TAKE_PTR(k);
	return 0;
}

void kallsyms_free(struct kallsyms *kallsyms)
{
	if (!kallsyms)
		return;
	free(kallsyms->symbols);
	free(kallsyms->module_start);
	buf_release(&kallsyms->names);
	strtab_release(&kallsyms->modules);
	free(kallsyms);
}

bool kallsyms_lookup(const struct kallsyms *kallsyms, uint64_t addr, struct kallsyms_name *ret_name)
{
	const struct ksymbol *s = kallsyms->symbols;
	size_t low = 0, high = kallsyms->count;

	/* low: the number of symbols at or before addr */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || addr - s[low - 1].addr >= REACH_MAX)
		return false;
	s += low - 1;
	*ret_name = (struct kallsyms_name){
		.symbol = kallsyms->names.bytes + s->name,
		.module = strtab_get(&kallsyms->modules, s->module),
		.offset = addr - kallsyms->module_start[s->module],
	};
	return true;
}

bool kallsyms_at(const struct kallsyms *kallsyms, size_t n, struct kallsyms_range *ret_range)
{
	const struct ksymbol *s = kallsyms->symbols + n;

	if (n >= kallsyms->count)
		return false;
	*ret_range = (struct kallsyms_range){
		.start = s->addr,
		.end = s->addr + REACH_MAX,
		.symbol = kallsyms->names.bytes + s->name,
		.module = strtab_get(&kallsyms->modules, s->module),
	};
	if (n + 1 < kallsyms->count && s[1].addr - s->addr < REACH_MAX)
		ret_range->end = s[1].addr;
	return true;
}

size_t kallsyms_bytes(const struct kallsyms *kallsyms)
{
	return sizeof(*kallsyms) + kallsyms->size * sizeof(*kallsyms->symbols) +
	       kallsyms->names.size + strtab_bytes(&kallsyms->modules) +
	       strtab_count(&kallsyms->modules) * sizeof(*kallsyms->module_start);
}
