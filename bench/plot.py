"""Draws the bars: how far each figure is on the right side of its bar, with min, median and max."""

from __future__ import annotations

import math
import statistics
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .bars import Bar
    from .runs import Run

WIDTH = 960
TOP = 128  # where the first row is
ROW = 30
LEFT, RIGHT = 348, 768  # the ends of the scale
LEAST, MOST = 1 / 4, 16.0  # of the scale; what is beyond is drawn at its end
STEPS = {0.25: "¼", 0.5: "½", 1: "the bar", 2: "2", 4: "4", 8: "8", 16: "16 times"}
LEGEND = (
    "Right of the line is better than the bar: twice, four times and so on. A dot is the median of the",
    "rounds, hollow where it misses the bar; its line reaches from the least to the most of a round.",
)

STYLE = """\
svg { --paper: #ffffff; --ink: #1f2430; --soft: #5d6676; --line: #e3e7ee; --band: #f6f8fb;
      --good: #0f766e; --bad: #c2410c; color-scheme: light dark;
      font: 13px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
@media (prefers-color-scheme: dark) {
  svg { --paper: #12161d; --ink: #e6eaf1; --soft: #97a2b4; --line: #2a313d; --band: #181d26;
        --good: #2dd4bf; --bad: #fb923c; } }
text { fill: var(--ink); }
.soft { fill: var(--soft); }
.title { font-size: 17px; font-weight: 600; }
.small { font-size: 12px; }
.value { font-variant-numeric: tabular-nums; }
.grid { stroke: var(--line); }
.bar { stroke: var(--ink); stroke-width: 1.5; }
.met { --tone: var(--good); } .missed { --tone: var(--bad); }
.whisker { stroke: var(--tone); stroke-width: 2; stroke-linecap: round; }
.reach { stroke: var(--tone); stroke-width: 8; stroke-linecap: round; opacity: .22; }
.met .dot { fill: var(--tone); } .missed .dot { fill: var(--paper); stroke: var(--tone); stroke-width: 2.5; }
.verdict { fill: var(--tone); font-weight: 600; }
"""


def drawn(run: Run) -> str:
    """The plot as SVG, readable on light and on dark pages."""
    found = run.of_bars()
    bottom = TOP + ROW * len(found)
    parts = [
        f'<rect width="{WIDTH}" height="{bottom + 40}" rx="10" fill="var(--paper)"/>',
        '<text class="title" x="24" y="36">Beside the bare machine</text>',
        *(
            f'<text class="soft" x="24" y="{58 + 19 * line}">{text}</text>'
            for line, text in enumerate(LEGEND)
        ),
        f'<text class="small soft" x="852" y="{TOP - 12}" text-anchor="end">median</text>',
        f'<text class="small soft" x="862" y="{TOP - 12}">limit</text>',
    ]
    numbers = [bar.number for bar, _ in found]
    matters = list(dict.fromkeys(numbers))
    for number in matters[::2]:
        top = TOP + ROW * numbers.index(number)
        parts.append(
            f'<rect x="12" y="{top}" width="{WIDTH - 24}" height="{ROW * numbers.count(number)}"'
            ' rx="6" fill="var(--band)"/>'
        )
    parts += [
        f'<text class="soft value" x="36" y="{TOP + ROW * (numbers.index(number) + 0.5) + 4.5}"'
        f' text-anchor="end">{number}</text>'
        for number in matters
    ]
    for value, name in STEPS.items():
        x, kind = _x(value), "bar" if value == 1 else "grid"
        parts.append(f'<line class="{kind}" x1="{x}" x2="{x}" y1="{TOP - 8}" y2="{bottom + 4}"/>')
        parts.append(
            f'<text class="small soft" x="{x}" y="{bottom + 22}" text-anchor="middle">{name}</text>'
        )
    parts += [_row(bar, values, TOP + ROW * row) for row, (bar, values) in enumerate(found)]
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 40}" role="img"'
        f' aria-label="Each bar with min, median and max">\n<style>\n{STYLE}</style>\n{body}\n</svg>\n'
    )


def _row(bar: Bar, values: list[float], top: int) -> str:
    middle = statistics.median(values)
    kind = "met" if bar.is_met_by(middle) else "missed"
    y = top + ROW / 2
    ends = [_x(_advantage(bar, value)) for value in (min(values), max(values))]
    left, right = min(ends), max(ends)
    dot = _x(_advantage(bar, middle))
    limit = f"{bar.direction} {bar.limit:g}"
    mark = "✓" if kind == "met" else "✗"
    return "\n".join(
        [
            f'<g class="{kind}">',
            f'<text x="46" y="{y + 4.5}">{escape(bar.name)}</text>',
            f'<line class="reach" x1="{min(dot, _x(1))}" x2="{max(dot, _x(1))}" y1="{y}" y2="{y}"/>',
            f'<line class="whisker" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>',
            *(
                f'<line class="whisker" x1="{x}" x2="{x}" y1="{y - 5}" y2="{y + 5}"/>'
                for x in (left, right)
            ),
            f'<circle class="dot" cx="{dot}" cy="{y}" r="5.5"/>',
            f'<text class="value" x="852" y="{y + 4.5}" text-anchor="end">{middle:.3g}</text>',
            f'<text class="small soft value" x="862" y="{y + 4.5}">{limit}</text>',
            f'<text class="verdict" x="936" y="{y + 4.5}" text-anchor="end">{mark}</text>',
            "</g>",
        ]
    )


def _advantage(bar: Bar, value: float) -> float:
    """How many times better than its bar a value is; below 1 it is worse."""
    if bar.direction == "≥":
        return value / bar.limit
    return bar.limit / value if value > 0 else MOST


def _x(advantage: float) -> float:
    share = math.log(min(MOST, max(LEAST, advantage)) / LEAST) / math.log(MOST / LEAST)
    return round(LEFT + share * (RIGHT - LEFT), 1)
