"""What happens while the journal cannot be written is recorded later; floods are counted."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.journal.lives import open_journal

from taskrealm.access.tally import PER_KIND
from taskrealm.executor import audit as module
from taskrealm.executor.audience import Audience
from taskrealm.executor.audit import Audit
from taskrealm.executor.callers import SessionCaller
from taskrealm.executor.dispatches import Dispatches
from taskrealm.journal import AuditFilter, AuditRecord, JournalError
from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidArguments, NotAuthorized, UnknownJob
from taskrealm.wire import Call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from taskrealm.journal import Journal

LIMIT = 30.0  # seconds


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = await open_journal(tmp_path)
    yield journal
    await journal.close()


async def no_wait() -> None:
    """There is room for every answer."""


def call(*args: Any, role: str = "user", session: int = 7) -> Call:
    answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    return Call(session, "ann", role, forwarded=False, answered=answered, room=no_wait, args=args)


async def found(journal: Journal, count: int) -> list[AuditRecord]:
    """The records, once there are so many."""
    async with asyncio.timeout(LIMIT):
        while len(records := await journal.audit(AuditFilter(), after=0, limit=1_000)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return records


async def test_what_cannot_be_written_is_kept_in_order_until_it_can(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY", 0.01)
    monkeypatch.setattr(module, "KEPT_MOST", 2)
    audit = Audit(journal, Audience())
    record = journal.record
    failing = asyncio.get_running_loop().create_future
    tries = 0

    def refuse(_: object) -> Any:
        nonlocal tries
        tries += 1
        failed = failing()
        failed.set_exception(JournalError("The disk is full"))
        return failed

    monkeypatch.setattr(journal, "record", refuse)
    for action in "abc":
        await audit.add(AuditRecord("ann", action))
    async with asyncio.timeout(LIMIT):
        while tries < 5:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    monkeypatch.setattr(journal, "record", record)
    records = await found(journal, 3)

    assert [each.action for each in records] == ["a", "b", "audit"]
    assert records[2].detail == {"lost": 1}


async def test_a_flood_of_refusals_is_counted_and_hides_no_other_session(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WINDOW", 0.05)
    audit = Audit(journal, Audience())
    for number in range(1_000):
        audit.refused(uris.CANCEL, call(f"job {number}"), UnknownJob("no"))
    audit.refused(uris.CANCEL, call("other", session=8), UnknownJob("no"))
    records = await found(journal, PER_KIND + 2)

    assert [each.object for each in records[: PER_KIND + 1]] == [
        *(f"job {number}" for number in range(PER_KIND)),
        "other",
    ]
    assert records[-1].detail == {"count": 1_000 - PER_KIND, "session": 7}
    assert (records[-1].action, records[-1].outcome) == ("cancel", "unknown_job")


async def test_a_mistake_is_no_refusal_and_an_argument_is_no_object(journal: Journal) -> None:
    audit = Audit(journal, Audience())
    audit.refused(uris.EXEC, call("date"), InvalidArguments(fields={"x": "is wrong"}))
    audit.refused(uris.EXEC_MANY, call([{"kwargs": {"password": "hunter2"}}]), NotAuthorized("no"))
    audit.refused(uris.CANCEL, call({"not": "text"}), NotAuthorized("no"))

    assert [(each.action, each.object) for each in await found(journal, 2)] == [
        ("exec_many", None),
        ("cancel", None),
    ]


async def test_looking_at_one_thing_again_and_again_is_recorded_once(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOKS_MOST", 2)
    audit = Audit(journal, Audience())
    look = functools.partial(audit.looked, SessionCaller("root", "operator", "root", session=1))
    for owner, thing in (("ann", "a"), ("ann", "a"), ("root", "own"), ("ann", "b"), (None, None)):
        look(owner, thing)
    look("ann", "a")  # forgotten in the meantime

    records = await found(journal, 4)
    assert [each.object for each in records] == ["a", "b", None, "a"]


TOLD = {
    **{"actor": "ann", "role": "user", "owner": None, "action": "join", "object": "7"},
    **{"address": None, "outcome": "ok", "detail": {"a": 1}, "at": "2030-01-31T08:00:00+00:00"},
}


async def test_of_what_the_router_says_nonsense_is_left_out(journal: Journal) -> None:
    nonsense: list[Any] = [
        {},
        None,
        {**TOLD, "actor": 7},
        {**TOLD, "at": "now"},
        {**TOLD, "detail": "text"},
        {**TOLD, "object": ["x"]},
    ]
    dispatches = Dispatches(journal)
    taken = await dispatches.record(call(role="system"), [TOLD, *nonsense, TOLD])
    with pytest.raises(NotAuthorized):
        await dispatches.record(call(role="operator"), [TOLD])
    with pytest.raises(InvalidArguments):
        await dispatches.record(call(role="system"), "text")

    assert taken == 2
    assert [each.object for each in await found(journal, 2)] == ["7", "7"]
