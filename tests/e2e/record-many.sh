#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Much of everything: 50,000 mappings in a process, 5,000 threads, storms of forks and execs, a second
# profiler, frozen processes. Memory stays bounded, nothing is lost, all is named.
. "$(dirname "$0")/lib.sh"
need_bpf

# A memory group of wick's own (v1 or v2).
group=
for directory in /sys/fs/cgroup/memory /sys/fs/cgroup; do
	[ -z "$group" ] && mkdir "$directory/wick-many.$$" 2>/dev/null &&
		group=$directory/wick-many.$$
done
at_exit+=('kill -KILL "$wick"; wait "$wick"; [ -z "$group" ] || rmdir "$group"')

# end: ends the recorder; how much memory it had, itself at its peak and in the kernel, goes to $bytes.
# Parser children, one at a time, have a limit of their own: what they read is of any size.
end()
{
	local rss kernel

	rss=$(awk '/^VmHWM:/ { print $2 * 1024 }' "/proc/$wick/status")
	kernel=$(cat "$group/memory.kmem.max_usage_in_bytes" 2>/dev/null ||
		awk '/^kernel / { print $2 }' "$group/memory.stat")
	echo "memory: $((rss >> 20)) MB of its own, $((kernel >> 20)) MB in the kernel; with what its children" \
		"and the page cache had at some time: $(($(cat "$group/memory.max_usage_in_bytes" \
		"$group/memory.peak" 2>/dev/null || true) >> 20)) MB"
	bytes=$((rss + kernel))
	finish
}

# measured ARG..: record -a at 99 Hz in that group.
measured()
{
	foreground sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" \
		"$WICK" record -a -F 99 --debug "$@" >"$tmp/wick.out" 2>"$tmp/wick.err" &
	wick=$!
	children+=("$wick")
	wait_until attached "$wick"
	urgent=$(ps -L -o comm= -o cls= -p "$wick" | awk '$1 == "wick-rings" && $2 == "RR"')
}

# held FILE: the ledger is exact, less than 0.1 % was dropped, the memory is within the budget; and the
# rings were looked into every 100 ms, whatever wick was at (by a thread that others cannot starve).
held()
{
	ledger_exact "$1"
	at_least "written of taken, %" "$(jq '100 * .ledger.written / .ledger.taken' "$tmp/report.json")" 99.9
	at_least "bytes left of 96 MB" $(((96 << 20) - bytes)) 0
	grep -o 'the rings waited for .*' "$tmp/wick.err" || fail "no word of how long the rings waited"
	[ "$urgent" ] || return 0
	at_least "of 100 ms between looks into the rings, left" "$(sed -n \
		's/.*the rings waited for \([0-9.]*\) ms at most.*/\1/p' "$tmp/wick.err" |
		awk '{ print 100 - $1 }')" 0
}
[ -n "$group" ] || skip "no group to measure the memory with"

# Mapped before wick came, and while it runs: 50,000 at once, more than the rings of records hold.
start many_fp maps 50000 600
before=$pid
measured -o "$tmp/maps.pb.gz"
start many_fp maps 50000 600
after=$pid
until_cpu "$before" 0.4
until_cpu "$after" 0.4
end
held "$tmp/maps.pb.gz"
for process in "$before" "$after"; do
	kill -KILL "$process"
	got=$(jq --argjson pid "$process" '[.samples[] | select(any(.labels[]; .key == "pid" and .number == $pid))
		| select(any(.frames[]; .name == "mapped_work")) | .values[0]] | add // 0' \
		<("$WICK" dump profile "$tmp/maps.pb.gz" --json))
	at_least "named in the last of 50,000 mappings" "$got" 20
done

start many_fp threads 5000 600
threads=$pid
measured --threads -o "$tmp/threads.pb.gz"
until_cpu "$threads" 1
end
kill -KILL "$threads"
held "$tmp/threads.pb.gz"
folded "$tmp/threads.pb.gz" "$tmp/threads.folded"
at_least "named in one of 5,000 threads" "$(folded_count "$tmp/threads.folded" ';thread_work')" 50
at_least "threads told apart" "$("$WICK" dump profile "$tmp/threads.pb.gz" --json |
	jq '[.samples[].labels[] | select(.key == "tid").number] | unique | length')" 40

# Forks and execs, 2,000 and 1,700 a second if the machine has room for them, and two profilers at once.
start storm_fp forks 2000 600
start storm_fp execs 1700 600
start burn_fp 600
burn=$pid
forks=$(awk '/^processes/ { print $2 }' /proc/stat)
began=$(date +%s.%N)
measured --exclude-self -o "$tmp/storm.pb.gz"
"$WICK" record -a -F 99 -o "$tmp/second.pb.gz" 2>/dev/null & second=$!
children+=("$second")
wait_until attached "$second"
until_cpu "$burn" 1
used=$(awk '{ print ($14 + $15 + $16 + $17) / 100 }' "/proc/$wick/stat")
awk -v from="$forks" -v began="$began" -v now="$(date +%s.%N)" -v cpu="$used" '/^processes/ { s = now - began
	printf "forks a second: %d; wick itself: %.2f %% of a CPU\n", ($2 - from) / s, 100 * cpu / s }' /proc/stat |
	tee "$tmp/cost"
# With its start and the tables of all that others run meanwhile. What each storm costs by itself,
# tests/bench/storms tells.
at_least "of 40 % of a CPU, left" "$(awk '{ print 40 - $(NF - 4) }' "$tmp/cost")" 0
end
held "$tmp/storm.pb.gz"
kill -TERM "$second"
wait "$second" || fail "the second profiler: $?"
ledger_exact "$tmp/second.pb.gz"
for file in storm second; do
	folded "$tmp/$file.pb.gz" "$tmp/$file.folded"
	at_least "$file: of the busy program" "$(folded_count "$tmp/$file.folded" '^burn_fp;.*;main;cycle')" 70
done
