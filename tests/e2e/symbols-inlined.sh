#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Inlined calls stand in the stacks, with the lines of the calls, and the report says how good names are.
. "$(dirname "$0")/lib.sh"
need_bpf

# line_of MARK: where the source says so.
line_of()
{
	grep -n "line of $1 " "$tree/tests/fixtures/inlined.c" | cut -d: -f1
}

start inlined_fp 600
record -p "$pid" --user -F 499 -o "$tmp/inlined.pb.gz"
until_cpu "$pid" 1.5
finish
ledger_exact "$tmp/inlined.pb.gz"
folded "$tmp/inlined.pb.gz" "$tmp/inlined.folded"
total=$(folded_total "$tmp/inlined.folded")
chain='main;outer;middle;innermost;spin'
at_least "percent in the chain" \
	"$(percent "$(folded_count "$tmp/inlined.folded" ";$chain\$")" "$total")" 95

"$WICK" dump profile "$tmp/inlined.pb.gz" >"$tmp/dump.txt"
for call in outer middle innermost; do
	grep -Eq "^	$call at .*tests/fixtures/inlined.c:$(line_of $call)( \(inlined\))? in " "$tmp/dump.txt" ||
		fail "no line $(line_of $call) of $call"
done
# Its _start has no lines, so that the program has not got them throughout.
grep -q 'mapping: .*inlined_fp .* functions$' "$tmp/dump.txt" ||
	fail "the mapping does not say what it has"

near "one location a level: lines of the deepest location" "$(
	"$WICK" convert --inline=expand "$tmp/inlined.pb.gz" -o "$tmp/expanded.pb.gz"
	"$WICK" convert "$tmp/expanded.pb.gz" -o "$tmp/expanded.folded"
	cmp "$tmp/inlined.folded" "$tmp/expanded.folded" && echo 1
)" 1 0
"$WICK" convert --annotate "$tmp/inlined.pb.gz" -o "$tmp/marked.folded"
at_least "marked" "$(folded_count "$tmp/marked.folded" \
	';main;outer;middle_\[i\];innermost_\[i\];spin_\[i\]$')" 100

at_least "percent named" "$(report "$tmp/inlined.pb.gz" '100 * .names.named / .samples')" 97
at_least "percent with lines" "$(report "$tmp/inlined.pb.gz" '100 * .names.with_lines / .names.user')" 97
"$WICK" report "$tmp/inlined.pb.gz" | grep -Eq '^names +[0-9.]+ % of samples named, [0-9.]+ % of those in user code with lines' ||
	fail "no word on names in the report"

start burn_fp 600
record -p "$pid" -F 499 -o "$tmp/burn.pb.gz"
until_cpu "$pid" 0.5
finish
"$WICK" report "$tmp/burn.pb.gz" | grep -q 'missing: .*burn_fp (no debug info)' ||
	fail "not said that burn_fp has no debug info"
near "with lines" "$(report "$tmp/burn.pb.gz" '[.names.missing[] | select(.module | endswith("burn_fp"))] | length')" 1 0
