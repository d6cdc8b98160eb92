#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# As many samples as there was CPU time: samples + not_run within 2 % of Hz x busy CPU seconds.
. "$(dirname "$0")/lib.sh"
need_bpf
mixed_load

# Busy CPU seconds of the machine since boot: all but idle, iowait, steal; guest stands in user.
busy()
{
	awk '/^cpu / { print ($2 + $3 + $4 + $7 + $8) / 100 }' /proc/stat
}

for hz in 99 999; do
	seconds=$((hz == 99 ? 20 : 8)) # some 3,000 ticks at the least
	record -a -F "$hz" -d $seconds -o "$tmp/$hz.pb.gz"
	# The load is steady: measure well inside the recording and scale to its length.
	from=$(busy) uptime_from=$(cut -d ' ' -f 1 /proc/uptime)
	sleep $((seconds - 2))
	rate=$(awk -v from="$from" -v to="$(busy)" -v t0="$uptime_from" \
		-v t1="$(cut -d ' ' -f 1 /proc/uptime)" 'BEGIN { print (to - from) / (t1 - t0) }')
	finish none
	ledger_exact "$tmp/$hz.pb.gz"
	got=$(jq '.samples + .ledger.not_run' "$tmp/report.json")
	expected=$(jq --argjson rate "$rate" ".duration_s * $hz * \$rate" "$tmp/report.json")
	near "samples + not_run of Hz x busy CPU seconds at $hz Hz, %" "$(percent "$got" "$expected")" 100 2
	# not_run is itself reckoned from busy time: what was really sampled must carry the sum.
	at_least "samples alone at $hz Hz, %" \
		"$(percent "$(jq .samples "$tmp/report.json")" "$expected")" 95
	[ "$hz" != 99 ] || near "drops at 99 Hz" "$(jq '[.ledger.dropped[]] | add // 0' "$tmp/report.json")" 0 0
done
