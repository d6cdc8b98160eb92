/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wick dump elf: what the symbolizer makes of an ELF file. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/commands.h"
#include "profiler/debuginfod_option.h"
#include "profiler/elf_index.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct dump_elf_options {
	bool json;
	const char *debuginfod;
};

static const struct option_spec dump_elf_options[] = {
	DEBUGINFOD_OPTION(struct dump_elf_options, debuginfod),
	{.name = "json",
	 .kind = OPTION_FLAG,
	 .help = "as JSON",
	 .offset = offsetof(struct dump_elf_options, json)},
	{.name = NULL},
};

static const char *const source_names[] = {
	[SYMINDEX_NONE] = "none",     [SYMINDEX_DYNSYM] = "dynsym",
	[SYMINDEX_GO] = "gopclntab",  [SYMINDEX_MINI] = "gnu_debugdata",
	[SYMINDEX_SYMTAB] = "symtab",
};

static const char *const debug_names[] = {
	[SYMINDEX_DEBUG_NONE] = "none",
	[SYMINDEX_DEBUG_OWN] = "own",
	[SYMINDEX_DEBUG_SEPARATE] = "separate",
	[SYMINDEX_DEBUG_DAMAGED] = "damaged",
	[SYMINDEX_DEBUG_GO] = "gopclntab",
	[SYMINDEX_DEBUG_TOO_BIG] = "too big",
	[SYMINDEX_DEBUG_CRASHED] = "its reader crashed",
	[SYMINDEX_DEBUG_TOO_SLOW] = "its reader took too long",
	[SYMINDEX_DEBUG_TOO_HUNGRY] = "its reader took too much memory",
	[SYMINDEX_DEBUG_LATER] = "not read yet",
};

static uint32_t count_stubs(const struct symindex *index)
{
	struct symindex_name name;
	uint32_t count = 0;

	for (uint32_t i = 0; symindex_at(index, i, &name); i++)
		count += name.is_plt;
	return count;
}

static void format_build_id(const struct symindex *index, char *ret, size_t size)
{
	size_t length;
	const uint8_t *id = symindex_build_id(index, &length);

	ret[0] = '\0';
	for (size_t i = 0; i < length && 2 * i + 3 <= size; i++)
		snprintf(ret + 2 * i, 3, "%02x", id[i]);
}

/* "split     12 units, 3 missing, such as 'a.dwo' of '/src': split debug info missing" */
static void split_as_text(const struct symindex *index, struct buf *out)
{
	const struct symindex_header *h = symindex_header(index);
	const char *problem = symindex_debug_problem(index);
	char shown[256];

	buf_printf(out, "split     %" PRIu32 " units%s", h->split_count,
		   h->has_package ? ", a package" : "");
	if (h->split_missing)
		buf_printf(out, ", %" PRIu32 " missing", h->split_missing);
	if (h->split_other)
		buf_printf(out, ", %" PRIu32 " of another build", h->split_other);
	if (h->split_name)
		buf_printf(out, ", such as %s",
			   quote(shown, sizeof(shown), symindex_string(index, h->split_name)));
	if (h->split_dir)
		buf_printf(out, " of %s",
			   quote(shown, sizeof(shown), symindex_string(index, h->split_dir)));
	buf_printf(out, "%s%s\n", problem ? ": " : "", problem ? problem : "");
}

static void debug_as_text(const struct symindex *index, struct buf *out)
{
	const struct symindex_header *h = symindex_header(index);
	char shown[256];

	buf_printf(out, "debug     %s", debug_names[symindex_debug(index)]);
	if (h->row_count || h->area_count)
		buf_printf(out,
			   ": %" PRIu32 " functions and inlined calls, %" PRIu32 " areas, %" PRIu32
			   " rows of lines",
			   h->node_count ? h->node_count - 1 : 0, h->area_count, h->row_count);
	if (symindex_debug_file(index))
		buf_printf(out, ", from %s",
			   quote(shown, sizeof(shown), symindex_debug_file(index)));
	buf_add_char(out, '\n');
	if (h->debuglink)
		buf_printf(out, "debuglink %s\n",
			   quote(shown, sizeof(shown), symindex_string(index, h->debuglink)));
	if (h->altlink)
		buf_printf(out, "altlink   %s\n",
			   quote(shown, sizeof(shown), symindex_string(index, h->altlink)));
	if (h->split_count)
		split_as_text(index, out);
}

static void rank_as_text(const struct elf_rank *rank, unsigned int n, struct buf *out)
{
	char shown[512];

	buf_printf(out, "rank %u    %s: %s", n, rank->name, rank->why);
	if (rank->is_debug_info && rank->is_used)
		buf_printf(out, ", %" PRIu32 " functions and inlined calls", rank->used);
	else if (rank->is_used)
		buf_printf(out, ", %" PRIu32 " names of %" PRIu32 " symbols", rank->used,
			   rank->has);
	else if (rank->has)
		buf_printf(out, ", %" PRIu32 " symbols", rank->has);
	if (rank->path)
		buf_printf(out, ": %s", quote(shown, sizeof(shown), rank->path));
	if (rank->detail)
		buf_printf(out, ": %s", quote(shown, sizeof(shown), rank->detail));
	buf_add_char(out, '\n');
}

static void elf_as_text(const struct elf_index *file, struct buf *out)
{
	const struct symindex *index = file->index;
	struct elf_rank rank;
	char id[2 * SYMINDEX_BUILD_ID_MAX + 1];
	const struct symindex_segment *s;

	format_build_id(index, id, sizeof(id));
	buf_printf(out, "build id  %s\n", id[0] ? id : "none");
	buf_printf(out, "cache     %s\n", elf_index_cache_text(file));
	buf_printf(out, "source    %s\n", source_names[symindex_source(index)]);
	buf_printf(out, "symbols   %" PRIu32 ", %" PRIu32 " of them PLT stubs\n",
		   symindex_count(index), count_stubs(index));
	debug_as_text(index, out);
	for (unsigned int n = 0; elf_index_rank(file, n, &rank); n++)
		rank_as_text(&rank, n + 1, out);
	for (uint32_t i = 0; (s = symindex_segment(index, i)); i++)
		buf_printf(out,
			   "segment   off 0x%" PRIx64 "  vaddr 0x%" PRIx64 "  size 0x%" PRIx64
			   "  %c%c%c\n",
			   s->off, s->vaddr, s->size, s->flags & PF_R ? 'r' : '-',
			   s->flags & PF_W ? 'w' : '-', s->flags & PF_X ? 'x' : '-');
}

/* Numbers of 64 bits are strings: JavaScript's numbers end at 2^53. */
static void rank_as_json(const struct elf_rank *rank, unsigned int n, struct buf *out)
{
	buf_printf(out,
		   "%s\n  {\"rank\": %u, \"source\": \"%s\", \"used\": %s, \"has\": %" PRIu32
		   ", \"names\": %" PRIu32 ", \"why\": ",
		   n > 1 ? "," : "", n, rank->key, rank->is_used ? "true" : "false", rank->has,
		   rank->used);
	buf_add_json(out, rank->why);
	buf_add_str(out, ", \"path\": ");
	if (rank->path)
		buf_add_json(out, rank->path);
	else
		buf_add_str(out, "null");
	buf_add_str(out, ", \"detail\": ");
	if (rank->detail)
		buf_add_json(out, rank->detail);
	else
		buf_add_str(out, "null");
	buf_add_char(out, '}');
}

static void elf_as_json(const struct elf_index *file, struct buf *out)
{
	const struct symindex *index = file->index;
	const struct symindex_header *h = symindex_header(index);
	char id[2 * SYMINDEX_BUILD_ID_MAX + 1];
	const struct symindex_segment *s;
	struct elf_rank rank;

	format_build_id(index, id, sizeof(id));
	buf_printf(out,
		   "{\"build_id\": \"%s\", \"source\": \"%s\", \"symbols\": %" PRIu32
		   ", \"plt_stubs\": %" PRIu32 ",\n \"debug\": \"%s\", \"nodes\": %" PRIu32
		   ", \"areas\": %" PRIu32 ", \"rows\": %" PRIu32 ",\n \"split_units\": %" PRIu32
		   ", \"split_missing\": %" PRIu32 ", \"split_other\": %" PRIu32
		   ",\n \"segments\": [",
		   id, source_names[symindex_source(index)], symindex_count(index),
		   count_stubs(index), debug_names[symindex_debug(index)], h->node_count,
		   h->area_count, h->row_count, h->split_count, h->split_missing, h->split_other);
	for (uint32_t i = 0; (s = symindex_segment(index, i)); i++)
		buf_printf(out,
			   "%s\n  {\"off\": \"0x%" PRIx64 "\", \"vaddr\": \"0x%" PRIx64
			   "\", \"size\": \"0x%" PRIx64 "\", \"executable\": %s}",
			   i ? "," : "", s->off, s->vaddr, s->size,
			   s->flags & PF_X ? "true" : "false");
	buf_add_str(out, "],\n \"cache\": ");
	buf_add_json(out, elf_index_cache_text(file));
	buf_add_str(out, ",\n \"sources\": [");
	for (unsigned int n = 0; elf_index_rank(file, n, &rank); n++)
		rank_as_json(&rank, n + 1, out);
	buf_add_str(out, "]}\n");
}

/* Prints and releases. */
static int print(struct buf *out)
{
	bool printed = !buf_error(out) && fwrite(out->bytes, 1, out->used, stdout) == out->used &&
		       fflush(stdout) == 0;

	buf_release(out);
	if (printed)
		return STATUS_OK;
	log_error("cannot write to stdout: %s", strerror(errno));
	return STATUS_ERROR;
}

static int run_elf(const void *raw, int argc, char **argv)
{
	const struct dump_elf_options *options = raw;
	_cleanup_(elf_index_release) struct elf_index file = {0};
	struct buf out = {0};
	int status;

	if (argc != 1) {
		log_error("'wick dump elf' needs one FILE");
		log_hint("see 'wick dump elf --help'");
		return STATUS_USAGE;
	}
	status = elf_index_open(argv[0], options->debuginfod, &file);
	if (status)
		return status;
	if (options->json)
		elf_as_json(&file, &out);
	else
		elf_as_text(&file, &out);
	return print(&out);
}

const struct command dump_elf_command = {
	.name = "elf",
	.arguments = "FILE",
	.summary = "segments, symbols and debug info of an ELF file",
	.details =
		"For each source of names and lines, best first: what it has, and why it was or\n"
		"was not used. The symbol cache is that of record, by this user's rights.\n"
		"--debuginfod takes $DEBUGINFOD_URLS, or =URLS; build ids of private code leave\n"
		"this machine with it. Nothing is asked without.\n",
	.options = dump_elf_options,
	.options_size = sizeof(struct dump_elf_options),
	.run = run_elf,
};
