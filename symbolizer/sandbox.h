/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last step of a child that reads what foreigners wrote. */
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

/*
 * The same two for a child that fetches a file from a server. Files: it can read what a TLS library
 * and a resolver of names need (/etc, /usr, /run), and make, change or execute none. Calls: those of
 * a parser child, reading files, and what a client of IPv4 and IPv6 needs; neither does it listen,
 * nor talk to the machine's own sockets, nor make a process or thread.
 */
int sandbox_network_files(void);
int sandbox_network_calls(void);

#endif
