/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/options.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/quote.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPTIONS_MAX = 64,
	LONG_BASE = 256, /* getopt_long's value of an option: this + its row */
	HELP_COLUMN = 26,
};

/* What getopt_long wants, made from a command's table. */
struct getopt_tables {
	char letters[2 * OPTIONS_MAX + 2];
	struct option longs[OPTIONS_MAX + 2];
	int row_of_letter[256];
};

static void make_tables(const struct command *command, struct getopt_tables *tables)
{
	size_t n = 0, used = 0;

	memset(tables, 0, sizeof(*tables));
	tables->letters[used++] = '+'; /* stop at the first argument that is no option */
	tables->letters[used++] = ':'; /* tell a missing value from an unknown option */
	for (; command->options && command->options[n].name && n < OPTIONS_MAX - 1; n++) {
		const struct option_spec *spec = &command->options[n];
		bool has_value = spec->kind != OPTION_FLAG;

		tables->longs[n] = (struct option){spec->name, has_value, NULL, LONG_BASE + (int)n};
		if (!spec->letter)
			continue;
		tables->row_of_letter[(unsigned char)spec->letter] = (int)n;
		tables->letters[used++] = spec->letter;
		if (has_value)
			tables->letters[used++] = ':';
	}
	tables->longs[n] = (struct option){"help", 0, NULL, 'h'};
	if (!strchr(tables->letters, 'h'))
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
	if (end == value || *end || *value == '-' || errno || number < spec->min || number > max) {
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
	char *end;
	double number = strtod(value, &end);

	for (size_t i = 0; end != value && i < ARRAY_SIZE(units); i++)
		if (!strcmp(end, units[i].unit) && isfinite(number) && number > 0 &&
		    number * units[i].seconds < 1e9) {
			*ret = number * units[i].seconds;
			return 0;
		}
	return bad_value(spec, value, "a time such as 10, 500ms or 2m");
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
	if (end == value || *end || *value == '-' || errno || number > (~0ULL >> shift))
		return bad_value(spec, value, "a size such as 64K, 32M or 1G");
	*ret = number << shift;
	return 0;
}

static int parse_value(const struct option_spec *spec, void *options, const char *value)
{
	void *at = (char *)options + spec->offset;

	switch (spec->kind) {
	case OPTION_FLAG:
		*(bool *)at = true;
		return 0;
	case OPTION_STRING:
		*(const char **)at = value;
		return 0;
	case OPTION_UINT:
		return parse_uint(spec, value, at);
	case OPTION_SECONDS:
		return parse_seconds(spec, value, at);
	case OPTION_BYTES:
		return parse_bytes(spec, value, at);
	case OPTION_CALL:
		return spec->parse(options, spec, value);
	}
	return -EINVAL;
}

static int usage(const struct command *command)
{
	log_hint("see 'wick %s --help'", command->name);
	return STATUS_USAGE;
}

static void print_option(const struct option_spec *spec)
{
	char left[80];
	int used = snprintf(left, sizeof(left), spec->letter ? "  -%c, " : "      ", spec->letter);

	snprintf(left + used, sizeof(left) - (size_t)used, "--%s%s%s", spec->name,
		 spec->value ? " " : "", spec->value ? spec->value : "");
	printf("%-*s%s%s\n", HELP_COLUMN, left, strlen(left) >= HELP_COLUMN ? " " : "", spec->help);
}

static int print_help(const struct command *command)
{
	printf("usage: wick %s%s%s%s\n%s\n\n", command->name, command->options ? " [options]" : "",
	       command->arguments ? " " : "", command->arguments ? command->arguments : "",
	       command->summary);
	for (const struct option_spec *spec = command->options; spec && spec->name; spec++)
		if (!spec->hidden)
			print_option(spec);
	print_option(&(struct option_spec){.letter = 'h', .name = "help", .help = "this text"});
	if (command->details)
		printf("\n%s", command->details);
	return STATUS_OK;
}

/* The argument that getopt_long could not take: one letter, or a whole long option. */
static const char *bad_option(char **argv, char *ret, size_t size)
{
	if (optopt && optopt < LONG_BASE)
		snprintf(ret, size, "-%c", optopt);
	else
		quote(ret, size, argv[optind - 1]);
	return ret;
}

static const struct option_spec *spec_of(const struct command *command,
					 const struct getopt_tables *tables, int option)
{
	return &command->options[option >= LONG_BASE ? option - LONG_BASE
						     : tables->row_of_letter[option]];
}

int command_run(const struct command *command, int argc, char **argv)
{
	_cleanup_free_ void *options = calloc(1, command->options_size + 1);
	struct getopt_tables tables;
	char shown[128];
	int option;

	if (!options)
		return STATUS_ERROR;
	if (command->defaults)
		memcpy(options, command->defaults, command->options_size);
	make_tables(command, &tables);
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, tables.letters, tables.longs, NULL)) >= 0) {
		if (option == '?') {
			log_error("unknown option '%s'", bad_option(argv, shown, sizeof(shown)));
			return usage(command);
		}
		if (option == ':') {
			log_error("option '%s' needs a value",
				  bad_option(argv, shown, sizeof(shown)));
			return usage(command);
		}
		if (option == 'h' && !tables.row_of_letter['h'])
			return print_help(command);
		if (parse_value(spec_of(command, &tables, option), options, optarg))
			return usage(command);
	}
	return command->run(options, argc - optind, argv + optind);
}
