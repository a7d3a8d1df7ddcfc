"""Jobs that have ended get into the indexes of the history, and are found before as well."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from taskrealm.journal import Filter, JournalError, filing, retention
from taskrealm.protocol.jobs import State

from .lives import ended, job, open_journal, queued, started, write

if TYPE_CHECKING:
    from pathlib import Path

    from taskrealm.journal import Journal


@pytest.fixture(autouse=True)
def _three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filing, "AT_ONCE", 3)


async def unfiled(journal: Journal) -> int:
    return await journal.change(filing.unfiled)


async def end_one(journal: Journal) -> None:
    one = job()
    await write(journal, queued(one), started(one))
    await write(journal, ended(one))


async def test_they_are_filed_when_there_are_enough(journal: Journal) -> None:
    counts = []
    for _ in range(7):
        await end_one(journal)
        counts.append(await unfiled(journal))

    assert counts == [1, 2, 0, 1, 2, 0, 1]


async def test_more_than_enough_are_filed_as_they_end(journal: Journal) -> None:
    crowd = [job() for _ in range(10)]
    await write(journal, *map(queued, crowd))
    await write(journal, *map(ended, crowd))

    assert await unfiled(journal) == 0


async def test_those_of_before_a_restart_count(tmp_path: Path) -> None:
    for left in (1, 2, 0):
        journal = await open_journal(tmp_path)
        await end_one(journal)
        found = await unfiled(journal)
        await journal.close()

        assert found == left


async def test_an_end_that_is_refused_does_not_count(journal: Journal) -> None:
    await end_one(journal)
    one = job()
    await write(journal, queued(one))
    with pytest.raises(JournalError):
        await write(journal, ended(one), ended(one))
    await end_one(journal)

    assert await unfiled(journal) == 2


async def test_one_that_ended_a_moment_ago_can_be_forgotten(journal: Journal) -> None:
    await end_one(journal)

    assert await journal.change(lambda it: retention.forget(it, retention.EVER, 10)) == 1
    assert await journal.jobs() == []


async def test_both_are_counted_together(journal: Journal) -> None:
    chance = random.Random(2)
    expected: dict[str, dict[State, int]] = {"ann": {}, "bob": {}}
    for count in range(1, 21):
        owner, state = chance.choice(("ann", "bob")), chance.choice((State.FAILED, State.LOST))
        one = job(owner, owner)
        await write(journal, queued(one), started(one))
        await write(journal, ended(one, state))
        expected[owner][state] = expected[owner].get(state, 0) + 1
        assert await unfiled(journal) == count % 3

    assert await journal.counts() == expected
    assert await journal.owners(after="", limit=5) == expected
    assert await journal.counts_of(Filter(owner="ann")) == expected["ann"]
