#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Eight threads with known work: each has its share, and its stack.
. "$(dirname "$0")/lib.sh"
need_bpf

"$WICK" record -F 999 -o "$tmp/threads.pb.gz" -- "$FIXTURES/threads_fp" 150 2>"$tmp/wick.err" ||
	fail "wick record exited with $?"
ledger_exact "$tmp/threads.pb.gz"
folded "$tmp/threads.pb.gz" "$tmp/threads.folded"
total=$(folded_count "$tmp/threads.folded" ';worker_[1-8]')
at_least "samples" "$total" 3000
for i in 1 2 3 4 5 6 7 8; do
	share=$(percent "$(folded_count "$tmp/threads.folded" ";worker_$i(;|\$)")" "$total")
	near "worker_$i, %" "$share" "$(percent "$i" 36)" 2
done
