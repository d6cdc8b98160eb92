#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Names that a process chooses to harm its observer come out escaped in every format, and forge no line.
. "$(dirname "$0")/lib.sh"
need_bpf

deep=$tmp/$(printf 'd%.0s' {1..200})/$(printf 'e%.0s' {1..200})
export FAR=$tmp/far
mkdir -p "$deep" "$FAR"
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
# A thread's name, and a path of 60000 bytes, which no system call takes in one piece.
"$FIXTURES/lives_fp" named $'t;u 5\n\e[31m\xff<b>' >"$tmp/named.out" &
children+=($!)
pids+=,$!
python3 - "$FIXTURES/burn_fp" >"$tmp/far.out" <<'END' &
import os, shutil, sys
fixture = os.open(sys.argv[1], os.O_RDONLY)
os.chdir(os.environ["FAR"])
for i in range(300):
    os.mkdir("f" * 200)
    os.chdir("f" * 200)
with open("far", "wb") as far:
    far.write(os.read(fixture, 1 << 24))
os.chmod("far", 0o755)
os.close(fixture)
os.execv("./far", ["./far", "600"])
END
far=$!
children+=("$far")
pids+=,$far
# rm takes it level by level; find's would be too long a path.
at_exit+=('rm -rf "$FAR"')
wait_until grep -q '^ready' "$tmp/far.out"
wait_until grep -q '^ready' "$tmp/named.out"
i=$((i + 2))
record -p "$pids" --threads --debug -F 999 -o "$tmp/hostile.pb.gz"
until_cpu "$last" 0.15
until_cpu "$far" 0.15
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
at_least "a thread of such a name" "$("$WICK" dump profile "$tmp/hostile.pb.gz" --json | jq '[.samples[] |
	select(any(.labels[]; .key == "thread" and (.string | startswith("t;u 5\n")))).values[0]] | add // 0')" 50
at_least "of a program with a path of 60000 bytes, by name" \
	"$(folded_count "$tmp/hostile.folded" '^far;.*;main;cycle')" 50
near "forged threads" "$(grep -cE '^(t;|.*\x1b)' "$tmp/hostile.folded" || true)" 0 0

# no_markup FILE: nothing of the names has become an element, an end of one, or an attribute.
no_markup()
{
	near "$1: markup of names" "$(grep -ciE '<(img|b)[ >]|<script[^>]*>alert' "$1" || true)" 0 0
}
"$WICK" convert "$tmp/hostile.pb.gz" -o "$tmp/hostile.svg"
clean "$tmp/hostile.svg"
no_markup "$tmp/hostile.svg"
no_markup "$tmp/hostile.html"
python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$tmp/hostile.svg" || fail "no XML"
# JSON: one value, nothing raw in it.
for command in "report $tmp/hostile.pb.gz --json" "dump profile $tmp/hostile.pb.gz --json" "dump proc $last --json" \
	"dump proc $far --json" "diff $tmp/hostile.pb.gz $tmp/hostile.pb.gz --json"; do
	# shellcheck disable=SC2086
	"$WICK" $command >"$tmp/out.json" || fail "wick $command: $?"
	jq -es 'length == 1' "$tmp/out.json" >/dev/null || fail "wick $command: no JSON value"
	clean "$tmp/out.json"
done
# Text of processes: a line a mapping, whatever its path.
for process in "$far" ${pids//,/ }; do
	"$WICK" dump proc "$process" >"$tmp/proc.txt" || fail "dump proc $process: $?"
	clean "$tmp/proc.txt"
	near "$process: lines beyond its mappings" "$(grep -cE '^(main;|x;y|99$)' "$tmp/proc.txt" || true)" 0 0
done
# Differences, in every format.
for format in md html svg folded; do
	"$WICK" diff "$tmp/hostile.pb.gz" "$tmp/hostile.pb.gz" --all -o "$tmp/diff.$format" || fail "diff to .$format: $?"
	[ $format = html ] || clean "$tmp/diff.$format"
	[ $format = folded ] || no_markup "$tmp/diff.$format"
done
"$WICK" diff "$tmp/hostile.pb.gz" "$tmp/hostile.pb.gz" --all >"$tmp/diff.txt"
clean "$tmp/diff.txt"
# The store's index: text that is not SQL, and its timelines by those names.
"$WICK" agent --store "$tmp/store" --slice 2 --listen 127.0.0.1:0 >/dev/null 2>"$tmp/agent.err" & agent=$!
children+=("$agent")
wait_until attached "$agent"
until_cpu "$last" 0.3
kill -INT "$agent"
wait "$agent" || fail "the agent ended with $?"
"$WICK" store check "$tmp/store" >"$tmp/check.txt" || fail "the store does not hold"
clean "$tmp/check.txt"
clean "$tmp/agent.err"
if command -v sqlite3 >/dev/null; then
	at_least "services of such names in the index" "$(sqlite3 "$tmp/store/index.sqlite" \
		"SELECT count(DISTINCT service) FROM timeline WHERE service LIKE '%<img%' OR service LIKE '%forged%'")" 1
fi
# What is given on the command line and does not exist is told in one clean line.
for given in "record --cgroup"$' /no\nwick:\e[31mforged' "report"$' /no\nwick:\e[31mforged'; do
	# shellcheck disable=SC2086
	(IFS=' '; set -f; "$WICK" $given >/dev/null 2>"$tmp/told.err") && fail "'$given' succeeded"
	clean "$tmp/told.err"
	near "forged lines" "$(grep -c '^wick:.forged\|^forged' "$tmp/told.err" || true)" 0 0
done
