"""Nobody gets more than was given: not by tokens, batches, delegation, schedules or tasks' names."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.plain import Refused
from tests.security.evidence import NOT_AUTHORIZED as FORBIDDEN
from tests.security.evidence import Evidence
from tests.security.web import ask
from tests.site import client
from tests.site.jobs import LIMIT
from tests.site.rights import enter, ruled_node

from taskrealm.access.tokens import TokenStore
from taskrealm.client import BlockingClient, JobFailed
from taskrealm.protocol import uris
from taskrealm.protocol.errors import (
    InvalidArguments,
    InvalidToken,
    NotAuthorized,
    UnknownJob,
    UnknownTask,
    UnknownUpload,
)
from taskrealm.protocol.jobs import EventType
from taskrealm.protocol.scope import WHOLE, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.nodes import Node

pytestmark = pytest.mark.timeout(120)

VICTIM = "victim_of_climbers"
RULES = """
[[rules]]
allow = ["see", "run", "output", "cancel"]
tasks = ["desk.convert", "desk.nap", "desk.count"]
users = ["mallory_*", "victim_*"]

[[rules]]
allow = ["run"]
tasks = ["desk.bundle", "desk.strict"]
users = ["mallory_*"]

[[rules]]
allow = ["see", "run", "output", "cancel"]
tasks = ["desk.guarded"]
teams = ["guards"]

[[rules]]
allow = ["see", "run", "output", "cancel"]
roles = ["operator"]

[[delegation]]
backends = ["mallory_shop*"]
users = ["victim_customer*"]
teams = ["editors"]
tasks = ["desk.convert"]

[[delegation]]
allow = ["see"]
backends = ["mallory_viewer*"]
users = ["victim_*"]
"""
SETTINGS = """
[access]
mint_minutes = 120

[[schedules]]
name = "of-the-victim"
task = "desk.convert"
cron = "0 0 1 1 *"
owner = "victim_of_climbers"
"""


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node whose users, backends and teams may each do something else."""
    with ruled_node(RULES, settings=SETTINGS) as node:
        yield node


@dataclass(frozen=True)
class Belongings:
    """What the victim has, by the words that stand for it in attempts."""

    done: str
    running: str
    file: str
    code: str

    def put(self, value: Any) -> Any:
        """*value* with what its words stand for."""
        if isinstance(value, list):
            return [self.put(each) for each in value]
        if isinstance(value, dict):
            return {name: self.put(each) for name, each in value.items()}
        return getattr(self, value[1:-1], value) if str(value)[:1] == "<" else value


@pytest.fixture(scope="module")
def hers(node: Node) -> Iterator[Belongings]:
    """Jobs, a file and a sign-in code of the victim, which nothing below changes."""
    code = node.issue(VICTIM, code=True, lifetime=600)
    with BlockingClient(node.url, token=node.issue(VICTIM, lifetime=600)) as victim:
        file = victim.upload(b"hers", name="hers.txt")
        done = victim.exec("desk.convert")
        done.result(LIMIT)
        running = victim.exec("desk.nap", [str(node.folder.root / "never")])
        next(event for event in running if event.type is EventType.STARTED)
        try:
            yield Belongings(done.job_id, running.job_id, str(file), code)
            assert running.snapshot()["state"] == "running"
            assert {job["job_id"] for job in victim.jobs()} == {
                done.job_id,
                running.job_id,
            }
        finally:
            running.cancel(now=True)


async def recorded(node: Node, actor: str, **wanted: Any) -> list[dict[str, Any]]:
    """The records about *actor* that are as *wanted*, once there is one, as an operator reads them."""
    async with (
        asyncio.timeout(LIMIT),
        await node.user("overseer_of_climbers", "operator") as overseer,
    ):
        while True:
            told = await overseer.call(uris.AUDIT, actor=actor)
            if found := [each for each in told["records"] if wanted.items() <= each.items()]:
                return found
            await asyncio.sleep(0.05)


@dataclass(frozen=True)
class Attempt:
    """One call that must be refused; in its arguments `<done>` stands for that of the victim."""

    name: str
    procedure: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    error: str = NotAuthorized.uri
    authid: str = ""
    role: str = "user"
    teams: tuple[str, ...] = ()
    scope: Scope = WHOLE

    @property
    def who(self) -> str:
        """Who tries it: for every attempt somebody else, unless it matters."""
        return self.authid or f"mallory_{''.join(c if c.isalnum() else '_' for c in self.name)}"

    @property
    def action(self) -> str:
        """What the audit log calls it: what the router refuses are mere calls."""
        if self.error == FORBIDDEN:
            return "call"
        if self.procedure.startswith(uris.RUN_PREFIX):
            return "run"
        return self.procedure.removeprefix("taskrealm.")


TASK = "desk.convert"
CUSTOMER = {"on_behalf_of": "victim_customer"}
LOOKING = Scope(read_only=True)
ONE_TASK = Scope(tasks=(TASK,))
ONE_JOB = Scope(jobs=("0" * 32,))

BY_TOKENS = [
    Attempt("a token of another", uris.MINT, kwargs={"user": VICTIM}),
    Attempt("to look at what is anothers", uris.MINT, (VICTIM,), {"read_only": True}),
    Attempt("of the operator", uris.MINT, ("operator",)),
    Attempt("of almost the same name", uris.MINT, ("Mallory_of_almost_the_same_name",)),
    Attempt("of another role", uris.MINT, kwargs={"role": "operator"}, error=InvalidArguments.uri),
    Attempt("of a wider scope", uris.MINT, kwargs={"scope": {}}, error=InvalidArguments.uri),
    Attempt("for longer", uris.MINT, kwargs={"minutes": 121}, error=InvalidArguments.uri),
    Attempt("for ever", uris.MINT, kwargs={"minutes": 1e308}, error=InvalidArguments.uri),
    Attempt("for a team", uris.MINT, kwargs={"teams": ["guards"]}, error=InvalidArguments.uri),
    Attempt(
        "for a task that is not ours",
        uris.MINT,
        kwargs={"tasks": ["desk.guarded"]},
        error=InvalidArguments.uri,
    ),
    Attempt(
        "for a job of another", uris.MINT, kwargs={"jobs": ["<done>"]}, error=InvalidArguments.uri
    ),
    Attempt("one of a task makes one", uris.MINT, scope=ONE_TASK, error=FORBIDDEN),
    Attempt("one of a job makes one", uris.MINT, scope=ONE_JOB, error=FORBIDDEN),
    Attempt("one for looking makes one", uris.MINT, scope=LOOKING, error=FORBIDDEN),
    Attempt("for looking that runs", uris.EXEC, (TASK,), scope=LOOKING, error=FORBIDDEN),
    Attempt(
        "for looking that runs by name", f"{uris.RUN_PREFIX}{TASK}", scope=LOOKING, error=FORBIDDEN
    ),
    Attempt("for looking that sends", uris.UPLOAD_BEGIN, ("a", 1), scope=LOOKING, error=FORBIDDEN),
    Attempt("for looking that stops", uris.CANCEL, ("<done>",), scope=LOOKING, error=FORBIDDEN),
    Attempt(
        "for looking that stops many",
        uris.CANCEL_MANY,
        (["<done>"],),
        scope=LOOKING,
        error=FORBIDDEN,
    ),
    Attempt(
        "for a task that runs another",
        uris.EXEC,
        ("desk.nap", ["x"]),
        scope=ONE_TASK,
        error=UnknownTask.uri,
    ),
    Attempt(
        "for a task that runs many",
        uris.EXEC_MANY,
        ([{"task": TASK}, {"task": "desk.nap", "args": ["x"]}],),
        scope=ONE_TASK,
        error=UnknownTask.uri,
    ),
    Attempt(
        "for a task that looks at anothers job",
        uris.JOB,
        ("<done>",),
        scope=ONE_TASK,
        error=UnknownJob.uri,
    ),
    Attempt("for a job that runs", uris.EXEC, (TASK,), scope=ONE_JOB, error=FORBIDDEN),
    Attempt(
        "for a job of its owner",
        uris.JOB,
        ("<running>",),
        authid=VICTIM,
        scope=ONE_JOB,
        error=UnknownJob.uri,
    ),
    Attempt(
        "an operator who may look pauses",
        uris.PAUSE,
        role="operator",
        scope=LOOKING,
        error=FORBIDDEN,
    ),
    Attempt(
        "an operator of one task reads the log",
        uris.AUDIT,
        role="operator",
        scope=ONE_TASK,
        error=FORBIDDEN,
    ),
    Attempt("a code of another", uris.TOKEN, ("<code>",), error=InvalidToken.uri),
    Attempt("no code at all", uris.TOKEN),
]
BY_BATCHES = [
    Attempt(
        "a task of others in a batch",
        uris.EXEC_MANY,
        ([{"task": TASK}, {"task": "desk.guarded"}],),
        error=UnknownTask.uri,
    ),
    Attempt(
        "a task for operators in a batch",
        uris.EXEC_MANY,
        ([{"task": "probe.operators"}],),
        error=UnknownTask.uri,
    ),
    Attempt("for another in a batch", uris.EXEC_MANY, ([{"task": TASK, **CUSTOMER}],)),
    Attempt(
        "after a job of another",
        uris.EXEC_MANY,
        ([{"task": TASK, "after": ["<done>"]}],),
        error=InvalidArguments.uri,
    ),
    Attempt(
        "as child of anothers job",
        uris.EXEC,
        (TASK,),
        {"parent": "<running>"},
        error=InvalidArguments.uri,
    ),
    Attempt(
        "with the role of an operator",
        uris.EXEC,
        (TASK,),
        {"role": "operator"},
        error=InvalidArguments.uri,
    ),
]
BY_NAMES = [
    Attempt("a task of a team by name", f"{uris.RUN_PREFIX}desk.guarded", error=UnknownTask.uri),
    Attempt("for operators by name", f"{uris.RUN_PREFIX}probe.operators", error=UnknownTask.uri),
    Attempt("a batch of others by name", f"{uris.RUN_PREFIX}probe.nothing", error=UnknownTask.uri),
    Attempt("no task by name", f"{uris.RUN_PREFIX}admin.pause", error=UnknownTask.uri),
    Attempt(
        "a team claimed by name",
        f"{uris.RUN_PREFIX}desk.guarded",
        role="backend",
        error=UnknownTask.uri,
    ),
]
BY_DELEGATION = [
    Attempt("a user for another", uris.EXEC, (TASK,), CUSTOMER),
    Attempt(
        "a user for oneself", uris.EXEC, (TASK,), {"on_behalf_of": "mallory_a_user_for_oneself"}
    ),
    Attempt("an operator for another", uris.EXEC, (TASK,), CUSTOMER, role="operator"),
    Attempt("a backend for anybody", uris.EXEC, (TASK,), CUSTOMER, role="backend"),
    Attempt(
        "a shop for others",
        uris.EXEC,
        (TASK,),
        {"on_behalf_of": VICTIM},
        authid="mallory_shop_1",
        role="backend",
    ),
    Attempt(
        "a shop for another task",
        uris.EXEC,
        ("desk.nap", ["x"]),
        CUSTOMER,
        authid="mallory_shop_2",
        role="backend",
    ),
    Attempt(
        "a shop for another team",
        uris.EXEC,
        (TASK,),
        {**CUSTOMER, "teams": ["guards"]},
        authid="mallory_shop_3",
        role="backend",
    ),
    Attempt("a shop that is a user", uris.EXEC, (TASK,), CUSTOMER, authid="mallory_shop_4"),
    Attempt(
        "a shop that asks",
        uris.CHECK,
        ("desk.nap",),
        CUSTOMER,
        authid="mallory_shop_5",
        role="backend",
    ),
    Attempt(
        "a shop in a batch",
        uris.EXEC_MANY,
        ([{"task": "desk.nap", **CUSTOMER}],),
        authid="mallory_shop_6",
        role="backend",
    ),
    Attempt(
        "a shop sends for others",
        uris.UPLOAD_BEGIN,
        ("a", 1),
        {"on_behalf_of": VICTIM},
        authid="mallory_shop_7",
        role="backend",
    ),
    Attempt(
        "a shop takes a file",
        uris.UPLOAD_REMOVE,
        ("<file>",),
        CUSTOMER,
        authid="mallory_shop_8",
        role="backend",
        error=UnknownUpload.uri,
    ),
    Attempt(
        "a shop of one task",
        uris.EXEC,
        (TASK,),
        CUSTOMER,
        authid="mallory_shop_9",
        role="backend",
        scope=Scope(tasks=("desk.nap",)),
        error=UnknownTask.uri,
    ),
    Attempt(
        "a shop makes tokens for others",
        uris.MINT,
        (VICTIM,),
        {"tasks": [TASK]},
        authid="mallory_shop_10",
        role="backend",
    ),
    Attempt(
        "a shop makes a token for all tasks",
        uris.MINT,
        ("victim_customer",),
        authid="mallory_shop_11",
        role="backend",
    ),
    Attempt(
        "a shop makes one for a team",
        uris.MINT,
        ("victim_customer",),
        {"tasks": [TASK], "teams": ["guards"]},
        authid="mallory_shop_12",
        role="backend",
    ),
    Attempt(
        "who may look makes one that runs",
        uris.MINT,
        (VICTIM,),
        {"tasks": [TASK]},
        authid="mallory_viewer_1",
        role="backend",
    ),
    Attempt(
        "who may look runs",
        uris.EXEC,
        (TASK,),
        {"on_behalf_of": VICTIM},
        authid="mallory_viewer_2",
        role="backend",
    ),
    Attempt(
        "who may look cancels",
        uris.CANCEL,
        ("<running>",),
        authid="mallory_viewer_3",
        role="backend",
    ),
    Attempt(
        "who may look answers",
        uris.ANSWER,
        ("<running>", "q", 1),
        authid="mallory_viewer_4",
        role="backend",
    ),
    Attempt(
        "who may look reads output",
        uris.OUTPUT,
        ("<done>",),
        authid="mallory_viewer_5",
        role="backend",
    ),
    Attempt(
        "who may look searches output",
        uris.SEARCH,
        ("<done>", "a"),
        authid="mallory_viewer_7",
        role="backend",
    ),
    Attempt(
        "who may look takes files",
        uris.ARTIFACT,
        ("<done>", "film.txt"),
        authid="mallory_viewer_6",
        role="backend",
    ),
    *(
        Attempt(
            f"a backend asks {uri}", uri, ("<running>", *more), role="backend", error=UnknownJob.uri
        )
        for uri, more in {
            uris.CANCEL: (),
            uris.ANSWER: ("q", 1),
            uris.JOB: (),
            uris.OUTPUT: (),
            uris.SEARCH: ("a",),
            uris.ARTIFACTS: (),
            uris.ARTIFACT: ("film.txt",),
        }.items()
    ),
    Attempt("a backend reads a stream", uris.EVENTS, (None, 0, 10, None, VICTIM), role="backend"),
    Attempt("a user lists", uris.JOBS, kwargs={"owner": VICTIM}),
]
BY_SCHEDULES = [
    Attempt(
        f"a {role} and schedules {how}",
        uris.SCHEDULE,
        ("of-the-victim", how),
        role=role,
        error=FORBIDDEN,
    )
    for role in ("user", "backend")
    for how in ("run", "pause", "resume")
] + [
    Attempt("a user reads schedules", uris.SCHEDULES, error=FORBIDDEN),
    Attempt(
        "a job of a schedule",
        uris.EXEC,
        (TASK,),
        {"schedule": "of-the-victim"},
        error=InvalidArguments.uri,
    ),
    Attempt(
        "a job with an owner", uris.EXEC, (TASK,), {"owner": VICTIM}, error=InvalidArguments.uri
    ),
]
ATTEMPTS = [*BY_TOKENS, *BY_BATCHES, *BY_NAMES, *BY_DELEGATION, *BY_SCHEDULES]


@pytest.mark.capability("N26", "Z5", "Z7", "Z8")
@pytest.mark.parametrize("attempt", [pytest.param(each, id=each.name) for each in ATTEMPTS])
async def test_nobody_gets_more_than_was_given(
    node: Node, hers: Belongings, attempt: Attempt
) -> None:
    evidence = Evidence(node)
    async with await enter(
        node, attempt.who, attempt.role, teams=attempt.teams, scope=attempt.scope
    ) as mallory:
        with pytest.raises(Refused) as refusal:
            await mallory.call(
                attempt.procedure,
                *hers.put(list(attempt.args)),
                **hers.put(attempt.kwargs),
            )
        session = mallory.session

    assert refusal.value.uri == attempt.error, refusal.value
    if attempt.error == InvalidArguments.uri:
        # What might as well be a slip is for the log alone.
        await evidence.shows(f'"{attempt.who}".*"Call refused"|"Call refused".*"{attempt.who}"')
        return
    code = attempt.error.rpartition(".")[2]
    found = await recorded(node, attempt.who, action=attempt.action, outcome=code)
    assert session in {each["detail"]["session"] for each in found}
    assert {(each["role"], each["address"]) for each in found} == {(attempt.role, "127.0.0.1")}
    assert hers.code not in json.dumps(found)


# Tokens ----------------------------------------------------------------------------------------


def token_of(node: Node, authid: str, **options: Any) -> str:
    with closing(TokenStore.open(node.folder.tokens)) as store:
        return store.issue(authid, "user", **{"lifetime": 60.0, **options})


async def refused_at_the_door(node: Node, token: str) -> None:
    async with await node.outside() as stranger:
        with pytest.raises(Refused) as refusal:
            await stranger.join(token, authid="mallory_at_the_door")

    assert refusal.value.uri == InvalidToken.uri
    [record, *_] = await recorded(
        node, "", action="join", object="mallory_at_the_door", outcome="invalid_token"
    )
    assert token not in json.dumps(record)


@pytest.mark.capability("N24", "Z2")
async def test_a_token_that_is_used_up_opens_nothing_on_any_way_in(node: Node) -> None:
    token = token_of(node, "mallory_thrifty", uses=1)
    async with await node.outside() as first:
        await first.join(token)
        await refused_at_the_door(node, token)
        answer = await ask(node, "GET", "/api/jobs", token=token)

        assert (answer.status, answer.problem["code"]) == (401, "invalid_token")
        assert await first.call(uris.TASKS)


@pytest.mark.capability("N24", "Z2")
async def test_no_chain_of_tokens_lasts_longer_or_reaches_further_than_its_first(
    node: Node,
) -> None:
    token, end = token_of(node, "mallory_chain"), datetime.now(UTC) + timedelta(seconds=60)
    for _ in range(2):
        body = {"minutes": 120}
        answer = await ask(node, "POST", "/api/mint", token=token, body=body)
        made = json.loads(answer.body)
        assert datetime.fromisoformat(made["expires_at"]) <= end
        token = made["token"]
    narrow = {"tasks": [TASK], "read_only": True}
    answer = await ask(node, "POST", "/api/mint", token=token, body=narrow)
    token = json.loads(answer.body)["token"]
    refused = await ask(node, "POST", "/api/mint", token=token, body=narrow)

    assert (refused.status, refused.problem["code"]) == (403, "not_authorized")
    assert await recorded(node, "mallory_chain", object=uris.MINT, outcome="not_authorized")


@pytest.mark.capability("N24", "Z2")
@pytest.mark.parametrize("kind", ["token", "limited token", "used code", "expired code", "nothing"])
async def test_the_gateway_makes_tokens_of_fresh_codes_only(node: Node, kind: str) -> None:
    token = {
        "token": lambda: token_of(node, "mallory_renews"),
        "limited token": lambda: token_of(node, "mallory_renews", scope=LOOKING),
        "used code": lambda: node.issue("mallory_renews", code=True),
        "expired code": lambda: token_of(node, "mallory_renews", single_use=True, lifetime=1e-6),
        "nothing": lambda: "tr_" + 43 * "x",
    }[kind]()
    if kind == "used code":
        first = await ask(node, "POST", "/api/token", body={"code": token})
        assert first.status == 200
    answer = await ask(node, "POST", "/api/token", body={"code": token})

    assert answer.status == 401
    assert answer.problem["code"] == "invalid_token"
    assert token.encode() not in answer.body
    with closing(TokenStore.open(node.folder.tokens)) as store:
        assert all(each.uses is None for each in store.tokens("mallory_renews"))


@pytest.mark.capability("N24")
async def test_a_code_for_looking_gives_a_token_for_looking(node: Node) -> None:
    code = token_of(node, "mallory_visitor", single_use=True, scope=LOOKING)
    answer = await ask(node, "POST", "/api/token", body={"code": code})
    token = json.loads(answer.body)["token"]
    refused = await ask(node, "POST", "/api/jobs", token=token, body={"task": TASK})

    assert (answer.status, refused.status) == (200, 403)
    assert await recorded(node, "mallory_visitor", object=uris.EXEC, outcome="not_authorized")


# Batches ---------------------------------------------------------------------------------------


@pytest.mark.capability("Z7")
@pytest.mark.parametrize(
    ("child", "why"),
    [
        ("desk.guarded", "There is no task 'desk.guarded'"),
        ("probe.operators", "There is no task 'probe.operators'"),
        ("probe.nothing", "There is no task 'probe.nothing'"),
        ("no.such.task", "There is no task 'no.such.task'"),
    ],
)
async def test_a_batch_runs_nothing_that_its_owner_may_not(
    node: Node, child: str, why: str
) -> None:
    who = f"mallory_batch_of_{child}"
    async with client(node, who) as mallory:
        job = await mallory.exec("desk.strict", {"presets": [""], "task": child})
        with pytest.raises(JobFailed, match=why):
            await job.result(LIMIT)
        loose = await mallory.exec("desk.bundle", {"presets": [""], "task": child})
        await loose.result(LIMIT)
        jobs = [each async for each in mallory.jobs(parent=loose.job_id)]

    assert [(each["task"], each["state"]) for each in jobs] == [(child, "failed")]
    found = await recorded(node, who, action="child", object=child, outcome="unknown_task")
    assert {each["owner"] for each in found} == {who}
    assert {each["detail"]["batch"] for each in found} == {job.job_id, loose.job_id}


@pytest.mark.capability("B2", "Z7")
async def test_a_backend_runs_no_batch_whose_children_are_beyond_its_delegation(
    node: Node,
) -> None:
    async with await enter(node, "mallory_shop_of_batches", "backend") as shop:
        with pytest.raises(Refused) as refusal:
            await shop.call(
                uris.EXEC, "desk.bundle", [], {"presets": [""], "task": TASK}, **CUSTOMER
            )

    assert refusal.value.uri == NotAuthorized.uri
    assert await recorded(node, "mallory_shop_of_batches", action="exec", object="desk.bundle")


# Over HTTP -------------------------------------------------------------------------------------


@pytest.mark.capability("N26", "Z8")
@pytest.mark.parametrize(
    ("path", "body", "action", "status", "code"),
    [
        ("/jobs", {"task": "desk.guarded"}, "exec", 404, "unknown_task"),
        ("/jobs", {"task": "probe.operators"}, "exec", 404, "unknown_task"),
        ("/jobs", {"task": TASK, **CUSTOMER}, "exec", 403, "not_authorized"),
        ("/jobs", {"task": TASK, "owner": VICTIM}, None, 422, "invalid_arguments"),
        ("/jobs", {"task": TASK, "role": "operator"}, None, 422, "invalid_arguments"),
        ("/jobs", {"task": TASK, "after": ["<done>"]}, None, 422, "invalid_arguments"),
        (
            "/jobs/batch",
            {"requests": [{"task": TASK}, {"task": "desk.guarded"}]},
            *("exec_many", 404, "unknown_task"),
        ),
        (
            "/jobs/batch",
            {"requests": [{"task": TASK, **CUSTOMER}]},
            *("exec_many", 403, "not_authorized"),
        ),
        ("/mint", {"user": VICTIM}, "mint", 403, "not_authorized"),
        ("/mint", {"role": "operator"}, None, 422, "invalid_arguments"),
        ("/mint", {"minutes": 1e9}, None, 422, "invalid_arguments"),
        ("/mint", {"jobs": ["<done>"]}, None, 422, "invalid_arguments"),
        ("/jobs/<done>/cancel", {}, "cancel", 404, "unknown_job"),
        ("/tasks/desk.guarded/check", {}, "check", 404, "unknown_task"),
        ("/admin/pause", {}, "call", 403, "not_authorized"),
        ("/call", {"procedure": uris.PAUSE}, "call", 403, "not_authorized"),
        ("/call", {"procedure": "wamp.session.list"}, None, 403, "not_authorized"),
        ("/call", {"procedure": uris.JOB, "args": ["<done>"]}, None, 404, "unknown_job"),
        ("/call", {"procedure": uris.CANCEL, "args": ["<done>"]}, "cancel", 404, "unknown_job"),
        (
            "/call",
            {"procedure": uris.EXEC, "args": ["desk.guarded"]},
            *("exec", 404, "unknown_task"),
        ),
        (
            "/call",
            {"procedure": uris.EXEC, "args": [TASK], "kwargs": CUSTOMER},
            *("exec", 403, "not_authorized"),
        ),
    ],
)
async def test_nobody_gets_more_over_http(
    node: Node,
    hers: Belongings,
    path: str,
    body: dict[str, Any],
    action: str | None,
    status: int,
    code: str,
) -> None:
    who = f"mallory_over_http{abs(hash((path, str(body))))}"
    path = path.replace("<done>", hers.done)
    token = node.issue(who)
    answer = await ask(node, "POST", f"/api{path}", token=token, body=hers.put(body))

    assert (answer.status, answer.problem["code"]) == (status, code)
    if action is not None:
        [record] = await recorded(node, who, action=action, outcome=code)
        assert record["address"] == "127.0.0.1"


@pytest.mark.capability("B2")
async def test_a_backend_that_lists_the_jobs_of_a_user_finds_those_it_may_see(
    node: Node, hers: Belongings
) -> None:
    async with (
        await enter(node, "mallory_shop_of_lists", "backend") as shop,
        await enter(node, "mallory_viewer_of_lists", "backend") as viewer,
    ):
        hidden = await shop.call(uris.JOBS, owner=VICTIM)
        seen = await viewer.call(uris.JOBS, owner=VICTIM)

    assert hidden["jobs"] == []
    assert {each["job_id"] for each in seen["jobs"]} == {hers.done, hers.running}
