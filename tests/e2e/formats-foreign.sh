#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What other tools write is read to the same sums: Go's profiles of several kinds, raw and with fields that
# nobody knows, folded text as stackcollapse and async-profiler write it. Sums of three equal go tool pprof's.
. "$(dirname "$0")/lib.sh"
[ -x "$WICK" ] || fail "no program at $WICK: build it first"
cd "$tmp"

# Folded text: perf's through stackcollapse, with its marks and large counts; async-profiler's.
printf '%s\n' 'java;read;check_events_[k];hypercall_page_[k] 10101010' \
	'cc1plus-?/4711;[unknown];operator new(unsigned long) 20202020' '# a comment' '' \
	'swapper;secondary_startup_64_no_verify_[k];[libc-2.31.so] 7' >perf.folded
near "stackcollapse: samples" "$("$WICK" report perf.folded --json | jq .samples)" 30303037 0
"$WICK" convert perf.folded -o - | grep -qx 'cc1plus-?/4711;\[unknown\];operator new(unsigned long) 20202020' ||
	fail "a stack of stackcollapse has changed"
printf '%s\r\n' '[tid=12 main];java/lang/Thread.run_[j];Foo$Bar.lambda$baz$0_[i];::operator new_[k] 5' \
	'[tid=12 main];java/lang/Thread.run_[j] 3' '[tid=12 main];java/lang/Thread.run_[j] 4' >async.collapsed
near "async-profiler: samples" "$("$WICK" report async.collapsed --json | jq .samples)" 12 0
near "async-profiler: stacks" "$("$WICK" convert async.collapsed -o - | wc -l)" 2 0
gzip -k async.collapsed
zstd -q perf.folded
cmp <("$WICK" convert async.collapsed.gz -o -) <("$WICK" convert async.collapsed -o -) || fail "another text from .gz"
cmp <("$WICK" convert perf.folded.zst -o -) <("$WICK" convert perf.folded -o -) || fail "another text from .zst"

command -v go >/dev/null || skip "go is not here: only folded text was read"
# Made by tests/golden/go/make.go.
cp "$tree"/tests/golden/go/*.go.pb.gz .

# raw_sum FILE COLUMN: of go tool pprof -raw.
raw_sum()
{
	go tool pprof -symbolize=none -raw "$1" 2>/dev/null | awk -v n="$2" '/^Locations/ { exit }
		/^ *-?[0-9]+( +-?[0-9]+)*: / { sub(/:.*/, ""); sum += $n } END { print sum + 0 }'
}
for name in a heap goroutine allocs block; do
	"$WICK" dump profile $name.go.pb.gz --json >dump.json || fail "cannot read Go's $name"
	for ((type = 1; type <= $(jq '.types | length' dump.json); type++)); do
		near "$name, $(jq -r ".types[$type - 1] | .type + \"/\" + .unit" dump.json)" \
			"$(jq "[.samples[].values[$type - 1]] | add // 0" dump.json)" "$(raw_sum $name.go.pb.gz $type)" 0
		"$WICK" convert $name.go.pb.gz -o $name.ours.pb.gz
		near "$name, written again, read by go" "$(raw_sum $name.ours.pb.gz $type)" "$(raw_sum $name.go.pb.gz $type)" 0
	done
done
at_least "the busy function's samples" \
	"$("$WICK" report a.go.pb.gz --json | jq '[.functions[] | select(.name == "main.burn").total] | add // 0')" 5

# Raw, with an unknown field at the end, as engines export them.
(gzip -dc a.go.pb.gz && printf '\xa0\x06\x01') >raw.pb
near "raw, with an unknown field" "$("$WICK" report raw.pb --json | jq .samples)" \
	"$("$WICK" report a.go.pb.gz --json | jq .samples)" 0

# Three at once.
# Go leaves out mappings that nothing is in; wick keeps what it was given.
samples()
{
	"$WICK" dump profile "$1" | sed -n '/^mapping: \[/d; /^mapping:  0x0-0x0 /d; /^mapping: \|^sample:/,$p'
}
"$WICK" convert a.go.pb.gz b.go.pb.gz c.go.pb.gz -o d.pb.gz
go tool pprof -symbolize=none -proto -output=go.pb.gz a.go.pb.gz b.go.pb.gz c.go.pb.gz >/dev/null 2>&1
samples d.pb.gz >ours
samples go.pb.gz >theirs
cmp -s ours theirs || { diff ours theirs | head >&2; fail "wick and go add three profiles up to other samples"; }
near "lines of the same sum" "$(wc -l <ours)" "$(wc -l <theirs)" 0
status=0
"$WICK" convert a.go.pb.gz heap.go.pb.gz -o no.pb.gz 2>wick.err || status=$?
near "status for a sum of different kinds" "$status" 1 0
