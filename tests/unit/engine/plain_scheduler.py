"""The rules of the scheduler in their plainest form, which looks at every job each time."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from taskrealm.engine import Claim

HALF = Fraction(1, 2)


class Waiting(NamedTuple):
    """A job that waits."""

    rank: float
    arrival: int
    job_id: str
    owner: str
    claim: Claim


class Running(NamedTuple):
    """A job that runs, and what it got."""

    job: Waiting
    slots: int
    in_group: int


@dataclass
class PlainScheduler:
    """What `Scheduler` is to do, without its books."""

    slots: int
    groups: dict[str, int]
    per_owner: int | None
    waiting: list[Waiting] = field(default_factory=list)
    running: dict[str, Running] = field(default_factory=dict)
    turns: dict[str, Fraction] = field(default_factory=dict)
    leads: dict[str, int] = field(default_factory=dict)
    reached: Fraction = Fraction(0)
    entrance: Fraction = Fraction(0)
    lead_entrance: Fraction = Fraction(0)
    arrivals: int = 0

    def add(self, job_id: str, rank: float, owner: str, claim: Claim, lead: int) -> None:
        if not any(job.owner == owner and job.claim.slots for job in self.waiting):
            entrance = max(self.entrance, self.lead_entrance)
            entrance = min(entrance, self.entrance + max(0, lead))
            self.turns[owner] = max(self.turns.get(owner, entrance), entrance)
        self.leads[owner] = lead
        self.arrivals += 1
        self.waiting.append(Waiting(rank, self.arrivals, job_id, owner, claim))

    def remove(self, job_id: str) -> None:
        [job] = [job for job in self.waiting if job.job_id == job_id]
        self.waiting.remove(job)

    def start(self, job_id: str) -> None:
        [job] = [job for job in self.waiting if job.job_id == job_id]
        self.waiting.remove(job)
        slots = self.needs(job.claim)
        self.running[job_id] = Running(job, slots, self.needs_in_group(job.claim))
        if slots:
            tag, lead = self.tag(job.owner), self.leads[job.owner]
            self.turns[job.owner] = slots + max(self.turns[job.owner], self.reached + min(0, lead))
            self.reached = max(self.reached, tag)
            self.entrance = self.reached + HALF
            if lead > 0:
                self.lead_entrance = max(self.entrance, self.lead_entrance + HALF)

    def tag(self, owner: str) -> Fraction:
        return self.turns[owner] - self.leads[owner]

    def order(self) -> list[Waiting]:
        """The jobs that need slots, those first whose turn is first."""
        jobs = [job for job in self.waiting if job.claim.slots]
        return sorted(jobs, key=lambda job: (self.tag(job.owner), job.rank, job.arrival))

    def first(self) -> Waiting | None:
        """The first job that no cap keeps back."""
        held: set[object] = set()
        for job in self.order():
            group, owner = ("group", job.claim.group), ("owner", job.owner)
            if self.task_is_full(job) or self.owner_has_enough_of_task(job):
                continue
            if group in held or self.group_is_full(job):
                held.add(group)
            elif owner in held or self.owner_has_enough(job):
                held.add(owner)
            else:
                return job
        return None

    def startable(self) -> set[str]:
        """The jobs of which one may start next."""
        weightless = {
            job.job_id
            for job in self.waiting
            if not job.claim.slots
            and not self.task_is_full(job)
            and not self.owner_has_enough_of_task(job)
        }
        if weightless:
            return weightless
        first = self.first()
        return {first.job_id} if first is not None and not self.lacks_slots(first) else set()

    def caps(self, job: Waiting) -> list[str]:
        """Everything that keeps *job* from starting."""
        return [
            *(["task"] if self.task_is_full(job) else []),
            *(["task_user"] if self.owner_has_enough_of_task(job) else []),
            *(["group"] if self.group_is_full(job) else []),
            *(["user"] if self.owner_has_enough(job) else []),
            *(["slots"] if self.lacks_slots(job) else []),
        ]

    def needs(self, claim: Claim) -> int:
        return min(
            claim.slots, self.slots, self.slots if self.per_owner is None else self.per_owner
        )

    def needs_in_group(self, claim: Claim) -> int:
        return min(self.needs(claim), self.groups[claim.group]) if claim.group else 0

    def task_is_full(self, job: Waiting) -> bool:
        most = job.claim.most_running
        of_task = [each for each in self.running.values() if each.job.claim.task == job.claim.task]
        return most is not None and len(of_task) >= most

    def owner_has_enough_of_task(self, job: Waiting) -> bool:
        most = job.claim.most_running_per_user
        of_task = [
            each
            for each in self.running.values()
            if (each.job.claim.task, each.job.owner) == (job.claim.task, job.owner)
        ]
        return most is not None and len(of_task) >= most

    def group_is_full(self, job: Waiting) -> bool:
        if job.claim.group is None or not job.claim.slots:
            return False
        used = sum(
            each.in_group
            for each in self.running.values()
            if each.job.claim.group == job.claim.group
        )
        return used + self.needs_in_group(job.claim) > self.groups[job.claim.group]

    def owner_has_enough(self, job: Waiting) -> bool:
        if self.per_owner is None or not job.claim.slots:
            return False
        used = sum(each.slots for each in self.running.values() if each.job.owner == job.owner)
        return used + self.needs(job.claim) > self.per_owner

    def lacks_slots(self, job: Waiting) -> bool:
        used = sum(each.slots for each in self.running.values())
        return bool(job.claim.slots) and used + self.needs(job.claim) > self.slots
