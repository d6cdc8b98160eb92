#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Code made at run time has the names and lines of the process's jitdump, by address and time: code that
# is replaced and moved keeps its own samples. A dump of somebody else is not believed, a hostile one
# costs nothing.
. "$(dirname "$0")/lib.sh"
need_bpf
[ -x "$FIXTURES/jitter_fp" ] || skip "the fixture brings code of x86-64"
mkdir "$tmp/dumps"

# share FOLDED NAME
share()
{
	percent "$(folded_count "$1" ";run;$2_\\[j\\]\$")" "$(folded_count "$1" ';run;')"
}

record --user -F 499 -o "$tmp/jitter.pb.gz" -- "$FIXTURES/jitter_fp" "$tmp/dumps" 120
finish none
ledger_exact "$tmp/jitter.pb.gz"
"$WICK" convert --annotate "$tmp/jitter.pb.gz" -o "$tmp/jitter.folded"
near "alpha, %" "$(share "$tmp/jitter.folded" alpha)" 12.5 2.5
near "beta at alpha's address, %" "$(share "$tmp/jitter.folded" beta)" 25 3
near "gamma, moved halfway, %" "$(share "$tmp/jitter.folded" gamma)" 25 3
near "delta at gamma's address, %" "$(share "$tmp/jitter.folded" delta)" 37.5 3
"$WICK" dump profile "$tmp/jitter.pb.gz" >"$tmp/dump"
for name in alpha beta gamma delta; do
	grep -q "$name at /src/jitter.x:20 in \[jit\] 0x[0-9a-f]\{1,2\}\$" "$tmp/dump" || fail "no line of $name"
done

# A process that goes on, with a dump that becomes hostile.
start jitter_fp "$tmp/dumps" 1 hold
dump=$tmp/dumps/jit-$pid.dump
# take NAME: records it; the peak of wick and its children in KiB in $peak
take()
{
	peak=$(python3 - "$WICK" record -p "$pid" --user -F 499 -d 0.5 -o "$tmp/$1.pb.gz" 2>"$tmp/wick.err" <<-'P'
		import resource, subprocess, sys
		subprocess.run(sys.argv[1:], check=True)
		print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
	P
	) || fail "wick record fails"
	"$WICK" convert --annotate "$tmp/$1.pb.gz" -o "$tmp/$1.folded"
	echo "$1: $(share "$tmp/$1.folded" delta) % named, peak $peak KiB"
}
# named WHAT
named()
{
	take "$1"
	at_least "$1: named, %" "$(share "$tmp/$1.folded" delta)" 99
}
named sound
sound=$peak
truncate -s 1G "$dump"
named sparse-gigabyte
at_least "bytes of memory that it does not take" $((sound + 5120 - peak)) 0
python3 - "$dump" <<'P' &
import struct, sys
end = 1 << 30 # beyond what is read; and then records without an end
with open(sys.argv[1], "r+b") as f:
    data = f.read(4096)
    at = 40
    while True:
        kind, size, _ = struct.unpack_from("<IIQ", data, at)
        if not size:
            break
        at += size
    f.truncate(at)
    f.seek(at)
    load = struct.pack("<IIQIIQQQQ", 0, 58, 1, 1, 1, 0x1000, 0x1000, 1, 7) + b"x\0"
    while f.tell() < 600 << 20:
        f.write(load * 1000)
P
children+=($!)
writer=$!
wait_until test "$(stat -c %s "$dump")" -gt 1000
named growing
at_least "bytes of memory that it does not take" $((sound + 5120 - peak)) 0
kill -KILL "$writer" 2>/dev/null || true
wait "$writer" 2>/dev/null || true
chown 12345 "$dump"
take foreign
near "names of a dump that somebody else owns" "$(share "$tmp/foreign.folded" delta)" 0 0

command -v node >/dev/null || skip "the rest needs node"
cat >"$tmp/hot.js" <<'JS'
function innermost(n) {
	let s = 0;
	for (let i = 0; i < n; i++)
		s += Math.sqrt(i) * i % 7; // hot
	return s;
}
function middle() { return innermost(100000); }
const end = process.cpuUsage().user + 8e5;
while (process.cpuUsage().user < end) middle();
JS
cd "$tmp/dumps" # where node puts its dump, and a log
# Its dump is written when 2 MB have gathered, and at its end. V8 reads the names of files from memory that it
# has freed: where that is in use again, the lines cannot be had, which another run may not meet.
export GLIBC_TUNABLES=glibc.malloc.tcache_count=0 # it is less often then
for try in {1..15}; do
	rm -f jit-*.dump
	record --user -F 499 -o "$tmp/node.pb.gz" -- node --perf-prof --no-turbo-inlining \
		--interpreted-frames-native-stack "$tmp/hot.js"
	finish none
	ledger_exact "$tmp/node.pb.gz"
	"$WICK" convert --annotate "$tmp/node.pb.gz" -o "$tmp/node.folded"
	at_least "percent in the hot function" "$(percent "$(folded_count "$tmp/node.folded" \
		';JS:[*^~]middle [^;]*hot.js[^;]*_\[j\];JS:[^;]*innermost [^;]*hot.js[^;]*_\[j\]')" \
		"$(folded_total "$tmp/node.folded")")" 60
	"$WICK" dump profile "$tmp/node.pb.gz" >"$tmp/dump"
	! grep -qE "innermost .* at $tmp/hot.js:[0-9]+ in \[jit\]" "$tmp/dump" || exit 0
	echo "no lines in run $try"
done
fail "no lines in the hot function"
