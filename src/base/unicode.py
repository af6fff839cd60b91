#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Writes the tables of unicode.h: run
#     for f in shown order pair; do
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
# Soft_Dotted, which unicodedata does not have: i and j in all their forms, among them those of
# mathematics, which lie 52 apart.
SOFT_DOTTED = ({0x69, 0x6A, 0x12F, 0x249, 0x268, 0x29D, 0x2B2, 0x3F3, 0x456, 0x458, 0x1D62, 0x1D96,
                0x1DA4, 0x1DA8, 0x1E2D, 0x1ECB, 0x2071, 0x2148, 0x2149, 0x2C7C, 0x1DF1A} |
               set(range(0x1D422, 0x1D6A4, 52)) | set(range(0x1D423, 0x1D6A4, 52)))


MADE_OF = {}


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


def whole(c):
    """What the character is made of by its canonical decomposition, in one step; "" for nothing."""
    d = u.decomposition(c).split()
    return "" if not d or d[0][0] == "<" else "".join(chr(int(x, 16)) for x in d)


def pairs():
    """Two characters that normalisation changes, and those that look as if it did."""
    # The vowels and finals of Hangul, which are not here, are never shown.
    made = [c for c in map(chr, range(0xA0, 0x110000)) if whole(c)]
    bases = {c for c in made if not u.combining(c)} | {whole(c)[0] for c in made}
    marks = {c for c in map(chr, range(0xA0, 0x110000)) if u.combining(c)}
    marks |= {whole(c)[1] for c in made if len(whole(c)) == 2}
    # Not only what makes one character of both: a mark may belong before one that its base holds.
    out = {(ord(base), ord(mark)) for base in bases if kind(ord(base)) and not u.combining(base)
           for mark in marks if u.normalize("NFC", base + mark) != base + mark}
    # The dot above is in these already (display.c knows those without one).
    out |= {(dotted, 0x307) for dotted in SOFT_DOTTED}
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


def equal(text):
    """All that is canonically equal to the text, itself among it."""
    ways, todo = [], [text]
    while todo:
        way = todo.pop()
        if way in ways:
            continue
        ways.append(way)
        for i, c in enumerate(way):
            if whole(c):
                todo.append(way[:i] + whole(c) + way[i + 1:])
            for n in 1, 2:
                todo += [way[:i] + other + way[i + n:] for other in MADE_OF.get(way[i:i + n], [])]
            orders = [u.combining(c) for c in way[i:i + 2]]
            if 0 not in orders and orders[0] != orders[-1]:
                todo.append(way[:i] + way[i + 1] + c + way[i + 2:])
    return ways


def spellings():
    """What is equal to each character and to each of the pairs, and what order makes equal."""
    texts = []
    for c in map(chr, range(0xA0, 0x110000)):
        if whole(c) and u.category(c)[0] != "Z":
            MADE_OF.setdefault(whole(c), []).append(c)
            texts.append(c)
    texts += [chr(base) + chr(mark) for base, mark in pairs()]
    # One line for each text, however it is spelled here.
    for text in dict.fromkeys(u.normalize("NFC", text) for text in texts):
        ways = equal(text)
        if len(ways) > 1:
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
elif sys.argv[1] == "order":
    table("order", "order", orders())
else:
    table("pair", "pair", pairs())
