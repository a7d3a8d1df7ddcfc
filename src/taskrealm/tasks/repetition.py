"""What a task may say about time: when jobs expire, run again, are the same, and run by the clock."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .retry import TIMES_MOST, Retry
from .schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .definition import Definition

DUPLICATES = ("same", "refuse")
SCHEDULES = 'must be a list, such as [Schedule("0 3 * * *", zone="Europe/Berlin")]'


def problems(declaration: type[Definition]) -> Iterator[tuple[str, str]]:
    """What is wrong about the settings that say so: each attribute, and what to do about it."""
    yield from _retries(declaration.retries)
    yield from _schedules(declaration.schedules)
    expires: object = declaration.expires
    if expires is not None and not (
        isinstance(expires, int | float)
        and not isinstance(expires, bool)
        and math.isfinite(expires)
        and expires > 0
    ):
        yield "expires", f"is {expires!r}; it must be more than 0 seconds, or None"
    if declaration.duplicates not in DUPLICATES:
        yield "duplicates", f'is {declaration.duplicates!r}; it must be "same" or "refuse"'


def _schedules(schedules: object) -> Iterator[tuple[str, str]]:
    if not isinstance(schedules, list | tuple):
        yield "schedules", SCHEDULES
        return
    for number, schedule in enumerate(schedules, start=1):
        if not isinstance(schedule, Schedule):
            yield "schedules", f"{SCHEDULES}; number {number} is {schedule!r}"
            continue
        for problem in schedule.problems():
            yield "schedules", f"number {number}: {problem}"


def _retries(retries: object) -> Iterator[tuple[str, str]]:
    if isinstance(retries, Retry):
        for problem in retries.problems():
            yield "retries", problem
    elif type(retries) is not int or not 0 <= retries <= TIMES_MOST:
        yield (
            "retries",
            f"is {retries!r}; it must be a whole number from 0 to {TIMES_MOST}, or Retry(...)",
        )
