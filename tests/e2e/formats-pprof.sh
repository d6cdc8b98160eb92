#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# formats-pprof.sh [PROFILE.pb.gz]: Go's own pprof reads what wick writes, to the same sums, and adds two
# profiles up to the same samples. Environment: WICK, the program (default: that of BUILD).
given=${WICK:-}
. "$(dirname "$0")/lib.sh"
WICK=${given:-$WICK}
input=$(readlink -f "${1:-$tree/tests/fuzz/corpus/pprof/sample.pb.gz}")
[ -x "$WICK" ] || fail "no program at $WICK: build it first"
command -v go >/dev/null || skip "go is not here"
cd "$tmp"

pprof()
{
	go tool pprof -symbolize=none "$@" 2>pprof.err || fail "go tool pprof $*: $(cat pprof.err)"
}

# The mappings and samples of a profile, sorted, without header and ledger (Go joins equal comments to
# one), and without the empty mapping that Go makes where there is none.
samples()
{
	"$WICK" dump profile "$1" | sed -n '/^mapping:  0x0-0x0 /d; /^mapping: \|^sample:/,$p'
}

same()
{
	cmp -s "$2" "$3" || { diff "$2" "$3" | head -20 >&2; fail "$1"; }
}

"$WICK" convert "$input" -o a.pb.gz
"$WICK" convert a.pb.gz -o a.folded
"$WICK" report a.pb.gz --json >a.json
total=$(awk '{ sum += $NF } END { print sum + 0 }' a.folded)
[ "$total" = "$(jq .samples a.json)" ] || fail "the folded file and the report count differently"
[ "$total" -gt 0 ] || fail "no samples in $input"

# -top: the total, and each function's own and whole count.
pprof -top -nodecount=1000000 -nodefraction=0 -edgefraction=0 -sample_index=samples -unit=count \
	a.pb.gz >top
[ "$(sed -n 's/^Showing.* of \([0-9]*\) total$/\1/p' top)" = "$total" ] ||
	fail "go tool pprof -top: another total than $total: $(grep Showing top)"
awk 'shown { name = $6; for (i = 7; i <= NF; i++) name = name " " $i
	     sub(/ \((partial-)?inline\)$/, "", name); flat[name] += $1; sum += $1
	     print name "\t" flat[name] > "flat.go" }
     $1 == "flat" { shown = 1 } END { print sum }' top >sum
[ "$(cat sum)" = "$total" ] || fail "go tool pprof -top: own counts add up to $(cat sum), not $total"
# White space within a name is lost on the way through awk.
jq -r '.functions[] | select(.self > 0) | .name | gsub("[[:space:]]+"; " ")' a.json |
	LC_ALL=C sort -u >names.wick
cut -f1 flat.go | LC_ALL=C sort -u >names.go
[ -z "$(LC_ALL=C comm -23 names.wick names.go)" ] ||
	fail "go tool pprof -top lacks functions: $(LC_ALL=C comm -23 names.wick names.go | head -3)"

# -raw: every sample is there, and says nothing against it.
pprof -raw a.pb.gz >raw
raw=$(awk '/^Locations/ { exit } /^ *-?[0-9]+( +-?[0-9]+)*: / { sum += $1 } END { print sum + 0 }' raw)
[ "$raw" = "$total" ] || fail "go tool pprof -raw: $raw samples, not $total"

# -proto: what Go writes is what wick wrote.
pprof -proto -output=round.pb.gz a.pb.gz >/dev/null
samples a.pb.gz >a.samples
samples round.pb.gz >round.samples
same "another profile after go tool pprof -proto" a.samples round.samples

# Two files: added up by wick and by Go. The second is the sum of the first with itself, in another packing.
"$WICK" convert a.pb.gz a.pb.gz -o b.pb.zst
"$WICK" convert b.pb.zst -o b.pb
"$WICK" convert a.pb.gz b.pb.zst -o sum.pb.gz
pprof -proto -output=go.pb.gz a.pb.gz b.pb >/dev/null
samples sum.pb.gz >sum.samples
samples go.pb.gz >go.samples
same "wick and Go add profiles up to other samples" sum.samples go.samples
[ "$("$WICK" report sum.pb.gz --json | jq .samples)" = $((total * 3)) ] || fail "the sum is not the sum"
taken=$(jq '.ledger.taken // 0' a.json)
[ "$("$WICK" report sum.pb.gz --json | jq '.ledger.taken // 0')" = $((taken * 3)) ] ||
	fail "the sum's ledger is not the sum"
echo "$total samples, $(wc -l <a.folded) stacks, $(wc -l <names.go) functions: the same in go tool pprof"
