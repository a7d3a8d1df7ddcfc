"""Nobody keeps the others waiting: not with many jobs, not with heavy ones, not with urgent ones."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskrealm.engine import Claim, Scheduler, turns

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 10.0  # seconds that a job runs at most
DURATIONS = st.integers(1, int(LONGEST)).map(float)  # whole, so that sums are exact


class Clockwork:
    """A scheduler and its jobs, which run for as long as they are meant to."""

    def __init__(self, slots: int, **limits: int) -> None:
        self.scheduler = Scheduler(slots=slots, queue_limit=100_000, **limits)
        self.slots = slots
        self.time = 0.0
        self.started: dict[str, float] = {}
        self._durations: dict[str, float] = {}
        self._ends: list[tuple[float, str]] = []

    def add(
        self, job_id: str, owner: str, seconds: float, *, slots: int = 1, lead: int = 0
    ) -> None:
        self._durations[job_id] = seconds
        self.scheduler.add(
            job_id,
            priority=0,
            since=self.time,
            owner=owner,
            claim=Claim(slots=slots),
            lead=lead,
        )

    def start(self) -> list[str]:
        """Start what can be started."""
        started = []
        while (job_id := self.scheduler.take()) is not None:
            self.started[job_id] = self.time
            heapq.heappush(self._ends, (self.time + self._durations[job_id], job_id))
            started.append(job_id)
        return started

    def end(self) -> str:
        """Let the time pass until the next job ends; gives this one."""
        self.time, job_id = heapq.heappop(self._ends)
        self.scheduler.release(job_id)
        return job_id

    def run_until_started(self, job_id: str) -> float:
        """When the job starts."""
        self.start()
        while job_id not in self.started:
            self.end()
            self.start()
        return self.started[job_id]


def flood(clockwork: Clockwork, jobs: Iterable[tuple[float, int]]) -> None:
    for number, (seconds, slots) in enumerate(jobs):
        clockwork.add(f"flood {number}", "flooder", seconds, slots=slots)


@pytest.mark.capability("N14", "Q10")
@given(
    slots=st.integers(1, 4),
    jobs=st.lists(st.tuples(DURATIONS, st.integers(1, 4)), min_size=30, max_size=40),
    ends=st.integers(0, 20),
    needs=st.integers(1, 4),
)
@settings(deadline=None)
def test_a_flood_delays_the_single_job_of_another_by_no_more_than_one_job(
    slots: int, jobs: list[tuple[float, int]], ends: int, needs: int
) -> None:
    clockwork = Clockwork(slots)
    flood(clockwork, jobs)
    clockwork.start()
    for _ in range(ends):
        clockwork.end()
        clockwork.start()
    running_until = [end for end, _ in clockwork._ends]
    arrived = clockwork.time
    clockwork.add("single", "other", 1.0, slots=needs)

    started = clockwork.run_until_started("single")
    # It waits for what runs already, and for nothing that starts after it came.
    assert started <= max(running_until, default=arrived)
    assert started - arrived <= LONGEST


@pytest.mark.capability("N14")
def test_ten_thousand_waiting_jobs_of_one_user_cost_another_one_job() -> None:
    clockwork = Clockwork(1)
    flood(clockwork, [(1.0, 1)] * 10_000)
    clockwork.start()
    clockwork.add("single", "other", 1.0)

    assert clockwork.run_until_started("single") == 1.0


@pytest.mark.capability("Q10")
@given(
    slots=st.integers(1, 4),
    jobs=st.lists(st.integers(1, 4), min_size=12, max_size=12),
)
def test_owners_who_always_have_jobs_waiting_get_the_same_number_of_slots(
    slots: int, jobs: list[int]
) -> None:
    clockwork = Clockwork(slots)
    for owner in ("ann", "bob", "cyd"):
        for number, needs in enumerate(jobs):
            clockwork.add(f"{owner} {number}", owner, 1.0, slots=needs)
    given_to = dict.fromkeys(("ann", "bob", "cyd"), 0)
    left = dict.fromkeys(given_to, len(jobs))
    while all(left.values()):
        for job_id in clockwork.start():
            owner, _, number = job_id.partition(" ")
            given_to[owner] += min(slots, jobs[int(number)])
            left[owner] -= 1
        if all(left.values()):
            assert max(given_to.values()) - min(given_to.values()) <= 2 * slots
            clockwork.end()


@pytest.mark.capability("N13")
@given(light=st.lists(DURATIONS, min_size=40, max_size=40), slots=st.integers(2, 5))
@settings(deadline=None)
def test_light_jobs_do_not_keep_back_a_heavy_one_before_them(
    light: list[float], slots: int
) -> None:
    clockwork = Clockwork(slots)
    for number, seconds in enumerate(light[:20]):
        clockwork.add(f"early {number}", "ann", seconds)
    clockwork.start()
    clockwork.add("heavy", "ann", 1.0, slots=slots)
    for number, seconds in enumerate(light[20:]):
        clockwork.add(f"late {number}", "ann", seconds)
    clockwork.run_until_started("heavy")

    assert not any(job_id.startswith("late") for job_id in clockwork.started)


@pytest.mark.capability("N13")
@pytest.mark.parametrize("kept", ["in all", "in a group", "of an owner"])
def test_slots_are_kept_for_a_heavy_job_whatever_it_lacks_them_in(kept: str) -> None:
    group = "media" if kept == "in a group" else None
    light, heavy = Claim("light", group=group), Claim("heavy", slots=2, group=group)
    scheduler = Scheduler(
        slots=2 if kept == "in all" else 9,
        queue_limit=100,
        groups={"media": 2},
        slots_per_owner=2 if kept == "of an owner" else None,
    )
    scheduler.add("first", priority=0, since=0.0, owner="ann", claim=light)
    assert scheduler.take() == "first"
    scheduler.add("heavy", priority=0, since=1.0, owner="ann", claim=heavy)
    scheduler.add("late", priority=0, since=2.0, owner="ann", claim=light)
    assert scheduler.take() is None
    scheduler.release("first")

    assert scheduler.take() == "heavy"
    assert scheduler.take() is None
    scheduler.release("heavy")
    assert scheduler.take() == "late"


@given(
    slots=st.integers(1, 3),
    needs=st.integers(1, 3),
    others=st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3)), min_size=1, max_size=4),
    are_new=st.booleans(),
)
@settings(deadline=None)
def test_no_stream_of_jobs_of_others_keeps_one_back_for_ever(
    slots: int, needs: int, others: list[tuple[int, int]], are_new: bool
) -> None:
    clockwork = Clockwork(slots)
    clockwork.add("earlier", "patient", 1.0)
    clockwork.start()
    clockwork.add("patient", "patient", 1.0, slots=needs)
    # Each of the others has a job waiting at all times, or has left it to somebody new.
    waiting = dict.fromkeys(range(len(others)), "")
    for turn in range(100):
        for number, job_id in waiting.items():
            if not job_id or job_id in clockwork.started:
                heavy, lead = others[number]
                waiting[number] = f"{number} {turn}"
                owner = f"other {number} {turn if are_new else ''}"
                clockwork.add(f"{number} {turn}", owner, 1.0, slots=heavy, lead=lead)
        clockwork.start()
        if "patient" in clockwork.started:
            break
        clockwork.end()

    assert "patient" in clockwork.started


@pytest.mark.capability("Q5", "Q6")
@pytest.mark.parametrize(("lead", "before"), [(3, 4), (0, 1), (-3, 0)])
def test_a_lead_is_worth_as_many_turns(lead: int, before: int) -> None:
    clockwork = Clockwork(1)
    clockwork.add("first", "usual", 1.0)
    clockwork.start()
    for number in range(20):
        clockwork.add(f"usual {number}", "usual", 1.0)
        clockwork.add(f"special {number}", "special", 1.0, lead=lead)
    order = []
    for _ in range(20):
        clockwork.end()
        order += clockwork.start()

    assert [job_id.split()[0] for job_id in order].index("usual") == before
    later = order[8:]
    assert sum(job_id.startswith("special") for job_id in later) == len(later) // 2


@pytest.mark.capability("N14")
def test_whoever_was_kept_back_by_a_cap_has_saved_no_turns() -> None:
    scheduler = Scheduler(slots=1, queue_limit=1_000)
    capped = Claim("backup", most_running=1)
    scheduler.add("backup", priority=0, since=0.0, owner="flooder", claim=capped)
    scheduler.take()
    scheduler.limit(slots=2, groups={}, slots_per_owner=None)
    scheduler.add("next backup", priority=0, since=0.0, owner="flooder", claim=capped)
    for number in range(100):
        scheduler.add(str(number), priority=0, since=0.0, owner="ann")
        scheduler.release(scheduler.take() or "")
    scheduler.release("backup")
    for number in range(100):
        scheduler.add(f"flood {number}", priority=0, since=1.0, owner="flooder")
    scheduler.add("single", priority=0, since=2.0, owner="bob")
    order = []
    for _ in range(3):
        order.append(started := scheduler.take() or "")
        scheduler.release(started)

    assert "single" in order


@given(
    jobs=st.lists(
        st.tuples(
            st.sampled_from(["ann", "bob", "cyd"]),
            st.sampled_from(["light", "film", "backup", "batch", "heavy"]),
            st.booleans(),
        ),
        max_size=40,
    ),
    slots=st.integers(1, 3),
    per_owner=st.none() | st.integers(1, 3),
)
@settings(deadline=None)
def test_every_job_starts_in_the_end_and_none_before_there_is_room(
    jobs: list[tuple[str, str, bool]], slots: int, per_owner: int | None
) -> None:
    claims = {
        "light": Claim("light"),
        "film": Claim("film", slots=2, group="media", most_running_per_user=1),
        "backup": Claim("backup", group="media", most_running=1),
        "batch": Claim("batch", slots=0, most_running=2),
        "heavy": Claim("heavy", slots=9),
    }
    scheduler = Scheduler(
        slots=slots, queue_limit=100, groups={"media": 2}, slots_per_owner=per_owner
    )
    running: list[str] = []
    started = 0
    for number, (owner, kind, ends_one) in enumerate(jobs):
        scheduler.add(str(number), priority=0, since=0.0, owner=owner, claim=claims[kind])
        while (job_id := scheduler.take()) is not None:
            running.append(job_id)
            started += 1
        if ends_one and running:
            scheduler.release(running.pop(0))
        assert scheduler.used <= slots
    while True:
        while (job_id := scheduler.take()) is not None:
            running.append(job_id)
            started += 1
        if not running:
            break
        scheduler.release(running.pop(0))

    assert started == len(jobs)
    assert scheduler.waiting == scheduler.used == 0


@pytest.mark.capability("U10")
@pytest.mark.parametrize("surveyed", [0, 1_000])
@given(
    jobs=st.lists(
        st.tuples(st.sampled_from(["ann", "bob", "cyd"]), st.integers(1, 3), st.integers(-5, 5)),
        max_size=25,
    ),
    starts=st.integers(0, 5),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_places_are_the_order_of_starts_whatever_jobs_need(
    monkeypatch: pytest.MonkeyPatch,
    surveyed: int,
    jobs: list[tuple[str, int, int]],
    starts: int,
) -> None:
    monkeypatch.setattr(turns, "SURVEYED", surveyed)
    scheduler = Scheduler(slots=3, queue_limit=100)
    for number, (owner, slots, priority) in enumerate(jobs):
        claim = Claim(slots=slots)
        scheduler.add(str(number), priority=priority, since=0.0, owner=owner, claim=claim)
    for _ in range(starts):
        if (job_id := scheduler.take()) is not None:
            scheduler.release(job_id)
    foretold = scheduler.position_for(priority=0, since=0.0, owner="bob")
    scheduler.add("new", priority=0, since=0.0, owner="bob")
    waiting = {job_id: scheduler.position(job_id) for job_id in [*map(str, range(25)), "new"]}
    order = []
    while (job_id := scheduler.take()) is not None:
        order.append(job_id)
        scheduler.release(job_id)

    assert waiting["new"] == foretold
    assert order == sorted(order, key=lambda job_id: waiting[job_id] or 0)
