"""How busy the executor is: counts, rates, waits and durations, kept as events are committed."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..protocol.jobs import EventType

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ..protocol.jobs import Event

MINUTE = 60.0  # seconds
STEP = 5.0  # seconds that are counted together
SPANS = (1, 5, 15)  # minutes over which rates are told
SAMPLES = 200  # latest durations of each task
TASKS = 1_000  # tasks whose waits and durations are kept

COUNTED = frozenset(
    {
        EventType.QUEUED,
        EventType.STARTED,
        EventType.RETRYING,
        *(kind for kind in EventType if kind.is_terminal),
    }
)


@dataclass(slots=True)
class _Durations:
    """How long the jobs of one task waited, or ran."""

    count: int = 0
    total: float = 0.0
    latest: deque[float] = field(default_factory=lambda: deque(maxlen=SAMPLES))

    def add(self, seconds: float) -> None:
        self.count += 1
        self.total += seconds
        self.latest.append(seconds)

    def as_dict(self) -> dict[str, Any]:
        ordered = sorted(self.latest)
        return {
            "count": self.count,
            "mean": self.total / self.count,
            "median": ordered[len(ordered) // 2],
            "p95": ordered[len(ordered) * 19 // 20],
            "longest": ordered[-1],
        }


class Statistics:
    """
    Rates, waits and durations since the executor started.

    Durations are in seconds, `count` and `mean` of all jobs, the others of the latest ones.
    """

    def __init__(self) -> None:
        self._start = time.monotonic()
        # Each step that saw events, with their number by type.
        self._steps: deque[tuple[int, Counter[EventType]]] = deque()
        self._durations: dict[str, _Durations] = {}
        self._waits: dict[str, _Durations] = {}
        # When those that wait for a slot began to; those of an earlier executor are not counted.
        self._queued: dict[str, datetime] = {}

    @property
    def uptime(self) -> float:
        """Seconds since the executor started."""
        return time.monotonic() - self._start

    def note(self, events: Iterable[Event]) -> None:
        """Count *events*, which the journal has just committed."""
        counter = self._this_step()
        for event in events:
            kind = event.type
            if kind in COUNTED:
                counter[kind] += 1
            if kind is EventType.QUEUED:
                self._queued[event.job_id] = event.at
            elif kind is EventType.STARTED:
                began = self._queued.pop(event.job_id, None)
                if began is not None:
                    _add(self._waits, event.task, max(0.0, (event.at - began).total_seconds()))
            elif kind.is_terminal:
                self._queued.pop(event.job_id, None)
                duration = event.data.get("duration")
                if duration is not None:
                    _add(self._durations, event.task, duration)

    def rates(self) -> dict[str, dict[str, float]]:
        """Events per minute by type, over the last 1, 5 and 15 minutes."""
        rates = {}
        for minutes in SPANS:
            counts: Counter[EventType] = Counter()
            first = (self.uptime - minutes * MINUTE) // STEP
            for step, counter in self._steps:
                if step >= first:
                    counts.update(counter)
            passed = min(max(self.uptime, STEP), minutes * MINUTE)
            rates[str(minutes)] = {
                kind.value: count * MINUTE / passed for kind, count in sorted(counts.items())
            }
        return rates

    def durations(self) -> dict[str, dict[str, Any]]:
        """How long jobs ran, by task."""
        return {task: durations.as_dict() for task, durations in self._durations.items()}

    def waits(self) -> dict[str, dict[str, Any]]:
        """How long jobs waited for a slot, by task."""
        return {task: waits.as_dict() for task, waits in self._waits.items()}

    def _this_step(self) -> Counter[EventType]:
        now = int(self.uptime // STEP)
        if not self._steps or self._steps[-1][0] != now:
            self._steps.append((now, Counter()))
            while self._steps[0][0] < now - max(SPANS) * MINUTE // STEP:
                self._steps.popleft()
        return self._steps[-1][1]


def _add(kept: dict[str, _Durations], task: str, seconds: float) -> None:
    if task not in kept and len(kept) < TASKS:
        kept[task] = _Durations()
    if task in kept:
        kept[task].add(seconds)
