"""After which failures a job runs again, how often, and how long it waits before."""

from __future__ import annotations

import builtins
import math
import re
import signal
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMES_MOST = 100  # so that a job that kills its executor each time comes to an end
PAUSE_MOST = 86_400.0  # seconds

LOST = "lost"
SHORTAGE = "shortage"
TIMED_OUT = "timed_out"
WORDS = (LOST, SHORTAGE, TIMED_OUT)

_EXCEPTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, slots=True)
class Retry:
    """
    How often a job runs again, and after which failures.

        retries = Retry(5, on=("ConnectionError", 75, "SIGKILL"), pause=10)

    Only a task that may safely run twice should have it.
    """

    times: int
    on: Collection[str | int] = (LOST, SHORTAGE)
    """
    The failures, by name: `lost` (the executor died while the job ran), `shortage` (the
    machine had no means to start it), `timed_out`, an exit code, a signal such as `SIGKILL`,
    or a Python exception such as `ConnectionError`, which stands for those derived from it
    too where Python itself has it.
    """
    pause: float = 1.0
    """Seconds before the second attempt, at most; twice as many before each further one."""
    longest: float = 300.0
    """Seconds that a pause never exceeds."""

    @classmethod
    def of(cls, setting: int | Retry) -> Retry:
        """What the setting `retries` of a task stands for; a number says how often, no more."""
        return setting if isinstance(setting, Retry) else cls(setting)

    def name_of(self, failure: str, data: Mapping[str, Any]) -> str | int | None:
        """
        By which of its names a *failure* is in `on`; None if the job is not to run again.

        *failure* is `lost`, `shortage`, or the terminal state that the job would have, and
        *data* what its terminal event would say.
        """
        if failure in WORDS:
            return failure if failure in self.on else None
        if failure != "failed":
            return None
        for name in self.on:
            if name in WORDS:
                continue
            if name in (data.get("exit_code"), data.get("signal")):
                return name
            if isinstance(name, str) and _is_kind_of(data.get("exception"), name):
                return name
        return None

    def problems(self) -> Iterator[str]:
        """What is wrong with it."""
        if type(self.times) is not int or not 0 <= self.times <= TIMES_MOST:
            yield f"times is {self.times!r}; it must be a whole number from 0 to {TIMES_MOST}"
        if not isinstance(self.on, Collection) or isinstance(self.on, str | bytes) or not self.on:
            yield 'on must be a tuple of failures, such as ("lost", "ConnectionError", 75)'
        else:
            for name in self.on:
                if problem := _problem_of(name):
                    yield f"on: {name!r} {problem}"
        for setting in ("pause", "longest"):
            seconds: object = getattr(self, setting)
            if (
                not isinstance(seconds, int | float)
                or isinstance(seconds, bool)
                or not math.isfinite(seconds)
                or not 0 <= seconds <= PAUSE_MOST
            ):
                yield (
                    f"{setting} is {seconds!r}; it must be a number of seconds"
                    f" from 0 to {PAUSE_MOST:.0f}"
                )


def _problem_of(name: object) -> str | None:
    if isinstance(name, bool) or not isinstance(name, str | int):
        return "must be an exit code, or the name of a failure, a signal or an exception"
    if isinstance(name, int):
        return None if 1 <= name <= 255 else "is no exit code of a failure: those are 1 to 255"
    if name in WORDS or (name.startswith("SIG") and name in signal.Signals.__members__):
        return None
    if (
        name.startswith("SIG")
        or not _EXCEPTION.fullmatch(name)
        or (name.islower() and "." not in name)
    ):
        known = ", ".join(WORDS)
        return f"is none of {known}, no signal such as SIGKILL and no name of an exception"
    return None


def _is_kind_of(raised: object, name: str) -> bool:
    """Whether the exception called *raised*, with or without its module, is meant by *name*."""
    if not isinstance(raised, str):
        return False
    if name in (raised, raised.rpartition(".")[2]):
        return True
    kind, family = (getattr(builtins, each, None) for each in (raised, name))
    return isinstance(kind, type) and isinstance(family, type) and issubclass(kind, family)
