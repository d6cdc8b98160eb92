#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Of the programs it samples wick itself reads nothing: only parser children do, and those open nothing at
# all once they have given up their rights.
. "$(dirname "$0")/lib.sh"
need_bpf
command -v strace >/dev/null || skip "needs strace"

start inlined_fp 600
strace -f -qq -y -o "$tmp/trace" \
	-e trace=read,pread64,readv,mmap,openat,open,openat2,execve,seccomp,landlock_restrict_self \
	"$WICK" record -p "$pid" --user -F 499 -d 3 -o "$tmp/traced.pb.gz" 2>"$tmp/wick.err" ||
	fail "wick record exited with $?"
folded "$tmp/traced.pb.gz" "$tmp/traced.folded"
at_least "samples with inlined calls" "$(folded_count "$tmp/traced.folded" ';middle;innermost;')" 10

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
		exit bad || !seen || !n || !m # one that ends with wick may not have come to its lock
	}' "$tmp/trace" || fail "targets are not read by locked parser children alone"
