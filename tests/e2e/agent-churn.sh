#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A host that deploys all the time: 1,000 programs that are run once each, every one with a build id and
# a function of its own, through an agent that may remember 128 files. What it holds stays within its
# limits, no function is taken for another program's, and what was forgotten, or was gone before it could
# be read, has its names when it comes again.
. "$(dirname "$0")/lib.sh"
need_bpf
limit=128 programs=${1:-1000}

mkdir "$tmp/programs"
foreground "$WICK" agent --listen 127.0.0.1:0 -F 999 --modules $limit --window 600 \
	>"$tmp/wick.out" 2>"$tmp/wick.err" &
agent=$!
children+=("$agent")
wait_until grep -q 'open http' "$tmp/wick.err"
base=$(grep -o 'http://[0-9.:]*' "$tmp/wick.err")
token=$(sed -n 's/.*#token=//p' "$tmp/wick.err")

# told NAME: its entries, by what the agent says now.
told()
{
	local lines

	lines=$(grep -c 'memory: bpf_maps' "$tmp/wick.err" || true)
	kill -USR1 "$agent"
	until [ "$(grep -c 'memory: bpf_maps' "$tmp/wick.err")" -gt "$lines" ]; do sleep 0.05; done
	sed -n "s/.*memory: $1 \([0-9]*\).*/\1/p" "$tmp/wick.err" | tail -1
}

first_of=0
while [ "$first_of" -lt "$programs" ]; do
	"$FIXTURES/churn_nofp" "$tmp/programs" 250 2 "$first_of"
	first_of=$((first_of + 250))
	# For names: those that a window has sampled stay. For rows: none, but what the machine has mapped.
	echo "$first_of programs: $(told modules) files for names, $(told unwind_modules) for rows"
done
mapped=$({ cat /proc/[0-9]*/maps 2>/dev/null || true; } | awk '$2 ~ /x/ && $6 ~ /^\// { print $6 }' | sort -u | wc -l)
kept=$(told unwind_modules)
[ "$kept" -le $((limit + limit / 4 + 2 * mapped + 64)) ] ||
	fail "$kept files are remembered for rows; $mapped are mapped, $limit may be kept"
[ "$kept" -lt "$programs" ] || fail "nothing was forgotten: $kept files"

# What was forgotten long ago comes again, when there is room for what it asks for.
until [ "$(told modules_waiting)" -lt 64 ]; do sleep 0.2; done
"$FIXTURES/churn_nofp" "$tmp/programs" 3 300 0
curl -s --max-time 60 "$base/api/profile/0?token=$token" >"$tmp/live.pb.gz"
ledger_exact "$tmp/live.pb.gz"
folded "$tmp/live.pb.gz" "$tmp/live.folded"
wrong=$({ grep -o '^c[0-9]\{7\};.*churn::N[0-9]\{7\}' "$tmp/live.folded" || true; } |
	awk '{ if (substr($0, 2, 7) != substr($0, length($0) - 6)) n++ } END { print n + 0 }')
named=$(grep -c '^c[0-9]\{7\};.*churn::N[0-9]\{7\}' "$tmp/live.folded" || true)
echo "$named stacks with a program's own function, $wrong of them with another's"
[ "$wrong" = 0 ] || fail "functions of other programs"
for name in 0000000 0000001 0000002; do
	at_least "samples of churn::N$name" "$(folded_count "$tmp/live.folded" "^c$name;.*churn::N$name")" 50
done
kill -INT "$agent"
wait "$agent" || fail "the agent ended with status $?"
