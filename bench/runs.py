"""A run: what each subject has found, with the machine facts, kept as JSON."""

from __future__ import annotations

import asyncio
import importlib
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from . import machine
from .bars import BARS
from .figures import LOAD, Figures
from .subjects import SUBJECTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .bars import Bar

VALUES = re.compile(r"\[[^][]*\]")
LIMIT = 1_800.0  # seconds that a subject may take


@dataclass(frozen=True, slots=True)
class Finding:
    """What one subject has found, and in what circumstances."""

    at: str
    rounds: int
    seconds: float
    others: float
    load: list[float]
    figures: dict[str, list[float]]


@dataclass(slots=True)
class Run:
    """Findings by subject; measuring a subject again replaces what was found before."""

    machine: dict[str, str] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> Self:
        """The run that *file* keeps."""
        kept = json.loads(file.read_text())
        found = {name: Finding(**each) for name, each in kept["findings"].items()}
        return cls(kept["machine"], found)

    def write(self, file: Path) -> None:
        """Keep the run in *file*."""
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False)
        # The values of a figure in one line.
        file.write_text(VALUES.sub(lambda found: " ".join(found[0].split()), text) + "\n")

    def measure(self, names: Iterable[str], rounds: int) -> Iterable[str]:
        """Measure these subjects one after the other, and yield the name of each that is done."""
        for name in names:
            self.machine = machine.facts()
            others, begun = machine.Others(), time.monotonic()
            at = datetime.now(UTC).isoformat(timespec="seconds")
            figures = _measured_apart(name, rounds)
            if figures is not None:
                load = figures.pop(LOAD, [])
                seconds = time.monotonic() - begun
                self.findings[name] = Finding(at, rounds, seconds, others.share(), load, figures)
                yield name

    def of(self, subject: str) -> dict[str, list[float]]:
        """The figures of a subject; none if it has not been measured."""
        return self.findings[subject].figures if subject in self.findings else {}

    def of_bars(self) -> list[tuple[Bar, list[float]]]:
        """The bars whose figures have been measured, with all values."""
        return [
            (bar, found[bar.figure])
            for bar in BARS
            if bar.figure in (found := self.of(bar.subject))
        ]


def _measured_apart(name: str, rounds: int) -> dict[str, list[float]] | None:
    """What a subject finds in a process of its own; None, and a word on the way, if it fails."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as result:
        words = [sys.executable, "-m", "bench.runs", name, str(rounds), result.name]
        try:
            subprocess.run(words, check=True, timeout=LIMIT)
        except subprocess.SubprocessError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return None
        found: dict[str, list[float]] = json.load(result)
        return found


def _measure(name: str, rounds: int, result: Path) -> None:
    module = importlib.import_module(SUBJECTS[name].module)
    figures: Figures = asyncio.run(module.measure(rounds, **SUBJECTS[name].options))
    rounded = {
        name: [float(f"{value:.5g}") for value in values] for name, values in figures.items()
    }
    result.write_text(json.dumps(rounded))


if __name__ == "__main__":
    _measure(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
