"""What a limited session gets of its user's jobs, tried with a client that tries everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.plain import EVENT, Closed, Peer, Refused, WebSocket
from tests.scopes import token_of
from tests.site import client
from tests.site.jobs import LIMIT, end_of

from taskrealm.protocol import uris
from taskrealm.protocol.errors import NotAuthorized, UnknownJob, UnknownTask
from taskrealm.protocol.jobs import TERMINAL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.nodes import Node

INSIDE, OUTSIDE = "probe.nothing", "date"
"""The task of the scopes for one task, and one that they leave out."""

REFUSALS = {
    "wamp.error.not_authorized",
    *(error.uri for error in (NotAuthorized, UnknownJob, UnknownTask)),
}

GATE = """
import os, sys, time
from taskrealm.tasks import report

def wait():
    while not os.path.exists({path!r}):
        time.sleep(0.01)
"""
PRINTS = (
    GATE
    + """
wait()
print("secret")
"""
)
TALKS = (
    GATE
    + """
for number in range(100):
    if number == {stop}:
        wait()
    report.message(str(number))
"""
)


@dataclass(frozen=True)
class Jobs:
    """The ids of two jobs of one user: of the task of the scopes, and of another."""

    inside: str
    outside: str


OWNER = "scope_rows"


@pytest.fixture(scope="module")
def jobs(site: Node) -> Jobs:
    """Jobs of `OWNER`, which have ended."""
    with site.blocking_client(OWNER) as owner:
        made = [owner.exec(INSIDE), owner.exec(OUTSIDE)]
        for job in made:
            job.result(LIMIT)
        return Jobs(*(job.job_id for job in made))


def scopes(jobs: Jobs) -> dict[str, dict[str, Any]]:
    looking = {"read_only": True}
    task, job = {"tasks": [INSIDE]}, {"jobs": [jobs.inside]}
    return {
        "whole": {},
        "looking": looking,
        "task": task,
        "task, looking": task | looking,
        "job": job,
        "job, looking": job | looking,
        "both": task | job,
        "neither": {"tasks": [OUTSIDE]} | job,
    }


async def enter(site: Node, authid: str, **scope: Any) -> WebSocket:
    peer = await site.outside()
    await peer.join(token_of(site, authid, **scope))
    return peer


async def answer(peer: Peer, uri: str, *args: Any, **kwargs: Any) -> str:
    """The URI of the error that this call is answered with; empty if it succeeds."""
    try:
        await peer.call(uri, *args, **kwargs)
    except Refused as refusal:
        return refusal.uri
    return ""


@dataclass(frozen=True)
class Row:
    """A call, and who may make it; for everybody else it is refused."""

    procedure: str
    args: Callable[[Jobs], list[Any]]
    allowed: frozenset[str]
    name: str


ALL = frozenset(scopes(Jobs("", "")))
KNOWS_TASK = frozenset(("whole", "looking", "task", "task, looking"))
SEES_JOB = ALL - {"neither"}
SEES_OTHER = frozenset(("whole", "looking"))
STEERS_JOB = frozenset(("whole", "task", "job", "both"))
STEERS = STEERS_JOB | {"neither"}
RUNS = frozenset(("whole", "task"))
WHOLE = frozenset(("whole",))


def row(procedure: str, what: str, args: Callable[[Jobs], list[Any]], who: frozenset[str]) -> Any:
    name = f"{procedure.removeprefix('taskrealm.')} {what}".strip()
    return pytest.param(Row(procedure, args, who, name), id=name)


BYTES = "\0aGVsbG8="

ROWS = [
    row(uris.TASKS, "", lambda _: [], ALL),
    row(uris.CHOICES, "of the task", lambda _: [INSIDE, "number"], KNOWS_TASK),
    row(uris.CHOICES, "of another", lambda _: [OUTSIDE, "format"], SEES_OTHER),
    row(uris.CHECK, "of the task", lambda _: [INSIDE], KNOWS_TASK),
    row(uris.CHECK, "of another", lambda _: [OUTSIDE], SEES_OTHER),
    row(uris.EXEC, "of the task", lambda _: [INSIDE], RUNS),
    row(uris.EXEC, "of another", lambda _: [OUTSIDE], WHOLE),
    row(uris.EXEC_MANY, "of the task", lambda _: [[{"task": INSIDE}]], RUNS),
    row(uris.EXEC_MANY, "of both", lambda _: [[{"task": INSIDE}, {"task": OUTSIDE}]], WHOLE),
    row(uris.RUN_PREFIX + INSIDE, "", lambda _: [], RUNS),
    row(uris.RUN_PREFIX + OUTSIDE, "", lambda _: [], WHOLE),
    row(uris.CANCEL, "the job", lambda jobs: [jobs.inside], STEERS_JOB),
    row(uris.CANCEL, "another", lambda jobs: [jobs.outside], WHOLE),
    row(uris.CANCEL_MANY, "", lambda jobs: [[jobs.inside]], STEERS),
    row(uris.ANSWER, "the job", lambda jobs: [jobs.inside, "q", 1], STEERS_JOB),
    row(uris.ANSWER, "another", lambda jobs: [jobs.outside, "q", 1], WHOLE),
    row(uris.JOB, "the job", lambda jobs: [jobs.inside], SEES_JOB),
    row(uris.JOB, "another", lambda jobs: [jobs.outside], SEES_OTHER),
    row(uris.JOBS, "", lambda _: [], ALL),
    row(uris.JOBS, "children of another", lambda jobs: [None, None, None, None, 1, jobs.outside],
        SEES_OTHER),
    row(uris.EVENTS, "of the job", lambda jobs: [None, 0, 9, jobs.inside], SEES_JOB),
    row(uris.EVENTS, "of another", lambda jobs: [None, 0, 9, jobs.outside], SEES_OTHER),
    row(uris.EVENTS, "of the user", lambda _: [], SEES_OTHER),
    row(uris.OUTPUT, "of the job", lambda jobs: [jobs.inside], SEES_JOB),
    row(uris.OUTPUT, "of another", lambda jobs: [jobs.outside], SEES_OTHER),
    row(uris.SEARCH, "of the job", lambda jobs: [jobs.inside, "a"], SEES_JOB),
    row(uris.SEARCH, "of another", lambda jobs: [jobs.outside, "a"], SEES_OTHER),
    row(uris.ARTIFACTS, "of the job", lambda jobs: [jobs.inside], SEES_JOB),
    row(uris.ARTIFACTS, "of another", lambda jobs: [jobs.outside], SEES_OTHER),
    row(uris.ARTIFACT, "of the job", lambda jobs: [jobs.inside, "x"], SEES_JOB),
    row(uris.ARTIFACT, "of another", lambda jobs: [jobs.outside, "x"], SEES_OTHER),
    row(uris.UPLOAD_BEGIN, "", lambda _: ["a.txt", 5], RUNS),
    row(uris.UPLOAD_APPEND, "", lambda _: ["0", 0, BYTES], RUNS),
    row(uris.UPLOAD_STATUS, "", lambda _: ["0"], RUNS),
    row(uris.UPLOAD_FINISH, "", lambda _: ["0"], RUNS),
    row(uris.UPLOAD_REMOVE, "", lambda _: ["0"], RUNS),
    row(uris.TOKEN, "", lambda _: ["tr_x"], ALL),
    row(uris.MINT, "", lambda _: [], WHOLE),
    row(uris.OUTCOMES, "", lambda _: [], ALL),
    row(uris.OUTCOMES, "of the task", lambda _: [INSIDE], KNOWS_TASK),
    row(uris.OUTCOMES, "of another", lambda _: [OUTSIDE], SEES_OTHER),
    row(uris.OWN_SESSIONS, "", lambda _: [], ALL),
    row(uris.OWN_TOKENS, "", lambda _: [], ALL),
    row(uris.END_OWN_SESSION, "", lambda _: [1], WHOLE),
    row(uris.REVOKE_OWN, "", lambda _: ["0123456789abcdef"], WHOLE),
]  # fmt: skip


@pytest.mark.capability("N24", "D4")
@pytest.mark.parametrize("row", ROWS)
async def test_a_scope_leaves_this_to_these_sessions_only(site: Node, jobs: Jobs, row: Row) -> None:
    answers = {}
    for name, scope in scopes(jobs).items():
        async with await enter(site, OWNER, **scope) as peer:
            answers[name] = await answer(peer, row.procedure, *row.args(jobs))

    assert {name for name, uri in answers.items() if uri not in REFUSALS} == row.allowed, answers


@pytest.mark.capability("N24", "D4")
async def test_of_many_jobs_those_are_cancelled_that_are_in_the_scope(
    site: Node, jobs: Jobs
) -> None:
    stopped = {}
    for name, scope in scopes(jobs).items():
        if name in STEERS:
            async with await enter(site, OWNER, **scope) as peer:
                told = await peer.call(uris.CANCEL_MANY, [jobs.outside, jobs.inside])
            stopped[name] = set(told["answers"])
            assert {each["error"] for each in told["refused"].values()} <= {UnknownJob.uri}
            assert {*told["answers"], *told["refused"]} == {jobs.inside, jobs.outside}

    both = {jobs.inside, jobs.outside}
    own = {name: {jobs.inside} for name in STEERS_JOB - WHOLE}
    assert stopped == own | {"whole": both, "neither": set()}


def test_every_procedure_is_tried_with_every_scope() -> None:
    tried = {each.values[0].procedure for each in ROWS}

    assert set(uris.PROCEDURES) <= tried
    assert any(uri.startswith(uris.RUN_PREFIX) for uri in tried)


@pytest.mark.capability("N24")
@pytest.mark.parametrize("procedure", uris.ADMIN_PROCEDURES)
async def test_a_limited_operator_administers_nothing(site: Node, procedure: str) -> None:
    for scope in ({"read_only": True}, {"tasks": [INSIDE]}, {"jobs": ["0" * 32]}):
        token = token_of(site, "scope_operator", role="operator", **scope)
        async with await site.outside() as peer:
            await peer.join(token)
            assert await answer(peer, procedure) in REFUSALS


@pytest.mark.capability("N24", "D4")
async def test_lists_hold_what_is_in_the_scope_and_nothing_else(site: Node, jobs: Jobs) -> None:
    listed, known, refused = {}, {}, {}
    for name, scope in scopes(jobs).items():
        async with await enter(site, OWNER, **scope) as peer:
            page = await peer.call(uris.JOBS, limit=1)
            listed[name] = set()
            while page["jobs"]:
                listed[name] |= {each["job_id"] for each in page["jobs"]} | {page["next"]}
                page = await peer.call(uris.JOBS, limit=1, before=page["jobs"][0]["job_id"])
            refused[name] = await answer(peer, uris.JOBS, before=jobs.outside)
            known[name] = {each["name"] for each in await peer.call(uris.TASKS)}

    assert {name for name, ids in listed.items() if jobs.outside in ids} == SEES_OTHER
    assert {name for name, ids in listed.items() if jobs.inside in ids} == SEES_JOB
    assert {name for name, uri in refused.items() if uri == ""} == SEES_OTHER
    assert (known["task"], known["task, looking"]) == ({INSIDE}, {INSIDE})
    assert known["job"] == known["job, looking"] == known["both"] == known["neither"] == set()


@pytest.mark.capability("N24", "D4")
@pytest.mark.parametrize("scope", sorted(ALL - SEES_OTHER))
async def test_no_subscription_shows_another_job_of_the_same_user(
    site: Node, tmp_path: Path, scope: str
) -> None:
    authid, gate = "scope_sniffed", tmp_path / "open"
    other = f"{uris.JOB_PREFIX}{uris.uid_of('scope_other')}"
    async with client(site, authid) as owner:
        # The first is what must not be seen; the second says when it would have been.
        code = PRINTS.format(path=str(gate))
        hidden = await owner.exec("probe.script", {"code": code})
        seen = await owner.exec(INSIDE, after=[hidden])
        jobs = Jobs(seen.job_id, hidden.job_id)
        own = f"{uris.USER_PREFIX}{uris.uid_of(authid)}."
        async with await enter(site, authid, **scopes(jobs)[scope]) as peer:
            taken = {}
            for match in ("exact", "prefix", "wildcard"):
                for topic in (
                    *(uris.jobs_topic(authid), uris.queue_topic(authid), own, own + "output."),
                    *(uris.output_topic(authid, each) for each in (jobs.inside, jobs.outside)),
                    *(uris.job_topic(authid, each) for each in (jobs.inside, jobs.outside, "")),
                    *(uris.JOB_PREFIX, uris.USER_PREFIX, f"{other}.{jobs.outside}", "taskrealm."),
                    *("", "wamp.", "wamp.session.on_join", own.replace(own[15:-1], "") + "jobs"),
                ):
                    try:
                        taken[topic, match] = await peer.subscribe(topic, match=match)
                    except Refused:
                        pass
                    except Closed:  # for a URI that is none
                        peer = await _again(site, peer, authid, scopes(jobs)[scope], taken)
            gate.touch()
            heard: list[dict[str, Any]] = []
            if scope != "neither":
                while not (heard and heard[-1]["type"] in TERMINAL):
                    heard += _events(await peer.receive(LIMIT))
            await end_of(seen)
            await peer.call(uris.TASKS)
            heard += [event for message in peer.unread for event in _events(message)]

    assert {match for _, match in taken} <= {"exact"}
    assert uris.jobs_topic(authid) not in {topic for topic, _ in taken}
    assert {event.get("job_id") for event in heard} <= {jobs.inside}


@pytest.mark.capability("N24")
async def test_what_is_printed_reaches_those_who_may_read_it_and_nobody_else(
    site: Node, tmp_path: Path
) -> None:
    authid, gate = "scope_printed", tmp_path / "open"
    async with client(site, authid) as owner:
        job = await owner.exec("probe.script", {"code": PRINTS.format(path=str(gate))})
        topics = [uris.output_topic(authid, job.job_id), uris.job_topic(authid, job.job_id)]
        held = {"whole": {}, "job": {"jobs": [job.job_id]}, "task": {"tasks": ["probe.script"]}}
        left_out = {"tasks": [INSIDE]}
        peers = {name: await enter(site, authid, **scope) for name, scope in held.items()}
        outsider = await enter(site, authid, **left_out)
        for peer in (*peers.values(), outsider):
            for topic in topics:
                await peer.subscribe(topic)
        gate.touch()
        await end_of(job)
        heard = {}
        for name, peer in peers.items():
            texts, types = [], []
            while "succeeded" not in types or not texts:
                [payload] = (await peer.receive(LIMIT))[4]
                if isinstance(payload, dict):
                    texts.append(payload["text"])
                else:
                    types += [event["type"] for event in payload]
            heard[name] = "".join(texts)
        await outsider.call(uris.TASKS)
        for peer in (*peers.values(), outsider):
            await peer.__aexit__()

    assert set(heard.values()) == {"secret\n"}
    assert not outsider.unread


@pytest.mark.capability("N24", "D6")
@pytest.mark.parametrize("stop", [pytest.param(0, id="early"), pytest.param(50, id="late")])
async def test_whoever_subscribes_and_then_asks_misses_no_event(
    site: Node, tmp_path: Path, stop: int
) -> None:
    authid, gate = "scope_gapless", tmp_path / "open"
    async with client(site, authid) as owner:
        code = TALKS.format(path=str(gate), stop=stop)
        job = await owner.exec("probe.script", {"code": code})
        async with await enter(site, authid, jobs=[job.job_id], read_only=True) as peer:
            await peer.subscribe(uris.job_topic(authid, job.job_id))
            gate.touch()
            page = await peer.call(uris.EVENTS, job_id=job.job_id)
            live: list[dict[str, Any]] = []
            while not (live and live[-1]["type"] in TERMINAL):
                live += _events(await peer.receive(LIMIT))
        everything = [event async for event in owner.job(job.job_id)]

    numbers = [event["job_seq"] for event in live]
    asked = [event["job_seq"] for event in page["events"]]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert sorted({*asked, *numbers}) == [event.job_seq for event in everything]
    told = {event["job_seq"]: event for event in [*page["events"], *live]}
    assert [told[event.job_seq] for event in everything] == [each.as_dict() for each in everything]


async def test_nothing_is_told_twice_to_a_whole_session(site: Node) -> None:
    authid = "scope_once"
    async with await enter(site, authid) as peer, client(site, authid) as owner:
        await peer.subscribe(uris.jobs_topic(authid))
        job = await owner.exec(INSIDE)
        async with await enter(site, authid, jobs=[job.job_id]) as guest:
            await guest.subscribe(uris.job_topic(authid, job.job_id))
            heard: list[dict[str, Any]] = []
            while not (heard and heard[-1]["type"] in TERMINAL):
                heard += _events(await peer.receive(LIMIT))

    assert [event["job_seq"] for event in heard] == [1, 2, 3]


def _events(message: list[Any]) -> list[dict[str, Any]]:
    assert message[0] == EVENT
    [payload] = message[4]
    return payload if isinstance(payload, list) else [{**payload, "type": "output"}]


async def _again(
    site: Node, peer: Peer, authid: str, scope: dict[str, Any], taken: dict[Any, int]
) -> WebSocket:
    """Another session in the place of one that was thrown out, with its subscriptions."""
    await peer.__aexit__()
    fresh = await enter(site, authid, **scope)
    for topic, match in taken:
        await fresh.subscribe(topic, match=match)
    return fresh
