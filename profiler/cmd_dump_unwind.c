/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wick dump unwind: how frames of an ELF file's code are unwound. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/commands.h"
#include "symbolizer/parser.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DEADLINE_MS = 60000 };

struct dump_unwind_options {
	bool json, rows;
	const char *debug;
};

static const struct option_spec dump_unwind_options[] = {
	{.name = "rows",
	 .kind = OPTION_FLAG,
	 .help = "all rows, not their sum",
	 .offset = offsetof(struct dump_unwind_options, rows)},
	{.name = "debug-file",
	 .kind = OPTION_STRING,
	 .value = "FILE",
	 .help = "its separate debug file, for .debug_frame",
	 .offset = offsetof(struct dump_unwind_options, debug)},
	{.name = "json",
	 .kind = OPTION_FLAG,
	 .help = "as JSON",
	 .offset = offsetof(struct dump_unwind_options, json)},
	{.name = NULL},
};

/* A name for JSON of each enum cfi_why. */
static const char *const why_keys[CFI_WHY_COUNT] = {
	[CFI_WHY_CFA_EXPRESSION] = "cfa_expression",
	[CFI_WHY_CFA_REGISTER] = "cfa_register",
	[CFI_WHY_RA] = "return_address",
	[CFI_WHY_SP] = "sp",
	[CFI_WHY_OFFSET] = "offset",
	[CFI_WHY_RULES] = "rules",
	[CFI_WHY_DAMAGED] = "damaged",
};

/* A FIFO must not be waited for; it is refused as no ELF file. Says what is wrong; -1 then. */
static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char shown[256];

	if (fd < 0)
		log_error("cannot open '%s': %s", quote(shown, sizeof(shown), path),
			  strerror(errno));
	return fd;
}

/* Says what is wrong and gives a STATUS_. */
static int open_table(const char *path, const char *debug_path, struct cfi_table **ret_table)
{
	_cleanup_close_ int fd = open_file(path), debug_fd = -1;
	char shown[256];
	int err;

	if (fd < 0)
		return STATUS_ERROR;
	if (debug_path) {
		debug_fd = open_file(debug_path);
		if (debug_fd < 0)
			return STATUS_ERROR;
	}
	err = parser_unwind(fd, debug_fd, DEADLINE_MS, ret_table);
	if (!err)
		return STATUS_OK;
	log_error("cannot read '%s': %s", quote(shown, sizeof(shown), path), parser_error(err));
	if (err == -ENOEXEC)
		log_hint("give a program or a shared library of x86-64 or arm64; 'file' says what "
			 "this is");
	return STATUS_ERROR;
}

static void format_build_id(const struct cfi_header *h, char *ret, size_t size)
{
	ret[0] = '\0';
	for (uint32_t i = 0; i < h->build_id_size && 2 * i + 3 <= size; i++)
		snprintf(ret + 2 * i, 3, "%02x", h->build_id[i]);
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static uint64_t sum_unsupported(const struct cfi_stats *s)
{
	uint64_t sum = 0;

	for (int i = 0; i < CFI_WHY_COUNT; i++)
		sum += s->unsupported[i];
	return sum;
}

static void sum_as_text(const struct cfi_table *table, struct buf *out)
{
	const struct cfi_header *h = table->header;
	const struct cfi_stats *s = &h->stats;
	char id[2 * CFI_BUILD_ID_MAX + 1];

	format_build_id(h, id, sizeof(id));
	buf_printf(out, "build id     %s\n", id[0] ? id : "none");
	buf_printf(out, "functions    %" PRIu32 ", %" PRIu32 " damaged, %" PRIu32 " overlapping\n",
		   s->fdes, s->damaged, s->overlaps);
	buf_printf(out,
		   "rows         %" PRIu32 " (%" PRIu32 " before equal neighbours were joined)\n",
		   h->row_count, s->raw_rows);
	buf_printf(out, "rules        %" PRIu32 "\n", h->rule_count);
	buf_printf(out, "pages        %" PRIu32 " of 64 KiB\n", h->page_count);
	buf_printf(out, "size         %" PRIu64 " bytes, %.2f per row\n", h->size,
		   (double)h->size / h->row_count);
	buf_printf(out, "code         %" PRIu64 " bytes in %" PRIu32 " segment%s\n", s->text,
		   h->segment_count, h->segment_count == 1 ? "" : "s");
	buf_printf(out, "covered      %.3f %%\n", percent(s->covered, s->text));
	buf_printf(out, "leaf only    %.3f %%, %" PRIu64 " bytes\n", percent(s->leaf_only, s->text),
		   s->leaf_only);
	buf_printf(out, "unsupported  %.3f %%, %" PRIu64 " bytes\n",
		   percent(sum_unsupported(s), s->text), sum_unsupported(s));
	for (int i = 0; i < CFI_WHY_COUNT; i++)
		if (s->unsupported[i])
			buf_printf(out, "  %s: %" PRIu64 " bytes\n", cfi_why_words((enum cfi_why)i),
				   s->unsupported[i]);
}

static void sum_as_json(const struct cfi_table *table, struct buf *out)
{
	const struct cfi_header *h = table->header;
	const struct cfi_stats *s = &h->stats;
	char id[2 * CFI_BUILD_ID_MAX + 1];

	format_build_id(h, id, sizeof(id));
	buf_printf(out,
		   "{\"build_id\": \"%s\", \"functions\": %" PRIu32 ", \"damaged\": %" PRIu32
		   ", \"overlapping\": %" PRIu32 ",\n \"rows\": %" PRIu32 ", \"raw_rows\": %" PRIu32
		   ", \"rules\": %" PRIu32 ", \"pages\": %" PRIu32 ", \"size\": %" PRIu64
		   ",\n \"code_bytes\": %" PRIu64 ", \"covered_bytes\": %" PRIu64
		   ", \"leaf_only_bytes\": %" PRIu64 ",\n \"unsupported_bytes\": {",
		   id, s->fdes, s->damaged, s->overlaps, h->row_count, s->raw_rows, h->rule_count,
		   h->page_count, h->size, s->text, s->covered, s->leaf_only);
	for (int i = 0; i < CFI_WHY_COUNT; i++)
		buf_printf(out, "%s\"%s\": %" PRIu64, i ? ", " : "", why_keys[i],
			   s->unsupported[i]);
	buf_add_str(out, "}}\n");
}

static void row_as_text(const struct cfi_table *table, uint64_t start, uint64_t end,
			const struct cfi_rule *rule, struct buf *out)
{
	char words[CFI_WORDS_MAX];

	cfi_rule_words(rule, table->header->machine, words, sizeof(words));
	buf_printf(out, "0x%" PRIx64 " 0x%" PRIx64 " %s\n", start, end, words);
}

static void row_as_json(const struct cfi_table *table, uint64_t start, uint64_t end,
			const struct cfi_rule *rule, struct buf *out)
{
	char words[CFI_WORDS_MAX];

	cfi_rule_words(rule, table->header->machine, words, sizeof(words));
	buf_printf(out,
		   "{\"start\": \"0x%" PRIx64 "\", \"end\": \"0x%" PRIx64 "\", \"rule\": ", start,
		   end);
	buf_add_json(out, words);
	buf_add_char(out, '}');
}

static void all_rows(const struct cfi_table *table, bool json, struct buf *out)
{
	const struct cfi_rule *rule;
	const char *comma = "";
	uint64_t start, end;

	if (json)
		buf_add_str(out, "[");
	for (uint32_t i = 0; i < table->header->segment_count; i++) {
		const struct cfi_segment *s = &table->segments[i];

		for (uint64_t at = s->vaddr; cfi_table_find(table, at, &rule, &start, &end) &&
					     start >= s->vaddr && at < s->vaddr + s->size;
		     at = end) {
			if (!json) {
				row_as_text(table, start, end, rule, out);
				continue;
			}
			buf_add_str(out, comma);
			row_as_json(table, start, end, rule, out);
			comma = ",\n ";
		}
	}
	if (json)
		buf_add_str(out, "]\n");
}

static int one_row(const struct cfi_table *table, uint64_t vaddr, bool json, struct buf *out)
{
	const struct cfi_rule *rule;
	uint64_t start, end;

	if (!cfi_table_find(table, vaddr, &rule, &start, &end)) {
		log_error("0x%" PRIx64 " is in no executable segment", vaddr);
		return STATUS_ERROR;
	}
	if (json) {
		row_as_json(table, start, end, rule, out);
		buf_add_char(out, '\n');
	} else {
		row_as_text(table, start, end, rule, out);
	}
	return STATUS_OK;
}

static int parse_vaddr(const char *text, uint64_t *ret_vaddr)
{
	char *end, shown[64];
	unsigned long long vaddr;

	errno = 0;
	vaddr = strtoull(text, &end, 16);
	if (*end || end == text || *text == '-' || errno) {
		log_error("'%s' is no address", quote(shown, sizeof(shown), text));
		log_hint("give it in hexadecimal, as nm and objdump do: 0x1139");
		return STATUS_USAGE;
	}
	*ret_vaddr = vaddr;
	return STATUS_OK;
}

static int print(struct buf *out)
{
	if (!buf_error(out) && fwrite(out->bytes, 1, out->used, stdout) == out->used &&
	    fflush(stdout) == 0)
		return STATUS_OK;
	log_error("cannot write to stdout: %s", strerror(errno));
	return STATUS_ERROR;
}

static int run_unwind(const void *raw, int argc, char **argv)
{
	const struct dump_unwind_options *options = raw;
	_cleanup_(cfi_table_freep) struct cfi_table *table = NULL;
	_cleanup_(buf_release) struct buf out = {0};
	uint64_t vaddr = 0;
	int status = STATUS_OK;

	if (argc < 1 || argc > 2 || (argc == 2 && options->rows)) {
		log_error("'wick dump unwind' needs a FILE, and a VADDR or --rows at most");
		log_hint("see 'wick dump unwind --help'");
		return STATUS_USAGE;
	}
	if (argc == 2)
		status = parse_vaddr(argv[1], &vaddr);
	if (!status)
		status = open_table(argv[0], options->debug, &table);
	if (status)
		return status;
	if (argc == 2)
		status = one_row(table, vaddr, options->json, &out);
	else if (options->rows)
		all_rows(table, options->json, &out);
	else if (options->json)
		sum_as_json(table, &out);
	else
		sum_as_text(table, &out);
	return status ? status : print(&out);
}

const struct command dump_unwind_command = {
	.name = "unwind",
	.arguments = "FILE [VADDR]",
	.summary = "how the frames of an ELF file's code are unwound",
	.details =
		"The table that wick makes of .eh_frame and .debug_frame: its sum, or the rule in\n"
		"force at VADDR (hexadecimal, an address in the ELF image as nm shows it).\n",
	.options = dump_unwind_options,
	.options_size = sizeof(struct dump_unwind_options),
	.run = run_unwind,
};
