#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks a third tool about the cases of wick check-unwind --cases.

usage: explain.py CASE..

A case is a step from one frame to its caller about which wick and libunwind differ. The row of
readelf --debug-dump=frames-interp for that pc, the frame's registers and the copy of the stack give
the return address once more. A case is explained where readelf's answer is wick's. Prints a line for each;
the last line is "explained N of M cases"."""

import bisect
import collections
import functools
import re
import subprocess
import sys

DWARF = ["rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp"] + ["r%d" % i for i in range(8, 16)] + ["rip"]


class Case:
    def __init__(self, path):
        self.wick, self.libunwind, self.stack, self.ends = [], [], {}, {}
        self.step = 0
        with open(path) as file:
            for line in file:
                self.take(line.split())

    def take(self, words):
        if not words:
            return
        kind = words[0]
        if kind == "step":
            self.step = int(words[1])
        elif kind == "wick":
            self.wick.append(int(words[2], 16))
        elif kind == "libunwind":
            at = words.index("regs")
            self.libunwind.append({"pc": int(words[2], 16), "exact": words[3] == "exact",
                                   "vaddr": int(words[4], 16), "path": " ".join(words[5:at]),
                                   "regs": dict(zip(DWARF, (int(w, 16) for w in words[at + 1:])))})
        elif kind in ("wick-end", "libunwind-end"):
            self.ends[kind] = " ".join(words[1:])
        elif kind == "stack":
            start = int(words[1], 16)
            for i, word in enumerate(words[2:]):
                self.stack[start + 8 * i] = int(word, 16)

    def word(self, addr):
        """A word of the copied stack, None outside it."""
        low = addr & ~7
        if low == addr:
            return self.stack.get(addr)
        first, second = self.stack.get(low), self.stack.get(low + 8)
        if first is None or second is None:
            return None
        return ((first | second << 64) >> 8 * (addr - low)) & 2 ** 64 - 1


@functools.lru_cache(None)
def rows(path):
    """readelf's rows: sorted starts, and (end of the FDE, CFA, ra) of each."""
    run = subprocess.Popen(["readelf", "-W", "--debug-dump=frames-interp", path],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    found, end, columns, default = [], 0, [], {}
    cie_rows = {}
    for line in run.stdout:
        head = re.match(r"([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+) (CIE|FDE)", line)
        if head:
            columns = []
            kind = head.group(3)
            if kind == "CIE":
                current = ("CIE", head.group(1))
            else:
                span = re.search(r"cie=([0-9a-f]+) pc=([0-9a-f]+)\.\.([0-9a-f]+)", line)
                current = ("FDE", span.group(1))
                end = int(span.group(3), 16)
                cie = cie_rows.get(span.group(1))
                if cie:
                    found.append((int(span.group(2), 16), end) + cie)
        elif line.lstrip().startswith("LOC"):
            columns = line.split()
        elif columns and re.match(r"[0-9a-f]{16} ", line):
            words = dict(zip(columns, line.split()))
            if current[0] == "CIE":
                cie_rows[current[1]] = (words.get("CFA"), words.get("ra"))
            else:
                found.append((int(words["LOC"], 16), end, words.get("CFA"), words.get("ra")))
    run.wait()
    found.sort(key=lambda row: row[0])
    return [row[0] for row in found], found


def row_at(path, vaddr):
    starts, found = rows(path)
    at = bisect.bisect_right(starts, vaddr) - 1
    return found[at] if at >= 0 and vaddr < found[at][1] else None


def third_answer(case):
    """(what readelf's row says, the return address or None)."""
    frame = case.libunwind[case.step]
    row = row_at(frame["path"], frame["vaddr"] - (0 if frame["exact"] else 1))
    if not row:
        return "no row", None
    _, _, cfa, ra = row
    text = "CFA=%s ra=%s" % (cfa, ra)
    sum_of = re.fullmatch(r"(\w+)\+(\d+)", cfa or "")
    if ra == "u":
        return text, 0
    if not sum_of or not re.fullmatch(r"c-?\+?\d+", ra or ""):
        return text, None
    return text, case.word(frame["regs"][sum_of.group(1)] + int(sum_of.group(2)) + int(ra[1:]))


def main():
    counts = collections.Counter()
    for path in sys.argv[1:]:
        case = Case(path)
        text, third = third_answer(case)
        wick = case.wick[case.step + 1] if case.step + 1 < len(case.wick) else 0
        theirs = case.libunwind[case.step + 1]["pc"] if case.step + 1 < len(case.libunwind) else 0
        frame = case.libunwind[case.step]
        is_explained = third is not None and third == wick
        counts[is_explained] += 1
        print("%s: %s+%#x: wick %s, libunwind %s, readelf %s (%s)%s" % (
            path.rsplit("/", 1)[-1], frame["path"], frame["vaddr"],
            "%#x" % wick if wick else "ends: " + case.ends["wick-end"],
            "%#x" % theirs if theirs else "ends: " + case.ends["libunwind-end"],
            "cannot tell" if third is None else "%#x" % third, text,
            "" if is_explained else "  UNEXPLAINED"))
    print("explained %d of %d cases" % (counts[True], sum(counts.values())))


if __name__ == "__main__":
    main()
