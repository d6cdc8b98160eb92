#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Unwind rows of the system's libraries against readelf's own reading of the same CFI: no difference.
. "$(dirname "$0")/lib.sh"
for tool in readelf python3; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done

files=()
for file in /lib64/ld-linux-x86-64.so.2 \
	/usr/lib/x86_64-linux-gnu/{libc.so.6,libm.so.6,libstdc++.so.6,libcrypto.so.3,libssl.so.3} \
	/usr/lib/x86_64-linux-gnu/{libgcrypt.so.20,libgnutls.so.30,libitm.so.1,libz.so.1,libelf.so.1} \
	/usr/lib/x86_64-linux-gnu/{libgcc_s.so.1,libLLVM-14.so.1} \
	/usr/bin/{bash,python3,git,perl,node,jq,gdb,ld,gcc-12} /usr/lib/chromium/chromium \
	/usr/lib/jvm/*/lib/server/libjvm.so /usr/aarch64-linux-gnu/lib/libc.so.6 \
	"$BUILD/wick" "$BUILD"/tests/unit/elf/{pie,nopie,static,lld,together}.elf; do
	[ -r "$file" ] || continue
	file=$(readlink -f "$file")
	[[ " ${files[*]} " = *" $file "* ]] || files+=("$file")
done
[ "${#files[@]}" -ge 8 ] || fail "only ${#files[@]} of the files are here"
python3 "$tree/tests/e2e/unwind_readelf.py" "$WICK" "${files[@]}" || fail "rows differ"
