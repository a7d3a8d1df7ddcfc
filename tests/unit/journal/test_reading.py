"""Lists are filtered, paged, in order, and never read a whole table."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.journal import Journal, JournalError, Stream
from taskrealm.protocol.errors import UnknownJob
from taskrealm.protocol.jobs import TERMINAL, Delivery, State
from taskrealm.protocol.scope import Scope

from .lives import ended, job, open_journal, progress, queued, started, write

if TYPE_CHECKING:
    from pathlib import Path

    from taskrealm.protocol.jobs import Job


pytestmark = pytest.mark.usefixtures("_filing")


async def fill(journal: Journal) -> dict[str, Job]:
    """Five jobs of two owners, by name, in order of submission."""
    jobs = {
        "a1": job("ann", "convert"),
        "b1": job("bob", "convert"),
        "a2": job("ann", "report"),
        "a3": job("ann", "convert"),
        "b2": job("bob", "report"),
    }
    await write(journal, *(queued(each) for each in jobs.values()))
    await write(
        journal,
        started(jobs["a1"]),
        ended(jobs["b1"], State.FAILED),
        ended(jobs["a2"], State.FAILED),
    )
    return jobs


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        pytest.param({}, "b2 a3 a2 b1 a1", id="everybody's, newest first"),
        pytest.param({"owner": "ann"}, "a3 a2 a1", id="of an owner"),
        pytest.param({"task": "convert"}, "a3 b1 a1", id="of a task"),
        pytest.param({"states": [State.FAILED]}, "a2 b1", id="in a state"),
        pytest.param({"states": {State.FAILED, State.RUNNING}}, "a2 b1 a1", id="in several states"),
        pytest.param({"states": []}, "", id="in no state"),
        pytest.param({"owner": "ann", "states": [State.FAILED]}, "a2", id="owner and state"),
        pytest.param({"owner": "ann", "task": "convert"}, "a3 a1", id="owner and task"),
        pytest.param(
            {"owner": "ann", "task": "convert", "states": [State.QUEUED]}, "a3", id="all three"
        ),
        pytest.param({"owner": "eve"}, "", id="of a stranger"),
        pytest.param({"limit": 2}, "b2 a3", id="no more than the limit"),
        pytest.param({"states": list(State), "limit": 3}, "b2 a3 a2", id="limited over states"),
    ],
)
async def test_jobs_are_found_by_filters(
    journal: Journal, filters: dict[str, Any], found: str
) -> None:
    jobs = await fill(journal)
    names = {each.job_id: name for name, each in jobs.items()}

    page = await journal.jobs(**filters)

    assert " ".join(names[each.job_id] for each in page) == found


@pytest.mark.parametrize(
    ("scope", "filters", "found"),
    [
        pytest.param({"tasks": ["convert"]}, {}, "a3 b1 a1", id="of a task"),
        pytest.param({"tasks": ["convert", "report"]}, {"owner": "ann"}, "a3 a2 a1", id="of two"),
        pytest.param({"tasks": ["convert"]}, {"task": "report"}, "", id="of another task"),
        pytest.param({"tasks": []}, {}, "", id="of no task"),
        pytest.param({"jobs": ["a1", "b2"]}, {}, "b2 a1", id="two jobs"),
        pytest.param({"jobs": ["a1", "b2"]}, {"owner": "ann"}, "a1", id="own ones of them"),
        pytest.param({"jobs": ["a1", "a2"], "tasks": ["report"]}, {}, "a2", id="jobs of a task"),
        pytest.param({"jobs": ["a1", "b1"]}, {"states": [State.FAILED]}, "b1", id="in a state"),
        pytest.param({"jobs": ["a1", "a2", "a3"]}, {"limit": 2}, "a3 a2", id="limited"),
        pytest.param({"jobs": []}, {}, "", id="no job"),
        pytest.param({"read_only": True}, {"limit": 2}, "b2 a3", id="looking at all"),
    ],
)
async def test_jobs_outside_a_scope_are_left_out(
    journal: Journal, scope: dict[str, Any], filters: dict[str, Any], found: str
) -> None:
    jobs = await fill(journal)
    if "jobs" in scope:
        scope = {**scope, "jobs": [jobs[name].job_id for name in scope["jobs"]]}

    listed = await journal.jobs(scope=Scope.of(scope), **filters)
    names = {each.job_id: name for name, each in jobs.items()}
    assert " ".join(names[each.job_id] for each in listed) == found


async def test_pages_follow_one_another_while_jobs_arrive(journal: Journal) -> None:
    jobs = [job() for _ in range(7)]
    await write(journal, *(queued(each) for each in jobs))

    first = await journal.jobs(owner="ann", limit=3)
    await write(journal, queued(job()), started(jobs[0]))
    second = await journal.jobs(owner="ann", limit=3, before=first[-1].job_id)
    third = await journal.jobs(owner="ann", limit=3, before=second[-1].job_id)

    pages = [each.job_id for each in first + second + third]
    assert pages == [each.job_id for each in reversed(jobs)]


async def test_a_page_before_nothing_is_refused(journal: Journal) -> None:
    foreign = (await fill(journal))["b1"]

    with pytest.raises(UnknownJob, match="before: there is no job nothing"):
        await journal.jobs(before="nothing")
    with pytest.raises(UnknownJob, match="before: there is no job"):
        await journal.jobs(before=foreign.job_id, owner="ann")


async def test_a_clock_that_goes_back_does_not_change_the_order(journal: Journal) -> None:
    jobs = [job(), job()]
    jobs[1] = replace(
        jobs[1], job_id="0" * 32, submitted_at=jobs[1].submitted_at - timedelta(days=1)
    )
    for each in jobs:
        await write(journal, queued(each))

    assert await journal.unfinished() == jobs
    assert await journal.jobs() == jobs[::-1]


async def test_unfinished_jobs_come_in_order_of_submission(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    jobs = await fill(journal)
    await journal.close()

    journal = await open_journal(tmp_path)
    unfinished = await journal.unfinished()
    await journal.close()

    assert [each.job_id for each in unfinished] == [
        jobs[name].job_id for name in ("a1", "a3", "b2")
    ]
    assert [each.state for each in unfinished] == [State.RUNNING, State.QUEUED, State.QUEUED]


async def test_a_job_is_found_by_its_owner_and_key(journal: Journal) -> None:
    keyed = [replace(job(owner), key=key) for owner in ("ann", "bob") for key in ("a", "b")]
    await write(journal, *(queued(each) for each in (*keyed, job("ann"), job("ann"))))

    found = await journal.jobs_by_key("ann", ["b", "c", "a"])

    assert sorted(found, key=lambda each: each.key or "") == keyed[:2]
    assert await journal.jobs_by_key("cid", ["a"]) == []


async def test_a_key_is_recorded_once_for_each_owner(journal: Journal) -> None:
    await write(journal, queued(replace(job("ann"), key="a")))

    with pytest.raises(JournalError, match="UNIQUE"):
        await write(journal, queued(replace(job("ann"), key="a")))
    await write(journal, queued(replace(job("bob"), key="a")))


async def test_jobs_are_counted_by_task_and_state(journal: Journal) -> None:
    jobs = [job(task="a"), job(task="a"), job(task="b")]
    await write(journal, *(queued(each) for each in jobs))
    await write(journal, ended(jobs[0]))

    assert await journal.counts() == {
        "a": {State.QUEUED: 1, State.SUCCEEDED: 1},
        "b": {State.QUEUED: 1},
    }


async def test_events_are_paged_by_their_numbers(journal: Journal) -> None:
    convert = job()
    await write(journal, queued(convert), queued(job("bob")), started(convert))
    await write(journal, *(progress(convert, n / 8) for n in range(8)))

    page = await journal.events("ann", since=2, limit=3)
    of_job = await journal.job_events(convert.job_id, since=8, limit=100)

    assert [event.seq for event in page] == [3, 4, 5]
    assert [event.job_seq for event in of_job] == [9, 10]
    assert await journal.events("ann", since=10, limit=3) == []
    assert await journal.events("nobody", since=0, limit=3) == []
    assert await journal.job_events("nothing", since=0, limit=3) == []


async def test_events_of_a_private_job_are_found_by_the_job_alone(journal: Journal) -> None:
    private = job(deliver=Delivery.NONE)

    written = await write(journal, queued(private), started(private))

    assert await journal.job_events(private.job_id, since=0, limit=10) == written
    assert await journal.events("ann", since=0, limit=10) == []


async def test_a_stream_is_made_on_first_need_and_stays(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    made = await journal.stream("ann")
    await journal.close()

    journal = await open_journal(tmp_path)
    [event] = await write(journal, queued(job()))
    kept = await journal.stream("ann")
    other = await journal.stream("bob")
    await journal.close()

    assert made == Stream(made.epoch, first=1, seq=0)
    assert kept == Stream(made.epoch, first=1, seq=1)
    assert event.epoch == made.epoch != other.epoch


@pytest.mark.parametrize("removed", [pytest.param(2, id="some"), pytest.param(3, id="all")])
async def test_a_stream_whose_old_events_were_removed_says_so_and_counts_on(
    tmp_path: Path, removed: int
) -> None:
    convert = job()
    journal = await open_journal(tmp_path)
    await write(journal, queued(convert), started(convert), ended(convert))
    await journal.close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        database.execute("delete from events where seq <= ?", (removed,))
        database.execute("update streams set first = ?", (removed + 1,))
    database.close()

    journal = await open_journal(tmp_path)
    stream = await journal.stream("ann")
    [event] = await write(journal, queued(job()))
    await journal.close()

    assert (stream.first, stream.seq) == (removed + 1, 3)
    assert (event.epoch, event.seq) == (stream.epoch, 4)


async def test_no_question_reads_a_whole_table(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    asked: list[str] = []
    journal._database.reader.set_trace_callback(asked.append)
    known = (await fill(journal))["a1"].job_id
    await journal.unfinished()
    await journal.job(known)
    await journal.events("ann", since=1, limit=5)
    await journal.job_events(known, since=1, limit=5)
    await journal.stream("ann")
    await journal.jobs_by_key("ann", ["a", "b"])
    await journal.children(known, since=0, limit=5)
    await journal.jobs(parent=known, owner="ann", task="convert", before=known)
    await journal.jobs(owner="ann", scope=Scope(tasks=("convert",)), before=known)
    await journal.jobs(owner="ann", scope=Scope(jobs=(known,)), before=known)
    for owner in (None, "ann"):
        for task in (None, "convert"):
            for states in (None, TERMINAL):
                for children in (True, False):
                    await journal.jobs(
                        owner=owner, task=task, states=states, before=known, children=children
                    )
    await journal.close()

    database = sqlite3.connect(tmp_path / "journal.sqlite")
    plans = {
        line
        for question in asked
        for *_, line in database.execute(f"explain query plan {question}")
    }
    database.close()
    assert [line for line in plans if line.startswith(("SCAN jobs", "SCAN events"))] == []
    for filters in ("state=?", "owner=? AND state=?", "task=? AND state=?"):
        assert any(f"({filters} AND child=? AND filed=? AND rowid<?)" in line for line in plans)
    every = "owner=? AND task=? AND state=? AND child=? AND filed=? AND rowid<?"
    assert any(f"({every})" in line for line in plans)


async def test_children_are_listed_by_their_batch_and_in_lists_only_on_request(
    journal: Journal,
) -> None:
    batch, other = job(), job()
    children = [replace(job(task=task), parent=batch.job_id) for task in ("a", "b", "a")]
    stranger = replace(job(), parent=other.job_id)
    await write(journal, *(queued(each) for each in (batch, other, *children, stranger)))
    await write(journal, ended(children[0], State.FAILED))

    def ids(jobs: list[Job]) -> list[str]:
        return [each.job_id for each in jobs]

    first, second, third = ids(children)
    parent = batch.job_id
    assert ids(await journal.jobs(children=False)) == [other.job_id, batch.job_id]
    assert len(await journal.jobs()) == 6
    assert ids(await journal.jobs(parent=parent)) == [third, second, first]
    assert ids(await journal.jobs(parent=parent, before=third, limit=1)) == [second]
    assert ids(await journal.jobs(parent=parent, task="a")) == [third, first]
    assert ids(await journal.jobs(parent=parent, states=[State.FAILED])) == [first]
    named = Scope(jobs=(batch.job_id, second, third))
    assert ids(await journal.jobs(parent=parent, scope=named)) == [third, second]
    assert ids(await journal.jobs(scope=named)) == [third, second, batch.job_id]
    assert ids(await journal.jobs(scope=named, children=False)) == [batch.job_id]
    assert ids(await journal.children(parent, since=0, limit=2)) == [first, second]
    assert ids(await journal.children(parent, since=2, limit=2)) == [third]
    [event] = await journal.job_events(second, since=0, limit=10)
    assert event.parent == parent
