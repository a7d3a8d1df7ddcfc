"""Whose turn it is: the jobs of each owner in their order, and the owners among each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sortedcontainers import SortedList

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .claims import Capacity, Claim

TURN = 2
"""What starting a job of one slot adds to the tag of its owner; tags count in half turns."""


class Entry(NamedTuple):
    """A waiting job in the order in which the jobs of one owner start."""

    rank: float
    arrival: float
    job_id: str


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

    __slots__ = ("lead", "lines", "order", "owner", "turns")

    def __init__(self, owner: str, turns: int) -> None:
        self.owner = owner
        self.turns = turns
        self.lead = 0
        """By how many turns the owner goes before others that had as many."""
        self.lines: dict[Claim, Line] = {}
        self.order: SortedList[Entry] = SortedList()
        """All its waiting jobs that need slots."""

    @property
    def tag(self) -> int:
        """The owner with the least goes first."""
        return self.turns - self.lead * TURN

    def cost(self, entry: Entry, capacity: Capacity) -> int:
        """By how much the tag grows until the turn of *entry* comes."""
        return TURN * sum(
            int(line.jobs.bisect_left(entry)) * capacity.needs(claim)
            for claim, line in self.lines.items()
        )

    def before(self, tag: int, capacity: Capacity) -> tuple[int, Entry | None]:
        """
        How many jobs start before the owner's tag reaches *tag*.

        Gives also the job that starts when the tag equals it, if there is one.
        """
        if not self.order or tag < self.tag:
            return 0, None
        needs = {capacity.needs(claim) for claim in self.lines} - {0}
        if len(needs) == 1:
            ahead, rest = divmod(tag - self.tag, needs.pop() * TURN)
            if rest:
                return min(len(self.order), ahead + 1), None
            return self._at(ahead)
        low, high = 0, len(self.order)
        while low < high:
            middle = (low + high) // 2
            if self.tag + self.cost(self.order[middle], capacity) < tag:
                low = middle + 1
            else:
                high = middle
        ahead, entry = self._at(low)
        ties = entry is not None and self.tag + self.cost(entry, capacity) == tag
        return ahead, entry if ties else None

    def _at(self, number: int) -> tuple[int, Entry | None]:
        if number < len(self.order):
            return number, self.order[number]
        return len(self.order), None

    def tags(self, capacity: Capacity, claims: dict[str, Claim]) -> Iterator[tuple[int, Entry]]:
        """Its jobs in order, each with the tag that the owner has when it starts."""
        tag = self.tag
        for entry in self.order:
            yield tag, entry
            tag += capacity.needs(claims[entry.job_id]) * TURN
