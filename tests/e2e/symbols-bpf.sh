#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# BPF programs that run hot have their names though they are gone before the profile is written: one
# that was there before wick, one that came later, and one that came where that one had been. And the
# vdso has its functions.
. "$(dirname "$0")/lib.sh"
need_bpf
[ "$(cat /proc/sys/net/core/bpf_jit_enable)" != 0 ] || skip "BPF programs are interpreted here"

start bpfer_fp 60 120
record -p "$pid" -F 499 -o "$tmp/bpf.pb.gz"
kill -USR1 "$pid"
wait_until grep -q done "$tmp"/out.*
finish
ledger_exact "$tmp/bpf.pb.gz"
grep -q bpfer_ /proc/kallsyms && fail "the programs are still there"
"$WICK" convert --annotate "$tmp/bpf.pb.gz" -o "$tmp/bpf.folded"
in_programs=$(folded_count "$tmp/bpf.folded" ';bpf_test_run_\[k\];')
at_least "samples in programs" "$in_programs" 100
for name in before:25 during:50 last:25; do
	near "bpfer_${name%:*}, %" "$(percent "$(folded_count "$tmp/bpf.folded" \
		";run;.*;bpf_prog_[0-9a-f]+_bpfer_${name%:*}_\\[k\\]\$")" "$in_programs")" "${name#*:}" 12
done
at_least "samples in programs that have a name, %" "$(percent "$(folded_count "$tmp/bpf.folded" \
	';bpf_prog_[0-9a-f]+_bpfer_')" "$in_programs")" 95
"$WICK" dump profile "$tmp/bpf.pb.gz" >"$tmp/dump"
grep -qE 'bpfer_during in \[bpf\] 0x[0-9a-f]{1,3}$' "$tmp/dump" || fail "no place in the program"

cat >"$tmp/clock.py" <<'P'
import time
print("ready", flush=True)
while True:
    time.clock_gettime_ns(time.CLOCK_MONOTONIC)
P
python3 "$tmp/clock.py" >"$tmp/ready" &
pid=$!
children+=("$pid")
wait_until grep -q ready "$tmp/ready"
record -p "$pid" --user -F 499 -o "$tmp/vdso.pb.gz"
until_cpu "$pid" 1
finish
"$WICK" dump profile "$tmp/vdso.pb.gz" >"$tmp/dump"
grep -qE '__vdso_clock_gettime|__cvdso|vread|vclock' "$tmp/dump" || fail "no function of the vdso"
at_least "samples in functions of the vdso" "$(folded "$tmp/vdso.pb.gz" "$tmp/vdso.folded"
	folded_count "$tmp/vdso.folded" ';__vdso_clock_gettime')" 10
