#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What cannot be unwound in the libraries of this system: below 0.1 % of their code, with all that needs
# a register of the leaf frame counted in. No function is damaged. The list shows where it is.
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || skip "needs jq"

find /usr/lib/x86_64-linux-gnu /usr/lib/gcc /usr/bin -xdev -maxdepth 2 -type f -size +8k \
	\( -name '*.so' -o -name '*.so.*' -o -path '/usr/bin/*' \) -printf '%i %p\n' |
	awk '!seen[$1]++ { print $2 }' >"$tmp/files"
while read -r file; do
	if "$WICK" dump unwind --json "$file" >>"$tmp/all" 2>"$tmp/err"; then
		echo "$file" >>"$tmp/names"
	else
		grep -q 'not an ELF' "$tmp/err" || fail "$file: $(cat "$tmp/err")"
	fi
done <"$tmp/files"

jq -sr --rawfile names "$tmp/names" '($names | split("\n")) as $names |
	to_entries | map(.value + {file: $names[.key], unsupported: ([.value.unsupported_bytes[]] | add)}) |
	map(select(.unsupported + .leaf_only_bytes > 0)) |
	sort_by(-.unsupported - .leaf_only_bytes)[:25][] |
	"\(.file): \(.unsupported) bytes unsupported, \(.leaf_only_bytes) leaf only, of \(.covered_bytes)"' \
	"$tmp/all"
jq -s '{files: length, functions: map(.functions) | add, damaged: map(.damaged) | add,
	overlapping: map(.overlapping) | add, rows: map(.rows) | add, size: map(.size) | add,
	most_rules: map(.rules) | max, covered: map(.covered_bytes) | add,
	leaf_only: map(.leaf_only_bytes) | add,
	unsupported: map([.unsupported_bytes[]] | add) | add}' "$tmp/all" | tee "$tmp/sum"
at_least "files" "$(jq .files "$tmp/sum")" 20
near "damaged functions" "$(jq .damaged "$tmp/sum")" 0 0
jq -e '(.unsupported + .leaf_only) / .covered < 0.001' "$tmp/sum" >/dev/null ||
	fail "0.1 % or more is unsupported"
jq -e '.most_rules < 65535' "$tmp/sum" >/dev/null || fail "too many rules"
