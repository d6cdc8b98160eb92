#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The foreground mode: the machine, live, in the browser's hands. The ledger is exact at any moment,
# windows turn over without losing the past, and Ctrl-C ends it.
. "$(dirname "$0")/lib.sh"
need_bpf

start burn_fp 600
foreground "$WICK" agent --listen 127.0.0.1:0 -F 499 --epoch 0.5 --window 2 \
	>"$tmp/wick.out" 2>"$tmp/wick.err" &
agent=$!
children+=("$agent")
wait_until grep -q 'open http' "$tmp/wick.err"
base=$(grep -o 'http://[0-9.:]*' "$tmp/wick.err")
token=$(sed -n 's/.*#token=//p' "$tmp/wick.err")

curl -s --max-time 60 "$base/api/profiles?token=$token" | jq -e '.[0].live' >/dev/null ||
	fail "the list has no live profile"

# Several windows long. Once there are two, what is shown is never shorter than one of them.
for round in 1 2 3 4 5 6; do
	until_cpu "$pid" 1.5
	curl -s --max-time 60 "$base/api/profile/0?token=$token" >"$tmp/live.pb.gz"
	"$WICK" report --json "$tmp/live.pb.gz" >"$tmp/live.json" || fail "round $round: no profile"
	ledger_exact "$tmp/live.pb.gz"
	shown=$(jq .duration_s "$tmp/live.json")
	echo "round $round: $shown s, $(jq .samples "$tmp/live.json") samples"
	if [ "$round" -ge 3 ]; then
		awk -v shown="$shown" 'BEGIN { exit !(shown >= 2 && shown < 60) }' ||
			fail "round $round shows $shown s of the past"
	fi
done
jq -e '[.functions[].name] | contains(["seventy", "main"])' "$tmp/live.json" >/dev/null ||
	fail "the burning functions are not in the live profile"

kill -INT "$agent"
wait "$agent" || fail "the agent ended with status $?"
grep -q 'samples taken' "$tmp/wick.err" || fail "no ledger at the end"
