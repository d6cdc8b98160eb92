#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs as people run them: an interpreter, compilers, a shell, a JIT. At least 99 % of their stacks
# reach their root; the ledger names why the others do not.
. "$(dirname "$0")/lib.sh"
need_bpf

cat >"$tmp/work.py" <<'EOF'
import json, re, time
def a(n): return b(n) + 1
def b(n): return sum(len(json.dumps({"k": [i, str(i)]})) + len(re.findall("[0-9]+", "a1b22c333")) for i in range(n))
end = time.process_time() + 4
while time.process_time() < end: a(200)
EOF
cat >"$tmp/work.cc" <<'EOF'
#include <algorithm>
#include <map>
#include <regex>
#include <string>
std::map<std::string, int> count(const std::string &text)
{
	std::map<std::string, int> words;
	std::regex word("[a-z]+");
	for (std::sregex_iterator i(text.begin(), text.end(), word), end; i != end; ++i)
		words[i->str()]++;
	return words;
}
EOF
cat >"$tmp/work.sh" <<'EOF'
f() { local i=0; while ((i < 25)); do g $i; ((i++)); done; }
g() { local x=$1; x=${x//1/22}; x=$(($1 * 3)); case $x in 4*) :;; esac; }
for ((n = 0; n < 5000; n++)); do f; done
EOF
cat >"$tmp/work.js" <<'EOF'
function a(n) { let s = 0; for (let i = 0; i < 1e5; i++) s += b(i, n); return s }
function b(i, n) { return c([i, n]).length + Math.sqrt(i * n) }
function c(list) { return JSON.stringify(list.map(x => x + 1)) }
while (process.cpuUsage().user < 5e6) a(3)
EOF

# program NAME WARM-UP COMMAND: WARM-UP makes its files known, as they are on a machine that is profiled
# all the time; nothing runs for a while then.
program()
{
	local file=$tmp/$1.pb.gz

	"$WICK" record --user -F 999 -o "$file" -- bash -c "$2 >/dev/null 2>&1; sleep 1; $3" \
		>"$tmp/out" 2>"$tmp/wick.err" || fail "wick record exited with $?"
	echo "-- $1"
	mostly_rooted "$file" "${rooted:-99}"
	folded "$file" "$tmp/$1.folded"
	least=${rooted:-99} samples=${samples:-700} has_roots "$tmp/$1.folded"
}

# The first frame is a program's entry, the dynamic linker's, a thread's start, or Go's of a goroutine.
has_roots()
{
	local entries=(/lib64/ld-linux-x86-64.so.2) file

	for file in python3 node clang-14 as ld bash sleep "$(gcc -print-prog-name=cc1plus)"; do
		file=$(command -v "$file") && entries+=("$file")
	done
	"$tree/tests/e2e/whole.py" --samples "$samples" --least "$least" ${entries[@]/#/--entry } \
		"$1" "ENTRY ANY" "THREAD ANY" "(runtime\..*|_rt0_amd64.*|_dl_start_user) ANY" || fail "$1: stacks without their root"
}

program python3 '/usr/bin/python3 -c "import json, re"' "/usr/bin/python3 $tmp/work.py"
program bash true "bash $tmp/work.sh"
program gcc "echo | g++ -x c++ -c -o $tmp/o -" "g++ -O2 -c -o $tmp/o $tmp/work.cc"
program clang "clang++ --version" "clang++ -O2 -c -o $tmp/o $tmp/work.cc"
if command -v go >/dev/null; then
	cat >"$tmp/work.go" <<'EOF'
package main

import (
	"fmt"
	"sort"
	"strings"
)

func words(n int) int {
	parts := strings.Fields(strings.Repeat(fmt.Sprint("word ", n, " "), 300))
	sort.Strings(parts)
	return len(parts)
}

func main() {
	done := make(chan int)
	for g := 0; g < 4; g++ {
		go func() {
			sum := 0
			for i := 0; i < 24000; i++ {
				sum += words(sum)
			}
			done <- sum
		}()
	}
	for g := 0; g < 4; g++ {
		<-done
	}
}
EOF
	(cd "$tmp" && GOCACHE=${GOCACHE:-$tmp/gocache} HOME=${HOME:-$tmp} GO111MODULE=off \
		go build -o work-go work.go) || fail "go build failed"
	# Some starts of its threads are told as a frame in no mapping.
	rooted=95 samples=150 program go true "$tmp/work-go"
fi
if command -v node >/dev/null; then
	program node 'node --version' "node $tmp/work.js"
fi
