"""What sessions may do that are limited, and what nobody can be kept from, decided in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.access.authorize import Authorize
from taskrealm.access.rules import Delegation, Right, Rule, Rules
from taskrealm.executor.callers import SessionCaller, owner_of
from taskrealm.executor.rights import Rights
from taskrealm.protocol.errors import NotAuthorized, UnknownJob, UnknownTask
from taskrealm.protocol.jobs import Job, now
from taskrealm.protocol.scope import WHOLE, Scope
from taskrealm.tasks import Caller, CommandTask, ready

if TYPE_CHECKING:
    from taskrealm.access.authorize import AccessRequest


class Cut(CommandTask):
    name = "video.cut"
    command = ("true",)


class Mix(CommandTask):
    name = "audio.mix"
    command = ("true",)


CUT, MIX = ready(Cut), ready(Mix)
ALL = Rules((Rule(frozenset(Right)),), (Delegation(backends=("shop",)),))


def session(authid: str = "ana", role: str = "user", scope: Scope = WHOLE) -> SessionCaller:
    return SessionCaller(authid, role, authid, scope=scope, session=1)


def job(job_id: str = "a", task: str = "video.cut", owner: str = "ana", by: str = "ana") -> Job:
    return Job(job_id, task, owner, by, "user", {}, now(), teams=("editors",))


@pytest.mark.capability("Z4")
@pytest.mark.parametrize("right", [Right.SEE, Right.RUN])
async def test_a_session_for_some_tasks_knows_no_others(right: Right) -> None:
    rights = Rights(ALL)
    caller = session(scope=Scope(tasks=("video.cut",)))

    assert await rights.require_task(caller, "video.cut", CUT, right) is CUT
    with pytest.raises(UnknownTask):
        await rights.require_task(caller, "audio.mix", MIX, right)
    with pytest.raises(UnknownTask):
        await rights.require_run(caller, MIX, {})
    assert [task for task, _ in await rights.catalogue(caller, [CUT, MIX])] == [CUT]


@pytest.mark.capability("Z4")
@pytest.mark.parametrize("role", ["user", "backend", "operator"])
async def test_a_session_for_one_job_sees_that_alone_and_runs_nothing(role: str) -> None:
    rights = Rights(ALL)
    caller = session("shop", role, Scope(jobs=("a",)))
    mine, other = job("a", owner="shop"), job("b", owner="shop")

    assert await rights.seen(caller, [mine, other]) == [mine]
    assert await rights.require_job(caller, "a", mine, Right.CANCEL) is mine
    for right in Right:
        with pytest.raises(UnknownJob):
            await rights.require_job(caller, "b", other, right)
    with pytest.raises(UnknownTask):
        await rights.require_task(caller, "video.cut", CUT, Right.RUN)
    with pytest.raises(NotAuthorized):
        rights.require_stream(caller, "shop")
    with pytest.raises(NotAuthorized):
        rights.require_upload(caller, [CUT])


@pytest.mark.capability("Z4")
@pytest.mark.parametrize("role", ["user", "operator"])
async def test_a_session_that_may_only_look_changes_nothing(role: str) -> None:
    rights = Rights(ALL)
    caller = session("ana", role, Scope(read_only=True))

    for right in (Right.SEE, Right.OUTPUT):
        assert await rights.require_job(caller, "a", job(), right)
    assert await rights.require_task(caller, "video.cut", CUT, Right.SEE)
    rights.require_stream(caller, "ana")
    with pytest.raises(NotAuthorized, match="only look"):
        await rights.require_job(caller, "a", job(), Right.CANCEL)
    with pytest.raises(NotAuthorized, match="only look"):
        await rights.require_task(caller, "video.cut", CUT, Right.RUN)
    with pytest.raises(NotAuthorized, match="only look"):
        rights.require_upload(caller, [CUT])


@pytest.mark.capability("B2", "B5")
async def test_who_acts_on_behalf_of_a_user_stays_as_limited_as_it_is() -> None:
    rights = Rights(ALL)
    caller = session("shop", "backend", Scope(tasks=("video.cut",)))

    acting = rights.acting(caller, "ana", (), ["video.cut"])

    assert (acting.authid, acting.role, acting.submitted_by) == ("ana", "user", "shop")
    assert await rights.require_task(acting, "video.cut", CUT, Right.RUN)
    with pytest.raises(UnknownTask):
        await rights.require_task(acting, "audio.mix", MIX, Right.RUN)
    for other in (session("ben"), session("stall", "backend"), session("shop")):
        with pytest.raises(NotAuthorized):
            rights.acting(other, "ana", (), ["video.cut"])


@pytest.mark.capability("I5")
async def test_nothing_keeps_operators_from_seeing_and_steering() -> None:
    def refuses(request: AccessRequest) -> bool:
        return False

    rights = Rights(Rules(), Authorize(refuses, limit=1))
    operator = session("olga", "operator")

    for right in Right:
        if right is not Right.RUN:
            assert await rights.require_job(operator, "a", job(), right)
    rights.require_stream(operator, "ana")
    [(_, listed)] = await rights.catalogue(operator, [CUT])
    assert listed == [Right.SEE, Right.OUTPUT, Right.CANCEL]
    with pytest.raises(NotAuthorized):
        await rights.require_task(operator, "video.cut", CUT, Right.RUN)


@pytest.mark.capability("Z4")
async def test_an_owner_always_sees_the_own_jobs() -> None:
    rights = Rights(Rules())

    assert await rights.require_job(session(), "a", job(), Right.SEE)
    for right in (Right.OUTPUT, Right.CANCEL):
        with pytest.raises(NotAuthorized):
            await rights.require_job(session(), "a", job(), right)
    with pytest.raises(UnknownJob):
        await rights.require_job(session("ben"), "a", job(), Right.SEE)


@pytest.mark.capability("Z7")
async def test_a_job_is_judged_by_what_its_owner_was_when_it_was_submitted() -> None:
    rights = Rights(Rules((Rule(frozenset(Right), teams=("editors",)),)))

    assert owner_of(job()) == Caller("ana", "user", "ana", ("editors",))
    assert await rights.refusal(owner_of(job()), CUT, {}) is None
    assert await rights.shows_output(owner_of(job()), job())
    rights.replace(Rules(), None)
    assert await rights.refusal(owner_of(job()), CUT, {}) is not None
    assert not await rights.shows_output(owner_of(job()), job())


@pytest.mark.capability("Z6")
async def test_a_task_that_is_gone_is_unknown_to_everybody() -> None:
    rights = Rights(ALL)
    gone: Any = None

    for role in ("user", "backend", "operator"):
        with pytest.raises(UnknownTask):
            await rights.require_task(session(role=role), "video.cut", gone, Right.SEE)
        with pytest.raises(UnknownJob):
            await rights.require_job(session(role=role), "a", gone, Right.SEE)
