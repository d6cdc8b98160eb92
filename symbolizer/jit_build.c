/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a perf map and a jitdump to the names of the addresses that are asked for, in the parser
 * child. Each piece of code is looked at once, as it is read: what covers an address is noted with
 * it; and each end of a piece bounds the stretch around the addresses beside it in which the same
 * holds as at the address itself.
 */
#include "symbolizer/jit_names.h"

#include "base/array.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/strtab.h"
#include "symbolizer/jitdump.h"
#include "symbolizer/perf_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum {
	KEPT_MAX = 1 << 20,	 /* pieces that cover an address */
	ROW_BYTES_MAX = 4 << 20, /* of the lines of one piece */
	STRING_BYTES_MAX = 64 << 20,
};

struct asked {
	uint64_t addr, first, last;
	uint32_t in_map;	      /* the newest piece of the perf map, or 0 */
	struct jit_version *versions; /* of the jitdump, in the order of the file */
	uint32_t count, size;
};

struct kept {
	struct jit_code code;
	int fd;	     /* of the file with its name */
	uint32_t id; /* in the answer, or 0 */
};

struct build {
	struct asked *asked;
	uint32_t asked_count;
	struct kept *kept; /* the first is none */
	uint32_t kept_count, kept_size;
	int fd; /* that is read */
	bool is_dump;
	struct jit_spot *spots;
	struct jit_version *versions;
	struct jit_piece *pieces;
	struct jit_row *rows;
	uint32_t spot_count, version_count, piece_count, row_count;
	uint32_t spots_size, versions_size, pieces_size, rows_size;
	struct strtab strings;
	uint64_t now_ns;
	bool is_part;
};

static void build_release(struct build *b)
{
	for (uint32_t i = 0; i < b->asked_count; i++)
		free(b->asked[i].versions);
	free(b->asked);
	free(b->kept);
	free(b->spots);
	free(b->versions);
	free(b->pieces);
	free(b->rows);
	strtab_release(&b->strings);
}

/* --- what is asked --- */

static int read_asked(struct build *b, int fd)
{
	const void *bytes;
	const uint64_t *numbers;
	size_t size, count;
	int err = file_map(fd, sizeof(uint64_t), &bytes, &size);

	if (err)
		return err;
	numbers = bytes;
	count = size / sizeof(*numbers) - 1;
	b->asked = count > JIT_ASKED_MAX ? NULL : calloc(count + 1, sizeof(*b->asked));
	if (b->asked) {
		b->now_ns = numbers[0];
		b->asked_count = (uint32_t)count;
	}
	for (size_t i = 0; b->asked && i < count; i++) {
		b->asked[i] = (struct asked){.addr = numbers[i + 1], .last = UINT64_MAX};
		if (i && numbers[i + 1] < numbers[i])
			err = -EBADMSG;
	}
	munmap((void *)bytes, size);
	return b->asked ? err : count > JIT_ASKED_MAX ? -EFBIG : -ENOMEM;
}

/* The number of asked addresses below addr. */
static uint32_t count_below(const struct build *b, uint64_t addr)
{
	uint32_t low = 0, high = b->asked_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (b->asked[middle].addr < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* --- code --- */

/* Something ends at last, or begins right behind it. */
static void bound(struct build *b, uint64_t last)
{
	uint32_t at;

	if (last == UINT64_MAX)
		return;
	at = count_below(b, last + 1);
	if (at && b->asked[at - 1].last > last)
		b->asked[at - 1].last = last;
	if (at < b->asked_count && b->asked[at].first <= last)
		b->asked[at].first = last + 1;
}

static int add_version(struct asked *asked, const struct jit_version *version)
{
	int err = 0;

	if (asked->count == JIT_VERSIONS_MAX) {
		memmove(asked->versions, asked->versions + 1,
			(JIT_VERSIONS_MAX - 1) * sizeof(*asked->versions));
		asked->count--;
	}
	err = array_reserve(&asked->versions, &asked->size, (size_t)asked->count + 1);
	if (!err)
		asked->versions[asked->count++] = *version;
	return err;
}

static int keep(struct build *b, const struct jit_code *code, uint32_t *ret_at)
{
	if (b->kept_count >= KEPT_MAX)
		return -E2BIG;
	if (array_reserve(&b->kept, &b->kept_size, (size_t)b->kept_count + 1))
		return -ENOMEM;
	*ret_at = b->kept_count;
	b->kept[b->kept_count++] = (struct kept){.code = *code, .fd = b->fd};
	return 0;
}

static int take_code(void *context, const struct jit_code *code)
{
	struct build *b = context;
	uint64_t last = code->start + code->size - 1;
	struct jit_version version = {.from_ns = code->from_ns};
	uint32_t at;
	int err = 0;

	if (last < code->start)
		last = UINT64_MAX;
	if (code->start)
		bound(b, code->start - 1);
	bound(b, last);
	at = count_below(b, code->start);
	if (at == b->asked_count || b->asked[at].addr > last)
		return 0;
	if (code->name_length)
		err = keep(b, code, &version.piece);
	for (; !err && at < b->asked_count && b->asked[at].addr <= last; at++) {
		if (b->is_dump)
			err = add_version(&b->asked[at], &version);
		else
			b->asked[at].in_map = version.piece;
	}
	return err;
}

/* Times that are of another clock are none: then newer entries win, as in a map. */
static void check_times(struct build *b, bool is_timed)
{
	for (uint32_t i = 0; is_timed && i < b->asked_count; i++)
		for (uint32_t j = 0; j < b->asked[i].count; j++)
			is_timed &= b->asked[i].versions[j].from_ns &&
				    b->asked[i].versions[j].from_ns <= b->now_ns;
	for (uint32_t i = 0; !is_timed && i < b->asked_count; i++)
		for (uint32_t j = 0; j < b->asked[i].count; j++)
			b->asked[i].versions[j].from_ns = 0;
}

/* By time, and where that is the same in the order of the file. They mostly are in order. */
static void sort_versions(struct asked *asked)
{
	for (uint32_t i = 1; i < asked->count; i++) {
		struct jit_version moved = asked->versions[i];
		uint32_t at = i;

		for (; at && asked->versions[at - 1].from_ns > moved.from_ns; at--)
			asked->versions[at] = asked->versions[at - 1];
		asked->versions[at] = moved;
	}
}

static bool is_regular(int fd)
{
	struct stat st;

	return fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode);
}

static int read_files(struct build *b, const struct jit_names_input *input)
{
	bool is_timed = false;
	int err = 0;

	b->fd = input->map_fd;
	if (is_regular(b->fd))
		err = perf_map_read(b->fd, take_code, b, &b->is_part);
	if (err && err != -E2BIG)
		return err;
	b->fd = input->dump_fd;
	b->is_dump = true;
	err = is_regular(b->fd) ? jitdump_read(b->fd, take_code, b, &is_timed) : 0;
	if (err && err != -E2BIG && err != -EBADMSG)
		return err;
	check_times(b, is_timed);
	for (uint32_t i = 0; i < b->asked_count; i++)
		sort_versions(&b->asked[i]);
	return 0;
}

/* --- the answer --- */

/* The file may have changed since it was looked at: then a name is a wrong one, but bounded. */
static int read_name(struct build *b, const struct kept *kept, uint32_t *ret_name)
{
	char name[JIT_NAME_MAX];
	ssize_t got = pread(kept->fd, name, kept->code.name_length, (off_t)kept->code.name_off);
	size_t length = 0;

	while (got > 0 && length < (size_t)got && name[length] && name[length] != '\n' &&
	       name[length] != '\r')
		length++;
	*ret_name = 0;
	if (!length || b->strings.bytes_used > STRING_BYTES_MAX)
		return 0;
	return strtab_add_n(&b->strings, name, length, ret_name);
}

static int add_row(void *context, const struct jitdump_row *row)
{
	struct build *b = context;
	struct jit_row added = {.addr = row->addr, .line = row->line};
	int err;

	if (b->row_count >= JIT_ROWS_MAX || b->strings.bytes_used > STRING_BYTES_MAX)
		return 0;
	err = strtab_add(&b->strings, row->file, &added.file);
	if (!err)
		err = array_reserve(&b->rows, &b->rows_size, (size_t)b->row_count + 1);
	if (!err)
		b->rows[b->row_count++] = added;
	return err;
}

static int compare_rows(const void *left, const void *right)
{
	const struct jit_row *a = left, *b = right;

	return a->addr < b->addr ? -1 : a->addr > b->addr;
}

static int read_rows(struct build *b, const struct kept *kept, struct jit_piece *piece)
{
	uint64_t size = kept->code.row_end - kept->code.row_off;
	_cleanup_free_ void *bytes = NULL;
	int err;

	piece->row = b->row_count;
	if (!kept->code.row_off || size > ROW_BYTES_MAX)
		return 0;
	bytes = malloc(size);
	if (!bytes)
		return -ENOMEM;
	if (pread(kept->fd, bytes, size, (off_t)kept->code.row_off) != (ssize_t)size)
		return 0;
	err = jitdump_rows(&kept->code, bytes, add_row, b);
	piece->row_count = b->row_count - piece->row;
	if (piece->row_count)
		qsort(b->rows + piece->row, piece->row_count, sizeof(*b->rows), compare_rows);
	return err;
}

static int add_piece(struct build *b, struct kept *kept)
{
	struct jit_piece piece = {.start = kept->code.start};
	int err = read_name(b, kept, &piece.name);

	if (!err)
		err = read_rows(b, kept, &piece);
	if (!err)
		err = array_reserve(&b->pieces, &b->pieces_size, (size_t)b->piece_count + 1);
	if (err)
		return err;
	kept->id = b->piece_count;
	b->pieces[b->piece_count++] = piece;
	return 0;
}

/* Code whose name cannot be read hides what was there before, all the same. */
static int put_version(struct build *b, const struct jit_version *version)
{
	struct kept *kept = &b->kept[version->piece];
	struct jit_version put = {.from_ns = version->from_ns};
	int err = version->piece && !kept->id ? add_piece(b, kept) : 0;

	if (!err)
		err = array_reserve(&b->versions, &b->versions_size, (size_t)b->version_count + 1);
	if (err)
		return err;
	put.piece = b->pieces[kept->id].name ? kept->id : 0;
	b->versions[b->version_count++] = put;
	return 0;
}

static int put_spot(struct build *b, const struct asked *asked)
{
	const struct jit_version in_map = {.piece = asked->in_map};
	struct jit_spot spot = {asked->first, asked->last, b->version_count, 0};
	int err = array_reserve(&b->spots, &b->spots_size, (size_t)b->spot_count + 1);

	if (!err && asked->in_map)
		err = put_version(b, &in_map);
	for (uint32_t i = 0; !err && i < asked->count; i++)
		err = put_version(b, &asked->versions[i]);
	if (err)
		return err;
	spot.version_count = b->version_count - spot.version;
	b->spots[b->spot_count++] = spot;
	return 0;
}

static int put_spots(struct build *b)
{
	struct asked *a = b->asked;
	int err = 0;

	for (uint32_t i = 1; i < b->asked_count; i++)
		if (a[i].first < a[i - 1].first)
			a[i].first = a[i - 1].first;
	for (uint32_t i = b->asked_count; i-- > 1;)
		if (a[i - 1].last > a[i].last)
			a[i - 1].last = a[i].last;
	for (uint32_t i = 0; !err && i < b->asked_count; i++)
		if (!i || a[i].first != a[i - 1].first)
			err = put_spot(b, &a[i]);
	return err;
}

/* The first piece is none, and so is the first that is kept. */
static int start(struct build *b)
{
	uint32_t string;
	int err = strtab_add(&b->strings, "", &string);

	if (!err)
		err = array_reserve(&b->kept, &b->kept_size, 1);
	if (!err)
		err = array_reserve(&b->pieces, &b->pieces_size, 1);
	if (err)
		return err;
	b->kept[b->kept_count++] = (struct kept){.fd = -1};
	b->pieces[b->piece_count++] = (struct jit_piece){0};
	return 0;
}

/* Ids become places in the strings. */
static void place_strings(struct build *b)
{
	for (uint32_t i = 0; i < b->piece_count; i++)
		b->pieces[i].name = b->strings.offsets[b->pieces[i].name];
	for (uint32_t i = 0; i < b->row_count; i++)
		b->rows[i].file = b->strings.offsets[b->rows[i].file];
}

static int write_answer(const struct build *b, int fd)
{
	const struct jit_names_header header = {
		.magic = JIT_NAMES_MAGIC,
		.spot_count = b->spot_count,
		.version_count = b->version_count,
		.piece_count = b->piece_count,
		.row_count = b->row_count,
		.string_size = (uint32_t)b->strings.bytes_used,
		.is_part = b->is_part,
	};
	int err = file_write_all(fd, &header, sizeof(header));

	if (!err)
		err = file_write_all(fd, b->spots, b->spot_count * sizeof(*b->spots));
	if (!err)
		err = file_write_all(fd, b->versions, b->version_count * sizeof(*b->versions));
	if (!err)
		err = file_write_all(fd, b->pieces, b->piece_count * sizeof(*b->pieces));
	if (!err)
		err = file_write_all(fd, b->rows, b->row_count * sizeof(*b->rows));
	return err ? err : file_write_all(fd, b->strings.bytes, b->strings.bytes_used);
}

int jit_names_build(const struct jit_names_input *input, int out_fd)
{
	_cleanup_(build_release) struct build b = {0};
	int err = start(&b);

	if (!err)
		err = read_asked(&b, input->asked_fd);
	if (!err)
		err = read_files(&b, input);
	if (!err)
		err = put_spots(&b);
	if (err)
		return err;
	place_strings(&b);
	return write_answer(&b, out_fd);
}
