#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Files deleted, replaced and copied over under a running process, in containers under one path, without any
# path: names are of what is mapped. What cannot be known says so.
. "$(dirname "$0")/lib.sh"
need_bpf
mapper=$FIXTURES/mapper_fp

# inner FILE PROCESS NUMBER: samples of the process in plugin_inner_NUMBER.
inner()
{
	jq --argjson pid "$2" --arg name "plugin_inner_$3" '[.samples[] |
		select(any(.labels[]; .key == "pid" and .number == $pid)) |
		select(any(.frames[]; .name == $name)) | .values[0]] | add // 0' "$1"
}
dump()
{
	ledger_exact "$1" >/dev/null
	"$WICK" dump profile "$1" --json >"$tmp/dump.json"
}

# Deleted: program and library. Replaced by rename, in mid-run: first the one, then the other; with a build
# id, and with nothing but the inode.
mkdir "$tmp/gone"
cp "$FIXTURES/burn_fp" "$tmp/gone/burn"
"$tmp/gone/burn" 600 >/dev/null & deleted=$!
children+=("$deleted")
for kind in plugin bare; do
	cp "$FIXTURES/lib${kind}1.so" "$tmp/gone/$kind.so"
	start mapper_fp 600 "$tmp/gone/$kind.so"
	eval "$kind=$pid"
done
wait_until test "/proc/$deleted/exe" -ef "$tmp/gone/burn"
rm "$tmp/gone/burn"
cp "$FIXTURES/syscalls_fp" "$tmp/gone/burn" # another file of that name
record --comm mapper_fp,burn -F 999 -o "$tmp/gone.pb.gz"
until_cpu "$plugin" 0.2
until_cpu "$bare" 0.2
for kind in plugin bare; do
	cp "$FIXTURES/lib${kind}2.so" "$tmp/gone/new.so"
	mv "$tmp/gone/new.so" "$tmp/gone/$kind.so"
done
until_cpu "$plugin" 0.2
until_cpu "$bare" 0.2
until_cpu "$deleted" 0.1
finish
dump "$tmp/gone.pb.gz"
for kind in plugin bare; do
	for number in 1 2; do
		at_least "$kind $number, replaced while it ran" "$(inner "$tmp/dump.json" "${!kind}" $number)" 100
	done
	kill -KILL "${!kind}"
done
folded "$tmp/gone.pb.gz" "$tmp/gone.folded"
kill -KILL "$deleted"
at_least "of a deleted program" "$(folded_count "$tmp/gone.folded" '^burn;.*;main;cycle')" 100
near "of the new file of its name" "$(folded_count "$tmp/gone.folded" '^burn;.*(syscalls|do_read|do_getpid)')" 0 0

# Truncated while mapped: what is not touched goes on, and so does wick.
cp "$FIXTURES/libplugin1.so" "$tmp/gone/cut.so"
"$FIXTURES/burn_fp" 600 >/dev/null & burn=$!
children+=("$burn")
LD_PRELOAD=$tmp/gone/cut.so "$FIXTURES/lives_fp" anon >"$tmp/cut.out" & cut=$!
children+=("$cut")
wait_until grep -q '^ready' "$tmp/cut.out"
until_cpu "$cut" 0.05
grep -q cut.so "/proc/$cut/maps" || fail "the library is not mapped"
: >"$tmp/gone/cut.so"
"$FIXTURES/lives_fp" memfd "$FIXTURES/burn_fp" 600 >/dev/null & memfd=$!
children+=("$memfd")
record -p "$burn,$memfd,$cut" -F 999 -o "$tmp/cut.pb.gz"
until_cpu "$burn" 0.2
until_cpu "$memfd" 0.2
until_cpu "$cut" 0.1
finish
dump "$tmp/cut.pb.gz"
frames()
{
	jq --argjson pid "$1" "[.samples[] | select(any(.labels[]; .key == \"pid\" and .number == \$pid)) |
		select(any(.frames[]; $2)) | .values[0]] | add // 0" "$tmp/dump.json"
}
at_least "beside a truncated file" "$(frames "$burn" '.name == "cycle"')" 100
at_least "of a program without a path" "$(frames "$memfd" '.name == "cycle"')" 100
at_least "of anonymous memory, named so" "$(frames "$cut" '.name | startswith("[anon]")')" 50
kill -KILL "$burn" "$memfd" "$cut"

# The file is gone and so is its process: no name, a reason, and no other file's name.
cp "$FIXTURES/life_a" "$tmp/gone/brief"
record --comm brief -F 4999 -o "$tmp/brief.pb.gz"
"$tmp/gone/brief" 300 & brief=$!
wait_until test "/proc/$brief/exe" -ef "$tmp/gone/brief"
rm "$tmp/gone/brief"
cp "$FIXTURES/life_b" "$tmp/gone/brief"
wait "$brief" || true
finish
folded "$tmp/brief.pb.gz" "$tmp/brief.folded"
near "of a file that came in place of one that was run" "$(folded_count "$tmp/brief.folded" '^brief;.*work_b')" 0 0
at_least "of the one that was run" "$(folded_count "$tmp/brief.folded" '^brief;.*(work_a|brief\+0x)')" 500

# Written over in place: the same inode, other contents; with a build id and without. The code stays as it is,
# or its process would not go on; names tell what is what. Mapped before wick came, and while it watches:
# names of before. Mapped afterwards: the new ones. Written over before its first sample: no names.
over() # KIND NAME
{
	cmp -s <(readelf -lW "$FIXTURES/lib${1}1.so") <(readelf -lW "$FIXTURES/librenamed_${1}1.so") ||
		skip "the compiler lays out the same code in two ways"
	dd if="$FIXTURES/librenamed_${1}1.so" of="$tmp/over/$2.so" conv=notrunc status=none
}
library() # FILE [stop]: runs it; its pid in $pid
{
	rm -f "$1.out"
	"$FIXTURES/lives_nofp" library "$@" >"$1.out" & pid=$!
	children+=("$pid")
	wait_until grep -q '^loaded' "$1.out"
}
mkdir "$tmp/over"
for kind in plugin bare; do
	cp "$FIXTURES/lib${kind}1.so" "$tmp/over/$kind.so"
	library "$tmp/over/$kind.so"
	eval "${kind}_old=$pid"
done
cp "$FIXTURES/libbare1.so" "$tmp/over/late.so"
record --comm lives_nofp -F 999 -o "$tmp/over.pb.gz"
for kind in plugin bare; do
	library "$tmp/over/$kind.so"
	eval "${kind}_mid=$pid"
done
library "$tmp/over/late.so" stop
late=$pid
until_each_cpu 0.3 "$plugin_old" "$plugin_mid" "$bare_old" "$bare_mid"
over bare late
kill -CONT "$late"
for kind in plugin bare; do
	over $kind $kind
	library "$tmp/over/$kind.so"
	eval "${kind}_new=$pid"
done
until_each_cpu 0.3 "$plugin_old" "$plugin_mid" "$plugin_new" "$bare_old" "$bare_mid" "$bare_new"
until_cpu "$late" 0.2
"$WICK" dump proc "$plugin_old" --json >"$tmp/proc.json"
near "mapped files written to since the process started" "$(jq -r '[.mappings[] |
	select(.is_written_since_start).path] | unique | join(" ")' "$tmp/proc.json" |
	grep -cxF "$tmp/over/plugin.so")" 1 0
finish
dump "$tmp/over.pb.gz"
# Where records were lost, mappings are read anew, and a file that is mapped looks the same to all.
grep -q 'process records were lost' "$tmp/wick.err" && lost=1 || lost=
[ -z "$lost" ] || echo "process records were lost: who had which contents mapped is not known"
for kind in plugin bare; do
	for when in old mid new; do
		[ -z "$lost" ] || continue
		process=${kind}_$when
		number=$([ $when = new ] && echo 9 || echo 1) other=$([ $when = new ] && echo 1 || echo 9)
		at_least "$kind, mapped when it was $when: its name" \
			"$(inner "$tmp/dump.json" "${!process}" $number)" 100
		near "$kind, mapped when it was $when: the other's" \
			"$(inner "$tmp/dump.json" "${!process}" $other)" 0 0
	done
	process=${kind}_old mid=${kind}_mid new=${kind}_new
	kill -KILL "${!process}" "${!mid}" "${!new}"
	"$WICK" report "$tmp/over.pb.gz" >"$tmp/report"
	grep -q "comment *replaced in place: $tmp/over/$kind.so: " "$tmp/report" || fail "$kind: not told of"
done
if [ -z "$lost" ]; then
	near "written over before its first sample: names" \
		"$(($(inner "$tmp/dump.json" "$late" 1) + $(inner "$tmp/dump.json" "$late" 9)))" 0 0
	at_least "of it without names" "$(frames "$late" '.name | startswith("late.so+0x")')" 100
	grep -q "no names: $tmp/over/late.so: it was replaced in place after it was mapped" "$tmp/report" ||
		fail "late: not told of"
fi
kill -KILL "$late"
grep -q 'was replaced in place' "$tmp/wick.err" || fail "nothing is said of it"
at_least "files replaced in place, in the ledger" "$(jq .ledger.replaced "$tmp/report.json")" 2

# Text in anonymous memory in its own place: copied or moved there (for huge pages), before wick came and while
# it watches. What is not the same is not taken for it. The same in a page of the kernel's reserve, if it can
# set two aside.
hows='copy move other'
reserve=/proc/sys/vm/nr_hugepages
reserved=$(cat "$reserve")
at_exit+=('echo "$reserved" >"$reserve"')
echo $((reserved + 2)) >"$reserve" || true
if [ "$(awk '/^HugePages_Free:/ { print $2 }' /proc/meminfo)" -ge 2 ]; then
	hows+=' hugetlb'
else
	echo "text in pages of hugetlbfs is not tried: the kernel has no two to spare"
fi
huge() # HOW: its pid in $pid
{
	if [ "$1" = hugetlb ]; then
		"$FIXTURES/hugetlb_nofp" 600 >"$tmp/huge.out" &
	else
		"$FIXTURES/lives_nofp" huge "$1" >"$tmp/huge.out" &
	fi
	pid=$!
	children+=("$pid")
}
for how in $hows; do
	huge $how
	eval "${how}_old=$pid"
done
record --comm lives_nofp,hugetlb_nofp -F 999 -o "$tmp/huge.pb.gz"
for how in $hows; do
	huge $how
	eval "${how}_new=$pid"
done
until_each_cpu 0.3 "$copy_old" "$copy_new" "$move_old" "$move_new" "$other_old" "$other_new" \
	${hugetlb_old:-} ${hugetlb_new:-}
for how in $hows; do
	process=${how}_old
	"$WICK" dump proc "${!process}" --json >"$tmp/proc.json"
	near "$how: mappings that are copies of text" \
		"$(jq '[.mappings[] | select(.is_copy)] | length' "$tmp/proc.json")" \
		"$([ $how = other ] && echo 0 || echo 1)" 0
done
finish
dump "$tmp/huge.pb.gz"
for process in "$copy_old" "$copy_new" "$move_old" "$move_new" ${hugetlb_old:-} ${hugetlb_new:-}; do
	# From the time on when its unwind tables were there.
	jq --argjson pid "$process" '[.samples[] | select(any(.labels[]; .key == "pid" and .number == $pid)) |
		select(any(.labels[]; .key == "cut" and .string == "no_tables") | not)]' "$tmp/dump.json" >"$tmp/known"
	all=$(jq 'map(.values[0]) | add // 0' "$tmp/known")
	at_least "in text that was copied, samples" "$all" 150
	at_least "of them with the whole stack, %" "$(percent "$(jq 'map(select([.frames[].name] |
		index("huge_inner") and index("huge_outer") and index("main") and index("_start")) |
		.values[0]) | add // 0' "$tmp/known")" "$all")" 95
done
for process in "$other_old" "$other_new"; do
	near "named as text that it is not" "$(frames "$process" '.name | startswith("huge_")')" 0 0
	at_least "named as what it is" "$(frames "$process" '.name | startswith("[anon]")')" 150
done
kill -KILL "$copy_old" "$copy_new" "$move_old" "$move_new" "$other_old" "$other_new" ${hugetlb_old:-} ${hugetlb_new:-}
if command -v node >/dev/null && grep -q . /sys/kernel/mm/transparent_hugepage/enabled &&
	node --use-largepages=on -e 0 2>"$tmp/node.err" && [ ! -s "$tmp/node.err" ]; then
	node --use-largepages=on -e 'for (;;) JSON.stringify(process.versions)' & pid=$!
	children+=("$pid")
	wait_until eval "awk '\$2 ~ /x/ && \$5 == 0 && \$6 == \"\" { n++ } END { exit !n }' /proc/$pid/maps"
	until_cpu "$pid" 0.5
	record -p "$pid" -F 999 -o "$tmp/node.pb.gz"
	until_cpu "$pid" 1
	finish
	kill -KILL "$pid"
	dump "$tmp/node.pb.gz"
	at_least "node with its text in huge pages: of its own names, %" "$(percent \
		"$(frames "$pid" '.name | test("JsonStringify|JsonStringifier")')" "$(frames "$pid" true)")" 60
fi

# Two containers (mount and pid namespaces, chroot, overlay where there is one) with different libraries of
# one path; a third name of it is the host's.
mkdir "$tmp/a" "$tmp/b"
for root in a b; do
	number=$([ $root = a ] && echo 2 || echo 3)
	mkdir -p "$tmp/$root"/{lower,upper,work,root}
	inside='mount -t overlay none -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" "$1/root" 2>/dev/null ||
		mount --bind "$1/lower" "$1/root"
		exec chroot "$1/root" /bin/mapper 600 /lib/the.so'
	mkdir -p "$tmp/$root/lower"/{bin,lib}
	cp "$mapper" "$tmp/$root/lower/bin/mapper"
	cp "$FIXTURES/libplugin$number.so" "$tmp/$root/lower/lib/the.so"
	ldd "$mapper" | grep -o '/[^ ]*' | while read -r file; do
		mkdir -p "$tmp/$root/lower$(dirname "$file")"
		cp "$file" "$tmp/$root/lower$file"
	done
	unshare --mount --pid --fork --kill-child bash -c "$inside" inside "$tmp/$root" >"$tmp/$root.out" & outer=$!
	children+=("$outer")
	wait_until grep -q '^ready 1$' "$tmp/$root.out"
	eval "$root=\$(pgrep -P $outer)"
done
record --comm mapper -F 999 -o "$tmp/containers.pb.gz"
until_cpu "$a" 0.3
until_cpu "$b" 0.3
finish
dump "$tmp/containers.pb.gz"
at_least "a: its own library" "$(inner "$tmp/dump.json" "$a" 2)" 150
at_least "b: its own library" "$(inner "$tmp/dump.json" "$b" 3)" 150
near "a: b's" "$(inner "$tmp/dump.json" "$a" 3)" 0 0
near "b: a's" "$(inner "$tmp/dump.json" "$b" 2)" 0 0
for process in "$a" "$b"; do
	near "the container's pid" "$(jq --argjson pid "$process" '[.samples[].labels |
		select(any(.key == "pid" and .number == $pid)) | select(any(.key == "nspid" and .number == 1) | not)] |
		length' "$tmp/dump.json")" 0 0
done
