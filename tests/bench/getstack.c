/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * getstack OBJECT PID HZ SECONDS: the kernel's statistics of bpf_get_stack() on the process, as
 * "taken frames other runs ns": other are runs that met another process.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CPUS_MAX = 1024, DEPTH = 127 };

struct counts {
	uint64_t taken, frames, other;
	uint64_t pc[DEPTH];
};

static int attach(const struct bpf_program *program, int cpu, unsigned int hz)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.freq = 0,
		.sample_period = 1000000000 / hz,
		.exclude_idle = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd >= 0 && bpf_program__attach_perf_event(program, fd) ? 0 : -errno;
}

static int print(struct bpf_object *object, const struct bpf_program *program)
{
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info), zero = 0;
	struct counts *of = calloc(CPUS_MAX, sizeof(*of));
	struct counts sum = {0};

	if (!of ||
	    bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(object, "counts"), &zero, of) ||
	    bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
		return -errno;
	for (int i = 0; i < libbpf_num_possible_cpus(); i++) {
		sum.taken += of[i].taken;
		sum.frames += of[i].frames;
		sum.other += of[i].other;
	}
	printf("%llu %llu %llu %llu %llu\n", (unsigned long long)sum.taken,
	       (unsigned long long)sum.frames, (unsigned long long)sum.other,
	       (unsigned long long)info.run_cnt, (unsigned long long)info.run_time_ns);
	free(of);
	return 0;
}

static int measure(const char *path, uint32_t pid, unsigned int hz, unsigned int seconds)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	size_t size;
	void *at;
	int err;

	if (!object)
		return -errno;
	/* const in some releases of libbpf, though it is there to be written. */
	at = (void *)bpf_map__initial_value(bpf_object__find_map_by_name(object, "getstack.rodata"),
					    &size);
	memcpy(at, &pid, sizeof(pid));
	err = bpf_object__load(object);
	if (err)
		return err;
	program = bpf_object__find_program_by_name(object, "get_stack");
	if (bpf_enable_stats(BPF_STATS_RUN_TIME) < 0)
		return -errno;
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++) {
		err = attach(program, cpu, hz);
		if (err)
			return err;
	}
	sleep(seconds);
	return print(object, program);
}

int main(int argc, char **argv)
{
	int err;

	if (argc != 5)
		return 2;
	err = measure(argv[1], (uint32_t)atoi(argv[2]), (unsigned int)atoi(argv[3]),
		      (unsigned int)atoi(argv[4]));
	if (err)
		fprintf(stderr, "getstack: %s\n", strerror(-err));
	return err ? 1 : 0;
}
