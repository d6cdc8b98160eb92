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
# Windows' shell writes UTF-16 with a byte order mark, and lines that end in CR LF; comments of both kinds.
printf '%s\r\n' '# comment' '// another' 'a;b;c 1' 'a;b;c 1' 'a;b;d 4' 'a;b;c 3' 'a;b 5' 'größe;メモリ;🔥 7' >utf8.folded
(printf '\xff\xfe' && iconv -f UTF-8 -t UTF-16LE utf8.folded) >little.folded
(printf '\xfe\xff' && iconv -f UTF-8 -t UTF-16BE utf8.folded) >big.folded
for file in utf8 little big; do
	near "$file: samples" "$("$WICK" report $file.folded --json | jq .samples)" 21 0
	cmp <("$WICK" convert $file.folded -o -) <("$WICK" convert utf8.folded -o -) || fail "$file: other stacks"
done
grep -qx 'größe;メモリ;🔥 7' <("$WICK" convert little.folded -o -) || fail "a name in UTF-16 has changed"
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

# As Pyroscope exports: one value a sample, ids with holes, functions and lines but no mappings, labels of its
# own; written by the library that it writes with, of which Go has a copy.
library=$(go env GOROOT)/src/cmd/vendor/github.com/google/pprof/profile
if [ -d "$library" ]; then
	mkdir -p pyroscope/profile
	cp "$library"/*.go pyroscope/profile/
	printf 'module pyroscope\n\ngo 1.19\n' >pyroscope/go.mod
	cat >pyroscope/main.go <<'END'
package main

import (
	"os"
	"pyroscope/profile"
)

func main() {
	var at []*profile.Location
	p := &profile.Profile{
		SampleType:        []*profile.ValueType{{Type: "cpu", Unit: "nanoseconds"}},
		PeriodType:        &profile.ValueType{Type: "cpu", Unit: "nanoseconds"},
		Period:            10000000,
		DefaultSampleType: "cpu",
		TimeNanos:         1700000000000000000,
	}
	for i, name := range []string{"main", "handle <a href>", "json.decode;x", "gc"} {
		f := &profile.Function{ID: uint64(i*i*1000 + 7), Name: name, SystemName: name, Filename: "app.py"}
		l := &profile.Location{ID: uint64(i*i*100000 + 3), Line: []profile.Line{{Function: f, Line: int64(i + 1)}}}
		p.Function = append(p.Function, f)
		p.Location = append(p.Location, l)
		at = append(at, l)
	}
	add := func(value int64, leafFirst ...int) {
		s := &profile.Sample{Value: []int64{value}, Label: map[string][]string{"service_name": {"shop"},
			"profile_id": {"7c9e"}}, NumLabel: map[string][]int64{"span": {42}}}
		for _, i := range leafFirst {
			s.Location = append(s.Location, at[i])
		}
		p.Sample = append(p.Sample, s)
	}
	add(70000000, 2, 1, 0)
	add(20000000, 1, 0)
	add(10000000, 3)
	raw, _ := os.Create("../pyroscope.pb")
	p.WriteUncompressed(raw)
	gz, _ := os.Create("../pyroscope.pb.gz")
	if err := p.Write(gz); err != nil {
		panic(err)
	}
}
END
	(cd pyroscope && GOFLAGS=-mod=mod GOPROXY=off go run . 2>&1) || fail "cannot encode as Pyroscope does"
	printf '\xa0\x06\x01\xaa\x06\x03new' >>pyroscope.pb
	for file in pyroscope.pb pyroscope.pb.gz; do
		"$WICK" dump profile $file --json >dump.json || fail "cannot read $file"
		near "$file: nanoseconds" "$(jq '[.samples[].values[0]] | add' dump.json)" 100000000 0
		near "$file: stacks with labels" "$(jq '[.samples[] | select(any(.labels[]; .key == "service_name" and
			.string == "shop"))] | length' dump.json)" 3 0
		near "$file: lines and files" "$(jq '[.samples[].frames[] | select(.file == "app.py" and .line > 0)] |
			length' dump.json)" 6 0
		"$WICK" convert $file -o again.pb.gz
		near "$file: written again, read by go" "$(raw_sum again.pb.gz 1)" 100000000 0
		"$WICK" convert $file -o again.folded || fail "cannot convert $file to folded text"
		near "$file: stacks as folded text" "$(grep -cE '^(main;handle <a href>(;json.decode.*x)?|gc) [0-9]+$' again.folded)" 3 0
	done
fi

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
