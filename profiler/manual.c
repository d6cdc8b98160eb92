/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/manual.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

/* What to call the command, and with which words before. */
typedef void (*command_visit)(const struct command *command, const char *called, struct buf *out);

static void each_command(const struct command *root, const char *called, command_visit visit,
			 struct buf *out)
{
	char longer[128];

	for (const struct command *const *c = root->verbs; c && *c; c++) {
		snprintf(longer, sizeof(longer), "%s %s", called, (*c)->name);
		visit(*c, longer, out);
		each_command(*c, longer, visit, out);
	}
}

static const struct option_spec help_option = {
	.letter = 'h', .name = "help", .help = "what the command does, and its options"};

/* The options that are told of, one after the other, then --help. NULL ends. */
static const struct option_spec *next_option(const struct command *command,
					     const struct option_spec *before)
{
	const struct option_spec *spec = before ? before + 1 : command->options;

	if (before == &help_option)
		return NULL;
	while (spec && spec->name && spec->hidden)
		spec++;
	return spec && spec->name ? spec : &help_option;
}

/* --- man(7) --- */

/* A line of text: no hyphen that breaks, no escape, no request. */
static void add_roff(struct buf *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		buf_add_str(out, "\\&");
	for (; *text; text++) {
		if (*text == '-')
			buf_add_str(out, "\\-");
		else if (*text == '\\')
			buf_add_str(out, "\\e");
		else if (*text == '\n' && (text[1] == '.' || text[1] == '\''))
			buf_add_str(out, "\n\\&");
		else
			buf_add(out, text, 1);
	}
}

static void add_roff_option(struct buf *out, const struct option_spec *spec)
{
	buf_add_str(out, ".TP\n");
	if (spec->letter)
		buf_printf(out, "\\fB\\-%c\\fR, ", spec->letter);
	buf_add_str(out, "\\fB\\-\\-");
	add_roff(out, spec->name);
	buf_add_str(out, "\\fR");
	if (spec->value) {
		bool is_optional = spec->kind == OPTION_OPTIONAL;

		buf_add_str(out, is_optional ? "[=\\fI" : " \\fI");
		add_roff(out, spec->value);
		buf_add_str(out, is_optional ? "\\fR]" : "\\fR");
	}
	buf_add_str(out, "\n");
	add_roff(out, spec->help);
	buf_add_str(out, "\n");
}

static void add_roff_command(const struct command *command, const char *called, struct buf *out)
{
	buf_add_str(out, ".SS ");
	add_roff(out, called);
	if (command->arguments) {
		buf_add_str(out, " ");
		add_roff(out, command->arguments);
	}
	buf_add_str(out, "\n");
	add_roff(out, command->summary);
	buf_add_str(out, "\n");
	for (const struct option_spec *spec = NULL; (spec = next_option(command, spec));)
		add_roff_option(out, spec);
	if (!command->details)
		return;
	buf_add_str(out, ".PP\n.nf\n");
	add_roff(out, command->details);
	buf_add_str(out, ".fi\n");
}

static const char man_end[] = ".SH FILES\n"
			      "Profiles are pprof protocol buffers, compressed by gzip, unless the "
			      "name of the file says\n"
			      "otherwise.\n"
			      ".SH EXIT STATUS\n"
			      "0: done. 1: it could not be done, one line on standard error says "
			      "why. 2: the command line\n"
			      "is wrong. 3: a comparison found what it was told to fail for.\n"
			      ".SH SEE ALSO\n"
			      ".BR perf (1),\n"
			      ".BR bpf (2),\n"
			      ".BR perf_event_open (2),\n"
			      ".BR cgroups (7)\n";

static void make_man(const struct command *root, struct buf *out)
{
	buf_printf(out, ".TH WICK 1 \"\" \"wick %s\" \"User Commands\"\n.SH NAME\nwick \\- ",
		   WICK_VERSION);
	add_roff(out, "continuous CPU profiler for Linux");
	buf_add_str(out, "\n.SH SYNOPSIS\n");
	for (const struct command *const *c = root->verbs; *c; c++) {
		buf_add_str(out, ".B wick ");
		add_roff(out, (*c)->name);
		buf_add_str(out, "\n[options] ");
		add_roff(out, (*c)->arguments ? (*c)->arguments : "");
		buf_add_str(out, c[1] ? "\n.br\n" : "\n");
	}
	buf_add_str(out, ".SH COMMANDS\n");
	each_command(root, "wick", add_roff_command, out);
	buf_add_str(out, man_end);
}

/* --- shells --- */

/* Inside single quotes. */
static void add_quoted(struct buf *out, const char *text, const char *escaped)
{
	for (; *text; text++) {
		if (*text == '\'')
			buf_add_str(out, "'\\''");
		else if (strchr(escaped, *text))
			buf_printf(out, "\\%c", *text);
		else
			buf_add(out, text, 1);
	}
}

static void add_names(const struct command *const *verbs, struct buf *out)
{
	for (const struct command *const *c = verbs; *c; c++)
		buf_printf(out, "%s%s", c == verbs ? "" : " ", (*c)->name);
}

static void add_bash_options(const struct command *command, struct buf *out)
{
	bool is_first = true;

	for (const struct option_spec *spec = NULL; (spec = next_option(command, spec));) {
		buf_printf(out, "%s--%s", is_first ? "" : " ", spec->name);
		if (spec->letter)
			buf_printf(out, " -%c", spec->letter);
		is_first = false;
	}
}

/* "record)", or "'dump elf')" for a verb. */
static void add_bash_case(const struct command *command, const char *called, struct buf *out)
{
	buf_printf(out, "\t'%s') options='", called + strlen("wick "));
	add_bash_options(command, out);
	buf_add_str(out, "' verbs='");
	if (command->verbs)
		add_names(command->verbs, out);
	buf_add_str(out, "' ;;\n");
}

static void make_bash(const struct command *root, struct buf *out)
{
	buf_add_str(out,
		    "# bash completion for wick; made from its option tables.\n"
		    "_wick()\n{\n"
		    "\tlocal current=${COMP_WORDS[COMP_CWORD]} word command= options='--version "
		    "--help -h' verbs='");
	add_names(root->verbs, out);
	buf_add_str(out, "'\n\n\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
			 "\t\tcase \" $verbs \" in\n"
			 "\t\t*\" $word \"*) command=${command:+$command }$word ;;\n"
			 "\t\t*) continue ;;\n\t\tesac\n\t\tcase $command in\n");
	each_command(root, "wick", add_bash_case, out);
	buf_add_str(out,
		    "\t\tesac\n\tdone\n"
		    "\tcase $current in\n"
		    "\t-*) mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$current\") ;;\n"
		    "\t*) mapfile -t COMPREPLY < <(compgen -W \"$verbs\" -- \"$current\")\n"
		    "\t\t[ -n \"$verbs\" ] || mapfile -t COMPREPLY < <(compgen -f -- "
		    "\"$current\") ;;\n"
		    "\tesac\n}\ncomplete -o filenames -F _wick wick\n");
}

/* '(-F --frequency)'{-F,--frequency}'[samples a second]:HZ:' */
static void add_zsh_option(struct buf *out, const struct option_spec *spec)
{
	buf_add_str(out, " \\\n\t\t");
	if (spec->letter)
		buf_printf(out, "'(-%c --%s)'{-%c,--%s}'[", spec->letter, spec->name, spec->letter,
			   spec->name);
	else
		buf_printf(out, "'--%s%s[", spec->name, spec->kind == OPTION_OPTIONAL ? "=-" : "");
	add_quoted(out, spec->help, "[]:\\");
	buf_add_str(out, "]");
	if (spec->value) {
		bool is_path = strstr(spec->value, "FILE") || strstr(spec->value, "DIR");

		buf_add_str(out, spec->kind == OPTION_OPTIONAL ? "::" : ":");
		add_quoted(out, spec->value, "[]:\\");
		buf_add_str(out, is_path ? ":_files" : ": ");
	}
	buf_add_str(out, "'");
}

static void add_zsh_verbs(const struct command *const *verbs, struct buf *out)
{
	buf_add_str(out, "\t\tverbs=(");
	for (; *verbs; verbs++) {
		buf_printf(out, "\n\t\t\t'%s:", (*verbs)->name);
		add_quoted(out, (*verbs)->summary, ":\\");
		buf_add_str(out, "'");
	}
	buf_add_str(out, ")\n\t\t_describe command verbs\n");
}

static void add_zsh_case(const struct command *command, const char *called, struct buf *out)
{
	buf_printf(out, "\t'%s')\n", called + strlen("wick "));
	if (command->verbs) {
		add_zsh_verbs(command->verbs, out);
	} else {
		buf_add_str(out, "\t\t_arguments -s");
		for (const struct option_spec *spec = NULL; (spec = next_option(command, spec));)
			add_zsh_option(out, spec);
		buf_add_str(out, " \\\n\t\t'*:file:_files'\n");
	}
	buf_add_str(out, "\t\t;;\n");
}

/* "dump|store": the commands whose next word is a verb. */
static void add_zsh_groups(const struct command *const *verbs, struct buf *out)
{
	const char *between = "";

	for (; *verbs; verbs++)
		if ((*verbs)->verbs) {
			buf_printf(out, "%s%s", between, (*verbs)->name);
			between = "|";
		}
}

static void make_zsh(const struct command *root, struct buf *out)
{
	buf_add_str(out, "#compdef wick\n# Made from wick's option tables.\n"
			 "_wick()\n{\n\tlocal -a verbs\n\tlocal command=$words[2]\n\n"
			 "\tif (( CURRENT == 2 )); then\n");
	add_zsh_verbs(root->verbs, out);
	buf_add_str(out, "\t\treturn\n\tfi\n\tif [[ $command = (");
	add_zsh_groups(root->verbs, out);
	buf_add_str(out, ") ]] && (( CURRENT > 3 )); then\n"
			 "\t\tcommand+=\" $words[3]\"\n\t\tshift words\n\t\t(( CURRENT-- ))\n\tfi\n"
			 "\tshift words\n\t(( CURRENT-- ))\n\tcase $command in\n");
	each_command(root, "wick", add_zsh_case, out);
	buf_add_str(out, "\tesac\n}\n_wick \"$@\"\n");
}

int manual_make(const struct command *root, const char *kind, struct buf *out)
{
	static const struct {
		const char *kind;
		void (*make)(const struct command *, struct buf *);
	} kinds[] = {{"man", make_man}, {"bash", make_bash}, {"zsh", make_zsh}};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kind, kinds[i].kind)) {
			kinds[i].make(root, out);
			return buf_error(out);
		}
	return -EINVAL;
}
