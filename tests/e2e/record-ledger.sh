#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The ledger is exact under a mixed load, and agrees with the kernel's own count of program runs.
. "$(dirname "$0")/lib.sh"
need_bpf
mixed_load

for hz in 99 999; do
	record -a -F "$hz" -d 6 --count-runs -o "$tmp/$hz.pb.gz"
	finish none
	echo "$hz Hz:"
	ledger_exact "$tmp/$hz.pb.gz"
	jq -e '.ledger | .runs == .taken + .filtered' "$tmp/report.json" >/dev/null ||
		fail "the kernel ran the program $(jq -c '.ledger.runs' "$tmp/report.json") times"
	at_least "samples" "$(jq .samples "$tmp/report.json")" $((hz * 6))
done

start burn_fp 600
record -p "$pid" -F 999 --count-runs -o "$tmp/one.pb.gz"
until_cpu "$pid" 1
finish
echo "one pid:"
ledger_exact "$tmp/one.pb.gz"
jq -e '.ledger | .filtered > 0 and .runs == .taken + .filtered' "$tmp/report.json" >/dev/null ||
	fail "filtered runs are not accounted for"
