"""The scheduler does what its rules say, whatever happens in whatever order."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.unit.engine.plain_scheduler import PlainScheduler

from taskrealm.engine import Claim, Scheduler
from taskrealm.protocol.errors import QueueFull

pytestmark = pytest.mark.capability("Q3", "Q4", "Q7", "Q10", "N13")

PRIORITIES = st.integers(-5, 5)
SECONDS = st.integers(0, 10).map(float)
OWNERS = st.sampled_from(["ann", "bob", "cyd"])
LEADS = st.sampled_from([0, 0, 0, 2, -3])
CLAIMS = st.sampled_from(
    [
        Claim(),
        Claim(slots=2),
        Claim("film", group="media"),
        Claim("heavy film", slots=3, group="media"),
        Claim("backup", most_running=1),
        Claim("report", most_running=2, most_running_per_user=1, group="media"),
        Claim("batch", slots=0, most_running_per_user=1),
    ]
)
SIZES = st.integers(1, 3)


class Model(RuleBasedStateMachine):
    """The scheduler beside the same rules, worked out anew each time."""

    @initialize(
        slots=st.integers(1, 4),
        queue_limit=st.integers(1, 4),
        owner_limit=st.integers(1, 4),
        media=SIZES,
        per_owner=st.none() | SIZES,
    )
    def begin(
        self, slots: int, queue_limit: int, owner_limit: int, media: int, per_owner: int | None
    ) -> None:
        self.scheduler = Scheduler(
            slots=slots,
            queue_limit=queue_limit,
            owner_limit=owner_limit,
            groups={"media": media},
            slots_per_owner=per_owner,
        )
        self.queue_limit, self.owner_limit = queue_limit, owner_limit
        self.plain = PlainScheduler(slots, {"media": media}, per_owner)
        self.reserved: dict[str, str] = {}
        self.jobs = 0
        self.was_lowered = False

    @rule(owner=OWNERS, count=st.integers(1, 3))
    def ask_for_room(self, owner: str, count: int) -> None:
        queued = [*(job.owner for job in self.plain.waiting), *self.reserved.values()]
        used = sum(each.slots for each in self.plain.running.values())
        free = max(0, self.plain.slots - used)
        fits = len(queued) + count <= free + self.queue_limit
        fits_owner = queued.count(owner) + count <= free + self.owner_limit
        try:
            self.scheduler.require_room(count, owner=owner)
        except QueueFull:
            assert not fits or not fits_owner
        else:
            assert fits
            assert fits_owner

    @rule(
        jobs=st.lists(st.tuples(PRIORITIES, SECONDS, OWNERS, CLAIMS, LEADS), min_size=2, max_size=6)
    )
    def add(self, jobs: list[tuple[int, float, str, Claim, int]]) -> None:
        for priority, since, owner, claim, lead in jobs:
            self.jobs += 1
            self._add(str(self.jobs), priority, since, owner, claim, lead)

    @rule(owner=OWNERS)
    def reserve(self, owner: str) -> None:
        self.jobs += 1
        self.scheduler.reserve(str(self.jobs), owner=owner)
        self.reserved[str(self.jobs)] = owner

    @precondition(lambda self: self.reserved)
    @rule(priority=PRIORITIES, since=SECONDS, claim=CLAIMS, lead=LEADS)
    def let_wait(self, priority: int, since: float, claim: Claim, lead: int) -> None:
        job_id, owner = self.reserved.popitem()
        self._add(job_id, priority, since, owner, claim, lead)

    @precondition(lambda self: self.reserved)
    @rule()
    def forget(self) -> None:
        assert self.scheduler.remove(self.reserved.popitem()[0])

    @rule()
    def start(self) -> None:
        while self.take():
            pass

    @precondition(lambda self: self.plain.running)
    @rule(data=st.data(), times=st.integers(1, 5))
    def end_and_start(self, data: st.DataObject, times: int) -> None:
        for _ in range(times):
            if self.plain.running:
                self.release(data)
            self.start()

    @precondition(lambda self: self.plain.waiting)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(self.plain.waiting))
        assert self.scheduler.remove(job.job_id)
        self.plain.remove(job.job_id)

    @precondition(lambda self: self.plain.waiting)
    @rule(data=st.data())
    def remove_all(self, data: st.DataObject) -> None:
        waiting = [job.job_id for job in self.plain.waiting]
        some = data.draw(st.sets(st.sampled_from(waiting)))
        running = set(self.plain.running)
        assert self.scheduler.remove_all([*some, *running, "unknown"]) == some
        for job_id in some:
            self.plain.remove(job_id)

    def release(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.plain.running)))
        self.scheduler.release(job_id)
        del self.plain.running[job_id]

    @rule(slots=st.integers(1, 4), media=SIZES, per_owner=st.none() | SIZES)
    def limit(self, slots: int, media: int, per_owner: int | None) -> None:
        self.scheduler.limit(slots=slots, groups={"media": media}, slots_per_owner=per_owner)
        self.plain.slots, self.plain.groups = slots, {"media": media}
        self.plain.per_owner = per_owner
        self.was_lowered = True

    def take(self) -> bool:
        """Take a job, if it may be and is one that starts now."""
        startable = self.plain.startable()
        started = self.scheduler.take()
        if started is None:
            assert not startable
            return False
        assert started in startable
        self.plain.start(started)
        return True

    def _add(
        self, job_id: str, priority: int, since: float, owner: str, claim: Claim, lead: int
    ) -> None:
        self.scheduler.add(
            job_id, priority=priority, since=since, owner=owner, claim=claim, lead=lead
        )
        self.plain.add(job_id, since - priority, owner, claim, lead)

    @invariant()
    def counts_agree(self) -> None:
        assert self.scheduler.waiting == len(self.plain.waiting)
        assert self.scheduler.reserved == len(self.reserved)
        assert self.scheduler.running == len(self.plain.running)
        assert self.scheduler.used == sum(each.slots for each in self.plain.running.values())

    @invariant()
    def no_cap_is_exceeded(self) -> None:
        if self.was_lowered:
            return  # what ran already goes on
        running = [each.job for each in self.plain.running.values()]
        assert self.scheduler.used <= self.plain.slots
        in_media = [each for each in self.plain.running.values() if each.job.claim.group]
        assert sum(each.in_group for each in in_media) <= self.plain.groups["media"]
        for job in running:
            of_task = [each for each in running if each.claim.task == job.claim.task]
            of_owner = [each for each in of_task if each.owner == job.owner]
            assert len(of_task) <= (job.claim.most_running or len(of_task))
            assert len(of_owner) <= (job.claim.most_running_per_user or len(of_owner))

    @invariant()
    def reasons_are_true(self) -> None:
        for job in self.plain.waiting:
            reason = self.scheduler.reason(job.job_id)
            assert reason is not None
            caps = self.plain.caps(job)
            assert reason.cap == (caps[0] if caps else "turn")

    @invariant()
    def places_are_foretold(self) -> None:
        places = self.plain_places()
        assert list(self.scheduler.front(len(places))) == places
        for place, job_id in enumerate(places, start=1):
            assert self.scheduler.position(job_id) == place

    def plain_places(self) -> list[str]:
        """The jobs that need slots, in the order in which they would start without any cap."""
        left = PlainScheduler(
            self.plain.slots,
            self.plain.groups,
            self.plain.per_owner,
            waiting=[job for job in self.plain.waiting if job.claim.slots],
            turns=dict(self.plain.turns),
            leads=dict(self.plain.leads),
        )
        places = []
        while left.waiting:
            first = left.order()[0]
            left.waiting.remove(first)
            left.turns[first.owner] += left.needs(first.claim)
            places.append(first.job_id)
        return places


Model.TestCase.settings = settings(deadline=None, stateful_step_count=20)
TestSchedulerAgainstItsRules = Model.TestCase
