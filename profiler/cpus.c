/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/cpus.h"

#include "base/cleanup.h"
#include "base/clock.h"

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

static int grow(struct cpus_busy *busy, int count)
{
	double *rest_s = realloc(busy->rest_s, (size_t)count * sizeof(*rest_s));

	if (!rest_s)
		return -ENOMEM;
	for (int cpu = busy->count; cpu < count; cpu++)
		rest_s[cpu] = -1;
	busy->rest_s = rest_s;
	busy->count = count;
	return 0;
}

void cpus_busy_forget(struct cpus_busy *busy, unsigned int cpu)
{
	if (cpu < (unsigned int)busy->count)
		busy->rest_s[cpu] = -1;
}

void cpus_busy_release(struct cpus_busy *busy)
{
	free(busy->rest_s);
	*busy = (struct cpus_busy){0};
}

static void look(struct cpus_busy *busy, int cpu, double passed_s, double rest_s)
{
	if (cpu >= busy->count && grow(busy, cpu + 1))
		return;
	if (busy->rest_s[cpu] >= 0)
		busy->total_s += passed_s - (rest_s - busy->rest_s[cpu]);
	busy->rest_s[cpu] = rest_s;
}

/* "cpu0 user nice system idle iowait irq softirq steal .."; those offline have no line. proc(5) */
double cpus_busy_s(struct cpus_busy *busy)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/stat", "re");
	double hz = (double)sysconf(_SC_CLK_TCK), now_s = clock_boot_s();
	double passed_s = now_s - busy->at_s;
	unsigned long long idle, iowait, steal;
	char line[512];
	int cpu, next = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "cpu%d %*u %*u %*u %llu %llu %*u %*u %llu", &cpu, &idle, &iowait,
			   &steal) != 4 ||
		    cpu < next || cpu >= CPU_MAX)
			continue;
		for (; next < cpu; next++)
			cpus_busy_forget(busy, (unsigned int)next);
		look(busy, next++, passed_s, (double)(idle + iowait + steal) / hz);
	}
	for (; next < busy->count; next++)
		cpus_busy_forget(busy, (unsigned int)next);
	busy->at_s = now_s;
	return busy->total_s;
}
