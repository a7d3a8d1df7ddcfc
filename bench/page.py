"""The figures of docs/performance.md: each between two marks, none of them typed by hand."""

from __future__ import annotations

import re
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

from . import plot
from .bars import BARS
from .bursts import SLOTS
from .peers import PEERS
from .peers.race import KINDS, OURS
from .report import verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .runs import Run

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "performance.md"
PLOT = DOCS / "performance.svg"
VALUES = DOCS / "performance.json"

MARKED = re.compile(r"(<!-- bench: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
NUMBER = re.compile(r"\b\d[\d,]*\b")
MISSING = "Not measured yet."


def fill(run: Run) -> None:
    """Write what *run* has found into the page, and draw the plot beside it."""

    def section(found: re.Match[str]) -> str:
        return f"{found[1]}\n{SECTIONS[found[2]](run)}\n\n{found[3]}"

    PAGE.write_text(MARKED.sub(section, PAGE.read_text()))
    PLOT.write_text(plot.drawn(run))


def number(value: float) -> str:
    """A value with as many digits as tell something."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def spread(values: Iterable[float]) -> str:
    """The median, and from where to where the rounds reach."""
    ordered = sorted(values)
    middle = number(statistics.median(ordered))
    if len(ordered) == 1:
        return middle
    return f"{middle} [{number(ordered[0])} … {number(ordered[-1])}]"


def _machine(run: Run) -> str:
    rows = [[name, value] for name, value in run.machine.items()]
    others = [finding.others for finding in run.findings.values()]
    if others:
        rows.append(["taken by others meanwhile", f"{min(others):.0%} to {max(others):.0%}"])
    return _table(["what", "which"], rows)


def _bars(run: Run) -> str:
    figures = dict(run.of_bars())
    rows = [
        [
            str(bar.number),
            bar.what,
            f"{bar.direction} {bar.limit:g}",
            *(
                [spread(figures[bar]), verdict(bar, figures[bar])]
                if bar in figures
                else ["-", "not measured"]
            ),
        ]
        for bar in BARS
    ]
    return _table(["bar", "what", "limit", "median [min … max]", ""], rows)


def _floors(run: Run) -> str:
    """Programs a second, from the least there is to whole jobs."""
    found = run.of("bursts")
    ways = {
        "system calls alone": "programs/s",
        "bare asyncio": "programs/s",
        "durable and nothing else": "programs/s",
        "durable, told by the router": "programs/s",
        "durable, asked and told by the router": "programs/s",
        "exec_many": "jobs/s",
        "pipelined": "jobs/s",
    }
    rows = []
    for way, unit in ways.items() if found else ():
        rows.append([way])
        for slots in SLOTS:
            ratio = f"{way} / bare asyncio, {slots} slots"
            rows[-1] += [
                spread(found[f"{way}, {slots} slots, {unit}"]),
                spread(found[ratio]) if ratio in found else "-",
            ]
    head = ["`true` with captured output, a second"]
    for slots in SLOTS:
        head += [f"{slots} at a time", "/ bare asyncio"]
    return _table(head, rows)


def _costs(run: Run) -> str:
    found = run.of("costs")
    ways = dict.fromkeys(name.partition(": ")[0] for name in found)
    parts = dict.fromkeys(name.partition(": ")[2] for name in found)
    rows = [
        [part.partition(", µs")[0], *(spread(found[f"{way}: {part}"]) for way in ways)]
        for part in parts
    ]
    if not rows:
        return MISSING
    sums = [sum(statistics.median(found[f"{way}: {part}"]) for part in parts) for way in ways]
    rows.append(["**together**", *(f"**{number(total)}**" for total in sums)])
    return _table(["µs of the processor for a job", *(f"by {way}" for way in ways)], rows)


def _growth(run: Run) -> str:
    """A table for each thing that grows: its sizes above, and what is measured at the side."""
    tables: dict[tuple[str, ...], list[list[str]]] = {}
    rows: dict[str, dict[str, str]] = {}
    for name, values in run.of("growth").items():
        size = NUMBER.search(name)
        if size is not None:
            what = name[: size.start()] + "…" + name[size.end() :]
            rows.setdefault(what, {})[size[0]] = spread(values)
    for what, row in rows.items():
        tables.setdefault(tuple(row), []).append([what, *row.values()])
    return "\n\n".join(_table(["… is", *sizes], body) for sizes, body in tables.items()) or MISSING


def _peers(run: Run) -> str:
    about = dict.fromkeys(OURS.values(), ("processes", "told by events"))
    about |= {peer.title: (peer.workers, peer.learns) for peer in PEERS.values()}
    tables = []
    for subject, slots in (("peers", 2), ("peers-8", 8)):
        found = run.of(subject)
        rows = []
        for title in ("bare", *about):
            cells = [
                spread(found[name]) if name in found else "-"
                for kind in KINDS.values()
                for what in (", tasks/s", " / bare", ", CPU ms a task")
                for name in (f"{kind}, {slots} slots: {title}{what}",)
            ]
            rows.append([title, *cells, *about.get(title, ("-", "-"))])
        if found:
            head = [f"{slots} at a time"]
            for kind in KINDS.values():
                head += [f"{kind}/s", "/ bare", "CPU ms"]
            tables.append(_table([*head, "runs them in", "learns of the end"], rows))
    return "\n\n".join(tables) or MISSING


def _others(run: Run) -> str:
    """Every figure that is no bar and has no table of its own."""
    bars = {(bar.subject, bar.figure) for bar in BARS}
    own = {"costs", "growth", "peers", "peers-8"}
    rows = [
        [subject, name, spread(values)]
        for subject, finding in run.findings.items()
        if subject not in own
        for name, values in finding.figures.items()
        if (subject, name) not in bars
    ]
    return _table(["subject", "figure", "median [min … max]"], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return MISSING
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


SECTIONS: dict[str, Callable[[Run], str]] = {
    "machine": _machine,
    "bars": _bars,
    "floors": _floors,
    "costs": _costs,
    "growth": _growth,
    "peers": _peers,
    "others": _others,
}
