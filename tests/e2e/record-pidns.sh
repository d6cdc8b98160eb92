#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Pids in wick's own numbering, with the container's beside them; wick in a pid namespace of its own.
. "$(dirname "$0")/lib.sh"
need_bpf
unshare --pid --fork true 2>/dev/null || skip "pid namespaces are not allowed here"

# A process in user, mount and pid namespaces of its own, where it is number 1.
unshare --user --map-root-user --mount --pid --fork --mount-proc --kill-child \
	"$FIXTURES/burn_fp" 600 >"$tmp/inner.out" &
children+=($!)
wait_until grep -q '^ready 1$' "$tmp/inner.out"
inner=$(pgrep -P "${children[-1]}")
start syscalls_fp 600
outer=$pid
record -a --threads -F 999 -o "$tmp/host.pb.gz"
until_cpu "$inner" 0.3
until_cpu "$outer" 0.1
finish
ledger_exact "$tmp/host.pb.gz" >/dev/null
folded "$tmp/host.pb.gz" "$tmp/host.folded"
all=$(folded_count "$tmp/host.folded" '^burn_fp;')
at_least "samples" "$all" 150
near "with the host's pid" "$(labelled "$tmp/host.pb.gz" pid "$inner")" "$all" 0
near "with the host's tid" "$(labelled "$tmp/host.pb.gz" tid "$inner")" "$all" 0
at_least "with the container's pid" "$(labelled "$tmp/host.pb.gz" nspid 1)" "$all"
at_least "with the container's tid" "$(labelled "$tmp/host.pb.gz" nstid 1)" "$all"
near "a process of the host with a second pid" "$(jq --argjson pid "$outer" '[.samples[].labels |
	select(any(.key == "pid" and .number == $pid) and any(.key == "nspid"))] | length' \
	"$tmp/dump.json")" 0 0
at_least "named" "$(folded_count "$tmp/host.folded" '^burn_fp;.*;main;cycle')" \
	"$(awk "BEGIN { print 0.95 * $all }")"

# wick in a pid namespace: what is in there has its pid and its names; what is outside is counted.
inside='"$1/burn_fp" 600 >/dev/null & burn=$!; sh -c "sleep 0.2; exec $1/burn_fp 1" >/dev/null &
	"$2" record -a -F 999 -d 2 -o "$3/in.pb.gz" && "$2" record -p $burn -F 999 -d 1 -o "$3/p.pb.gz" &&
	echo "$burn" >"$3/burn"; kill -KILL $burn'
unshare --mount --pid --fork --mount-proc --kill-child bash -c "$inside" inside "$FIXTURES" "$WICK" "$tmp" \
	2>"$tmp/wick.err" || fail "wick in a pid namespace: $?"
grep -q 'pid namespace of its own' "$tmp/wick.err" || fail "nothing is said of the namespace"
burn=$(cat "$tmp/burn")
ledger_exact "$tmp/in.pb.gz" >/dev/null
"$WICK" dump profile "$tmp/in.pb.gz" --json >"$tmp/dump.json"

# count CONDITION: samples for which it holds, of comm, pid and frames.
count()
{
	jq '[.samples[] | {values, comm: (.labels[] | select(.key == "comm").string),
		pid: ([.labels[] | select(.key == "pid").number] | first),
		frames: [.frames[].name]} | select('"$1"') | .values[0]] | add // 0' "$tmp/dump.json"
}
at_least "a process inside, by pid and name" "$(count ".pid == $burn and .comm == \"burn_fp\" and
	any(.frames[]; . == \"seventy\")")" 100
at_least "a process that came later" "$(count ".pid != null and .pid != $burn and .comm == \"burn_fp\" and
	any(.frames[]; . == \"seventy\")")" 10
at_least "a process outside, counted" "$(count '.comm == "syscalls_fp"')" 50
near "a process outside, with a pid or names" "$(count '.comm == "syscalls_fp" and
	(.pid != null or any(.frames[]; . == "main"))')" 0 0
folded "$tmp/p.pb.gz" "$tmp/p.folded"
at_least "-p inside" "$(folded_count "$tmp/p.folded" '^burn_fp;.*;seventy')" 100
near "-p inside, others" "$(folded_count "$tmp/p.folded" '^[^b]')" 0 0
