"""Backends that run tasks on behalf of users: for whom they may, and who hears of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.plain import EVENT, Refused, WebSocket
from tests.site import client
from tests.site.jobs import LIMIT
from tests.site.rights import (
    ABOUT_JOBS,
    ANSWERED,
    NOT_AUTHORIZED,
    UNKNOWN_JOB,
    UNKNOWN_TASK,
    enter,
    outcome,
    ruled_node,
    until_ended,
)

from taskrealm.client import BlockingClient, File, Request
from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidArguments, NotAuthorized

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.nodes import Node

RULES = """
[[rules]]
allow = ["see", "run", "output", "cancel"]
users = ["deleg_shop*", "deleg_customer*"]

[[rules]]
allow = ["see", "run"]
tasks = ["desk.nap"]
teams = ["editors"]

[[rules]]
allow = ["see", "run"]
tasks = ["desk.convert"]
users = ["deleg_guest"]
arguments = {preset = ["720p"]}

[[delegation]]
backends = ["deleg_shop*"]
users = ["deleg_customer*"]
tasks = ["desk.*"]

[[delegation]]
allow = ["run"]
backends = ["deleg_shop"]
users = ["deleg_guest*"]
teams = ["editors"]
tasks = ["desk.convert", "desk.nap"]

[[delegation]]
backends = ["deleg_ops"]
users = ["deleg_customer"]
"""

LIFE = ["queued", "started", "artifact", "succeeded"]


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node whose backends may do some things for some users."""
    with ruled_node(RULES) as node:
        yield node


async def shop(node: Node) -> WebSocket:
    """A session of the backend that may do most."""
    return await enter(node, "deleg_shop", "backend")


async def events_of(peer: WebSocket, job_id: str) -> list[dict[str, Any]]:
    """The events that *peer* is sent, up to the end of the job, all of which are about it."""
    heard: list[dict[str, Any]] = []
    while not heard or not heard[-1]["type"] == "succeeded":
        message = await peer.receive(LIMIT)
        assert message[0] == EVENT
        heard += message[4][0]
    assert {event["job_id"] for event in heard} == {job_id}
    return heard


@pytest.mark.capability("B1", "B3", "D1")
async def test_the_browsers_of_the_user_see_the_job_that_a_backend_has_submitted(
    node: Node,
) -> None:
    user = "deleg_customer"
    async with (
        await enter(node, user) as browser,
        await enter(node, user) as phone,
        await enter(node, "deleg_customer_2") as other,
        await shop(node) as backend,
    ):
        for peer in (browser, phone):
            await peer.subscribe(uris.jobs_topic(user))
        await other.subscribe(uris.jobs_topic("deleg_customer_2"))
        answer = await backend.call(uris.EXEC, "desk.convert", on_behalf_of=user)
        job_id = answer["job_id"]
        heard = [await events_of(peer, job_id) for peer in (browser, phone)]
        job = await browser.call(uris.JOB, job_id)
        listed = await browser.call(uris.JOBS)
        stream = await browser.call(uris.EVENTS, heard[0][0]["epoch"], heard[0][0]["seq"] - 1)
        await other.call(uris.JOBS)

        assert [[event["type"] for event in each] for each in heard] == [LIFE, LIFE]
        assert (job["owner"], job["submitted_by"], job["role"]) == (user, "deleg_shop", "user")
        assert [each["job_id"] for each in listed["jobs"]] == [job_id]
        assert [event["type"] for event in stream["events"]] == LIFE
        assert not [each for each in other.unread if each[0] == EVENT]


@pytest.mark.capability("B4", "D3")
async def test_a_backend_may_hear_of_the_job_alone_or_let_nobody_hear(node: Node) -> None:
    user = "deleg_customer_3"
    async with (
        await enter(node, user) as browser,
        await shop(node) as backend,
        await shop(node) as second,
    ):
        for peer in (browser, backend, second):
            await peer.subscribe(uris.jobs_topic(user))
        options = {"on_behalf_of": user, "deliver": "none"}
        silent = (await backend.call(uris.EXEC, "desk.convert", **options))["job_id"]
        await until_ended(backend, silent)
        options = {"on_behalf_of": user, "deliver": "session"}
        apart = (await backend.call(uris.EXEC, "desk.convert", **options))["job_id"]
        heard = await events_of(backend, apart)
        # What the user and another session of the backend hear first is of the next job.
        told = (await second.call(uris.EXEC, "desk.convert", on_behalf_of=user))["job_id"]
        first = [(await events_of(peer, told))[0] for peer in (browser, second)]

    assert [event["type"] for event in heard] == LIFE
    assert [event["type"] for event in first] == ["queued", "queued"]


@pytest.mark.capability("B5")
@pytest.mark.parametrize("role", ["user", "operator"])
async def test_who_is_not_delegated_may_not_act_on_behalf_of_others(node: Node, role: str) -> None:
    user = {"on_behalf_of": "deleg_customer"}
    async with await enter(node, "deleg_customer_4", role) as peer:
        calls = {
            "exec": peer.call(uris.EXEC, "desk.convert", **user),
            "check": peer.call(uris.CHECK, "desk.convert", **user),
            "exec_many": peer.call(uris.EXEC_MANY, [{"task": "desk.convert", **user}]),
            "upload.begin": peer.call(uris.UPLOAD_BEGIN, "a.txt", 1, **user),
            "upload.status": peer.call(uris.UPLOAD_STATUS, "x", **user),
            "upload.append": peer.call(uris.UPLOAD_APPEND, "x", 0, "\0YQ==", **user),
            "upload.finish": peer.call(uris.UPLOAD_FINISH, "x", **user),
            "upload.remove": peer.call(uris.UPLOAD_REMOVE, "x", **user),
            "oneself": peer.call(uris.EXEC, "desk.convert", on_behalf_of="deleg_customer_4"),
        }
        found = {name: await outcome(call) for name, call in calls.items()}

    assert set(found.values()) == {NOT_AUTHORIZED}


@pytest.mark.capability("B2")
@pytest.mark.parametrize(
    ("backend", "options", "expected"),
    [
        pytest.param("deleg_shop", {"on_behalf_of": "deleg_customer_5"}, "ok", id="covered"),
        pytest.param(
            "deleg_other", {"on_behalf_of": "deleg_customer"}, NOT_AUTHORIZED, id="backend"
        ),
        pytest.param("deleg_shop", {"on_behalf_of": "deleg_boss"}, NOT_AUTHORIZED, id="user"),
        pytest.param(
            "deleg_shop",
            {"on_behalf_of": "deleg_customer", "task": "probe.required", "args": ["x"]},
            NOT_AUTHORIZED,
            id="task",
        ),
        pytest.param(
            "deleg_shop",
            {"on_behalf_of": "deleg_customer", "teams": ["editors"]},
            NOT_AUTHORIZED,
            id="team, of another rule",
        ),
        pytest.param("deleg_shop", {"on_behalf_of": "deleg_guest"}, "ok", id="rights of the user"),
        pytest.param(
            "deleg_shop",
            {"on_behalf_of": "deleg_guest", "args": ["4k"]},
            NOT_AUTHORIZED,
            id="an argument that the user may not give",
        ),
        pytest.param(
            "deleg_shop",
            {"on_behalf_of": "deleg_guest_2"},
            UNKNOWN_TASK,
            id="a user without rights",
        ),
        pytest.param(
            "deleg_shop",
            {"on_behalf_of": "deleg_guest_2", "task": "desk.nap", "args": ["/x"]},
            UNKNOWN_TASK,
            id="a user without the team",
        ),
        pytest.param(
            "deleg_shop",
            {"on_behalf_of": "deleg_guest_2", "task": "desk.guarded"},
            NOT_AUTHORIZED,
            id="a task beyond the delegation",
        ),
    ],
)
async def test_a_delegation_and_the_rights_of_the_user_limit_what_a_backend_may(
    node: Node, backend: str, options: dict[str, Any], expected: str
) -> None:
    request = {"task": "desk.convert", **options}
    async with await enter(node, backend, "backend") as peer:
        assert await outcome(peer.call(uris.EXEC, **request)) == expected
        assert await outcome(peer.call(uris.CHECK, **request)) == expected
        assert await outcome(peer.call(uris.EXEC_MANY, [request])) == expected


@pytest.mark.capability("B2")
async def test_a_backend_says_the_teams_that_its_delegation_lets_it(node: Node) -> None:
    options = {"task": "desk.nap", "args": ["/nowhere"], "on_behalf_of": "deleg_guest_3"}
    async with await shop(node) as peer:
        answer = await peer.call(uris.EXEC, **options, teams=["editors"])
        job = await peer.call(uris.JOB, answer["job_id"])
        await peer.call(uris.CANCEL, answer["job_id"])
        others = await outcome(peer.call(uris.EXEC, **options, teams=["editors", "guards"]))

    assert job["teams"] == ["editors"]
    assert others == NOT_AUTHORIZED


@pytest.mark.capability("B1")
async def test_an_operator_needs_a_delegation_too(node: Node) -> None:
    async with await enter(node, "deleg_ops", "operator") as ops:
        job_id = (await ops.call(uris.EXEC, "desk.convert", on_behalf_of="deleg_customer"))[
            "job_id"
        ]

        assert (await ops.call(uris.JOB, job_id))["role"] == "user"


@pytest.mark.capability("B2")
async def test_a_backend_has_to_do_with_what_it_has_submitted_and_no_more(node: Node) -> None:
    async with (
        await shop(node) as backend,
        await enter(node, "deleg_shop_2", "backend") as second,
        await enter(node, "deleg_guest") as guest,
    ):
        submitted = await backend.call(uris.EXEC, "desk.convert", on_behalf_of="deleg_guest")
        own = submitted["job_id"]
        await until_ended(backend, own)
        other = (await guest.call(uris.EXEC, "desk.convert"))["job_id"]
        await until_ended(guest, other)
        for name, (_, call) in ABOUT_JOBS.items():
            assert await outcome(call(backend, own)) == ANSWERED.get(name, "ok")
            assert await outcome(call(backend, other)) == UNKNOWN_JOB
            assert await outcome(call(second, own)) == UNKNOWN_JOB
        listed = [job["job_id"] for job in (await backend.call(uris.JOBS))["jobs"]]

    assert own in listed
    assert other not in listed


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"on_behalf_of": ""}, "on_behalf_of"),
        ({"on_behalf_of": "a\nb"}, "on_behalf_of"),
        ({"on_behalf_of": 201 * "x"}, "on_behalf_of"),
        ({"on_behalf_of": 5}, "on_behalf_of"),
        ({"on_behalf_of": ["deleg_customer"]}, "on_behalf_of"),
        ({"teams": ["editors"]}, "teams"),
        ({"on_behalf_of": "deleg_customer", "teams": ["Not A Team"]}, "teams"),
        ({"on_behalf_of": "deleg_customer", "teams": "editors"}, "teams"),
        ({"on_behalf_of": "deleg_customer", "teams": 51 * ["x"]}, "teams"),
    ],
    ids=repr,
)
async def test_who_cannot_be_a_user_is_refused_by_name(
    node: Node, options: dict[str, Any], field: str
) -> None:
    async with await shop(node) as peer:
        with pytest.raises(Refused, match=field) as refusal:
            await peer.call(uris.EXEC, "desk.convert", **options)

    assert refusal.value.uri == InvalidArguments.uri


async def test_one_call_is_on_behalf_of_one_user(node: Node) -> None:
    requests = [
        {"task": "desk.convert", "on_behalf_of": "deleg_customer"},
        {"task": "desk.convert", "on_behalf_of": "deleg_customer_2"},
    ]
    async with await shop(node) as peer:
        with pytest.raises(Refused, match=r"requests\.1\.on_behalf_of"):
            await peer.call(uris.EXEC_MANY, requests)
        with pytest.raises(Refused, match=r"requests\.1\.on_behalf_of"):
            await peer.call(uris.EXEC_MANY, [requests[0], {"task": "desk.convert"}])


@pytest.mark.capability("B1")
async def test_keys_and_rates_are_those_of_the_user(node: Node) -> None:
    user = "deleg_customer_6"
    async with await shop(node) as backend, await enter(node, user) as customer:
        first = await customer.call(uris.EXEC, "desk.convert", key="order-1")
        again = await backend.call(uris.EXEC, "desk.convert", key="order-1", on_behalf_of=user)
        own = await backend.call(uris.EXEC, "desk.convert", key="order-1")
        await customer.call(uris.EXEC, "desk.rated")
        limited = await outcome(backend.call(uris.EXEC, "desk.rated", on_behalf_of=user))
        free = await outcome(backend.call(uris.EXEC, "desk.rated"))

    assert (again["job_id"], again["is_new"]) == (first["job_id"], False)
    assert own["is_new"]
    assert (limited, free) == ("taskrealm.error.rate_limited", "ok")


@pytest.mark.capability("B1", "B5")
async def test_a_file_that_is_sent_on_behalf_of_a_user_is_the_user_s(node: Node) -> None:
    user = "deleg_customer_7"
    async with client(node, "deleg_shop", "backend") as backend, client(node, user) as customer:
        job = await backend.exec("desk.count", [File(b"a b c", "words.txt")], on_behalf_of=user)
        assert (await job.result(LIMIT)).startswith("3 ")
        file = await backend.upload(b"d e", name="more.txt", on_behalf_of=user)
        await (await customer.exec("desk.count", [file])).result(LIMIT)
        with pytest.raises(InvalidArguments):
            await backend.exec("desk.count", [file])
        await backend.remove_upload(file, on_behalf_of=user)
        with pytest.raises(InvalidArguments):
            await customer.exec("desk.count", [file])


@pytest.mark.capability("B1", "B3")
async def test_clients_submit_for_users_and_follow_the_jobs(node: Node) -> None:
    user = "deleg_customer_8"
    async with client(node, "deleg_shop", "backend") as backend, client(node, user) as customer:
        await (await customer.exec("desk.convert")).result(LIMIT)  # its stream has been found
        heard = customer.events()
        job = await backend.exec("desk.convert", on_behalf_of=user)
        requests = [Request("desk.convert", on_behalf_of=user)] * 2
        more = await backend.exec_many(requests)
        async with asyncio.timeout(LIMIT):
            assert [event.type async for event in job] == LIFE
            for each in more:
                assert [event.type async for event in each] == LIFE
            seen = {(await anext(heard)).job_id for _ in range(3 * len(LIFE))}
        assert seen == {each.job_id for each in (job, *more)}
        with pytest.raises(NotAuthorized):
            await customer.exec("desk.convert", on_behalf_of="deleg_customer_2")

    def submit() -> str:
        token = node.issue("deleg_shop", "backend")
        with BlockingClient(node.url, token=token) as blocking:
            done = blocking.exec("desk.convert", on_behalf_of=user)
            done.result(LIMIT)
            return str(done.snapshot()["owner"])

    assert await asyncio.to_thread(submit) == user


@pytest.mark.capability("B1", "B5")
async def test_the_command_line_submits_for_users(node: Node) -> None:
    async def run(authid: str, role: str) -> subprocess.CompletedProcess[str]:
        words = ("run", "--on-behalf-of", "deleg_customer_9", "--json", "desk.convert")
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "taskrealm", *words],
            env={
                "PATH": "",
                "TASKREALM_URL": node.url,
                "TASKREALM_TOKEN": node.issue(authid, role),
            },
            cwd=node.folder.root,
            capture_output=True,
            text=True,
            check=False,
        )

    done, refused = await asyncio.gather(
        run("deleg_shop", "backend"), run("deleg_customer_9", "user")
    )

    assert done.returncode == 0, done.stderr
    assert '"owner":"deleg_customer_9"' in done.stdout.replace(" ", "")
    assert refused.returncode == 4
    assert "on behalf of" in refused.stderr
