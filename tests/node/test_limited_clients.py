"""Clients whose token is limited to a task or to some jobs: they follow what they may, wholly."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from tests.scopes import token_of
from tests.site import client
from tests.site.jobs import LIMIT, end_of, events_of, first_line, until
from tests.wire.line import line_to

from taskrealm.client import BlockingClient, Client, Refused, Scope, Status
from taskrealm.protocol import uris
from taskrealm.protocol.errors import Error, NotAuthorized, UnknownJob, UnknownTask
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from tests.nodes import Node

TALK = """
import sys
from taskrealm.tasks import report
for number in range(300):
    print(number, flush=True)
    report.message(str(number))
"""
WAIT = "import sys, time; print('up', flush=True); time.sleep(600)"


def limited(site: Node, authid: str, port: int | None = None, **scope: Any) -> Client:
    """A client of *authid* that is limited to *scope*."""
    url = f"ws://127.0.0.1:{port or site.port}/ws"
    return Client(url, token=token_of(site, authid, **scope))


def messages(events: list[Any]) -> list[str]:
    return [event.data["text"] for event in events if event.type is EventType.MESSAGE]


@pytest.mark.capability("N24", "S1")
async def test_a_client_for_one_task_runs_it_and_hears_everything_of_its_job(site: Node) -> None:
    async with limited(site, "scope_form", tasks=["probe.script"]) as form:
        job = await form.exec("probe.script", {"code": TALK})
        events = await events_of(job)
        text = "".join([chunk.text async for chunk in job.output("stdout")])

        assert form.scope == Scope(tasks=("probe.script",))
        assert [event.job_seq for event in events] == list(range(1, len(events) + 1))
        assert messages(events) == [str(number) for number in range(300)]
        assert text.split() == [str(number) for number in range(300)]
        assert (await job.snapshot())["state"] == "succeeded"


@pytest.mark.capability("N24")
async def test_many_jobs_of_one_task_are_each_heard_in_full(site: Node) -> None:
    async with limited(site, "scope_many", tasks=["probe.nothing"]) as form:
        jobs = [await form.exec("probe.nothing", {"number": number}) for number in range(30)]
        lives = await asyncio.gather(*map(events_of, jobs))

    assert {tuple(event.type.value for event in life) for life in lives} == {
        ("queued", "started", "succeeded")
    }


@pytest.mark.capability("N24")
@pytest.mark.parametrize("moment", ["before it starts", "while it runs", "after its end"])
async def test_a_link_to_one_job_shows_that_job_whenever_it_is_opened(
    site: Node, moment: str
) -> None:
    async with client(site, "scope_owner") as owner:
        delay = 1.0 if moment == "before it starts" else None
        job = await owner.exec("probe.script", {"code": TALK}, delay=delay)
        if moment == "while it runs":
            await until(job, EventType.MESSAGE)
        elif moment == "after its end":
            await end_of(job)
        async with limited(site, "scope_owner", jobs=[job.job_id], read_only=True) as guest:
            seen = guest.job(job.job_id)
            told = await events_of(seen)

            assert [event.as_dict() for event in told] == [
                event.as_dict() for event in await events_of(job)
            ]
            assert await seen.result(LIMIT) == await job.result(LIMIT)
            assert [each["job_id"] async for each in guest.jobs()] == [job.job_id]


@pytest.mark.capability("N24", "D6")
async def test_a_limited_client_that_loses_its_connection_misses_nothing(site: Node) -> None:
    async with line_to(site.port) as line:
        async with limited(site, "scope_lossy", line.port, tasks=["probe.script"]) as form:
            job = await form.exec("probe.script", {"code": TALK})
            following = asyncio.create_task(events_of(job))
            printed = asyncio.create_task(_printed(job))
            for size in (300, 2_000, 5_000):
                if not following.done():
                    cutting = asyncio.create_task(line.cut_within(size))
                    await asyncio.wait(
                        {cutting, following}, return_when=asyncio.FIRST_COMPLETED, timeout=LIMIT
                    )
                    cutting.cancel()
            with line.dead():
                pass
            events = await following

            assert line.connections > 1
            assert [event.job_seq for event in events] == list(range(1, len(events) + 1))
            assert messages(events) == [str(number) for number in range(300)]
            assert (await printed).split() == [str(number) for number in range(300)]


@pytest.mark.capability("N24")
async def test_a_job_that_is_only_for_its_submitter_is_told_to_a_limited_one(site: Node) -> None:
    async with limited(site, "scope_apart", tasks=["probe.nothing"]) as form:
        job = await form.exec("probe.nothing", deliver="session")
        events = await events_of(job)

    assert [event.type for event in events] == ["queued", "started", "succeeded"]


@pytest.mark.capability("N24", "D4")
async def test_a_limited_client_can_steer_its_job_and_no_other(site: Node) -> None:
    async with (
        client(site, "scope_both") as owner,
        limited(site, "scope_both", tasks=["probe.script"]) as form,
    ):
        other = await owner.exec("probe.nap")
        mine = await form.exec("probe.script", {"code": WAIT})
        await first_line(mine)

        for attempt in (
            form.job(other.job_id).cancel(),
            form.job(other.job_id).snapshot(),
            form.job(other.job_id).result(LIMIT),
            form.job(other.job_id).artifacts(),
        ):
            with pytest.raises(UnknownJob):
                await attempt
        with pytest.raises(UnknownTask):
            await form.exec("probe.nap")
        assert [each["job_id"] async for each in form.jobs()] == [mine.job_id]
        assert [task["name"] for task in await form.tasks()] == ["probe.script"]
        assert await mine.cancel() == "stopping"
        assert (await end_of(mine)).type is EventType.CANCELLED
        await other.cancel(now=True)


@pytest.mark.capability("N24")
async def test_what_a_limited_client_may_not_do_it_is_told(site: Node) -> None:
    async with limited(site, "scope_told", tasks=["probe.nothing"], read_only=True) as guest:
        with pytest.raises(NotAuthorized, match="one by one"):
            guest.events()
        with pytest.raises(Error):
            await anext(guest.positions())
        with pytest.raises(NotAuthorized):
            await guest.exec("probe.nothing")
        with pytest.raises(NotAuthorized):
            await guest.mint()
        with pytest.raises(TypeError, match="not one text"):
            await guest.mint(tasks="probe.nothing")


@pytest.mark.capability("N24")
async def test_subscriptions_end_with_the_jobs_that_nobody_holds(site: Node) -> None:
    async with limited(site, "scope_drop", tasks=["probe.nothing"]) as form:
        job = await form.exec("probe.nothing")
        await end_of(job)
        watches = form._following._watches
        assert list(watches) == [uris.job_topic("scope_drop", job.job_id)]
        del job

        assert not watches


@pytest.mark.capability("N24")
async def test_who_comes_back_with_a_token_for_other_jobs_opens_a_new_client(site: Node) -> None:
    tokens = [token_of(site, "scope_switch"), token_of(site, "scope_switch", tasks=["date"])]
    async with line_to(site.port) as line:
        async with Client(line.ws, token=tokens.pop) as form:
            line.cut()
            async with asyncio.timeout(LIMIT):
                while form.status is not Status.REFUSED:
                    await form._connection.change()
            with pytest.raises(Refused, match="open a new client"):
                await form.tasks()


@pytest.mark.capability("N24")
async def test_a_checksum_gives_a_limited_client_no_file_of_its_user(site: Node) -> None:
    async with (
        client(site, "scope_files") as owner,
        limited(site, "scope_files", tasks=["probe.nothing"]) as form,
    ):
        own = await owner.upload(b"secret", name="a.txt")
        again = await owner.upload(b"secret", name="a.txt")
        sent = await form.upload(b"secret", name="a.txt")
        checksum = hashlib.sha256(b"secret").hexdigest()
        begun = await form._connection.call(uris.UPLOAD_BEGIN, "a.txt", 6, checksum)

    assert own == again
    assert len({own, sent, begun["upload"]}) == 3
    assert begun["offset"] == 0


@pytest.mark.capability("N24")
def test_code_that_waits_follows_a_job_by_a_link(site: Node) -> None:
    with BlockingClient(site.url, token=token_of(site, "scope_waits")) as owner:
        job = owner.exec("date", ["+%Y"])
        result = job.result(LIMIT)
        token = token_of(site, "scope_waits", jobs=[job.job_id], read_only=True)
        with BlockingClient(site.url, token=token) as guest:
            assert guest.scope == Scope(jobs=(job.job_id,), read_only=True)
            assert guest.job(job.job_id).result(LIMIT) == result
            assert [event.type for event in guest.job(job.job_id)][-1] == "succeeded"


async def _printed(job: Any) -> str:
    return "".join([chunk.text async for chunk in job.output("stdout")])
