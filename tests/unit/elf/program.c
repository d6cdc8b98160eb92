/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions of every binding, an IFUNC and calls through the PLT; nm and objdump are the oracle. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int public_function(const char *text);
int weak_function(int n);
int resolved_function(int n);
extern int public_function_alias(const char *text) __attribute__((alias("public_function")));

__thread int thread_local_variable = 1;
int data_variable = 2;

__attribute__((noinline)) int public_function(const char *text)
{
	return (int)strlen(text) + thread_local_variable;
}

__attribute__((noinline, weak)) int weak_function(int n)
{
	return n * data_variable;
}

__attribute__((noinline)) static int static_function(int n)
{
	return puts("static") + n;
}

static int resolved_one(int n)
{
	return n + 1;
}

static void *resolve(void)
{
	return (void *)resolved_one;
}

int resolved_function(int n) __attribute__((ifunc("resolve")));

int main(int argc, char **argv)
{
	void *(*taken)(size_t) = malloc; /* by -fno-plt or a GOT slot of its own: .plt.got */

	free(taken(1));
	return public_function(argv[0]) + weak_function(argc) + static_function(argc) +
	       resolved_function(argc) + atoi("0");
}
