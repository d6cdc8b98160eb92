#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A stripped Go program has the functions and lines of its runtime's table, and those are the ones that
# its debug info has.
. "$(dirname "$0")/lib.sh"
need_bpf
go=$(command -v go) || go=/usr/lib/go/bin/go
[ -x "$go" ] || skip "needs go"

mkdir "$tmp/go"
cd "$tmp/go"
export GOTOOLCHAIN=local
cat >go.mod <<'EOG'
module burn

go 1.18
EOG
cat >main.go <<'EOG'
package main

//go:noinline
func nothing(n int) int { return n }

//go:noinline
func spin(n int) (s int) { // calls, and so it has a frame
	for i := 0; i < n; i++ {
		s += i * i % 7
	}
	return s + nothing(n)
}

//go:noinline
func outer(n int) int {
	return spin(n) + 1 // line of outer
}

func main() {
	print("ready\n")
	for s := 0; ; s++ {
		s += outer(1000000)
	}
}
EOG
"$go" build -o whole . || fail "go build fails"
"$go" build -ldflags='-s -w' -o stripped . || fail "go build fails"
"$WICK" dump elf stripped | grep -q '^source *gopclntab$' || fail "no table found in the stripped program"

# Both are laid out alike. Inlined calls are in the debug info only: the innermost line is compared.
readelf -sW whole | awk '$4 == "FUNC" && $3 > 0 { print $2 }' | awk 'NR % 7 == 0' >addresses
"$WICK" dump addr --json whole <addresses | jq -r '.[] | "\(.frames[-1].symbol) \(.frames[0].line)"' >want
"$WICK" dump addr --json stripped <addresses | jq -r '.[] | "\(.frames[-1].symbol) \(.frames[0].line)"' >have
at_least "functions compared" "$(wc -l <want)" 100
# The table has no ABI in names, and a line 1 for what the compiler made, where the debug info has none.
at_least "percent of functions and lines that agree" "$(percent "$(paste -d' ' want have |
	awk '{ sub(/\.abi(0|internal)$/, "", $1) } $1 == $3 && ($2 == $4 || $2 == 0)' | wc -l)" \
	"$(wc -l <want)")" 98

./stripped 2>"$tmp/ready" &
pid=$!
children+=("$pid")
wait_until grep -q ready "$tmp/ready"
record -p "$pid" --user -F 499 -o "$tmp/go.pb.gz"
until_cpu "$pid" 1
finish
folded "$tmp/go.pb.gz" "$tmp/go.folded"
at_least "percent in spin" \
	"$(percent "$(folded_count "$tmp/go.folded" ';main.main;main.outer;main.spin$')" "$(folded_total "$tmp/go.folded")")" 90
"$WICK" dump profile "$tmp/go.pb.gz" | grep -q "main.outer at .*main.go:$(grep -n 'line of outer' main.go | cut -d: -f1) in" ||
	fail "not the line of the call"
