#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A command is followed into its children, and the recording ends with it.
. "$(dirname "$0")/lib.sh"
need_bpf

"$WICK" record -F 999 -o "$tmp/forker.pb.gz" -- "$FIXTURES/forker_fp" 200 \
	>"$tmp/out" 2>"$tmp/wick.err" || fail "wick record exited with $?, though the profile is written"
ledger_exact "$tmp/forker.pb.gz"
cpu=$(sed -n 's/^cpu //p' "$tmp/out")
samples=$(jq '.samples + .ledger.not_run' "$tmp/report.json")
near "samples of $cpu CPU seconds" "$(percent "$samples" "$(awk "BEGIN { print 999 * $cpu }")")" 100 6
folded "$tmp/forker.pb.gz" "$tmp/forker.folded"
# Between its go and its exec the child is still wick: a tenth of a millisecond.
near "samples of the child before its exec" "$(folded_count "$tmp/forker.folded" '^wick;')" 0 3
near "samples of others" "$(folded_count "$tmp/forker.folded" '^([^fw]|w[^i])')" 0 0
for function in forked_work execed_work; do
	at_least "$function" "$(folded_count "$tmp/forker.folded" ";main;.*$function")" 500
done

"$WICK" record -o "$tmp/true.pb.gz" -- true 2>"$tmp/wick.err" || fail "recording true: $?"
ledger_exact "$tmp/true.pb.gz"
status=0
"$WICK" record -o "$tmp/none.pb.gz" -- /nonexistent/command 2>"$tmp/wick.err" || status=$?
near "status for a command that is not there" "$status" 1 0
grep -q /nonexistent/command "$tmp/wick.err" || fail "the command is not named"
[ ! -e "$tmp/none.pb.gz" ] || fail "a profile of a command that is not there"
