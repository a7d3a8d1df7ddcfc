"""Nobody gets more than was given: not by tokens, batches, delegation, schedules or tasks' names."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.plain import Refused
from tests.security.attempts import ATTEMPTS, CUSTOMER, LOOKING, TASK, VICTIM, Attempt
from tests.security.evidence import Evidence
from tests.security.web import ask
from tests.site import client
from tests.site.jobs import LIMIT
from tests.site.rights import enter, ruled_node

from taskrealm.access.tokens import TokenStore
from taskrealm.client import BlockingClient, JobFailed
from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidArguments, InvalidToken, NotAuthorized
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.nodes import Node

pytestmark = pytest.mark.timeout(120)

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
