"""What a subject has measured: every value of every round, and how busy the machine was."""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

LOAD = "load average"


class Figures(dict[str, list[float]]):
    """Values by the name of their figure, one for each round."""

    def add(self, found: Mapping[str, float]) -> None:
        """Keep what a round has found, and the load average at its end."""
        for name, value in (*found.items(), (LOAD, os.getloadavg()[0])):
            self.setdefault(name, []).append(value)


def p95(values: Iterable[float]) -> float:
    """The value that 95 of 100 do not exceed."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def alone(measure: Callable[[int], Awaitable[Figures]], rounds: int = 5) -> None:
    """The main of a subject: measure in so many rounds, or as many as `--rounds` says, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=rounds)

    async def run() -> Figures:
        return await measure(parser.parse_args().rounds)

    print(table(asyncio.run(run())))


def table(figures: Mapping[str, list[float]]) -> str:
    """Min, median and max of each figure."""
    width = max(map(len, figures), default=0)
    lines = [f"{'':{width}}        min     median        max"]
    for name, values in figures.items():
        row = (min(values), statistics.median(values), max(values))
        lines.append(f"{name:{width}}" + "".join(f" {value:10,.2f}" for value in row))
    return "\n".join(lines)
