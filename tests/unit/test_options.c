/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/cpus.h"
#include "profiler/options.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct options {
	bool all;
	const char *output;
	unsigned int hz;
	double seconds;
	unsigned long long bytes;
};

static const struct options defaults = {.hz = 99, .output = "out"};
static struct options got;
static int got_argc;
static char *got_first;

static int take(const void *options, int argc, char **argv)
{
	got = *(const struct options *)options;
	got_argc = argc;
	got_first = argc ? argv[0] : NULL;
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

/* Runs the command with these words; stderr is not part of the test. */
static int run(const char *a, const char *b, const char *c)
{
	char *argv[] = {(char *)"test", (char *)a, (char *)b, (char *)c, NULL};
	int argc = 1, out = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY), status;

	while (argv[argc])
		argc++;
	memset(&got, 0, sizeof(got));
	dup2(null, STDERR_FILENO);
	status = command_run(&command, argc, argv);
	dup2(out, STDERR_FILENO);
	close(out);
	close(null);
	return status;
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

TEST(a_command_ends_the_options)
{
	CHECK_INT(run("--", "-a", NULL), STATUS_OK);
	CHECK(!got.all);
	CHECK_STR(got_first, "-a");
	CHECK_INT(run("ls", "-a", NULL), STATUS_OK);
	CHECK(!got.all);
	CHECK_INT(got_argc, 2);
}

TEST(values_out_of_bounds_and_unknown_options_are_usage_errors)
{
	static const char *const bad[] = {"-F0",
					  "-F10001",
					  "-F-1",
					  "-Fx",
					  "-F12x",
					  "-F",
					  "-d0",
					  "-d-1",
					  "-dnan",
					  "-d1y",
					  "--max-bytes=1X",
					  "-x",
					  "--nonsense",
					  "--max-bytes=99999999999T"};

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
