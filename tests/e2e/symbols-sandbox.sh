#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Of the programs it samples wick itself reads nothing, and neither does its server: only parser children
# do, and those open nothing at all once they have given up their rights.
. "$(dirname "$0")/lib.sh"
need_bpf
for tool in strace curl; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done

start inlined_fp 600
foreground strace -f -qq -y -o "$tmp/trace" \
	-e trace=read,pread64,readv,mmap,openat,open,openat2,execve,seccomp,landlock_restrict_self \
	"$WICK" agent --listen 127.0.0.1:0 -F 499 --epoch 0.5 --window 2 >"$tmp/wick.out" 2>"$tmp/wick.err" &
strace=$!
children+=("$strace")
wait_until grep -q 'open http' "$tmp/wick.err"
wick=$(awk 'NR == 1 { print $1 }' "$tmp/trace")
children+=("$wick")
base=$(grep -o 'http://[0-9.:]*' "$tmp/wick.err")
token=$(sed -n 's/.*#token=//p' "$tmp/wick.err")
until_cpu "$pid" 1
lives()
{
	curl -s --max-time 60 "$base/api/profile/0?token=$token" -o "$tmp/live.pb.gz" &&
		"$WICK" report --json "$tmp/live.pb.gz" 2>/dev/null | grep -q '"innermost"'
}
wait_until lives
kill -INT "$wick"
wait "$strace" || fail "the agent ended with status $?"

target="<$FIXTURES/inlined_fp>" awk '
	/execve\(.*--parser-child/ { parser[$1] = 1; parsers++; next }
	/landlock_restrict_self\(/ { fenced[$1] = 1 }
	/seccomp\(SECCOMP_SET_MODE_FILTER.*= 0/ { locked[$1] = 1 }
	/open(at|at2)?\(/ && locked[$1] { print "opens behind its lock: " $0; bad++ }
	/ open(at|at2)?\(/ { opened += index($0, ENVIRON["target"]) > 0; next }
	index($0, ENVIRON["target"]) && !/execve/ {
		if (!($1 in parser)) { print "reads a target: " $0; bad++ }
		else if (!locked[$1]) { print "reads before its lock: " $0; bad++ }
		else seen++
	}
	END {
		for (pid in parser) { n += locked[pid]; m += fenced[pid] }
		print parsers " parsers, " n " of them locked, " m " fenced; target opened " opened " times, read " seen
		exit bad || !seen || n != parsers
	}' "$tmp/trace" || fail "targets are not read by locked parser children alone"
