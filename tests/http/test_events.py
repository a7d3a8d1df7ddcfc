"""Events over HTTP: streams and long polls that lose nothing, whatever is cut."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.http.asking import LIMIT, STREAM, asking, curl, ended, nobody, revoke, submit, told
from tests.nodes import Node, Watch, the_one
from tests.site import client, make_site
from tests.site.jobs import events_of

from taskrealm.gateway.seats import PER_SESSION

CUTS = 10
TALKS = """
import time
from taskrealm.tasks import report
for number in range(200):
    report.message(f"number {number}")
    print(number, flush=True)
    time.sleep(0.01)
"""


SHOUTS = """
from taskrealm.tasks import report
for number in range(1_000):
    report.message("x" * 3_500)
"""


async def until_cut(
    http: aiohttp.ClientSession, path: str, last: str | None, most: int | None
) -> tuple[list[Any], str | None]:
    """Up to *most* events behind *last*, and the id of the last one then; the rest is cut off."""
    headers = STREAM if last is None else {**STREAM, "Last-Event-ID": last}
    heard = []
    async with http.get(path, headers=headers) as response:
        assert response.status == 200
        async for event in told(response):
            last = event.place
            assert event.name == event.data.get("type", "snapshot")
            if event.name != "snapshot":
                heard.append(event.data)
                if len(heard) == most or event.name == "succeeded":
                    break
    return heard, last


@pytest.mark.capability("N1", "D6", "P4")
@pytest.mark.parametrize("kind", ["job", "user"])
async def test_a_stream_that_is_cut_ten_times_during_a_job_ends_with_the_list_of_the_journal(
    site: Node, kind: str
) -> None:
    chance = random.Random(7)
    async with asking(site, f"curl_cuts_{kind}") as http, asyncio.timeout(LIMIT):
        last = None
        if kind == "user":
            async with http.get("events") as response:
                place = await response.json()
            last = f"{place['epoch']}:{place['next']}"
        job_id = await submit(http, "probe.script", code=TALKS)
        path = f"jobs/{job_id}/events" if kind == "job" else "events"
        heard: list[Any] = []
        for _ in range(CUTS):
            more, last = await until_cut(http, path, last, chance.randint(1, 15))
            heard += more
        more, last = await until_cut(http, path, last, None)
        heard += more

    async with client(site, f"curl_cuts_{kind}") as ana:
        journal = [event.as_dict() for event in await events_of(ana.job(job_id))]
    assert heard == journal
    assert len(heard) > 150


@pytest.mark.capability("D7", "N3")
async def test_a_stream_begins_with_how_things_stand_and_goes_on_with_what_happens(
    site: Node,
) -> None:
    async with asking(site, "curl_snap") as http, asyncio.timeout(LIMIT):
        running = await submit(http, "probe.nap", seconds=60.0)
        async with http.get("events", headers=STREAM) as response:
            assert response.content_type == "text/event-stream"
            assert response.headers["Cache-Control"] == "no-store"
            events = told(response)
            snapshot = await anext(events)
            later = await submit(http, "probe.nothing")
            await http.post(f"jobs/{running}/cancel", json={})
            heard = []
            async for event in events:
                heard.append((event.data["job_id"], event.name))
                if {"succeeded", "cancelled"} <= {name for _, name in heard}:
                    break

    assert snapshot.name == "snapshot"
    assert [job["job_id"] for job in snapshot.data["jobs"]] == [running]
    assert (later, "succeeded") in heard
    assert (running, "cancelled") in heard


@pytest.mark.capability("D7", "N3")
async def test_whoever_follows_a_job_late_gets_its_first_event_first(site: Node) -> None:
    async with asking(site, "curl_late") as http:
        job_id = await submit(http, "func.steps")
        first = await ended(http, job_id)
        again = await ended(http, job_id)

    assert first == again
    assert [event["job_seq"] for event in first] == list(range(1, len(first) + 1))
    assert first[-1]["type"] == "succeeded"


async def test_who_has_the_last_event_of_a_job_is_told_not_to_come_back(site: Node) -> None:
    async with asking(site, "curl_last") as http:
        job_id = await submit(http, "probe.nothing")
        events = await ended(http, job_id)
        last = {"Last-Event-ID": str(events[-1]["job_seq"])}
        async with http.get(f"jobs/{job_id}/events", headers=STREAM | last) as response:
            assert response.status == 204
        async with http.get(f"jobs/{job_id}/events", headers=last) as response:
            page = await response.json()

    assert page == {
        "recovered": True,
        "next": events[-1]["job_seq"],
        "ended": True,
        "events": [],
    }


@pytest.mark.capability("N1")
async def test_where_the_journal_cannot_go_on_the_stream_says_so_and_how_things_stand(
    site: Node,
) -> None:
    async with asking(site, "curl_reset") as http, asyncio.timeout(LIMIT):
        job_id = await submit(http, "probe.nap", seconds=60.0)
        for place in ("other:3", "other:0"):
            headers = {**STREAM, "Last-Event-ID": place}
            async with http.get("events", headers=headers) as response:
                reset = await anext(told(response))
                assert reset.name == "reset"
                assert [job["job_id"] for job in reset.data["jobs"]] == [job_id]
                assert reset.place == f"{reset.data['epoch']}:{reset.data['seq']}"
        async with http.get("events", params={"epoch": "other", "since": "3"}) as response:
            page = await response.json()
        headers = {**STREAM, "Last-Event-ID": "1000"}
        async with http.get(f"jobs/{job_id}/events", headers=headers) as response:
            events = told(response)
            reset = await anext(events)
            assert reset.name == "reset"
            assert reset.data["job"]["job_id"] == job_id
            assert (await anext(events)).data["job_seq"] == 1
        await http.post(f"jobs/{job_id}/cancel", json={"now": True})

    assert page["recovered"] is False
    assert [job["job_id"] for job in page["snapshot"]["jobs"]] == [job_id]
    assert page["next"] == page["snapshot"]["seq"]


@pytest.mark.capability("P4", "D6")
async def test_a_long_poll_answers_as_soon_as_there_is_something_and_goes_on_from_there(
    site: Node,
) -> None:
    async with asking(site, "curl_poll") as http, asyncio.timeout(LIMIT):
        async with http.get("events") as response:
            place = await response.json()
        assert place["recovered"] is False
        waiting = asyncio.create_task(
            http.get(
                "events",
                params={"epoch": place["epoch"], "since": str(place["next"]), "wait": "30"},
            )
        )
        job_id = await submit(http, "func.steps")
        heard = []
        async with await waiting as response:
            page = await response.json()
        heard += page["events"]
        assert heard
        while heard[-1]["type"] != "succeeded":
            last = f"{page['epoch']}:{page['next']}"
            params = {"wait": "30", "last_event_id": last}
            async with http.get("events", params=params) as response:
                page = await response.json()
            assert page["recovered"]
            heard += page["events"]
        journal = await ended(http, job_id)
        params = {"epoch": page["epoch"], "since": str(page["next"]), "wait": "0.1"}
        async with http.get("events", params=params) as response:
            nothing = await response.json()

    assert heard == journal
    assert nothing == {
        "recovered": True,
        "epoch": page["epoch"],
        "next": page["next"],
        "events": [],
    }


@pytest.mark.capability("P4")
async def test_a_long_poll_of_a_job_says_when_it_has_ended(site: Node) -> None:
    async with asking(site, "curl_job") as http, asyncio.timeout(LIMIT):
        job_id = await submit(http, "func.steps")
        heard: list[Any] = []
        page: dict[str, Any] = {"next": 0, "ended": False}
        while not page["ended"]:
            params = {"since": str(page["next"]), "wait": "30"}
            async with http.get(f"jobs/{job_id}/events", params=params) as response:
                page = await response.json()
            heard += page["events"]

        assert heard == await ended(http, job_id)


@pytest.mark.parametrize("deliver", ["session", "none"])
async def test_a_job_whose_events_are_sent_to_nobody_can_be_followed_too(
    site: Node, deliver: str
) -> None:
    async with asking(site, "curl_quiet") as http:
        body = {"task": "func.steps", "deliver": deliver}
        async with http.post("jobs", json=body) as response:
            job_id = (await response.json())["job_id"]
        events = await ended(http, job_id)

    assert events[-1]["type"] == "succeeded"
    assert events[0]["seq"] is None


async def test_a_crowd_of_followers_of_one_bearer_all_hear_everything(site: Node) -> None:
    async with asking(site, "curl_crowd") as http, asyncio.timeout(LIMIT):
        job_id = await submit(http, "probe.script", code=TALKS)
        lists = await asyncio.gather(*(ended(http, job_id) for _ in range(30)))

    assert all(each == lists[0] for each in lists)
    assert len(lists[0]) > 200


@pytest.mark.capability("P4")
@pytest.mark.parametrize("limits", ["jobs", "tasks"])
async def test_a_token_for_one_job_follows_that_job_and_nothing_else(
    site: Node, limits: str
) -> None:
    async with asking(site, "curl_scope") as http, asyncio.timeout(LIMIT):
        other = await submit(http, "func.steps")
        job_id = await submit(http, "probe.script", code=TALKS)
        scope = {"jobs": [job_id]} if limits == "jobs" else {"tasks": ["probe.script"]}
        async with http.post("mint", json={**scope, "read_only": True}) as response:
            assert response.status in (200, 201), await response.text()
            token = (await response.json())["token"]
        async with asking(site, "curl_scope", token=token) as narrow:
            events, text = await asyncio.gather(ended(narrow, job_id), printed_by(narrow, job_id))
            for path in (f"jobs/{other}/events", f"jobs/{other}/output"):
                async with narrow.get(path, headers=STREAM) as response:
                    assert response.status in (403, 404)
            async with narrow.get("events", headers=STREAM) as response:
                assert response.status == 403
            async with narrow.post(f"jobs/{job_id}/cancel", json={}) as response:
                assert response.status == 403

        assert events == await ended(http, job_id)
        assert text == await printed_by(http, job_id)


async def printed_by(http: aiohttp.ClientSession, job_id: str) -> str:
    async with http.get(f"jobs/{job_id}/output", params={"follow": "true"}) as response:
        return await response.text()


async def test_a_bearer_follows_so_much_at_once_and_more_when_it_leaves(site: Node) -> None:
    async with asking(site, "curl_seats") as http, asyncio.timeout(LIMIT):
        job_id = await submit(http, "probe.nap", seconds=60.0)
        path = f"jobs/{job_id}/output?follow=true"
        followed = [await http.get(path) for _ in range(PER_SESSION)]
        async with http.get("events", headers=STREAM) as response:
            assert response.status == 429
            assert int(response.headers["Retry-After"]) == 5
        for response in followed:
            response.close()
        status = 429
        while status == 429:
            async with http.get("events", headers=STREAM) as response:
                status = response.status
        await http.post(f"jobs/{job_id}/cancel", json={"now": True})

    assert status == 200


@pytest.mark.parametrize("path", ["events", "output"])
async def test_the_jobs_of_others_are_as_if_they_were_not_there(site: Node, path: str) -> None:
    async with asking(site, "curl_own") as own, asking(site, "curl_eve") as eve:
        job_id = await submit(own, "probe.nothing")
        await ended(own, job_id)
        for headers in ({}, STREAM):
            async with eve.get(f"jobs/{job_id}/{path}", headers=headers) as response:
                assert response.status == 404
                assert (await response.json())["code"] == "unknown_job"


async def test_an_operator_follows_the_jobs_of_others(site: Node) -> None:
    async with asking(site, "curl_own") as own, asking(site, "curl_boss", "operator") as boss:
        job_id = await submit(own, "func.steps")
        theirs = await ended(boss, job_id)

        assert theirs == await ended(own, job_id)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("events?since=-1", "since"),
        ("events?wait=61", "wait"),
        ("events?wait=nan", "wait"),
        ("events?last_event_id=x", "last_event_id"),
        ("events?last_event_id=a:b", "last_event_id"),
        ("events?last_event_id=a:-1", "last_event_id"),
    ],
)
async def test_a_place_that_is_none_is_refused_by_field(site: Node, path: str, field: str) -> None:
    async with asking(site, "curl_wrong") as http:
        for headers in ({}, STREAM):
            async with http.get(path, headers=headers) as response:
                assert response.status == 422
                assert set((await response.json())["fields"]) == {field}


async def test_nobody_follows_without_a_token(site: Node) -> None:
    async with nobody(site) as http:
        for path in ("/api/events", "/api/jobs/1/events", "/api/jobs/1/output"):
            async with http.get(path, headers=STREAM) as response:
                assert response.status == 401


@pytest.mark.parametrize("path", ["events", "jobs/{}/events", "jobs/{}/output?follow=true"])
async def test_a_stream_ends_with_the_token_of_its_reader(site: Node, path: str) -> None:
    authid = f"curl_revoked_{len(path)}"
    async with asking(site, authid) as http, asyncio.timeout(LIMIT):
        job_id = await submit(http, "probe.nap", seconds=60.0)
        async with http.get(path.format(job_id), headers=STREAM) as response:
            assert response.status == 200
            revoke(site, authid)
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
        async with http.get(path.format(job_id), headers=STREAM) as response:
            assert response.status == 401
        async with asking(site, authid) as again:
            await again.post(f"jobs/{job_id}/cancel", json={"now": True})


async def test_a_stream_ends_when_its_token_expires(site: Node) -> None:
    token = site.issue("curl_expired", lifetime=2.0)
    async with asking(site, "curl_expired", token=token) as http, asyncio.timeout(LIMIT):
        async with http.get("events", headers=STREAM) as response:
            assert response.status == 200
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
        async with http.get("events", headers=STREAM) as response:
            assert response.status == 401


@pytest.mark.capability("P4")
async def test_curl_alone_follows_a_job_to_its_end(site: Node) -> None:
    node = f"http://127.0.0.1:{site.port}/api"
    token = f"Authorization: Bearer {site.issue('curl_alone')}"
    status, printed = await curl(
        *("--header", token, "--json", '{"task": "func.steps"}', f"{node}/jobs")
    )
    job_id = json.loads(printed)["job_id"]
    accept = "Accept: text/event-stream"
    code, printed = await curl(
        "--no-buffer", "--header", token, "--header", accept, f"{node}/jobs/{job_id}/events"
    )

    assert (status, code) == (0, 0)
    assert printed.startswith(b"retry: ")
    assert b"\nevent: progress\n" in printed
    assert printed.rstrip().rpartition(b"\n\n")[2].split(b"\n")[1] == b"event: succeeded"


@pytest.mark.capability("D6")
@pytest.mark.timeout(150)
async def test_a_stream_goes_on_when_the_executor_starts_anew_and_by_its_id_when_the_gateway_does(
    short_path: Path,
) -> None:
    with Node(make_site(short_path)) as node:
        node.until("READY")
        async with asking(node, "curl_kill") as http, asyncio.timeout(LIMIT):
            job_id = await submit(http, "probe.nap", seconds=60.0)
            async with (
                http.get("events", headers=STREAM) as of_user,
                http.get(f"jobs/{job_id}/events", headers=STREAM) as of_job,
            ):
                job, user = told(of_job), told(of_user)
                while (await anext(job)).name != "started":
                    pass
                assert (await anext(user)).name == "snapshot"
                Watch([the_one(node.folder, "components/executor.py")]).kill()
                rest = [event.name async for event in job]
                while (event := await anext(user)).name != "lost":
                    pass
                assert rest[-1] == "lost"
                assert event.data["job_id"] == job_id
                Watch([the_one(node.folder, "components/gateway.py")]).kill()
                with pytest.raises(aiohttp.ClientPayloadError):
                    await anext(user)
            async with client(node, "curl_kill") as ana:
                await (await ana.exec("probe.nothing")).result(LIMIT)
            headers, status = {**STREAM, "Last-Event-ID": event.place}, 503
            while status == 503:
                async with http.get("events", headers=headers) as response:
                    if (status := response.status) == 200:
                        user = told(response)
                        names = [(await anext(user)).name for _ in range(3)]

    assert names == ["queued", "started", "succeeded"]


@pytest.mark.timeout(150)
async def test_a_reader_who_takes_nothing_costs_no_memory_and_misses_nothing(
    short_path: Path,
) -> None:
    with Node(make_site(short_path)) as node:
        node.until("READY")
        async with asking(node, "curl_slow") as http, asyncio.timeout(2 * LIMIT):
            async with http.get("events") as response:
                place = await response.json()
            before = memory(node)
            slow = await follow_without_reading(node, "curl_slow", place)
            job_ids = [await submit(http, "probe.script", code=SHOUTS) for _ in range(5)]
            shouted = await asyncio.gather(*(ended(http, job_id) for job_id in job_ids))
            after = memory(node)
            newest = (await (await http.get("events")).json())["next"]
            seen = await seen_by(slow, newest)

    assert seen == list(range(place["next"] + 1, newest + 1))
    assert len(seen) == sum(map(len, shouted))
    assert sum(len(json.dumps(each)) for each in shouted) > 15_000_000
    assert after - before < 10_000_000


def memory(node: Node) -> int:
    """Bytes of memory that the gateway takes up."""
    pid = the_one(node.folder, "components/gateway.py")
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


async def follow_without_reading(
    node: Node, authid: str, place: dict[str, Any]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A stream of events whose reader has little room, and takes nothing."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    line.setblocking(False)
    await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", node.port))
    reader, writer = await asyncio.open_connection(sock=line, limit=4_096)
    writer.write(
        f"GET /api/events HTTP/1.1\r\nHost: node\r\nAccept: text/event-stream\r\n"
        f"Authorization: Bearer {node.issue(authid)}\r\n"
        f"Last-Event-ID: {place['epoch']}:{place['next']}\r\n\r\n".encode()
    )
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    return reader, writer


async def seen_by(
    slow: tuple[asyncio.StreamReader, asyncio.StreamWriter], newest: int
) -> list[int]:
    """The numbers of the events that are read at last, up to *newest*."""
    reader, writer = slow
    seen: list[int] = []
    text = b""
    try:
        await reader.readuntil(b"\r\n\r\n")
        while not seen or seen[-1] < newest:
            size = int(await reader.readline(), 16)
            text += (await reader.readexactly(size + 2))[:-2]
            *lines, text = text.split(b"\n")
            seen += [int(line.rpartition(b":")[2]) for line in lines if line.startswith(b"id: ")]
    finally:
        writer.close()
    return seen
