/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a unit test needs: cases named by a sentence, checks that print both sides, an exit status.
 *
 *	TEST(stops_at_end_marker) { CHECK_INT(f(), 0); }
 *	TEST_MAIN()
 */
#ifndef WICK_TESTS_TEST_H
#define WICK_TESTS_TEST_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct test_case {
	const char *name;
	void (*run)(void);
	struct test_case *next;
};

static struct test_case *test_cases, **test_last = &test_cases;
static unsigned int test_failures;

#define TEST(sentence)                                                                             \
	static void test_##sentence(void);                                                         \
	static struct test_case case_##sentence = {#sentence, test_##sentence, NULL};              \
	__attribute__((constructor)) static void add_##sentence(void)                              \
	{                                                                                          \
		*test_last = &case_##sentence;                                                     \
		test_last = &case_##sentence.next;                                                 \
	}                                                                                          \
	static void test_##sentence(void)

#define TEST_FAIL(...)                                                                             \
	do {                                                                                       \
		test_failures++;                                                                   \
		printf("    %s:%d: ", __FILE__, __LINE__);                                         \
		printf(__VA_ARGS__);                                                               \
		printf("\n");                                                                      \
	} while (0)

#define CHECK(claim)                                                                               \
	do {                                                                                       \
		if (!(claim))                                                                      \
			TEST_FAIL("not true: %s", #claim);                                         \
	} while (0)

#define CHECK_INT(have, want)                                                                      \
	do {                                                                                       \
		long long _have = (long long)(have), _want = (long long)(want);                    \
		if (_have != _want)                                                                \
			TEST_FAIL("%s is %lld, want %lld", #have, _have, _want);                   \
	} while (0)

#define CHECK_STR(have, want)                                                                      \
	do {                                                                                       \
		const char *_have = (have), *_want = (want);                                       \
		if (!_have || !_want ? _have != _want : strcmp(_have, _want) != 0)                 \
			TEST_FAIL("%s is \"%s\", want \"%s\"", #have, _have ? _have : "(null)",    \
				  _want ? _want : "(null)");                                       \
	} while (0)

/* For a main() of its own; else TEST_MAIN(). Gives the exit status. */
__attribute__((unused)) static int test_run_all(void)
{
	unsigned int failed = 0, passed = 0;

	for (struct test_case *c = test_cases; c; c = c->next) {
		unsigned int before = test_failures;

		c->run();
		if (test_failures == before) {
			passed++;
			printf("ok   %s\n", c->name);
		} else {
			failed++;
			printf("FAIL %s\n", c->name);
		}
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}

/* A test that has files parsed needs a main() with parser_main(): the child is this program again,
 * and would run all tests, which start children.. */
#define TEST_MAIN()                                                                                \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		if (argc > 1 && !strcmp(argv[1], "--parser-child"))                                \
			return 70;                                                                 \
		return test_run_all();                                                             \
	}

#endif
