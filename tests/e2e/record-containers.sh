#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Containers (mount, pid and user namespaces, chroot, overlays that share a lower directory) where one path is
# another C library and another library each time; seen from the host, and by a wick that has a root directory
# of its own and the host's pids.
. "$(dirname "$0")/lib.sh"
need_bpf
unshare --mount --pid --fork true 2>/dev/null || skip "namespaces are not allowed here"
libc=/lib/x86_64-linux-gnu/libc.so.6

# copy DIRECTORY PROGRAM..: with the libraries they need, at the same paths.
copy()
{
	local file

	for file in "${@:2}" $(ldd "${@:2}" | grep -o '/[^ :)]*' | sort -u); do
		mkdir -p "$1$(dirname "$file")"
		cp -L "$file" "$1$file"
	done
}

# The same lower directory for all. Upper ones: a, c have nothing, b has another library of its name; b, m too.
base=$tmp/base
mkdir -p "$base"/{bin,lib,proc} "$tmp"/{a,b,c,m,w}/{upper/bin,upper/lib,work,root}
cp "$FIXTURES/mapper_nofp" "$base/bin/mapper"
cp "$FIXTURES/libcalls_nofp" "$base/bin/calls"
mkdir "$base/dev"
cp -a /dev/zero "$base/dev/zero"
copy "$base" "$FIXTURES/mapper_nofp" "$FIXTURES/libcalls_nofp"
cp "$FIXTURES/libplugin1.so" "$base/lib/plugin.so"
cp "$FIXTURES/libbare1.so" "$base/lib/bare.so"
cp "$FIXTURES/libplugin2.so" "$tmp/b/upper/lib/plugin.so"
cp "$FIXTURES/libbare2.so" "$tmp/b/upper/lib/bare.so"
# musl is its own loader, so it can stand where the other C library does.
musl=
if [ -x "$FIXTURES/libcalls_musl" ]; then
	musl=$(readlink -f /lib/ld-musl-x86_64.so.1)
	mkdir -p "$tmp/m/upper$(dirname $libc)"
	install "$musl" "$tmp/m/upper$libc"
	cp "$FIXTURES/libcalls_musl" "$tmp/m/upper/bin/calls"
fi

# contain NAME UNSHARE-OPTIONS -- PROGRAM ARG..: runs it in there; its pid in $pid.
contain()
{
	local name=$1 options=() outer inside

	shift
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	inside='mount -t overlay none -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root" || exit 77
		exec chroot "$2/root" "${@:3}"'
	unshare --mount --pid --fork --kill-child "${options[@]}" \
		bash -c "$inside" inside "$base" "$tmp/$name" "${@:2}" >"$tmp/$name.out" & outer=$!
	children+=("$outer")
	until grep -q '^ready' "$tmp/$name.out"; do
		kill -0 "$outer" 2>/dev/null || { wait "$outer" || [ $? != 77 ] || skip "no overlay file systems here"
			fail "container $name has ended"; }
		sleep 0.05
	done
	pid=$(pgrep -P "$outer")
	pids+=("$pid")
}

pids=()
contain a -- /bin/mapper 600 /lib/plugin.so /lib/bare.so
a=$pid
contain b --user --map-root-user -- /bin/mapper 600 /lib/plugin.so /lib/bare.so
b=$pid
contain c -- /bin/calls 600
c=$pid
if [ -n "$musl" ]; then
	contain m -- /bin/calls 600
	m=$pid
fi

# samples PID CONDITION: for which any frame meets it.
samples()
{
	jq --argjson pid "$1" "[.samples[] | select(any(.labels[]; .key == \"pid\" and .number == \$pid)) |
		select(any(.frames[]; $2)) | .values[0]] | add // 0" "$tmp/dump.json"
}

# in_libc PID FILE FUNCTION: the share of the process's samples in the function that have their address within
# what the symbol table of that very file says of it.
in_libc()
{
	local value size all

	read -r value size < <(readelf --dyn-syms -W "$2" | awk -v name="$3" '$4 == "FUNC" && ($8 == name ||
		index($8, name "@") == 1) { print $2, $3; exit }')
	jq --argjson pid "$1" --arg name "$3" --argjson from $((0x$value)) --argjson to $((0x$value + size)) '
		def hex: reduce (ltrimstr("0x") | explode[]) as $d (0; . * 16 + (if $d > 57 then $d - 87 else $d - 48 end));
		[.samples[] | select(any(.labels[]; .key == "pid" and .number == $pid)) | .values[0] as $n |
		.frames[] | select(.name == $name) | [$n, (.address | hex | . >= $from and . < $to)]]
		| [map(.[0]), map(select(.[1])[0])] | map(add // 0) | "\(.[0]) \(.[1])"' -r "$tmp/dump.json"
}

# told FILE: all is named by what each container has mapped, under its path there or as wick sees it.
told()
{
	local number other all right

	ledger_exact "$1" >/dev/null
	"$WICK" dump profile "$1" --json >"$tmp/dump.json"
	for process in "$a 1" "$b 2"; do
		read -r process number <<<"$process"
		other=$((3 - number))
		for file in plugin bare; do
			at_least "process $process: in $file $number" "$(samples "$process" \
				".name == \"plugin_inner_$number\" and (.module | endswith(\"/lib/$file.so\"))")" 50
		done
		near "process $process: in the other's" "$(samples "$process" ".name == \"plugin_inner_$other\"")" 0 0
	done
	for process in "$c $base$libc" ${musl:+"$m $musl"}; do
		read -r process file <<<"$process"
		for function in getppid read; do
			read -r all right <<<"$(in_libc "$process" "$file" $function)"
			at_least "process $process: in $function" "$all" 5
			near "process $process: in $function of $file" "$right" "$all" 0
		done
	done
	for process in "${pids[@]}"; do
		near "process $process without its number inside, 1" "$(jq --argjson pid "$process" '[.samples[].labels |
			select(any(.key == "pid" and .number == $pid)) |
			select(any(.key == "nspid" and .number == 1) | not)] | length' "$tmp/dump.json")" 0 0
	done
}

record -a -F 999 --comm mapper,calls -o "$tmp/host.pb.gz"
until_each_cpu 0.4 "${pids[@]}"
finish
told "$tmp/host.pb.gz"

# wick in a root directory of its own, where the same paths are something else again, or nothing.
copy "$tmp/w/root" "$WICK"
cp "$WICK" "$tmp/w/root/wick"
mkdir -p "$tmp/w/root"/{proc,sys,tmp,lib,dev}
cp -a /dev/null "$tmp/w/root/dev/null"
cp "$FIXTURES/libplugin3.so" "$tmp/w/root/lib/plugin.so"
foreground unshare --mount bash -c 'mount --bind /proc "$1/proc" && mount --rbind /sys "$1/sys" && exec chroot "$1" \
	/wick record -a -F 999 --comm mapper,calls -o /tmp/out.pb.gz' inside "$tmp/w/root" 2>"$tmp/wick.err" & wick=$!
children+=("$wick")
wait_until attached "$wick"
until_each_cpu 0.4 "${pids[@]}"
finish
mv "$tmp/w/root/tmp/out.pb.gz" "$tmp/chroot.pb.gz"
told "$tmp/chroot.pb.gz"
