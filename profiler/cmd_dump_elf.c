/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wick dump elf, wick dump addr: what the symbolizer makes of an ELF file. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/commands.h"
#include "symbolizer/parser.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
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
	[SYMINDEX_SYMTAB] = "symtab",
};

/* Says what is wrong and gives a STATUS_. */
static int open_index(const char *path, struct symindex **ret_index)
{
	/* A FIFO must not be waited for; it is refused as no ELF file. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char shown[256];
	int err;

	if (fd < 0) {
		log_error("cannot open '%s': %s", quote(shown, sizeof(shown), path),
			  strerror(errno));
		return STATUS_ERROR;
	}
	err = parser_index(fd, DEADLINE_MS, ret_index);
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

static void elf_as_text(const struct symindex *index, struct buf *out)
{
	char id[2 * SYMINDEX_BUILD_ID_MAX + 1];
	const struct symindex_segment *s;

	format_build_id(index, id, sizeof(id));
	buf_printf(out, "build id  %s\n", id[0] ? id : "none");
	buf_printf(out, "source    %s\n", source_names[symindex_source(index)]);
	buf_printf(out, "symbols   %" PRIu32 ", %" PRIu32 " of them PLT stubs\n",
		   symindex_count(index), count_stubs(index));
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
	char id[2 * SYMINDEX_BUILD_ID_MAX + 1];
	const struct symindex_segment *s;

	format_build_id(index, id, sizeof(id));
	buf_printf(out,
		   "{\"build_id\": \"%s\", \"source\": \"%s\", \"symbols\": %" PRIu32
		   ", \"plt_stubs\": %" PRIu32 ",\n \"segments\": [",
		   id, source_names[symindex_source(index)], symindex_count(index),
		   count_stubs(index));
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

/* An address that was asked for, and what it is called. */
struct answer {
	uint64_t vaddr;
	struct symindex_name name;
	const char *readable; /* the demangled name, or the symbol; NULL = no symbol covers it */
};

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

/* ret_storage holds the readable names. Where demangling fails the symbols are shown as they are.
 */
static void name_answers(const struct symindex *index, struct answer *answers, uint32_t count,
			 char ***ret_storage)
{
	_cleanup_free_ const char **symbols = calloc(count, sizeof(*symbols));
	char **readable = NULL;

	for (uint32_t i = 0; i < count; i++) {
		if (symindex_lookup(index, answers[i].vaddr, &answers[i].name))
			answers[i].readable = answers[i].name.symbol;
		if (symbols)
			symbols[i] = answers[i].readable ? answers[i].readable : "";
	}
	if (!symbols || parser_demangle(symbols, count, DEADLINE_MS, &readable))
		return;
	for (uint32_t i = 0; i < count; i++)
		if (readable[i])
			answers[i].readable = readable[i];
	*ret_storage = readable;
}

static void answer_as_text(const struct answer *a, const char *module, struct buf *out)
{
	char shown[1024];

	if (a->readable)
		buf_printf(out, "0x%" PRIx64 " %s%s+0x%" PRIx64 "\n", a->vaddr,
			   quote(shown, sizeof(shown), a->readable), a->name.is_plt ? "@plt" : "",
			   a->vaddr - a->name.start);
	else
		buf_printf(out, "0x%" PRIx64 " %s+0x%" PRIx64 "\n", a->vaddr,
			   quote(shown, sizeof(shown), module), a->vaddr);
}

static void answer_as_json(const struct answer *a, struct buf *out)
{
	buf_printf(out, "{\"vaddr\": \"0x%" PRIx64 "\", \"name\": ", a->vaddr);
	if (!a->readable) {
		buf_add_str(out, "null}");
		return;
	}
	buf_add_json(out, a->readable);
	buf_add_str(out, ", \"symbol\": ");
	buf_add_json(out, a->name.symbol);
	buf_printf(out, ", \"start\": \"0x%" PRIx64 "\", \"size\": %" PRIu64 ", \"plt\": %s}",
		   a->name.start, a->name.size, a->name.is_plt ? "true" : "false");
}

static int print_answers(const struct answer *answers, uint32_t count, const char *path, bool json)
{
	const char *slash = strrchr(path, '/');
	struct buf out = {0};

	if (json)
		buf_add_str(&out, "[");
	for (uint32_t i = 0; i < count; i++) {
		if (json && i)
			buf_add_str(&out, ",\n ");
		if (json)
			answer_as_json(&answers[i], &out);
		else
			answer_as_text(&answers[i], slash ? slash + 1 : path, &out);
	}
	if (json)
		buf_add_str(&out, "]\n");
	return print(&out);
}

static int run_addr(const void *raw, int argc, char **argv)
{
	const struct dump_elf_options *options = raw;
	_cleanup_(symindex_freep) struct symindex *index = NULL;
	_cleanup_free_ struct answer *answers = calloc((size_t)argc + 1, sizeof(*answers));
	_cleanup_free_ char **storage = NULL;
	int status = STATUS_OK;

	if (argc < 2)
		return usage("a FILE and at least one VADDR", "addr");
	if (!answers)
		return STATUS_ERROR;
	for (int i = 1; !status && i < argc; i++)
		status = parse_vaddr(argv[i], &answers[i - 1].vaddr);
	if (!status)
		status = open_index(argv[0], &index);
	if (status)
		return status;
	name_answers(index, answers, (uint32_t)argc - 1, &storage);
	return print_answers(answers, (uint32_t)argc - 1, argv[0], options->json);
}

const struct command dump_elf_command = {
	.name = "elf",
	.arguments = "FILE",
	.summary = "build id, segments and symbols of an ELF file",
	.options = dump_elf_options,
	.options_size = sizeof(struct dump_elf_options),
	.run = run_elf,
};

const struct command dump_addr_command = {
	.name = "addr",
	.arguments = "FILE VADDR..",
	.summary = "what addresses of an ELF file are called",
	.details =
		"VADDR is hexadecimal, an address in the ELF image as nm shows it. Addresses that\n"
		"no symbol covers read FILE+0xaddress.\n",
	.options = dump_elf_options,
	.options_size = sizeof(struct dump_elf_options),
	.run = run_addr,
};
