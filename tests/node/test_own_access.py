"""What people see and end of their own: sessions, tokens, and how long their jobs usually run."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from tests.http.interface import interface
from tests.plain import GOODBYE, Refused
from tests.site import client
from tests.site.jobs import LIMIT

from taskrealm.access.tokens import TokenStore
from taskrealm.client import BlockingClient
from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidArguments, NotAuthorized, UnknownTask

if TYPE_CHECKING:
    from tests.nodes import Node

    from taskrealm.client import Client

pytestmark = pytest.mark.timeout(90)


async def recorded(site: Node, **wanted: Any) -> list[dict[str, Any]]:
    """The newest records that are as *wanted*."""
    async with client(site, "own_overseer", "operator") as root:
        return [each async for each in root.admin.audit(limit=50, **wanted)]


@pytest.mark.capability("I5", "N26")
async def test_people_end_their_own_sessions_and_revoke_their_own_tokens(site: Node) -> None:
    async with (
        client(site, "own_ana") as ana,
        await site.user("own_ana") as other,
        await site.user("own_bob") as bob,
    ):
        [mine, theirs] = sorted(await ana.sessions(), key=lambda each: not each["is_current"])
        with pytest.raises(InvalidArguments, match="no session"):
            await ana.end_session(bob.session or 0)
        await ana.end_session(theirs["session"])
        assert (await other.until_closed())[-1][2] == uris.REVOKED
        minted = await ana.mint(minutes=5)
        async with await site.outside() as page:
            await page.join(minted["token"])
            listed = {each["id"]: each for each in await ana.tokens()}
            await ana.revoke(minted["id"])
            assert (await page.until_closed())[-1][0] == GOODBYE
        with pytest.raises(InvalidArguments, match="no valid token"):
            await ana.revoke(minted["id"])
        left = await ana.tokens()
        assert await bob.call(uris.TASKS)

    assert (mine["is_current"], theirs["is_current"]) == (True, False)
    assert theirs["session"] == other.session
    assert listed[mine["token"]]["is_current"]
    assert listed[minted["id"]]["issued_by"] == "own_ana"
    assert minted["id"] not in {each["id"] for each in left}
    [ended] = await recorded(site, actor="own_ana", action="end_session", outcome="ok")
    [revoked] = await recorded(site, actor="own_ana", action="revoke", outcome="ok")
    assert (ended["object"], ended["owner"]) == (str(other.session), "own_ana")
    assert (revoked["object"], revoked["owner"]) == (minted["id"], "own_ana")


@pytest.mark.capability("N24", "D4")
async def test_nobody_reaches_the_sessions_and_tokens_of_another_or_of_more_power(
    site: Node,
) -> None:
    async with (
        client(site, "own_root", "operator") as root,
        client(site, "own_root") as page,
        client(site, "own_root", "backend") as backend,
    ):
        [operator] = [each for each in await root.sessions() if each["is_current"]]
        for weak in (page, backend):
            assert {each["role"] for each in await weak.sessions()} <= {"user", weak.role}
            assert {each["role"] for each in await weak.tokens()} <= {"user", weak.role}
            with pytest.raises(InvalidArguments):
                await weak.end_session(operator["session"])
            with pytest.raises(InvalidArguments):
                await weak.revoke(operator["token"])
        assert await root.tasks()
        assert {each["role"] for each in await root.sessions()} == {"operator", "user"}

    for scope in ({"read_only": True}, {"tasks": ["date"]}):
        async with client(site, "own_shared") as owner:
            shared = await owner.mint(minutes=5, **scope)
            own = (await owner.sessions())[0]
            async with await site.outside() as first, await site.outside() as second:
                await first.join(shared["token"])
                await second.join(shared["token"])
                seen = await first.call(uris.OWN_SESSIONS)
                tokens = await first.call(uris.OWN_TOKENS)
                for uri, what in (
                    (uris.END_OWN_SESSION, second.session),
                    (uris.END_OWN_SESSION, own["session"]),
                    (uris.REVOKE_OWN, own["token"]),
                    (uris.REVOKE_OWN, shared["id"]),
                ):
                    with pytest.raises(Refused) as refusal:
                        await first.call(uri, what)
                    assert refusal.value.uri == "wamp.error.not_authorized"

        assert [each["session"] for each in seen["sessions"]] == [first.session]
        assert [each["id"] for each in tokens["tokens"]] == [shared["id"]]


async def test_a_token_says_when_somebody_joined_with_it_last(site: Node) -> None:
    async with client(site, "own_used") as used:
        [token] = await used.tokens()
        async with asyncio.timeout(LIMIT):
            while token["used_at"] is None:
                await asyncio.sleep(0.2)
                [token] = await used.tokens()
        [session] = await used.sessions()

    gap = datetime.fromisoformat(token["used_at"]) - datetime.fromisoformat(session["since"])
    assert abs(gap.total_seconds()) < 1
    with closing(TokenStore.open(site.folder.tokens)) as store:
        assert [each.used_at is not None for each in store.tokens("own_used")] == [True]


async def outcome_of(user: Client, task: str) -> dict[str, Any]:
    [told] = await user.outcomes(task)
    return told


@pytest.mark.capability("I5")
async def test_jobs_tell_how_long_a_task_usually_takes_each_user_of_its_own(site: Node) -> None:
    async with (
        client(site, "own_runner") as runner,
        client(site, "own_idler") as idler,
        client(site, "own_counter", "operator") as root,
    ):
        ids = []
        for seconds in (0.0, 0.2):
            job = await runner.exec("probe.nap", {"seconds": seconds})
            await job.result(LIMIT)
            ids.append(job.job_id)
        stopped = await runner.exec("probe.nap", {"seconds": 60.0})
        await stopped.cancel(now=True)
        with pytest.raises(Exception, match="cancelled"):
            await stopped.result(LIMIT)
        mine, theirs, all_of_it = [
            await outcome_of(each, "probe.nap") for each in (runner, idler, root)
        ]
        by_task = {each["task"]: each for each in await runner.outcomes()}
        known = {each["name"]: each for each in await runner.tasks()}
        with pytest.raises(UnknownTask):
            await runner.outcomes("probe.operators")
        with pytest.raises(InvalidArguments):
            await runner.outcomes("probe.nap", limit=501)

    assert [each["job_id"] for each in mine["latest"]] == [stopped.job_id, *reversed(ids)]
    assert mine["states"] == {"cancelled": 1, "succeeded": 2}
    assert mine["durations"]["n"] == 2
    assert 0.2 <= mine["durations"]["longest"] < 10
    assert (theirs["jobs"], theirs["durations"], theirs["latest"]) == (0, None, [])
    assert set(ids) <= {each["job_id"] for each in all_of_it["latest"]}
    assert "latest" not in by_task["probe.nap"]
    assert by_task["probe.nap"]["last"]["state"] == "cancelled"
    assert known["probe.nap"]["usual"] == mine["durations"]
    assert known["probe.nap"]["last"]["job_id"] == stopped.job_id


@pytest.mark.capability("I5")
async def test_operators_see_how_busy_the_node_was_and_how_it_is(site: Node) -> None:
    async with client(site, "own_watcher", "operator") as root:
        async with asyncio.timeout(LIMIT):
            while True:
                load = await root.admin.load(60)
                if load["samples"]:
                    break
                await asyncio.sleep(0.2)
        diagnostics = await root.admin.diagnostics()
        await root._connection.call(uris.RELOAD)
        after = (await root.admin.diagnostics())["reload"]
        with pytest.raises(InvalidArguments):
            await root.admin.load(59)

    row = dict(zip(load["columns"], load["samples"][-1], strict=True))
    assert row["slots"] > 0
    assert row["lag"] < 60
    roles = {each["role"] for each in diagnostics["components"]}
    assert {"executor", "gateway"} <= roles
    assert diagnostics["versions"]["taskrealm"]
    assert diagnostics["disk"]["free"] > 0
    assert 0 < diagnostics["journal"]["jobs"] < diagnostics["journal"]["limit"]
    assert (after["by"], after["mistakes"]) == ("own_watcher", [])
    secret = site.folder.private_key("executor").read_text().strip()
    assert secret not in json.dumps(diagnostics)


async def test_the_same_over_http_and_from_programs_without_asyncio(site: Node) -> None:
    async with interface(site, "own_http") as api, interface(site, "own_hr", "operator") as boss:
        minted = await api.post("/mint", {"minutes": 5})
        tokens = await api.get("/tokens")
        sessions = await api.get("/sessions")
        gone = await api.ask("DELETE", "/tokens/{token}", token=minted.value["id"])
        again = await api.ask("DELETE", "/tokens/{token}", token=minted.value["id"])
        wrong = await api.ask("DELETE", "/sessions/{session}", session="x")
        strange = await api.ask("DELETE", "/sessions/{session}", session="1")
        outcomes = await api.get("/outcomes", params={"limit": 5})
        one = await api.get("/tasks/{task}/outcomes", task="date")
        load = await boss.get("/admin/load", params={"span": 60})
        diagnostics = await boss.get("/admin/diagnostics")
        refused = [await api.get("/admin/load"), await api.get("/admin/diagnostics")]

    assert minted.value["id"] in {each["id"] for each in tokens.value["tokens"]}
    assert [each["is_current"] for each in sessions.value["sessions"]].count(True) == 1
    assert [each.status for each in (gone, again, wrong, strange)] == [204, 422, 422, 422]
    assert {"date", "probe.nap"} <= {each["task"] for each in outcomes.value}
    assert one.value["task"] == "date"
    assert load.value["columns"][0] == "at"
    assert diagnostics.value["versions"]["python"]
    assert [each.status for each in refused] == [403, 403]


def test_a_program_and_the_command_line_have_them_too(site: Node) -> None:
    url = f"ws://127.0.0.1:{site.port}/ws"
    token = site.issue("own_plain")
    with BlockingClient(url, token=token) as plain:
        [here] = plain.sessions()
        [kept] = plain.tokens()
        assert plain.outcomes("date")[0]["jobs"] == 0
        with pytest.raises(NotAuthorized):
            plain.admin.load()
        words = ["sessions", "ls", "--own", "--json", "--url", url]
        done = subprocess.run(
            [sys.executable, "-m", "taskrealm", *words],
            env={"TASKREALM_TOKEN": token},
            capture_output=True,
            timeout=LIMIT,
            check=False,
        )
        listed = [json.loads(line) for line in done.stdout.splitlines()]
        plain.revoke(kept["id"])

    assert here["token"] == kept["id"]
    assert here["session"] in {each["session"] for each in listed}, done.stderr
