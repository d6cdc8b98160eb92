#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Code made at run time has the names of /tmp/perf-PID.map, also in a pid namespace of its own; a map of
# somebody else is not believed, and no address of a process gets into the profile.
. "$(dirname "$0")/lib.sh"
need_bpf
command -v node >/dev/null || skip "needs node"
cd "$tmp" # node leaves a log where it is started

cat >"$tmp/hot.js" <<'JS'
function innermost(n) { let s = 0; for (let i = 0; i < n; i++) s += Math.sqrt(i) * i % 7; return s; }
function middle() { return innermost(100000); }
console.log('ready');
for (;;) middle();
JS
# run COMMAND..: starts node on hot.js under it; pid in $pid.
run()
{
	: >"$tmp/ready"
	"$@" node --no-turbo-inlining --perf-basic-prof --interpreted-frames-native-stack "$tmp/hot.js" >"$tmp/ready" &
	children+=($!)
	wait_until grep -q ready "$tmp/ready"
	pid=$(pgrep -n -f "perf-basic-prof.*$tmp/hot.js")
	children+=("$pid")
	at_exit+=("rm -f /tmp/perf-$pid.map")
	until_cpu "$pid" 0.5
}
# take NAME
take()
{
	record -p "$pid" --user -F 499 -o "$tmp/$1.pb.gz"
	until_cpu "$pid" 1
	finish
	ledger_exact "$tmp/$1.pb.gz"
	"$WICK" convert --annotate "$tmp/$1.pb.gz" -o "$tmp/$1.folded"
}

run env
take node
total=$(folded_total "$tmp/node.folded")
at_least "percent in the hot function" "$(percent "$(folded_count "$tmp/node.folded" \
	';JS:[*^~]middle [^;]*hot.js[^;]*_\[j\];JS:[^;]*innermost [^;]*hot.js[^;]*_\[j\]')" "$total")" 70
"$WICK" dump profile "$tmp/node.pb.gz" | grep -E ' in \[(jit|anon)\] 0x' |
	grep -vE ' 0x[0-9a-f]{1,5}$' && fail "an address of the process is in the profile"

# Not its own user's file.
mv "/tmp/perf-$pid.map" "$tmp/kept.map"
cp "$tmp/kept.map" "/tmp/perf-$pid.map"
chown 12345 "/tmp/perf-$pid.map"
take foreign
near "names of a map that somebody else owns" \
	"$(folded_count "$tmp/foreign.folded" ';JS:')" 0 0
at_least "frames kept all the same" "$(folded_count "$tmp/foreign.folded" ';\[anon\]')" 100
kill -KILL "$pid"

command -v unshare >/dev/null || exit 0
run unshare --pid --fork --kill-child
[ "$(awk '/^NSpid/ { print NF }' "/proc/$pid/status")" = 3 ] || skip "no pid namespace here"
at_exit+=("rm -f /tmp/perf-$(awk '/^NSpid/ { print $3 }' "/proc/$pid/status").map")
take namespace
at_least "named in another pid namespace" \
	"$(folded_count "$tmp/namespace.folded" ';JS:[^;]*innermost [^;]*_\[j\]')" 100
