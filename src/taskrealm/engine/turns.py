"""Whose turn it is: the jobs of each owner in their order, and the owners among each other."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from sortedcontainers import SortedList

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .claims import Capacity, Claim

TURN = 2
"""What starting a job of one slot adds to the tag of its owner; tags count in half turns."""

SURVEYED = 1_000
"""Jobs of different needs that one owner may have before their costs are not kept."""


class Entry(NamedTuple):
    """A waiting job in the order in which the jobs of one owner start."""

    rank: float
    arrival: int
    job_id: str
    line: Line


Spot = Entry | tuple[float, float]
"""Where a job stands or would stand in that order: by rank and arrival alone."""


class Line:
    """The waiting jobs of one owner that have the same claim."""

    __slots__ = ("account", "claim", "jobs", "place")

    def __init__(self, account: Account, claim: Claim) -> None:
        self.account = account
        self.claim = claim
        self.jobs: SortedList[Entry] = SortedList()
        self.place: Place | None = None
        """Where the line stands among those with the same claim; None if a cap keeps it out."""


class Place(NamedTuple):
    """Where a line stands: by the tag of its owner, then by its first job."""

    tag: int
    rank: float
    arrival: float
    line: Line


class Account:
    """One owner: its waiting jobs, and how many turns it has had."""

    __slots__ = ("_costs", "_need", "lead", "lines", "order", "owner", "turns")

    def __init__(self, owner: str, turns: int) -> None:
        self.owner = owner
        self.turns = turns
        self.lead = 0
        """By how many turns the owner goes before others that had as many."""
        self.lines: dict[Claim, Line] = {}
        self.order: SortedList[Entry] = SortedList()
        """All its waiting jobs that need slots."""
        self._need: int | None = None
        """What each of its jobs needs, if they all need the same."""
        self._costs: list[int] | None = None
        """By how much the tag has grown when the turn of each job comes; None if not known."""

    @property
    def tag(self) -> int:
        """The owner with the least goes first."""
        return self.turns - self.lead * TURN

    def cost(self, entry: Spot, capacity: Capacity) -> int:
        """By how much the tag grows until the turn of *entry* comes."""
        return TURN * sum(
            int(line.jobs.bisect_left(entry)) * capacity.needs(claim)
            for claim, line in self.lines.items()
        )

    def survey(self, capacity: Capacity) -> None:
        """Look anew at what the jobs need, as the claims of its lines or the capacity changed."""
        needs = {capacity.needs(claim) for claim in self.lines if claim.slots}
        self._need = needs.pop() if len(needs) == 1 else None
        self._costs = None

    def change(self) -> None:
        """Its waiting jobs have changed."""
        self._costs = None

    def before(self, tag: int, capacity: Capacity) -> tuple[int, Entry | None]:
        """
        How many jobs start before the owner's tag reaches *tag*.

        Gives also the job that starts when the tag equals it, if there is one.
        """
        gap = tag - self.tag
        if gap <= 0:
            return 0, None if gap else self.order[0]
        if self._need is not None:
            number, rest = divmod(gap, self._need * TURN)
            return self._at(number) if not rest else (min(len(self.order), number + 1), None)
        if len(self.order) <= SURVEYED:
            if self._costs is None:
                self._costs = [each - self.tag for each, _ in self.tags(capacity)]
            number = bisect_left(self._costs, gap)
            ties = number < len(self._costs) and self._costs[number] == gap
            return number, self.order[number] if ties else None
        low, high = 0, len(self.order)
        while low < high:
            middle = (low + high) // 2
            if self.cost(self.order[middle], capacity) < gap:
                low = middle + 1
            else:
                high = middle
        number, entry = self._at(low)
        comes_then = entry is not None and self.cost(entry, capacity) == gap
        return number, entry if comes_then else None

    def _at(self, number: int) -> tuple[int, Entry | None]:
        if number < len(self.order):
            return number, self.order[number]
        return len(self.order), None

    def tags(self, capacity: Capacity) -> Iterator[tuple[int, Entry]]:
        """Its jobs in order, each with the tag that the owner has when it starts."""
        tag = self.tag
        for entry in self.order:
            yield tag, entry
            tag += capacity.needs(entry.line.claim) * TURN
