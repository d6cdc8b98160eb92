/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line, from tables: one entry a command, one entry an option. Parser, --help, usage
 * (and later the man page and completions) come from these tables and nowhere else.
 */
#ifndef WICK_PROFILER_OPTIONS_H
#define WICK_PROFILER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* Exit statuses of every command. */
enum {
	STATUS_OK = 0,
	STATUS_ERROR = 1, /* it could not be done; one line said why */
	STATUS_USAGE = 2, /* the command line is wrong */
	STATUS_GATE = 3,  /* wick diff: slower beyond the gate */
};

/* What stands at an option's offset in its command's options struct. */
enum option_kind {
	OPTION_FLAG,	 /* bool; takes no value */
	OPTION_OPTIONAL, /* const char *; --name is "", --name=VALUE the value */
	OPTION_STRING,	 /* const char *; points into argv */
	OPTION_UINT,	 /* unsigned int, within [min, max] */
	OPTION_SECONDS,	 /* double; "10", "0.5", "500ms", "5s", "2m", "1h" */
	OPTION_NUMBER,	 /* double, at least 0, and at most max where that is not 0; "5", "0.5" */
	OPTION_LIST,	 /* struct option_list: the arguments up to the next option, one at least */
	OPTION_BYTES,	 /* unsigned long long; "64K", "32M", "1G" */
	OPTION_CALL,	 /* handled by .parse: for lists and enumerations */
};

/* Arguments; command_run() frees the list after the command. */
struct option_list {
	const char **items; /* point into argv */
	unsigned int count, size;
};

struct option_spec {
	char letter;	  /* 'F', or 0: long name only */
	const char *name; /* "frequency" */
	enum option_kind kind;
	const char *value;     /* "HZ", for help; NULL for flags */
	const char *help;      /* one line, lower case, no full stop */
	size_t offset;	       /* offsetof() in the command's options struct */
	unsigned int min, max; /* OPTION_UINT, OPTION_NUMBER; max 0 = no limit */
	bool hidden;	       /* not in --help: for tests and measurements */
	/* OPTION_CALL: 0, or -EINVAL after it has said what is wrong. */
	int (*parse)(void *options, const struct option_spec *spec, const char *value);
};

struct command {
	const char *name;
	const char *arguments;		   /* "[-- CMD ..]", for the usage line */
	const char *summary;		   /* one line */
	const char *details;		   /* a few lines under the options in --help, or NULL */
	const struct option_spec *options; /* ends with an entry whose name is NULL */
	size_t options_size;
	const void *defaults; /* options_size bytes, copied before parsing; NULL = zeros */
	/* The first argument ends the options: what follows is another program's command line. */
	bool runs_program;
	/* NULL, or the commands of which the first argument names one; ends with NULL. */
	const struct command *const *verbs;
	/* options: the filled struct. argv: what is left, argv[argc] == NULL. "--" ends options and
	 * is not in argv. Gives a STATUS_. NULL for commands that only have verbs. */
	int (*run)(const void *options, int argc, char **argv);
};

/*
 * Parses argv[1..] against the table and runs the command, or the verb that the first argument
 * names. called: what people type for it, "wick dump system". --help prints to stdout and gives
 * STATUS_OK; errors are one line and a hint. Options may follow arguments (not with verbs or
 * runs_program).
 */
int command_run(const struct command *command, const char *called, int argc, char **argv);

#endif
