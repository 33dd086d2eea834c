#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""plot.py - a bar chart of the bench's results, with nothing but Python

  plot.py build/bench/results.csv doc/benchmarks.svg

One bar a row: the ratio, on a logarithmic scale, 1 (as good as the peer) as a
line across; what was measured stands beside it.
"""
import csv
import math
import sys
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, TOP, ROW, BAR = 920, 250, 320, 46, 30, 16
LOW, HIGH = 0.05, 40.0
STYLE = """
text { font: 13px sans-serif; fill: #222 }
.small { font-size: 11px; fill: #666 }
.better { fill: #2a7f62 } .worse { fill: #4a78b5 }
.one { stroke: #c0392b; stroke-width: 1.5 } .grid { stroke: #ddd }
"""


def place(ratio):
    """Where a ratio stands, in pixels from the left."""
    ratio = min(max(ratio, LOW), HIGH)
    part = math.log(ratio / LOW) / math.log(HIGH / LOW)
    return LEFT + part * (WIDTH - LEFT - RIGHT)


def text(x, y, what, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}"{more}>{escape(what)}</text>'


def scale(bottom):
    for at in (0.1, 0.25, 0.5, 1, 2, 4, 10, 30):
        kind = "one" if at == 1 else "grid"
        x = place(at)
        yield (f'<line class="{kind}" x1="{x:.1f}" y1="{TOP - 6}" '
               f'x2="{x:.1f}" y2="{bottom}"/>')
        yield text(x, TOP - 12, f"{at:g}",
                   ' class="small" text-anchor="middle"')


def bar(number, row):
    ratio = float(row["ratio"])
    y = TOP + number * ROW
    kind = "better" if ratio >= 1 else "worse"
    x = place(LOW)
    width = place(ratio) - x
    yield text(LEFT - 10, y + 13, f'{row["area"]},{row["case"]}',
               ' text-anchor="end"')
    yield (f'<rect class="{kind}" x="{x:.1f}" y="{y}" '
           f'width="{width:.1f}" height="{BAR}"/>')
    yield text(WIDTH - RIGHT + 10, y + 13,
               f'{ratio:g}: {float(row["ours"]):,g} {row["unit"]}, '
               f'{row["peer"]} {float(row["peer_value"]):,g}')


def main(source, target):
    with open(source, encoding="utf-8", newline="") as f:
        rows = list(csv.DictReader(f))
    if not rows:
        sys.exit(f"plot: {source}: no rows; run make bench")
    bottom = TOP + len(rows) * ROW
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
           f'height="{bottom + 14}">',
           "<!-- SPDX-License-Identifier: GPL-2.0-or-later -->",
           f"<style>{STYLE}</style>",
           '<rect width="100%" height="100%" fill="#fff"/>',
           text(10, 18, "ratio to the peer; right of the line: "
                        "ours is better")]
    out += scale(bottom)
    for number, row in enumerate(rows):
        out += bar(number, row)
    out.append("</svg>")
    with open(target, "w", encoding="utf-8") as f:
        f.write("\n".join(out) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: plot.py RESULTS.csv OUT.svg")
    main(sys.argv[1], sys.argv[2])
