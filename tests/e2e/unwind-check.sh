#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A second opinion: libunwind walks copies of the same stacks. At most 0.1 % of the pcs may differ and
# be without an explanation, which is a third tool's word: readelf's row for the frame gives wick's pc.
. "$(dirname "$0")/lib.sh"
need_bpf
"$WICK" check-unwind --help >/dev/null || fail "no check-unwind"

cat >"$tmp/work.py" <<'EOF'
import json, re, time
end = time.process_time() + 2
while time.process_time() < end:
    for i in range(300): re.findall("[0-9]+", json.dumps({"k": [i, str(i)]}, indent=1))
EOF
cat >"$tmp/work.cc" <<'EOF'
#include <map>
#include <regex>
#include <string>
int count(const std::string &text)
{
	std::map<std::string, int> words;
	std::regex word("[a-z]+");
	for (std::sregex_iterator i(text.begin(), text.end(), word), end; i != end; ++i)
		words[i->str()]++;
	return words.size();
}
EOF
cat >"$tmp/work.sh" <<'EOF'
f() { local i=0; while ((i < 25)); do x=${i//1/22}; case $x in 4*) :;; esac; ((i++)); done; }
for ((n = 0; n < 20000; n++)); do f; done
EOF
cat >"$tmp/work.js" <<'EOF'
while (process.cpuUsage().user < 2.5e6) JSON.stringify([...Array(1000).keys()].map(x => ({ x, s: `${x}` })).sort((a, b) => b.x - a.x))
EOF
cat >"$tmp/work.rs" <<'EOF'
use std::collections::BTreeMap;
fn depth(n: u64, map: &mut BTreeMap<u64, String>) -> usize {
    map.insert(n.wrapping_mul(0x9e3779b97f4a7c15), format!("{n}"));
    if n % 32 == 0 { map.values().map(|s| s.len()).sum() } else { depth(n - 1, map) + 1 }
}
fn main() {
    let mut sum = 0;
    for n in 0..2000000u64 { let mut map = BTreeMap::new(); sum += depth(n % 64 + 1, &mut map); }
    println!("{sum}");
}
EOF
cat >"$tmp/Work.java" <<'EOF'
public class Work {
	static long deep(int n) { return n == 0 ? System.nanoTime() & 1 : deep(n - 1) + String.valueOf(n).hashCode() % 3; }
	public static void main(String[] args) {
		long end = System.nanoTime() + 4_000_000_000L, sum = 0;
		while (System.nanoTime() < end) sum += deep(40);
		System.out.println(sum);
	}
}
EOF

# opinion NAME ARG..: runs wick check-unwind; its exit status in $status. Said first, so that a test may
# end it when its process has run for long enough.
opinion()
{
	foreground "$WICK" check-unwind -F 499 --one-in 3 --cases "$tmp/cases-$1" "${@:2}" \
		>"$tmp/$1.txt" 2>"$tmp/wick.err" &
	wick=$!
	children+=("$wick")
}

# judge NAME: waits for its end.
judge()
{
	local name=$1 status=0 numbers explained=0 cases=0

	wait "$wick" || status=$?
	echo "-- $name"
	cat "$tmp/$name.txt"
	[ "$status" = 0 ] || [ "$status" = 3 ] || fail "wick check-unwind exited with $status"
	read -r -a numbers < <(grep ' all$' "$tmp/$name.txt")
	at_least "pcs compared" "$((numbers[0] + numbers[1]))" "${least_pcs:-1000}"
	[ "$status" = 3 ] || return 0
	"$tree/tests/e2e/explain.py" "$tmp/cases-$name"/* | tee "$tmp/explained"
	read -r _ explained _ cases _ < <(tail -n 1 "$tmp/explained")
	awk -v different="${numbers[1]}" -v equal="${numbers[0]}" -v explained="$explained" \
		-v cases="$cases" 'BEGIN { exit !(different * (cases - explained) / cases <=
			(equal + different) / 1000) }' ||
		fail "$name: more than 0.1 % of the pcs are unexplained"
}

# agree NAME COMMAND..: about a command, until it ends.
agree()
{
	opinion "$1" -d 100 -- "${@:2}"
	judge "$1"
}

# agree_fixture NAME: about a fixture, for 2 s of its CPU time.
agree_fixture()
{
	start "$1" 600
	opinion "$1" -d 100 -p "$pid"
	wait_until attached "$wick"
	until_cpu "$pid" 2
	kill -INT "$wick"
	judge "$1"
}

agree python3 /usr/bin/python3 "$tmp/work.py"
agree bash bash "$tmp/work.sh"
agree gcc g++ -O2 -c -o "$tmp/work.o" "$tmp/work.cc"
agree_fixture cpp_nofp
# What lies on the second stack was not copied: most stacks have few frames to compare.
least_pcs=300 agree_fixture altstack_nofp
agree_fixture libcalls_nofp
! command -v clang++ >/dev/null || agree clang clang++ -O1 -c -o "$tmp/work.o" "$tmp/work.cc"
! command -v node >/dev/null || least_pcs=300 agree node node "$tmp/work.js"
if command -v rustc >/dev/null; then
	rustc -O -o "$tmp/work-rs" "$tmp/work.rs" 2>"$tmp/wick.err" || fail "rustc failed"
	agree rust "$tmp/work-rs"
fi
if command -v java >/dev/null; then
	least_pcs=300 agree java java -XX:+PreserveFramePointer -XX:TieredStopAtLevel=1 "$tmp/Work.java"
fi
