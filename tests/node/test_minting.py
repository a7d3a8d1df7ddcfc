"""Tokens made at the request of sessions: never for more, and never for longer, than they may."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.nodes import Node
from tests.plain import Closed, Refused, WebSocket
from tests.scopes import token_of
from tests.site import make_site
from tests.site.jobs import LIMIT, end_of, events_of

from taskrealm.access.tokens import TokenStore
from taskrealm.client import Client, Scope
from taskrealm.protocol import uris
from taskrealm.protocol.errors import (
    InvalidArguments,
    InvalidToken,
    NotAuthorized,
    UnknownJob,
    UnknownTask,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

DELEGATION = """
[[delegation]]
backends = ["scope_shop"]
users = ["scope_visitor*"]
teams = ["editors"]
tasks = ["probe.nothing", "date"]

[[delegation]]
allow = ["see", "output"]
backends = ["scope_viewer"]
users = ["*"]

[[delegation]]
backends = ["scope_site"]
users = ["*"]
"""
SETTINGS = "\n[access]\nmint_minutes = 120\nanonymous = true\n"

TASK = "probe.nothing"


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node with backends of which each may act for others to another extent."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_site(Path(path), settings=SETTINGS)
        rules, _, _ = folder.policy.read_text().partition("[[delegation]]")
        folder.policy.write_text(rules + DELEGATION)
        with Node(folder) as node:
            node.until("READY")
            yield node


async def enter(node: Node, token: str) -> WebSocket:
    peer = await node.outside()
    try:
        await peer.join(token)
    except Refused:
        await peer.__aexit__()
        raise
    return peer


async def minted(node: Node, token: str, **wish: Any) -> dict[str, Any]:
    """What the bearer of *token* is answered who wishes for another one."""
    async with await enter(node, token) as peer:
        answer: dict[str, Any] = await peer.call(uris.MINT, **wish)
        return answer


async def refusal(node: Node, token: str, **wish: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        await minted(node, token, **wish)
    return refused.value


async def bearer(node: Node, token: str) -> dict[str, Any]:
    """What the bearer of *token* is welcomed as."""
    async with await enter(node, token) as peer:
        return peer.welcome


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.capability("N24")
@pytest.mark.parametrize(
    "wish",
    [
        pytest.param({}, id="all that the user may"),
        pytest.param({"tasks": [TASK]}, id="one task"),
        pytest.param({"tasks": [TASK, "date"], "read_only": True}, id="two tasks, looking"),
        pytest.param({"read_only": True}, id="looking"),
        pytest.param({"read_only": True, "uses": 3, "minutes": 0.5}, id="three times"),
    ],
)
@pytest.mark.parametrize("role", ["user", "backend", "operator"])
async def test_whoever_is_not_limited_has_a_token_for_itself(
    node: Node, role: str, wish: dict[str, Any]
) -> None:
    token = token_of(node, "scope_self", role=role, teams=("editors",))
    scope = {name: wish[name] for name in ("tasks", "read_only") if name in wish}
    before = datetime.now(UTC)

    answer = await minted(node, token, **wish)
    welcome = await bearer(node, answer["token"])

    lifetime = moment(answer["expires_at"]) - before
    assert set(answer) == {"token", "id", "expires_at", "scope"}
    assert answer["scope"] == scope
    assert timedelta(0) < lifetime <= timedelta(minutes=wish.get("minutes", 60), seconds=10)
    assert (welcome["authid"], welcome["authrole"]) == ("scope_self", "user")
    extra = welcome["authextra"]
    assert extra["teams"] == ["editors"]
    assert extra.get("scope", {}) == scope
    assert (extra["token"], extra["expires_at"]) == (answer["id"], answer["expires_at"])


@pytest.mark.capability("N24")
async def test_a_token_for_one_job_is_for_an_own_one(node: Node) -> None:
    async with node.client("scope_mine") as mine, node.client("scope_foreign") as foreign:
        own, other = await mine.exec(TASK), await foreign.exec(TASK)
        minted = await mine.mint(jobs=[own], read_only=True)
        with pytest.raises(InvalidArguments) as refused:
            await mine.mint(jobs=[own.job_id, other.job_id, "nonsense"])
        with pytest.raises(InvalidArguments, match=r"jobs\.0: is a job of probe\.nothing"):
            await mine.mint(tasks=["date"], jobs=[own])
        async with Client(node.url, token=minted["token"]) as guest:
            assert guest.scope == Scope(jobs=(own.job_id,), read_only=True)
            assert [event.type for event in await events_of(guest.job(own.job_id))]
            with pytest.raises(NotAuthorized):
                await guest.job(own.job_id).cancel()
            with pytest.raises(UnknownJob):
                await guest.job(other.job_id).snapshot()

    assert set(refused.value.fields) == {"jobs.1", "jobs.2"}


@pytest.mark.capability("N24")
async def test_a_backend_makes_tokens_for_the_users_and_tasks_of_its_delegation(
    node: Node,
) -> None:
    shop = token_of(node, "scope_shop", role="backend")

    answer = await minted(node, shop, user="scope_visitor1", tasks=[TASK], teams=["editors"])
    welcome = await bearer(node, answer["token"])
    async with Client(node.url, token=answer["token"]) as visitor:
        job = await visitor.exec(TASK)
        await end_of(job)
        with pytest.raises(UnknownTask):
            await visitor.exec("date")

    assert (welcome["authid"], welcome["authrole"]) == ("scope_visitor1", "user")
    assert welcome["authextra"]["teams"] == ["editors"]
    assert answer["scope"] == {"tasks": [TASK]}


@pytest.mark.capability("N24")
@pytest.mark.parametrize(
    ("backend", "wish"),
    [
        pytest.param("scope_shop", {"user": "scope_other", "tasks": [TASK]}, id="another user"),
        pytest.param("scope_shop", {"user": "scope_visitor1"}, id="all tasks"),
        pytest.param(
            "scope_shop", {"user": "scope_visitor1", "read_only": True}, id="looking at all tasks"
        ),
        pytest.param(
            "scope_shop", {"user": "scope_visitor1", "tasks": ["probe.nap"]}, id="another task"
        ),
        pytest.param(
            "scope_shop",
            {"user": "scope_visitor1", "tasks": [TASK, "probe.nap"]},
            id="another task among them",
        ),
        pytest.param(
            "scope_shop",
            {"user": "scope_visitor1", "tasks": [TASK], "teams": ["admins"]},
            id="another team",
        ),
        pytest.param("scope_viewer", {"user": "scope_any", "tasks": [TASK]}, id="running"),
        pytest.param("scope_nobody", {"user": "scope_any", "tasks": [TASK]}, id="no delegation"),
        pytest.param(
            "scope_nobody", {"user": "scope_any", "read_only": True}, id="not even looking"
        ),
    ],
)
async def test_a_backend_makes_no_token_beyond_its_delegation(
    node: Node, backend: str, wish: dict[str, Any]
) -> None:
    refused = await refusal(node, token_of(node, backend, role="backend"), **wish)

    assert refused.uri == NotAuthorized.uri
    assert "delegation" in refused.text


@pytest.mark.capability("N24")
async def test_who_is_delegated_to_look_shares_a_job_for_looking_only(node: Node) -> None:
    viewer = token_of(node, "scope_viewer", role="backend")
    async with node.client("scope_shared") as owner:
        job = await owner.exec(TASK)
        await end_of(job)

    wish = {"user": "scope_shared", "jobs": [job.job_id]}
    answer = await minted(node, viewer, **wish, read_only=True)
    refused = await refusal(node, viewer, **wish)

    assert answer["scope"] == {"jobs": [job.job_id], "read_only": True}
    assert refused.uri == NotAuthorized.uri
    assert "cancel" in refused.text


@pytest.mark.capability("N24")
@pytest.mark.parametrize(
    ("role", "wish"),
    [
        pytest.param("user", {"user": "scope_victim"}, id="a user for another"),
        pytest.param("user", {"user": "scope_victim", "read_only": True}, id="for looking"),
        pytest.param("user", {"user": "Scope_mallory"}, id="almost the same name"),
    ],
)
async def test_a_user_makes_tokens_for_nobody_else(
    node: Node, role: str, wish: dict[str, Any]
) -> None:
    refused = await refusal(node, token_of(node, "scope_mallory", role=role), **wish)

    assert refused.uri == NotAuthorized.uri


@pytest.mark.capability("N24")
async def test_an_operator_makes_tokens_for_anybody_but_never_of_its_role(node: Node) -> None:
    operator = token_of(node, "scope_op", role="operator")

    answer = await minted(node, operator, user="scope_anybody", teams=["admins"])
    own = await minted(node, operator)
    welcomes = [await bearer(node, each["token"]) for each in (answer, own)]
    async with await enter(node, own["token"]) as peer:
        with pytest.raises(Refused):
            await peer.call(uris.PAUSE)

    assert [each["authid"] for each in welcomes] == ["scope_anybody", "scope_op"]
    assert [each["authrole"] for each in welcomes] == ["user", "user"]
    assert welcomes[0]["authextra"]["teams"] == ["admins"]


@pytest.mark.capability("N24")
@pytest.mark.parametrize("role", ["user", "backend", "operator"])
@pytest.mark.parametrize(
    "limits",
    [
        pytest.param({"tasks": [TASK]}, id="one task"),
        pytest.param({"jobs": ["0" * 32]}, id="one job"),
        pytest.param({"read_only": True}, id="looking"),
        pytest.param({"uses": 5}, id="uses"),
    ],
)
async def test_a_limited_session_makes_no_tokens(
    node: Node, role: str, limits: dict[str, Any]
) -> None:
    token = token_of(node, "scope_limited", role=role, **limits)

    for wish in ({}, {"tasks": [TASK], "read_only": True, "uses": 1, "minutes": 1}):
        refused = await refusal(node, token, **wish)
        assert refused.uri in (NotAuthorized.uri, "wamp.error.not_authorized")


@pytest.mark.capability("N24")
async def test_an_anonymous_session_makes_no_tokens(node: Node) -> None:
    async with await node.outside() as peer:
        await peer.join(authmethods=["anonymous"])
        with pytest.raises(Refused, match="anonymous") as refused:
            await peer.call(uris.MINT, read_only=True)

    assert refused.value.uri == NotAuthorized.uri


@pytest.mark.capability("N24", "Z2")
async def test_no_token_outlives_the_session_that_has_made_it(node: Node) -> None:
    token = token_of(node, "scope_chain", lifetime=90.0)
    ends = []

    for _ in range(3):
        answer = await minted(node, token, minutes=100)
        token = answer["token"]
        ends.append(moment(answer["expires_at"]))

    assert max(ends) <= datetime.now(UTC) + timedelta(seconds=90)
    assert ends == sorted(ends, reverse=True)


@pytest.mark.capability("N24", "Z2")
async def test_a_session_whose_token_was_revoked_makes_no_other_one(node: Node) -> None:
    token = token_of(node, "scope_revoked")
    async with await enter(node, token) as peer:
        with closing(TokenStore.open(node.folder.tokens)) as store:
            assert store.revoke_user("scope_revoked") == 1
        with pytest.raises((Refused, Closed)):  # it may be thrown out before
            await peer.call(uris.MINT)

    with closing(TokenStore.open(node.folder.tokens)) as store:
        assert store.tokens("scope_revoked") == []


@pytest.mark.capability("N24", "Z2")
async def test_tokens_that_a_backend_has_made_end_with_it(node: Node) -> None:
    shop = token_of(node, "scope_site", role="backend")
    answer = await minted(node, shop, user="scope_guest")
    await bearer(node, answer["token"])

    with closing(TokenStore.open(node.folder.tokens)) as store:
        store.revoke_user("scope_site")

    with pytest.raises(Refused) as refused:
        await bearer(node, answer["token"])
    assert refused.value.uri == InvalidToken.uri


LISTS = "must be a list of 1 to 100 names; leave it out for all"


@pytest.mark.capability("N24")
@pytest.mark.parametrize(
    ("wish", "field", "reason"),
    [
        *(
            pytest.param({"minutes": value}, "minutes", "at most 120", id=f"minutes {value!r}")
            for value in (0, -1, 121, 1e300, "60", True, None, [])
        ),
        *(
            pytest.param({"uses": value}, "uses", "whole number", id=f"uses {value!r}")
            for value in (0, -1, 1.5, "1", True, 10**9)
        ),
        *(
            pytest.param({name: value}, name, LISTS, id=f"{name} {value!r}")
            for name in ("tasks", "jobs")
            for value in ([], "date", {"date": 1}, [1], [None], 5, False)
        ),
        pytest.param({"tasks": ["x"] * 101}, "tasks", LISTS, id="too many tasks"),
        pytest.param({"tasks": ["no.such"]}, "tasks.0", "no task 'no.such'", id="no such task"),
        pytest.param(
            {"tasks": [TASK, "probe.operators"]},
            "tasks.1",
            "no task 'probe.operators'",
            id="a task for operators",
        ),
        pytest.param({"tasks": ["probe.*"]}, "tasks.0", "no task", id="a pattern"),
        pytest.param({"jobs": ["*"]}, "jobs.0", "no job", id="a pattern of jobs"),
        *(
            pytest.param(
                {"read_only": value}, "read_only", "true or false", id=f"looking {value!r}"
            )
            for value in (1, None, "yes")
        ),
        pytest.param({"user": 5}, "user", "name of a user", id="a user that is no text"),
        pytest.param({"teams": ["admins"]}, "teams", "teams of yours", id="a strange team"),
        pytest.param({"teams": "editors"}, "teams", "list", id="teams that are no list"),
        pytest.param({"role": "operator"}, "role", "not an argument", id="a role"),
        pytest.param({"scope": {}}, "scope", "not an argument", id="a scope as it travels"),
        pytest.param({"authid": "root"}, "authid", "not an argument", id="an authid"),
        pytest.param({"issued_by": None}, "issued_by", "not an argument", id="who made it"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_its_field(
    node: Node, wish: dict[str, Any], field: str, reason: str
) -> None:
    async with node.client("scope_wrong") as wrong:
        with pytest.raises(InvalidArguments) as refused:
            await wrong._connection.call(uris.MINT, **wish)

    assert list(refused.value.fields) == [field]
    assert reason in refused.value.fields[field]


@pytest.mark.parametrize("user", ["", "\n", "x" * 201, "a\x00b"], ids=repr)
async def test_whoever_cannot_be_a_user_has_no_token(node: Node, user: str) -> None:
    async with node.client("scope_operator", "operator") as operator:
        with pytest.raises(InvalidArguments) as refused:
            await operator.mint(user)

    assert list(refused.value.fields) == ["user"]


@pytest.mark.capability("N24", "Z2")
async def test_so_many_sessions_may_join_as_a_token_has_uses(node: Node) -> None:
    answer = await minted(node, token_of(node, "scope_counted"), uses=20, read_only=True)

    joined = await asyncio.gather(
        *(bearer(node, answer["token"]) for _ in range(35)), return_exceptions=True
    )
    refusals = [each for each in joined if isinstance(each, BaseException)]

    assert len(joined) - len(refusals) == 20
    assert {getattr(each, "uri", each) for each in refusals} == {InvalidToken.uri}


@pytest.mark.capability("N24")
async def test_sessions_are_counted_while_many_tokens_are_made(node: Node) -> None:
    token = token_of(node, "scope_crowd", uses=1_000)

    async def make(client: Client) -> None:
        while True:
            await client.mint(minutes=1)

    async with node.client("scope_maker", "backend") as maker:
        making = [asyncio.create_task(make(maker)) for _ in range(8)]
        joined = [await bearer(node, token) for _ in range(20)]
        for each in making:
            each.cancel()
        await asyncio.gather(*making, return_exceptions=True)

    assert len(joined) == 20
    with closing(TokenStore.open(node.folder.tokens)) as store:
        assert [each.uses for each in store.tokens("scope_crowd")] == [980]


@pytest.mark.capability("N24", "Z2")
async def test_a_token_ends_when_its_minutes_are_over(node: Node) -> None:
    answer = await minted(node, token_of(node, "scope_brief"), minutes=0.03)

    async def join_for_ever() -> None:
        while True:
            await bearer(node, answer["token"])

    await bearer(node, answer["token"])
    async with asyncio.timeout(LIMIT):
        with pytest.raises(Refused, match="expired"):
            await join_for_ever()

    assert datetime.now(UTC) >= moment(answer["expires_at"])


@pytest.mark.capability("N24", "Z2")
async def test_a_limited_sign_in_code_gives_a_token_as_limited_that_ends_with_it(
    node: Node,
) -> None:
    code = token_of(
        node, "scope_linked", code=True, lifetime=100.0, jobs=["0" * 32], read_only=True
    )
    async with await enter(node, code) as peer:
        answer = await peer.call(uris.TOKEN, code)
        with pytest.raises(Refused):
            await peer.call(uris.TOKEN, code)
    welcome = await bearer(node, answer["token"])

    assert welcome["authextra"]["scope"] == {"jobs": ["0" * 32], "read_only": True}
    assert moment(answer["expires_at"]) <= datetime.now(UTC) + timedelta(seconds=100)


@pytest.mark.capability("N24")
async def test_an_unlimited_sign_in_code_lives_on_as_a_token(node: Node) -> None:
    code = token_of(node, "scope_signed", code=True, lifetime=100.0)
    async with await enter(node, code) as peer:
        answer = await peer.call(uris.TOKEN, code)

    assert moment(answer["expires_at"]) > datetime.now(UTC) + timedelta(hours=1)


@pytest.mark.capability("N24", "I5")
async def test_a_backend_runs_a_task_for_a_user_who_sees_the_job(node: Node) -> None:
    async with (
        node.client("scope_shop", "backend") as shop,
        node.client("scope_visitor7") as visitor,
        node.client("scope_shop", "backend") as colleague,
    ):
        news = visitor.events()
        job = await shop.exec(TASK, on_behalf_of="scope_visitor7", teams=["editors"])
        told = await events_of(job)
        async with asyncio.timeout(LIMIT):
            seen = [await anext(news) for _ in told]

        assert job.owner == "scope_visitor7"
        assert {event.owner for event in told} == {"scope_visitor7"}
        assert [event.as_dict() for event in seen] == [event.as_dict() for event in told]
        assert (await colleague.job(job.job_id).snapshot())["submitted_by"] == "scope_shop"
        with pytest.raises(NotAuthorized):
            await shop.exec("probe.nap", on_behalf_of="scope_visitor7")
        with pytest.raises(NotAuthorized):
            await visitor.exec(TASK, on_behalf_of="scope_visitor8")


@pytest.mark.capability("N24")
async def test_no_log_has_a_token_that_was_made(node: Node) -> None:
    answer = await minted(node, token_of(node, "scope_logged"), tasks=[TASK])

    logged = "".join(path.read_text() for path in node.folder.logs.iterdir())

    assert answer["id"] in logged
    assert answer["token"] not in logged


@pytest.mark.capability("N24", "Z2")
async def test_uses_are_counted_over_a_restart_of_the_router(short_path: Path) -> None:
    folder = make_site(short_path)
    with Node(folder) as first:
        first.until("READY")
        answer = await minted(first, token_of(first, "scope_restart"), uses=2)
        await bearer(first, answer["token"])
        first.stop()
    with Node(folder) as second:
        second.until("READY")
        await bearer(second, answer["token"])
        with pytest.raises(Refused) as refused:
            await bearer(second, answer["token"])

    assert refused.value.uri == InvalidToken.uri
