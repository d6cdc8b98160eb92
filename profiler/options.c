/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/options.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPTIONS_MAX = 64,
	LONG_BASE = 256, /* getopt_long's value of an option: this + its row */
	LONG_HELP = LONG_BASE + OPTIONS_MAX,
	HELP_COLUMN = 26,
	NAME_MAX_LENGTH = 32,
};

/* What getopt_long wants, made from a command's table. */
struct getopt_tables {
	char letters[3 * OPTIONS_MAX + 4];
	struct option longs[OPTIONS_MAX + 2];
	int row_of_letter[256]; /* plus one; 0 = no such letter */
};

static void make_tables(const struct command *command, struct getopt_tables *tables)
{
	size_t n = 0, used = 0;

	memset(tables, 0, sizeof(*tables));
	if (command->runs_program || command->verbs)
		tables->letters[used++] = '+'; /* stop at the first argument that is no option */
	tables->letters[used++] = ':';	       /* tell a missing value from an unknown option */
	for (; command->options && command->options[n].name && n < OPTIONS_MAX - 1; n++) {
		const struct option_spec *spec = &command->options[n];
		int has_value = spec->kind == OPTION_OPTIONAL ? optional_argument
				: spec->kind != OPTION_FLAG   ? required_argument
							      : no_argument;

		tables->longs[n] = (struct option){spec->name, has_value, NULL, LONG_BASE + (int)n};
		if (!spec->letter)
			continue;
		tables->row_of_letter[(unsigned char)spec->letter] = (int)n + 1;
		tables->letters[used++] = spec->letter;
		if (has_value)
			tables->letters[used++] = ':';
		if (has_value == optional_argument)
			tables->letters[used++] = ':';
	}
	tables->longs[n] = (struct option){"help", 0, NULL, LONG_HELP};
	if (!tables->row_of_letter['h'])
		tables->letters[used++] = 'h';
}

static int bad_value(const struct option_spec *spec, const char *value, const char *wanted)
{
	char shown[128];

	log_error("--%s takes %s, not '%s'", spec->name, wanted,
		  quote(shown, sizeof(shown), value));
	return -EINVAL;
}

static int parse_uint(const struct option_spec *spec, const char *value, unsigned int *ret)
{
	char *end, wanted[64];
	unsigned long number;
	unsigned int max = spec->max ? spec->max : (unsigned int)-1;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end || errno || number < spec->min ||
	    number > max) {
		snprintf(wanted, sizeof(wanted),
			 spec->max ? "a number from %u to %u" : "a number of %u or more", spec->min,
			 max);
		return bad_value(spec, value, wanted);
	}
	*ret = (unsigned int)number;
	return 0;
}

static int parse_seconds(const struct option_spec *spec, const char *value, double *ret)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = {{"", 1}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
	/* No signs, no hexadecimal, no "inf": a person's number. */
	size_t digits = strspn(value, "0123456789.");
	char *end;
	double number = strtod(value, &end);

	for (size_t i = 0; end == value + digits && i < ARRAY_SIZE(units); i++)
		if (!strcmp(end, units[i].unit) && number > 0 && number * units[i].seconds < 1e9) {
			*ret = number * units[i].seconds;
			return 0;
		}
	return bad_value(spec, value, "a time such as 10, 500ms or 2m");
}

static int parse_number(const struct option_spec *spec, const char *value, double *ret)
{
	size_t digits = strspn(value, "0123456789.");
	char *end, wanted[64];
	double number = strtod(value, &end);

	if (digits && !value[digits] && end == value + digits &&
	    (!spec->max || number <= spec->max)) {
		*ret = number;
		return 0;
	}
	snprintf(wanted, sizeof(wanted), spec->max ? "a number from 0 to %u" : "a number",
		 spec->max);
	return bad_value(spec, value, wanted);
}

static int add_to_list(struct option_list *list, const char *value)
{
	int err = array_reserve(&list->items, &list->size, list->count + 1);

	if (!err)
		list->items[list->count++] = value;
	return err;
}

/* Takes what follows the option's first value, too; getopt goes on behind it. */
static int parse_list(struct option_list *list, const char *value, char **argv)
{
	int err = add_to_list(list, value);

	while (!err && argv[optind] && argv[optind][0] != '-')
		err = add_to_list(list, argv[optind++]);
	return err;
}

static void free_lists(const struct command *command, void *options)
{
	for (const struct option_spec *spec = command->options; spec && spec->name; spec++)
		if (spec->kind == OPTION_LIST)
			free(((struct option_list *)((char *)options + spec->offset))->items);
}

static int parse_bytes(const struct option_spec *spec, const char *value, unsigned long long *ret)
{
	static const char units[] = "KMGT";
	char *end;
	unsigned long long number;
	const char *unit;
	int shift = 0;

	errno = 0;
	number = strtoull(value, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		shift = 10 * (int)(unit - units + 1);
		end++;
	}
	if (!isdigit((unsigned char)*value) || *end || errno || number > (~0ULL >> shift))
		return bad_value(spec, value, "a size such as 64K, 32M or 1G");
	*ret = number << shift;
	return 0;
}

static int parse_value(const struct option_spec *spec, void *options, const char *value,
		       char **argv)
{
	void *at = (char *)options + spec->offset;

	switch (spec->kind) {
	case OPTION_FLAG:
		*(bool *)at = true;
		return 0;
	case OPTION_OPTIONAL:
		*(const char **)at = value ? value : "";
		return 0;
	case OPTION_STRING:
		*(const char **)at = value;
		return 0;
	case OPTION_UINT:
		return parse_uint(spec, value, at);
	case OPTION_SECONDS:
		return parse_seconds(spec, value, at);
	case OPTION_NUMBER:
		return parse_number(spec, value, at);
	case OPTION_LIST:
		return parse_list(at, value, argv);
	case OPTION_BYTES:
		return parse_bytes(spec, value, at);
	case OPTION_CALL:
		return spec->parse(options, spec, value);
	}
	return -EINVAL;
}

static int usage(const char *called)
{
	log_hint("see '%s --help'", called);
	return STATUS_USAGE;
}

static void print_option(const struct option_spec *spec)
{
	char left[80];
	int used = spec->letter ? snprintf(left, sizeof(left), "  -%c, ", spec->letter)
				: snprintf(left, sizeof(left), "      ");

	if (spec->kind == OPTION_OPTIONAL)
		snprintf(left + used, sizeof(left) - (size_t)used, "--%s[=%s]", spec->name,
			 spec->value);
	else
		snprintf(left + used, sizeof(left) - (size_t)used, "--%s%s%s", spec->name,
			 spec->value ? " " : "", spec->value ? spec->value : "");
	printf("%-*s%s%s\n", HELP_COLUMN, left, strlen(left) >= HELP_COLUMN ? " " : "", spec->help);
}

static void print_verbs(const struct command *const *verbs)
{
	char left[80];

	for (; *verbs; verbs++) {
		const char *arguments = (*verbs)->arguments;

		snprintf(left, sizeof(left), "  %s%s%s", (*verbs)->name, arguments ? " " : "",
			 arguments ? arguments : "");
		printf("%-*s%s%s\n", HELP_COLUMN, left, strlen(left) >= HELP_COLUMN ? " " : "",
		       (*verbs)->summary);
	}
	printf("\n");
}

static int print_help(const struct command *command, const char *called)
{
	const struct option_spec help = {.letter = 'h', .name = "help", .help = "this text"};

	printf("usage: %s%s%s%s\n%s\n\n", called, command->options ? " [options]" : "",
	       command->arguments ? " " : "", command->arguments ? command->arguments : "",
	       command->summary);
	if (command->verbs)
		print_verbs(command->verbs);
	for (const struct option_spec *spec = command->options; spec && spec->name; spec++)
		if (!spec->hidden)
			print_option(spec);
	print_option(&help);
	if (command->details)
		printf("\n%s", command->details);
	return STATUS_OK;
}

/* getopt_long has refused argv[optind - 1], or a letter in it. optopt: the letter, or the option
 * that came with a value it does not take, or 0. */
static int bad_option(const struct command *command, const char *called, char **argv, int option)
{
	char letter[3] = {'-', (char)optopt, '\0'}, shown[128];
	bool is_letter = optopt > 0 && optopt < LONG_BASE;

	quote(shown, sizeof(shown), is_letter ? letter : argv[optind - 1]);
	if (option == ':')
		log_error("option '%s' needs a value", shown);
	else if (optopt == LONG_HELP)
		log_error("option '--help' takes no value");
	else if (optopt >= LONG_BASE)
		log_error("option '--%s' takes no value",
			  command->options[optopt - LONG_BASE].name);
	else
		log_error("unknown option '%s'", shown);
	return usage(called);
}

/* Edits (letters added, left out, changed) that make b of a: Levenshtein's distance, row by row. */
static unsigned int edits(const char *a, const char *b)
{
	unsigned int row[NAME_MAX_LENGTH + 1], length = (unsigned int)strlen(b);

	if (strlen(a) > NAME_MAX_LENGTH || length > NAME_MAX_LENGTH)
		return NAME_MAX_LENGTH;
	for (unsigned int j = 0; j <= length; j++)
		row[j] = j;
	for (unsigned int i = 1; a[i - 1]; i++) {
		unsigned int diagonal = row[0];

		row[0] = i;
		for (unsigned int j = 1; j <= length; j++) {
			unsigned int best = diagonal + (a[i - 1] != b[j - 1]);

			best = row[j] + 1 < best ? row[j] + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[length];
}

static int unknown_verb(const struct command *const *verbs, const char *called, const char *name)
{
	const struct command *nearest = NULL;
	unsigned int least = 3; /* more edits are another word */
	char shown[64];

	for (; *verbs; verbs++) {
		unsigned int n = edits(name, (*verbs)->name);

		if (n < least && n < strlen((*verbs)->name)) {
			least = n;
			nearest = *verbs;
		}
	}
	log_error("unknown command '%s %s'", called, quote(shown, sizeof(shown), name));
	if (!nearest)
		return usage(called);
	log_hint("did you mean '%s %s'? See '%s --help'", called, nearest->name, called);
	return STATUS_USAGE;
}

static int run_verb(const struct command *const *verbs, const char *called, int argc, char **argv)
{
	char longer[128];

	for (size_t i = 0; verbs[i]; i++)
		if (!strcmp(verbs[i]->name, argv[0])) {
			snprintf(longer, sizeof(longer), "%s %s", called, argv[0]);
			return command_run(verbs[i], longer, argc, argv);
		}
	return unknown_verb(verbs, called, argv[0]);
}

/* Fills options. STATUS_OK; STATUS_USAGE after it has said what is wrong; -1: help was asked for.
 */
static int parse_options(const struct command *command, const char *called, int argc, char **argv,
			 void *options)
{
	struct getopt_tables tables;
	int option;

	make_tables(command, &tables);
	opterr = 0;
	optind = 0; /* glibc: begin anew, whatever was scanned before */
	while ((option = getopt_long(argc, argv, tables.letters, tables.longs, NULL)) >= 0) {
		int row =
			option >= LONG_BASE ? option - LONG_BASE : tables.row_of_letter[option] - 1;

		if (option == '?' || option == ':')
			return bad_option(command, called, argv, option);
		if (option == LONG_HELP || row < 0)
			return -1;
		if (parse_value(&command->options[row], options, optarg, argv))
			return usage(called);
	}
	return STATUS_OK;
}

static int run_parsed(const struct command *command, const char *called, int argc, char **argv,
		      void *options)
{
	int status = parse_options(command, called, argc, argv, options);

	if (status < 0)
		return print_help(command, called);
	if (status != STATUS_OK)
		return status;
	argc -= optind;
	argv += optind;
	if (argc && command->verbs)
		return run_verb(command->verbs, called, argc, argv);
	if (command->run)
		return command->run(options, argc, argv);
	log_error("'%s' needs to know what", called);
	return usage(called);
}

int command_run(const struct command *command, const char *called, int argc, char **argv)
{
	_cleanup_free_ void *options = calloc(1, command->options_size + 1);
	int status;

	if (!options) {
		log_error("out of memory");
		return STATUS_ERROR;
	}
	if (command->defaults)
		memcpy(options, command->defaults, command->options_size);
	status = run_parsed(command, called, argc, argv, options);
	free_lists(command, options);
	return status;
}
