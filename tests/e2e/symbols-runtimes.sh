#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The runtimes themselves: inner(), called once by one() and three times by three(), has its name and its
# callers, in their shares, in JavaScript, Java and, where they are here, Python 3.12, .NET and WebAssembly.
# Java runs in namespaces of its own, writes its map while wick runs, and later another one.
. "$(dirname "$0")/lib.sh"
need_bpf
for tool in node javac jcmd jq curl unshare nsenter; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done
cd "$tmp" # where some leave a log
declare -A pids

# runs NAME COMMAND..: a runtime, until the test ends. It says "ready" when it is at work.
runs()
{
	: >"$tmp/$1.out"
	"${@:2}" >"$tmp/$1.out" 2>"$tmp/$1.err" &
	pids[$1]=$!
	children+=($!)
	at_exit+=("rm -f /tmp/perf-$!.map")
	wait_until eval "grep -q ready '$tmp/$1.out' || ! kill -0 $! 2>/dev/null"
	kill -0 $! 2>/dev/null || fail "$1 has ended: $(cat "$tmp/$1.err")"
}
left_out()
{
	echo "LEFT OUT: $1: $2"
}

# --- JavaScript ---
cat >hot.js <<'JS'
function inner(n) { let s = 0; for (let i = 0; i < n; i++) s += Math.sqrt(i) * (i % 7); return s; }
function one() { return inner(3000); }
function three() { return inner(3000) + inner(3000) + inner(3000); }
console.log('ready');
for (;;) { one(); three(); }
JS
runs node node --no-turbo-inlining --perf-basic-prof --interpreted-frames-native-stack hot.js

# --- Java, in a container's place: its /tmp is another directory, its pid another number ---
cat >Hot.java <<'JAVA'
public class Hot {
	static volatile boolean isLate;
	static double sink;
	static double inner(int n) { double s = 0; for (int i = 0; i < n; i++) s += Math.sqrt(i) * (i % 7); return s; }
	static double one() { return inner(3000); }
	static double three() { return inner(3000) + inner(3000) + inner(3000); }
	static double late() { return inner(3000); }
	public static void main(String[] arguments) throws Exception {
		Thread watch = new Thread(() -> {
			while (!new java.io.File(arguments[0]).exists())
				try { Thread.sleep(200); } catch (InterruptedException e) { return; }
			isLate = true;
		});
		watch.setDaemon(true);
		watch.start();
		System.out.println("ready");
		while (!isLate) { sink += one(); sink += three(); }
		for (;;) sink += late();
	}
}
JAVA
mkdir java
javac -d java Hot.java
runs java unshare --mount --pid --fork --kill-child sh -c 'mount --bind java /tmp && exec "$@"' sh \
	java -XX:+PreserveFramePointer -XX:CompileCommand=quiet -XX:CompileCommand='dontinline,Hot.*' -cp /tmp Hot /tmp/go
pids[java]=$(pgrep -P "${pids[java]}")
perfmap()
{
	nsenter --target "${pids[java]}" --mount --pid jcmd 1 Compiler.perfmap >jcmd.out 2>&1 || fail "jcmd: $(cat jcmd.out)"
}

# --- Python ---
cat >hot.py <<'PY'
def inner(n):
    s = 0.0
    for i in range(n):
        s += i * (i % 7)
    return s
def one():
    return inner(3000)
def three():
    return inner(3000) + inner(3000) + inner(3000)
def main():
    print("ready", flush=True)
    while True:
        one()
        three()
main()
PY
for python in python3 python3.12 python3.13 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[2-9]*/bin/python3; do
	"$python" -c 'import sys; sys.is_stack_trampoline_active' 2>/dev/null && break
	python=
done
if [ -n "$python" ]; then
	runs python "$python" -X perf hot.py
else
	left_out Python "no 3.12 or later"
fi

# --- .NET: dotnet, and mcs to compile ---
cat >hot.cs <<'CS'
using System;
using System.Runtime.CompilerServices;
public static class Hot {
	static double sink;
	[MethodImpl(MethodImplOptions.NoInlining)]
	static double Inner(int n) { double s = 0; for (int i = 0; i < n; i++) s += Math.Sqrt(i) * (i % 7); return s; }
	[MethodImpl(MethodImplOptions.NoInlining)]
	static double One() { return Inner(3000) + 1; }
	[MethodImpl(MethodImplOptions.NoInlining)]
	static double Three() { return Inner(3000) + Inner(3000) + Inner(3000); }
	public static void Main() {
		Console.WriteLine("ready");
		for (;;) { sink += One(); sink += Three(); }
	}
}
CS
cat >hot.runtimeconfig.json <<'JSON'
{"runtimeOptions": {"rollForward": "LatestMajor", "framework": {"name": "Microsoft.NETCore.App", "version": "3.1.0"},
	"configProperties": {"System.Globalization.Invariant": true}}}
JSON
if command -v dotnet >/dev/null && command -v mcs >/dev/null; then
	mcs -optimize+ hot.cs -out:hot.dll
	runs dotnet env COMPlus_PerfMapEnabled=1 DOTNET_PerfMapEnabled=1 dotnet hot.dll
else
	left_out .NET "no dotnet, or no mcs"
fi

# --- WebAssembly: wasmtime in Python, its two ways ---
cat >wasm.py <<'PY'
import sys, wasmtime
config = wasmtime.Config()
config.profiler = sys.argv[1]
store = wasmtime.Store(wasmtime.Engine(config))
module = wasmtime.Module(store.engine, """(module
 (func $inner (param $n i32) (result f64) (local $s f64)
  (loop $again
   (local.set $s (f64.add (local.get $s) (f64.sqrt (f64.convert_i32_u (local.get $n)))))
   (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
  (local.get $s))
 (func $one (result f64) (f64.add (call $inner (i32.const 3000)) (f64.const 1)))
 (func $three (result f64)
  (f64.add (call $inner (i32.const 3000)) (f64.add (call $inner (i32.const 3000)) (call $inner (i32.const 3000)))))
 (func (export "run") (local $i i32)
  (loop $again
   (drop (call $one)) (drop (call $three))
   (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))))""")
run = wasmtime.Instance(store, module, []).exports(store)["run"]
print("ready", flush=True)
while True:
    run(store)
PY
wasmtime=${WASMTIME_PYTHON:-python3}
if "$wasmtime" -c 'import wasmtime' 2>/dev/null; then
	runs perfmap "$wasmtime" wasm.py perfmap
	runs jitdump "$wasmtime" wasm.py jitdump
else
	left_out WebAssembly "no module wasmtime of python3 (pip install wasmtime; WASMTIME_PYTHON names its python)"
fi

# shares NAME PROFILE LEAST: at least so many whole stacks, most of them (not its compilers) of inner(), by
# its callers.
shares()
{
	local one three all

	"$WICK" dump profile "$2" --json >dump.json || fail "cannot dump $2"
	read -r all one three <<<"$(jq -r --argjson pid "${pids[$1]}" '
		[.samples[] | select(any(.labels[]; .key == "pid" and .number == $pid)) |
			select(.frames[0].name | test("^(_start|_*clone3?)$")) | {n: .values[0],
			names: [.frames[] | select(.quality == "jit").name | sub("^(JS:[*^~+]|py::|double Hot\\.|float64 \\[hot\\] Hot::)"; "")
				| ascii_downcase | sub("[^a-z].*"; "")] | join(";")}] |
		[map(.n), map(select(.names | test("(^|;)one;inner$")).n), map(select(.names | test("(^|;)three;inner$")).n)] |
		map(add // 0) | @tsv' dump.json)"
	at_least "$1: whole stacks" "$all" "$3"
	at_least "$1: percent of them of inner() with its caller" "$(percent $((one + three)) "$all")" 80
	near "$1: percent of those by three()" "$(percent "$three" $((one + three)))" 75 12
}

until_each_cpu 1 "${pids[@]}" # they compile
record -p "$(IFS=,; echo "${pids[*]}")" --user -F 999 -o of-pids.pb.gz
until_each_cpu 0.7 "${pids[@]}"
perfmap
finish
ledger_exact of-pids.pb.gz
for name in "${!pids[@]}"; do
	shares "$name" of-pids.pb.gz 400
done
record -a --user -F 999 -o of-all.pb.gz
until_each_cpu 0.5 "${pids[@]}"
finish
for name in "${!pids[@]}"; do
	shares "$name" of-all.pb.gz 200
	[ "$name" = java ] || kill -KILL "${pids[$name]}"
done

# --- a map that is written anew while its names are in use ---
foreground "$WICK" agent --listen 127.0.0.1:0 --comm java --user -F 499 --epoch 0.5 --window 1 2>wick.err &
children+=($!)
wait_until grep -q 'open http' wick.err
base=$(grep -o 'http://[0-9.:]*' wick.err)
token=$(sed -n 's/.*#token=//p' wick.err)
# late_share: percent of inner()'s samples that late() called, in what the agent shows after a while.
late_share()
{
	until_cpu "${pids[java]}" 0.2
	curl -s --max-time 60 "$base/api/profile/0?token=$token" >live.pb.gz
	folded live.pb.gz live.folded
	percent "$(folded_count live.folded ';double Hot.late\(\);double Hot.inner\(int\)$')" \
		"$(folded_count live.folded ';double Hot.inner\(int\)$')"
}
inner_is_shown()
{
	late_share >late
	[ "$(folded_count live.folded ';double Hot.three\(\);double Hot.inner\(int\)$')" -gt 50 ]
}
late_is_shown()
{
	late_share >late
	awk '{ exit !($1 > 90) }' late
}
wait_until inner_is_shown
near "by late() before it is called, %" "$(cat late)" 0 0
touch java/go
until_cpu "${pids[java]}" 1
late_share >late
near "by late() before it is in the map, %" "$(cat late)" 0 0
perfmap
wait_until late_is_shown
echo "by late() when it is in the map, %: $(cat late)"
