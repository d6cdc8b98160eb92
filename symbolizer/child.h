/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that may die: this very program, exec'd anew (or forked by one that was, see
 * child_prepare()) with one file to read, one memfd to write and no rights, under a deadline. What it is asked to do is a verb, see parser.c.
 */
#ifndef WICK_SYMBOLIZER_CHILD_H
#define WICK_SYMBOLIZER_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHILD_ARG "--parser-child"

/* The child's descriptors; 0-2 are /dev/null, and so are those of the further files that it was not
 * given, and CHILD_ASK if it may not ask; there are no others. */
enum { CHILD_IN = 3, CHILD_OUT = 4, CHILD_MORE = 5, CHILD_MORE_MAX = 3 };
enum { CHILD_ASK = CHILD_MORE + CHILD_MORE_MAX };

/* The most bytes a child may write. */
enum { CHILD_OUT_MAX = 256 << 20 };

/*
 * In the parent, on any thread: starts a child, waits for its end (at most deadline_ms, then it is
 * killed; it is always reaped) and seals out_fd, which must be a memfd made with MFD_ALLOW_SEALING:
 * nothing changes it afterwards. 0: the child did it. -ENOEXEC, -EBADMSG, -EFBIG, -ENOMEM: its own
 * verdict, or (-ENOMEM) the kernel's, which was short of memory and chose it. -ETIMEDOUT: killed at
 * the deadline or past its CPU time. -ECHILD: it died or failed otherwise. -EAGAIN: it could not be
 * started. Even after an error out_fd is sealed and holds what was written.
 */
int child_run(const char *verb, int in_fd, int out_fd, unsigned int deadline_ms);

/* What opens files for a child while it runs, on the thread that runs it. */
struct child_opener {
	/* what: the bytes that the child sent, which may be any. Gives a descriptor, which is sent
	 * and closed, or a negative errno. */
	int (*open)(void *context, const void *what, size_t size);
	void *context;
};

/* Bounds of asking: how often, and how many bytes at once. Past them nothing is opened. */
enum { CHILD_ASKS_MAX = 100000, CHILD_ASK_BYTES_MAX = 16 << 10 };

/* The same for a child that reads several files: in_fds are CHILD_IN and then, from CHILD_MORE on,
 * up to CHILD_MORE_MAX more; -1 = not this one. opener: NULL = it may not ask for more. */
int child_run_files(const char *verb, const int *in_fds, size_t count,
		    const struct child_opener *opener, int out_fd, unsigned int deadline_ms);

/*
 * Starts a fork server (fork_server.h) for this process, which makes its children cheaper. Call it
 * on a thread that lives as long as the process, as children die with it. It is not needed: without
 * it, or when it has died, each child is exec'd. It ends with this process.
 */
void child_prepare(void);

/* For the children of the calling thread from now on: once fd (an eventfd) can be read, that is their
 * deadline. */
void child_end_with(int fd);

/* What children have cost this process so far: those for unwind tables, or all others and what forks
 * them. */
struct child_cost {
	uint64_t children, cpu_us;
};
struct child_cost child_cost(bool for_tables);

/* An empty memfd for a child's answer, or a negative errno. */
int child_memfd(const char *name);

/* In main(), first of all: the verb if this process is such a child, else NULL. A program that has
 * never asked gets no children: they would take themselves for the program and have children. */
const char *child_verb(int argc, char **argv);

/*
 * In the child, first of all: no capabilities and none to gain, nobody's uid where it was root's,
 * not dumpable, dies with its parent. Ends the process if that fails, and so does the next.
 */
void child_drop_rights(char **argv);

/*
 * Then, before it reads a foreign byte: limits on memory, CPU, files, processes and output;
 * Landlock and seccomp as in sandbox.h: what follows reads, maps, computes and writes.
 */
void child_confine(void);

/* The same for a child that talks to a server and writes what it gets, at most `most` bytes. */
void child_confine_to_network(uint64_t most);

/* In the child: asks for a file. Gives a descriptor, or -ENOENT. It is number 0, the only one that its
 * limit leaves free once that is closed: so there is one at a time, until the next call. */
int child_ask(const void *what, size_t size);

/* Ends the child: 0, or one of the errors named above. Runs nothing of the program's exit. */
_Noreturn void child_exit(int err);

#endif
