"""The site's own `authorize`: only True agrees, however else it may answer or fail."""

from __future__ import annotations

import asyncio
import functools
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from taskrealm.access.authorize import AccessRequest, Authorize, load_authorize
from taskrealm.access.rules import Right
from taskrealm.protocol.errors import NotAuthorized
from taskrealm.settings import AccessSettings, SettingsError
from taskrealm.tasks import Caller, TaskError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

LIMIT = 0.2  # seconds

RUN = AccessRequest(
    Caller("ana", "user", "shop", ("editors",)),
    Right.RUN,
    "video.cut",
    {"preset": "720p", "parts": [1]},
    owner="ana",
)


async def agrees(function: Callable[..., Any], request: AccessRequest = RUN) -> bool:
    [answer] = await Authorize(function, limit=LIMIT).answers([request])
    return answer


class Whole:
    """A hook as an object."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    async def __call__(self, request: AccessRequest) -> Any:
        return self._answer


@pytest.mark.capability("Z5", "Z6")
async def test_functions_coroutines_and_objects_are_asked_and_see_everything() -> None:
    def plain(request: AccessRequest) -> bool:
        return (
            request.caller.authid == request.owner == "ana"
            and request.caller.teams == ("editors",)
            and request.caller.submitted_by == "shop"
            and request.right == "run"
            and request.task == "video.cut"
            and request.arguments == {"preset": "720p", "parts": [1]}
            and request.job_id is None
        )

    async def coroutine(request: AccessRequest) -> bool:
        await asyncio.sleep(0)
        return plain(request)

    for function in (plain, coroutine, functools.partial(coroutine), Whole(True)):
        assert await agrees(function)
    assert not await agrees(lambda request: request.task == "audio.mix")


@pytest.mark.capability("Z6")
@pytest.mark.parametrize(
    "answer",
    [False, None, 1, "True", "", [True], object(), float("nan"), Exception()],
    ids=lambda each: repr(each).partition(" at 0x")[0],
)
async def test_anything_but_true_refuses(answer: Any) -> None:
    assert not await agrees(lambda _: answer)
    assert not await agrees(Whole(answer))


def _raises(error: BaseException) -> Callable[[AccessRequest], NoReturn]:
    def hook(request: AccessRequest) -> NoReturn:
        raise error

    return hook


@pytest.mark.capability("Z6")
@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("no"),
        NotAuthorized("the site's own words"),
        TaskError("no"),
        TimeoutError(),
        SystemExit(0),
        KeyboardInterrupt(),
        GeneratorExit(),
        asyncio.CancelledError(),
        StopIteration(True),
        BaseExceptionGroup("all", [KeyboardInterrupt()]),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_it_raises_refuses(error: BaseException) -> None:
    fails = _raises(error)

    async def fails_later(request: AccessRequest) -> bool:
        await asyncio.sleep(0)
        raise error

    assert not await agrees(fails)
    assert not await agrees(fails_later)


@pytest.mark.capability("Z6")
async def test_what_hangs_refuses_in_time_and_many_take_no_longer_than_one() -> None:
    release = threading.Event()

    async def hangs(request: AccessRequest) -> bool:
        await asyncio.Event().wait()
        return True

    began = time.monotonic()
    answers = await Authorize(hangs, limit=LIMIT).answers([RUN] * 100)
    stuck = await agrees(lambda _: release.wait())
    took = time.monotonic() - began
    release.set()

    assert answers == [False] * 100
    assert not stuck
    assert took < 50 * LIMIT  # one after the other they would take a hundred


@pytest.mark.capability("Z6")
async def test_what_is_of_the_wrong_kind_refuses() -> None:
    def generator(request: AccessRequest) -> Iterator[bool]:
        yield True

    async def generates(request: AccessRequest) -> AsyncIterator[bool]:
        yield True

    def takes_nothing() -> bool:
        return True

    def takes_more(request: AccessRequest, other: object) -> bool:
        return True

    for function in (generator, generates, takes_nothing, takes_more, Whole):
        assert not await agrees(function)


async def test_a_refusal_of_one_leaves_the_others_as_they_are() -> None:
    def hook(request: AccessRequest) -> bool:
        if request.task == "b":
            raise RuntimeError
        return request.task != "c"

    requests = [
        AccessRequest(RUN.caller, Right.SEE, task, None, owner="ana")
        for task in ("a", "b", "c", "d")
    ]

    assert await Authorize(hook, limit=LIMIT).answers(requests) == [True, False, False, True]


async def test_it_cannot_change_the_arguments_of_a_job() -> None:
    def spoils(request: AccessRequest) -> bool:
        arguments: Any = request.arguments
        arguments["parts"].append(2)
        return True

    assert await agrees(spoils)
    assert RUN.arguments == {"preset": "720p", "parts": [1]}


async def test_who_gives_up_waiting_stops_the_question() -> None:
    asked, ended = asyncio.Event(), asyncio.Event()

    async def hook(request: AccessRequest) -> bool:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return True

    asking = asyncio.create_task(Authorize(hook, limit=60).answers([RUN]))
    await asked.wait()
    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking
    assert ended.is_set()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.py:authorize", "FileNotFoundError"),
        ("rights.py:missing", "AttributeError"),
        ("rights.py:NUMBER", "is no function"),
        ("broken.py:authorize", "SyntaxError"),
        ("exits.py:authorize", "SystemExit"),
        ("no.such.module:authorize", "ModuleNotFoundError"),
    ],
)
def test_one_that_is_not_there_is_named_at_the_start(
    tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "rights.py").write_text("NUMBER = 5\n")
    (tmp_path / "broken.py").write_text("def authorize(\n")
    (tmp_path / "exits.py").write_text("import sys\nsys.exit('no')\n")

    with pytest.raises(SettingsError, match=rf"access\.authorize: '{name}'.*{reason}"):
        load_authorize(AccessSettings(authorize=name), tmp_path)


def test_without_the_setting_there_is_none(tmp_path: Path) -> None:
    assert load_authorize(AccessSettings(), tmp_path) is None
    assert "_taskrealm_authorize" not in sys.modules
