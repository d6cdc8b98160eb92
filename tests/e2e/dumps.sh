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
done

# Its reader needs two things of where it runs: who has not got them is told so.
for lack in /dev /proc; do
	status=0
	unshare --mount bash -c 'mount -t tmpfs none "$1" && exec "$2" dump elf "$3"' bash "$lack" "$WICK" \
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
	near "stacks, by go" "$(awk '/^Samples:/ { on = 1; next } /^Locations/ { on = 0 }
		on && $2 ~ /^[0-9]+:$/ { n++ } END { print n }' "$tmp/raw")" \
		"$("$WICK" dump profile "$tmp/out.pb.gz" --json | jq '.samples | length')" 0
fi

# stats: the ledger's two equations, the kernel's own count of runs, and what the kernel says wick used.
"$WICK" dump stats --json >"$tmp/stats.json"
jq -e '(.taken.count == .written.count + ([to_entries[] | select(.key | startswith("dropped.")).value.count] | add))
	and (.written.count == .complete.count + ([to_entries[] | select(.key | startswith("cut.")).value.count] | add))
	and .runs.count == .taken.count + .filtered.count and all(.[]; .means | length > 5)' \
	"$tmp/stats.json" >/dev/null || fail "the counts do not add up: $(cat "$tmp/stats.json")"
near "counts in text and JSON" "$("$WICK" dump stats -d 100ms | wc -l)" "$(jq length "$tmp/stats.json")" 0

# system: some facts that others know.
"$WICK" dump system --json >"$tmp/system.json"
jq -e --arg kernel "$(uname -r)" 'any(.[]; .value | contains($kernel))' "$tmp/system.json" >/dev/null ||
	fail "the kernel's version is not among the facts"

# --debug explains: how long, what, how much.
"$WICK" record -a -d 300ms --debug -o "$tmp/debug.pb.gz" 2>"$tmp/debug"
grep -q 'debug: .*processes known' "$tmp/debug" || fail "--debug says nothing"
