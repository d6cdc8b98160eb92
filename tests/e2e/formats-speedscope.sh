#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# formats-speedscope.sh [PROFILE.pb.gz]: speedscope's importer makes the same stacks, with the same weights,
# of wick's pprof and folded files. It drops inlined frames of a pprof file (as of 1.25); all else must be
# there. Environment: WICK, the program (default: that of BUILD).
given=${WICK:-}
. "$(dirname "$0")/lib.sh"
WICK=${given:-$WICK}
input=$(readlink -f "${1:-$tree/tests/fuzz/corpus/pprof/sample.pb.gz}")
[ -x "$WICK" ] || fail "no program at $WICK: build it first"
command -v node >/dev/null || skip "node is not here"
cd "$tmp"

"$WICK" convert "$input" -o a.pb.gz
"$WICK" convert a.pb.gz -o a.folded
node "$tree/tests/e2e/speedscope.mjs" a.pb.gz a.folded >imported 2>node.err || {
	status=$?
	cat node.err >&2
	[ "$status" = 77 ] || fail "speedscope does not import wick's files"
	exit 77
}

# stacks FILE: "stack<tab>weight", sorted, of one of the importer's lines; stacks that weigh 0 count not.
stacks()
{
	jq -r '.stacks | to_entries[] | select(.value != 0) | "\(.key)\t\(.value)"' | LC_ALL=C sort
}

sed -n 1p imported | stacks >pprof.have
sed -n 2p imported | stacks >folded.have
sed 's/ \([0-9]*\)$/\t\1/' a.folded | LC_ALL=C sort >folded.want
"$WICK" dump profile a.pb.gz --json | jq -r '
	. as $profile
	| ([$profile.types[].type] | index($profile.default_type) // length - 1) as $value
	| reduce $profile.samples[] as $sample ({};
		([$sample.frames[] | select(.inlined | not) | .name] | join(";")) as $stack
		| .[$stack] += $sample.values[$value])
	| {stacks: .}' | stacks >pprof.want

for format in pprof folded; do
	[ -s $format.want ] || fail "no stacks in $input"
	cmp -s $format.want $format.have || {
		diff $format.want $format.have | head -20 >&2
		fail "speedscope reads other stacks from the $format file (< wick, > speedscope)"
	}
done
samples=$("$WICK" report a.pb.gz --json | jq .samples)
[ "$(awk -F'\t' '{ sum += $NF } END { print sum }' folded.have)" = "$samples" ] ||
	fail "speedscope's weights of the folded file do not add up to $samples"
echo "$samples samples, $(wc -l <pprof.have) stacks: the same in speedscope"
