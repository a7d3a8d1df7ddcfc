"""Tasks called as plain procedures, by programs that know WAMP and nothing of TaskRealm."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.needs import needs
from tests.nodes import comes_true
from tests.plain import CALL, ERROR, RESULT, ROLES
from tests.site import client, programs_of, session
from tests.site.jobs import LIMIT, end_of, events_of, occupy_slots, until

from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidArguments, JobFailed, TooLarge, UnknownTask
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.nodes import Node
    from tests.plain import WebSocket

    from taskrealm.client import Client, Job

CANCEL = 49
CALLER = {
    **ROLES,
    "caller": {"features": {"progressive_call_results": True, "call_canceling": True}},
}
REQUEST = 7_000

COMPONENT = """
import asyncio, json, os, sys

from autobahn.asyncio.component import Component
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import CallOptions

url, ticket = sys.argv[1:]
component = Component(
    transports=[{"type": "websocket", "url": url, "serializers": ["json"]}],
    realm="taskrealm",
    authentication={"ticket": {"authid": "clock_otto", "ticket": ticket}},
)
told = {}


@component.on_join
async def joined(session, details):
    types = []
    options = CallOptions(on_progress=lambda event: types.append(event["type"]))
    told["result"] = await session.call("taskrealm.run.steps.shell", "echo hello", options=options)
    told["types"] = types
    try:
        await session.call("taskrealm.run.steps.shell", script="exit 3")
    except ApplicationError as error:
        told["error"] = [error.error, error.args[0], error.kwargs["state"]]
        told["exit_code"] = error.kwargs["outcome"]["exit_code"]
    started = asyncio.Event()
    options = CallOptions(on_progress=lambda event: event["type"] == "started" and started.set())
    call = asyncio.ensure_future(session.call("taskrealm.run.probe.nap", options=options))
    await started.wait()
    call.cancel()
    await asyncio.wait([call])
    told["cancelled"] = call.cancelled() or str(call.exception())
    print(json.dumps(told), flush=True)
    os._exit(0)


async def main():
    component.start(loop=asyncio.get_running_loop())
    await asyncio.Event().wait()


asyncio.run(main())
"""


def procedure(task: str) -> str:
    return uris.RUN_PREFIX + task


async def caller(site: Node, authid: str) -> WebSocket:
    """A session that wants progressive results and may cancel its calls."""
    peer = await site.outside()
    await peer.join(site.issue(authid), roles=CALLER)
    return peer


async def answers(peer: WebSocket) -> AsyncIterator[list[Any]]:
    """What the call is answered, up to the last answer."""
    while True:
        message = await peer.receive(LIMIT)
        if message[0] in (RESULT, ERROR):
            yield message
            if message[0] == ERROR or not message[2].get("progress"):
                return


async def only_job(user: Client) -> Job:
    """The one job of *user*, once there is one."""
    async with asyncio.timeout(LIMIT):
        while not (jobs := [each async for each in user.jobs()]):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    [job] = jobs
    return user.job(job["job_id"])


@pytest.mark.capability("N17", "S10")
async def test_a_call_of_a_task_runs_it_and_its_result_is_the_answer(site: Node) -> None:
    peer = await session(site, "clock_jan")
    by_name = await peer.call(procedure("probe.arguments"), text="a b", number=3)
    by_position = await peer.call(procedure("probe.arguments"), "a b", 3)
    jobs = (await peer.call(uris.JOBS))["jobs"]
    await peer.leave()

    assert by_name == by_position
    assert by_name[:3] == ["constant", "a b", "3"]
    assert [(job["task"], job["owner"], job["state"]) for job in jobs] == [
        ("probe.arguments", "clock_jan", "succeeded")
    ] * 2


@pytest.mark.capability("N17")
async def test_progressive_results_are_the_events_of_the_job(site: Node) -> None:
    async with await caller(site, "clock_kim") as peer, client(site, "clock_kim") as kim:
        options = {"receive_progress": True}
        await peer.send([CALL, REQUEST, options, procedure("steps.shell"), ["echo hello"]])
        *progress, last = [message async for message in answers(peer)]
        events = [message[3][0] for message in progress]
        published = await events_of(await only_job(kim))

    assert last[3] == ["hello"]
    assert [event["type"] for event in events] == ["queued", "started", "succeeded"]
    assert [event["job_seq"] for event in events] == [1, 2, 3]
    assert [event.as_dict() for event in published] == events


@pytest.mark.capability("N17", "S5")
async def test_what_exec_would_refuse_is_refused_in_the_same_words(site: Node) -> None:
    peer = await session(site, "clock_leo")
    with pytest.raises(UnknownTask):
        await peer.call(procedure("nothing.of.the.kind"))
    with pytest.raises(UnknownTask, match=r"probe\.operators"):
        await peer.call(procedure("probe.operators"))
    with pytest.raises(InvalidArguments) as refusal:
        await peer.call(procedure("probe.arguments"), number="many")
    with pytest.raises(JobFailed, match="exit code 3") as failure:
        await peer.call(procedure("steps.shell"), "echo oh >&2; exit 3")
    jobs = (await peer.call(uris.JOBS))["jobs"]
    await peer.leave()

    assert list(refusal.value.fields) == ["number"]
    assert failure.value.state == "failed"
    assert failure.value.outcome["exit_code"] == 3
    assert failure.value.outcome["stderr_tail"] == "oh\n"
    assert [job["job_id"] for job in jobs] == [failure.value.job_id]


@pytest.mark.capability("N17", "C1")
@pytest.mark.parametrize("mode", ["kill", "killnowait"])
async def test_a_call_that_is_cancelled_cancels_its_job(site: Node, mode: str) -> None:
    authid = f"clock_mia_{mode}"
    async with await caller(site, authid) as peer, client(site, authid) as mia:
        await peer.send([CALL, REQUEST, {}, procedure("probe.nap")])
        job = await only_job(mia)
        await until(job, EventType.STARTED)
        await peer.send([CANCEL, REQUEST, {"mode": mode}])
        [answer] = [message async for message in answers(peer)]
        end = await end_of(job)

        assert answer[4] == "wamp.error.canceled"
        assert (end.type, end.data["by"]) == ("cancelled", authid)
        assert end.data["reason"] == "its call was cancelled"
        await comes_true(lambda: not programs_of(job.job_id))


@pytest.mark.capability("N17", "C1")
async def test_a_call_whose_caller_leaves_cancels_its_job_also_in_the_queue(site: Node) -> None:
    async with client(site, "clock_nat") as nat:
        blocking = await occupy_slots(nat)
        async with await caller(site, "clock_noa") as peer, client(site, "clock_noa") as noa:
            await peer.send([CALL, REQUEST, {}, procedure("date")])
            job = await only_job(noa)
            await until(job, EventType.QUEUED)
            await peer.__aexit__()
            end = await end_of(job)
        for each in blocking:
            await each.cancel(now=True)

    assert end.type == "cancelled"


@pytest.mark.capability("S7", "N17")
async def test_a_call_whose_time_is_up_is_answered_and_its_job_is_cancelled(site: Node) -> None:
    async with await caller(site, "clock_pia") as peer, client(site, "clock_pia") as pia:
        # The router counts in whole seconds.
        await peer.send([CALL, REQUEST, {"timeout": 1}, procedure("probe.nap")])
        [answer] = [message async for message in answers(peer)]
        end = await end_of(await only_job(pia))

    assert answer[4] == "wamp.error.canceled"
    assert end.type == "cancelled"


@pytest.mark.capability("N17")
async def test_a_result_that_is_too_big_for_an_event_is_an_answer_all_the_same(site: Node) -> None:
    peer = await session(site, "clock_quy")
    result = await peer.call(procedure("timing.big"), 300_000)
    with pytest.raises(TooLarge, match=r"taskrealm\.output reads it in pieces"):
        await peer.call(procedure("timing.big"), 2_000_000)
    await peer.leave()

    assert result == "x" * 300_000


@pytest.mark.capability("N17", "P2")
async def test_a_plain_component_of_autobahn_gets_result_progress_errors_and_cancel(
    site: Node,
) -> None:
    url = f"ws://127.0.0.1:{site.port}/ws"
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", COMPONENT, url, site.issue("clock_otto")],
        capture_output=True,
        text=True,
        timeout=LIMIT / 2,
        check=False,
    )
    async with client(site, "clock_otto") as otto:
        newest = await anext(otto.jobs(limit=1))
        end = await end_of(otto.job(newest["job_id"]))

    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    assert told["result"] == "hello"
    assert told["types"] == ["queued", "started", "succeeded"]
    assert told["error"] == [
        "taskrealm.error.job_failed",
        "The program ended with exit code 3",
        "failed",
    ]
    assert told["exit_code"] == 3
    assert told["cancelled"]
    assert (newest["task"], end.type) == ("probe.nap", "cancelled")


@pytest.mark.capability("N17")
async def test_autobahn_js_alone_gets_result_progress_errors_and_cancel(site: Node) -> None:
    node = needs("node")
    done = await asyncio.to_thread(
        subprocess.run,
        [
            node,
            "--experimental-websocket",  # of which Node 22 and later need no word
            Path(__file__).with_name("plain_caller.cjs"),
            f"ws://127.0.0.1:{site.port}/ws",
            site.issue("clock_rob"),
        ],
        capture_output=True,
        text=True,
        timeout=LIMIT / 2,
        check=False,
    )
    async with client(site, "clock_rob") as rob:
        newest = await anext(rob.jobs(limit=1))
        end = await end_of(rob.job(newest["job_id"]))

    assert done.stdout, done.stderr
    assert json.loads(done.stdout) == {
        "result": "hello",
        "types": ["queued", "started", "succeeded"],
        "error": ["taskrealm.error.job_failed", "failed", 3],
        "cancelled": "wamp.error.canceled",
    }
    assert (newest["task"], end.type) == ("probe.nap", "cancelled")
