#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""unwind_readelf.py WICK FILE..: compares the rows of `wick dump unwind` with what readelf
interprets from the same FDEs, at the first and the last byte of each row of readelf's. Of a large
file every n-th FDE is compared. Exits with 1 if any row differs, or if nothing was compared."""
import bisect
import os
import re
import subprocess
import sys
from functools import lru_cache

ALL_BELOW = 24 << 20  # bytes; of larger files one FDE in SAMPLED
SAMPLED = 8
SHOWN = 10

FDE = re.compile(r"[0-9a-f]+ [0-9a-f]+ [0-9a-f]+ FDE cie=([0-9a-f]+) pc=([0-9a-f]+)\.\.([0-9a-f]+)")
CIE = re.compile(r"([0-9a-f]+) [0-9a-f]+ [0-9a-f]+ CIE \"([^\"]*)\"")
X86 = "rax rdx rcx rbx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15".split()
ROW = re.compile(r"[0-9a-f]{16} ")


@lru_cache(maxsize=None)
def parse_words(words):
    """What wick says: ("none",), ("end",), .. or (cfa, fp, bx, ra), in readelf's spelling."""
    if not words.startswith("cfa = "):
        return (words.split(":")[0].split(" ")[0],)
    parts = words[len("cfa = "):].split(", ")
    cfa = parts[0].replace(" ", "")
    if cfa.isalnum():
        cfa += "+0"
    found = {}
    for part in parts[1:]:
        name, how = part.split(" ", 1)
        found[name] = how.removeprefix("at ").removeprefix("in ").replace("cfa", "c").replace(" ", "")
    fp = found.get("rbp", found.get("x29", "same"))
    return ("exp" if "*" in cfa or "?" in cfa else cfa, fp, found.get("rbx", "same"), found["ra"])


def same_place(mine, theirs):
    """readelf writes u where nothing was said; an expression over the CFA's own register is an
    offset from the CFA here."""
    if mine == "same":
        return theirs in ("u", "s", None)
    if mine == "lost":
        return theirs is not None and not theirs.startswith("c")
    return mine == theirs or theirs == "exp"


@lru_cache(maxsize=None)
def agree(words, cfa, fp, bx, ra, sp, augmentation):
    mine = parse_words(words)
    if "S" in augmentation:
        return mine[0] == "signal"
    if ra in ("u", "s") and mine[-1] == "x30":  # arm64: nothing was said of it
        ra = "x30"
    if ra == "u":
        return mine[0] == "end"
    if mine[0] == "unsupported":
        return cfa == "exp" or sp not in (None, "u")
    if len(mine) != 4:
        return False
    if re.fullmatch(r"r\d+", ra) and mine[3] in X86:
        ra = X86[int(ra[1:])]
    return mine[0] == cfa and mine[3] == ra and same_place(mine[1], fp) and same_place(mine[2], bx)


def wick_rows(wick, path):
    text = subprocess.run([wick, "dump", "unwind", "--rows", path], check=True, text=True,
                          capture_output=True).stdout
    starts, ends, words = [], [], []
    for line in text.splitlines():
        start, end, rule = line.split(" ", 2)
        starts.append(int(start, 16))
        ends.append(int(end, 16))
        words.append(rule)
    return starts, ends, words


def fields_of(line):
    """Without what stands behind a register rule: "r5 (rdi)"."""
    return [field for field in line.split() if not field.startswith("(")]


class Compare:
    def __init__(self, wick, path):
        self.path = path
        self.starts, self.ends, self.words = wick_rows(wick, path)
        self.step = 1 if os.stat(path).st_size < ALL_BELOW else SAMPLED
        self.fdes = self.pcs = self.differences = 0
        self.covered = []  # of .eh_frame, sorted once .debug_frame begins

    def check(self, pc, row, columns, augmentation):
        i = bisect.bisect_right(self.starts, pc) - 1
        words = self.words[i] if i >= 0 and pc < self.ends[i] else "nothing"
        get = lambda name: row[columns[name]] if name in columns else None
        fp = get("rbp") or get("x29")
        self.pcs += 1
        if agree(words, row[0], fp, get("rbx"), get("ra") or "u", get("rsp") or get("sp"), augmentation):
            return
        self.differences += 1
        if self.differences <= SHOWN:
            print(f"{self.path}: {pc:#x}: wick: {words}; readelf: {dict(zip(columns, row))}")

    def function(self, fde, cies):
        cie, start, end, columns, rows = fde
        if start >= end:
            return
        first, cie_columns, augmentation = cies[cie]
        if not rows and first:
            rows, columns = [(start, first)], cie_columns
        self.fdes += 1
        for i, (pc, row) in enumerate(rows):
            after = min(rows[i + 1][0], end) if i + 1 < len(rows) else end
            if pc < after:
                self.check(pc, row, columns, augmentation)
                self.check(after - 1, row, columns, augmentation)

    def is_covered(self, pc):
        i = bisect.bisect_right(self.covered, (pc, 1 << 64)) - 1
        return i >= 0 and pc < self.covered[i][1]

    def run(self):
        readelf = subprocess.Popen(["readelf", "--debug-dump=frames-interp", self.path], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        cies, fde, cie, columns, count, is_debug = {}, None, None, {}, 0, False
        wanted = False
        for line in readelf.stdout:
            if ROW.match(line):
                if fde and wanted:
                    fields = fields_of(line)
                    fde[4].append((int(fields[0], 16), fields[1:]))
                    fde[3] = columns
                elif cie:
                    fields = fields_of(line)
                    cies[cie[0]] = (fields[1:], columns, cie[1])
                continue
            if line.startswith("   LOC"):
                columns = {name: i for i, name in enumerate(line.split()[1:])}
                continue
            if fde and wanted:
                self.function(fde, cies)
            fde = None
            if match := FDE.match(line):
                cie = None
                fde = [match[1], int(match[2], 16), int(match[3], 16), {}, []]
                count += 1
                wanted = count % self.step == 0
                if not is_debug:
                    self.covered.append((fde[1], fde[2]))
                elif self.is_covered(fde[1]):
                    wanted = False
            elif match := CIE.match(line):
                cie = (match[1], match[2])
                cies[match[1]] = (None, {}, match[2])
            elif ".debug_frame section" in line:
                is_debug, cies = True, {}
                self.covered.sort()
        if fde and wanted:
            self.function(fde, cies)
        readelf.wait()
        return self


def main():
    wick, paths = sys.argv[1], sys.argv[2:]
    fdes = pcs = differences = 0
    for path in paths:
        done = Compare(wick, path).run()
        print(f"{path}: {done.fdes} functions, {done.pcs} pcs, {done.differences} differences")
        fdes, pcs, differences = fdes + done.fdes, pcs + done.pcs, differences + done.differences
    print(f"{len(paths)} files: {fdes} functions, {pcs} pcs, {differences} differences")
    return 1 if differences or not pcs else 0


sys.exit(main())
