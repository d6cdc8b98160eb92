#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Functions, inlined calls and lines of generated programs, by every compiler and in every form, are those
# that llvm-symbolizer tells (addr2line, where llvm-symbolizer cannot read the form).
. "$(dirname "$0")/lib.sh"
for tool in g++ clang++ llvm-symbolizer addr2line nm objcopy python3; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done
differ=$tree/tests/symbols/differ
cd "$tmp"
for unit in a b; do
	for language in c c++; do
		"$tree/tests/symbols/generate" $language $unit >"$unit.${language/++/pp}"
	done
done

# build NAME COMPILER FLAG..
build()
{
	local name=$1 compiler=$2 suffix=c
	[[ $compiler != *++ ]] || suffix=cpp
	"$compiler" -w "${@:3}" "a.$suffix" "b.$suffix" -o "$name" || fail "cannot build $name"
}

# compare NAME [DIFFER-ARGUMENT..]
compare()
{
	"$differ" "$WICK" "$@" || fail "$1 differs"
}

for compiler in g++ clang++; do
	for dwarf in 4 5; do
		for level in -O0 -O2; do
			name=$compiler-$dwarf$level
			build "$name" "$compiler" -g -gdwarf-$dwarf $level
			compare "$name" --count 3000
		done
	done
done
for compiler in gcc clang; do
	build $compiler "$compiler" -g -O2
	compare $compiler --count 3000
done
build g++-lto g++ -g -O2 -flto
compare g++-lto --count 3000
build g++-old g++ -g -gdwarf-3 -O2 -fno-pie -no-pie
compare g++-old --count 3000
build clang++-lld clang++ -g -O2 -fuse-ld=lld -ffunction-sections -Wl,--gc-sections
compare clang++-lld --count 3000
build g++-ranges g++ -g -O2 -ffunction-sections -Wl,--gc-sections -Wl,-z,separate-code
compare g++-ranges --count 3000
build g++-types g++ -g -O2 -fdebug-types-section
compare g++-types --count 3000
if [[ $(gcc -dumpmachine) == x86_64* ]]; then
	build g++-64 g++ -g -gdwarf64 -gdwarf-5 -O2
	compare g++-64 --count 3000
fi

# Compressed sections: zstd is more than llvm-symbolizer 14 and addr2line may be able to read, so that
# the oracle gets the file as it was.
for kind in zlib zlib-gnu zstd; do
	objcopy --compress-debug-sections=$kind g++-5-O2 packed-$kind 2>/dev/null ||
		{ echo "objcopy cannot make $kind"; continue; }
	cmp -s g++-5-O2 packed-$kind && fail "$kind: not packed"
	compare packed-$kind --count 2000 --oracle-file g++-5-O2
done
# It names what has no name after the symbol around it.
compare g++-5-O2 --count 2000 --oracle addr2line --judge depth,lines,files
