/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/cpus.h"
#include "profiler/options.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "tests/test.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

struct options {
	bool all;
	const char *output;
	unsigned int hz;
	double seconds;
	unsigned long long bytes;
	double number;
	struct option_list list;
};

static const struct options defaults = {.hz = 99, .output = "out"};
static struct options got;
static int got_argc;
static char *got_first;
static char got_list[128]; /* the items, each with a space behind it */

static int take(const void *options, int argc, char **argv)
{
	got = *(const struct options *)options;
	got_argc = argc;
	got_first = argc ? argv[0] : NULL;
	got_list[0] = '\0';
	for (unsigned int i = 0; i < got.list.count; i++) {
		strcat(got_list, got.list.items[i]);
		strcat(got_list, " ");
	}
	return STATUS_OK;
}

static const struct option_spec table[] = {
	{.letter = 'a',
	 .name = "all",
	 .kind = OPTION_FLAG,
	 .help = "all",
	 .offset = offsetof(struct options, all)},
	{.letter = 'o',
	 .name = "output",
	 .kind = OPTION_STRING,
	 .value = "FILE",
	 .help = "file",
	 .offset = offsetof(struct options, output)},
	{.letter = 'F',
	 .name = "frequency",
	 .kind = OPTION_UINT,
	 .value = "HZ",
	 .help = "rate",
	 .offset = offsetof(struct options, hz),
	 .min = 1,
	 .max = 10000},
	{.letter = 'd',
	 .name = "duration",
	 .kind = OPTION_SECONDS,
	 .value = "T",
	 .help = "time",
	 .offset = offsetof(struct options, seconds)},
	{.name = "max-bytes",
	 .kind = OPTION_BYTES,
	 .value = "N",
	 .help = "size",
	 .offset = offsetof(struct options, bytes)},
	{.name = "number",
	 .kind = OPTION_NUMBER,
	 .value = "X",
	 .help = "number",
	 .offset = offsetof(struct options, number),
	 .max = 100},
	{.name = "list",
	 .kind = OPTION_LIST,
	 .value = "FILE..",
	 .help = "files",
	 .offset = offsetof(struct options, list)},
	{.name = NULL},
};

static const struct command command = {
	.name = "test",
	.summary = "test",
	.options = table,
	.options_size = sizeof(struct options),
	.defaults = &defaults,
	.run = take,
};

static const struct command runner = {
	.name = "runner",
	.summary = "runs a program",
	.options = table,
	.options_size = sizeof(struct options),
	.runs_program = true,
	.run = take,
};

static const struct command *const verbs[] = {&command, &runner, NULL};
static const struct command parent = {.name = "parent", .summary = "has verbs", .verbs = verbs};

static char said[512];

/* Runs a command with these words; what it writes to stderr is in said. */
static int run_as(const struct command *which, const char *a, const char *b, const char *c)
{
	char *argv[] = {(char *)"test", (char *)a, (char *)b, (char *)c, NULL};
	int argc = 1, out = dup(STDERR_FILENO), file = memfd_create("said", MFD_CLOEXEC), status;
	ssize_t n;

	while (argv[argc])
		argc++;
	memset(&got, 0, sizeof(got));
	dup2(file, STDERR_FILENO);
	status = command_run(which, "wick test", argc, argv);
	dup2(out, STDERR_FILENO);
	n = pread(file, said, sizeof(said) - 1, 0);
	said[n < 0 ? 0 : n] = '\0';
	close(out);
	close(file);
	return status;
}

static int run(const char *a, const char *b, const char *c)
{
	return run_as(&command, a, b, c);
}

TEST(options_fill_the_struct_and_defaults_stay)
{
	CHECK_INT(run("-a", "-F", "250"), STATUS_OK);
	CHECK(got.all);
	CHECK_INT(got.hz, 250);
	CHECK_STR(got.output, "out");
	CHECK_INT(run("--output=x", "--frequency", "7"), STATUS_OK);
	CHECK_STR(got.output, "x");
	CHECK_INT(got.hz, 7);
	CHECK_INT(run(NULL, NULL, NULL), STATUS_OK);
	CHECK_INT(got.hz, 99);
}

TEST(options_may_follow_arguments)
{
	CHECK_INT(run("file", "-a", "-F7"), STATUS_OK);
	CHECK(got.all);
	CHECK_INT(got.hz, 7);
	CHECK_INT(got_argc, 1);
	CHECK_STR(got_first, "file");
	CHECK_INT(run("--", "-a", NULL), STATUS_OK);
	CHECK(!got.all);
	CHECK_STR(got_first, "-a");
}

TEST(a_program_ends_the_options)
{
	CHECK_INT(run_as(&runner, "ls", "-a", NULL), STATUS_OK);
	CHECK(!got.all);
	CHECK_INT(got_argc, 2);
	CHECK_INT(run_as(&runner, "-a", "--", "ls"), STATUS_OK);
	CHECK(got.all);
	CHECK_STR(got_first, "ls");
}

TEST(verbs_are_called_with_what_follows)
{
	CHECK_INT(run_as(&parent, "test", "-F7", "x"), STATUS_OK);
	CHECK_INT(got.hz, 7);
	CHECK_STR(got_first, "x");
	CHECK_INT(run_as(&parent, NULL, NULL, NULL), STATUS_USAGE);
	CHECK_STR(said, "wick: 'wick test' needs to know what\nhint: see 'wick test --help'\n");
}

TEST(the_nearest_verb_is_suggested_if_it_is_near)
{
	CHECK_INT(run_as(&parent, "runer", NULL, NULL), STATUS_USAGE);
	CHECK_STR(said, "wick: unknown command 'wick test runer'\n"
			"hint: did you mean 'wick test runner'? See 'wick test --help'\n");
	CHECK_INT(run_as(&parent, "perf\033", NULL, NULL), STATUS_USAGE);
	CHECK_STR(said, "wick: unknown command 'wick test perf\\x1b'\n"
			"hint: see 'wick test --help'\n");
}

TEST(errors_name_the_option)
{
	run("-x", NULL, NULL);
	CHECK_STR(said, "wick: unknown option '-x'\nhint: see 'wick test --help'\n");
	run("file", "--nonsense=1", NULL);
	CHECK_STR(said, "wick: unknown option '--nonsense=1'\nhint: see 'wick test --help'\n");
	run("--all=1", NULL, NULL);
	CHECK_STR(said, "wick: option '--all' takes no value\nhint: see 'wick test --help'\n");
	run("-o", NULL, NULL);
	CHECK_STR(said, "wick: option '-o' needs a value\nhint: see 'wick test --help'\n");
	run("--output", NULL, NULL);
	CHECK_STR(said, "wick: option '--output' needs a value\nhint: see 'wick test --help'\n");
	run("-F0", NULL, NULL);
	CHECK_STR(said, "wick: --frequency takes a number from 1 to 10000, not '0'\n"
			"hint: see 'wick test --help'\n");
}

TEST(values_out_of_bounds_and_unknown_options_are_usage_errors)
{
	static const char *const bad[] = {
		"-F0",		"-F10001",	"-F-1",
		"-Fx",		"-F12x",	"-F",
		"-F 7",		"-F+7",		"-d0x10",
		"-dinf",	"-d0",		"-d-1",
		"-dnan",	"-d1y",		"--max-bytes=1X",
		"-x",		"--nonsense",	"--max-bytes=99999999999T",
		"--number=101", "--number=-1",	"--number=1e2",
		"--number=nan", "--number=0x1", "--number=1.2.3",
		"--number=",	"--list"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (run(bad[i], NULL, NULL) != STATUS_USAGE)
			TEST_FAIL("taken: %s", bad[i]);
}

TEST(times_and_sizes_have_units)
{
	run("-d", "500ms", "--max-bytes=64K");
	CHECK(got.seconds == 0.5);
	CHECK_INT(got.bytes, 65536);
	run("-d2m", "--max-bytes=3G", NULL);
	CHECK(got.seconds == 120);
	CHECK_INT(got.bytes, 3LL << 30);
	run("-d1.5", NULL, NULL);
	CHECK(got.seconds == 1.5);
}

TEST(numbers_have_fractions)
{
	run("--number", "0.5", NULL);
	CHECK(got.number == 0.5);
	run("--number=100", NULL, NULL);
	CHECK(got.number == 100);
}

static int run_words(int argc, const char *const *words)
{
	char *argv[16] = {(char *)"test"};

	for (int i = 0; i < argc; i++)
		argv[i + 1] = (char *)words[i];
	return command_run(&command, "wick test", argc + 1, argv);
}

#define RUN_WORDS(...)                                                                             \
	run_words(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *),                     \
		  (const char *const[]){__VA_ARGS__})

TEST(a_list_goes_on_to_the_next_option)
{
	CHECK_INT(RUN_WORDS("--list", "a", "b", "c", "-a"), STATUS_OK);
	CHECK_STR(got_list, "a b c ");
	CHECK(got.all);
	CHECK_INT(got_argc, 0);
	CHECK_INT(RUN_WORDS("x", "--list=a", "b", "-F", "7", "y", "--list", "c", "--", "z"),
		  STATUS_OK);
	CHECK_STR(got_list, "a b c ");
	CHECK_INT(got.hz, 7);
	CHECK_INT(got_argc, 3);
	CHECK_STR(got_first, "x");
	CHECK_INT(RUN_WORDS("x", "y"), STATUS_OK);
	CHECK_STR(got_list, "");
}

TEST(cpu_lists_are_read_as_the_kernel_writes_them)
{
	bool *set = NULL;
	int count = 0;

	CHECK_INT(cpus_parse("0-2,5,7-7\n", &set, &count), 0);
	CHECK_INT(count, 8);
	for (int cpu = 0; cpu < count; cpu++)
		CHECK_INT(set[cpu], cpu <= 2 || cpu == 5 || cpu == 7);
	free(set);
	CHECK_INT(cpus_parse("", &set, &count), -EINVAL);
	CHECK_INT(cpus_parse("3-1", &set, &count), -EINVAL);
	CHECK_INT(cpus_parse("0-99999999", &set, &count), -EINVAL);
}

TEST_MAIN()
