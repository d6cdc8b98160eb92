/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/parser.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "base/file.h"
#include "symbolizer/child.h"
#include "symbolizer/demangle.h"
#include "symbolizer/elf_debugdata.h"
#include "symbolizer/fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum {
	NAMES_MAX = 64 << 20,	   /* bytes of names in one demangling, either way */
	DEMANGLE_CHILDREN_MAX = 8, /* for one call: each but the first costs a name its demangler */
};

/* What index children are asked for, with words behind it: INDEX_FIRST: see symindex_input.may_ask;
 * XZ: .may_unpack; PLACE: .debug_place; NOW: at normal priority. */
static const char INDEX[] = "index", INDEX_FIRST[] = "index-first", HASTE[] = "index-in-haste";
static const char XZ[] = " xz", PLACE[] = " at ", NOW[] = " now";
static const char JIT[] = "jit";

/* The same, after the debug info has killed a child: the symbols alone, and why. */
static const char *const symbols_verbs[SYMINDEX_DEBUG_KINDS] = {
	[SYMINDEX_DEBUG_TOO_BIG] = "symbols-too-big",
	[SYMINDEX_DEBUG_CRASHED] = "symbols-crashed",
	[SYMINDEX_DEBUG_TOO_SLOW] = "symbols-too-slow",
	[SYMINDEX_DEBUG_TOO_HUNGRY] = "symbols-too-hungry",
};

static bool is_verb(const char *asked, const char *verb)
{
	size_t length = strlen(verb);

	return !strncmp(asked, verb, length) && (!asked[length] || asked[length] == ' ');
}

/* SYMINDEX_DEBUG_NONE: the verb is none of these. */
static enum symindex_debug given_up(const char *verb)
{
	for (unsigned int i = 0; i < SYMINDEX_DEBUG_KINDS; i++)
		if (symbols_verbs[i] && is_verb(verb, symbols_verbs[i]))
			return (enum symindex_debug)i;
	return SYMINDEX_DEBUG_NONE;
}

/* All of a file of at most NAMES_MAX bytes; reads at its own offset, whatever the descriptor's. */
static int read_all(int fd, struct buf *ret_bytes)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size > NAMES_MAX)
		return -EFBIG;
	if (!buf_reserve(ret_bytes, (size_t)st.st_size + 1))
		return -ENOMEM;
	while (ret_bytes->used < (size_t)st.st_size) {
		ssize_t got = pread(fd, ret_bytes->bytes + ret_bytes->used,
				    (size_t)st.st_size - ret_bytes->used, (off_t)ret_bytes->used);

		if (got == 0)
			break;
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0)
			ret_bytes->used += (size_t)got;
	}
	return 0;
}

/* In the child: NUL-terminated names in, as many out, "" for those that stay as they are. Each is
 * written at once, so that a name that kills the demangler takes no other with it. */
static int demangle_all(void)
{
	_cleanup_(buf_release) struct buf names = {0};
	char readable[DEMANGLE_OUT_MAX];
	size_t used = 0;
	int err = read_all(CHILD_IN, &names);

	for (size_t at = 0; !err && at < names.used;) {
		const char *name = names.bytes + at, *nul = memchr(name, 0, names.used - at);
		const char *out = nul ? demangle(name, readable, sizeof(readable)) : NULL;
		size_t length = out ? strlen(out) : 0;

		if (!nul)
			return -EBADMSG;
		if (used + length + 1 > NAMES_MAX)
			return -EFBIG;
		err = file_write_all(CHILD_OUT, length ? out : "", length + 1);
		used += length + 1;
		at = (size_t)(nul + 1 - names.bytes);
	}
	return err;
}

/* In the child: both names with their NULs are what open_split() is asked. */
static int ask_split(const char *comp_dir, const char *name)
{
	_cleanup_(buf_release) struct buf what = {0};

	buf_add(&what, comp_dir, strlen(comp_dir) + 1);
	buf_add(&what, name, strlen(name) + 1);
	return buf_error(&what) ? -ENOMEM : child_ask(what.bytes, what.used);
}

/* -1: it is /dev/null, so there is no such file. */
static int if_given(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) ? fd : -1;
}

static void index_in_child(const char *verb)
{
	const char *place = strstr(verb, PLACE);
	struct symindex_input input = {
		.elf_fd = CHILD_IN,
		.debug_fd = CHILD_MORE,
		.alt_fd = if_given(CHILD_MORE + 1),
		.package_fd = CHILD_MORE + 2,
		.open_split = ask_split,
		.given_up = given_up(verb),
		.may_ask = is_verb(verb, INDEX_FIRST) || is_verb(verb, HASTE),
		.in_haste = is_verb(verb, HASTE),
		.may_unpack = strstr(verb, XZ),
		.debug_place = place ? (uint32_t)atoi(place + strlen(PLACE)) : 0,
	};

	input.needs_id = input.debug_place == PARSER_BY_DEBUGINFOD;
	if (input.may_unpack)
		debugdata_load();
	child_confine();
	child_exit(symindex_build(&input, CHILD_OUT));
}

int parser_main(int argc, char **argv)
{
	const char *verb = child_verb(argc, argv);

	if (!verb)
		return -1;
	/* Somebody waits for readable names and unwind tables; for an index not yet. At 19 it
	 * starves beside busy CPUs. */
	if (strcmp(verb, "demangle") != 0 && strcmp(verb, JIT) != 0 &&
	    strncmp(verb, "unwind", 6) != 0 && !strstr(verb, NOW))
		setpriority(PRIO_PROCESS, 0, 10);
	child_drop_rights(argv);
	if (is_verb(verb, INDEX) || is_verb(verb, INDEX_FIRST) || is_verb(verb, HASTE) ||
	    given_up(verb))
		index_in_child(verb);
	if (!strcmp(verb, FETCH_VERB))
		child_exit(fetch_in_child());
	child_confine();
	if (!strcmp(verb, "unwind"))
		child_exit(cfi_build(CHILD_IN, -1, CHILD_OUT));
	if (!strcmp(verb, "unwind-debug"))
		child_exit(cfi_build(CHILD_IN, CHILD_MORE, CHILD_OUT));
	if (!strcmp(verb, "demangle"))
		child_exit(demangle_all());
	if (!strcmp(verb, JIT)) {
		struct jit_names_input input = {CHILD_IN, CHILD_MORE, CHILD_MORE + 1};

		child_exit(jit_names_build(&input, CHILD_OUT));
	}
	child_exit(-EINVAL);
}

/* One index on its way: what it is made of and what has come out so far. */
struct job {
	const struct parser_files *files;
	int64_t deadline_ms; /* of clock_ms() */
	struct debug_file debug, alt, package;
	enum parser_place place; /* of debug */
	bool alt_is_fetched;
	struct symindex *index;
	int out_fd; /* holds it */
};

static void job_release(struct job *job)
{
	debug_file_release(&job->debug);
	debug_file_release(&job->alt);
	debug_file_release(&job->package);
	symindex_free(job->index);
	cleanup_closep(&job->out_fd);
}

/* For the child of a job. */
static int open_split(void *context, const void *what, size_t size)
{
	const struct parser_files *files = ((const struct job *)context)->files;
	struct cursor c = cursor_of(what, size);
	struct debug_file file = DEBUG_FILE_NONE;
	const char *comp_dir, *name;

	if (cursor_cstr(&c, &comp_dir) && cursor_cstr(&c, &name))
		debug_file_split(files->root_fd, files->path, comp_dir, name, &file);
	free(file.path);
	return file.fd;
}

/* Runs a child with the files that there are, instead of what came out before. */
static int run_index(struct job *job, const char *verb, bool may_unpack)
{
	char words[64];
	const int in[] = {job->files->elf_fd, job->debug.fd, job->alt.fd, job->package.fd};
	const struct child_opener opener = {open_split, job};
	int64_t left = job->deadline_ms - clock_ms();
	int err;

	symindex_free(TAKE_PTR(job->index));
	cleanup_closep(&job->out_fd);
	job->out_fd = child_memfd("wick-symbols");
	if (job->out_fd < 0)
		return -EAGAIN;
	snprintf(words, sizeof(words), "%s%s%s", verb, job->files->is_awaited ? NOW : "",
		 may_unpack ? XZ : "");
	if (job->place)
		snprintf(words + strlen(words), sizeof(words) - strlen(words), "%s%d", PLACE,
			 (int)job->place);
	err = child_run_files(words, in, ARRAY_SIZE(in), verb == INDEX ? &opener : NULL,
			      job->out_fd, left > 0 ? (unsigned int)left : 0);
	return err ? err : symindex_open(job->out_fd, &job->index);
}

static enum symindex_layer_state file_state(const struct symindex *index)
{
	return symindex_header(index)->layers[SYMINDEX_LAYER_FILE].state;
}

static bool wants_debug_file(const struct symindex *index)
{
	return (symindex_debug(index) == SYMINDEX_DEBUG_NONE ||
		symindex_debug(index) == SYMINDEX_DEBUG_GO) &&
	       !symindex_header(index)->altlink && !symindex_header(index)->split_count;
}

/* Names are missing then, where it has debug info at all. */
static bool lacks_alt_file(const struct symindex *index)
{
	return symindex_header(index)->altlink && !symindex_header(index)->alt_state;
}

bool parser_wants_server(const struct symindex *index)
{
	return wants_debug_file(index) || lacks_alt_file(index);
}

static bool wants_alt_file(const struct symindex *index)
{
	return symindex_debug(index) == SYMINDEX_DEBUG_NONE && symindex_header(index)->altlink;
}

static bool wants_split_files(const struct symindex *index)
{
	return symindex_debug(index) == SYMINDEX_DEBUG_NONE && symindex_header(index)->split_count;
}

/* debug_path: of the program's debug file, or NULL. */
static int find_package(const struct parser_files *files, const char *debug_path,
			struct debug_file *ret_file)
{
	int err = -ENOENT;

	if (files->path)
		err = debug_file_package(files->root_fd, files->path, ret_file);
	if (err == -ENOENT && debug_path)
		err = debug_file_package(files->root_fd, debug_path, ret_file);
	return err;
}

/* path: of the file that has the link. */
static void find_alt_file(const struct parser_files *files, const struct symindex *index,
			  const char *path, struct debug_file *ret_file)
{
	const struct symindex_header *h = symindex_header(index);

	if (debug_file_by_build_id(files->root_fd, h->alt_id, h->alt_id_size, ret_file))
		debug_file_by_altlink(files->root_fd, path ? path : "",
				      symindex_string(index, h->altlink), ret_file);
}

static char *path_at(const struct parser_files *files, const struct symindex *index,
		     enum parser_place place)
{
	const struct symindex_header *h = symindex_header(index);

	if (place == PARSER_BY_BUILD_ID)
		return debug_file_path_by_build_id(h->build_id, h->build_id_size);
	if (!h->debuglink || !files->path || place < PARSER_BY_LINK ||
	    place >= PARSER_BY_DEBUGINFOD)
		return NULL;
	return debug_file_path_by_link(files->path, symindex_string(index, h->debuglink),
				       place - PARSER_BY_LINK);
}

/* True: there is a file that may be the debug file. */
static bool look(const struct parser_files *files, const struct symindex *index,
		 enum parser_place place, struct debug_file *ret_file)
{
	const struct symindex_header *h = symindex_header(index);
	struct parser_look found = {.path = path_at(files, index, place)};

	if (place == PARSER_BY_DEBUGINFOD && files->debuginfod)
		found.answer = debuginfod_get(files->debuginfod, h->build_id, h->build_id_size,
					      ret_file, found.detail);
	found.is_found = found.path ? !debug_file_at(files->root_fd, found.path, ret_file)
				    : found.answer == DEBUGINFOD_FOUND;
	if (files->search) {
		free(files->search->look[place].path);
		files->search->look[place] = found;
	} else {
		free(found.path);
	}
	return found.is_found;
}

/* What the child said of the file that was found there. */
static void judge(struct job *job)
{
	enum symindex_layer_state state = file_state(job->index);
	const struct symindex_header *h = symindex_header(job->index);

	if (job->files->search)
		job->files->search->look[job->place].state = state;
	if (job->place == PARSER_BY_DEBUGINFOD)
		debuginfod_judge(job->files->debuginfod, h->build_id, h->build_id_size,
				 state == SYMINDEX_LAYER_USED);
	if (state == SYMINDEX_LAYER_USED)
		return;
	debug_file_release(&job->debug);
	job->place = PARSER_NOWHERE;
}

/* Tries place after place, until a file is the debug file. */
static int with_debug_file(struct job *job)
{
	int err = 0;

	for (enum parser_place place = PARSER_BY_BUILD_ID;
	     !err && place < PARSER_PLACES && wants_debug_file(job->index) && !job->place;
	     place++) {
		if (!look(job->files, job->index, place, &job->debug))
			continue;
		job->place = place;
		err = run_index(job, INDEX_FIRST, false);
		if (!err)
			judge(job);
	}
	return err;
}

static void with_alt_file(struct job *job)
{
	const struct symindex_header *h = symindex_header(job->index);
	char detail[DEBUGINFOD_DETAIL_MAX];

	find_alt_file(job->files, job->index, job->debug.path ? job->debug.path : job->files->path,
		      &job->alt);
	if (job->alt.fd >= 0 || !job->files->debuginfod)
		return;
	job->alt_is_fetched = debuginfod_get(job->files->debuginfod, h->alt_id, h->alt_id_size,
					     &job->alt, detail) == DEBUGINFOD_FOUND;
}

static void judge_alt_file(struct job *job)
{
	const struct symindex_header *h = symindex_header(job->index);

	if (job->alt_is_fetched)
		debuginfod_judge(job->files->debuginfod, h->alt_id, h->alt_id_size,
				 h->alt_state == SYMINDEX_LAYER_USED);
}

static bool wants_unpacking(const struct symindex *index)
{
	return symindex_header(index)->layers[SYMINDEX_LAYER_MINI].state == SYMINDEX_LAYER_WANTED;
}

/* The file alone, then with its debug file, then with the alt file or the split files of either, then
 * with its mini debuginfo: each says by its index which one is wanted next. Most files have none of
 * them and end with the first. */
static int run_indexes(struct job *job)
{
	const char *verb = INDEX_FIRST;
	int err = run_index(job, verb, false);

	if (!err)
		err = with_debug_file(job);
	if (!err && wants_alt_file(job->index)) {
		with_alt_file(job);
		verb = INDEX;
		err = run_index(job, verb, false);
		if (!err)
			judge_alt_file(job);
	} else if (!err && wants_split_files(job->index)) {
		find_package(job->files, job->debug.path, &job->package);
		verb = INDEX;
		err = run_index(job, verb, false);
	}
	if (!err && wants_unpacking(job->index))
		err = run_index(job, verb, true);
	return err;
}

static bool may_have_alt_file(const struct parser_files *files, const struct symindex *index)
{
	_cleanup_(debug_file_release) struct debug_file alt = DEBUG_FILE_NONE;
	const struct symindex_header *h = symindex_header(index);

	if (!lacks_alt_file(index))
		return false;
	find_alt_file(files, index, files->path, &alt);
	return alt.fd >= 0 || (files->debuginfod &&
			       debuginfod_may_have(files->debuginfod, h->alt_id, h->alt_id_size));
}

static bool finds_debug_file(const struct parser_files *files, const struct symindex *index)
{
	bool is_there = false;

	for (enum parser_place place = PARSER_BY_BUILD_ID;
	     !is_there && place < PARSER_BY_DEBUGINFOD; place++) {
		_cleanup_(debug_file_release) struct debug_file debug = DEBUG_FILE_NONE;

		is_there = look(files, index, place, &debug);
	}
	return is_there;
}

/* Has a debug file come since the index was made? */
static bool is_outdated(const struct parser_files *files, const struct symindex *index)
{
	const struct symindex_header *h = symindex_header(index);

	if (may_have_alt_file(files, index))
		return true;
	if (!wants_debug_file(index) || file_state(index) == SYMINDEX_LAYER_USED)
		return false;
	if (finds_debug_file(files, index))
		return true;
	if (!files->debuginfod)
		return false;
	if (debuginfod_may_have(files->debuginfod, h->build_id, h->build_id_size))
		return true;
	if (files->search) { /* for the reason: nothing goes over the line */
		_cleanup_(debug_file_release) struct debug_file none = DEBUG_FILE_NONE;

		look(files, index, PARSER_BY_DEBUGINFOD, &none);
	}
	return false;
}

/* The index has a debug file from somewhere: say from where. */
static void note_cached(const struct parser_files *files, struct symindex *index)
{
	enum parser_place place = symindex_header(index)->debug_place;
	struct parser_look *look = files->search ? &files->search->look[place] : NULL;

	if (files->search)
		files->search->was_cached = files->search->is_kept = true;
	if (!place || place >= PARSER_PLACES)
		return;
	symindex_note_debug_file(index, place == PARSER_BY_DEBUGINFOD
						? strdup("a debuginfod server")
						: path_at(files, index, place));
	if (look) {
		free(look->path);
		*look = (struct parser_look){.path = path_at(files, index, place),
					     .is_found = true,
					     .state = file_state(index),
					     .answer = DEBUGINFOD_FOUND};
	}
}

/* Has the first split file that was missing, or a package, come meanwhile? */
static bool finds_split_files(const struct parser_files *files, const struct symindex *index)
{
	_cleanup_(debug_file_release) struct debug_file found = DEBUG_FILE_NONE;
	const struct symindex_header *h = symindex_header(index);

	_cleanup_free_ char *debug = path_at(files, index, h->debug_place);

	return (!h->has_package && !find_package(files, debug, &found)) ||
	       (h->split_name &&
		!debug_file_split(files->root_fd, files->path, symindex_string(index, h->split_dir),
				  symindex_string(index, h->split_name), &found));
}

/* What the cache has, unless a debug file or split files have come meanwhile. */
static int take_cached(const struct parser_files *files, struct symindex **ret_index)
{
	_cleanup_(symindex_freep) struct symindex *index = NULL;
	int err = files->cache ? symbol_cache_get(files->cache, files->elf_fd, &index) : -ENOENT;

	if (err)
		return err;
	if (is_outdated(files, index))
		return -ENOENT;
	if ((symindex_header(index)->split_missing || symindex_header(index)->split_other) &&
	    finds_split_files(files, index))
		return -ENOENT;
	note_cached(files, index);
	*ret_index = TAKE_PTR(index);
	return 0;
}

/* Into the cache, where there is one; else it stays in the child's memory. */
static struct symindex *keep(struct job *job)
{
	struct symindex *kept = NULL;

	if (job->files->cache && symindex_debug(job->index) < SYMINDEX_DEBUG_CRASHED &&
	    symindex_header(job->index)->layers[SYMINDEX_LAYER_MINI].state !=
		    SYMINDEX_LAYER_UNREADABLE &&
	    !symbol_cache_put(job->files->cache, job->files->elf_fd, job->out_fd, &kept)) {
		symindex_free(job->index);
		job->index = kept;
		if (job->files->search)
			job->files->search->is_kept = true;
	}
	if (symindex_debug(job->index) == SYMINDEX_DEBUG_SEPARATE)
		symindex_note_debug_file(job->index, TAKE_PTR(job->debug.path));
	return TAKE_PTR(job->index);
}

void parser_search_release(struct parser_search *search)
{
	for (size_t i = 0; i < PARSER_PLACES; i++)
		free(search->look[i].path);
}

/* What its child died of; SYMINDEX_DEBUG_NONE: it did not. */
static enum symindex_debug death(int err)
{
	switch (err) {
	case -ECHILD:
		return SYMINDEX_DEBUG_CRASHED;
	case -ETIMEDOUT:
		return SYMINDEX_DEBUG_TOO_SLOW;
	case -ENOMEM:
		return SYMINDEX_DEBUG_TOO_HUNGRY;
	case -EFBIG:
		return SYMINDEX_DEBUG_TOO_BIG;
	default:
		return SYMINDEX_DEBUG_NONE;
	}
}

int parser_symbols(const struct parser_files *files, unsigned int deadline_ms,
		   struct symindex **ret_index)
{
	_cleanup_(job_release) struct job job = {
		.files = files,
		.deadline_ms = clock_ms() + deadline_ms,
		.debug = DEBUG_FILE_NONE,
		.alt = DEBUG_FILE_NONE,
		.package = DEBUG_FILE_NONE,
		.out_fd = -1,
	};
	int err = take_cached(files, ret_index);

	if (!err)
		return 0;
	err = run_indexes(&job);
	if (death(err)) {
		debug_file_release(&job.debug);
		debug_file_release(&job.alt);
		job.place = PARSER_NOWHERE;
		debug_file_release(&job.package);
		job.deadline_ms = clock_ms() + deadline_ms / 4;
		if (!run_index(&job, symbols_verbs[death(err)], false))
			err = 0;
	}
	if (!err)
		*ret_index = keep(&job);
	return err;
}

/* True: other files, or more time, make more of it. */
static bool can_be_better(const struct parser_files *files, const struct symindex *index)
{
	return symindex_debug(index) == SYMINDEX_DEBUG_LATER || wants_alt_file(index) ||
	       wants_split_files(index) || wants_unpacking(index) ||
	       (wants_debug_file(index) && finds_debug_file(files, index));
}

int parser_symbols_in_haste(const struct parser_files *files, unsigned int deadline_ms,
			    struct symindex **ret_index, bool *ret_is_whole)
{
	_cleanup_(job_release) struct job job = {
		.files = files,
		.deadline_ms = clock_ms() + deadline_ms,
		.debug = DEBUG_FILE_NONE,
		.alt = DEBUG_FILE_NONE,
		.package = DEBUG_FILE_NONE,
		.out_fd = -1,
	};
	bool is_whole = true;
	int err = take_cached(files, ret_index);

	if (err) {
		err = run_index(&job, HASTE, false);
		is_whole = err ? !death(err) : !can_be_better(files, job.index);
		if (!err)
			*ret_index = is_whole ? keep(&job) : TAKE_PTR(job.index);
	}
	*ret_is_whole = is_whole;
	return err;
}

int parser_index(int elf_fd, unsigned int deadline_ms, struct symindex **ret_index)
{
	struct parser_files files = {.elf_fd = elf_fd, .root_fd = -1};
	_cleanup_(job_release) struct job job = {
		.files = &files,
		.deadline_ms = clock_ms() + deadline_ms,
		.debug = DEBUG_FILE_NONE,
		.alt = DEBUG_FILE_NONE,
		.package = DEBUG_FILE_NONE,
		.out_fd = -1,
	};
	int err = run_index(&job, INDEX, false);

	if (!err && wants_unpacking(job.index))
		err = run_index(&job, INDEX, true);
	if (!err)
		*ret_index = TAKE_PTR(job.index);
	return err;
}

int parser_unwind(int elf_fd, int debug_fd, unsigned int deadline_ms, struct cfi_table **ret_table)
{
	_cleanup_close_ int out = child_memfd("wick-unwind");
	const int in[] = {elf_fd, debug_fd};
	int err;

	if (out < 0)
		return -EAGAIN;
	err = child_run_files(debug_fd < 0 ? "unwind" : "unwind-debug", in, ARRAY_SIZE(in), NULL,
			      out, deadline_ms);
	return err ? err : cfi_table_open(out, ret_table);
}

int parser_jit(const struct parser_jit_files *files, const uint64_t *addrs, uint32_t count,
	       unsigned int deadline_ms, struct jit_names **ret_names)
{
	_cleanup_close_ int in = child_memfd("wick-jit"), out = child_memfd("wick-jit");
	const int in_fds[] = {in, files->map_fd, files->dump_fd};
	const uint64_t now_ns = (uint64_t)clock_ns(CLOCK_MONOTONIC);
	int err = in < 0 || out < 0 ? -EAGAIN : 0;

	if (!err)
		err = file_write_all(in, &now_ns, sizeof(now_ns));
	if (!err)
		err = file_write_all(in, addrs, count * sizeof(*addrs));
	if (!err)
		err = child_run_files(JIT, in_fds, ARRAY_SIZE(in_fds), NULL, out, deadline_ms);
	return err ? err : jit_names_open(out, ret_names);
}

/* Names that are empty, too long or too many stand as "", which demangles to nothing. */
static int send_names(const char *const *names, uint32_t count, int fd)
{
	_cleanup_(buf_release) struct buf sent = {0};

	for (uint32_t i = 0; i < count; i++) {
		size_t length = strnlen(names[i], DEMANGLE_IN_MAX + 1);

		if (length <= DEMANGLE_IN_MAX && sent.used + length + (count - i) <= NAMES_MAX)
			buf_add(&sent, names[i], length);
		buf_add_char(&sent, '\0');
	}
	if (buf_error(&sent))
		return -ENOMEM;
	return file_write_all(fd, sent.bytes, sent.used);
}

/* Appends a child's answer, as far as it is sound: whole strings, not more than asked for, none
 * longer than the demangler makes. */
static uint32_t take_names(int fd, uint32_t count, struct buf *answer)
{
	_cleanup_(buf_release) struct buf got = {0};
	const char *at, *end, *nul;
	uint32_t taken = 0;

	if (read_all(fd, &got) || !got.used)
		return 0;
	at = got.bytes;
	end = at + got.used;
	for (; taken < count && (nul = memchr(at, 0, (size_t)(end - at))); taken++) {
		if (nul - at >= DEMANGLE_OUT_MAX)
			break;
		buf_add(answer, at, (size_t)(nul + 1 - at));
		at = nul + 1;
	}
	return taken;
}

static int demangle_once(const char *const *names, uint32_t count, unsigned int deadline_ms,
			 struct buf *answer, uint32_t *ret_taken)
{
	_cleanup_close_ int in = child_memfd("wick-names"), out = child_memfd("wick-names");
	int err = in < 0 || out < 0 ? -EAGAIN : send_names(names, count, in);

	if (!err)
		err = child_run("demangle", in, out, deadline_ms);
	*ret_taken = out >= 0 && err != -EAGAIN ? take_names(out, count, answer) : 0;
	return err ? err : *ret_taken < count ? -EBADMSG : 0;
}

/* One allocation: the array, then the strings it points to. */
static char **array_of_names(const struct buf *answer, uint32_t count)
{
	size_t array = count * sizeof(char *);
	char **names = malloc(array + answer->used + 1);
	char *at = (char *)names + array;

	if (!names)
		return NULL;
	if (answer->used)
		memcpy(at, answer->bytes, answer->used);
	for (uint32_t i = 0; i < count; i++) {
		size_t length = strlen(at);

		names[i] = length ? at : NULL;
		at += length + 1;
	}
	return names;
}

int parser_demangle(const char *const *names, uint32_t count, unsigned int deadline_ms,
		    char ***ret_names)
{
	_cleanup_(buf_release) struct buf answer = {0};
	int64_t deadline = clock_ms() + deadline_ms, left = deadline_ms;
	uint32_t done = 0, taken = 0, total = 0;
	char **readable;
	int err = 0;

	for (unsigned int i = 0; done < count && i < DEMANGLE_CHILDREN_MAX && left >= 0; i++) {
		err = demangle_once(names + done, count - done, (unsigned int)left, &answer,
				    &taken);
		done += taken;
		total += taken;
		if (!err || err == -EAGAIN || err == -ENOMEM)
			break;
		if (done < count) { /* the name it died of */
			buf_add_char(&answer, '\0');
			done++;
		}
		left = deadline - clock_ms();
	}
	if (err && !total)
		return err;
	for (; done < count; done++)
		buf_add_char(&answer, '\0');
	if (buf_error(&answer))
		return -ENOMEM;
	readable = array_of_names(&answer, count);
	if (!readable)
		return -ENOMEM;
	*ret_names = readable;
	return 0;
}

/* What a child needs of where we are, and how to come by it. */
static const char *no_child(void)
{
	if (access("/dev/null", R_OK | W_OK))
		return "no reader process could be started: there is no /dev/null here; bind-mount "
		       "the host's";
	if (access("/proc/self/exe", R_OK))
		return "no reader process could be started: there is no /proc here; mount it";
	return "no reader process could be started: no more processes or memory are allowed here";
}

const char *parser_error(int err)
{
	switch (err) {
	case 0:
		return "no error";
	case -ENOEXEC:
		return "not an ELF program or library of a kind that is read here";
	case -EBADMSG:
		return "damaged";
	case -EFBIG:
		return "too big";
	case -ENOMEM:
		return "its reader ran out of memory";
	case -ETIMEDOUT:
		return "its reader took too long and was killed";
	case -ECHILD:
		return "its reader crashed";
	case -EAGAIN:
		return no_child();
	default:
		return "could not be read";
	}
}
