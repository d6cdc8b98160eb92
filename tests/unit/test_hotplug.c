/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/hotplug.h"

#include "tests/test.h"

#include <stdio.h>

#define PARSE(text) hotplug_parse(text, sizeof(text), &cpu, &is_online)

TEST(a_cpu_that_goes_and_one_that_comes_are_told)
{
	unsigned int cpu = 0;
	bool is_online = true;

	CHECK(PARSE("offline@/devices/system/cpu/cpu1\0ACTION=offline"));
	CHECK_INT(cpu, 1);
	CHECK(!is_online);
	CHECK(PARSE("online@/devices/system/cpu/cpu127\0ACTION=online"));
	CHECK_INT(cpu, 127);
	CHECK(is_online);
}

TEST(other_messages_are_no_cpus)
{
	unsigned int cpu = 77;
	bool is_online = true;

	CHECK(!PARSE("add@/devices/system/cpu/cpu1"));
	CHECK(!PARSE("online@/devices/system/memory/memory1"));
	CHECK(!PARSE("offline@/devices/system/cpu/cpu"));
	CHECK(!PARSE("offline@/devices/system/cpu/cpu1x"));
	CHECK(!PARSE("offline@/devices/system/cpu/cpu-1"));
	CHECK(!PARSE("offline@/devices/system/cpu/cpu99999999999999"));
	CHECK(!PARSE("offline"));
	CHECK(!PARSE("libudev"));
	CHECK(!PARSE(""));
	CHECK_INT(cpu, 77);
}

TEST_MAIN()
