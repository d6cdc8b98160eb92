#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Functions, inlined calls and lines of generated programs, by every compiler and in every form, are those
# that llvm-symbolizer tells. A program has the same code in all forms, so that it is asked about the plain one.
#
#	symbols-differential.sh                    some of each
#	symbols-differential.sh full [FILE DEBUG].. all: {gcc, clang, rustc} x {-O0, -O2, LTO} x DWARF {4, 5} x
#		{plain, split, package, dwz} x {none, zlib, zstd}, 10,000 addresses each, and these files
# Environment: CELLS, a pattern of the cells to run (COMPILER-DWARF-LEVEL, as rustc-5-O2).
. "$(dirname "$0")/lib.sh"
for tool in g++ clang++ llvm-symbolizer llvm-dwp dwz addr2line nm objcopy python3; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done
differ=$tree/tests/symbols/differ
cd "$tmp"
functions=12 # a unit
[ "${1:-}" != full ] || functions=40
for unit in a b; do
	for language in c c++; do
		"$tree/tests/symbols/generate" $language $unit $functions >"$unit.${language/++/pp}"
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

# packings DIRECTORY: copies of it with compressed debug info, program and split files
packings()
{
	local from=$1 kind file

	for kind in zlib zstd; do
		cp -r "$from" "$from-$kind"
		for file in "$from-$kind"/*; do
			case $file in
			*/program | *.dwo | *.dwp)
				objcopy --compress-debug-sections=$kind "$file" 2>/dev/null ;;
			esac
		done
	done
}

same_code()
{
	cmp -s <(objcopy -O binary -j .text "$1" /dev/stdout) <(objcopy -O binary -j .text "$2" /dev/stdout)
}

# compile DIRECTORY COMPILER DWARF LEVEL SPLIT
compile()
{
	local directory=$1 compiler=$2 flags=("-gdwarf-$3" "$4")

	mkdir -p "$directory"
	case $compiler in
	rustc)
		flags=(-g -C "dwarf-version=$3" -C codegen-units=2)
		case $4 in
		-O0) flags+=(-C opt-level=0) ;;
		-O2) flags+=(-C opt-level=2) ;;
		LTO) flags+=(-C opt-level=2 -C lto=fat) ;;
		esac
		case $5 in
		split) flags+=(-C split-debuginfo=unpacked) ;;
		package) flags+=(-C split-debuginfo=packed) ;;
		esac
		(cd "$directory" && rustc -A warnings "${flags[@]}" ../a.rs -o program)
		;;
	*)
		[ "$4" != LTO ] || flags=("-gdwarf-$3" -O2 -flto)
		[ "$5" = plain ] || flags+=(-gsplit-dwarf)
		(cd "$directory" && "$compiler" -w -g "${flags[@]}" -c ../a.cpp ../b.cpp &&
			"$compiler" -w -g "${flags[@]}" a.o b.o -o program && rm ./*.o)
		;;
	esac
}

# pack DIRECTORY DWARF: its split files become a package
pack()
{
	(cd "$1" && if [ "$2" = 4 ] && command -v dwp >/dev/null; then dwp -e program -o program.dwp; else
		timeout 30 llvm-dwp -e program -o program.dwp; fi) >/dev/null 2>&1 && rm "$1"/*.dwo
}

# cell COMPILER DWARF LEVEL COUNT: one program in all its forms
cell()
{
	local compiler=$1 dwarf=$2 level=$3 count=$4 name=$1-$2$3 form files=() left_out=

	[[ $name == ${CELLS:-*} ]] || return 0
	compile "$name" "$compiler" "$dwarf" "$level" plain || fail "cannot build $name"
	cp -r "$name" "$name-dwz"
	dwz "$name-dwz/program" 2>/dev/null || { left_out+=" dwz:refuses"; rm -r "$name-dwz"; }
	for form in split package; do
		[ "$compiler$level" != g++LTO ] || { left_out+=" $form:gcc-has-no-names"; continue; } # it says so itself
		compile "$name-$form" "$compiler" "$dwarf" "$level" $form >/dev/null 2>&1 ||
			{ left_out+=" $form:not-built"; rm -rf "$name-$form"; continue; }
		[ $form = split ] || [ $compiler = rustc ] || pack "$name-$form" "$dwarf" ||
			{ left_out+=" $form:packer-fails"; rm -r "$name-$form"; continue; }
		"$WICK" dump elf "$name-$form/program" | grep '^split.*units' >/dev/null ||
			{ left_out+=" $form:not-split"; rm -r "$name-$form"; continue; }
		same_code "$name/program" "$name-$form/program" && continue
		"$differ" "$WICK" "$name-$form/program" --count "$count" ||
			fail "$name-$form differs (as llvm-symbolizer reads it)"
		left_out+=" $form:packed:other-code"
		rm -r "$name-$form"
	done
	for form in "" -dwz -split -package; do
		[ ! -d "$name$form" ] || { packings "$name$form"; files+=("$name$form"{,-zlib,-zstd}/program); }
	done
	echo "== $name: ${#files[@]} forms${left_out:+; left out:$left_out}"
	"$differ" "$WICK" "${files[@]}" --count "$count" || fail "$name differs"
	rm -rf "$name" "$name"-[a-z]*
}

"$tree/tests/symbols/generate" rust a $functions >a.rs
compilers="g++ clang++"
if command -v rustc >/dev/null; then
	compilers+=" rustc"
else
	echo "no rustc here: its part is left out"
fi
if [ "${1:-}" = full ]; then
	for compiler in $compilers; do
		for dwarf in 4 5; do
			for level in -O0 -O2 LTO; do
				cell "$compiler" $dwarf $level 10000
			done
		done
	done
	shift
	while [ $# -ge 2 ]; do # FILE DEBUG: where llvm-symbolizer finds its debug info
		compare "$1" --count 10000 --oracle-file "$2"
		shift 2
	done
	exit 0
fi
for compiler in $compilers; do
	cell "$compiler" 5 -O2 1000
done
cell g++ 4 -O0 1000
for compiler in g++ clang++; do
	for dwarf in 4 5; do
		for level in -O0 -O2; do
			name=$compiler-$dwarf$level
			build "$name" "$compiler" -g -gdwarf-$dwarf $level
			compare "$name" --count 1000
		done
	done
done
for compiler in gcc clang; do
	build $compiler "$compiler" -g -O2
	compare $compiler --count 1000
done
build g++-lto g++ -g -O2 -flto
compare g++-lto --count 1000
build g++-old g++ -g -gdwarf-3 -O2 -fno-pie -no-pie
compare g++-old --count 1000
build clang++-lld clang++ -g -O2 -fuse-ld=lld -ffunction-sections -Wl,--gc-sections
compare clang++-lld --count 1000
build g++-ranges g++ -g -O2 -ffunction-sections -Wl,--gc-sections -Wl,-z,separate-code
compare g++-ranges --count 1000
build g++-types g++ -g -O2 -fdebug-types-section
compare g++-types --count 1000
if [[ $(gcc -dumpmachine) == x86_64* ]]; then
	build g++-64 g++ -g -gdwarf64 -gdwarf-5 -O2
	compare g++-64 --count 1000
fi

# It names what has no name after the symbol around it.
compare g++-5-O2 --count 1000 --oracle addr2line --judge depth,lines,files
