/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parser child: foreign bytes are read in a process that may die. The parent opens the file,
 * the child gets the descriptor and a memfd for its answer, nothing else: no capabilities, no new
 * privileges, nobody's uid where the parent is root, limits on memory, CPU, files and processes, a
 * deadline that ends in SIGKILL. One ELF a child.
 *
 * The child is this very program, exec'd anew (/proc/self/exe) with PARSER_ARG as its first
 * argument, so that it holds nothing of the parent's memory; the program's main() hands over to
 * parser_main().
 */
#ifndef WICK_SYMBOLIZER_PARSER_H
#define WICK_SYMBOLIZER_PARSER_H

#include "base/strtab.h"
#include "symbolizer/symindex.h"

#define PARSER_ARG "--parser-child"

/* For main(): if argv asks for a parser child, be one and return its exit status; else -1. */
int parser_main(int argc, char **argv);

/*
 * The symbols of the ELF file behind elf_fd. Blocks for at most deadline_ms. Any thread.
 * -ENOEXEC, -EBADMSG, -EFBIG as symindex_build(); -ETIMEDOUT: killed at the deadline; -ECHILD: the
 * child died (crash or limit); -EAGAIN: no child could be started. elf_fd stays the caller's.
 */
int parser_index(int elf_fd, unsigned int deadline_ms, struct symindex **ret_index);

/*
 * Demangles many names in one child: ret_names[i] is the readable form of names[i], or NULL where
 * the name is not mangled or was refused. The array and its strings are one allocation, freed by
 * free(). Errors as above; on error nothing is demangled and the raw names are what there is.
 */
int parser_demangle(const char *const *names, uint32_t count, unsigned int deadline_ms,
		    char ***ret_names);

/* Why a call failed, for a person: "killed at its deadline". */
const char *parser_error(int err);

#endif
