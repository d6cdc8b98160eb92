#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs whose files mean harm, and processes whose perf maps do, are recorded beside sound ones: those keep
# their names, what is refused is told by its reason, and the sampler grows by 5 MB at most, compared with the
# same processes of sound files and maps.
. "$(dirname "$0")/lib.sh"
need_bpf
command -v python3 >/dev/null || skip "needs python3"

mkdir "$tmp/sound"
"$tree/tests/symbols/hostile" "$tmp/hostile"
mkfifo "$tmp/hostile/fifo" # which is a debug file, by a link
for file in "$tmp"/hostile/*; do
	[ -f "$file" ] || continue
	cp "$tmp/hostile/sound" "$tmp/sound/${file##*/}"
	[ -x "$file" ] || chmod a-x "$tmp/sound/${file##*/}"
done
maps=(sound fifo symlink hardlink other-owner gigabyte growing)
refused=(fifo symlink hardlink other-owner)

# map_of PID NAME: its one function, as a line.
map_of()
{
	echo "$(awk '/^[0-9a-f-]* rwxp 00000000 00:00 0 *$/ { print substr($1, 1, index($1, "-") - 1) }' \
		"/proc/$1/maps") 1000 jit_$2"
}

# write_map HOW PID LINE
write_map()
{
	local map=/tmp/perf-$2.map

	at_exit+=("rm -f $map")
	echo "$3" >"$tmp/map.$2"
	case $1 in
	fifo) mkfifo "$map" ;;
	symlink) ln -s "$tmp/map.$2" "$map" ;;
	hardlink)
		cp "$tmp/map.$2" "$map"
		ln "$map" "$map.other"
		at_exit+=("rm -f $map.other")
		;;
	*) cp "$tmp/map.$2" "$map" ;;
	esac
	case $1 in
	other-owner) chown 12345 "$map" ;;
	gigabyte)
		python3 -c 'import sys; sys.stdout.write(("10 10 " + "x" * 93 + "\n") * 180000)' >>"$map"
		truncate -s 1G "$map"
		;;
	growing)
		python3 - "$map" <<-'P' &
			import sys, time
			with open(sys.argv[1], "a", buffering=1 << 16) as file:
			    for i in range(600):
			        file.write("20 10 more\n" * 10000)
			        time.sleep(0.02)
		P
		children+=($!)
		;;
	esac
}

# run KIND: all the programs, and what has a perf map, of that kind; their pids in $pids, those of the latter
# in $mapped.
run()
{
	local name file

	pids=() mapped=()
	for file in "$tmp/$1"/*; do
		[ -f "$file" ] && [ -x "$file" ] || continue
		nice -n 19 "$file" & pids+=($!)
	done
	nice -n 19 "$FIXTURES/lives_fp" mapped "$tmp/$1"/torn-* >"$tmp/torn.out" & pids+=($!)
	nice -n 19 "$FIXTURES/burn_fp" 600 >"$tmp/burn.out" & pids+=($!)
	for name in "${maps[@]}"; do
		nice -n 19 "$FIXTURES/lives_fp" anon >"$tmp/$name.out" & pids+=($!)
		mapped+=($!)
	done
	children+=("${pids[@]}")
	for name in torn burn "${maps[@]}"; do
		wait_until grep -q '^ready' "$tmp/$name.out"
	done
	for i in "${!maps[@]}"; do
		wait_until grep -q ' rwxp 00000000 00:00 0 *$' "/proc/${mapped[i]}/maps"
		[ "$1" = sound ] && name=sound || name=${maps[i]}
		write_map "$name" "${mapped[i]}" "$(map_of "${mapped[i]}" "${maps[i]}")"
	done
}

# take KIND: records all that; the sampler's greatest resident size in KB, while it lives, in $peak.
take()
{
	local now deadline=$((SECONDS + 120)) # there to end a test that hangs

	run "$1"
	foreground "$WICK" record --user -p "$(IFS=, && echo "${pids[*]}")" -F 999 -d 4 -o "$tmp/$1.pb.gz" \
		2>"$tmp/wick.err" &
	wick=$!
	children+=("$wick")
	while now=$(awk '/^VmHWM/ { print $2 }' "/proc/$wick/status" 2>/dev/null) && [ -n "$now" ]; do
		peak=$now
		[ "$SECONDS" -lt "$deadline" ] || fail "$1: no end in 120 s"
		sleep 0.02
	done
	finish none
	kill -KILL "${pids[@]}"
	wait "${pids[@]}" 2>/dev/null || true
	ledger_exact "$tmp/$1.pb.gz"
	folded "$tmp/$1.pb.gz" "$tmp/$1.folded"
	"$WICK" dump profile "$tmp/$1.pb.gz" --json >"$tmp/$1.json"
	echo "$1: the sampler had $peak KB"
	# Each file that is named was read for the sampler; of the others it says why not.
	at_least "$1: programs whose files it asked for" "$(jq --arg in "$tmp/$1/" '[
		(.samples[].frames[] | select(.quality != "offset") | .module),
		(.comments[] | capture("^no (names|lines): (?<path>[^:]*): ").path)] |
		map(select(startswith($in))) | unique | length' "$tmp/$1.json")" 80
	at_least "$1: percent of another program with its names" "$(percent \
		"$(folded_count "$tmp/$1.folded" '^burn_fp;.*;main;cycle;(seventy|twenty|ten)$')" \
		"$(folded_count "$tmp/$1.folded" '^burn_fp;')")" 99
}

# named KIND PID NAME: percent of the samples in its code made at run time with that name.
named()
{
	jq --argjson pid "$2" --arg name "jit_$3" '[.samples[] | select(any(.labels[]; .key == "pid" and .number == $pid)) |
		{leaf: .frames[-1], ticks: .values[0]} | select(.leaf.module == "[jit]" or .leaf.module == "[anon]")] |
		100 * ([.[] | select(.leaf.name == $name).ticks] | add // 0) / ([.[].ticks] | add)' "$tmp/$1.json"
}

take sound
sound=$peak
for i in "${!maps[@]}"; do
	at_least "sound: percent of ${maps[i]} by its map" "$(named sound "${mapped[i]}" "${maps[i]}")" 99
done
near "sound: maps refused" "$(jq -r '.comments[]' "$tmp/sound.json" | grep -c 'perf maps' || true)" 0 0

take hostile
at_least "KB that it does not grow by, of 5 MB" $((sound + 5120 - peak)) 0
for i in "${!maps[@]}"; do
	want=100
	[[ " ${refused[*]} " != *" ${maps[i]} "* ]] || want=0
	near "hostile: percent of ${maps[i]} by its map" "$(named hostile "${mapped[i]}" "${maps[i]}")" $want 1
done
near "names of one process in another" "$(jq --arg in "$tmp/hostile/" '[.samples[].frames[] |
	select(.name == "victim" and (.module | startswith($in) | not))] | length' "$tmp/hostile.json")" 0 0
for reason in 'is no regular file' 'is a symbolic link' 'is a hard link' 'belongs to somebody else'; do
	near "maps refused: it $reason" "$(jq -r '.comments[]' "$tmp/hostile.json" |
		sed -n "s/^no names: \[anon\]: perf maps refused: \([0-9]*\): it $reason\$/\1/p")" 1 0
done
at_least "maps read in part" "$(jq -r '.comments[]' "$tmp/hostile.json" |
	sed -n 's/^perf maps read in part: \([0-9]*\): .*/\1/p')" 1
"$WICK" report "$tmp/hostile.pb.gz" | grep '^comment   no lines: .*zlib-bomb: its debug info is' >/dev/null ||
	fail "the bomb is not told of"
