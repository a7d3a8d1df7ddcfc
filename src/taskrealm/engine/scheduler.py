"""Decides which job starts next; pure logic without I/O or clock."""

from __future__ import annotations

import heapq
import itertools
import math
from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Any

from sortedcontainers import SortedList

from ..protocol.errors import QueueFull
from .claims import NOTHING, ONE_SLOT, Capacity, Reason
from .turns import TURN, Account, Entry, Line, Place, Spot

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from .claims import Claim, Usage


class Scheduler:
    """
    Jobs that wait for worker slots, of which there is a fixed number.

    *Among the jobs of one owner* a higher priority starts first. One point of priority counts
    as one second of waiting, so that no job waits for ever; jobs that are equal by this
    measure start in the order they were added.

    *Among owners* whoever has had fewer turns goes first, and of equals the one whose first
    job comes first by the measure above. Each slot of a job that starts is a turn. Who has no
    job waiting saves no turns: an owner enters half a turn behind the job that started last, or
    further behind if it has had its own turn since. So whoever enters goes before the owner of
    the job that started last, which is a whole turn behind it, and every other owner that
    waits starts one more job before it at most. With one slot, then, a single job waits for
    the job that runs, however many others its owner has waiting; with more slots, for no
    longer than those run that run already.

    An owner may have a *lead*: it goes before others that had so many turns less, and then
    falls in with them. A negative one lets as many of their turns pass first.

    *Nothing starves.* Whoever enters later than an owner does so behind it, as soon as one job
    has started that was as far on: so only owners that wait already can start before it, and
    each start puts them a turn further on. Within an owner, a priority is worth a limited time.

    *Caps* on the jobs of a task, on its jobs for one owner, and on the slots of a group or of
    an owner let a job be overtaken by those that they do not concern; a job that comes under
    a cap of its owner and under another one has to wait until both have room at once. Whoever waits for more
    slots than are free is not overtaken: slots are kept for it, in all, in its group or of its
    owner, until it has enough. So a slot is free only if no job waits that could use it, but
    for those that are kept for the first.

    Adding, taking and removing take time that grows with the logarithm of the number of waiting
    jobs, and with the number of different claims; places, with the number of owners.

    Of all the jobs that wait, *owner_limit* may belong to one owner, so that nobody takes
    up the whole queue. Room can be reserved for a job that does not wait for a slot yet: it
    has no place, but fills the queue like the others.
    """

    def __init__(
        self,
        *,
        slots: int,
        queue_limit: int,
        owner_limit: int | None = None,
        groups: Mapping[str, int] | None = None,
        slots_per_owner: int | None = None,
    ) -> None:
        """
        *groups* are the slots of each group, and *slots_per_owner* those that one owner may have.

        Without *owner_limit*, all jobs of the queue may belong to one owner.
        """
        self._capacity = Capacity(slots, groups, slots_per_owner)
        self._queue_limit = queue_limit
        self._owner_limit = queue_limit if owner_limit is None else owner_limit
        self._arrivals = itertools.count()
        self._waiting: dict[str, Entry] = {}
        self._reserved: dict[str, str] = {}
        """The jobs for which room is reserved, each with its owner."""
        self._load: Counter[str] = Counter()
        self._accounts: dict[str, Account] = {}
        self._busy: dict[str, Account] = {}
        """The accounts that have jobs waiting for slots."""
        self._idle: list[tuple[int, str]] = []
        """Accounts without waiting jobs that have had more turns than newcomers get, as a heap."""
        self._places: dict[Claim, SortedList[Place]] = {}
        self._reached = 0
        """The greatest tag at which a job has started."""
        self._entrance = 0
        """The turns that an owner counts as having had when it enters."""
        self._lead_entrance = 0
        """The same for an owner with a lead, which may use up its lead, but no more."""
        self._rivals: tuple[str, int, int, list[Entry]] | None = None

    @property
    def slots(self) -> int:
        """How many slots there are."""
        return self._capacity.slots

    @property
    def groups(self) -> dict[str, int]:
        """How many slots each group of tasks has."""
        return dict(self._capacity.groups)

    @property
    def slots_per_owner(self) -> int | None:
        """How many slots one owner may have; None for all."""
        return self._capacity.per_owner

    @property
    def queue_limit(self) -> int:
        """How many jobs may wait."""
        return self._queue_limit

    @property
    def owner_limit(self) -> int:
        """How many jobs of one owner may wait."""
        return self._owner_limit

    @property
    def owners(self) -> Collection[str]:
        """Who has jobs that wait for slots."""
        return self._busy.keys()

    @property
    def waiting(self) -> int:
        """How many jobs wait for a slot."""
        return len(self._waiting)

    @property
    def reserved(self) -> int:
        """For how many more jobs room is reserved."""
        return len(self._reserved)

    @property
    def running(self) -> int:
        """How many jobs run."""
        return len(self._capacity.used)

    @property
    def used(self) -> int:
        """How many slots they take up."""
        return self._capacity.used.slots

    def limit(
        self,
        *,
        slots: int,
        groups: Mapping[str, int],
        slots_per_owner: int | None,
    ) -> None:
        """Have other numbers of slots from now on; what runs goes on, even above them."""
        self._capacity.slots = slots
        self._capacity.groups = dict(groups)
        self._capacity.per_owner = slots_per_owner
        self._rivals = None
        for account in self._accounts.values():
            account.survey(self._capacity)
            self._line_up(account)

    def require_room(self, count: int = 1, *, owner: str = "") -> None:
        """
        Make sure that *count* more jobs of *owner* may be added.

        A job that can start at once needs no room in the queue.

        Raises:
            QueueFull: More jobs would wait than may wait, of all or of this owner.
        """
        free = max(0, self.slots - self.used)
        if self.waiting + self.reserved + count > free + self._queue_limit:
            raise QueueFull(limit=self._queue_limit)
        if self._load[owner] + count > free + self._owner_limit:
            raise QueueFull(
                f"{self._load[owner]} jobs of {owner} wait, and {self._owner_limit} may: there is "
                f"no room for {count} more until some have started or are cancelled",
                limit=self._owner_limit,
            )

    def add(
        self,
        job_id: str,
        *,
        priority: int,
        since: float,
        owner: str = "",
        claim: Claim = ONE_SLOT,
        lead: int = 0,
    ) -> None:
        """
        Let a job wait for slots, as if it waited *since*: in seconds from any fixed moment.

        The owner has the *lead* of its latest job. Never refuses for want of room: jobs that
        were accepted before a restart come back even above the limit.

        Raises:
            ValueError: The job waits or runs already.
        """
        if self._reserved.pop(job_id, None) is None:
            self._enter(job_id, owner)
        account = self._account(owner, lead)
        if lead != account.lead:
            account.lead = lead
            self._line_up(account)
        line = account.lines.get(claim)
        if line is None:
            line = account.lines[claim] = Line(account, claim)
            account.survey(self._capacity)
        entry = Entry(_rank(priority, since), next(self._arrivals), job_id, line)
        line.jobs.add(entry)
        if claim.slots:
            account.order.add(entry)
            account.change()
            self._busy[owner] = account
        self._waiting[job_id] = entry
        self._rivals = None
        if line.jobs[0] is entry:
            self._place(line)

    def reserve(self, job_id: str, *, owner: str = "") -> None:
        """
        Keep room for a job that cannot start yet; `add` lets it wait for a slot.

        Raises:
            ValueError: The job waits or runs already.
        """
        self._enter(job_id, owner)
        self._reserved[job_id] = owner

    def is_reserved(self, job_id: str) -> bool:
        """Whether room is reserved for a job."""
        return job_id in self._reserved

    def remove(self, job_id: str) -> bool:
        """Forget a job that waits or has room reserved; False if it does neither."""
        return bool(self.remove_all([job_id]))

    def remove_all(self, job_ids: Iterable[str]) -> set[str]:
        """Forget all jobs that wait or have room reserved; gives which of them did."""
        removed = set()
        # The lines are put in order once, however many of their jobs are gone.
        lines: set[Line] = set()
        for job_id in job_ids:
            owner = self._reserved.pop(job_id, None)
            if owner is not None:
                self._leave(owner)
            elif job_id in self._waiting:
                lines.add(self._drop(job_id))
            else:
                continue
            removed.add(job_id)
        for line in lines:
            self._place(line)
            self._retire(line.account)
        return removed

    def take(self) -> str | None:
        """The next job that may start, which now occupies its slots; None if there is none."""
        line = self._weightless()
        if line is None and not self._capacity.is_full:
            line = self._next()
        if line is None or self._capacity.lack_of_slots(line.claim):
            return None
        return self._start(line)

    def release(self, job_id: str) -> None:
        """
        Free the slots of a job that runs no longer.

        Raises:
            KeyError: The job does not run.
        """
        owner, _ = self._capacity.used.remove(job_id)
        account = self._accounts.get(owner)
        if account is not None:
            # Only a line that a cap of the owner has kept out can come to stand elsewhere.
            for line in account.lines.values():
                if line.place is None:
                    self._place(line)

    def reason(self, job_id: str) -> Reason | None:
        """Why a job waits; None if it does not wait for a slot."""
        if job_id not in self._waiting:
            return None
        line = self._waiting[job_id].line
        lack = self._capacity.lack(line.account.owner, line.claim)
        return lack or Reason("turn", self.used, self.slots, self._capacity.needs(line.claim))

    def reason_for(
        self,
        *,
        priority: int,
        since: float,
        owner: str = "",
        claim: Claim = ONE_SLOT,
        lead: int = 0,
        beside: Usage = NOTHING,
    ) -> Reason | None:
        """
        Why a job added now would not start at once; None if it would.

        The jobs *beside* count as if they ran, too.
        """
        lack = self._capacity.lack(owner, claim, beside)
        if lack is not None or not claim.slots:
            return lack
        first = self._next()
        mine = (self._tag_of(owner, lead), _rank(priority, since), math.inf)
        if first is None or first.place is None or mine < first.place[:3]:
            return None
        return Reason("turn", self.used, self.slots, self._capacity.needs(claim))

    def expect(self, job_id: str, owner: str, claim: Claim, usage: Usage) -> None:
        """Count in *usage* what a job would take up that has not been added yet."""
        self._capacity.take(job_id, owner, claim, usage)

    def position(self, job_id: str) -> int | None:
        """
        The place of a job among those waiting, from 1; None if it does not wait.

        It is the number of its start, if no other job is added and no cap lets one overtake
        another. A job that takes no slot has those before it only that make the same claim.
        """
        if job_id not in self._waiting:
            return None
        entry = self._waiting[job_id]
        account = entry.line.account
        if not entry.line.claim.slots:
            return 1 + int(entry.line.jobs.index(entry))
        tag = account.tag + account.cost(entry, self._capacity)
        return 1 + int(account.order.index(entry)) + self._ahead_of(account.owner, tag, entry)

    def position_for(self, *, priority: int, since: float, owner: str = "", lead: int = 0) -> int:
        """The place among those waiting, from 1, that a job added now would get."""
        # Infinity stands behind every arrival so far, hence behind all jobs of equal rank.
        entry = (_rank(priority, since), math.inf)
        tag = self._tag_of(owner, lead)
        account = self._busy.get(owner)
        if account is None:
            return 1 + self._ahead_of(owner, tag, entry)
        tag += account.cost(entry, self._capacity)
        return 1 + int(account.order.bisect_left(entry)) + self._ahead_of(owner, tag, entry)

    def front(self, count: int) -> Iterator[str]:
        """The first *count* jobs that wait for slots, by their positions."""
        starts = [account.tags(self._capacity) for account in self._busy.values()]
        return (entry.job_id for _, entry in itertools.islice(heapq.merge(*starts), count))

    def _enter(self, job_id: str, owner: str) -> None:
        if job_id in self._waiting or job_id in self._reserved or job_id in self._capacity.used:
            raise ValueError(f"Job {job_id} waits or runs already")
        self._load[owner] += 1

    def _leave(self, owner: str) -> None:
        self._load[owner] -= 1
        if not self._load[owner]:
            del self._load[owner]

    def _tag_of(self, owner: str, lead: int) -> int:
        """The tag of *owner* if it added a job with this *lead* now."""
        account = self._accounts.get(owner)
        turns = 0 if account is None else account.turns
        if owner not in self._busy:
            turns = max(turns, self._entrance_with(lead))
        return turns - lead * TURN

    def _account(self, owner: str, lead: int) -> Account:
        """The account of *owner*, whose next job is about to wait."""
        entrance = self._entrance_with(lead)
        account = self._accounts.get(owner)
        if account is None:
            account = self._accounts[owner] = Account(owner, entrance)
        elif owner not in self._busy and account.turns < entrance:
            account.turns = entrance
            self._line_up(account)
        return account

    def _entrance_with(self, lead: int) -> int:
        # At worst it is as if there were no lead.
        latest = self._entrance + max(0, lead) * TURN
        return min(max(self._entrance, self._lead_entrance), latest)

    def _drop(self, job_id: str) -> Line:
        """Take a waiting job out of everything but the order of lines."""
        entry = self._waiting.pop(job_id)
        line, account = entry.line, entry.line.account
        self._leave(account.owner)
        _remove(entry, line.jobs)
        if line.claim.slots:
            _remove(entry, account.order)
            account.change()
            if not account.order:
                del self._busy[account.owner]
        if not line.jobs:
            del account.lines[line.claim]
            account.survey(self._capacity)
        self._rivals = None
        return line

    def _start(self, line: Line) -> str:
        account, claim = line.account, line.claim
        tag = account.tag
        job_id: str = line.jobs[0].job_id
        self._drop(job_id)
        self._capacity.take(job_id, account.owner, claim)
        if claim.slots:
            # A cap may have kept it back: for that time it saves no turns.
            account.turns = max(account.turns, self._reached + min(0, account.lead) * TURN)
            account.turns += self._capacity.needs(claim) * TURN
            self._reached = max(self._reached, tag)
            # Newcomers go before whoever has just had a turn; but further on each time, so that
            # an endless row of them keeps nobody back.
            self._entrance = self._reached + TURN // 2
            if account.lead > 0:
                self._lead_entrance = max(self._entrance, self._lead_entrance + TURN // 2)
        if not line.jobs:
            self._displace(line)
        self._line_up(account)
        self._retire(account)
        return job_id

    def _retire(self, account: Account) -> None:
        """Remember an owner without waiting jobs as long as it has had more turns than others."""
        if not account.lines:
            heapq.heappush(self._idle, (account.turns, account.owner))
        while self._idle and self._idle[0][0] <= self._entrance:
            _, owner = heapq.heappop(self._idle)
            gone = self._accounts.get(owner)
            if gone is not None and not gone.lines and gone.turns <= self._entrance:
                del self._accounts[owner]

    def _line_up(self, account: Account) -> None:
        for line in account.lines.values():
            self._place(line)

    def _place(self, line: Line) -> None:
        """Give *line* its place among those with the same claim, or none if it cannot start."""
        account, claim = line.account, line.claim
        place = None
        if line.jobs and not self._is_kept_back(account.owner, claim):
            rank, arrival, *_ = line.jobs[0]
            place = Place(account.tag, rank, arrival, line)
        if place == line.place:
            return
        if place is None:
            self._displace(line)
            return
        places = self._places.get(claim)
        if places is None:
            places = self._places[claim] = SortedList()
        if line.place is not None:
            _remove(line.place, places)
        places.add(place)
        line.place = place

    def _displace(self, line: Line) -> None:
        if line.place is not None:
            places = self._places[line.claim]
            _remove(line.place, places)
            line.place = None
            if not places:
                del self._places[line.claim]

    def _is_kept_back(self, owner: str, claim: Claim) -> bool:
        """Whether nothing but the end of one of its own jobs lets *owner* start such a job."""
        if self._capacity.lack_for_owner_of_task(owner, claim):
            return True
        # With some slots left, others of its jobs must not overtake this one: it stays in order.
        lack = self._capacity.lack_for_owner(owner, claim)
        return lack is not None and lack.used >= lack.limit

    def _weightless(self) -> Line | None:
        """A line whose jobs take no slot, and whose first one may start."""
        for claim, places in self._places.items():
            if not claim.slots and not self._capacity.lack_for_task(claim):
                line: Line = places[0].line
                return line
        return None

    def _next(self) -> Line | None:
        """The line whose turn it is, of those that no cap keeps back."""
        # Lines of one claim are equal before the caps of task and group. Only those of owners
        # that lack slots of their own must be passed by, and they all have something running.
        heads = [
            (places[0], 0, places)
            for claim, places in self._places.items()
            if claim.slots and not self._capacity.lack_for_task(claim)
        ]
        heapq.heapify(heads)
        groups: set[str | None] = set()
        owners: set[str] = set()
        while heads:
            place, number, places = heads[0]
            line: Line = place.line
            owner, claim = line.account.owner, line.claim
            if claim.group in groups or self._capacity.lack_in_group(claim):
                groups.add(claim.group)
                heapq.heappop(heads)
            elif owner in owners or self._capacity.lack_for_owner(owner, claim):
                owners.add(owner)
                if number + 1 < len(places):
                    heapq.heapreplace(heads, (places[number + 1], number + 1, places))
                else:
                    heapq.heappop(heads)
            else:
                return line
        return None

    def _ahead_of(self, owner: str, tag: int, entry: Spot) -> int:
        """How many jobs of others start before one of *owner* whose tag is *tag* by then."""
        # Whoever submits many jobs at once asks the same for each.
        if self._rivals is None or self._rivals[:2] != (owner, tag):
            ahead, ties = 0, []
            for account in self._busy.values():
                if account.owner != owner:
                    number, tie = account.before(tag, self._capacity)
                    ahead += number
                    if tie is not None:
                        ties.append(tie)
            self._rivals = (owner, tag, ahead, sorted(ties))
        return self._rivals[2] + bisect_left(self._rivals[3], entry)


def _rank(priority: int, since: float) -> float:
    return since - priority


def _remove(one: object, entries: SortedList[Any]) -> None:
    # What starts is the first of them: it need not be looked for.
    if entries[0] is one:
        entries.pop(0)
    else:
        entries.remove(one)
