"""Jobs that wait for others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskrealm.executor.dependencies import Dependencies, refusal
from taskrealm.protocol.jobs import TERMINAL, Job, State, now

JOB = Job("a", "convert", "ann", "ann", "user", {}, now())


def test_a_job_waits_until_the_last_of_those_it_waits_for_has_succeeded() -> None:
    jobs = Dependencies()
    jobs.add("c", ["a", "b"])

    assert jobs.dependents("a") == ["c"]
    assert not jobs.settle("c", "a")
    assert not jobs.settle("c", "a")
    assert jobs.holds("c")
    assert jobs.settle("c", "b")
    assert not jobs.holds("c")


def test_a_job_that_is_gone_waits_for_nothing() -> None:
    jobs = Dependencies()
    jobs.add("b", ["a"])
    jobs.remove("b")
    jobs.remove("b")

    assert jobs.dependents("a") == []
    assert not jobs.settle("b", "a")


@pytest.mark.parametrize("state", sorted(TERMINAL - {State.SUCCEEDED}))
def test_a_job_cannot_run_after_one_that_did_not_succeed(state: State) -> None:
    ending = refusal(replace(JOB, state=state), "a")

    assert ending is not None
    assert ending.data["by"] == "system"
    assert ending.data["reason"].startswith("job a, which it waits for, did not succeed: ")


def test_a_job_cannot_run_after_one_that_nobody_knows_any_more() -> None:
    ending = refusal(None, "a")

    assert ending is not None
    assert ending.data["reason"] == "job a, which it waits for, is not known any more"


@given(st.lists(st.sets(st.integers(0, 9))), st.permutations(range(10)))
def test_in_whatever_order_jobs_succeed_each_that_waits_is_freed_once(
    after: list[set[int]], order: list[int]
) -> None:
    jobs = Dependencies()
    for number, each in enumerate(after):
        jobs.add(f"w{number}", map(str, each))
    freed: list[str] = []
    for done in order:
        freed += [each for each in jobs.dependents(str(done)) if jobs.settle(each, str(done))]

    assert sorted(freed) == sorted(f"w{number}" for number, each in enumerate(after) if each)
    assert not any(jobs.dependents(str(number)) for number in order)
