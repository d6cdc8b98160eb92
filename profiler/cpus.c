/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/cpus.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CPU_MAX = 65536 };

static int set_range(unsigned long from, unsigned long to, bool **set, int *count)
{
	if (from > to || to >= CPU_MAX)
		return -EINVAL;
	if ((int)to >= *count) {
		bool *grown = realloc(*set, (to + 1) * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		memset(grown + *count, 0, (to + 1 - (size_t)*count) * sizeof(*grown));
		*set = grown;
		*count = (int)to + 1;
	}
	memset(*set + from, 1, (to - from + 1) * sizeof(**set));
	return 0;
}

int cpus_parse(const char *list, bool **ret_set, int *ret_count)
{
	_cleanup_free_ bool *set = NULL;
	int count = 0, err = 0;

	while (!err) {
		char *end;
		unsigned long from = strtoul(list, &end, 10), to = from;

		if (end == list)
			return -EINVAL;
		if (*end == '-') {
			list = end + 1;
			to = strtoul(list, &end, 10);
			if (end == list)
				return -EINVAL;
		}
		err = set_range(from, to, &set, &count);
		if (*end != ',')
			break;
		list = end + 1;
	}
	if (err)
		return err;
	*ret_set = TAKE_PTR(set);
	*ret_count = count;
	return 0;
}

int cpus_online(bool **ret_online, int *ret_count)
{
	_cleanup_fclose_ FILE *file = fopen("/sys/devices/system/cpu/online", "re");
	char list[4096];

	if (!file || !fgets(list, sizeof(list), file))
		return -ENOENT;
	return cpus_parse(list, ret_online, ret_count);
}

double cpus_busy_s(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/stat", "re");
	unsigned long long idle, iowait, steal;
	double hz = (double)sysconf(_SC_CLK_TCK), rest = 0, cpus = 0;
	struct timespec now;
	char line[512];

	if (!file)
		return 0;
	/* "cpu0 user nice system idle iowait irq softirq steal .."; see proc(5). */
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "cpu", 3) || line[3] == ' ')
			continue;
		if (sscanf(line, "cpu%*u %*u %*u %*u %llu %llu %*u %*u %llu", &idle, &iowait,
			   &steal) != 3)
			continue;
		rest += (double)(idle + iowait + steal) / hz;
		cpus++;
	}
	clock_gettime(CLOCK_BOOTTIME, &now);
	return cpus * ((double)now.tv_sec + (double)now.tv_nsec * 1e-9) - rest;
}
