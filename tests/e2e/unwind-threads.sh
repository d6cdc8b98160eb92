#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Eight threads end at the function a thread starts in, which is their root; children of vfork, which run
# on their parent's stack, end where the parent does.
. "$(dirname "$0")/lib.sh"
need_bpf

# known NAME ARG..: records a fixture whose file and libraries are known: it has run a moment before, doing
# nothing. Then it has its tables from its first sample on.
known()
{
	"$WICK" record --user -F 999 -o "$tmp/known.pb.gz" -- bash -c \
		'"$0" 0; sleep 0.5; exec "$0" "$@"' "$FIXTURES/$1" "${@:2}" 2>"$tmp/wick.err" ||
		fail "wick record exited with $?"
}

known threads_nofp 100
mostly_complete "$tmp/known.pb.gz" 99.5
folded "$tmp/known.pb.gz" "$tmp/threads.folded"
workers=()
for i in 1 2 3 4 5 6 7 8; do
	workers+=("THREAD worker_$i labour")
done
whole "$tmp/threads.folded" threads_nofp "${workers[@]}"

known vforker_nofp 300
mostly_complete "$tmp/known.pb.gz" 99
folded "$tmp/known.pb.gz" "$tmp/vfork.folded"
# The rest of one per cent: starting the program itself, in the dynamic linker.
least=99 whole "$tmp/vfork.folded" vforker_nofp "START main spawn in_child" \
	"START main spawn (.*fork|wait.*|_exit|.*@plt)#*"
