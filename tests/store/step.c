/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Preloaded into a program: its wall clock is off by as many seconds as the file STEP_FILE says, at
 * every look at it. The other clocks stay as they are, as when somebody sets the wall clock. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long step(void)
{
	const char *path = getenv("STEP_FILE");
	FILE *file = path ? fopen(path, "re") : NULL;
	long seconds = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%ld", &seconds) != 1)
		seconds = 0;
	fclose(file);
	return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int (*next)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
	int err = next(clock, ret);

	if (!err && clock == CLOCK_REALTIME)
		ret->tv_sec += step();
	return err;
}

time_t time(time_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}
