"""The scheduler starts the right job next, and never too many."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskrealm.engine import Claim, Scheduler
from taskrealm.protocol.errors import QueueFull

PRIORITIES = st.integers(-1_000, 1_000)
SECONDS = st.integers(0, 3_000).map(float)
SUBMISSIONS = st.lists(st.tuples(PRIORITIES, SECONDS), max_size=50)


def scheduler(
    *, slots: int = 1, queue_limit: int = 100, owner_limit: int | None = None
) -> Scheduler:
    return Scheduler(slots=slots, queue_limit=queue_limit, owner_limit=owner_limit)


def drain(scheduler: Scheduler) -> list[str]:
    """The waiting jobs in the order in which they start, one at a time."""
    order = []
    while (job_id := scheduler.take()) is not None:
        order.append(job_id)
        scheduler.release(job_id)
    return order


@pytest.mark.parametrize(
    ("priorities", "order"),
    [
        pytest.param([0, 0, 0], "abc", id="equal priorities keep arrival order"),
        pytest.param([0, 5, 0], "bac", id="a higher number goes first"),
        pytest.param([-5, 0, 5], "cba", id="negative priorities go last"),
    ],
)
def test_jobs_submitted_together_start_by_priority_then_arrival(
    priorities: list[int], order: str
) -> None:
    queue = scheduler()
    for job_id, priority in zip("abc", priorities, strict=True):
        queue.add(job_id, priority=priority, since=0.0)

    assert "".join(drain(queue)) == order


@pytest.mark.parametrize(
    ("later", "order"),
    [
        pytest.param(9.0, ["urgent", "patient"], id="9 s later it overtakes"),
        pytest.param(10.0, ["patient", "urgent"], id="10 s later it is equal and arrived second"),
        pytest.param(11.0, ["patient", "urgent"], id="11 s later it comes second"),
    ],
)
def test_ten_points_of_priority_are_worth_ten_seconds(later: float, order: list[str]) -> None:
    queue = scheduler()
    queue.add("patient", priority=0, since=0.0)
    queue.add("urgent", priority=10, since=later)

    assert drain(queue) == order


@given(SUBMISSIONS)
def test_jobs_start_by_submission_less_priority_then_arrival(
    submissions: list[tuple[int, float]],
) -> None:
    queue = scheduler()
    for number, (priority, since) in enumerate(submissions):
        queue.add(str(number), priority=priority, since=since)

    expected = sorted(
        range(len(submissions)), key=lambda number: submissions[number][1] - submissions[number][0]
    )
    assert drain(queue) == [str(number) for number in expected]


@given(SUBMISSIONS, PRIORITIES, SECONDS)
def test_the_place_foretold_is_the_place_given_and_the_turn_taken(
    submissions: list[tuple[int, float]], priority: int, since: float
) -> None:
    queue = scheduler()
    for number, submission in enumerate(submissions):
        queue.add(str(number), priority=submission[0], since=submission[1])

    foretold = queue.position_for(priority=priority, since=since)
    queue.add("new", priority=priority, since=since)

    assert queue.position("new") == foretold
    assert drain(queue).index("new") == foretold - 1


@given(patient=PRIORITIES, urgent=PRIORITIES, pause=st.floats(0.1, 10))
@settings(max_examples=30, deadline=None)
def test_no_stream_of_urgent_jobs_holds_back_a_job_beyond_the_difference_in_priority(
    patient: int, urgent: int, pause: float
) -> None:
    queue = scheduler()
    queue.add("patient", priority=patient, since=0.0)
    clock = 0.0
    while True:
        queue.add(f"urgent {clock}", priority=urgent, since=clock)
        started = queue.take()
        assert started is not None
        if started == "patient":
            break
        queue.release(started)
        clock += pause

    assert clock <= max(0, urgent - patient) + pause


def test_a_job_that_does_not_wait_has_no_place() -> None:
    queue = scheduler()
    queue.add("running", priority=0, since=0.0)
    queue.take()

    assert queue.position("running") is None
    assert queue.position("unheard of") is None


def test_a_full_queue_refuses_the_next_job_and_names_its_limit() -> None:
    queue = scheduler(slots=1, queue_limit=2)
    for job_id in ("running", "first", "second"):
        queue.require_room()
        queue.add(job_id, priority=0, since=0.0)
    queue.take()

    with pytest.raises(QueueFull, match="already holds 2 jobs") as refusal:
        queue.require_room()
    assert refusal.value.limit == 2


@pytest.mark.parametrize(
    ("count", "fits"),
    [
        pytest.param(5, True, id="2 start at once and 3 wait"),
        pytest.param(6, False, id="2 start at once and 4 would have to wait"),
    ],
)
def test_jobs_that_start_at_once_need_no_room_in_the_queue(count: int, fits: bool) -> None:
    queue = scheduler(slots=2, queue_limit=3)

    if fits:
        queue.require_room(count)
    else:
        with pytest.raises(QueueFull):
            queue.require_room(count)


def test_one_owner_cannot_take_up_the_whole_queue() -> None:
    queue = scheduler(queue_limit=4, owner_limit=2)
    for job_id in ("running", "first", "second"):
        queue.add(job_id, priority=0, since=0.0, owner="flooder")
    queue.take()

    with pytest.raises(QueueFull, match="2 jobs of flooder wait, and 2 may") as refusal:
        queue.require_room(owner="flooder")
    assert refusal.value.limit == 2
    queue.require_room(owner="somebody else")


def test_reserved_room_is_taken_until_the_job_is_forgotten() -> None:
    queue = scheduler(slots=1, queue_limit=1)
    queue.reserve("running")
    queue.reserve("later")

    assert queue.take() is None
    with pytest.raises(QueueFull):
        queue.require_room()
    queue.remove("later")
    queue.require_room()


def test_recovered_jobs_come_back_even_above_the_limit() -> None:
    queue = scheduler(slots=1, queue_limit=1)
    for number in range(5):
        queue.add(str(number), priority=0, since=0.0)

    assert queue.waiting == 5
    with pytest.raises(QueueFull):
        queue.require_room()


def test_a_removed_job_never_starts() -> None:
    queue = scheduler()
    for job_id in "abc":
        queue.add(job_id, priority=0, since=0.0)

    assert queue.remove("b")
    assert not queue.remove("b")
    assert drain(queue) == ["a", "c"]


def test_a_running_job_cannot_be_removed() -> None:
    queue = scheduler()
    queue.add("running", priority=0, since=0.0)
    queue.take()

    assert not queue.remove("running")
    assert queue.running == 1


def test_a_job_cannot_wait_twice() -> None:
    queue = scheduler()
    queue.add("a", priority=0, since=0.0)

    with pytest.raises(ValueError, match="waits or runs already"):
        queue.add("a", priority=0, since=0.0)


def test_a_job_that_takes_no_slot_starts_at_once_whatever_runs() -> None:
    queue = scheduler(slots=1)
    queue.add("running", priority=0, since=0.0)
    queue.take()
    queue.add("waiting", priority=0, since=0.0)
    queue.add("batch", priority=-1_000, since=0.0, claim=Claim("batch", slots=0))

    assert queue.take() == "batch"
    assert queue.take() is None
    assert (queue.running, queue.used) == (2, 1)
    queue.release("batch")
    queue.release("running")
    assert queue.take() == "waiting"


def test_a_slot_is_freed_only_once() -> None:
    queue = scheduler()
    queue.add("a", priority=0, since=0.0)
    queue.take()
    queue.release("a")

    with pytest.raises(KeyError):
        queue.release("a")
