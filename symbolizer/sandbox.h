/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last step of a parser child: it can only read, map, compute and write from then on. */
#ifndef WICK_SYMBOLIZER_SANDBOX_H
#define WICK_SYMBOLIZER_SANDBOX_H

/* Both give 0 or a negative errno: then the child must not go on. no_new_privs is set already,
 * there is one thread. Under a sanitizer they do nothing: that needs files. */

/* Landlock without any right to a file, where the kernel has it. Takes a descriptor for a moment.
 */
int sandbox_no_files(void);

/* A list of the system calls that are allowed (seccomp), among them none that opens, connects,
 * executes, signals others or makes a process; all others fail with EPERM. */
int sandbox_few_calls(void);

#endif
