"""What a node logs: who did what, in lines that nobody can forge and that give no secret away."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.nodes import comes_true, processes_of
from tests.plain import Closed, Refused
from tests.site import client, session

from taskrealm.client import JobCancelled, JobFailed
from taskrealm.protocol import uris
from taskrealm.protocol.errors import Error, Internal, InvalidToken, NotAuthorized, UnknownTask

if TYPE_CHECKING:
    from tests.nodes import Node

LIMIT = 60.0  # seconds

FORGED = '\r\n{"event": "forged", "level": "critical", "by": "root"}\n\x1b[2J\x1b]0;forged\x07"}\n'


def logged(site: Node) -> list[dict[str, Any]]:
    """Every line of the executor's log; each has to be one JSON object."""
    return [json.loads(line) for line in site.folder.log("executor").read_bytes().split(b"\n")[:-1]]


def lines_of(site: Node, event: str, **data: Any) -> list[dict[str, Any]]:
    return [line for line in logged(site) if {"event": event, **data}.items() <= line.items()]


@pytest.mark.capability("O2")
async def test_the_log_says_who_did_what_and_when(site: Node) -> None:
    async with client(site, "logan") as logan, client(site, "overseer", "operator") as overseer:
        job = await logan.exec("probe.nap")
        async for event in job:
            if event.type == "started":
                break
        await overseer.job(job.job_id).cancel("too long", now=True)
        with pytest.raises(JobCancelled):
            await job.result(LIMIT)

    story = [line for line in logged(site) if line.get("job_id") == job.job_id]
    assert [line["event"] for line in story] == [
        "Job accepted",
        "Job started",
        "Cancel accepted",
        "Job ended",
    ]
    assert all((line["task"], line["owner"]) == ("probe.nap", "logan") for line in story)
    assert {line["level"] for line in story} == {"info"}
    assert story[0]["submitted_by"] == "logan"
    assert story[1]["attempt"] == 1
    wanted = {"by": "overseer", "role": "operator", "reason": "too long", "now": True}
    assert wanted.items() <= story[2].items()
    assert story[3]["state"] == "cancelled"
    times = [datetime.fromisoformat(line["timestamp"]) for line in story]
    assert times == sorted(times)
    assert times[0].tzinfo is not None


@pytest.mark.capability("O2")
async def test_the_log_says_who_was_not_let_in_and_why(site: Node) -> None:
    async with await site.outside() as stranger:
        with pytest.raises(Refused):
            await stranger.join("tr_" + 43 * "x", authid="mallory")

    words = (
        r"refused that calls itself 'mallory' and comes from tcp\S+127\.0\.0\.1\S+ The token is not"
    )
    # What the router worker says comes into the log through the controller.
    await comes_true(lambda: bool(re.search(words, site.folder.log("node").read_text())))


@pytest.mark.capability("O2")
async def test_the_log_says_who_was_refused_what_and_why(site: Node) -> None:
    peer = await session(site, "curious")
    attempts: list[tuple[type[Error], tuple[Any, ...]]] = [
        (UnknownTask, (uris.EXEC, "no.such.task")),
        (NotAuthorized, (uris.EVENTS, None, 0, 10, None, "somebody")),
        (InvalidToken, (uris.TOKEN, "tr_" + 43 * "x")),
    ]
    for kind, call in attempts:
        with pytest.raises(kind):
            await peer.call(*call)
    await peer.leave()

    found = lines_of(site, "Call refused", by="curious")
    assert [(line["procedure"], line["error"], line["level"]) for line in found] == [
        (uris.EXEC, UnknownTask.uri, "info"),
        (uris.EVENTS, NotAuthorized.uri, "warning"),
        (uris.TOKEN, InvalidToken.uri, "warning"),
    ]
    assert "no.such.task" in found[0]["reason"]
    assert {(line["role"], line["session"]) for line in found} == {("user", peer.session_id)}


@pytest.mark.capability("O3")
async def test_nothing_that_users_send_forges_a_line(site: Node) -> None:
    authid = 'eve", "event": "forged'
    peer = await session(site, authid)
    for call in (
        (uris.EXEC, FORGED),
        (uris.EXEC, "date", [FORGED, FORGED, FORGED]),
        (uris.CANCEL, FORGED),
        (uris.JOBS, FORGED),
        (uris.TOKEN, FORGED),
    ):
        with pytest.raises(Error):
            await peer.call(*call)
    with pytest.raises(Error):
        await peer.call(uris.EXEC, "date", [], {FORGED: FORGED})
    await peer.leave()
    async with client(site, authid) as eve:
        script = 'printf \'%s\' "$0" >> "$TASKREALM_REPORT"; printf \'%s\' "$0" >&2; exit 3'
        failing = await eve.exec("probe.printed", {"text": FORGED}, tags=[FORGED[:90]])
        assert await failing.result(LIMIT)
        broken = await eve.exec("steps.shell", {"script": script.replace("$0", FORGED)})
        with pytest.raises(JobFailed):
            await broken.result(LIMIT)
        waiting = await eve.exec("probe.nap")
        await waiting.cancel(FORGED, now=True)
        with pytest.raises(JobCancelled):
            await waiting.result(LIMIT)

    lines = logged(site)
    assert "forged" not in {line["event"] for line in lines}
    assert [line["reason"] for line in lines if "reason" in line and "now" in line][-1] == FORGED
    assert {"event", "level", "timestamp"} <= set.intersection(*(set(line) for line in lines))
    for log in site.folder.logs.iterdir():
        text = log.read_bytes()
        # The router's log has what clients send indented, so that it begins no record.
        assert not re.search(rb'^[^\w\s]*"event": "forged"', text, re.MULTILINE), log
        assert b"\x1b]0;forged" not in text, log


@pytest.mark.capability("O3")
async def test_nothing_that_strangers_send_forges_a_record_of_the_router(site: Node) -> None:
    async with await site.outside() as stranger:
        with pytest.raises(Closed):
            await stranger.join(realm=FORGED)
    async with await site.outside() as eve:
        await eve.join(site.issue("eve"))
        with pytest.raises(Closed):
            await eve.call(FORGED)

    log = site.folder.log("node")
    await comes_true(lambda: '\n    {"event": "forged"' in log.read_text())
    text = log.read_text()
    lines = text.splitlines()
    assert not [line for line in lines if not re.match(r"    |\d{4}-\d\d-\d\dT|$", line)]
    assert not [char for char in text if not char.isprintable() and char != "\n"]


@pytest.mark.capability("O3")
async def test_no_secret_gets_into_a_log_or_a_process_list(site: Node) -> None:
    token, code = site.issue("keeper"), site.issue("keeper", code=True)
    secret = "hunter2-hunter2"
    async with client(site, "keeper") as keeper:
        await (await keeper.exec("steps.shell", {"script": f"true {secret}"})).result(LIMIT)
        with pytest.raises(Internal) as failure:
            await keeper.exec("steps.leaky", [secret])
        napping = await keeper.exec("probe.nap")
        async with await site.outside() as outside:
            await outside.join(token)
            redeemed = (await outside.call(uris.TOKEN, code))["token"]
            with pytest.raises(Exception, match="wrong, expired or used up"):
                await outside.call(uris.TOKEN, code)
        listed = "".join(
            Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace")
            for pid in processes_of(site.folder)
            for name in ("cmdline", "environ")
        )
        await napping.cancel(now=True)

    assert lines_of(site, "Call failed", reference=failure.value.reference)[0]["exception"]
    kept = [
        site.folder.operator_token.read_text().strip(),
        site.folder.private_key("executor").read_text().strip(),
    ]
    written = "".join(path.read_text() for path in site.folder.logs.iterdir())
    written += "\n".join(site.output)
    for each in (token, code, redeemed, *kept):
        assert each not in written
        assert each not in listed
    assert secret not in written
