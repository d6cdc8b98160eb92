#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Filters in the kernel: by control group (v1, named and v2) with its descendants, by thousands of pids, by
# name, without wick itself, with threads and children to come.
. "$(dirname "$0")/lib.sh"
need_bpf

groups=()
at_exit+=('for group in "${groups[@]}"; do rmdir "$group"; done')

# group DIRECTORY PID: makes it, puts the process there.
group()
{
	mkdir "$1"
	groups=("$1" "${groups[@]}")
	echo "$2" >"$1/cgroup.procs"
}

start burn_fp 600
burn=$pid
start syscalls_fp 600
syscalls=$pid
start cpp_fp 600

# The outer group has nothing but the group within; its neighbour's name begins with its own.
try_groups()
{
	local top=$1 name=wick-test.$$ asked

	mkdir "$top/$name"
	groups=("$top/$name" "${groups[@]}")
	group "$top/$name/in" "$burn"
	group "$top/$name.not" "$syscalls"
	for asked in "$top/$name" "$name/in"; do
		record --cgroup "$asked" -F 999 -o "$tmp/group.pb.gz"
		until_cpu "$burn" 0.2
		finish
		ledger_exact "$tmp/group.pb.gz" >/dev/null
		folded "$tmp/group.pb.gz" "$tmp/group.folded"
		at_least "$asked: samples" "$(folded_count "$tmp/group.folded" '^burn_fp;')" 100
		near "$asked: samples of others" "$(folded_count "$tmp/group.folded" '^[^b]')" 0 0
		at_least "$asked: left out" "$(jq '.ledger.filtered' "$tmp/report.json")" 50
	done
	for asked in "$burn" "$syscalls"; do
		echo "$asked" >"$top/cgroup.procs"
	done
}
tried=0
while read -r _ mount type options _; do
	case $type,$options in
	cgroup2,*) kind=v2 ;;
	cgroup,*memory*) kind=memory ;;
	cgroup,*name=*) kind=named ;;
	*) continue ;;
	esac
	mkdir "$mount/wick-probe.$$" 2>/dev/null || continue
	rmdir "$mount/wick-probe.$$"
	echo "hierarchy $kind:"
	# Names are looked for in v2 first: one hierarchy at a time has the test's groups.
	try_groups "$mount"
	for directory in "${groups[@]}"; do rmdir "$directory"; done
	groups=()
	tried=$((tried + 1))
done </proc/self/mounts
[ "$tried" -gt 0 ] || skip "no hierarchy of control groups that can be written to"

# A frozen process: wick starts beside it as fast, reads its mappings, and samples it once it is thawed.
try_frozen()
{
	local top=$1 file=$2 on=$3 off=$4 name=wick-frozen.$$ before

	group "$top/$name" "$burn"
	echo "$on" >"$top/$name/$file"
	at_exit=("echo $off >$top/$name/$file" "echo $burn >$top/cgroup.procs" "${at_exit[@]}")
	before=$(cpu_of "$burn")
	record -p "$burn" -F 999 --debug -o "$tmp/frozen.pb.gz"
	near "CPU seconds of a frozen process" "$(cpu_of "$burn")" "$before" 0
	echo "$off" >"$top/$name/$file"
	until_cpu "$burn" 0.2
	finish
	ledger_exact "$tmp/frozen.pb.gz" >/dev/null
	folded "$tmp/frozen.pb.gz" "$tmp/frozen.folded"
	at_least "thawed: samples, named" "$(folded_count "$tmp/frozen.folded" '^burn_fp;.*;main;cycle')" 100
	at_least "thawed: ticks of the time it used since, and 50 more" "$(awk -v from="$before" \
		-v to="$(cpu_of "$burn")" 'BEGIN { print 999 * (to - from) + 50 }')" "$(jq .samples "$tmp/report.json")"
	# Frozen in mid-run, while others are sampled.
	record -p "$burn,$syscalls" -F 999 -o "$tmp/frozen.pb.gz"
	echo "$on" >"$top/$name/$file"
	sleep 0.2
	before=$(cpu_of "$burn")
	until_cpu "$syscalls" 0.3
	near "CPU seconds of a process frozen in mid-run" "$(cpu_of "$burn")" "$before" 0
	finish
	echo "$off" >"$top/$name/$file"
	echo "$burn" >"$top/cgroup.procs"
	ledger_exact "$tmp/frozen.pb.gz" >/dev/null
	folded "$tmp/frozen.pb.gz" "$tmp/frozen.folded"
	at_least "beside a frozen process" "$(folded_count "$tmp/frozen.folded" '^syscalls_fp;')" 150
}
while read -r _ mount type options _; do
	case $type,$options in
	cgroup2,*) try_frozen "$mount" cgroup.freeze 1 0 ;;
	cgroup,*freezer*) try_frozen "$mount" freezer.state FROZEN THAWED ;;
	*) continue ;;
	esac
	echo "frozen by: $type"
	for directory in "${groups[@]}"; do rmdir "$directory"; done
	groups=()
done </proc/self/mounts

status=0
"$WICK" record --cgroup /no/such/group -d 1 -o "$tmp/none.pb.gz" 2>"$tmp/wick.err" || status=$?
near "status for a group that is not there" "$status" 1 0
grep -q "no such control group: '/no/such/group'" "$tmp/wick.err" || fail "the group is not named"

kill -KILL "$(pgrep -P $$ -x cpp_fp)"

# Names, of a process and of a thread.
"$FIXTURES/threads_fp" 1000 & threads=$!
children+=("$threads")
record --comm syscalls_fp,worker-7 -F 999 --threads -o "$tmp/comm.pb.gz"
until_cpu "$syscalls" 0.3
finish
ledger_exact "$tmp/comm.pb.gz" >/dev/null
kill -KILL "$threads"
folded "$tmp/comm.pb.gz" "$tmp/comm.folded"
at_least "a process by its name" "$(folded_count "$tmp/comm.folded" '^syscalls_fp;')" 150
at_least "a thread by its name" "$(folded_count "$tmp/comm.folded" 'worker_7')" 20
near "others" "$(folded_count "$tmp/comm.folded" 'worker_[1-6]|worker_8|^(burn|cpp)')" 0 0

# wick itself is busy at this rate; without --exclude-self that is seen.
for option in '' --exclude-self; do
	record -a -F 9999 $option -o "$tmp/self.pb.gz"
	until_cpu "$burn" 0.2
	finish
	own=$(labelled "$tmp/self.pb.gz" pid "$wick")
	if [ -n "$option" ]; then
		near "samples of wick itself, left out" "$own" 0 0
	else
		at_least "samples of wick itself" "$own" 1
	fi
done

# Thousands of processes; descriptors beyond the soft limit.
for ((i = 0; i < 3000; i++)); do
	sleep 600 &
	children+=($!)
	pids+=${pids:+,}$!
done
wait_until [ "$(pgrep -c -P $$ -x sleep)" -ge 3000 ]
(ulimit -Sn 256 && exec "$WICK" record -p "$pids,$burn" -F 999 -d 1 -o "$tmp/many.pb.gz") \
	2>"$tmp/wick.err" || fail "3000 processes: $?"
folded "$tmp/many.pb.gz" "$tmp/many.folded"
at_least "one of 3001 processes" "$(folded_count "$tmp/many.folded" '^burn_fp;')" 100
near "others than those" "$(folded_count "$tmp/many.folded" '^(syscalls|cpp)')" 0 0

# Threads to come with -p, children to come with --children only.
for option in "" --children; do
	start late_fp 600
	late=$pid
	record -p "$late" $option -F 999 -o "$tmp/late.pb.gz"
	kill -USR1 "$late"
	until_cpu "$late" 0.2
	kill -USR2 "$late"
	wait_until pgrep -P "$late" >/dev/null
	until_cpu "$(pgrep -P "$late")" 0.2
	finish
	kill "$late"
	ledger_exact "$tmp/late.pb.gz" >/dev/null
	folded "$tmp/late.pb.gz" "$tmp/late.folded"
	at_least "$option a thread to come" "$(folded_count "$tmp/late.folded" 'late_thread')" 100
	got=$(folded_count "$tmp/late.folded" 'late_child')
	if [ -n "$option" ]; then at_least "a child to come" "$got" 100; else near "its child" "$got" 0 0; fi
done
