// SPDX-License-Identifier: GPL-2.0-or-later
/* bpf_get_stack() of the ticks of one process, and nothing more. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

const volatile __u32 target;

enum { DEPTH = 127 };

struct counts {
	__u64 taken, frames, other;
	__u64 pc[DEPTH];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counts);
} counts SEC(".maps");

SEC("perf_event")
int get_stack(void *ctx)
{
	__u32 zero = 0;
	struct counts *count = bpf_map_lookup_elem(&counts, &zero);
	long size;

	if (!count)
		return 0;
	if (bpf_get_current_pid_tgid() >> 32 != target) {
		count->other++;
		return 0;
	}
	size = bpf_get_stack(ctx, count->pc, sizeof(count->pc), BPF_F_USER_STACK);
	count->taken++;
	if (size > 0)
		count->frames += size / 8;
	return 0;
}
