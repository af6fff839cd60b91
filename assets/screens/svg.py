#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# A terminal's screen with its SGR sequences (tmux capture-pane -e) on standard input, as SVG.
import re
import sys
from html import escape

WIDTH, HEIGHT, FG, BG = 8.4, 18, "#d8dee9", "#16181d"
BASIC = ["#000000", "#cc6666", "#8abe8a", "#d7a65f", "#6f9fd8", "#b294bb", "#6fc3df", "#d8dee9",
         "#666666", "#ff8f8f", "#a9dca9", "#ffd75f", "#8fbfff", "#d0a9e0", "#8fe3ff", "#ffffff"]


def colour(n):
    if n < 16:
        return BASIC[n]
    if n >= 232:
        return "#" + "%02x" % (8 + (n - 232) * 10) * 3
    n -= 16
    steps = [0, 95, 135, 175, 215, 255]
    return "#%02x%02x%02x" % (steps[n // 36], steps[n // 6 % 6], steps[n % 6])


def apply(codes, look):
    while codes:
        c = codes.pop(0)
        if c == 0:
            look.update(fg=None, bg=None, bold=False, dim=False, reverse=False)
        elif c in (1, 2, 7):
            look[{1: "bold", 2: "dim", 7: "reverse"}[c]] = True
        elif c == 22:
            look.update(bold=False, dim=False)
        elif c == 27:
            look["reverse"] = False
        elif c in (38, 48) and codes[:1] == [5]:
            look["fg" if c == 38 else "bg"] = colour(codes[1])
            del codes[:2]
        elif 30 <= c <= 37 or 90 <= c <= 97:
            look["fg"] = colour(c - 30 if c < 90 else c - 82)
        elif 40 <= c <= 47:
            look["bg"] = colour(c - 40)
        elif c in (39, 49):
            look["fg" if c == 39 else "bg"] = None


def draw(row, col, text, look, out):
    fg, bg = look["fg"] or FG, look["bg"]
    if look["reverse"]:
        fg, bg = bg or BG, fg
    x, y, width = col * WIDTH, row * HEIGHT, len(text) * WIDTH
    if bg:
        out.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{HEIGHT}" fill="{bg}"/>')
    if text.strip():
        weight = ' font-weight="bold"' if look["bold"] else ""
        faint = ' opacity="0.6"' if look["dim"] else ""
        out.append(f'<text x="{x:.1f}" y="{y + 13.5}" fill="{fg}"{weight}{faint} '
                   f'textLength="{width:.1f}" xml:space="preserve">{escape(text)}</text>')


out, columns, rows = [], 0, sys.stdin.read().rstrip("\n").split("\n")
look = dict(fg=None, bg=None, bold=False, dim=False, reverse=False)
for row, line in enumerate(rows):
    col = 0
    for part in re.split("(\033\\[[0-9;]*m)", line):
        if part.startswith("\033["):
            apply([int(c or 0) for c in part[2:-1].split(";")], look)
        elif part:
            part = re.sub("\033[()][A-Z0-9]|[\016\017]", "", part)
            draw(row, col, part, look, out)
            col += len(part)
    columns = max(columns, col)
print('<!-- SPDX-License-Identifier: Apache-2.0 -->')
print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-8 -8 {columns * WIDTH + 16:.0f} '
      f'{len(rows) * HEIGHT + 16}" font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" '
      f'font-size="14">')
print(f'<rect x="-8" y="-8" width="100%" height="100%" rx="6" fill="{BG}"/>')
print("\n".join(out))
print("</svg>")
