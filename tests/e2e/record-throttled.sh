#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Where the kernel throttles the event (kernel.perf_event_max_sample_rate), before the start or in mid-run, the
# profile has the rate that was real: CPU time stays true. Where it does not, the rate is the one asked for.
. "$(dirname "$0")/lib.sh"
need_bpf
limit=/proc/sys/kernel/perf_event_max_sample_rate
[ -w "$limit" ] || skip "$limit cannot be written"
before=$(cat "$limit")
at_exit+=("echo $before >$limit")

# Every CPU is busy all the time: one that idles is held back less.
for _ in $(seq "$(nproc)"); do
	start burn_fp 600
	pids+=("$pid")
done

# burned LIMIT LIMIT: a recording with the one limit, and then with the other.
burned()
{
	local from=() cpu=0

	echo "$1" >"$limit" || skip "the limit cannot be set"
	record -a -F 9999 -o "$tmp/out.pb.gz"
	for pid in "${pids[@]}"; do
		from+=("$(cpu_of "$pid")")
	done
	until_each_cpu 0.5 "${pids[@]}"
	echo "$2" >"$limit"
	[ "$1" = "$2" ] || until_each_cpu 0.5 "${pids[@]}"
	for i in "${!pids[@]}"; do
		cpu=$(awk "BEGIN { print $cpu + $(cpu_of "${pids[i]}") - ${from[i]} }")
	done
	finish
	echo "$before" >"$limit"
	ledger_exact "$tmp/out.pb.gz"
	"$WICK" dump profile "$tmp/out.pb.gz" --json >"$tmp/dump.json"
	rate=$(jq '1e9 / .period' "$tmp/dump.json")
	# What is sampled is the first part of each tick, where others than these wake up: hence not closer.
	near "their CPU time by the profile, %" "$(jq --argjson cpu "$cpu" '[.samples[] |
		select(any(.labels[]; .string == "burn_fp")) | .values[1]] | add / 1e7 / $cpu' "$tmp/dump.json")" \
		100 35
}
# It is said that the rate is below the one asked for.
told()
{
	grep -q 'held the event back' "$tmp/wick.err" || fail "nothing is said of it"
	at_least "times held back" "$(jq '.ledger.throttled // 0' "$tmp/report.json")" 100
	near "the rate in the comment" "$(jq -r '.comments[]' "$tmp/dump.json" |
		sed -n 's/^throttled by the kernel to \(.*\) Hz$/\1/p')" "$rate" 0.1
}

# 99 and 999 Hz stay below these, whoever else samples here meanwhile. The kernel allows whole samples a tick.
for most in 2000 4000; do
	burned "$most" "$most"
	told
	near "the rate" "$rate" "$most" $((most / 12))
done
burned 100000 2000
told
near "the rate, lowered in mid-run" "$rate" 6000 2500
burned 100000 100000
near "times held back, when that much is allowed" "$(jq '.ledger.throttled // 0' "$tmp/report.json")" 0 0
near "the rate" "$rate" 9999 1
