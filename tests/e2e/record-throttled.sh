#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Where the kernel throttles the event, the profile has the rate that was real: CPU time stays true.
. "$(dirname "$0")/lib.sh"
need_bpf
limit=/proc/sys/kernel/perf_event_max_sample_rate
[ -w "$limit" ] || skip "$limit cannot be written"
before=$(cat "$limit")
at_exit+=("echo $before >$limit")

start burn_fp 600
# 99 and 999 Hz stay below it, whoever else samples here meanwhile.
echo 2000 >"$limit" || skip "the limit cannot be lowered"
record -a -F 9999 -o "$tmp/out.pb.gz"
from=$(cpu_of "$pid")
until_cpu "$pid" 1
to=$(cpu_of "$pid")
finish
echo "$before" >"$limit"
grep -q 'held the event back' "$tmp/wick.err" || fail "nothing is said of it"
ledger_exact "$tmp/out.pb.gz"
at_least "times held back" "$(jq '.ledger.throttled // 0' "$tmp/report.json")" 10
"$WICK" dump profile "$tmp/out.pb.gz" --json >"$tmp/dump.json"
jq -r '.comments[]' "$tmp/dump.json" | grep 'throttled by the kernel to' || fail "no comment on the rate"
near "the real rate, Hz" "$(jq '1e9 / .period' "$tmp/dump.json")" 2000 500
near "CPU seconds of the program by the profile" "$(jq '[.samples[] |
	select(any(.labels[]; .string == "burn_fp")) | .values[1]] | add / 1e9' "$tmp/dump.json")" \
	"$(awk "BEGIN { print $to - $from }")" 0.25
