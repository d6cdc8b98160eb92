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
end = time.process_time() + 2.5
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
const end = Date.now() + 3000
while (Date.now() < end) a(3)
EOF

# program NAME WARM-UP COMMAND: WARM-UP makes its files known, as they are on a machine that is profiled
# all the time; nothing runs for a while then.
program()
{
	local file=$tmp/$1.pb.gz

	"$WICK" record --user -F 999 -o "$file" -- bash -c "$2 >/dev/null 2>&1; sleep 0.5; $3" \
		>"$tmp/out" 2>"$tmp/wick.err" || fail "wick record exited with $?"
	echo "-- $1"
	mostly_rooted "$file" 99
	folded "$file" "$tmp/$1.folded"
	least=99 samples=700 rooted "$tmp/$1.folded"
}

# The first frame is a program's entry, the dynamic linker's, or a thread's start.
rooted()
{
	local entries=(/lib64/ld-linux-x86-64.so.2) file

	for file in python3 node clang-14 as ld bash sleep "$(gcc -print-prog-name=cc1plus)"; do
		file=$(command -v "$file") && entries+=("$file")
	done
	"$tree/tests/e2e/whole.py" --samples "$samples" --least "$least" ${entries[@]/#/--entry } \
		"$1" "ENTRY ANY" "THREAD ANY" || fail "$1: stacks without their root"
}

program python3 '/usr/bin/python3 -c "import json, re"' "/usr/bin/python3 $tmp/work.py"
program bash true "bash $tmp/work.sh"
program gcc "echo | g++ -x c++ -c -o $tmp/o -" "g++ -O2 -c -o $tmp/o $tmp/work.cc"
program clang "echo | clang++ -x c++ -c -o $tmp/o -" "clang++ -O2 -c -o $tmp/o $tmp/work.cc"
if command -v node >/dev/null; then
	program node 'node -e 0' "node $tmp/work.js"
fi
