/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parser child: foreign bytes are read in a process that may die (see child.h). The parent
 * opens the file, the child gets the descriptor and a memfd for its answer, nothing else: no
 * capabilities, no new privileges, nobody's uid where the parent is root, limits on memory, CPU,
 * files and processes, a deadline that ends in SIGKILL. One ELF a child. What comes back is sealed
 * and then checked.
 *
 * The child is this very program, exec'd anew (/proc/self/exe) or forked by one that was, so that it
 * holds nothing of the parent's memory; so the first thing in the program's main() is parser_main(). The parent must not
 * wait for children it does not know (wait(-1), SIGCHLD ignored).
 */
#ifndef WICK_SYMBOLIZER_PARSER_H
#define WICK_SYMBOLIZER_PARSER_H

#include "symbolizer/cfi.h"
#include "symbolizer/debug_files.h"
#include "symbolizer/debuginfod.h"
#include "symbolizer/jit_names.h"
#include "symbolizer/symbol_cache.h"
#include "symbolizer/symindex.h"

/* For main(): if argv asks for a parser child, be one and end with it; else -1. */
int parser_main(int argc, char **argv);

/* An ELF file to read, and what leads to its debug files. */
struct parser_files {
	int elf_fd;		       /* better opened O_RDONLY: the child gets it as it is */
	int root_fd;		       /* the root of the container it is of (O_PATH), or -1 */
	const char *path;	       /* its path there, for .gnu_debuglink; or NULL */
	struct symbol_cache *cache;    /* looked into first, and filled; or NULL */
	struct debuginfod *debuginfod; /* asked when nothing is found here; NULL: never */
	struct parser_search *search;  /* filled with what was looked for, for dumps; or NULL */
	bool is_awaited;	       /* somebody waits: at normal priority */
};

/* Where a separate debug file is looked for, in this order. */
enum parser_place {
	PARSER_NOWHERE,
	PARSER_BY_BUILD_ID,
	PARSER_BY_LINK, /* and further places of the link */
	PARSER_BY_DEBUGINFOD = PARSER_BY_LINK + DEBUG_FILE_LINK_PLACES,
	PARSER_PLACES,
};

/* All zero: it was not looked there. */
struct parser_look {
	char *path; /* NULL at the servers */
	bool is_found;
	enum symindex_layer_state state;    /* of what was found */
	enum debuginfod_answer answer;	    /* PARSER_BY_DEBUGINFOD only */
	char detail[DEBUGINFOD_DETAIL_MAX]; /* the same */
};

struct parser_search {
	bool was_cached; /* the index is of an earlier time */
	bool is_kept;	 /* it is in the cache now */
	struct parser_look look[PARSER_PLACES];
};

void parser_search_release(struct parser_search *search);

/*
 * Symbols, inlined calls and lines of an ELF file, from itself or from its separate debug file,
 * which is looked for in the container's root and then in ours. Blocks for at most about
 * deadline_ms, and then for a fraction of it again: where debug info kills its reader, another
 * child reads the symbols alone. Any thread; the child dies with the thread that asked. -ENOEXEC,
 * -EBADMSG, -EFBIG as symindex_build(), -ENOMEM: its limit was too small; -ETIMEDOUT: killed at the
 * deadline or for its CPU time; -ECHILD: the child crashed; -EAGAIN: no child could be started. The
 * descriptors stay the caller's.
 */
int parser_symbols(const struct parser_files *files, unsigned int deadline_ms,
		   struct symindex **ret_index);

/* Could a server's debug file, or the file that dwz put parts of it into, make this index better? */
bool parser_wants_server(const struct symindex *index);

/*
 * What there is soon: the symbols, and what debug info is read at once. *ret_is_whole: false where
 * parser_symbols() will make more of it, which may take its time; set on errors, too.
 */
int parser_symbols_in_haste(const struct parser_files *files, unsigned int deadline_ms,
			    struct symindex **ret_index, bool *ret_is_whole);

/* The same without any debug file. */
int parser_index(int elf_fd, unsigned int deadline_ms, struct symindex **ret_index);

/*
 * The unwind table of the ELF file behind elf_fd, at normal priority: a process waits to be
 * unwound. debug_fd: its separate debug file, or -1. As parser_index() otherwise; the errors are
 * those of cfi_build().
 */
int parser_unwind(int elf_fd, int debug_fd, unsigned int deadline_ms, struct cfi_table **ret_table);

/* What a process wrote of the code that it made; -1 = not this one. */
struct parser_jit_files {
	int map_fd, dump_fd;
};

/* The names of addrs, which are sorted, and of what holds them. Errors as parser_index(). */
int parser_jit(const struct parser_jit_files *files, const uint64_t *addrs, uint32_t count,
	       unsigned int deadline_ms, struct jit_names **ret_names);

/*
 * Demangles many names at once: ret_names[i] is the readable form of names[i], or NULL where the
 * name is not mangled or was refused. The array and its strings are one allocation, freed by
 * free(). A name that kills the demangler is refused and a new child goes on behind it; after a few
 * such names, or at the deadline, the rest stays as it is (NULL). Errors as above, when no name was
 * demangled; the raw names are what there is then.
 */
int parser_demangle(const char *const *names, uint32_t count, unsigned int deadline_ms,
		    char ***ret_names);

/* Why a call failed, for a person: "its reader took too long and was killed". */
const char *parser_error(int err);

#endif
