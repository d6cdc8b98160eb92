#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What wick dump says of files, processes, profiles and itself, against what others say of the same.
. "$(dirname "$0")/lib.sh"
need_bpf
for tool in readelf eu-addr2line nm; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done

# elf: build id, segments and symbols, against readelf and nm.
for file in "$FIXTURES/burn_fp" "$FIXTURES/life_a" "$(ldconfig -p | awk '/libc\.so\.6.*x86-64/ { print $NF; exit }')"; do
	"$WICK" dump elf "$file" --json >"$tmp/elf.json"
	near "$file: build id" "$(jq -r .build_id "$tmp/elf.json" | grep -cxF \
		"$(readelf -n "$file" | sed -n 's/.*Build ID: //p')")" 1 0
	jq -r '.segments[] | "\(.off) \(.vaddr)"' "$tmp/elf.json" | while read -r off vaddr; do
		printf '%d %d\n' "$off" "$vaddr"
	done | sort >"$tmp/ours"
	readelf -lW "$file" | awk '$1 == "LOAD" { print $2, $3 }' | while read -r off vaddr; do
		printf '%d %d\n' "$off" "$vaddr"
	done | sort >"$tmp/theirs"
	near "$file: segments" "$(grep -cxFf "$tmp/theirs" "$tmp/ours")" "$(wc -l <"$tmp/theirs")" 0
	near "$file: executable segments" "$(jq '[.segments[] | select(.executable)] | length' "$tmp/elf.json")" \
		"$(readelf -lW "$file" | grep -c '^ *LOAD.* R.E ')" 0
	near "$file: symbols with another source than readelf has sections" "$(jq -r '.sources[] | select(.used) |
		{symtab: ".symtab", dynsym: ".dynsym", dwarf: ".debug_info"}[.source] // empty' "$tmp/elf.json" |
		grep -vcxFf <(readelf -SW "$file" | grep -o ' \.[a-z_]*' | tr -d ' ') || true)" 0 0
done

# Every function in readelf's tables has its name, its start and its size.
for file in "$FIXTURES/burn_static" "$FIXTURES/cpp_nofp" \
	"$(ldconfig -p | awk '/libstdc\+\+\.so\.6.*x86-64/ { print $NF; exit }')"; do
	readelf -sW --dyn-syms "$file" | awk '$4 ~ /^I?FUNC$/ && $7 ~ /^[0-9]+$/ && $3 > 0 {
		sub(/@.*/, "", $8); sub(/^0*/, "", $2); print $2, $3, $8 }' | sort -u >"$tmp/theirs"
	cut -d ' ' -f 1 "$tmp/theirs" | sort -u >"$tmp/addresses"
	"$WICK" dump addr --json "$file" <"$tmp/addresses" | jq -r '.[] |
		"\(.vaddr[2:]) \(.size) \(.symbol) \(.start[2:])"' | awk '$1 == $4 { print $1, $2, $3 }' |
		sort >"$tmp/ours"
	near "$(basename "$file"): functions as readelf has them" "$(comm -12 "$tmp/ours" "$tmp/theirs" | wc -l)" \
		"$(wc -l <"$tmp/addresses")" 0
	at_least "$(basename "$file"): of them" "$(wc -l <"$tmp/addresses")" 10
done

# Many addresses are read in parts, which end in the middle of one.
work=$(nm "$FIXTURES/burn_static" | awk '$3 == "main" { sub(/^0*/, "", $1); print "0x" $1 }')
for ((i = 0; i < 300000; i++)); do echo "$work"; done >"$tmp/many"
near "answers for a million bytes and more" "$("$WICK" dump addr "$FIXTURES/burn_static" <"$tmp/many" | grep -c " main+0x0")" \
	300000 0

# Its reader needs two things of where it runs: who has not got them is told so.
for lack in /dev /proc; do
	status=0
	WICK_SYMBOL_CACHE=none unshare --mount bash -c 'mount -t tmpfs none "$1" && exec "$2" dump elf "$3"' bash "$lack" "$WICK" \
		"$FIXTURES/burn_fp" >"$tmp/lack" 2>&1 || status=$?
	near "status without $lack" "$status" 1 0
	grep -q "could be started: there is no $lack.* here; " "$tmp/lack" || fail "no cure: $(cat "$tmp/lack")"
done

# addr: 200 functions of two programs, at their start and inside, against eu-addr2line.
for file in "$FIXTURES/cpp_nofp" "$FIXTURES/burn_static"; do
	nm --defined-only -S "$file" | awk 'NF == 4 && $3 ~ /^[tT]$/ { print $1, $2 }' | shuf -n 100 \
		--random-source=<(yes) | while read -r start size; do
		printf '0x%x\n0x%x\n' $((0x$start)) $((0x$start + 0x$size / 2))
	done >"$tmp/addresses"
	xargs "$WICK" dump addr --json "$file" <"$tmp/addresses" | jq -r '.[] | .symbol // "??"' >"$tmp/ours"
	eu-addr2line -S -e "$file" $(cat "$tmp/addresses") | grep -v '^??:0$\|:[0-9]*$' |
		sed 's/+0x[0-9a-f]*.*//' >"$tmp/theirs"
	lines=$(wc -l <"$tmp/addresses")
	near "$(basename "$file"): answers" "$(wc -l <"$tmp/theirs")" "$lines" 0
	nm "$file" >"$tmp/nm"
	# Where symbols share an address, each may take another's name.
	same=$(paste "$tmp/ours" "$tmp/theirs" | awk '$1 == $2' | wc -l)
	at_least "$(basename "$file"): the same name, %" "$(percent "$same" "$lines")" 85
	paste "$tmp/ours" "$tmp/theirs" "$tmp/addresses" | awk '$1 != $2' | while read -r ours theirs address; do
		a=$(awk -v name="$ours" '$3 == name { print $1; exit }' "$tmp/nm")
		b=$(awk -v name="$theirs" '$3 == name { print $1; exit }' "$tmp/nm")
		[ "$a" = "$b" ] || fail "$address in $file is $ours at $a, or $theirs at $b"
	done
done

# proc: every executable mapping of /proc/PID/maps, no other, with the file's build id.
start mapper_fp 600 "$FIXTURES/libplugin1.so"
for process in "$pid" $$; do
	kill -STOP "$pid"
	"$WICK" dump proc "$process" --json >"$tmp/proc.json" || fail "cannot dump $process"
	jq -r '.mappings[] | "\(.start[2:])-\(.end[2:])"' "$tmp/proc.json" | sort >"$tmp/ours"
	awk '$2 ~ /x/ { print $1 }' "/proc/$process/maps" | sed 's/^0*//; s/-0*/-/' | sort >"$tmp/theirs"
	cmp "$tmp/ours" "$tmp/theirs" || fail "the mappings of $process are others"
	file=$(readlink "/proc/$process/exe")
	near "$file: build id" "$(jq -r --arg file "$file" '.mappings[] | select(.path == $file).build_id' \
		"$tmp/proc.json" | grep -cxF "$(readelf -n "$file" | sed -n 's/.*Build ID: //p')")" 1 0
	kill -CONT "$pid"
done
status=0
"$WICK" dump proc 4194304 2>"$tmp/wick.err" || status=$?
near "status for a process that is not there" "$status" 1 0

# profile: the sums and stacks that go tool pprof -raw has.
record -a -F 999 -d 1 -o "$tmp/out.pb.gz"
finish none
if command -v go >/dev/null; then
	go tool pprof -raw "$tmp/out.pb.gz" >"$tmp/raw" 2>/dev/null
	near "samples, by go" "$(awk '/^Samples:/ { on = 1; next } /^Locations/ { on = 0 }
		on && $1 ~ /^[0-9]+$/ && $2 ~ /^[0-9]+:$/ { sum += $1; n++ } END { print sum }' "$tmp/raw")" \
		"$("$WICK" dump profile "$tmp/out.pb.gz" --json | jq '[.samples[].values[0]] | add')" 0
	"$WICK" dump profile "$tmp/out.pb.gz" --json >"$tmp/dump.json"
	"$tree/tests/e2e/raw.py" "$tmp/raw" "$tmp/dump.json" || fail "go reads other samples"
fi

# stats: the ledger's two equations, the kernel's own count of runs, and what the kernel says wick used.
"$WICK" dump stats --json >"$tmp/stats.json"
jq -e '(.taken.count == .written.count + ([to_entries[] | select(.key | startswith("dropped.")).value.count] | add))
	and (.written.count == .complete.count + ([to_entries[] | select(.key | startswith("cut.")).value.count] | add))
	and .runs.count == .taken.count + .filtered.count and all(.[]; .means | length > 5)' \
	"$tmp/stats.json" >/dev/null || fail "the counts do not add up: $(cat "$tmp/stats.json")"
near "counts in text and JSON" "$("$WICK" dump stats -d 100ms | wc -l)" "$(jq length "$tmp/stats.json")" 0

# system: each fact that others know.
"$WICK" dump system --json >"$tmp/system.json"
caps=$((0x$(awk '/^CapEff/ { print $2 }' /proc/self/status)))
held() { ((caps >> $1 & 1)) && echo yes || echo no; }
fact() # NAME VALUE
{
	[ "$(jq -r --arg name "$1" '.[$name].value' "$tmp/system.json")" = "$2" ] ||
		fail "$1 is $2, not $(jq -c --arg name "$1" '.[$name]' "$tmp/system.json")"
}
fact kernel "$(uname -r)"
fact architecture "$(uname -m)"
fact uid "$(id -u)"
fact BTF "$([ -e /sys/kernel/btf/vmlinux ] && echo yes || echo no)"
fact CPUs "$(getconf _NPROCESSORS_ONLN) online of $(getconf _NPROCESSORS_CONF) possible"
fact CAP_DAC_READ_SEARCH "$(held 2)"
fact CAP_SYS_PTRACE "$(held 19)"
fact CAP_SYSLOG "$(held 34)"
fact CAP_PERFMON "$(held 38)"
fact CAP_BPF "$(held 39)"
fact CAP_CHECKPOINT_RESTORE "$(held 40)"
for name in perf_event_paranoid perf_event_max_stack perf_event_max_sample_rate perf_cpu_time_max_percent kptr_restrict; do
	fact $name "$(sysctl -n kernel.$name)"
done
fact memlock "$(ulimit -l | sed 's/[0-9]$/& KiB/')"
[ ! -e /sys/kernel/security/lockdown ] ||
	fact lockdown "$(sed 's/.*\[\(.*\)\].*/\1/' /sys/kernel/security/lockdown)"
if command -v perf >/dev/null; then
	perf stat -e cycles true >"$tmp/cycles" 2>&1 || true
	fact cycles "$(grep -q 'not supported' "$tmp/cycles" && echo "no (ENOENT)" || echo yes)"
fi
near "facts in text and JSON" "$("$WICK" dump system | wc -l)" "$(jq length "$tmp/system.json")" 0

# --debug explains: what of a run is known to others. Nothing else may say as little, or be as long.
record -p "$pid" --debug -o "$tmp/debug.pb.gz"
until_cpu "$pid" 0.3
finish
grep '^wick: debug: ' "$tmp/wick.err" >"$tmp/debug" || fail "--debug says nothing"
grep -qx 'wick: debug: the program has [1-9][0-9]* verified instructions' "$tmp/debug" || fail "no size of the program"
at_least "processes known at the end" "$(sed -n 's/.*debug: \([0-9]*\) processes known.*/\1/p' "$tmp/debug")" 1
ledger_exact "$tmp/debug.pb.gz"
comment=$(jq -r '.comments[] | select(startswith("unwind tables: "))' <("$WICK" dump profile "$tmp/debug.pb.gz" --json))
near "modules with rows, as the profile says" "$(sed -n 's/.*debug: unwind: \([0-9]*\) of .*/\1/p' "$tmp/debug")" \
	"$(sed 's/[^0-9]*\([0-9]*\).*/\1/' <<<"$comment")" 0
near "rows, as the profile says" "$(sed -n 's/.*modules, \([0-9]*\) rows.*/\1/p' "$tmp/debug")" \
	"$(sed 's/.*, \([0-9]*\) rows.*/\1/' <<<"$comment")" 0
grep -q 'unwind: 1 processes in 1 regions of ' "$tmp/wick.err" || fail "not the process that was asked for"

# What each says in JSON is JSON.
for verb in "elf $FIXTURES/burn_fp" "addr $FIXTURES/burn_fp 0x0" "unwind $FIXTURES/burn_fp" "proc $pid" \
	"profile $tmp/out.pb.gz" system "stats -d 50ms"; do
	# shellcheck disable=SC2086
	"$WICK" dump $verb --json | jq -e 'length > 0' >/dev/null || fail "wick dump $verb --json is no JSON"
done
