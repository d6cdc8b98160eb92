#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A stripped Go program has the functions, lines and inlined calls of its runtime's table: those that its
# runtime and its debug info tell. ADDRESSES: how many are compared (3000);
# FULL: also a position independent program, whose build takes minutes of CPU time.
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

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
)

//go:noinline
func nothing(n int) int { return n }

func step(s, i int) int { // inlined
	return s + square(i)%7
}

func square(i int) int { // inlined into that
	return i * i // hot
}

//go:noinline
func spin(n int) (s int) { // calls, and so it has a frame
	for i := 0; i < n; i++ {
		s = step(s, i) // line of step
	}
	return s + nothing(n)
}

//go:noinline
func outer(n int) int {
	return spin(n) + 1 // line of outer
}

// What the runtime itself calls each address.
func tell() {
	in := bufio.NewScanner(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		pc, _ := strconv.ParseUint(in.Text(), 0, 64)
		frame, _ := runtime.CallersFrames([]uintptr{uintptr(pc) + 1}).Next()
		fmt.Fprintln(out, frame.Function, frame.File, frame.Line)
	}
}

func main() {
	if len(os.Args) > 1 {
		tell()
		return
	}
	print("ready\n")
	for s := 0; ; s++ {
		s += outer(1000000)
	}
}
EOG
"$go" build -o whole . || fail "go build fails"
"$go" build -ldflags='-s -w' -o stripped . || fail "go build fails"
"$WICK" dump elf stripped >dump
grep -q '^source *gopclntab$' dump || fail "no table found in the stripped program"

# Both are laid out alike. What the runtime itself calls each address: the innermost function, file and
# line. Of an address that cannot follow a call it does not know.
addresses_of()
{
	local start size

	readelf -SW "$1" | awk '{ for (i = 1; i < NF; i++) if ($i == ".text") print $(i + 2), $(i + 4) }' >text
	read -r start size <text
	awk -v start=$((0x$start)) -v size=$((0x$size)) -v n="${ADDRESSES:-3000}" \
		'BEGIN { srand(1); for (i = 0; i < n; i++) printf "0x%x\n", start + int(rand() * size) }'
}
addresses_of whole >addresses
./stripped tell <addresses >want
"$WICK" dump addr --json stripped <addresses | jq -r '.[] | .frames[0] | "\(.symbol) \(.file) \(.line)"' >have
paste -d' ' want have | awk 'NF == 6 && $2 != "?"' >both
at_least "addresses compared" "$(wc -l <both)" $((${ADDRESSES:-3000} * 9 / 10))
at_least "functions, files and lines that the runtime tells, %" "$(percent \
	"$(awk '$1 == $4 && $2 == $5 && $3 == $6' both | wc -l)" "$(wc -l <both)")" 97.5

# The chains of calls and all their lines, which the debug info has; but for the line 1 of what the
# compiler made. It has no ABI in names, and other words for what fills in a type's place.
chains()
{
	"$WICK" dump addr --json "$1" <addresses | jq -r '.[] | [.frames[] | "\(.symbol):\(.line // 0)"] | join(" ")' |
		sed -E 's/\.abi(0|internal):/:/g; s/\[[^ ]*\]/[]/g'
}
chains whole >want
chains stripped >have
paste -d'|' want have | grep -v '^null:' >both
at_least "addresses in inlined calls" "$(awk -F'|' '$1 ~ / /' both | wc -l)" $((${ADDRESSES:-3000} / 10))
at_least "chains that the debug info tells, %" "$(percent \
	"$(awk -F'|' '{ sub(/:0$/, ":1", $1) } $1 == $2' both | wc -l)" "$(wc -l <both)")" 99.5

./stripped 2>"$tmp/ready" &
pid=$!
children+=("$pid")
wait_until grep -q ready "$tmp/ready"
record -p "$pid" --user -F 499 -o "$tmp/go.pb.gz"
until_cpu "$pid" 1
finish
folded "$tmp/go.pb.gz" "$tmp/go.folded"
at_least "percent in spin" \
	"$(percent "$(folded_count "$tmp/go.folded" ';main.main;main.outer;main.spin(;main.step(;main.square)?)?$')" "$(folded_total "$tmp/go.folded")")" 90
"$WICK" dump profile "$tmp/go.pb.gz" >"$tmp/dump"
for frame in 'main.outer:line of outer' 'main.spin:line of step'; do
	grep -q "${frame%%:*} at .*main.go:$(grep -n "// ${frame#*:}" main.go | cut -d: -f1) in" "$tmp/dump" ||
		fail "not the line of the call in ${frame%%:*}"
done

# A program of Go 1.14, from the tests' npm packages: the oldest form of the table, whose numbers its
# version tells. Its debug info, as LLVM reads it, has the chains; but for what the compiler made. The
# lines there span other units' code as well.
old=$tree/tests/node_modules/esbuild-linux-64/bin/esbuild
if [ -x "$old" ]; then
	strip -o old "$old"
	strip -g -R .go.buildinfo -o symbol "$old" # a symbol tells the version
	objcopy -R .go.buildinfo old unknown
	addresses_of "$old" >addresses
	llvm-symbolizer --inlines --obj="$old" --output-style=JSON <addresses | jq -r '.Symbol |
		if any(.[]; .Line <= 1) then "" else [.[] | "\(.FunctionName):\(.FileName):\(.Line)"] | join(" ") end' >want
	for file in old symbol "$old"; do
		"$WICK" dump addr --json "$file" <addresses | jq -r '.[] |
			[.frames[] | "\(.symbol):\(.file):\(.line)"] | join(" ")' >have
		paste -d'|' want have | grep -v '^|' >both
		at_least "addresses of Go 1.14 in inlined calls" "$(awk -F'|' '$1 ~ / /' both | wc -l)" \
			$((${ADDRESSES:-3000} / 10))
		at_least "chains, files and lines of Go 1.14 that LLVM tells, %" "$(percent \
			"$(awk -F'|' '$1 == $2' both | wc -l)" "$(wc -l <both)")" 99.5
	done
	"$WICK" dump addr --json unknown <addresses | jq -e \
		'all(.[]; .frames | length <= 1) and ([.[] | select(.frames[0].line)] | length > 0)' >/dev/null ||
		fail "without its version the table of Go 1.14 does not tell just functions and lines"
else
	echo "not compared: no program of Go 1.14 in $old" >&2
fi

# Position independent: the module data is in relocations. The library is compiled anew for it.
[ -n "${FULL:-}" ] || exit 0
"$go" build -buildmode=pie -ldflags='-s -w' -o pie . || fail "go build fails"
./pie 2>"$tmp/ready.pie" &
pid=$!
children+=("$pid")
wait_until grep -q ready "$tmp/ready.pie"
record -p "$pid" --user -F 499 -o "$tmp/pie.pb.gz"
until_cpu "$pid" 0.5
finish
folded "$tmp/pie.pb.gz" "$tmp/pie.folded"
at_least "percent in spin, position independent" "$(percent "$(folded_count "$tmp/pie.folded" \
	';main.main;main.outer;main.spin(;main.step(;main.square)?)?$')" "$(folded_total "$tmp/pie.folded")")" 90
