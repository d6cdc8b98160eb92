#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is hard to walk for more than its frames' sizes: C++ with exceptions in flight, threads, a handler
# on an alternate stack, realigned and growing frames, system calls through frameless wrappers.
. "$(dirname "$0")/lib.sh"
need_bpf

fixtures=(cpp altstack realign libcalls)
pids=()
for fixture in "${fixtures[@]}"; do
	start "${fixture}_nofp" 600
	pids+=("$pid")
done
record --user -p "$(IFS=,; echo "${pids[*]}")" -F 999 -o "$tmp/runtime.pb.gz"
until_each_cpu 2 "${pids[@]}"
finish
kill "${pids[@]}"
mostly_complete "$tmp/runtime.pb.gz" 99.5
folded "$tmp/runtime.pb.gz" "$tmp/runtime.folded"

# Below refuse(), or below thrower() when it has caught, there is the C++ library at work.
basket='shop::till::Basket<.*>::(sum|operator<|~Basket).*'
runtime='LIBRARY#*'
library='(lib|ld-)[^;]*\.so[^;]*|_Unwind_.*|__cxa_.*|__gxx_.*|__gcc_.*|std::.*|operator.*|_?_?(dl_|tls_).*|malloc|free|calloc|strcmp|strlen|mem[a-z]*|dl_iterate_phdr|abort|[a-z_]*@plt'
whole "$tmp/runtime.folded" cpp_nofp \
	"START main $basket ($library)#*" \
	"START main thrower shop::till::refuse.*#* ($library)#*"

# The frame between is the trampoline to which the handler returns; there it ends the signal.
trampoline='libc\.so\.6\+0x[0-9a-f]+|__restore_rt'
whole "$tmp/runtime.folded" altstack_nofp \
	"START main outer interrupted" \
	"START main outer interrupted $trampoline handler in_handler" "START main outer interrupted $trampoline"
handler=$(folded_count "$tmp/runtime.folded" ';interrupted;[^;]*;handler;in_handler')
at_least "samples on the alternate stack" "$handler" 400

whole "$tmp/runtime.folded" realign_nofp "START main growing aligned use"

# The wrapper's name, or its alias; each under its caller. stat() goes on as fstatat().
wrapper() { echo "((__)?(libc_)?($1)(@plt)?)#?"; }
whole "$tmp/runtime.folded" libcalls_nofp "START main do_read $(wrapper read)" \
	"START main do_getppid $(wrapper getppid)" "START main do_stat $(wrapper '(f?stat(at)?(64)?)')" \
	"START main do_pipe $(wrapper 'read|write')"
for function in do_read do_getppid do_stat do_pipe; do
	at_least "$function" "$(folded_count "$tmp/runtime.folded" ";main;$function;")" 50
done
