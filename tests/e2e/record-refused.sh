#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What there is too much of, or too little allowed for, is refused and counted, or said with its cure; what is
# sampled stands in the profile all the same.
. "$(dirname "$0")/lib.sh"
need_bpf

gone()
{
	! kill -0 "$1" 2>/dev/null
}

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
grep ' refused: mappings not kept' "$tmp/wick.err" || fail "the user is not told"
for process in "$old" "$new"; do
	at_least "samples of a process with too many" "$(jq --argjson pid "$process" '[.samples[] |
		select(any(.labels[]; .key == "pid" and .number == $pid)).values[0]] | add // 0' "$tmp/dump.json")" 100
done
kill -KILL "$old" "$new"
echo "$before" >"$limit"

# More processes than the filter has room for, here 8: the parent and its first 7 children are followed, 13 are
# not; the place of one that ends is another's. Twenty given by pid are refused at once.
mkfifo "$tmp/go" "$tmp/more"
bash -c 'cd "$1" && read -r _ <go && echo $$ >parent
	"$2/burn_fp" 600 >/dev/null & echo $! >first
	for i in {1..6}; do sleep 600 & echo $!; done >followed
	for i in {1..12}; do sleep 600 & done
	"$2/burn_fp" 600 >/dev/null & echo $! >last
	read -r _ <more
	"$2/burn_fp" 600 >/dev/null & echo $! >late
	read -r _ <more' bash "$tmp" "$FIXTURES" & parent=$!
children+=("$parent")
at_exit+=('pkill -KILL -P "$parent"')
record -p "$parent" --children --filter-entries 8 -F 999 -o "$tmp/full.pb.gz"
echo >"$tmp/go"
wait_until test -s "$tmp/last"
until_each_cpu 0.2 "$(cat "$tmp/first")" "$(cat "$tmp/last")"
kill -KILL "$(head -n 1 "$tmp/followed")"
wait_until gone "$(head -n 1 "$tmp/followed")"
echo >"$tmp/more"
wait_until test -s "$tmp/late"
until_cpu "$(cat "$tmp/late")" 0.2
finish
cat "$tmp/wick.err"
ledger_exact "$tmp/full.pb.gz"
near "children not followed, in the ledger" "$(jq '.ledger.filter_full' "$tmp/report.json")" 13 0
grep ' 13 *filter_full: child processes that were not followed' "$tmp/wick.err" || fail "the user is not told"
for each in "first 100" "late 100"; do
	read -r name least <<<"$each"
	at_least "samples of the $name child" "$(labelled "$tmp/full.pb.gz" pid "$(cat "$tmp/$name")")" "$least"
done
near "samples of one that was refused" "$(labelled "$tmp/full.pb.gz" pid "$(cat "$tmp/last")")" 0 0
status=0
"$WICK" record -p "$(pgrep -P "$parent" | head -n 9 | paste -sd ,)" --filter-entries 8 -d 1 -o "$tmp/x.pb.gz" \
	2>"$tmp/wick.err" || status=$?
near "status with more pids than there is room for" "$status" 1 0
grep '9 processes are more than can be followed: 8' "$tmp/wick.err" || fail "no word of the limit"
grep '^hint: ' "$tmp/wick.err" || fail "no cure"
pkill -KILL -P "$parent"

# Files that may be open.
for files in 20 48; do
	status=0
	(ulimit -n "$files" && "$WICK" record -a -d 100ms -o "$tmp/x.pb.gz") >"$tmp/files" 2>&1 || status=$?
	near "status with $files files" "$status" 1 0
	grep -q "only $files open files are allowed" "$tmp/files" || fail "no word of the limit: $(cat "$tmp/files")"
	grep -q '^hint: raise the limit' "$tmp/files" || fail "no cure: $(cat "$tmp/files")"
done
