/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/store_index.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <string.h>

enum {
	INDEX_VERSION = 2,
	BUSY_MS = 200, /* a reader never makes the writer wait; a checkpoint of another may */
	COLUMNS = 19,
	LOG_PAGES = 64,
	LOG_BYTES = LOG_PAGES * 4120 + (64 << 10),
};

static const char drop_all[] = "DROP TABLE IF EXISTS slice; DROP TABLE IF EXISTS timeline;";

/* synchronous=NORMAL: a row may be lost with the power, as its file cannot be. The log is kept
 * short, as it counts in the budget. */
static const char setup[] = "PRAGMA journal_mode=WAL;"
			    "PRAGMA synchronous=NORMAL;"
			    "PRAGMA wal_autocheckpoint=64;"
			    "PRAGMA journal_size_limit=262144;"
			    "PRAGMA cache_size=-512;";

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS slice("
	" level INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"
	" parts INTEGER NOT NULL, boot TEXT NOT NULL, start_ns INTEGER NOT NULL,"
	" end_ns INTEGER NOT NULL, wall_ns INTEGER NOT NULL, wall_end_ns INTEGER NOT NULL,"
	" align_ns INTEGER NOT NULL, age_ns INTEGER NOT NULL, samples INTEGER NOT NULL,"
	" cpu_ns INTEGER NOT NULL, taken INTEGER NOT NULL, written INTEGER NOT NULL,"
	" dropped INTEGER NOT NULL, complete INTEGER NOT NULL, bytes INTEGER NOT NULL,"
	" name TEXT NOT NULL, PRIMARY KEY(level, first)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS timeline("
	" level INTEGER NOT NULL, first INTEGER NOT NULL, service TEXT NOT NULL,"
	" at_s INTEGER NOT NULL, step_s INTEGER NOT NULL, samples INTEGER NOT NULL,"
	" cpu_ns INTEGER NOT NULL, cut INTEGER NOT NULL, dropped INTEGER NOT NULL,"
	" PRIMARY KEY(level, first, service, at_s, step_s)) WITHOUT ROWID;"
	"PRAGMA user_version=2;";

static const char untrue_timeline[] =
	"SELECT name FROM slice LEFT JOIN (SELECT level, first, sum(samples) AS s, sum(cpu_ns) AS "
	"c,"
	" sum(dropped) AS d FROM timeline GROUP BY level, first) USING(level, first)"
	" WHERE s IS NOT samples OR c IS NOT cpu_ns OR d IS NOT dropped LIMIT 1";

enum statement {
	LOAD,
	ADD,
	ADD_TIMELINE,
	LOAD_TIMELINE,
	REMOVE,
	REMOVE_TIMELINE,
	BEGIN,
	COMMIT,
	ROLLBACK,
	STATEMENTS
};

static const char *const texts[STATEMENTS] = {
	[LOAD] = ("SELECT level, first, last, parts, boot, start_ns, end_ns, wall_ns, wall_end_ns,"
		  " align_ns, age_ns, samples, cpu_ns, taken, written, dropped, complete, bytes"
		  " FROM slice ORDER BY first, level DESC"),
	[ADD] = "INSERT OR REPLACE INTO slice VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[ADD_TIMELINE] = "INSERT OR REPLACE INTO timeline VALUES(?,?,?,?,?,?,?,?,?)",
	[LOAD_TIMELINE] = ("SELECT service, at_s, step_s, samples, cpu_ns, cut, dropped"
			   " FROM timeline WHERE level=?1 AND first=?2"),
	[REMOVE_TIMELINE] = "DELETE FROM timeline WHERE level=?1 AND first=?2",
	[REMOVE] = "DELETE FROM slice WHERE level=?1 AND first=?2",
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
};

struct index {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
	int failure; /* of a change since index_begin() */
};

/* What the system said lies under SQLite's word for it. */
static int error_of(struct index *index, int code)
{
	int system = index->db ? sqlite3_system_errno(index->db) : 0;

	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_SCHEMA:
	case SQLITE_ERROR: /* no such table or column */
	case SQLITE_MISMATCH:
	case SQLITE_CONSTRAINT:
		return -EBADMSG;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	}
	return system > 0 ? -system : -EIO;
}

static int execute(struct index *index, const char *text)
{
	return error_of(index, sqlite3_exec(index->db, text, NULL, NULL, NULL));
}

static sqlite3_stmt *statement(struct index *index, enum statement which, int *ret_err)
{
	sqlite3_stmt **at = &index->statements[which];

	*ret_err = *at ? 0
		       : error_of(index, sqlite3_prepare_v3(index->db, texts[which], -1,
							    SQLITE_PREPARE_PERSISTENT, at, NULL));
	return *at;
}

static int run(struct index *index, sqlite3_stmt *prepared)
{
	int err = error_of(index, sqlite3_step(prepared));

	sqlite3_reset(prepared);
	return err;
}

static int run_simple(struct index *index, enum statement which)
{
	int err;
	sqlite3_stmt *prepared = statement(index, which, &err);

	return err ? err : run(index, prepared);
}

/* ---- life ---- */

static int version_of(struct index *index, int *ret_version)
{
	sqlite3_stmt *prepared = NULL;
	int err = error_of(
		index, sqlite3_prepare_v2(index->db, "PRAGMA user_version", -1, &prepared, NULL));

	if (!err && sqlite3_step(prepared) == SQLITE_ROW)
		*ret_version = sqlite3_column_int(prepared, 0);
	sqlite3_finalize(prepared);
	return err;
}

static int prepare(struct index *index, bool read_only)
{
	int version = 0;
	int err;

	sqlite3_busy_timeout(index->db, BUSY_MS);
	err = read_only ? 0 : execute(index, setup);
	if (!err)
		err = version_of(index, &version);
	if (!err && version < INDEX_VERSION && !read_only) {
		err = execute(index, drop_all);
		if (!err)
			err = execute(index, schema);
		version = INDEX_VERSION;
	}
	return !err && version != INDEX_VERSION ? -EBADMSG : err;
}

int index_open(const char *store, bool read_only, struct index **ret_index)
{
	_cleanup_(index_closep) struct index *index = calloc(1, sizeof(*index));
	char path[PATH_MAX];
	int flags = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	int err;

	if (!index)
		return -ENOMEM;
	if ((size_t)snprintf(path, sizeof(path), "%s/" INDEX_NAME, store) >= sizeof(path))
		return -ENAMETOOLONG;
	err = error_of(index, sqlite3_open_v2(path, &index->db, flags, NULL));
	if (!err)
		err = prepare(index, read_only);
	if (err)
		return err;
	*ret_index = TAKE_PTR(index);
	return 0;
}

void index_close(struct index *index)
{
	if (!index)
		return;
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(index->statements[i]);
	sqlite3_close(index->db);
	free(index);
}

/* ---- rows ---- */

static void read_row(sqlite3_stmt *row, struct slice *ret)
{
	const char *boot = (const char *)sqlite3_column_text(row, 4);
	int64_t numbers[COLUMNS - 1];

	for (int i = 0; i < COLUMNS - 1; i++)
		numbers[i] = i == 4 ? 0 : sqlite3_column_int64(row, i);
	*ret = (struct slice){
		.level = (uint32_t)numbers[0],
		.first = (uint32_t)numbers[1],
		.last = (uint32_t)numbers[2],
		.parts = (uint32_t)numbers[3],
		.start_ns = (uint64_t)numbers[5],
		.end_ns = (uint64_t)numbers[6],
		.wall_ns = numbers[7],
		.wall_end_ns = numbers[8],
		.align_ns = numbers[9],
		.age_ns = (uint64_t)numbers[10],
		.sums = {numbers[11], numbers[12], (uint64_t)numbers[13], (uint64_t)numbers[14],
			 (uint64_t)numbers[15], (uint64_t)numbers[16]},
		.bytes = (uint64_t)numbers[17],
		.is_indexed = true,
	};
	snprintf(ret->boot, sizeof(ret->boot), "%s", boot ? boot : "");
}

int index_load(struct index *index, struct catalog *catalog)
{
	int err, step = SQLITE_DONE;
	sqlite3_stmt *row = statement(index, LOAD, &err);

	while (!err && (step = sqlite3_step(row)) == SQLITE_ROW) {
		struct slice slice;

		read_row(row, &slice);
		err = slice.level < STORE_LEVELS ? catalog_add(catalog, &slice) : -EBADMSG;
	}
	if (!err)
		err = error_of(index, step);
	sqlite3_reset(row);
	return err;
}

static int note(struct index *index, int err)
{
	if (err && !index->failure)
		index->failure = err;
	return err;
}

int index_begin(struct index *index)
{
	index->failure = 0;
	return note(index, run_simple(index, BEGIN));
}

int index_end(struct index *index)
{
	int err = index->failure;

	if (!err)
		err = run_simple(index, COMMIT);
	if (err && !sqlite3_get_autocommit(index->db))
		run_simple(index, ROLLBACK);
	index->failure = 0;
	return err;
}

int index_add(struct index *index, const struct slice *slice)
{
	const int64_t numbers[COLUMNS - 1] = {
		slice->level,
		slice->first,
		slice->last,
		slice->parts,
		0,
		(int64_t)slice->start_ns,
		(int64_t)slice->end_ns,
		slice->wall_ns,
		slice->wall_end_ns,
		slice->align_ns,
		(int64_t)slice->age_ns,
		slice->sums.samples,
		slice->sums.cpu_ns,
		(int64_t)slice->sums.taken,
		(int64_t)slice->sums.written,
		(int64_t)slice->sums.dropped,
		(int64_t)slice->sums.complete,
		(int64_t)slice->bytes,
	};
	char name[SLICE_NAME_SIZE];
	int err;
	sqlite3_stmt *add = statement(index, ADD, &err);

	if (err)
		return note(index, err);
	for (int i = 0; i < COLUMNS - 1; i++)
		sqlite3_bind_int64(add, i + 1, numbers[i]);
	sqlite3_bind_text(add, 5, slice->boot, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(add, COLUMNS, slice_name(slice, name), -1, SQLITE_TRANSIENT);
	return note(index, run(index, add));
}

int index_add_timeline(struct index *index, const struct slice *slice,
		       const struct timeline *timeline, uint32_t at)
{
	const struct timeline_row *row = &timeline->rows[at];
	const int64_t numbers[] = {row->at_s,	row->step_s, row->samples,
				   row->cpu_ns, row->cut,    row->dropped};
	int err;
	sqlite3_stmt *add = statement(index, ADD_TIMELINE, &err);

	if (err)
		return note(index, err);
	sqlite3_bind_int64(add, 1, slice->level);
	sqlite3_bind_int64(add, 2, slice->first);
	sqlite3_bind_text(add, 3, strtab_get(&timeline->names, row->service), -1, SQLITE_TRANSIENT);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		sqlite3_bind_int64(add, (int)i + 4, numbers[i]);
	return note(index, run(index, add));
}

int index_load_timeline(struct index *index, const struct slice *slice, struct timeline *timeline)
{
	int err, step = SQLITE_DONE;
	sqlite3_stmt *row = statement(index, LOAD_TIMELINE, &err);

	if (err)
		return err;
	sqlite3_bind_int64(row, 1, slice->level);
	sqlite3_bind_int64(row, 2, slice->first);
	while (!err && (step = sqlite3_step(row)) == SQLITE_ROW)
		err = timeline_add(timeline, (const char *)sqlite3_column_text(row, 0),
				   &(struct timeline_row){
					   .at_s = sqlite3_column_int64(row, 1),
					   .step_s = (uint32_t)sqlite3_column_int64(row, 2),
					   .samples = sqlite3_column_int64(row, 3),
					   .cpu_ns = sqlite3_column_int64(row, 4),
					   .cut = sqlite3_column_int64(row, 5),
					   .dropped = sqlite3_column_int64(row, 6),
				   });
	if (!err)
		err = error_of(index, step);
	sqlite3_reset(row);
	return err;
}

static int remove_from(struct index *index, enum statement which, uint32_t level, uint32_t first)
{
	int err;
	sqlite3_stmt *remove = statement(index, which, &err);

	if (err)
		return note(index, err);
	sqlite3_bind_int64(remove, 1, level);
	sqlite3_bind_int64(remove, 2, first);
	return note(index, run(index, remove));
}

/* Rows of the timeline without a file's row would only be replaced by the next of its name. */
int index_remove(struct index *index, uint32_t level, uint32_t first)
{
	int err = remove_from(index, REMOVE_TIMELINE, level, first);

	return err ? err : remove_from(index, REMOVE, level, first);
}

/* The first row of a query, a text. 1: there is one, 0: there is none. */
static int first_text(struct index *index, const char *query, char *ret, size_t size)
{
	sqlite3_stmt *row = NULL;
	int err = error_of(index, sqlite3_prepare_v2(index->db, query, -1, &row, NULL));
	int step = err ? SQLITE_DONE : sqlite3_step(row);
	const char *text = step == SQLITE_ROW ? (const char *)sqlite3_column_text(row, 0) : NULL;

	if (!err)
		err = error_of(index, step);
	if (err)
		snprintf(ret, size, "%s", sqlite3_errmsg(index->db));
	else if (text)
		snprintf(ret, size, "%s", text);
	sqlite3_finalize(row);
	return err ? err : !!text;
}

int index_check(struct index *index, char *ret_why, size_t size)
{
	char name[SLICE_NAME_SIZE];
	int found = first_text(index, "PRAGMA integrity_check(1)", ret_why, size);

	if (found < 0)
		return found;
	if (!found || strcmp(ret_why, "ok"))
		return -EBADMSG;
	found = first_text(index, untrue_timeline, name, sizeof(name));
	if (found)
		snprintf(ret_why, size, "the timeline of '%s' does not have its sums", name);
	return found ? -EBADMSG : 0;
}

/* ---- files ---- */

static const char *const files[] = {INDEX_NAME, INDEX_NAME "-wal", INDEX_NAME "-shm"};

/* The log and the shared memory come and go: room for their usual size is always counted. */
uint64_t index_disk_bytes(int directory)
{
	uint64_t bytes = 0;

	for (size_t i = 1; i < ARRAY_SIZE(files); i++)
		bytes += slice_disk_bytes(slice_file_bytes(directory, files[i]));
	bytes = bytes > LOG_BYTES ? bytes : LOG_BYTES;
	return bytes + slice_disk_bytes(slice_file_bytes(directory, files[0]));
}

static int unlink_from(int directory, size_t first)
{
	int err = 0;

	for (size_t i = first; i < ARRAY_SIZE(files); i++)
		if (TEMP_FAILURE_RETRY(unlinkat(directory, files[i], 0)) && errno != ENOENT)
			err = -errno;
	return err;
}

int index_set_aside(int directory, const char *kept)
{
	int err = TEMP_FAILURE_RETRY(renameat(directory, files[0], directory, kept)) ? -errno : 0;
	int unlinked = unlink_from(directory, 1);

	return err && err != -ENOENT ? err : unlinked;
}

int index_forget(int directory)
{
	return unlink_from(directory, 0);
}
