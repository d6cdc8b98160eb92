#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# record-reborn.sh [LIVES]: one pid for ever other processes, forked and exec'd, of two programs and two pid
# namespaces (tests/fixtures/reborn.c): no sample has another's function, name or number. The full form is
# of 100000 lives.
. "$(dirname "$0")/lib.sh"
need_bpf
lives=${1:-2000}

# A pid that the machine will not come to so soon.
free_pid()
{
	local last at

	last=$(awk '{ print $5 }' /proc/loadavg)
	at=$(((last + $(cat /proc/sys/kernel/pid_max) / 2) % $(cat /proc/sys/kernel/pid_max)))
	while [ "$at" -lt 1000 ] || [ -e "/proc/$at" ]; do at=$((at + 1)); done
	echo "$at"
}

# reborn OPTION..: a recording of all lives, into $tmp/reborn.pb.gz and $tmp/dump.json.
reborn()
{
	local status=0 pid

	pid=$(free_pid)
	record -a --exclude-self -F 2999 --comm reborn_a,reborn_b "$@" -o "$tmp/reborn.pb.gz"
	"$FIXTURES/reborn_a" "$lives" 300000 "$pid" "$FIXTURES/reborn_b" & lead=$!
	children+=("$lead")
	"${meanwhile[@]}"
	wait "$lead" || status=$?
	finish
	[ "$status" != 4 ] || skip "this kernel does not let a pid be chosen"
	[ "$status" != 5 ] || skip "pid $pid was taken by another process for long"
	[ "$status" = 0 ] || fail "reborn: $status"
	ledger_exact "$tmp/reborn.pb.gz" >/dev/null
	"$WICK" dump profile "$tmp/reborn.pb.gz" --json >"$tmp/dump.json"
	told "$pid"
}

# Stops wick over and over, so that its rings run over.
hinder()
{
	while kill -0 "$lead" 2>/dev/null; do
		kill -STOP "$wick"
		sleep 0.1
		kill -CONT "$wick"
		sleep 0.05
	done
}

# All that contradicts the fixture's table; then how much there was to contradict it.
told()
{
	jq -c --argjson pid "$1" '
		def truth: {forked_a: ["reborn_a", 10], forked_b: ["reborn_b", 20],
			    execed_a: ["reborn_a", 20], execed_b: ["reborn_b", 10]};
		def of($key): [.labels[] | select(.key == $key) | .string // .number] | first;
		[.samples[] | {n: .values[0], comm: of("comm"), pid: of("pid"), nspid: of("nspid"),
			works: [.frames[].name | select(in(truth))]}]
		| (map(select(.works | length > 0))) as $named
		| {lives: (map(select(.pid == $pid).n) | add // 0),
		   named: ($named | map(.n) | add // 0),
		   functions: ([$named[].works[]] | unique | length),
		   wrong: [$named[] | select(.pid != $pid or (.works | unique | length > 1) or
			truth[.works[0]] != [.comm, .nspid])]}' \
		"$tmp/dump.json" >"$tmp/told.json"
	echo "$lives lives: $(jq -c 'del(.wrong)' "$tmp/told.json")"
	jq -c '.wrong[]' "$tmp/told.json" | head -20
	near "samples with another's function, name or number" "$(jq '[.wrong[].n] | add // 0' "$tmp/told.json")" 0 0
}

meanwhile=(true)
reborn
at_least "samples in the functions" "$(jq .named "$tmp/told.json")" "$((lives / 3))"
near "functions met" "$(jq .functions "$tmp/told.json")" 4 0
reborn --unwind fp
# Records are lost, by far most of them: names may be missing, but are not wrong.
meanwhile=(hinder)
for unwind in auto fp; do
	reborn --task-ring-pages 1 --unwind "$unwind"
	grep -q 'process records were lost' "$tmp/wick.err" || fail "no record was lost"
	at_least "samples under the pid" "$(jq .lives "$tmp/told.json")" "$((lives / 3))"
done
