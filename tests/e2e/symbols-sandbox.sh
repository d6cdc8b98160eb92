#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Of the programs it samples wick itself reads nothing, neither the sampler of record and of the agent nor the
# server: only parser children do, and those open nothing at all once they have given up their rights.
. "$(dirname "$0")/lib.sh"
need_bpf
for tool in strace curl; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done

calls=clone,read,pread64,readv,mmap,openat,open,openat2,execve,seccomp,landlock_restrict_self

# only_parsers TRACE: reads of the target are those of locked parser children.
only_parsers()
{
	target="<$FIXTURES/inlined_fp>" awk '
	FNR == NR { # first who is one, by exec or forked by one that is
		if (/execve\(.*--parser-child/) { parser[$1] = 1; parsers++ }
		if (/ clone(\(| resumed>).* = [0-9]+$/ && $1 in parser) { parser[$NF] = 1; forked++ }
		next
	}
	/execve\(.*--server-child/ { servers++; next }
	/landlock_restrict_self\(/ { fenced[$1] = 1 }
	/seccomp(\(SECCOMP_SET_MODE_FILTER| resumed>).*= 0/ { locked[$1] = 1 }
	/open(at|at2)?\(/ && locked[$1] { print "opens behind its lock: " $0; bad++ }
	/ (<\.\.\. )?open(at|at2)?(\(| resumed>)/ { opened += index($0, ENVIRON["target"]) > 0; next }
	index($0, ENVIRON["target"]) && !/execve/ {
		if (!($1 in parser)) { print "reads a target: " $0; bad++ }
		else if (!locked[$1]) { print "reads before its lock: " $0; bad++ }
		else seen++
	}
	END {
		for (pid in parser) { n += locked[pid]; m += fenced[pid] }
		print parsers " parsers and " forked + 0 " forked by them, " n " of them locked, " m " fenced, " servers + 0 " servers; target opened " \
			opened " times, read " seen
		exit bad || !seen || !forked || !n || !m # one that ends with wick may not have come to its lock
	}' "$1" "$1" || fail "targets are not read by locked parser children alone"
}

start inlined_fp 600
strace -f -qq -y -o "$tmp/trace" -e trace=$calls \
	"$WICK" record -p "$pid" --user -F 499 -d 3 -o "$tmp/traced.pb.gz" 2>"$tmp/wick.err" ||
	fail "wick record exited with $?"
folded "$tmp/traced.pb.gz" "$tmp/traced.folded"
at_least "samples with inlined calls" "$(folded_count "$tmp/traced.folded" ';middle;innermost;')" 10
only_parsers "$tmp/trace"

# The agent, whose server has the profile to show, with lines: its cache is another one.
export WICK_SYMBOL_CACHE=$tmp/agent-cache
foreground strace -f -qq -y -o "$tmp/agent-trace" -e trace=$calls \
	"$WICK" agent --listen 127.0.0.1:0 -F 499 --comm inlined_fp >"$tmp/wick.out" 2>"$tmp/wick.err" &
strace=$!
children+=("$strace")
wait_until grep -q 'open http' "$tmp/wick.err"
agent=$(awk 'NR == 1 { print $1 }' "$tmp/agent-trace")
children+=("$agent")
base=$(grep -o 'http://[0-9.:]*' "$tmp/wick.err")
token=$(sed -n 's/.*#token=//p' "$tmp/wick.err")
is_shown()
{
	curl -s --max-time 60 "$base/api/profile/0?token=$token" >"$tmp/live.pb.gz" &&
		"$WICK" convert "$tmp/live.pb.gz" -o "$tmp/live.folded" && grep -q ';middle;innermost;' "$tmp/live.folded"
}
wait_until is_shown
kill -INT "$agent"
wait "$strace" || fail "the agent ended with status $?"
only_parsers "$tmp/agent-trace" | tee "$tmp/said"
grep -q ' 1 servers' "$tmp/said" || fail "no server was started: $(cat "$tmp/said")"
