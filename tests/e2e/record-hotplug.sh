#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A CPU that goes offline and comes back is sampled again each time, its processes are known, and nothing is
# left behind. (An event that nobody opens anew stays silent for good.)
. "$(dirname "$0")/lib.sh"
need_bpf
online=/sys/devices/system/cpu/cpu1/online
[ -w "$online" ] || skip "no second CPU that may go offline"
at_exit+=("echo 1 >$online")

# cycle TIMES: off and on.
cycle()
{
	for ((i = 0; i < $1; i++)); do
		echo 0 >"$online" || skip "cpu1 does not go offline here"
		echo 1 >"$online"
	done
}

descriptors()
{
	# Some are gone before they are looked at.
	{ find "/proc/$wick/fd" -lname "$1" 2>/dev/null || true; } | wc -l
}

# has_events COUNT: as many as before; fewer are on their way.
has_events()
{
	[ "$(descriptors 'anon_inode:*perf_event*')" = "$1" ]
}

record -a -F 999 -o "$tmp/out.pb.gz"
events=$(descriptors 'anon_inode:*perf_event*')
at_least "events" "$events" 4
cycle 1
wait_until has_events "$events"
all=$(descriptors 'anon_inode:*')
for ((round = 1; round <= 9; round++)); do
	cycle 11
	wait_until has_events "$events"
	# A program of its own for each round, only on the CPU that came back.
	cp "$FIXTURES/burn_fp" "$tmp/burn_$round"
	taskset -c 1 "$tmp/burn_$round" 600 >/dev/null &
	children+=($!)
	until_cpu $! 0.15
	cpu[$round]=$(cpu_of $!)
	kill -KILL $!
	wait $! 2>/dev/null || true
done
# The stack maps of an epoch come and go.
near "descriptors after 100 cycles" "$(descriptors 'anon_inode:*')" "$all" 4
finish
ledger_exact "$tmp/out.pb.gz"
folded "$tmp/out.pb.gz" "$tmp/out.folded"
for ((round = 1; round <= 9; round++)); do
	expected=$(awk "BEGIN { print 999 * ${cpu[$round]} }")
	at_least "round $round: sampled, %" \
		"$(percent "$(folded_count "$tmp/out.folded" "^burn_$round;")" "$expected")" 80
	at_least "round $round: named" "$(folded_count "$tmp/out.folded" "^burn_$round;.*;main;cycle")" \
		"$(awk "BEGIN { print 0.7 * $expected }")"
done

# Offline at the start, and coming while wick runs.
echo 0 >"$online"
record -a -F 999 -o "$tmp/late.pb.gz"
echo 1 >"$online"
wait_until has_events "$events"
taskset -c 1 "$FIXTURES/burn_fp" 600 >/dev/null &
children+=($!)
until_cpu $! 0.2
finish
ledger_exact "$tmp/late.pb.gz"
folded "$tmp/late.pb.gz" "$tmp/late.folded"
at_least "on a CPU that came later" "$(folded_count "$tmp/late.folded" '^burn_fp;.*;main;cycle')" 140
