#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A chain of 12 functions is whole however it was built: without frame pointers, with them but for the
# leaf's, static, static PIE. And wherever it is interrupted: a chain that only
# calls and returns spends its time in prologues and epilogues.
. "$(dirname "$0")/lib.sh"
need_bpf

chain=$(printf 'step_%d ' {1..12})
variants=(nofp fp leaf static staticpie)
pids=()
for variant in "${variants[@]}"; do
	start "chain_$variant" 600
	pids+=("$pid")
done
record --user -p "$(IFS=,; echo "${pids[*]}")" -F 999 -o "$tmp/chain.pb.gz"
until_each_cpu 1.5 "${pids[@]}"
finish
kill "${pids[@]}"
mostly_complete "$tmp/chain.pb.gz" 99.5
folded "$tmp/chain.pb.gz" "$tmp/chain.folded"
for variant in "${variants[@]}"; do
	whole "$tmp/chain.folded" "chain_$variant" "START main $chain"
done

# A frame's return address may be a function's first or last byte here: none may be missing.
start chain_nofp 600 0
nofp=$pid
start chain_leaf 600 0
record --user -p "$nofp,$pid" -F 999 -o "$tmp/calls.pb.gz"
until_each_cpu 2 "$nofp" "$pid"
finish
mostly_complete "$tmp/calls.pb.gz" 99.5
folded "$tmp/calls.pb.gz" "$tmp/calls.folded"
for variant in nofp leaf; do
	whole "$tmp/calls.folded" "chain_$variant" "START main | $chain"
done

# musl's own code has no .eh_frame: its start is walked by what stands behind calls, up to the entry.
[ -x "$FIXTURES/chain_musl" ] || { echo "no musl-gcc: not tested"; exit 0; }
start chain_musl 600
musl=$pid
start chain_muslstatic 600
record --user -p "$musl,$pid" -F 999 -o "$tmp/musl.pb.gz"
until_each_cpu 1.5 "$musl" "$pid"
finish
ledger_exact "$tmp/musl.pb.gz"
at_least "complete stacks, %" "$(jq '100 * .ledger.complete / .ledger.written' "$tmp/report.json")" 99.5
folded "$tmp/musl.pb.gz" "$tmp/musl.folded"
whole "$tmp/musl.folded" chain_musl "_start libc\.so\+0x[0-9a-f]+ main $chain"
whole "$tmp/musl.folded" chain_muslstati "_start libc_start_main_stage2 main $chain"
