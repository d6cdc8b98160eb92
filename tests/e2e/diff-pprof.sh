#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What `wick diff` and `go tool pprof` both say is the same: totals and differences by function, absolute
# (-diff_base) and scaled to equal totals (-base -normalize).
. "$(dirname "$0")/lib.sh"
command -v go >/dev/null || skip "go is not here"
cd "$tmp"

# stacks SEED SCALE: 400 stacks of 60 functions, recursion among them; the same stacks for all seeds.
stacks()
{
	awk -v seed="$1" -v scale="$2" 'BEGIN {
		srand(7)
		for (i = 0; i < 400; i++) {
			depth = 2 + int(8 * rand())
			stacks[i] = "app;main"
			for (d = 0; d < depth; d++)
				stacks[i] = stacks[i] ";f" int(60 * rand() * rand())
		}
		srand(seed)
		for (i = 0; i < 400; i++)
			if (rand() < 0.9)
				print stacks[i], 1 + int(scale * rand())
	}'
}
stacks 1 1000 >before.folded
stacks 2 1700 >after.folded
"$WICK" convert before.folded -o before.pb.gz
"$WICK" convert after.folded -o after.pb.gz
"$WICK" diff before.pb.gz after.pb.gz --raw-names --json >diff.json || fail "cannot compare"

# pprof FILE ARG..: "name flat cum" by function into FILE
pprof()
{
	go tool pprof -symbolize=none -top -nodecount=1000000 -nodefraction=0 -edgefraction=0 \
		-unit=count "${@:2}" after.pb.gz >top 2>pprof.err ||
		fail "go tool pprof: $(cat pprof.err)"
	awk 'shown { print $6, $1, $4 } $1 == "flat" { shown = 1 }' top | LC_ALL=C sort >"$1"
}

# same WHAT FILE JQ-EXPRESSION TOLERANCE: the same functions, values within the tolerance.
same()
{
	jq -r ".before.samples as \$a | .after.samples as \$b | .functions[] | [.name, $3] | @tsv" \
		diff.json | tr '\t' ' ' | LC_ALL=C sort >"wick.$1"
	count=$(wc -l <"wick.$1")
	[ "$count" -gt 50 ] || fail "$1: $count functions"
	LC_ALL=C join "wick.$1" "$2" | awk -v by="$4" -v count="$count" '
		function off(a, b) { return a - b > by || b - a > by }
		{ n++; if (off($2, $4) || off($3, $5)) { print; bad = 1 } }
		END { if (n != count) { print n " functions in common, of " count; bad = 1 }; exit bad }' ||
		fail "$1: the lines above (name, wick self and total, pprof flat and cum)"
	echo "$1: $count functions are the same"
}

pprof absolute -diff_base=before.pb.gz
same diff_base absolute '.self.samples.after - .self.samples.before, .total.samples.after - .total.samples.before' 0

total=$(sed -n 's/^Showing.* of \([0-9]*\) total$/\1/p' top)
[ "$total" = "$(jq .before.samples diff.json)" ] || fail "pprof counts $total samples before"

# -normalize scales after to before, and rounds each stack: a function may be off by half of its stacks.
pprof scaled -normalize -base=before.pb.gz
same normalize scaled '.self.difference * $a, .total.difference * $a' 60
