/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 *	header   magic, version, size, machine, padding, pid, time, flags
 *	record   id, size, time (CLOCK_MONOTONIC), then by its id
 *	  0 JIT_CODE_LOAD        pid, tid, vma, address, size, index, name, the code
 *	  1 JIT_CODE_MOVE        pid, tid, vma, old address, new address, size, index
 *	  2 JIT_CODE_DEBUG_INFO  address, count, entries: address, line, column, file; stands before
 *	                         the load that it is of
 *	  3 JIT_CODE_CLOSE
 *
 * V8 adds the size of an ELF header to the addresses of its lines, as perf inject once needed it. It
 * is known by what it has for padding.
 */
#include "symbolizer/jitdump.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/hashmap.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	MAGIC = 0x4a695444, /* "JiTD" */
	VERSION = 1,
	HEADER_SIZE = 40,
	V8_PADDING = 0xdeadbeef,
	V8_SHIFT = 0x40,
	ARCH_TIMESTAMP = 1, /* the header's flag: times are of the processor's own counter */
	RECORD_SIZE = 16,
	LOAD_SIZE = RECORD_SIZE + 40,
	DEBUG_SIZE = RECORD_SIZE + 16,
	FILE_MAX = 4096, /* bytes of a file's name */
	WINDOW = 64 << 10,
};

enum { CODE_LOAD, CODE_MOVE, CODE_DEBUG_INFO, CODE_CLOSE };

struct loaded {
	uint64_t index;
	struct jit_code code;
};

struct reader {
	int fd;
	jit_code_take take;
	void *context;
	bool is_v8;
	uint8_t *window; /* of the file, from window_off on */
	uint64_t window_off;
	size_t window_size;
	struct loaded *loaded; /* what a move may speak of */
	uint32_t loaded_count, loaded_size;
	struct hashmap by_index;
	struct jit_code debug; /* row_*: lines that wait for their code, at start */
};

struct record {
	uint32_t id, size;
	uint64_t time_ns, off;
};

bool jitdump_is_path(const char *path)
{
	const char *name = strrchr(path, '/');
	size_t digits;

	name = name ? name + 1 : path;
	if (strncmp(name, "jit-", 4) != 0)
		return false;
	digits = strspn(name + 4, "0123456789");
	name += 4 + digits;
	return digits && (!strcmp(name, ".dump") || !strcmp(name, ".dump (deleted)"));
}

/* At most size bytes at off, from one read for many records. */
static struct cursor bytes_at(struct reader *r, uint64_t off, size_t size)
{
	uint64_t skip = off - r->window_off;
	ssize_t got;

	if (off < r->window_off || skip > r->window_size || r->window_size - skip < size) {
		got = pread(r->fd, r->window, WINDOW, (off_t)off);
		r->window_off = off;
		r->window_size = got > 0 ? (size_t)got : 0;
		skip = 0;
	}
	if (size > r->window_size - skip)
		size = r->window_size - skip;
	return cursor_of(r->window + skip, size);
}

static bool read_header(struct reader *r, uint64_t *ret_size, bool *ret_is_timed)
{
	struct cursor c = bytes_at(r, 0, HEADER_SIZE);
	uint32_t magic, version, size, machine, padding, pid;
	uint64_t time_ns, flags;

	if (!cursor_u32(&c, &magic) || !cursor_u32(&c, &version) || !cursor_u32(&c, &size) ||
	    !cursor_u32(&c, &machine) || !cursor_u32(&c, &padding) || !cursor_u32(&c, &pid) ||
	    !cursor_u64(&c, &time_ns) || !cursor_u64(&c, &flags) || magic != MAGIC ||
	    version != VERSION || size < HEADER_SIZE)
		return false;
	r->is_v8 = padding == V8_PADDING;
	*ret_size = size;
	*ret_is_timed = !(flags & ARCH_TIMESTAMP);
	return true;
}

/* --- code --- */

static bool index_equal(const void *table, uint32_t position, const void *key)
{
	return ((const struct reader *)table)->loaded[position].index == *(const uint64_t *)key;
}

/* The newest code of an index is the one that may be moved. */
static int remember(struct reader *r, uint64_t index, const struct jit_code *code)
{
	uint64_t hash = hash_mix(index, 0);
	uint32_t at = hashmap_find(&r->by_index, hash, index_equal, r, &index);
	int err = 0;

	if (at == HASHMAP_NONE) {
		at = r->loaded_count;
		err = array_reserve(&r->loaded, &r->loaded_size, (size_t)at + 1);
		if (!err)
			err = hashmap_add(&r->by_index, hash, at);
		if (err)
			return err;
		r->loaded_count++;
	}
	r->loaded[at] = (struct loaded){index, *code};
	return 0;
}

static int take_load(struct reader *r, const struct record *record)
{
	struct cursor c = bytes_at(r, record->off, LOAD_SIZE + JIT_NAME_MAX + 1);
	struct jit_code code = {.from_ns = record->time_ns, .name_off = record->off + LOAD_SIZE};
	uint64_t index;
	const uint8_t *nul;
	size_t most;
	int err;

	/* its head, pid, tid, vma */
	if (!cursor_skip(&c, RECORD_SIZE + 16) || !cursor_u64(&c, &code.start) ||
	    !cursor_u64(&c, &code.size) || !cursor_u64(&c, &index))
		return -EBADMSG;
	most = record->size - LOAD_SIZE < cursor_left(&c) ? record->size - LOAD_SIZE
							  : cursor_left(&c);
	nul = most ? memchr(c.pos, 0, most) : NULL;
	code.name_length = (uint32_t)(nul ? (size_t)(nul - c.pos) : most);
	if (code.name_length > JIT_NAME_MAX)
		code.name_length = JIT_NAME_MAX;
	if (r->debug.row_off && r->debug.start == code.start) {
		code.row_off = r->debug.row_off;
		code.row_end = r->debug.row_end;
		code.row_addr = code.start;
		code.row_shift = r->is_v8 ? V8_SHIFT : 0;
	}
	r->debug.row_off = 0;
	if (!code.size || !code.name_length)
		return 0;
	err = remember(r, index, &code);
	return err ? err : r->take(r->context, &code);
}

static int take_move(struct reader *r, const struct record *record)
{
	struct cursor c = bytes_at(r, record->off, LOAD_SIZE + 8);
	struct jit_code gone = {.from_ns = record->time_ns}, *code;
	uint64_t to, size, index;
	uint32_t at;
	int err;

	if (!cursor_skip(&c, RECORD_SIZE + 16) || !cursor_u64(&c, &gone.start) ||
	    !cursor_u64(&c, &to) || !cursor_u64(&c, &size) || !cursor_u64(&c, &index))
		return -EBADMSG;
	at = hashmap_find(&r->by_index, hash_mix(index, 0), index_equal, r, &index);
	if (at == HASHMAP_NONE || r->loaded[at].code.start != gone.start)
		return 0;
	code = &r->loaded[at].code;
	gone.size = code->size;
	err = r->take(r->context, &gone);
	code->start = to;
	code->from_ns = record->time_ns;
	return err ? err : r->take(r->context, code);
}

static int take_debug(struct reader *r, const struct record *record)
{
	struct cursor c = bytes_at(r, record->off, DEBUG_SIZE);

	r->debug = (struct jit_code){.row_off = record->off + RECORD_SIZE + 8,
				     .row_end = record->off + record->size};
	return cursor_skip(&c, RECORD_SIZE) && cursor_u64(&c, &r->debug.start) ? 0 : -EBADMSG;
}

static int take_record(struct reader *r, const struct record *record)
{
	static const struct {
		int (*take)(struct reader *r, const struct record *record);
		uint32_t size; /* at least */
	} kinds[] = {
		[CODE_LOAD] = {take_load, LOAD_SIZE + 1},
		[CODE_MOVE] = {take_move, LOAD_SIZE + 8},
		[CODE_DEBUG_INFO] = {take_debug, DEBUG_SIZE},
	};

	if (record->id >= ARRAY_SIZE(kinds))
		return 0;
	return record->size < kinds[record->id].size ? -EBADMSG : kinds[record->id].take(r, record);
}

static bool next_record(struct reader *r, uint64_t off, uint64_t end, struct record *ret_record)
{
	struct cursor c = bytes_at(r, off, RECORD_SIZE);
	struct record record = {.off = off};

	if (!cursor_u32(&c, &record.id) || !cursor_u32(&c, &record.size) ||
	    !cursor_u64(&c, &record.time_ns) || record.size < RECORD_SIZE ||
	    record.size > end - off || record.id == CODE_CLOSE)
		return false;
	*ret_record = record;
	return true;
}

static int read_records(struct reader *r, uint64_t off)
{
	off_t size = lseek(r->fd, 0, SEEK_END);
	uint64_t end = size < 0 ? 0 : size < JITDUMP_BYTES_MAX ? (uint64_t)size : JITDUMP_BYTES_MAX;
	struct record record;
	int err = 0;

	while (!err && off < end && r->loaded_count < JITDUMP_CODES_MAX &&
	       next_record(r, off, end, &record)) {
		err = take_record(r, &record);
		off += record.size;
	}
	return err == -EBADMSG ? 0 : err;
}

int jitdump_read(int fd, jit_code_take take, void *context, bool *ret_is_timed)
{
	struct reader r = {.fd = fd, .take = take, .context = context};
	uint64_t off;
	int err;

	r.window = malloc(WINDOW);
	if (!r.window)
		return -ENOMEM;
	err = read_header(&r, &off, ret_is_timed) ? read_records(&r, off) : -EBADMSG;
	free(r.window);
	free(r.loaded);
	hashmap_release(&r.by_index);
	return err;
}

/* --- lines --- */

static bool is_file_name(const char *name)
{
	size_t length = 0;

	for (const uint8_t *at = (const uint8_t *)name; *at; at++, length++)
		if (*at < ' ' || *at == 0x7f || length >= FILE_MAX)
			return false;
	return length;
}

/* An entry; file stays where its name says "as before". */
static bool next_row(struct cursor *c, struct jitdump_row *row)
{
	const char *name;
	uint32_t column;

	if (!cursor_u64(c, &row->addr) || !cursor_u32(c, &row->line) || !cursor_u32(c, &column) ||
	    !cursor_cstr(c, &name))
		return false;
	if (strcmp(name, "\xff") != 0)
		row->file = name;
	return row->file && is_file_name(row->file);
}

static bool are_sound(const struct jit_code *code, struct cursor c, uint64_t count,
		      uint64_t *ret_lowest)
{
	struct jitdump_row row = {0};

	*ret_lowest = UINT64_MAX;
	for (uint64_t i = 0; i < count; i++) {
		if (!next_row(&c, &row) || row.addr < code->row_addr ||
		    row.addr - code->row_addr > code->size + code->row_shift)
			return false;
		if (row.addr < *ret_lowest)
			*ret_lowest = row.addr;
	}
	return count;
}

int jitdump_rows(const struct jit_code *code, const void *bytes, jitdump_row_take take,
		 void *context)
{
	struct cursor c = cursor_of(bytes, code->row_end - code->row_off);
	uint64_t count, lowest, base = code->row_addr;
	struct jitdump_row row = {0};
	int err = 0;

	if (!cursor_u64(&c, &count) || !are_sound(code, c, count, &lowest))
		return 0;
	if (lowest - base >= code->row_shift)
		base += code->row_shift;
	for (uint64_t i = 0; !err && i < count; i++) {
		struct jitdump_row moved;

		next_row(&c, &row);
		moved = row;
		moved.addr = row.addr - base + code->start;
		err = take(context, &moved);
	}
	return err;
}
