#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Writes the tables of unicode.h: run
#     for f in shown canonical; do
#         python3.11 src/base/unicode.py $f | clang-format > src/base/unicode_$f.c
#     done
#     python3.11 src/base/unicode.py spellings > tests/data/spellings.txt
# with a Python whose unicodedata is not newer than the oldest C library that we run on (Python 3.11:
# Unicode 14.0). The tests read the last: on each line the ways to write one text.
import itertools
import sys
import unicodedata as u

BLANK = {0x2800, 0x3164, 0xFFA0, 0x115F, 0x1160, 0x1D159, 0x16FE4}
# Default_Ignorable_Code_Point of the categories that would pass otherwise.
IGNORABLE = ({0x34F, 0x180F} | set(range(0x115F, 0x1161)) | set(range(0x17B4, 0x17B6)) |
             set(range(0x180B, 0x180E)) | set(range(0xFE00, 0xFE10)) |
             set(range(0xE0100, 0xE01F0)))
# Jamo that join into the syllable before them: their width depends on the terminal.
UNSTABLE = set(range(0x1160, 0x1200)) | set(range(0xD7B0, 0xD800))
# Narrow by the standard, wide to C libraries.
UNSTABLE |= set(range(0x3248, 0x3250)) | set(range(0x4DC0, 0x4E00))
# Regional indicators and skin tones change how their neighbours are drawn.
UNSTABLE |= set(range(0x1F1E6, 0x1F200)) | set(range(0x1F3FB, 0x1F400))


def kind(c):
    ch = chr(c)
    cat = u.category(ch)
    if c in BLANK or c in IGNORABLE or c in UNSTABLE or cat[0] in "CZ":
        return None
    # A character that normalisation replaces by another is a second spelling of that one.
    if u.normalize("NFC", ch) != ch:
        return None
    if cat in ("Mn", "Me"):
        return "mark"
    return "wide" if u.east_asian_width(ch) in "WF" else "narrow"


def ranges(want):
    out, start = [], None
    for c in range(0xA0, 0x110000 + 1):
        hit = c < 0x110000 and kind(c) == want
        if hit and start is None:
            start = c
        elif not hit and start is not None:
            out.append((start, c - 1))
            start = None
    return out


def pairs():
    """Two characters that normalisation makes one, and those that look as if it did."""
    out = set()
    for c in map(chr, range(0xA0, 0x110000)):
        d = u.decomposition(c).split()
        # The vowels and finals of Hangul, which have no entries here, are never shown.
        if len(d) == 2 and d[0][0] != "<" and u.normalize("NFC", c) == c:
            out.add((int(d[0], 16), int(d[1], 16)))
    # A mark above takes the place of the dot, so the letter with it and the one without look alike.
    for dotted, dotless in ((0x69, 0x131), (0x6A, 0x237)):
        out |= {(dotless, mark) for base, mark in out if base == dotted}
        out |= {(dotted, 0x307), (dotless, 0x307)}
    return sorted(p for p in out if kind(p[0]) and kind(p[1]))


def orders():
    """Ranges of the characters that normalisation sorts, with what it sorts them by."""
    out = []
    for c in range(0xA0, 0x110000):
        order = u.combining(chr(c))
        if not order or not kind(c):
            continue
        if out and out[-1][1] == c - 1 and out[-1][2] == order:
            out[-1][1] = c
        else:
            out.append([c, c, order])
    return [(f"{{{first:#x}, {last:#x}}}", str(order)) for first, last, order in out]


def table(kind_of, name, rows):
    print(f"const struct unicode_{kind_of} unicode_{name}[] = {{")
    line = "   "
    for row in rows:
        item = " {" + ", ".join(v if isinstance(v, str) else f"{v:#x}" for v in row) + "},"
        if len(line) + len(item) > 100:
            print(line)
            line = "   "
        line += item
    print(line)
    print("};")
    print(f"const size_t unicode_{name}_count = sizeof(unicode_{name}) / sizeof(unicode_{name}[0]);")
    print()


def spellings():
    """What is equal to each character by canonical decomposition, and what order makes equal."""
    for c in map(chr, range(0xA0, 0x110000)):
        if u.category(c)[0] == "Z":
            continue
        ways, todo = [], [c]
        while todo:
            way = todo.pop()
            if way in ways:
                continue
            ways.append(way)
            for i, ch in enumerate(way):
                d = u.decomposition(ch)
                if d and d[0] != "<":
                    d = "".join(chr(int(x, 16)) for x in d.split())
                    todo.append(way[:i] + d + way[i + 1:])
        whole = u.normalize("NFD", c)
        ways += [p for p in map("".join, itertools.permutations(whole))
                 if p not in ways and u.normalize("NFD", p) == whole]
        if len(ways) > 1 and not 0xAC00 <= ord(c) <= 0xD7A3:
            yield ways
    marks = {u.combining(chr(c)): chr(c) for c in range(0xA0, 0x110000) if kind(c) == "mark"}
    for a, b in itertools.combinations([m for order, m in sorted(marks.items()) if order], 2):
        yield ["x" + a + b, "x" + b + a]


if sys.argv[1] == "spellings":
    for ways in spellings():
        print(*ways)
    sys.exit()
print("// SPDX-License-Identifier: Apache-2.0")
print(f"// Written by unicode.py from Unicode {u.unidata_version}; not edited by hand.")
print('#include "unicode.h"\n')
if sys.argv[1] == "shown":
    for want in ("narrow", "wide", "mark"):
        table("range", want, ranges(want))
else:
    table("order", "order", orders())
    table("pair", "pair", pairs())
