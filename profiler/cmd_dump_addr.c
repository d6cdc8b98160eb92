/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wick dump addr: what stands at addresses of an ELF file.
 *
 * Addresses come by the million, so they are answered batch by batch, as many as are there at once:
 * who writes one and waits gets his answer. A batch is looked up, its names that are new are made
 * readable by one child, then it is printed; names and files are made safe for a terminal once.
 */
#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/hashmap.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/commands.h"
#include "profiler/debuginfod_option.h"
#include "profiler/elf_index.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	DEMANGLE_MS = 60000,
	INPUT_SIZE = 1 << 20,  /* bytes of a batch on stdin */
	OUTPUT_SIZE = 1 << 20, /* bytes that are written at once */
	WORD_MAX = 64,
	GUIDE_FROM =
		4096, /* addresses of a batch that make a guide to the index worth its making */
};

struct dump_addr_options {
	bool json;
	const char *debuginfod;
};

static const struct option_spec dump_addr_options[] = {
	DEBUGINFOD_OPTION(struct dump_addr_options, debuginfod),
	{.name = "json",
	 .kind = OPTION_FLAG,
	 .help = "as JSON",
	 .offset = offsetof(struct dump_addr_options, json)},
	{.name = NULL},
};

/* A string of the index, and what is printed for it. */
struct word {
	const char *raw;     /* in the index; told apart by where it stands */
	uint32_t text, size; /* in the words' text; size 0: not made yet */
};

struct words {
	struct word *word;
	uint32_t count, room;
	struct hashmap by_raw;
	struct buf text;
};

static void words_release(struct words *words)
{
	free(words->word);
	hashmap_release(&words->by_raw);
	buf_release(&words->text);
}

/* An address that was asked for, and its levels among the batch's. */
struct answer {
	uint64_t vaddr;
	uint32_t first, count;
};

struct level {
	struct symindex_frame frame;
	uint32_t function, file; /* words; where the frame has them */
};

struct dump {
	struct elf_index file;
	const char *module; /* the last part of the file's path */
	bool json, any;
	struct words functions, files;
	struct answer *answers;
	uint32_t answer_count, answers_size;
	struct level *levels;
	uint32_t level_count, levels_size;
	uint32_t readable; /* functions that have been made so */
	struct buf out;
};

static void dump_release(struct dump *dump)
{
	elf_index_release(&dump->file);
	words_release(&dump->functions);
	words_release(&dump->files);
	free(dump->answers);
	free(dump->levels);
	buf_release(&dump->out);
}

static int out_of_memory(void)
{
	log_error("out of memory");
	return STATUS_ERROR;
}

/* --- words --- */

static bool is_raw(const void *table, uint32_t position, const void *raw)
{
	return ((const struct words *)table)->word[position].raw == raw;
}

static int word_of(struct words *words, const char *raw, uint32_t *ret_word)
{
	uint64_t hash = hash_mix((uintptr_t)raw, 0);
	uint32_t at = hashmap_find(&words->by_raw, hash, is_raw, words, raw);
	int err = 0;

	if (at == HASHMAP_NONE) {
		at = words->count;
		err = array_reserve(&words->word, &words->room, (size_t)at + 1);
		if (!err)
			err = hashmap_add(&words->by_raw, hash, at);
		if (err)
			return err;
		words->word[words->count++] = (struct word){.raw = raw};
	}
	*ret_word = at;
	return 0;
}

static void write_word(struct words *words, uint32_t n, const char *text, bool json)
{
	size_t from = words->text.used;
	char shown[1024];

	if (json)
		buf_add_json(&words->text, text);
	else
		buf_add_str(&words->text, quote(shown, sizeof(shown), text));
	words->word[n].text = (uint32_t)from;
	words->word[n].size = (uint32_t)(words->text.used - from);
}

static void add_word(const struct words *words, uint32_t n, struct buf *out)
{
	buf_add(out, words->text.bytes + words->word[n].text, words->word[n].size);
}

/* Where demangling fails the symbols are shown as they are. */
static int write_functions(struct dump *dump)
{
	struct words *words = &dump->functions;
	uint32_t first = dump->readable, count = words->count - first;
	_cleanup_free_ const char **raw = calloc((size_t)count + 1, sizeof(*raw));
	_cleanup_free_ char **readable = NULL;

	if (!raw)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		raw[i] = words->word[first + i].raw;
	if (count && parser_demangle(raw, count, DEMANGLE_MS, &readable))
		readable = NULL;
	for (uint32_t i = 0; i < count; i++)
		write_word(words, first + i, readable && readable[i] ? readable[i] : raw[i],
			   dump->json);
	dump->readable = words->count;
	return buf_error(&words->text);
}

/* --- a batch --- */

static int look_up(struct dump *dump, struct answer *answer)
{
	struct symindex_frame frames[SYMINDEX_DEPTH_MAX];
	int err;

	answer->first = dump->level_count;
	answer->count =
		symindex_frames(dump->file.index, answer->vaddr, frames, SYMINDEX_DEPTH_MAX);
	err = array_reserve(&dump->levels, &dump->levels_size,
			    (size_t)answer->first + answer->count);
	for (uint32_t i = 0; !err && i < answer->count; i++) {
		struct level *level = &dump->levels[dump->level_count++];

		level->frame = frames[i];
		if (frames[i].function)
			err = word_of(&dump->functions, frames[i].function, &level->function);
		if (!err && frames[i].file)
			err = word_of(&dump->files, frames[i].file, &level->file);
	}
	return err;
}

static int name_all(struct dump *dump)
{
	uint32_t files = dump->files.count;
	int err = 0;

	dump->level_count = 0;
	if (dump->answer_count >= GUIDE_FROM && symindex_guide(dump->file.index))
		log_debug("no memory to look addresses up faster");
	for (uint32_t i = 0; !err && i < dump->answer_count; i++)
		err = look_up(dump, &dump->answers[i]);
	if (!err)
		err = write_functions(dump);
	for (uint32_t i = files; !err && i < dump->files.count; i++)
		write_word(&dump->files, i, dump->files.word[i].raw, dump->json);
	return err ? err : buf_error(&dump->files.text);
}

/* --- printing --- */

static void add_digits(struct buf *out, uint64_t number, unsigned int base)
{
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number);
	buf_add(out, digits + at, sizeof(digits) - at);
}

static void add_hex(struct buf *out, uint64_t number)
{
	buf_add(out, "0x", 2);
	add_digits(out, number, 16);
}

static void level_as_text(const struct dump *dump, const struct level *level, uint64_t vaddr,
			  struct buf *out)
{
	const struct symindex_frame *f = &level->frame;
	char shown[512];

	if (f->function) {
		add_word(&dump->functions, level->function, out);
	} else {
		buf_add_str(out, quote(shown, sizeof(shown), dump->module));
		buf_add(out, "+", 1);
		add_hex(out, vaddr);
	}
	if (f->is_plt)
		buf_add(out, "@plt", 4);
	if (f->is_inlined) {
		buf_add(out, " (inlined)", 10);
	} else if (f->source) {
		buf_add(out, "+", 1);
		add_hex(out, vaddr - f->start);
	}
	if (f->file) {
		buf_add(out, " ", 1);
		add_word(&dump->files, level->file, out);
		buf_add(out, ":", 1);
		add_digits(out, f->line, 10);
	}
	buf_add(out, "\n", 1);
}

static void answer_as_text(const struct dump *dump, const struct answer *a, struct buf *out)
{
	static const char blanks[] = "                       ";
	size_t from = out->used, width;

	add_hex(out, a->vaddr);
	buf_add(out, " ", 1);
	width = out->used - from;
	for (uint32_t i = 0; i < a->count; i++) {
		if (i)
			buf_add(out, blanks, width);
		level_as_text(dump, &dump->levels[a->first + i], a->vaddr, out);
	}
}

static void level_as_json(const struct dump *dump, const struct level *level, struct buf *out)
{
	const struct symindex_frame *f = &level->frame;

	buf_add_str(out, "{\"name\": ");
	if (f->function)
		add_word(&dump->functions, level->function, out);
	else
		buf_add_str(out, "null");
	buf_add_str(out, ", \"symbol\": ");
	if (f->function)
		buf_add_json(out, f->function);
	else
		buf_add_str(out, "null");
	buf_add_str(out, ", \"file\": ");
	if (f->file)
		add_word(&dump->files, level->file, out);
	else
		buf_add_str(out, "null");
	buf_printf(out, ", \"line\": %" PRIu32 ", \"inlined\": %s}", f->line,
		   f->is_inlined ? "true" : "false");
}

/* The function that is called, then all levels. */
static void answer_as_json(const struct dump *dump, const struct answer *a, struct buf *out)
{
	const struct level *last = &dump->levels[a->first + a->count - 1];
	struct symindex_name name;

	buf_printf(out, "{\"vaddr\": \"0x%" PRIx64 "\", \"name\": ", a->vaddr);
	if (last->frame.function)
		add_word(&dump->functions, last->function, out);
	else
		buf_add_str(out, "null");
	if (symindex_lookup(dump->file.index, a->vaddr, &name)) {
		buf_add_str(out, ", \"symbol\": ");
		buf_add_json(out, name.symbol);
		buf_printf(out,
			   ", \"start\": \"0x%" PRIx64 "\", \"size\": %" PRIu64 ", \"plt\": %s",
			   name.start, name.size, name.is_plt ? "true" : "false");
	}
	buf_add_str(out, ", \"frames\": [");
	for (uint32_t i = a->first; i < a->first + a->count; i++) {
		buf_add_str(out, i > a->first ? ", " : "");
		level_as_json(dump, &dump->levels[i], out);
	}
	buf_add_str(out, "]}");
}

static int flush(struct dump *dump)
{
	int err = buf_error(&dump->out);

	if (err)
		return out_of_memory();
	err = file_write_all(STDOUT_FILENO, dump->out.bytes, dump->out.used);
	buf_clear(&dump->out);
	if (!err)
		return STATUS_OK;
	log_error("cannot write to stdout: %s", strerror(-err));
	return STATUS_ERROR;
}

/* Answers the batch, and empties it. */
static int answer_all(struct dump *dump)
{
	int status = STATUS_OK;

	if (name_all(dump))
		return out_of_memory();
	for (uint32_t i = 0; !status && i < dump->answer_count; i++) {
		if (dump->json) {
			buf_add_str(&dump->out, dump->any ? ",\n " : "[");
			answer_as_json(dump, &dump->answers[i], &dump->out);
		} else {
			answer_as_text(dump, &dump->answers[i], &dump->out);
		}
		dump->any = true;
		if (dump->out.used >= OUTPUT_SIZE)
			status = flush(dump);
	}
	dump->answer_count = 0;
	return status ? status : flush(dump);
}

/* --- addresses --- */

/* In hexadecimal, with or without 0x. False: it is none, or past 64 bits. */
static bool read_hex(const char *at, const char *end, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (end - at > 2 && at[0] == '0' && (at[1] | 0x20) == 'x')
		at += 2;
	if (at == end)
		return false;
	for (; at < end; at++) {
		unsigned int c = (unsigned char)*at, letter = (c | 0x20) - 'a';
		unsigned int digit = c - '0' < 10 ? c - '0' : letter < 6 ? letter + 10 : 16;

		if (digit > 15 || number >> 60)
			return false;
		number = number << 4 | digit;
	}
	*ret_number = number;
	return true;
}

static int add_address(struct dump *dump, const char *at, const char *end)
{
	char word[WORD_MAX], shown[WORD_MAX];
	uint64_t vaddr;

	if (!read_hex(at, end, &vaddr)) {
		snprintf(word, sizeof(word), "%.*s", (int)(end - at), at);
		log_error("'%s' is no address", quote(shown, sizeof(shown), word));
		log_hint("give it in hexadecimal, as nm and objdump do: 0x1139");
		return STATUS_USAGE;
	}
	if (array_reserve(&dump->answers, &dump->answers_size, dump->answer_count + 1u))
		return out_of_memory();
	dump->answers[dump->answer_count++].vaddr = vaddr;
	return STATUS_OK;
}

static bool is_blank(char c)
{
	return c == '\n' || c == ' ' || c == '\t' || c == '\r';
}

/* The words of bytes[0, size), of which the last may go on: *ret_used is where it begins. */
static int add_addresses(struct dump *dump, const char *bytes, size_t size, bool is_end,
			 size_t *ret_used)
{
	size_t at = 0;
	int status = STATUS_OK;

	*ret_used = 0;
	while (!status) {
		size_t start;

		while (at < size && is_blank(bytes[at]))
			at++;
		for (start = *ret_used = at; at < size && !is_blank(bytes[at]);)
			at++;
		if (start == at || (at == size && !is_end && (start || size < INPUT_SIZE)))
			break;
		status = add_address(dump, bytes + start, bytes + at);
		*ret_used = at;
	}
	return status;
}

/* What is there, up to size bytes; waits only while there is nothing. 0: the end. */
static ssize_t read_some(char *to, size_t size)
{
	struct pollfd more = {.fd = STDIN_FILENO, .events = POLLIN};
	size_t used = 0;
	ssize_t n;

	do {
		n = read(STDIN_FILENO, to + used, size - used);
		if (n > 0)
			used += (size_t)n;
	} while ((n < 0 && errno == EINTR) ||
		 (n > 0 && used < size && poll(&more, 1, 0) > 0 && (more.revents & POLLIN)));
	return n < 0 && !used ? -errno : (ssize_t)used;
}

static int answer_stdin(struct dump *dump)
{
	_cleanup_free_ char *bytes = malloc(INPUT_SIZE);
	size_t used = 0, done;
	ssize_t n = 1;
	int status = bytes ? STATUS_OK : out_of_memory();

	while (!status && n > 0) {
		n = read_some(bytes + used, INPUT_SIZE - used);
		if (n < 0) {
			log_error("cannot read addresses: %s", strerror((int)-n));
			return STATUS_ERROR;
		}
		used += (size_t)n;
		status = add_addresses(dump, bytes, used, n == 0, &done);
		if (!status)
			status = answer_all(dump);
		memmove(bytes, bytes + done, used - done);
		used -= done;
	}
	return status;
}

static int answer_arguments(struct dump *dump, char **argv)
{
	int status = STATUS_OK;

	for (; !status && *argv; argv++)
		status = add_address(dump, *argv, *argv + strlen(*argv));
	return status ? status : answer_all(dump);
}

static int run(const void *raw, int argc, char **argv)
{
	const struct dump_addr_options *options = raw;
	_cleanup_(dump_release) struct dump dump = {.json = options->json};
	const char *slash;
	int status;

	if (argc < 1) {
		log_error("'wick dump addr' needs a FILE");
		log_hint("see 'wick dump addr --help'");
		return STATUS_USAGE;
	}
	status = elf_index_open(argv[0], options->debuginfod, &dump.file);
	if (status)
		return status;
	slash = strrchr(argv[0], '/');
	dump.module = slash ? slash + 1 : argv[0];
	status = argc > 1 ? answer_arguments(&dump, argv + 1) : answer_stdin(&dump);
	if (!status && dump.json) {
		buf_add_str(&dump.out, dump.any ? "]\n" : "[]\n");
		status = flush(&dump);
	}
	return status;
}

const struct command dump_addr_command = {
	.name = "addr",
	.arguments = "FILE [VADDR..]",
	.summary = "functions, inlined calls and lines at addresses",
	.details =
		"VADDR is hexadecimal, in the ELF image, as nm shows it; without any they are\n"
		"read from stdin. Inlined calls come first, the function called last.\n"
		"Addresses that nothing names read FILE+0xaddress. The symbol cache is that of\n"
		"record, by this user's rights. --debuginfod takes $DEBUGINFOD_URLS, or =URLS;\n"
		"build ids of private code leave this machine with it. Nothing is asked without.\n",
	.options = dump_addr_options,
	.options_size = sizeof(struct dump_addr_options),
	.run = run,
};
