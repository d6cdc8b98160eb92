#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A program whose modules are known is unwound from its first sample: lives of 20 ms, by fork and by
# exec, of one that has run before under another name.
. "$(dirname "$0")/lib.sh"
need_bpf

# The same content: its build id is what it is known by.
cp "$FIXTURES/execer_nofp" "$tmp/again"
cp "$FIXTURES/forker_nofp" "$tmp/forks"
cat >"$tmp/lives" <<'END'
"$1/execer_nofp" 10 20
"$1/forker_nofp" 4 >/dev/null
sleep 1
"$2/again" 150 20
"$2/forks" 150 >/dev/null
true
END
"$WICK" record --user -F 999 -o "$tmp/short.pb.gz" -- bash "$tmp/lives" "$FIXTURES" "$tmp" \
	2>"$tmp/wick.err" || fail "wick record exited with $?"
ledger_exact "$tmp/short.pb.gz"
folded "$tmp/short.pb.gz" "$tmp/short.folded"

# part COMM FUNCTION: of the samples in it, those from the root on. A library is known as soon as the kernel
# wakes who hears of it, which takes a virtual machine 2 to 4 ms once in 200 times: that costs the samples of
# that time, not the first of each life, which would be 5 to 10 %.
part()
{
	grep "^$1;" "$tmp/short.folded" >"$tmp/part.folded" || fail "no samples of $1"
	total=$(folded_count "$tmp/part.folded" ";$2(;|\$)")
	rooted=$(folded_count "$tmp/part.folded" ";_start;.*;main;(child;)?$2(;|\$)")
	at_least "$1: samples in $2" "$total" 500
	at_least "$1: of them whole, %" "$(percent "$rooted" "$total")" 97
}
part again life
part forks forked_work
part forks execed_work
grep -o '"unwind tables[^"]*"' <("$WICK" report "$tmp/short.pb.gz" --json) || fail "no word of the tables"
