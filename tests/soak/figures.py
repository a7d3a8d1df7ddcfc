"""What the node's processes use while the soak runs."""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .ledger import Ledger

SETTLING = 12.0  # seconds of a process's life in which it may still grow
SPAN = 25.0  # seconds that a process must have been watched beyond that to be judged
GROWTH_LIMIT = 10.0  # MiB that a process may grow from the middle third of a span to the last
STALE_ZOMBIE = 10.0  # seconds after which a dead child should have been reaped


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a process."""

    at: float
    memory: float  # MiB
    files: int
    threads: int


@dataclass(slots=True)
class Generation:
    """One process in one role, as long as it lived."""

    role: str
    pid: int
    began: float
    samples: list[Sample] = field(default_factory=list)

    @property
    def growth(self) -> float | None:
        """MiB between the middle and the last third of its settled life; None if that is short."""
        settled = [each for each in self.samples if each.at - self.began > SETTLING]
        if not settled or settled[-1].at - settled[0].at < SPAN:
            return None
        third = len(settled) // 3
        middle = statistics.median(each.memory for each in settled[third : 2 * third])
        last = statistics.median(each.memory for each in settled[2 * third :])
        return last - middle


class Figures:
    """Samples of every process of the node, and of what they forgot to reap."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.generations: dict[int, Generation] = {}
        self._zombies: dict[int, float] = {}

    def look(self, processes: dict[str, int]) -> None:
        """Take one sample of each of *processes*."""
        for role, pid in processes.items():
            with contextlib.suppress(OSError, ValueError, StopIteration):
                sample = _sample(pid)
                generation = self.generations.get(pid)
                if generation is None:
                    generation = self.generations[pid] = Generation(role, pid, sample.at)
                generation.samples.append(sample)
        self._look_for_zombies(processes.values())

    def latest(self, role: str) -> Sample | None:
        """The last sample of *role*."""
        samples = [each.samples[-1] for each in self.generations.values() if each.role == role]
        return max(samples, key=lambda sample: sample.at, default=None)

    def judge(self) -> None:
        """Record a difference for every process that grew while it lived."""
        for generation in self.generations.values():
            growth = generation.growth
            if growth is not None and growth > GROWTH_LIMIT:
                self._ledger.differ(
                    f"{generation.role} {generation.pid} grew by {growth:.1f} MiB: "
                    + " ".join(f"{sample.memory:.0f}" for sample in generation.samples)
                )

    def table(self) -> str:
        """The figures of each role, for people."""
        head = (
            f"{'process':<11}{'lives':>6}{'longest':>9}{'memory first':>14}{'last':>7}{'max':>7}"
            f"{'growth':>8}{'files':>7}{'threads':>9}"
        )
        lines = [head]
        for role in dict.fromkeys(each.role for each in self.generations.values()):
            lives = [each for each in self.generations.values() if each.role == role]
            samples = [sample for life in lives for sample in life.samples]
            longest = max(life.samples[-1].at - life.began for life in lives)
            growths = [life.growth for life in lives if life.growth is not None]
            settled = [life.samples[-1].memory for life in lives if len(life.samples) > 2]
            lines.append(
                f"{role:<11}{len(lives):>6}{longest:>7.0f} s"
                f"{settled[0] if settled else 0:>10.1f} MB"
                f"{settled[-1] if settled else 0:>7.1f}"
                f"{max(sample.memory for sample in samples):>7.1f}"
                f"{f'{max(growths):+.1f}' if growths else '-':>8}"
                f"{max(sample.files for sample in samples):>7}"
                f"{max(sample.threads for sample in samples):>9}"
            )
        return "\n".join(lines)

    def _look_for_zombies(self, parents: Iterable[int]) -> None:
        now = time.monotonic()
        dead = {
            int(child)
            for parent in parents
            for child in _children(parent)
            if _state(int(child)) == "Z"
        }
        for pid in dead:
            since = self._zombies.setdefault(pid, now)
            if now - since > STALE_ZOMBIE:
                self._ledger.differ(
                    f"Process {pid} was dead and not reaped for {now - since:.0f} s"
                )
                self._zombies[pid] = now + 3_600
        for pid in self._zombies.keys() - dead:
            del self._zombies[pid]


def _sample(pid: int) -> Sample:
    status = dict(
        line.split(":\t", 1)
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if ":\t" in line
    )
    return Sample(
        at=time.monotonic(),
        memory=int(status["VmRSS"].split()[0]) / 1024,
        files=len(os.listdir(f"/proc/{pid}/fd")),
        threads=int(status["Threads"]),
    )


def _children(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
