"""The audit log of a node: whoever does something stands in it, once, and no secret does."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.nodes import Node, Watch, the_one
from tests.plain import GOODBYE, Refused
from tests.readiness import answering
from tests.site import client, make_site, session
from tests.site.jobs import until

from taskrealm.client import BlockingClient, Request
from taskrealm.protocol import uris
from taskrealm.protocol.errors import Error, InvalidArguments, NotAuthorized, UnknownTask
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from taskrealm.client import Client

    Deed = Callable[[Node, Client, Client], Awaitable[dict[str, Any]]]

LIMIT = 60.0  # seconds
SCHEDULE = """
[[schedules]]
task = "date"
cron = "0 3 1 1 *"
name = "audit.yearly"
"""
FORGED = '\r\n{"action": "forged"}\n\x1b[2J\x1b]0;forged\x07"}\n=cmd|calc\n'
FORGER = {"session": 1, "authid": "audit_root", "authrole": "operator"}
QUESTION = "from taskrealm.tasks import report\nreport.ask('Go on?')\n"

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def audited() -> Iterator[Node]:
    """A node whose audit log is that of this module alone."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_site(Path(path), settings=SCHEDULE)
        with Node(folder) as node:
            node.until("READY")
            yield node


@pytest.fixture
async def root(audited: Node) -> AsyncIterator[Client]:
    """An operator."""
    async with client(audited, "audit_root", "operator") as root:
        yield root


async def records(root: Client, after: int = 0, **wanted: str) -> list[dict[str, Any]]:
    return [each async for each in root.admin.audit(after=after, **wanted)]


async def newest(root: Client) -> int:
    """The id of the newest record."""
    async with asyncio.timeout(LIMIT):
        return max([each["id"] async for each in root.admin.audit(limit=1)], default=0)


async def eventually(
    root: Client, after: int = 0, count: int = 1, **wanted: str
) -> list[dict[str, Any]]:
    """The records, once there are so many: what the router has to say comes a little later."""
    async with asyncio.timeout(LIMIT):
        while len(found := await records(root, after, **wanted)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return found


async def exec_(_node: Node, ana: Client, _root: Client) -> dict[str, Any]:
    job = await ana.exec("date")
    return {"object": job.job_id, "owner": "audit_ana", "detail": {"task": "date"}}


async def run(node: Node, ana: Client, _root: Client) -> dict[str, Any]:
    async with await node.user("audit_ana") as peer:
        await peer.call(f"{uris.RUN_PREFIX}date")
    return {"owner": "audit_ana", "detail": {"task": "date"}}


async def cancel(_node: Node, ana: Client, _root: Client) -> dict[str, Any]:
    job = await ana.exec("probe.nap")
    await until(job, EventType.STARTED)
    await job.cancel("enough", now=True)
    return {
        "object": job.job_id,
        "owner": "audit_ana",
        "detail": {"reason": "enough", "now": True},
    }


async def cancel_waiting(_node: Node, ana: Client, _root: Client) -> dict[str, Any]:
    job = await ana.exec("date", delay=600)
    await job.cancel()
    return {"object": job.job_id, "detail": {"reason": None, "now": False}}


async def answer(_node: Node, ana: Client, _root: Client) -> dict[str, Any]:
    job = await ana.exec("steps.python", {"source": QUESTION})
    question = (await until(job, EventType.QUESTION)).data["question"]
    await job.answer(question, True)
    return {"object": job.job_id, "owner": "audit_ana", "detail": {"question": question}}


async def upload(_node: Node, ana: Client, _root: Client) -> dict[str, Any]:
    file = await ana.upload(b"words", name="words.txt")
    return {"object": file, "owner": "audit_ana", "detail": {"name": "words.txt", "size": 5}}


async def remove(_node: Node, ana: Client, _root: Client) -> dict[str, Any]:
    file = await ana.upload(b"more words", name="more.txt")
    await ana.remove_upload(file)
    return {"object": file, "owner": "audit_ana"}


async def pause(_node: Node, _ana: Client, root: Client) -> dict[str, Any]:
    await root.pause()
    return {}


async def resume(_node: Node, _ana: Client, root: Client) -> dict[str, Any]:
    await root.resume()
    return {}


async def drain(_node: Node, _ana: Client, root: Client) -> dict[str, Any]:
    await root.drain(30)
    await root.resume()
    return {"detail": {"limit": 30}}


async def limits(_node: Node, _ana: Client, root: Client) -> dict[str, Any]:
    await root.limits(slots=2)
    return {"detail": {"slots": 2}}


async def reload(_node: Node, _ana: Client, root: Client) -> dict[str, Any]:
    await root.reload()
    return {"detail": {"added": 0, "removed": 0, "changed": 0}}


async def schedule(_node: Node, _ana: Client, root: Client) -> dict[str, Any]:
    await root.schedule("audit.yearly", "pause")
    return {"object": "audit.yearly", "detail": {"how": "pause"}}


async def revoke(node: Node, _ana: Client, root: Client) -> dict[str, Any]:
    node.issue("audit_gone")
    assert await root.admin.revoke(user="audit_gone") == 1
    return {"owner": "audit_gone", "detail": {"tokens": 1}}


@pytest.mark.capability("N26", "I5")
@pytest.mark.parametrize(
    ("actor", "action", "deed"),
    [
        ("audit_ana", "exec", exec_),
        ("audit_ana", "run", run),
        ("audit_ana", "cancel", cancel),
        ("audit_ana", "cancel", cancel_waiting),
        ("audit_ana", "answer", answer),
        ("audit_ana", "upload.begin", upload),
        ("audit_ana", "upload.remove", remove),
        ("audit_root", "admin.pause", pause),
        ("audit_root", "admin.resume", resume),
        ("audit_root", "admin.drain", drain),
        ("audit_root", "admin.limits", limits),
        ("audit_root", "admin.reload", reload),
        ("audit_root", "admin.schedule", schedule),
        ("audit_root", "admin.revoke", revoke),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_what_somebody_does_is_recorded_once_with_who_what_and_from_where(
    audited: Node, root: Client, actor: str, action: str, deed: Deed
) -> None:
    before = await newest(root)
    async with client(audited, "audit_ana") as ana:
        wanted = await deed(audited, ana, root)
        [record] = await records(root, before, actor=actor, action=action)

    detail = wanted.pop("detail", {})
    expected = {"actor": actor, "action": action, "outcome": "ok", "address": "127.0.0.1"}
    expected["role"] = "operator" if actor == "audit_root" else "user"
    assert record.items() >= (expected | wanted).items()
    assert record["detail"].items() >= detail.items()
    assert set(record["detail"]) == {*detail, "session", "token"}
    assert record["detail"]["token"] in {each["id"] for each in await root.admin.tokens(actor)}


@pytest.mark.capability("N26")
async def test_of_many_jobs_each_has_a_record(audited: Node, root: Client) -> None:
    before = await newest(root)
    async with client(audited, "audit_many") as many:
        jobs = await many.exec_many([Request("date", delay=600), Request("probe.nap", delay=600)])
    found = await records(root, before, actor="audit_many", action="exec_many")

    assert [each["object"] for each in found] == [job.job_id for job in jobs]
    assert [each["detail"]["task"] for each in found] == ["date", "probe.nap"]


@pytest.mark.capability("N26", "N22")
async def test_of_many_jobs_that_are_cancelled_by_one_call_each_has_a_record(
    audited: Node, root: Client
) -> None:
    async with client(audited, "audit_eli") as eli, client(audited, "audit_many") as many:
        foreign = await eli.exec("date", delay=600)
        nap = await many.exec("probe.nap")
        await until(nap, EventType.STARTED)
        delayed = await many.exec_many([Request("date", delay=600)] * 2)
        before = await newest(root)
        await many.cancel_many([nap, foreign, *delayed], "enough", now=True)
    by_root = await root.cancel_many([foreign])
    found = await records(root, before, actor="audit_many", action="cancel")
    [last] = await records(root, before, actor="audit_root", action="cancel")

    assert {each["object"]: each["outcome"] for each in found} == {
        **{job.job_id: "ok" for job in (nap, *delayed)},
        foreign.job_id: "unknown_job",
    }
    for record in found:
        if record["outcome"] == "ok":
            assert record.items() >= {"owner": "audit_many", "address": "127.0.0.1"}.items()
            assert record["detail"].items() >= {"reason": "enough", "now": True}.items()
    assert list(by_root.values()) == ["removed_from_queue"]
    assert (last["owner"], last["object"]) == ("audit_eli", foreign.job_id)


@pytest.mark.capability("N26")
async def test_what_a_backend_does_for_a_user_names_both(audited: Node, root: Client) -> None:
    before = await newest(root)
    shop = await session(audited, "audit_shop", "backend")
    answer = await shop.call(uris.EXEC, "date", on_behalf_of="audit_cid")
    await shop.leave()
    [record] = await records(root, before, owner="audit_cid")

    assert (record["actor"], record["role"]) == ("audit_shop", "backend")
    assert (record["action"], record["object"]) == ("exec", answer["job_id"])


@pytest.mark.capability("N26")
async def test_what_is_done_by_the_clock_and_by_signals_is_recorded(
    audited: Node, root: Client
) -> None:
    before = await newest(root)
    told = await root.schedule("audit.yearly", "run")
    os.kill(the_one(audited.folder, "components/executor.py"), signal.SIGHUP)
    [reloaded] = await eventually(root, before, actor="SIGHUP")
    [made] = await records(root, before, action="schedule")

    assert (made["actor"], made["role"], made["object"]) == ("schedule", "system", told["job_id"])
    assert made["detail"] == {"task": "date", "schedule": "audit.yearly"}
    assert (reloaded["action"], reloaded["role"]) == ("admin.reload", "system")


@pytest.mark.capability("N26")
async def test_who_looks_at_what_belongs_to_others_is_recorded_now_and_then(
    audited: Node, root: Client
) -> None:
    before = await newest(root)
    async with client(audited, "audit_dan") as dan:
        job = await dan.exec("date")
        await job.result(LIMIT)
        await dan.job(job.job_id).snapshot()
    for _ in range(3):
        await root.job(job.job_id).snapshot()
        assert [each async for each in root.jobs(owner="audit_dan")]
    found = await records(root, before, action="read", owner="audit_dan")

    assert [(each["actor"], each["object"]) for each in found] == [
        ("audit_root", job.job_id),
        ("audit_root", None),
    ]


@pytest.mark.capability("N26", "O2")
async def test_who_is_refused_stands_in_the_log_with_the_reason(
    audited: Node, root: Client
) -> None:
    before = await newest(root)
    async with client(audited, "audit_eve") as eve:
        job = await eve.exec("date")
        await job.result(LIMIT)
    peer = await session(audited, "audit_mallory")
    for call in (
        (uris.EXEC, "no.such.task"),
        (uris.CANCEL, job.job_id),
        (uris.EVENTS, None, 0, 10, None, "audit_eve"),
        (uris.TOKEN, "tr_" + 43 * "x"),
        (uris.PAUSE,),
    ):
        with pytest.raises(Error):
            await peer.call(*call)
    with pytest.raises(NotAuthorized):
        await peer.subscribe(uris.jobs_topic("audit_eve"), lambda event: None)
    await peer.leave()
    await eventually(root, before, actor="audit_mallory", action="subscribe")
    found = await records(root, before, actor="audit_mallory")

    assert sorted((each["action"], each["object"] or "", each["outcome"]) for each in found) == [
        ("call", uris.PAUSE, "not_authorized"),
        ("cancel", job.job_id, "unknown_job"),
        ("events", "", "not_authorized"),
        ("exec", "no.such.task", "unknown_task"),
        ("join", str(peer.session_id), "ok"),
        ("subscribe", uris.jobs_topic("audit_eve"), "not_authorized"),
        ("token", "", "invalid_token"),
    ]
    assert {each["address"] for each in found} == {"127.0.0.1"}


@pytest.mark.capability("N26", "O2")
async def test_who_is_not_let_in_stands_in_the_log_but_not_what_was_tried(
    audited: Node, root: Client
) -> None:
    before = await newest(root)
    wrong = "tr_" + 43 * "x"
    for claimed in ("audit_liar", wrong):
        async with await audited.outside() as stranger:
            with pytest.raises(Refused):
                await stranger.join(wrong, authid=claimed)
    async with await audited.outside() as peer:
        await peer.join(audited.issue("audit_forger"))
        await peer.send([48, 1, {"forward_for": [FORGER]}, uris.TASKS])
        await peer.until_closed()
    [message] = await eventually(root, before, actor="audit_forger", outcome="protocol_error")
    found = await records(root, before, action="join", outcome="invalid_token")

    assert [(each["actor"], each["object"]) for each in found] == [("", "audit_liar"), ("", "***")]
    assert {each["address"] for each in found} == {"127.0.0.1"}
    assert (message["action"], message["outcome"]) == ("call", "protocol_error")


@pytest.mark.capability("N26")
async def test_joins_and_ends_of_sessions_are_recorded(audited: Node, root: Client) -> None:
    before = await newest(root)
    async with await audited.outside() as older, await audited.outside() as newer:
        extra = {"authextra": {"client": "audit-client-0123"}}
        await older.join(audited.issue("audit_twice"), **extra)
        await newer.join(audited.issue("audit_twice"), **extra)
        await older.until_closed()
        [ended] = await eventually(root, before, owner="audit_twice", action="end")
        joined = await records(root, before, actor="audit_twice", action="join")

    assert [each["object"] for each in joined] == [str(older.session), str(newer.session)]
    assert joined[0]["detail"]["method"] == "token"
    assert (ended["actor"], ended["object"]) == ("router", str(older.session))
    assert ended["detail"]["reason"] == "taken_over"


@pytest.mark.capability("N26")
async def test_a_flood_of_refusals_is_counted_and_fills_no_disk(
    audited: Node, root: Client
) -> None:
    before = await newest(root)
    peer = await session(audited, "audit_flood")
    for _ in range(5):
        await asyncio.gather(
            *(peer.call(uris.CANCEL, f"no job {number}") for number in range(100)),
            *(peer.call(uris.PAUSE) for number in range(100)),
            return_exceptions=True,
        )
    await peer.leave()
    found = await eventually(root, before, actor="audit_flood", action="call")

    assert 0 < len(found) <= 20
    assert 0 < len(await records(root, before, actor="audit_flood", action="cancel")) <= 20


@pytest.mark.capability("N26", "O3")
async def test_what_users_send_is_data_in_the_log_and_in_every_export(
    audited: Node, root: Client
) -> None:
    before = await newest(root)
    name = '=audit,"eve'
    peer = await session(audited, name)
    for call in ((uris.EXEC, FORGED), (uris.JOB, FORGED), (uris.UPLOAD_STATUS, FORGED)):
        with pytest.raises(Error):
            await peer.call(*call)
    answer = await peer.call(uris.EXEC, "date", delay=600)
    await peer.call(uris.CANCEL, answer["job_id"], FORGED)
    await peer.leave()
    async with await audited.outside() as stranger:
        with pytest.raises(Refused):
            await stranger.join("no token", authid=FORGED)
    await eventually(root, before, action="join", outcome="invalid_token", object=FORGED)
    wanted = await records(root, before)

    words = ("audit", "--after", str(before))
    lines = taskrealm(audited, *words, "--json").splitlines()
    table = list(csv.DictReader(io.StringIO(taskrealm(audited, *words, "--csv"))))
    screen = taskrealm(audited, *words)
    told = [json.loads(line) for line in lines][: len(wanted)]
    assert told == wanted
    assert [each["object"] for each in told].count(FORGED) == 4
    assert [row["id"] for row in table][: len(wanted)] == [str(each["id"]) for each in wanted]
    assert [row["action"] for row in table][: len(wanted)] == [each["action"] for each in wanted]
    assert {"'" + name} <= {row["actor"] for row in table}
    assert not [cell for row in table for cell in row.values() if cell.startswith(tuple("=+-@"))]
    for text in ("\n".join(lines), screen, "\n".join("".join(row.values()) for row in table)):
        assert not [char for char in text if not char.isprintable() and char != "\n"]
    assert not [line for line in screen.splitlines() if line.startswith(("{", "=", "\x1b"))]


@pytest.mark.capability("N26", "Z3", "O3")
async def test_no_secret_gets_into_the_log(audited: Node, root: Client) -> None:
    token, code = audited.issue("audit_keeper"), audited.issue("audit_keeper", code=True)
    secret = "hunter2-hunter2"
    async with await audited.outside() as peer:
        await peer.join(code)
        redeemed = (await peer.call(uris.TOKEN, code))["token"]
        for call in ((uris.EXEC, token), (uris.JOB, token), (uris.TOKEN, token)):
            with pytest.raises(Refused):
                await peer.call(*call)
        await peer.call(uris.EXEC, "probe.printed", [secret])
    async with await audited.user("audit_keeper") as peer:
        minted = await peer.call(uris.MINT)
    async with await audited.outside() as peer:
        with pytest.raises(Refused):
            await peer.join("wrong", authid=token)
    async with client(audited, "audit_keeper") as keeper:
        with pytest.raises(UnknownTask):
            await keeper.exec("no.such.task", {"password": secret})
    found = await eventually(root, action="join", outcome="invalid_token", object="***")
    [made] = await records(root, action="mint", actor="audit_keeper")

    assert found
    assert made["object"] == minted["id"]
    kept = [
        audited.folder.operator_token.read_text().strip(),
        audited.folder.private_key("executor").read_text().strip(),
    ]
    with contextlib.closing(sqlite3.connect(audited.folder.journal / "journal.sqlite")) as database:
        log = "\n".join(map(repr, database.execute("select * from audit")))
    assert "audit_keeper" in log
    for each in (token, code, redeemed, minted["token"], secret, *kept):
        assert each not in log


@pytest.mark.capability("N26")
async def test_nobody_else_writes_or_reads_the_log(audited: Node, root: Client) -> None:
    before = await newest(root)
    record = {"actor": "root", "action": "forged", "outcome": "ok", "detail": {}}
    for role in ("user", "backend", "operator"):
        peer = await session(audited, f"audit_{role}", role)
        with pytest.raises(NotAuthorized):
            await peer.call(uris.RECORD, [record])
        if role != "operator":
            with pytest.raises(NotAuthorized):
                await peer.call(uris.AUDIT)
        await peer.leave()

    assert await records(root, before, action="forged") == []


async def test_a_page_says_what_is_wrong_with_the_wish(root: Client) -> None:
    for wish in (
        {"since": "yesterday"},
        {"since": "2030-01-01"},
        {"after": 1, "before": 2},
        {"limit": 0},
        {"actor": 7},
        {"after": -1},
    ):
        with pytest.raises(InvalidArguments):
            await root._connection.call(uris.AUDIT, **wish)


@pytest.mark.capability("I5")
async def test_operators_see_who_is_here_and_who_may_what(audited: Node, root: Client) -> None:
    async with client(audited, "audit_here") as here:
        job = await here.exec("date", delay=600)
        [told] = await root.admin.sessions("audit_here")
        everybody = await root.admin.sessions()
        [token] = await root.admin.tokens("audit_here")
        users = {each["authid"]: each for each in await root.admin.users()}
        rights = await root.admin.rights("audit_here")
        await job.cancel()

    assert (told["role"], told["method"], told["address"]) == ("user", "token", "127.0.0.1")
    assert told["since"] < told["expires_at"]
    assert told["token"] == token["id"]
    assert {"audit_here", "audit_root"} <= {each["authid"] for each in everybody}
    assert not {"executor", "gateway"} & {each["authid"] for each in everybody}
    assert users["audit_here"]["jobs"] == {"delayed": 1}
    assert (users["audit_here"]["tokens"], users["audit_here"]["sessions"]) == (1, 1)
    date = next(each for each in rights["tasks"] if each["task"] == "date")
    assert date["rights"]["run"] == {"rules": [1], "because": None}
    assert rights["asks"] is False


@pytest.mark.capability("N26")
async def test_what_is_done_on_the_machine_itself_is_recorded_too(
    audited: Node, root: Client
) -> None:
    before = await newest(root)
    made = taskrealm(audited, "token", "audit_made", "--minutes", "5").strip()
    [told] = await root.admin.tokens("audit_made")
    taskrealm(audited, "tokens", "rm", told["id"])
    taskrealm(audited, "user", "add", "audit_made")
    secret = taskrealm(audited, "user", "secret", "audit_made").strip()
    found = [
        each
        for each in await records(root, before, owner="audit_made")
        if each["actor"] != "audit_root"
    ]

    assert [(each["action"], each["object"]) for each in found] == [
        ("mint", told["id"]),
        ("token.revoke", told["id"]),
        ("user.add", None),
        ("user.secret", None),
    ]
    assert {each["role"] for each in found} == {"system"}
    assert all(each["actor"] for each in found)
    assert not [each for each in (made, secret) if each in json.dumps(found)]


@pytest.mark.capability("N26", "I5")
async def test_operators_end_sessions_and_revoke_what_they_joined_by(
    audited: Node, root: Client
) -> None:
    before = await newest(root)
    async with await audited.user("audit_out") as first, await audited.user("audit_out") as other:
        taskrealm(audited, "sessions", "end", str(first.session))
        assert (await first.until_closed())[-1][0] == GOODBYE
        await other.call(uris.TASKS)
        [told] = await root.admin.sessions("audit_out")
        await root.admin.revoke(token=told["token"])
        assert (await other.until_closed())[-1][0] == GOODBYE
    with pytest.raises(InvalidArguments, match="no session"):
        await root.admin.end_session(first.session or 0)
    with pytest.raises(InvalidArguments, match="no valid token"):
        await root.admin.revoke(token=told["token"])
    with pytest.raises(InvalidArguments, match="must be given"):
        await root.admin.revoke()
    ended = await eventually(root, before, 2, owner="audit_out", action="end")
    [by_hand] = await records(root, before, action="admin.end_session")
    [revoked] = await records(root, before, action="admin.revoke")

    assert [each["object"] for each in ended] == [str(first.session), str(other.session)]
    assert {each["detail"]["reason"] for each in ended} == {"revoked"}
    assert (by_hand["object"], by_hand["owner"]) == (str(first.session), "audit_out")
    assert by_hand["actor"] == "operator"
    assert (revoked["actor"], revoked["object"]) == ("audit_root", told["token"])


@pytest.mark.capability("N26")
async def test_joins_while_the_executor_is_down_are_recorded_later(audited: Node) -> None:
    executor = the_one(audited.folder, "components/executor.py")
    async with client(audited, "audit_root", "operator") as root:
        before = await newest(root)
    os.kill(executor, signal.SIGSTOP)
    async with await audited.outside() as peer:
        await peer.join(audited.issue("audit_early"))
        Watch([executor]).kill()
        await answering(audited.folder)
        async with client(audited, "audit_root", "operator") as root:
            [joined] = await eventually(root, before, actor="audit_early")
            again = await records(root, before, actor="audit_early")

    assert (joined["action"], joined["object"]) == ("join", str(peer.session))
    assert again == [joined]


def test_the_blocking_client_and_the_command_line_have_the_same(audited: Node) -> None:
    url = f"ws://127.0.0.1:{audited.port}/ws"
    token = audited.issue("audit_blocking", "operator")
    with BlockingClient(url, token=token) as client:
        client.pause()
        client.resume()
        done = {each["action"] for each in client.admin.audit(actor="audit_blocking", limit=9)}
        [here] = client.admin.sessions("audit_blocking")
        listed = json.loads(
            taskrealm(audited, "sessions", "ls", "--of", "audit_blocking", "--json")
        )
        table = taskrealm(audited, "sessions", "ls")
        rights = json.loads(taskrealm(audited, "rights", "ana", "--json"))
        assert client.admin.rights("ana") == rights
        assert client.admin.users()
        assert client.admin.tokens("audit_blocking")

    assert {"admin.pause", "admin.resume"} <= done
    assert listed == here
    assert "audit_blocking" in table
    assert "rule 1" in taskrealm(audited, "rights", "ana", "--role", "operator")
    shown = taskrealm(audited, "audit", "--by", "audit_blocking", "--since", "1h", "--limit", "9")
    assert "audit_blocking: admin.pause from 127.0.0.1: ok" in shown


def taskrealm(node: Node, *words: str) -> str:
    """What the command line prints as the node's operator."""
    done = subprocess.run(
        [sys.executable, "-m", "taskrealm", *words],
        cwd=node.folder.root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()
