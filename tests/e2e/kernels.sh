#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Debian's 6.1 and 6.12 kernels, booted in QEMU without KVM: the program is accepted, with fewer than
# 60,000 verified instructions, and user stacks are whole there. Rates and times mean nothing there.
#
# The kernels come by apt-get download and stay in BUILD/kernels. WICK_SKIP_QEMU=1 leaves this out, but
# not under CI=true.
. "$(dirname "$0")/lib.sh"

if [ -n "${WICK_SKIP_QEMU:-}" ]; then
	[ "${CI:-}" = true ] || skip "WICK_SKIP_QEMU is set"
	echo "CI=true: WICK_SKIP_QEMU has no effect"
fi
[ "$(uname -m)" = x86_64 ] || skip "knows kernels for x86-64 only"
for program in qemu-system-x86_64 cpio apt-get dpkg-deb; do
	command -v "$program" >/dev/null || skip "needs $program"
done
busybox=$(command -v busybox) && ! ldd "$busybox" >/dev/null 2>&1 || skip "needs busybox-static"
[ -x "$WICK" ] || fail "no program at $WICK: build it first"

kernels=$BUILD/kernels
fixtures=(chain_fp chain_nofp chain_static deep_nofp libcalls_nofp altstack_nofp threads_nofp)
verified_limit=60000
boot_limit=250 # seconds, where 30 are usual; ends a guest that hangs

# The package that a meta package stands for, this month.
package_of()
{
	apt-cache depends "$1" 2>/dev/null | awk '/Depends: linux-image-/ { print $2; exit }'
}

# fetch META: its kernel in $kernels/META. Without a network the one of the last time will do.
fetch()
{
	local package dir=$kernels/$1 new

	package=$(package_of "$1")
	[ -n "$package" ] || { apt-get update -qq && package=$(package_of "$1"); } || true
	[ -e "$dir/vmlinuz" ] && { [ -z "$package" ] || [ "$package" = "$(cat "$dir/package")" ]; } && return
	new=$(mktemp -d "$tmp/kernel.XXXXXX")
	if (cd "$new" && apt-get download -qq "$package" 2>&1 && dpkg-deb --fsys-tarfile ./*.deb |
		tar -x --wildcards './boot/vmlinuz-*') >"$tmp/fetch.log" 2>&1; then
		mkdir -p "$dir"
		mv "$new"/boot/vmlinuz-* "$dir/vmlinuz"
		echo "$package" >"$dir/package"
	fi
	[ -e "$dir/vmlinuz" ] || { cat "$tmp/fetch.log"; fail "cannot fetch the kernel of $1"; }
}

# with_libraries FILE..: the files, and the libraries that they are linked with.
with_libraries()
{
	printf '%s\n' "$@"
	{ ldd "$@" 2>/dev/null || true; } | grep -o '/[^ ]*' | sed 's/:$//'
}

make_initramfs()
{
	local root=$tmp/root file

	mkdir -p "$root"/{bin,proc,sys,dev,tmp,run,etc,results}
	cp "$busybox" "$root/bin/busybox"
	cp "$tree/tests/e2e/kernels.init" "$root/init"
	echo 'root:x:0:0:root:/:/bin/sh' >"$root/etc/passwd"
	with_libraries "$WICK" "${fixtures[@]/#/$FIXTURES/}" | sort -u | while read -r file; do
		case $file in
		"$BUILD"/*) cp "$file" "$root/bin/" ;;
		*) mkdir -p "$root${file%/*}" && cp -L "$file" "$root$file" ;;
		esac
	done
	(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$tmp/initramfs.gz"
}

# boot META: runs kernels.init there; what it left is in $tmp/META.
boot()
{
	local out=$tmp/$1

	mkdir "$out"
	timeout -k 5 "$boot_limit" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -m 1024 -smp 2 \
		-display none -no-reboot -nodefaults -serial "file:$out/console" \
		-serial "file:$out/results" -kernel "$kernels/$1/vmlinuz" -initrd "$tmp/initramfs.gz" \
		-append "console=ttyS0 quiet panic=-1 rdinit=/init" 2>"$out/qemu.log" ||
		{ tail -n 40 "$out/console" "$out/qemu.log"; fail "$1: the guest did not end by itself"; }
	tr -d '\r' <"$out/console" | grep -v '^$'
	tr -d '\r' <"$out/results" | base64 -d 2>/dev/null | tar -C "$out" -x ||
		fail "$1: the guest left no results"
	grep -q '^all done' "$out/console" || fail "$1: not all was done"
}

# The same checks as on this machine's kernel.
check()
{
	local out=$tmp/$1 verified n=0 chain
	chain=$(printf 'step_%d ' {1..12})

	while read -r verified; do
		echo "$1: $verified verified instructions"
		((verified < verified_limit)) || fail "$1: not fewer than $verified_limit"
		n=$((n + 1))
	done < <(sort -nu "$out/verified")
	((n > 0)) || fail "$1: the kernel told of no program"
	mostly_complete "$out/stacks.pb.gz" 99.5
	folded "$out/stacks.pb.gz" "$out/stacks.folded"
	local samples=50 # few, so that one in a caller's own code must not be the end
	for variant in fp nofp static; do
		whole "$out/stacks.folded" "chain_$variant" "START main | $chain"
	done
	whole "$out/stacks.folded" deep_nofp "START main recurse#{300} bottom" "START main recurse#*"
	whole "$out/stacks.folded" altstack_nofp "START main | outer interrupted" \
		"START main outer interrupted .* | handler in_handler"
	whole "$out/stacks.folded" threads_nofp "THREAD | worker_[1-8] labour" "START main ANY"
	ledger_exact "$out/calls.pb.gz"
	folded "$out/calls.pb.gz" "$out/calls.folded"
	whole "$out/calls.folded" libcalls_nofp "START main" "START main do_(read|getppid|stat|pipe) ANY"
	at_least "system calls under their callers" "$(folded_count "$out/calls.folded" \
		';main;do_read;[^;]*read;.*(do_syscall_64|entry_SYSCALL)')" 10
}

mkdir -p "$kernels"
make_initramfs
for meta in linux-image-cloud-amd64 linux-image-6.12-cloud-amd64; do
	fetch "$meta"
	echo "== $(cat "$kernels/$meta/package")"
	boot "$meta"
	check "$meta"
done
