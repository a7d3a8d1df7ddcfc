"""What a run has found, as tables: each bar with min, median and max, then the other figures."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from .figures import table

if TYPE_CHECKING:
    from .bars import Bar
    from .runs import Run


def bars(run: Run) -> str:
    """A line for each bar that has a figure."""
    found = run.of_bars()
    width = max((len(bar.name) for bar, _ in found), default=0)
    lines = [f"{'bar':>3} {'':{width}} {'min':>9} {'median':>9} {'max':>9} {'limit':>9}"]
    for bar, values in found:
        low, middle, high = min(values), statistics.median(values), max(values)
        limit = f"{bar.direction} {bar.limit:g}"
        lines.append(
            f"{bar.number:3} {bar.name:{width}} {low:9.2f} {middle:9.2f} {high:9.2f} {limit:>9}"
            f"  {verdict(bar, values)}"
        )
    return "\n".join(lines)


def verdict(bar: Bar, values: list[float]) -> str:
    """Whether the median meets the bar, and whether each round does."""
    if not bar.is_met_by(statistics.median(values)):
        return "not met"
    return "met" if all(map(bar.is_met_by, values)) else "met, not in each round"


def others(run: Run, name: str) -> str:
    """The figures of a subject, how long they took, and how busy the machine was."""
    finding = run.findings[name]
    load = f", load average {min(finding.load):.1f} to {max(finding.load):.1f}" * bool(finding.load)
    head = f"{name}: {finding.seconds:.0f} s, others took {finding.others:.0%} of the machine{load}"
    return f"{head}\n{table(finding.figures)}"
