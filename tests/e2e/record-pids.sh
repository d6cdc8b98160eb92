#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# -p takes processes with all their threads, and no others.
. "$(dirname "$0")/lib.sh"
need_bpf

start burn_fp 600
burn=$pid
start syscalls_fp 600
syscalls=$pid
start cpp_fp 600 # not asked for
record -p "$burn,$syscalls" -F 999 -o "$tmp/two.pb.gz"
until_cpu "$burn" 1
until_cpu "$syscalls" 0.5
finish
ledger_exact "$tmp/two.pb.gz"
folded "$tmp/two.pb.gz" "$tmp/two.folded"
at_least "samples of the first" "$(folded_count "$tmp/two.folded" '^burn_fp;')" 500
at_least "samples of the second" "$(folded_count "$tmp/two.folded" '^syscalls_fp;')" 300
near "samples of others" "$(folded_count "$tmp/two.folded" '^cpp_fp|^swapper')" 0 0

"$FIXTURES/threads_fp" 400 & threads=$!
children+=("$threads")
record -p "$threads" -F 999 -o "$tmp/threads.pb.gz"
until_cpu "$threads" 2
finish
folded "$tmp/threads.pb.gz" "$tmp/threads.folded"
for i in 1 2 3 4 5 6 7 8; do
	at_least "thread $i" "$(folded_count "$tmp/threads.folded" ";worker_$i(;|\$)")" 50
done

# No such process: one line, a hint, no file.
status=0
"$WICK" record -p 4194304 -d 1 -o "$tmp/none.pb.gz" 2>"$tmp/wick.err" || status=$?
near "status for a pid that is not there" "$status" 1 0
near "lines said" "$(grep -vc '^hint: ' "$tmp/wick.err")" 1 0
grep -q 4194304 "$tmp/wick.err" && grep -q '^hint: ' "$tmp/wick.err" || fail "no pid, no hint"
[ ! -e "$tmp/none.pb.gz" ] || fail "a profile of a pid that is not there"

# A process that exits at once: wick ends by itself, with a whole file or with one line.
sleep 0.3 &
status=0
"$WICK" record -p "$!" -o "$tmp/short.pb.gz" 2>"$tmp/wick.err" || status=$?
if [ "$status" = 0 ]; then
	ledger_exact "$tmp/short.pb.gz"
else
	near "status for a pid that has exited" "$status" 1 0
	[ ! -e "$tmp/short.pb.gz" ] || fail "half a file of a pid that has exited"
fi
