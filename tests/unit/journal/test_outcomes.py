"""How the latest jobs of tasks ended: of whom, how many, and by which way through the tables."""

from __future__ import annotations

import json
import sqlite3
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.journal import outcomes
from taskrealm.journal.migrations import migrate
from taskrealm.protocol.jobs import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskrealm.journal import Outcome


class History:
    """Jobs in a database of the journal's form."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        migrate(self.connection)
        self._numbers = count(1)

    def add(
        self, task: str, owner: str, *, state: str = "succeeded", child: int = 0, took: float = 1.0
    ) -> str:
        """One more job; gives its id."""
        number = next(self._numbers)
        ended_at = None if state == "running" else f"2026-11-21T12:00:{number % 60:02}+00:00"
        outcome = {"duration": took} if ended_at and took else {}
        self.connection.execute(
            "insert into jobs (job_id, owner, task, state, status, ended_at, child)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            (f"j{number}", owner, task, state, json.dumps({"outcome": outcome}), ended_at, child),
        )
        return f"j{number}"

    def ask(self, query: tuple[str, dict[str, Any]]) -> list[Outcome]:
        """What the journal makes of the rows that answer *query*."""
        return [outcomes.outcome_of(row) for row in self.connection.execute(*query)]


@pytest.fixture
def history() -> Iterator[History]:
    history = History()
    yield history
    history.connection.close()


def test_of_each_task_the_newest_that_have_ended_come_first(history: History) -> None:
    made = [
        history.add("a", "ana", state=state, child=number % 2)
        for number, state in enumerate(
            ("succeeded", "failed", "cancelled", "running", "timed_out", "lost", "expired")
        )
    ]
    other = history.add("b", "ana")
    found = history.ask(outcomes.query(["a", "b", "c"], owner=None, limit=4))

    assert [each.job_id for each in found if each.task == "a"] == [
        made[number] for number in (6, 5, 4, 2)
    ]
    assert [each.job_id for each in found if each.task == "b"] == [other]


def test_others_jobs_are_not_among_ones_own(history: History) -> None:
    mine = history.add("a", "ana", took=2.5)
    history.add("a", "bob")
    named = [mine, history.add("a", "bob"), history.add("a", "ana", state="running")]

    assert [each.job_id for each in history.ask(outcomes.query(["a"], owner="ana", limit=9))] == [
        mine
    ]
    [one] = history.ask(outcomes.query_named(named, owner="ana"))
    assert (one.job_id, one.state, one.duration) == (mine, State.SUCCEEDED, 2.5)
    assert len(history.ask(outcomes.query_named(named, owner=None))) == 2


def test_a_job_that_never_ran_has_no_duration(history: History) -> None:
    history.add("a", "ana", state="expired", took=0)

    [one] = history.ask(outcomes.query(["a"], owner="ana", limit=1))
    assert one.duration is None
    assert one.as_dict()["ended_at"].startswith("2026-11-21T12:00:01")


@pytest.mark.parametrize("owner", [None, "ana"])
def test_no_table_is_walked_through_from_end_to_end(history: History, owner: str | None) -> None:
    text, values = outcomes.query(["a"], owner=owner, limit=9)
    plan = [row[3] for row in history.connection.execute(f"explain query plan {text}", values)]

    index = "jobs_by_task" if owner is None else "jobs_by_owner_and_task"
    walks = [each for each in plan if f"USING COVERING INDEX {index} " in each]
    assert len(walks) == 12
    assert not [each for each in plan if each.startswith("SCAN jobs")]
