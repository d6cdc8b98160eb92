#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Recursion: 100 frames are whole, 300 with a higher limit; with the default limit 300 keep both ends,
# with a marked gap between them, and are counted as cut for that reason.
. "$(dirname "$0")/lib.sh"
need_bpf

start deep_nofp 600 100
record --user -p "$pid" -F 999 -o "$tmp/100.pb.gz"
until_cpu "$pid" 1.5
finish
kill "$pid"
mostly_complete "$tmp/100.pb.gz" 99.5
folded "$tmp/100.pb.gz" "$tmp/100.folded"
whole "$tmp/100.folded" deep_nofp "START main recurse#{100} bottom"

start deep_nofp 600 300
deep=$pid
record --user -p "$deep" -F 999 --max-depth 400 -o "$tmp/300.pb.gz"
until_cpu "$deep" 1.5
finish
mostly_complete "$tmp/300.pb.gz" 99.5
folded "$tmp/300.pb.gz" "$tmp/300.folded"
whole "$tmp/300.folded" deep_nofp "START main recurse#{300} bottom"

record --user -p "$deep" -F 999 -o "$tmp/gap.pb.gz"
until_cpu "$deep" 1.5
finish
ledger_exact "$tmp/gap.pb.gz"
at_least "stacks cut for their depth, %" "$(jq '100 * .ledger.cut.gap / .ledger.written' \
	"$tmp/report.json")" 99.5
folded "$tmp/gap.pb.gz" "$tmp/gap.folded"
# 127 frames in all: the root, the C library's two, main, and the leaf leave 122.
whole "$tmp/gap.folded" deep_nofp "START main recurse#+ \[.*frames.*\] recurse#+ bottom"
kept=$(awk '/recurse/ { print gsub(/recurse/, ""); exit }' "$tmp/gap.folded")
near "recursive frames kept" "$kept" 122 2
