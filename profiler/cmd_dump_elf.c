/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wick dump elf, wick dump addr: what the symbolizer makes of an ELF file. */
#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/strtab.h"
#include "profiler/commands.h"
#include "symbolizer/parser.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEADLINE_MS = 60000 };

struct dump_elf_options {
	bool json;
};

static const struct option_spec dump_elf_options[] = {
	{.name = "json",
	 .kind = OPTION_FLAG,
	 .help = "as JSON",
	 .offset = offsetof(struct dump_elf_options, json)},
	{.name = NULL},
};

static const char *const source_names[] = {
	[SYMINDEX_NONE] = "none",
	[SYMINDEX_DYNSYM] = "dynsym",
	[SYMINDEX_GO] = "gopclntab",
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

/* Says what is wrong and gives a STATUS_. */
static int open_index(const char *path, struct symindex **ret_index)
{
	/* A FIFO must not be waited for; it is refused as no ELF file. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_free_ char *absolute = realpath(path, NULL);
	struct parser_files files = {.elf_fd = fd, .root_fd = -1, .path = absolute};
	char shown[256];
	int err;

	if (fd < 0) {
		log_error("cannot open '%s': %s", quote(shown, sizeof(shown), path),
			  strerror(errno));
		return STATUS_ERROR;
	}
	err = parser_symbols(&files, DEADLINE_MS, ret_index);
	if (!err)
		return STATUS_OK;
	log_error("cannot read '%s': %s", quote(shown, sizeof(shown), path), parser_error(err));
	if (err == -ENOEXEC)
		log_hint("give a program or a shared library; 'file' says what this is");
	return STATUS_ERROR;
}

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

static void elf_as_text(const struct symindex *index, struct buf *out)
{
	char id[2 * SYMINDEX_BUILD_ID_MAX + 1];
	const struct symindex_segment *s;

	format_build_id(index, id, sizeof(id));
	buf_printf(out, "build id  %s\n", id[0] ? id : "none");
	buf_printf(out, "source    %s\n", source_names[symindex_source(index)]);
	buf_printf(out, "symbols   %" PRIu32 ", %" PRIu32 " of them PLT stubs\n",
		   symindex_count(index), count_stubs(index));
	debug_as_text(index, out);
	for (uint32_t i = 0; (s = symindex_segment(index, i)); i++)
		buf_printf(out,
			   "segment   off 0x%" PRIx64 "  vaddr 0x%" PRIx64 "  size 0x%" PRIx64
			   "  %c%c%c\n",
			   s->off, s->vaddr, s->size, s->flags & PF_R ? 'r' : '-',
			   s->flags & PF_W ? 'w' : '-', s->flags & PF_X ? 'x' : '-');
}

/* Numbers of 64 bits are strings: JavaScript's numbers end at 2^53. */
static void elf_as_json(const struct symindex *index, struct buf *out)
{
	const struct symindex_header *h = symindex_header(index);
	char id[2 * SYMINDEX_BUILD_ID_MAX + 1];
	const struct symindex_segment *s;

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

static int usage(const char *what, const char *command)
{
	log_error("'wick dump %s' needs %s", command, what);
	log_hint("see 'wick dump %s --help'", command);
	return STATUS_USAGE;
}

static int run_elf(const void *raw, int argc, char **argv)
{
	const struct dump_elf_options *options = raw;
	_cleanup_(symindex_freep) struct symindex *index = NULL;
	struct buf out = {0};
	int status;

	if (argc != 1)
		return usage("one FILE", "elf");
	status = open_index(argv[0], &index);
	if (status)
		return status;
	if (options->json)
		elf_as_json(index, &out);
	else
		elf_as_text(index, &out);
	return print(&out);
}

/* An address that was asked for, and its levels among the frames. */
struct answer {
	uint64_t vaddr;
	uint32_t first, count;
};

struct answers {
	const struct symindex *index;
	const char *module; /* the last part of the file's path */
	struct answer *answer;
	uint32_t count, size;
	struct symindex_frame *frames;
	uint32_t *names; /* by frame: its function in symbols */
	uint32_t frame_count, frames_size, names_size;
	struct strtab symbols;
	char **readable; /* by symbol; an entry is NULL where the symbol is readable as it is */
};

static void answers_release(struct answers *answers)
{
	free(answers->answer);
	free(answers->frames);
	free(answers->names);
	free(answers->readable);
	strtab_release(&answers->symbols);
}

static int out_of_memory(void)
{
	log_error("out of memory");
	return STATUS_ERROR;
}

static int add_address(struct answers *answers, const char *text)
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
	if (answers->count == UINT32_MAX ||
	    array_reserve(&answers->answer, &answers->size, answers->count + 1u))
		return out_of_memory();
	answers->answer[answers->count++].vaddr = vaddr;
	return STATUS_OK;
}

/* Addresses on stdin, between white space. */
static int read_addresses(struct answers *answers)
{
	char word[64];
	int status = STATUS_OK;

	while (!status && scanf("%63s", word) == 1)
		status = add_address(answers, word);
	return status;
}

static int add_frames(struct answers *answers, struct answer *answer)
{
	struct symindex_frame frames[SYMINDEX_DEPTH_MAX];

	answer->first = answers->frame_count;
	answer->count = symindex_frames(answers->index, answer->vaddr, frames, SYMINDEX_DEPTH_MAX);
	if (array_reserve(&answers->frames, &answers->frames_size,
			  (size_t)answer->first + answer->count) ||
	    array_reserve(&answers->names, &answers->names_size,
			  (size_t)answer->first + answer->count))
		return -ENOMEM;
	for (uint32_t i = 0; i < answer->count; i++) {
		int err = strtab_add(&answers->symbols, frames[i].function,
				     &answers->names[answer->first + i]);

		if (err)
			return err;
		answers->frames[answers->frame_count++] = frames[i];
	}
	return 0;
}

/* Where demangling fails the symbols are shown as they are. */
static int find_answers(struct answers *answers)
{
	_cleanup_free_ const char **symbols = NULL;
	uint32_t count;
	int err = 0;

	for (uint32_t i = 0; !err && i < answers->count; i++)
		err = add_frames(answers, &answers->answer[i]);
	count = strtab_count(&answers->symbols);
	symbols = calloc(count, sizeof(*symbols));
	if (err || !symbols)
		return out_of_memory();
	for (uint32_t i = 0; i < count; i++)
		symbols[i] = strtab_get(&answers->symbols, i);
	if (parser_demangle(symbols, count, DEADLINE_MS, &answers->readable))
		answers->readable = NULL;
	return STATUS_OK;
}

static const char *readable_name(const struct answers *answers, uint32_t frame)
{
	uint32_t name = answers->names[frame];

	return answers->readable && answers->readable[name] ? answers->readable[name]
							    : strtab_get(&answers->symbols, name);
}

static void frame_as_text(const struct answers *answers, const struct answer *a, uint32_t n,
			  struct buf *out)
{
	const struct symindex_frame *f = &answers->frames[n];
	struct symindex_name name;
	char shown[1024];

	if (f->function)
		buf_add_str(out, quote(shown, sizeof(shown), readable_name(answers, n)));
	else
		buf_printf(out, "%s+0x%" PRIx64, quote(shown, sizeof(shown), answers->module),
			   a->vaddr);
	if (f->is_plt)
		buf_add_str(out, "@plt");
	if (f->is_inlined)
		buf_add_str(out, " (inlined)");
	else if (f->function && symindex_lookup(answers->index, a->vaddr, &name))
		buf_printf(out, "+0x%" PRIx64, a->vaddr - name.start);
	if (f->file)
		buf_printf(out, " %s:%" PRIu32, quote(shown, sizeof(shown), f->file), f->line);
	buf_add_char(out, '\n');
}

static void answer_as_text(const struct answers *answers, const struct answer *a, struct buf *out)
{
	int width = snprintf(NULL, 0, "0x%" PRIx64, a->vaddr);

	buf_printf(out, "0x%" PRIx64 " ", a->vaddr);
	for (uint32_t i = 0; i < a->count; i++) {
		if (i)
			buf_printf(out, "%*s ", width, "");
		frame_as_text(answers, a, a->first + i, out);
	}
}

static void frame_as_json(const struct answers *answers, uint32_t n, struct buf *out)
{
	const struct symindex_frame *f = &answers->frames[n];

	buf_add_str(out, "{\"name\": ");
	if (f->function)
		buf_add_json(out, readable_name(answers, n));
	else
		buf_add_str(out, "null");
	buf_add_str(out, ", \"symbol\": ");
	if (f->function)
		buf_add_json(out, f->function);
	else
		buf_add_str(out, "null");
	buf_add_str(out, ", \"file\": ");
	if (f->file)
		buf_add_json(out, f->file);
	else
		buf_add_str(out, "null");
	buf_printf(out, ", \"line\": %" PRIu32 ", \"inlined\": %s}", f->line,
		   f->is_inlined ? "true" : "false");
}

/* The function that is called, then all levels. */
static void answer_as_json(const struct answers *answers, const struct answer *a, struct buf *out)
{
	uint32_t last = a->first + a->count - 1;
	struct symindex_name name;

	buf_printf(out, "{\"vaddr\": \"0x%" PRIx64 "\", \"name\": ", a->vaddr);
	if (answers->frames[last].function)
		buf_add_json(out, readable_name(answers, last));
	else
		buf_add_str(out, "null");
	if (symindex_lookup(answers->index, a->vaddr, &name)) {
		buf_add_str(out, ", \"symbol\": ");
		buf_add_json(out, name.symbol);
		buf_printf(out,
			   ", \"start\": \"0x%" PRIx64 "\", \"size\": %" PRIu64 ", \"plt\": %s",
			   name.start, name.size, name.is_plt ? "true" : "false");
	}
	buf_add_str(out, ", \"frames\": [");
	for (uint32_t i = a->first; i <= last; i++) {
		buf_add_str(out, i > a->first ? ", " : "");
		frame_as_json(answers, i, out);
	}
	buf_add_str(out, "]}");
}

static int print_answers(const struct answers *answers, bool json)
{
	struct buf out = {0};

	if (json)
		buf_add_str(&out, "[");
	for (uint32_t i = 0; i < answers->count; i++) {
		if (json && i)
			buf_add_str(&out, ",\n ");
		if (json)
			answer_as_json(answers, &answers->answer[i], &out);
		else
			answer_as_text(answers, &answers->answer[i], &out);
	}
	if (json)
		buf_add_str(&out, "]\n");
	return print(&out);
}

static int run_addr(const void *raw, int argc, char **argv)
{
	const struct dump_elf_options *options = raw;
	_cleanup_(symindex_freep) struct symindex *index = NULL;
	_cleanup_(answers_release) struct answers answers = {0};
	const char *slash;
	int status = STATUS_OK;

	if (argc < 1)
		return usage("a FILE", "addr");
	for (int i = 1; !status && i < argc; i++)
		status = add_address(&answers, argv[i]);
	if (!status && argc == 1)
		status = read_addresses(&answers);
	if (!status)
		status = open_index(argv[0], &index);
	if (status)
		return status;
	slash = strrchr(argv[0], '/');
	answers.module = slash ? slash + 1 : argv[0];
	answers.index = index;
	status = find_answers(&answers);
	return status ? status : print_answers(&answers, options->json);
}

const struct command dump_elf_command = {
	.name = "elf",
	.arguments = "FILE",
	.summary = "segments, symbols and debug info of an ELF file",
	.options = dump_elf_options,
	.options_size = sizeof(struct dump_elf_options),
	.run = run_elf,
};

const struct command dump_addr_command = {
	.name = "addr",
	.arguments = "FILE [VADDR..]",
	.summary = "functions, inlined calls and lines at addresses",
	.details = "VADDR is hexadecimal, in the ELF image, as nm shows it; without any they are\n"
		   "read from stdin. Inlined calls come first, the function called last.\n"
		   "Addresses that nothing names read FILE+0xaddress.\n",
	.options = dump_elf_options,
	.options_size = sizeof(struct dump_elf_options),
	.run = run_addr,
};
