#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Damaged executables: recorded without names, read by nobody but the parser child, no harm to others.
. "$(dirname "$0")/lib.sh"
need_bpf
for tool in readelf strace; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done

# poke FILE OFFSET BYTES: overwrites.
poke()
{
	printf "$3" | dd of="$1" bs=1 seek=$(($2)) conv=notrunc 2>/dev/null
}
# section NAME COLUMN: offset (1) or size (2) of a section of burn_fp.
section()
{
	readelf -SW "$FIXTURES/burn_fp" | sed 's/^ *\[ *[0-9]*\] *//' |
		awk -v name="$1" -v column="$2" '$1 == name { print "0x" $(column == 1 ? 4 : 5) }'
}

headers=$(readelf -hW "$FIXTURES/burn_fp" | sed -n 's/.*Start of section headers: *\([0-9]*\).*/\1/p')
names=(headers symtab truncated count offsets)
for name in "${names[@]}"; do
	cp "$FIXTURES/burn_fp" "$tmp/$name"
	# Modules are known by build id: each copy gets one of its own.
	poke "$tmp/$name" "$(section .note.gnu.build-id 1) + 16" "${name:0:4}"
done
poke "$tmp/headers" 40 '\377\377\377\377\377\377\377\177' # e_shoff
poke "$tmp/count" 58 '\377\377\377\377\377\377'              # e_shentsize, e_shnum, e_shstrndx
head -c $(($(section .symtab 2))) /dev/zero | tr '\0' '\377' |
	dd of="$tmp/symtab" bs=1 seek=$(($(section .symtab 1))) conv=notrunc 2>/dev/null
truncate -s $((headers + 100)) "$tmp/truncated"
for ((i = 0; i < 40; i++)); do # sh_offset and sh_size of each section
	poke "$tmp/offsets" "headers + 64 * i + 24" '\377\377\377\377\377\377\377\177\377\377'
done
truncate -s "$(stat -c %s "$FIXTURES/burn_fp")" "$tmp/offsets"

for name in "${names[@]}"; do
	"$tmp/$name" 600 >"$tmp/ready" & children+=($!)
done
start burn_fp 600
foreground strace -f -qq -y -o "$tmp/trace" -e trace=clone,read,pread64,readv,mmap,execve \
	"$WICK" record -a -F 499 -o "$tmp/hostile.pb.gz" 2>"$tmp/wick.err" &
children+=($!)
strace=$!
wait_until test -s "$tmp/trace"
wick=$(awk 'NR == 1 { print $1 }' "$tmp/trace")
children+=("$wick")
wait_until attached "$wick"
until_cpu "$pid" 1
kill -INT "$wick"
status=0
wait "$strace" || status=$?
near "exit status" "$status" 0 0
ledger_exact "$tmp/hostile.pb.gz"
folded "$tmp/hostile.pb.gz" "$tmp/hostile.folded"

for name in "${names[@]}"; do
	total=$(folded_count "$tmp/hostile.folded" "^$name;")
	unnamed=$(folded_count "$tmp/hostile.folded" "^$name;.*$name[+]0x[0-9a-f]+")
	at_least "$name: samples" "$total" 20
	near "$name: of them as module+0xoffset" "$unnamed" "$total" 0
done
at_least "names of a whole program beside them" \
	"$(folded_count "$tmp/hostile.folded" '^burn_fp;.*;main;cycle;seventy')" 100

# Only parser children, exec'd or forked by one that was, have read the damaged files.
damaged="<$tmp/($(IFS='|' && echo "${names[*]}"))>" awk '
	FNR == NR && /execve\(.*--parser-child/ { parser[$1] = 1; parsers++ }
	FNR == NR && / clone(\(| resumed>).* = [0-9]+$/ && $1 in parser { parser[$NF] = 1; parsers++ }
	FNR == NR || /execve/ { next }
	$0 ~ ENVIRON["damaged"] { if ($1 in parser) seen++; else { print; bad++ } }
	END { print parsers + 0, "parsers,", seen + 0, "reads"; exit bad || !seen }' "$tmp/trace" "$tmp/trace" ||
	fail "somebody else than a parser child has read a damaged file, or none did"
