"""Nobody asks for a task more often than it allows, and each is told when to come back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskrealm.executor.entries import start_of
from taskrealm.executor.rates import Bucket, Rates
from taskrealm.executor.requests import Accepted
from taskrealm.journal import Journal
from taskrealm.protocol.errors import RateLimited
from taskrealm.protocol.jobs import Job, new_job_id, now
from taskrealm.tasks import CommandTask, Rate, ready

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.capability("N15")

RATE = Rate(3, 600.0)


class Mail(CommandTask):
    """Send a mail."""

    name = "mail"
    command = ("true",)
    rate = RATE


class Free(CommandTask):
    """Ask for it as often as you like."""

    name = "free"
    command = ("true",)


MAIL, FREE = ready(Mail), ready(Free)


async def journal(folder: Path) -> Journal:
    return await Journal.open(folder / "journal", output_limit=1_024, on_commit=lambda _: None)


def job(owner: str, age: float) -> Job:
    at = now() - timedelta(seconds=age)
    return Job(new_job_id(), "mail", owner, owner, "user", {}, at)


@given(st.lists(st.integers(0, 400).map(float), max_size=60), st.integers(1, 5))
def test_no_more_than_count_and_what_came_back_since_is_let_through(
    pauses: list[float], count: int
) -> None:
    rate, bucket, at = Rate(count, 600.0), Bucket(Rate(count, 600.0)), 0.0
    let: list[float] = []
    for pause in pauses:
        at += pause
        wait = bucket.wait_for(1, rate, at)
        if not wait:
            bucket.take(1)
            let.append(at)
        else:
            assert not bucket.wait_for(1, rate, at + wait + 1e-6)
            at += wait + 1e-6

    for first in range(len(let)):
        for last in range(first, len(let)):
            came_back = (let[last] - let[first]) * count / 600.0
            assert last - first + 1 <= count + came_back + 1e-6


async def test_each_user_has_room_of_its_own_and_tasks_without_rate_have_no_end(
    tmp_path: Path,
) -> None:
    rates = Rates(await journal(tmp_path))
    await rates.recall("ann", [MAIL, FREE])
    await rates.recall("bob", [MAIL])
    rates.spend("ann", [MAIL, MAIL, *[FREE] * 100])
    with pytest.raises(RateLimited, match="3 jobs of mail in 600 s: try again in 200 s") as refusal:
        rates.spend("ann", [MAIL, MAIL])
    rates.spend("ann", [MAIL])
    rates.spend("bob", [MAIL, MAIL, MAIL])

    assert 199 < refusal.value.retry_after <= 200
    rates.give_back("ann", MAIL)
    rates.spend("ann", [MAIL])


async def test_after_a_restart_the_jobs_in_the_journal_count(tmp_path: Path) -> None:
    known = await journal(tmp_path)
    for owner, age in (("ann", 5_000.0), ("ann", 10.0), ("ann", 5.0), ("bob", 1.0)):
        await known.write([start_of(Accepted(job(owner, age), 0))])
    rates = Rates(known)
    await rates.recall("ann", [MAIL])
    rates.spend("ann", [MAIL])

    with pytest.raises(RateLimited) as refusal:
        rates.spend("ann", [MAIL])
    assert 185 < refusal.value.retry_after < 200
    await known.close()
