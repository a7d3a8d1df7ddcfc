"""What jobs take up while they run, and how much of it there is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Cap = Literal["task", "task_user", "group", "user", "slots", "turn"]


class Claim(NamedTuple):
    """
    What a job takes up while it runs, and beside how many others it may.

    A job that takes no slot starts at once, whatever runs, if no cap of its task forbids it.
    """

    task: str = ""
    slots: int = 1
    group: str | None = None
    most_running: int | None = None
    """How many jobs of the task may run at once."""
    most_running_per_user: int | None = None
    """How many jobs of the task may run at once for one owner."""


ONE_SLOT = Claim()
"""The claim of a job of which nothing else is known."""


class Reason(NamedTuple):
    """
    Why a job does not start: `used` of `limit` are taken, and it needs `needed` more.

    By `cap`, these are jobs of its `task`, jobs of its task for its owner (`task_user`), or
    slots: of its group, of its owner (`user`), or of all. `turn` is none of these: slots are
    free, but kept for those before it.
    """

    cap: Cap
    used: int
    limit: int
    needed: int = 1


class Usage:
    """What some jobs take up together."""

    def __init__(self) -> None:
        self.slots = 0
        self.tasks: Counter[str] = Counter()
        self.task_owners: Counter[tuple[str, str]] = Counter()
        self.groups: Counter[str] = Counter()
        self.owners: Counter[str] = Counter()
        self._jobs: dict[str, tuple[str, Claim, int, int]] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._jobs

    def add(self, job_id: str, owner: str, claim: Claim, *, slots: int, in_group: int) -> None:
        """Count a job that takes so many slots, and so many of those of its group."""
        self._jobs[job_id] = (owner, claim, slots, in_group)
        self._change(owner, claim, slots, in_group, 1)

    def remove(self, job_id: str) -> tuple[str, Claim]:
        """
        Count a job no longer; gives its owner and its claim.

        Raises:
            KeyError: It was not counted.
        """
        owner, claim, slots, in_group = self._jobs.pop(job_id)
        self._change(owner, claim, -slots, -in_group, -1)
        return owner, claim

    def _change(self, owner: str, claim: Claim, slots: int, in_group: int, jobs: int) -> None:
        self.slots += slots
        counts: list[tuple[Counter[Any], Any, int]] = [
            (self.tasks, claim.task, jobs),
            (self.task_owners, (claim.task, owner), jobs),
            (self.owners, owner, slots),
        ]
        if claim.group is not None:
            counts.append((self.groups, claim.group, in_group))
        for counter, key, change in counts:
            counter[key] += change
            if not counter[key]:
                del counter[key]


NOTHING = Usage()


class Capacity:
    """
    How many slots there are: in all, for each group of tasks, and for each owner.

    A job that wants more than there will ever be takes all there are: nothing waits for ever,
    whatever the limits are set to.
    """

    def __init__(
        self, slots: int, groups: Mapping[str, int] | None = None, per_owner: int | None = None
    ) -> None:
        self.slots = slots
        self.groups = dict(groups or {})
        self.per_owner = per_owner
        self.used = Usage()

    @property
    def is_full(self) -> bool:
        """Whether only a job can start that takes no slot."""
        return self.used.slots >= self.slots

    def needs(self, claim: Claim) -> int:
        """How many slots a job with *claim* takes."""
        most = self.slots if self.per_owner is None else min(self.slots, self.per_owner)
        return min(claim.slots, most)

    def take(self, job_id: str, owner: str, claim: Claim, usage: Usage | None = None) -> None:
        """Count a job as running, or in another *usage* than that of those which run."""
        usage = self.used if usage is None else usage
        needs = self.needs(claim)
        in_group = needs if claim.group is None else self._needs_in_group(claim)
        usage.add(job_id, owner, claim, slots=needs, in_group=in_group)

    def lack(self, owner: str, claim: Claim, beside: Usage = NOTHING) -> Reason | None:
        """
        Why a job of *owner* with *claim* cannot run now; None if it can.

        The jobs *beside* count as if they ran, too.
        """
        return (
            self.lack_for_task(claim, beside)
            or self.lack_for_owner_of_task(owner, claim, beside)
            or self.lack_in_group(claim, beside)
            or self.lack_for_owner(owner, claim, beside)
            or self.lack_of_slots(claim, beside)
        )

    def lack_for_task(self, claim: Claim, beside: Usage = NOTHING) -> Reason | None:
        """What `lack` says for want of room among the jobs of the task."""
        if claim.most_running is None:
            return None
        used = self.used.tasks[claim.task] + beside.tasks[claim.task]
        return _reason("task", used, claim.most_running, 1)

    def lack_for_owner_of_task(
        self, owner: str, claim: Claim, beside: Usage = NOTHING
    ) -> Reason | None:
        """What `lack` says for want of room among the owner's jobs of the task."""
        if claim.most_running_per_user is None:
            return None
        both = (claim.task, owner)
        used = self.used.task_owners[both] + beside.task_owners[both]
        return _reason("task_user", used, claim.most_running_per_user, 1)

    def lack_in_group(self, claim: Claim, beside: Usage = NOTHING) -> Reason | None:
        """What `lack` says for want of slots in the group of the task."""
        limit = None if claim.group is None else self.groups.get(claim.group)
        if claim.group is None or limit is None or not claim.slots:
            return None
        used = self.used.groups[claim.group] + beside.groups[claim.group]
        return _reason("group", used, limit, self._needs_in_group(claim))

    def lack_for_owner(self, owner: str, claim: Claim, beside: Usage = NOTHING) -> Reason | None:
        """What `lack` says for want of slots that the owner may have."""
        if self.per_owner is None or not claim.slots:
            return None
        used = self.used.owners[owner] + beside.owners[owner]
        return _reason("user", used, self.per_owner, self.needs(claim))

    def lack_of_slots(self, claim: Claim, beside: Usage = NOTHING) -> Reason | None:
        """What `lack` says for want of slots of any kind."""
        if not claim.slots:
            return None
        return _reason("slots", self.used.slots + beside.slots, self.slots, self.needs(claim))

    def _needs_in_group(self, claim: Claim) -> int:
        size = None if claim.group is None else self.groups.get(claim.group)
        needs = self.needs(claim)
        return needs if size is None else min(needs, size)


def _reason(cap: Cap, used: int, limit: int, needed: int) -> Reason | None:
    return None if used + needed <= limit else Reason(cap, used, limit, needed)
