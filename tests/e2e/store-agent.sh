#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The agent with a store: exact slices, one writer, nothing lost by kill -9, restarts go on, timelines that add up.
. "$(dirname "$0")/lib.sh"
need_bpf

store=$tmp/store

agent() # [ARG..]: starts it and waits until it samples; its pid in $agent
{
	foreground "$WICK" agent --store "$store" --listen 127.0.0.1:0 -F 499 --epoch 0.5 --slice 1 \
		"$@" >"$tmp/wick.out" 2>"$tmp/wick.err" &
	agent=$!
	children+=("$agent")
	wait_until grep -q 'open http' "$tmp/wick.err"
}

slices()
{
	find "$store" -maxdepth 1 -name '*-slice-*.pb.gz' | sort
}

has_slices() # COUNT
{
	[ "$(slices | wc -l)" -ge "$1" ]
}

start burn_fp 600
agent
wait_until has_slices 3

status=0
"$WICK" agent --store "$store" --listen 127.0.0.1:0 2>"$tmp/second.err" || status=$?
[ "$status" = 1 ] || fail "a second agent ended with $status"
grep -q 'in use: another wick writes to it' "$tmp/second.err" || fail "$(cat "$tmp/second.err")"

kill -KILL "$agent"
wait "$agent" 2>/dev/null || true
before=$(slices)
agent
for slice in $before; do
	[ -e "$slice" ] || fail "kill -9 lost $slice"
done
wait_until has_slices $(($(wc -l <<<"$before") + 2))

# get PATH: from the server whose talk is in wick.err; the status is $code.
get()
{
	local base token

	base=$(grep -o 'http://[0-9.:]*' "$tmp/wick.err" | tail -n 1)
	token=$(sed -n 's/.*#token=//p' "$tmp/wick.err" | tail -n 1)
	code=$(curl -s --max-time 60 -H "Authorization: Bearer $token" -o "$tmp/got" -w '%{http_code}' \
		"$base/api/$1")
}

get profiles
jq -e 'map(.name) | contains(["this machine, live", "the last hour"])' "$tmp/got" >/dev/null ||
	fail "the agent does not list its store: $(cat "$tmp/got")"
get 'export?from=-1h&where=comm=burn_fp'
[ "$code" = 200 ] || fail "the agent answers $code: $(cat "$tmp/got")"
folded "$tmp/got" "$tmp/burn.folded"
[ "$(folded_total "$tmp/burn.folded")" -gt 0 ] || fail "the agent's range is empty"

kill -INT "$agent"
wait "$agent" || fail "the agent ended with status $?"

"$WICK" store check "$store" || fail "the store does not check"
for slice in $(slices); do
	ledger_exact "$slice" >/dev/null
done
report "$(slices | tail -n 2 | head -n 1)" '[.functions[].name] | contains(["seventy", "main"])' >/dev/null ||
	fail "the burning functions are not in a slice"

# Ranges: all of it is the sum of the slices; a label's part is less; formats are those of convert.
"$WICK" export --store "$store" --from -1h -o "$tmp/all.pb.gz" || fail "export"
ledger_exact "$tmp/all.pb.gz" >/dev/null
all=$(jq .samples "$tmp/report.json")
# shellcheck disable=SC2046
"$WICK" convert $(slices) -o "$tmp/sum.pb.gz"
[ "$all" = "$(report "$tmp/sum.pb.gz" .samples)" ] || fail "the range is not the sum of its slices"
"$WICK" export --store "$store" --where comm=burn_fp -o "$tmp/burn.folded" || fail "export --where"
burn=$(folded_total "$tmp/burn.folded")
[ "$burn" = "$(folded_count "$tmp/burn.folded" '^burn_fp;')" ] || fail "--where lets others in"
[ "$burn" -gt 0 ] && [ "$burn" -le "$all" ] || fail "$burn of $all samples are burn_fp's"

# Timelines: of all services together and of one they are the sums of the range, by 10 s or less.
"$WICK" store timeline "$store" --from -1h --json >"$tmp/timeline.json" || fail "timeline"
[ "$(jq '[.[].samples] | add' "$tmp/timeline.json")" = "$all" ] || fail "the timeline is not the sum of the slices"
[ "$(jq '[.[] | select(.service == "burn_fp").samples] | add' "$tmp/timeline.json")" = "$burn" ] ||
	fail "burn_fp's timeline is not the sum of its samples"
jq -e 'all(.[]; .seconds == 10 and (.from | test("0Z$")))' "$tmp/timeline.json" >/dev/null ||
	fail "steps are not those of 10 s: $(jq -c 'map(select(.seconds != 10))' "$tmp/timeline.json")"
[ "$("$WICK" store timeline "$store" --from -1h --service burn_fp | awk 'NR > 1 {n += $4} END {print n}')" = "$burn" ] ||
	fail "the table says something else"

# The server merges what it cannot open itself.
: >"$tmp/wick.err" # of the agent before
foreground "$WICK" serve --listen 127.0.0.1:0 "$store" 2>"$tmp/wick.err" &
server=$!
children+=("$server")
wait_until grep -q 'open http' "$tmp/wick.err"
get profiles
jq -e '.[0].from == "-10m"' "$tmp/got" >/dev/null || fail "serve does not list ranges: $(cat "$tmp/got")"
get 'export?from=-1h&to=now'
[ "$(report "$tmp/got" .samples)" = "$all" ] || fail "the served range is another one"
get 'export?from=-1h&where=comm%3Dburn%5ffp'
[ "$(report "$tmp/got" .samples)" = "$burn" ] || fail "the served --where is another one"
for bad in 'from=yesterday' 'from=now&to=-1h' 'where=comm' 'where=%00=x' 'where=a%zz=1' 'where='; do
	get "export?$bad"
	[ "$code" = 400 ] || fail "'$bad' gives $code"
done
get 'export?from=1999-01-01T00:00:00Z&to=1999-01-02T00:00:00Z'
[ "$code" = 404 ] || fail "a range without profiles gives $code"
kill "$server"
wait "$server" || fail "serve ended with $?"

now=$(date -u +%FT%TZ)
status=0
"$WICK" export --store "$store" --from "$now" --to -1s -o - 2>"$tmp/usage.err" || status=$?
[ "$status" = 2 ] || fail "a range that ends before it begins gives $status"

rm "$store"/index.sqlite*
status=0
"$WICK" store check "$store" >/dev/null 2>"$tmp/check.err" || status=$?
[ "$status" = 1 ] || fail "a missing index is no problem for check"
"$WICK" store rebuild "$store" || fail "rebuild"
"$WICK" store check "$store" >/dev/null || fail "the rebuilt store does not check"
"$WICK" store timeline "$store" --from -1h --json | cmp - "$tmp/timeline.json" ||
	fail "the rebuilt timeline is another one"
[ "$(stat -c %a "$store")" = 700 ] || fail "others may look into the store"
[ -z "$(find "$store" -type f -name '*.pb.gz' -perm /077)" ] || fail "others may read slices"
