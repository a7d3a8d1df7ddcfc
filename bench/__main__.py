"""Measures a node beside the bare parts it stands on; prints ratios, never verdicts."""

from __future__ import annotations

import argparse
import asyncio
import statistics
from collections import defaultdict

from . import measures
from .node import echo_session, running_node, token_for, url_of


async def measure(slots: int, rounds: int, figures: dict[str, list[float]]) -> None:
    """Add the figures of *rounds* rounds on a node with *slots* slots."""
    with running_node(slots) as folder:
        url, token = url_of(folder), token_for(folder, "ana")
        async with echo_session(folder) as inside:
            for number in range(rounds):
                print(f"{slots} slots, round {number + 1} of {rounds}", flush=True)
                found = await measures.bursts(url, token, slots)
                if slots == 2:
                    found |= await measures.calls(url, token)
                    found |= await measures.delays(url, token, inside)
                for name, value in found.items():
                    figures[name].append(value)


def main() -> None:
    """Measure with 2 and with 8 slots, and print min, median and max of each ratio."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    figures: dict[str, list[float]] = defaultdict(list)
    for slots in (2, 8):
        asyncio.run(measure(slots, rounds, figures))
    width = max(map(len, figures))
    print(f"\n{'':{width}}      min   median      max")
    for name, values in figures.items():
        row = (min(values), statistics.median(values), max(values))
        print(f"{name:{width}}", *(f"{value:8.2f}" for value in row))


if __name__ == "__main__":
    main()
