#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Several profilers at once: two wicks and perf, of the same program. Each has its own exact ledger and the right
# shares, and comes and goes without the others.
. "$(dirname "$0")/lib.sh"
need_bpf

# shares FOLDED: of the program's three functions, as it was written.
shares()
{
	local all

	all=$(folded_count "$1" '^burn_nofp;.*;(seventy|twenty|ten)')
	at_least "$1: samples" "$all" "$2"
	near "$1: seventy, %" "$(percent "$(folded_count "$1" '^burn_nofp;.*;seventy')" "$all")" 70 6
	near "$1: twenty, %" "$(percent "$(folded_count "$1" '^burn_nofp;.*;twenty')" "$all")" 20 6
	near "$1: ten, %" "$(percent "$(folded_count "$1" '^burn_nofp;.*;ten')" "$all")" 10 6
}

start burn_nofp 600
burn=$pid
record -a -F 999 -o "$tmp/first.pb.gz"
first=$wick
if command -v perf >/dev/null; then
	perf record -q -F 999 -e cpu-clock -p "$burn" -o "$tmp/perf.data" >/dev/null 2>&1 & perf=$!
	children+=("$perf")
	wait_until eval "find /proc/$perf/fd -lname 'anon_inode:*perf_event*' -print -quit | grep -q ."
fi
record -p "$burn" -F 499 -o "$tmp/second.pb.gz"
from=$(cpu_of "$burn")
until_cpu "$burn" 2
to=$(cpu_of "$burn")
finish
if [ -n "${perf:-}" ]; then
	kill -INT "$perf"
	wait "$perf" || true
fi
wick=$first
until_cpu "$burn" 0.5 # alone again
finish

for file in first second; do
	ledger_exact "$tmp/$file.pb.gz"
	near "$file: drops" "$(jq '[.ledger.dropped[]] | add // 0' "$tmp/report.json")" 0 0
	folded "$tmp/$file.pb.gz" "$tmp/$file.folded"
done
shares "$tmp/first.folded" 2000
shares "$tmp/second.folded" 800
near "second: samples, % of Hz x its CPU time" "$(jq --argjson cpu "$(awk "BEGIN { print $to - $from }")" \
	'100 * .samples / 499 / $cpu' "$tmp/report.json")" 100 10
if [ -n "${perf:-}" ]; then
	perf script -i "$tmp/perf.data" -F comm,ip,sym 2>/dev/null | awk 'NF >= 3 { print $1 ";;" $3, 1 }' >"$tmp/perf.folded"
	shares "$tmp/perf.folded" 1500
fi
