#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A program that burns 70/20/10 % in three functions is shown to do so, in every format.
. "$(dirname "$0")/lib.sh"
need_bpf

start burn_fp 600
record -p "$pid" -F 999 -o "$tmp/burn.pb.gz"
until_cpu "$pid" 5.6
finish
ledger_exact "$tmp/burn.pb.gz"
folded "$tmp/burn.pb.gz" "$tmp/burn.folded"
total=$(folded_total "$tmp/burn.folded")
at_least "samples" "$total" 5000

for pair in seventy:70 twenty:20 ten:10; do
	function=${pair%:*} share=${pair#*:}
	count=$(folded_count "$tmp/burn.folded" ";$function(;|\$)")
	near "$function, folded" "$(percent "$count" "$total")" "$share" 2
	count=$(report "$tmp/burn.pb.gz" ".functions[] | select(.name == \"$function\") | .total")
	near "$function, report" "$(percent "$count" "$total")" "$share" 2
done
near "stacks that reach main" "$(folded_count "$tmp/burn.folded" ';main(;|$)')" "$total" 0

command -v go >/dev/null || { echo "go is not here: pprof's own reader is not asked"; exit 0; }
go tool pprof -top -cum -sample_index=samples "$tmp/burn.pb.gz" >"$tmp/top" 2>/dev/null ||
	fail "go tool pprof does not read the profile"
near "total, go tool pprof" "$(sed -n 's/.* of \([0-9]*\) total.*/\1/p' "$tmp/top")" "$total" 0
for pair in seventy:70 twenty:20 ten:10; do
	count=$(awk -v name="${pair%:*}" '$6 == name { print $4 }' "$tmp/top")
	near "${pair%:*}, go tool pprof" "$(percent "$count" "$total")" "${pair#*:}" 2
done
