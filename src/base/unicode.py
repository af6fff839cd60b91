#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Writes unicode.c: run "python3.11 src/base/unicode.py > src/base/unicode.c" with a Python whose
# unicodedata is not newer than the oldest C library that we run on (Python 3.11: Unicode 14.0).
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


print("// SPDX-License-Identifier: Apache-2.0")
print(f"// Written by unicode.py from Unicode {u.unidata_version}; not edited by hand.")
print('#include "unicode.h"\n')
for want in ("narrow", "wide", "mark"):
    r = ranges(want)
    print(f"const struct unicode_range unicode_{want}[] = {{")
    line = "   "
    for a, b in r:
        item = f" {{0x{a:x}, 0x{b:x}}},"
        if len(line) + len(item) > 100:
            print(line)
            line = "   "
        line += item
    print(line)
    print("};")
    print(f"const size_t unicode_{want}_count = sizeof(unicode_{want}) / sizeof(unicode_{want}[0]);")
    print()
