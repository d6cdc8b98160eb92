#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A sample that lands in a system call has both halves: the kernel's frames under the user's.
. "$(dirname "$0")/lib.sh"
need_bpf

start syscalls_fp 600
record -p "$pid" -F 999 -o "$tmp/syscalls.pb.gz"
until_cpu "$pid" 4
finish
ledger_exact "$tmp/syscalls.pb.gz"
folded "$tmp/syscalls.pb.gz" "$tmp/syscalls.folded"
total=$(folded_total "$tmp/syscalls.folded")
at_least "samples" "$total" 3500
kernel=$(folded_count "$tmp/syscalls.folded" 'do_syscall_64|entry_SYSCALL|el0_svc')
at_least "samples in system calls, %" "$(percent "$kernel" "$total")" 50
near "samples in system calls whose user part reaches main" "$(folded_count "$tmp/syscalls.folded" \
	';main;do_(read|getpid|stat|pipe);.*(do_syscall_64|entry_SYSCALL|el0_svc)')" "$kernel" 0
for function in do_read do_getpid do_stat do_pipe; do
	at_least "$function" "$(folded_count "$tmp/syscalls.folded" ";main;$function")" 100
done
