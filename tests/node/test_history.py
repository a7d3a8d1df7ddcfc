"""What ran long ago is found again: by task, state, tag, time, and by what it mentions."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.plain import Refused
from tests.site import client
from tests.site.jobs import LIMIT, end_of, first_line, occupy_slots

from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidArguments

if TYPE_CHECKING:
    from pathlib import Path

    from tests.nodes import Node

    from taskrealm.client import Client

PRINTS = "printf '%s%s\\n' Un findable; printf '%s-%s\\n' on error >&2"
"""Prints two words that its arguments do not have."""


async def found(who: Client, **wanted: Any) -> list[str]:
    return [job["job_id"] async for job in who.jobs(**wanted)]


@pytest.mark.capability("N22")
async def test_jobs_are_found_by_what_they_are_and_what_they_mention(
    site: Node, tmp_path: Path
) -> None:
    async with client(site, "past_ann") as ann:
        prints = await ann.exec("probe.shell", [PRINTS], tags=["x", "y"])
        await end_of(prints)
        middle = datetime.now(UTC)
        fails = await ann.exec("demo.fail", [3, "Nothing was burnt"], tags=["x"])
        await end_of(fails)
        date = await ann.exec("date", {"format": "Über %Y"})
        await end_of(date)
        one, two, three = prints.job_id, fails.job_id, date.job_id

        assert await found(ann) == [three, two, one]
        assert await found(ann, tag="x") == [two, one]
        assert await found(ann, tag="x", state="failed") == [two]
        assert await found(ann, task=["demo.*", "date"]) == [three, two]
        assert await found(ann, since=middle) == [three, two]
        assert await found(ann, until=middle) == [one]
        assert await found(ann, since=middle, until=middle + timedelta(days=1), tag="y") == []
        assert await found(ann, text="nothing was BURNT") == [two]
        assert await found(ann, text="über") == [three]
        assert await found(ann, text="unfindable") == [one]
        assert await found(ann, text="on-error", tag="y") == [one]
        assert await found(ann, text="unfindable", state="failed") == []
        assert await found(ann, text="not there") == []


@pytest.mark.capability("N22")
async def test_states_are_counted_beside_a_page(site: Node) -> None:
    async with client(site, "past_sum") as sum_:
        for task in ("date", "date", "demo.fail"):
            await end_of(await sum_.exec(task))
        async with await site.user("past_sum") as peer:
            page = await peer.call(uris.JOBS, state="failed", limit=1, counts=True)
            dates = await peer.call(uris.JOBS, task="date", counts=True)

    assert [job["task"] for job in page["jobs"]] == ["demo.fail"]
    assert page["counts"] == {"succeeded": 2, "failed": 1}
    assert dates["counts"] == {"succeeded": 2}


@pytest.mark.capability("N22")
@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": "  "}, "text"),
        ({"text": "x" * 201}, "text"),
        ({"text": 5}, "text"),
        ({"tag": ["x"]}, "tag"),
        ({"task": 5}, "task"),
        ({"task": ["date", None]}, "task"),
        ({"task": ["date"] * 101}, "task"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2030-01-01T00:00:00"}, "since"),
        ({"until": True}, "until"),
        ({"until": 1e300}, "until"),
        ({"counts": True, "text": "x"}, "counts"),
        ({"counts": True, "tag": "x"}, "counts"),
        ({"counts": "yes"}, "counts"),
    ],
)
async def test_filters_that_make_no_sense_are_refused_by_name(
    site: Node, wanted: dict[str, Any], field: str
) -> None:
    async with await site.user("past_odd") as peer:
        with pytest.raises(Refused, match=rf"\b{field}\b") as refusal:
            await peer.call(uris.JOBS, **wanted)

    assert refusal.value.uri == InvalidArguments.uri


@pytest.mark.capability("N22")
async def test_a_search_says_how_far_it_has_come(site: Node) -> None:
    async with client(site, "past_far") as far:
        first = await far.exec("date", {"format": "far away"})
        await end_of(first)
        for _ in range(3):
            await end_of(await far.exec("date"))
        submitted = (await first.snapshot())["submitted_at"]
        async with await site.user("past_far") as peer:
            page = await peer.call(uris.JOBS, text="far away", limit=1)
            none = await peer.call(uris.JOBS, text="far away", task="probe.nap")

    assert [job["job_id"] for job in page["jobs"]] == [first.job_id]
    assert (page["next"], page["searched"]) == (None, submitted)
    assert (none["jobs"], none["next"], none["searched"]) == ([], None, None)


@pytest.mark.capability("N22", "Z2")
async def test_a_search_finds_no_secret(site: Node, tmp_path: Path) -> None:
    password = "correct horse battery staple"
    async with client(site, "past_vault") as vault, client(site, "past_root", "operator") as root:
        slots = await occupy_slots(vault)
        arguments = {"password": password, "end": str(tmp_path / "end")}
        waiting = await vault.exec("batches.door", arguments)
        while_waiting = await found(root, text="battery")
        for each in slots:
            await each.cancel(now=True)
        digest = hashlib.sha256(password.encode()).hexdigest()
        assert (await first_line(waiting)).startswith(digest)
        while_running = await found(root, text="battery")
        (tmp_path / "end").touch()
        await end_of(waiting)

        assert (while_waiting, while_running, await found(root, text="battery")) == ([], [], [])
        # What it prints is no secret.
        assert await found(root, text=digest) == [waiting.job_id]


@pytest.mark.capability("N22")
async def test_nobody_finds_what_others_mention(site: Node) -> None:
    async with client(site, "past_mine") as mine, client(site, "past_other") as other:
        job = await mine.exec("probe.shell", [PRINTS], tags=["private_tag"])
        await job.result(LIMIT)

        for wanted in ({"text": "unfindable"}, {"text": "probe"}, {"tag": "private_tag"}):
            assert await found(other, **wanted) == []
        async with await site.user("past_other") as peer:
            page = await peer.call(uris.JOBS, counts=True)
        assert page == {"jobs": [], "next": None, "counts": {}}
