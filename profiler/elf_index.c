/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/elf_index.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"
#include "profiler/debuginfod_option.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEADLINE_MS = 60000 };

int elf_index_open(const char *path, const char *debuginfod, struct elf_index *ret_index)
{
	/* A FIFO must not be waited for; it is refused as no ELF file. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_free_ char *absolute = realpath(path, NULL);
	char shown[256];
	int err;

	*ret_index = (struct elf_index){0};
	if (fd < 0) {
		log_error("cannot open '%s': %s", quote(shown, sizeof(shown), path),
			  strerror(errno));
		return STATUS_ERROR;
	}
	err = debuginfod_of_option(debuginfod, &ret_index->debuginfod);
	if (err)
		return err;
	ret_index->cache_error = symbol_cache_open(NULL, SYMBOL_CACHE_BYTES, &ret_index->cache);
	err = parser_symbols(&(struct parser_files){.elf_fd = fd,
						    .root_fd = -1,
						    .path = absolute,
						    .cache = ret_index->cache,
						    .debuginfod = ret_index->debuginfod,
						    .search = &ret_index->search,
						    .is_awaited = true},
			     DEADLINE_MS, &ret_index->index);
	if (!err)
		return STATUS_OK;
	log_error("cannot read '%s': %s", quote(shown, sizeof(shown), path), parser_error(err));
	if (err == -ENOEXEC)
		log_hint("give a program or a shared library; 'file' says what this is");
	return STATUS_ERROR;
}

void elf_index_release(struct elf_index *index)
{
	symindex_free(index->index);
	symbol_cache_free(index->cache);
	debuginfod_free(index->debuginfod);
	parser_search_release(&index->search);
}

const char *elf_index_cache_text(const struct elf_index *index)
{
	static char text[512];
	char shown[400];

	if (!index->cache)
		snprintf(text, sizeof(text), "none: %s",
			 index->cache_error == -ENOENT ? "it is turned off"
			 : index->cache_error == -EPERM
				 ? "its directory is not ours alone to write to"
				 : strerror(-index->cache_error));
	else
		snprintf(text, sizeof(text), "%s: %s",
			 quote(shown, sizeof(shown), symbol_cache_path(index->cache)),
			 index->search.was_cached ? "read from it"
			 : index->search.is_kept  ? "written to it"
						  : "not kept in it");
	return text;
}

/* --- ranks --- */

enum { RANKS = 8 };

/* Either a layer of the file itself, or places where a debug file is looked for. */
static const struct rank {
	const char *key, *name;
	enum symindex_layer layer;
	enum parser_place first, last; /* PARSER_NOWHERE: it is a layer */
} ranks[RANKS] = {
	{"dwarf", "own debug info", SYMINDEX_LAYER_DWARF, PARSER_NOWHERE, PARSER_NOWHERE},
	{"build_id", "debug file by build id", SYMINDEX_LAYER_FILE, PARSER_BY_BUILD_ID,
	 PARSER_BY_BUILD_ID},
	{"debuglink", "debug file by link", SYMINDEX_LAYER_FILE, PARSER_BY_LINK,
	 PARSER_BY_DEBUGINFOD - 1},
	{"debuginfod", "debuginfod", SYMINDEX_LAYER_FILE, PARSER_BY_DEBUGINFOD,
	 PARSER_BY_DEBUGINFOD},
	{"symtab", ".symtab", SYMINDEX_LAYER_SYMTAB, PARSER_NOWHERE, PARSER_NOWHERE},
	{"gnu_debugdata", ".gnu_debugdata", SYMINDEX_LAYER_MINI, PARSER_NOWHERE, PARSER_NOWHERE},
	{"gopclntab", ".gopclntab", SYMINDEX_LAYER_GO, PARSER_NOWHERE, PARSER_NOWHERE},
	{"dynsym", ".dynsym", SYMINDEX_LAYER_DYNSYM, PARSER_NOWHERE, PARSER_NOWHERE},
};

static const char *const state_texts[SYMINDEX_LAYER_STATES] = {
	[SYMINDEX_LAYER_ABSENT] = "not there",
	[SYMINDEX_LAYER_USED] = "used",
	[SYMINDEX_LAYER_UNNEEDED] = "not used: better ones name all of it",
	[SYMINDEX_LAYER_WANTED] = "not read",
	[SYMINDEX_LAYER_UNREADABLE] = "not read: liblzma is not installed",
	[SYMINDEX_LAYER_EMPTY] = "names no code",
	[SYMINDEX_LAYER_DAMAGED] = "damaged",
	[SYMINDEX_LAYER_TOO_BIG] = "too big",
	[SYMINDEX_LAYER_UNREAD] = "not read: it has killed a reader",
	[SYMINDEX_LAYER_NO_ELF] = "found, but no ELF file",
	[SYMINDEX_LAYER_OTHER_ID] = "found, but its build id differs",
	[SYMINDEX_LAYER_OTHER_CRC] = "found, but its CRC differs",
};

static bool has_own_debug_info(const struct symindex *index)
{
	return symindex_header(index)->layers[SYMINDEX_LAYER_DWARF].state;
}

/* Nothing stands in the search for this place. */
static const char *why_not_looked(const struct elf_index *index, enum parser_place place)
{
	const struct symindex_header *h = symindex_header(index->index);

	if (has_own_debug_info(index->index))
		return "not looked for: the file has its own";
	if (place == PARSER_BY_BUILD_ID && h->build_id_size < 2)
		return "not looked for: the file has no build id";
	if (place >= PARSER_BY_LINK && place < PARSER_BY_DEBUGINFOD && !h->debuglink)
		return "not looked for: the file has no .gnu_debuglink";
	if (h->debug_place)
		return place < h->debug_place ? "not used when the index was made"
					      : "not looked for: found above";
	return index->search.was_cached ? "not looked for: the index is from the cache"
					: "not looked for";
}

static const char *look_text(const struct parser_look *look, enum parser_place place)
{
	if (look->is_found)
		return state_texts[look->state];
	return place == PARSER_BY_DEBUGINFOD ? debuginfod_answer_text(look->answer) : "not found";
}

/* Of several places the one that was found, or the first. */
static enum parser_place telling_place(const struct elf_index *index, const struct rank *rank)
{
	for (enum parser_place place = rank->first; place <= rank->last; place++)
		if (index->search.look[place].is_found)
			return place;
	return rank->first;
}

static void fill_from_search(const struct elf_index *index, const struct rank *rank,
			     struct elf_rank *ret_rank)
{
	enum parser_place place = telling_place(index, rank);
	const struct parser_look *look = &index->search.look[place];
	bool is_off = place == PARSER_BY_DEBUGINFOD && !index->debuginfod && !look->is_found;

	ret_rank->path = look->path;
	ret_rank->detail = look->detail[0] ? look->detail : NULL;
	ret_rank->is_used = look->is_found && look->state == SYMINDEX_LAYER_USED;
	if (is_off)
		ret_rank->why = "off: --debuginfod asks servers";
	else if (look->path || look->answer)
		ret_rank->why = look_text(look, place);
	else
		ret_rank->why = why_not_looked(index, place);
}

bool elf_index_rank(const struct elf_index *index, unsigned int n, struct elf_rank *ret_rank)
{
	const struct rank *rank = n < RANKS ? &ranks[n] : NULL;
	const struct symindex_source_use *use;

	if (!rank)
		return false;
	use = &symindex_header(index->index)->layers[rank->layer];
	*ret_rank = (struct elf_rank){
		.key = rank->key,
		.name = rank->name,
		.why = state_texts[use->state],
		.is_used = use->state == SYMINDEX_LAYER_USED,
		.is_debug_info = rank->layer <= SYMINDEX_LAYER_FILE,
	};
	if (rank->first)
		fill_from_search(index, rank, ret_rank);
	if (!rank->first || ret_rank->is_used) {
		ret_rank->has = use->has;
		ret_rank->used = use->used;
	}
	return true;
}
