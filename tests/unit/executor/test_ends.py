"""Jobs that wait end together: by one write, each once, whatever the journal does meanwhile."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.executor.activities import Activities
from taskrealm.executor.attempt import Ending
from taskrealm.executor.audience import Audience
from taskrealm.executor.ends import Ends
from taskrealm.executor.live import LiveJob
from taskrealm.executor.publisher import Publisher
from taskrealm.journal import Entry, Journal, JournalError
from taskrealm.protocol.jobs import Event, EventType, Job, State, new_job_id, now
from taskrealm.tasks import Arguments, CommandTask, ready

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

LIMIT = 30.0  # seconds


class Convert(CommandTask):
    """Never run here."""

    name = "convert"
    command = ("true",)


class Site:
    """A journal, and jobs in it that wait."""

    def __init__(self, journal: Journal, told: list[list[Event]], path: Path) -> None:
        self.journal = journal
        self.told = told
        self.durable: list[list[str]] = []
        self._path = path
        self._activities = Activities()

    async def waiting(self, count: int) -> list[LiveJob]:
        audience = Audience()
        task = ready(Convert)
        jobs = [Job(new_job_id(), "convert", "ann", "ann", "user", {}, now()) for _ in range(count)]
        await self.journal.write([Entry(job, EventType.QUEUED) for job in jobs])
        self.told.clear()
        publisher = Publisher(audience, 100_000)
        arguments = Arguments({}, Convert())
        return [LiveJob(job, task, arguments, self.journal, publisher, audience) for job in jobs]

    def end(self, jobs: Sequence[LiveJob], *data: dict[str, Any]) -> Ends:
        endings = [Ending(EventType.CANCELLED, each) for each in data]
        return Ends(
            list(zip(jobs, endings, strict=True)), self.journal, self._activities, self._note
        )

    def lock(self) -> sqlite3.Connection:
        """Keep the journal from being written, until this is closed."""
        self.journal._database.writer.execute("pragma busy_timeout = 10")  # milliseconds
        intruder = sqlite3.connect(self._path / "journal.sqlite", isolation_level=None)
        intruder.execute("begin immediate")
        return intruder

    def _note(self, ended: Sequence[LiveJob]) -> None:
        self.durable.append([live.job.job_id for live in ended])


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    told: list[list[Event]] = []
    folder = tmp_path / "journal"
    journal = await Journal.open(folder, output_limit=1, on_commit=told.append)
    yield Site(journal, told, folder)
    await journal.close()


async def test_ends_are_committed_together_in_their_order_and_told_of_once(site: Site) -> None:
    jobs = await site.waiting(3)
    ends = site.end(jobs, *[{"by": "ann", "number": number} for number in range(3)])
    begun = [live.is_ending for live in jobs]
    hindrances = [await asyncio.wait_for(ends.hindrance(), LIMIT) for _ in range(2)]

    assert begun == [True] * 3
    assert hindrances == [None, None]
    assert [[event.data["number"] for event in events] for events in site.told] == [[0, 1, 2]]
    assert [live.job.outcome["number"] for live in jobs] == [0, 1, 2]
    assert site.durable == [[live.job.job_id for live in jobs]]


async def test_what_goes_wrong_besides_is_not_taken_for_an_end(site: Site) -> None:
    def fail(_: Sequence[LiveJob]) -> None:
        raise RuntimeError("Those that wait for the job were not told")

    [live] = await site.waiting(1)
    ends = Ends([(live, Ending(EventType.CANCELLED, {}))], site.journal, Activities(), fail)

    with pytest.raises(RuntimeError, match="were not told"):
        await asyncio.wait_for(ends.hindrance(), LIMIT)


async def test_while_the_journal_is_held_up_everybody_learns_why_and_later_all_end(
    site: Site,
) -> None:
    jobs = await site.waiting(2)
    intruder = site.lock()
    ends = site.end(jobs, {"by": "ann"}, {"by": "ann"})
    hindrance = await asyncio.wait_for(ends.hindrance(), LIMIT)
    with pytest.raises(JournalError, match="Another program"):
        await asyncio.wait_for(jobs[1].ended(), LIMIT)
    before = [live.job.state for live in jobs], list(site.durable)
    intruder.close()
    await asyncio.wait_for(ends.durable, LIMIT)

    assert hindrance is not None
    assert before == ([State.QUEUED] * 2, [])
    assert await jobs[1].ended() is State.CANCELLED
    assert len(site.durable) == 1
    assert [event.type for events in site.told for event in events] == ["cancelled"] * 2


async def test_an_end_that_cannot_be_recorded_keeps_no_other_from_being_so(site: Site) -> None:
    jobs = await site.waiting(3)
    ends = site.end(jobs, {"by": "ann"}, {"by": object()}, {"by": "ann"})
    await asyncio.wait_for(ends.durable, LIMIT)

    assert [live.job.state for live in jobs] == [State.CANCELLED, State.FAILED, State.CANCELLED]
    recorded = await site.journal.jobs_by_id([live.job.job_id for live in jobs])
    assert [recorded[live.job.job_id].state for live in jobs] == [live.job.state for live in jobs]
    assert site.durable == [[live.job.job_id for live in jobs]]


async def test_a_job_of_which_something_is_being_written_ends_behind_that(site: Site) -> None:
    [live] = await site.waiting(1)
    delayed = live.job.changed(state=State.DELAYED)
    waits = asyncio.ensure_future(live.wait(Entry(delayed, EventType.DELAYED)))
    await asyncio.sleep(0)
    is_quiet = live.is_quiet
    ends = site.end([live], {"by": "ann"})
    await asyncio.wait_for(asyncio.gather(waits, ends.durable), LIMIT)

    assert not is_quiet
    assert [event.type for events in site.told for event in events] == ["delayed", "cancelled"]
    assert site.durable == [[live.job.job_id]]
