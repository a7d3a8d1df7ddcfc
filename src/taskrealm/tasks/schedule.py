"""Jobs that nobody has to submit: they are made by the clock."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from .rhythm import Rhythm

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OWNER = "system"  # for whom jobs run that nobody in particular wants
TOLERANCE = timedelta(seconds=60)  # within which what is late has not been missed
MOST = 100  # missed runs that are made up for
JITTER_MOST = 86_400.0  # seconds

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class Schedule:
    """
    When jobs of a task are made, with which arguments and for whom.

        schedules = [Schedule("0 3 * * *", zone="Europe/Berlin", missed="once")]

    The five words are minute, hour, day of the month, month and day of the week.
    """

    cron: str
    _: KW_ONLY
    zone: str = "UTC"
    """The time zone by whose clock it goes."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """The arguments of the jobs, by name."""
    owner: str = OWNER
    """The authid for whom the jobs run, and who hears of them."""
    teams: Sequence[str] = ()
    """The teams that this owner is in, for the rules by which the jobs are judged."""
    missed: Literal["skip", "once", "all"] = "skip"
    """
    What becomes of runs that were missed because the node did not run: none, the last one,
    or all of them, up to a hundred. A run that is up to a minute late was not missed.
    """
    overlap: Literal["allow", "skip"] = "allow"
    """Whether a run is left out while the job before has not ended."""
    jitter: float = 0.0
    """Seconds by which each run may be later, at random."""
    name: str | None = None
    """What it is called; the name of its task if it has no other."""

    @property
    def rhythm(self) -> Rhythm:
        """When it comes."""
        return Rhythm(self.cron, self.zone)

    def due(self, since: datetime, now: datetime) -> list[datetime]:
        """Which runs are to be made *now*, if those up to *since* have been seen to."""
        if now <= since:
            return []  # the clock was set back: these have been, or will be
        found = self.rhythm.between(since, now, MOST)
        if self.missed == "all":
            return found
        newest = found[-1:]
        if self.missed == "skip":
            return [each for each in newest if now - each <= TOLERANCE]
        return newest

    def problems(self) -> Iterator[str]:
        """What is wrong with it."""
        if problem := self.rhythm.problem():
            yield problem
        if not isinstance(self.arguments, Mapping) or not all(
            isinstance(name, str) for name in self.arguments
        ):
            yield 'arguments must be a mapping by name, such as {"source": "a.mp4"}'
        if not isinstance(self.owner, str) or not self.owner:
            yield f"owner is {self.owner!r}; it must be the authid of a user"
        if isinstance(self.teams, str) or not all(isinstance(team, str) for team in self.teams):
            yield f'teams is {self.teams!r}; it must be a list of names, such as ["editors"]'
        if self.missed not in ("skip", "once", "all"):
            yield f'missed is {self.missed!r}; it must be "skip", "once" or "all"'
        if self.overlap not in ("allow", "skip"):
            yield f'overlap is {self.overlap!r}; it must be "allow" or "skip"'
        jitter: object = self.jitter
        if (
            not isinstance(jitter, int | float)
            or isinstance(jitter, bool)
            or not math.isfinite(jitter)
            or not 0 <= jitter <= JITTER_MOST
        ):
            yield f"jitter is {jitter!r}; it must be seconds from 0 to {JITTER_MOST:.0f}"
        if self.name is not None and not (
            isinstance(self.name, str) and _NAME.fullmatch(self.name)
        ):
            yield f"name is {self.name!r}; it must be of lower-case letters, digits, '_', '-', '.'"
