#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Lives that are easy to get wrong: one pid for many processes, vfork, a thread that outlives main, exec from
# a thread, a start amid execs, lost records. No frame ever bears the name of another process's function.
. "$(dirname "$0")/lib.sh"
need_bpf
lives=$FIXTURES/lives_fp

# told FILE AT-LEAST PERCENT: life_a and life_b have samples enough, named to so many percent; none is wrong.
told()
{
	local kind other

	ledger_exact "$1" >/dev/null
	folded "$1" "$tmp/told.folded"
	for kind in a b; do
		other=$(tr ab ba <<<$kind)
		all=$(folded_count "$tmp/told.folded" "^life_$kind;")
		at_least "life_$kind: samples" "$all" "$2"
		at_least "life_$kind: named, %" \
			"$(percent "$(folded_count "$tmp/told.folded" "^life_$kind;.*work_$kind")" "$all")" "$3"
		near "life_$kind: under the other's name" \
			"$(folded_count "$tmp/told.folded" "^life_$kind;(.*;)?(work_$other(;|\$)|life_$other)")" 0 0
	done
}

# lived WHAT COUNT OPTION..: with the recorder on. The number of lives under the forced pid goes to $hits.
lived()
{
	local what=$1 count=$2

	shift 2
	record -a -F 2999 --comm life_a,life_b "$@" -o "$tmp/lives.pb.gz"
	hits=$("$lives" "$what" "$count" 4 "$FIXTURES/life_a" "$FIXTURES/life_b") || fail "lives $what: $?"
	finish
	echo "$what $*: ${hits#hits }"
}

if [ -w /proc/sys/kernel/ns_last_pid ]; then
	lived reborn 250
	at_least "lives under one pid" "${hits#hits }" 60
	told "$tmp/lives.pb.gz" 500 60
	# With rings so small that records are lost, names may be missing, but are not wrong.
	"$FIXTURES/many_fp" forks 20 600 >/dev/null & storm=$!
	children+=("$storm")
	lived reborn 150 --task-ring-pages 1
	kill -KILL "$storm"
	told "$tmp/lives.pb.gz" 100 0

	# A pid in the filter that ends and is another process's later; a second one keeps wick going.
	start sleeper_fp 600
	sleeper=$pid
	sleep 600 & first=$!
	record -p "$first,$sleeper" -F 999 -o "$tmp/pids.pb.gz"
	kill "$first"
	wait "$first" || true
	for ((i = 0; i < 50; i++)); do
		echo $((first - 1)) >/proc/sys/kernel/ns_last_pid
		"$FIXTURES/burn_fp" 600 >/dev/null & reborn=$!
		children+=("$reborn")
		[ "$reborn" != "$first" ] || break
		kill -KILL "$reborn"
	done
	if [ "$reborn" = "$first" ]; then
		until_cpu "$reborn" 0.3
		finish
		near "samples of a pid that was another's" "$(report "$tmp/pids.pb.gz" '.samples')" 0 20
		folded "$tmp/pids.pb.gz" "$tmp/pids.folded"
		near "samples of who has it now" "$(folded_count "$tmp/pids.folded" '^burn')" 0 0
	else
		finish
	fi
	kill -KILL "$reborn" 2>/dev/null || true
fi
lived vfork 150
told "$tmp/lives.pb.gz" 250 60

# A process whose main has ended, from before and from within the recording.
"$lives" orphan >/dev/null & orphan=$!
children+=("$orphan")
wait_until grep -q '^State:.*Z' "/proc/$orphan/status"
record -a -F 999 -o "$tmp/orphan.pb.gz"
"$lives" orphan >/dev/null & late=$!
children+=("$late")
"$lives" threadexec 300 "$FIXTURES/life_a" || fail "threadexec: $?"
until_cpu "$orphan" 0.2
until_cpu "$late" 0.2
finish
kill -KILL "$orphan" "$late"
ledger_exact "$tmp/orphan.pb.gz" >/dev/null
for process in "$orphan" "$late"; do
	jq --argjson pid "$process" '[.samples[] | select(any(.labels[]; .key == "pid" and .number == $pid))]' \
		<("$WICK" dump profile "$tmp/orphan.pb.gz" --json) >"$tmp/one.json"
	all=$(jq '[.[].values[0]] | add // 0' "$tmp/one.json")
	at_least "a process without its main: samples" "$all" 100
	at_least "named, %" "$(percent "$(jq '[.[] | select(any(.frames[]; .name == "orphan_work")).values[0]] |
		add // 0' "$tmp/one.json")" "$all")" 90
done
folded "$tmp/orphan.pb.gz" "$tmp/orphan.folded"
at_least "after an exec from a thread" "$(folded_count "$tmp/orphan.folded" '^life_a;.*work_a')" 150

# wick comes in the middle of execs without end.
execers=()
for ((i = 0; i < 2; i++)); do
	"$FIXTURES/execer_fp" 1000000 2 &
	execers+=($!)
done
children+=("${execers[@]}")
record -a -F 999 -o "$tmp/amid.pb.gz"
until_each_cpu 0.5 "${execers[@]}"
finish
ledger_exact "$tmp/amid.pb.gz" >/dev/null
folded "$tmp/amid.pb.gz" "$tmp/amid.folded"
all=$(folded_count "$tmp/amid.folded" '^execer_fp;')
at_least "amid execs: samples" "$all" 300
at_least "amid execs: named, %" \
	"$(percent "$(folded_count "$tmp/amid.folded" '^execer_fp;.*;main;life')" "$all")" 50
near "amid execs: of our program without a name" \
	"$(folded_count "$tmp/amid.folded" '^execer_fp;.*execer_fp\+0x')" 0 "$(awk "BEGIN { print $all / 50 }")"
