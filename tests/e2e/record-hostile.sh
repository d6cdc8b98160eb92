#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Names that a process chooses to harm its observer come out escaped in every format, and forge no line.
. "$(dirname "$0")/lib.sh"
need_bpf

deep=$tmp/$(printf 'd%.0s' {1..200})/$(printf 'e%.0s' {1..200})
mkdir -p "$deep"
i=0
for name in $'a\nmain;forged 99' $'\e[31mred\e]0;x\a' 'x;y z 7' '<img src=x onerror=alert(1)>' 'lib (deleted)' \
	$'\xff\xfe\xc0bad' $'tab\tcr\rnul' '"},{"name":"forged"' "$(printf 'n%.0s' {1..250})"; do
	cp "$FIXTURES/burn_stripped" "$deep/$name"
	"$deep/$name" 600 >/dev/null &
	children+=($!)
	pids+=${pids:+,}$!
	last=$!
	i=$((i + 1))
done
record -p "$pids" -F 999 -o "$tmp/hostile.pb.gz"
until_cpu "$last" 0.15
finish
ledger_exact "$tmp/hostile.pb.gz"
all=$(jq .samples "$tmp/report.json")

# clean FILE: no control byte but the line's end, valid UTF-8.
clean()
{
	near "$1: control bytes" "$(LC_ALL=C grep -cP '[\x00-\x08\x0b-\x1f\x7f]' "$1" || true)" 0 0
	iconv -f UTF-8 -t UTF-8 "$1" >/dev/null || fail "$1 is not valid UTF-8"
}
folded "$tmp/hostile.pb.gz" "$tmp/hostile.folded"
clean "$tmp/hostile.folded"
near "lines that are no stack" "$(grep -cvP '^[^\t]+ [0-9]+$' "$tmp/hostile.folded" || true)" 0 0
near "forged stacks" "$(grep -cE '^(main;forged|x;y)' "$tmp/hostile.folded" || true)" 0 0
near "the sum" "$(folded_total "$tmp/hostile.folded")" "$all" 0
near "processes by their first frame" "$(cut -d';' -f1 "$tmp/hostile.folded" | sort -u | wc -l)" "$i" 0
# Folded text is read back as it was written.
"$WICK" convert "$tmp/hostile.folded" -o "$tmp/back.pb.gz"
folded "$tmp/back.pb.gz" "$tmp/back.folded"
cmp "$tmp/hostile.folded" "$tmp/back.folded" || fail "folded text changes when it is read and written"

"$WICK" report "$tmp/hostile.pb.gz" --top 100 >"$tmp/report.txt"
clean "$tmp/report.txt"
"$WICK" dump profile "$tmp/hostile.pb.gz" >"$tmp/dump.txt"
clean "$tmp/dump.txt"
near "forged lines of the dump" "$(grep -cE '^(main;|x;y|\{)' "$tmp/dump.txt" || true)" 0 0
"$WICK" dump profile "$tmp/hostile.pb.gz" --json | jq -e '[.samples[].values[0]] | add' >"$tmp/sum"
near "the dump's sum" "$(cat "$tmp/sum")" "$all" 0
near "forged frames" "$("$WICK" dump profile "$tmp/hostile.pb.gz" --json |
	jq '[.samples[].frames[] | select(.name == "forged")] | length')" 0 0
"$WICK" convert "$tmp/hostile.pb.gz" -o "$tmp/hostile.html"
near "tags in the page" "$(grep -c '<img' "$tmp/hostile.html" || true)" 0 0
if command -v go >/dev/null; then
	near "samples that go reads" "$(go tool pprof -sample_index=samples -top "$tmp/hostile.pb.gz" 2>/dev/null |
		sed -n 's/.* of \([0-9]*\) total.*/\1/p')" "$all" 0
fi
grep -q 'lib (deleted)' "$tmp/hostile.folded" || fail "a file whose name ends in (deleted) lost its name"
# What wick says of them to a terminal.
clean "$tmp/wick.err"
