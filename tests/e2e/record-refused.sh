#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What there is too much of, or too little allowed for, is refused and counted, or said with its cure; what is
# sampled stands in the profile all the same.
. "$(dirname "$0")/lib.sh"
need_bpf

# More executable mappings in a process than are kept (65,536): counted, their frames have no names.
limit=/proc/sys/vm/max_map_count
before=$(cat "$limit")
at_exit+=("echo $before >$limit")
echo 140000 >"$limit" || skip "$limit cannot be written"
start many_fp maps 67000 600
old=$pid
record --comm many_fp -F 999 -o "$tmp/out.pb.gz"
start many_fp maps 67000 600
new=$pid
until_each_cpu 0.3 "$old" "$new"
finish
ledger_exact "$tmp/out.pb.gz"
at_least "mappings refused, in the ledger" "$(jq '.ledger.refused // 0' "$tmp/report.json")" 2
"$WICK" report "$tmp/out.pb.gz" | grep 'refused: mappings not kept' || fail "the report has no word of it"
"$WICK" dump profile "$tmp/out.pb.gz" --json >"$tmp/dump.json"
for process in "$old" "$new"; do
	at_least "samples of a process with too many" "$(jq --argjson pid "$process" '[.samples[] |
		select(any(.labels[]; .key == "pid" and .number == $pid)).values[0]] | add // 0' "$tmp/dump.json")" 100
done
kill -KILL "$old" "$new"
echo "$before" >"$limit"

# Files that may be open.
for files in 20 48; do
	status=0
	(ulimit -n "$files" && "$WICK" record -a -d 100ms -o "$tmp/x.pb.gz") >"$tmp/files" 2>&1 || status=$?
	near "status with $files files" "$status" 1 0
	grep -q "only $files open files are allowed" "$tmp/files" || fail "no word of the limit: $(cat "$tmp/files")"
	grep -q '^hint: raise the limit' "$tmp/files" || fail "no cure: $(cat "$tmp/files")"
done
