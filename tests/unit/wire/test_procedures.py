"""A procedure says which of its arguments are wrong, before its handler runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.protocol.errors import InvalidArguments
from taskrealm.wire.procedures import Call, Procedure

if TYPE_CHECKING:
    from collections.abc import Callable


def a_call() -> Call:
    answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    return Call(
        caller=1,
        authid="ana",
        authrole="user",
        forwarded=False,
        answered=answered,
        room=asyncio.Event().wait,
    )


async def invoke(handler: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return Procedure("taskrealm.test", handler).invoke(a_call(), args, kwargs)


def plain(_call: Call, job_id: str, reason: str | None = None, *, now: bool = False) -> list[Any]:
    return [job_id, reason, now]


def by_position(_call: Call, job_id: str, /) -> list[Any]:
    return [job_id]


def open_ended(_call: Call, task: str, *args: Any, **options: Any) -> list[Any]:
    return [task, args, options]


@pytest.mark.parametrize(
    ("handler", "args", "kwargs", "result"),
    [
        (plain, ["a"], {}, ["a", None, False]),
        (plain, ["a", "why"], {"now": True}, ["a", "why", True]),
        (plain, [], {"job_id": "a"}, ["a", None, False]),
        (by_position, ["a"], {}, ["a"]),
        (open_ended, ["a", 1, 2], {"x": 3}, ["a", (1, 2), {"x": 3}]),
    ],
)
async def test_arguments_reach_the_handler(
    handler: Callable[..., Any], args: list[Any], kwargs: dict[str, Any], result: list[Any]
) -> None:
    assert await invoke(handler, *args, **kwargs) == result


REQUIRED = "is required"
UNKNOWN = "is not an argument of this procedure"
TWICE = "is given twice, by position and by name"


@pytest.mark.parametrize(
    ("handler", "args", "kwargs", "fields"),
    [
        pytest.param(plain, [], {}, {"job_id": REQUIRED}, id="missing"),
        pytest.param(plain, ["a"], {"who": 1}, {"who": UNKNOWN}, id="unknown"),
        pytest.param(plain, ["a"], {"job_id": "b"}, {"job_id": TWICE}, id="twice"),
        pytest.param(
            plain,
            ["a", "b", True],
            {},
            {"args": "at most 2 positional arguments are taken"},
            id="too many",
        ),
        pytest.param(
            by_position,
            [],
            {"job_id": "a"},
            {"job_id": REQUIRED},
            id="by name what goes by position",
        ),
        pytest.param(plain, ["a"], {"_call": 1}, {"_call": UNKNOWN}, id="the call itself"),
        pytest.param(plain, [], {"x": 1}, {"x": UNKNOWN, "job_id": REQUIRED}, id="several at once"),
    ],
)
async def test_wrong_arguments_are_refused_by_name(
    handler: Callable[..., Any], args: list[Any], kwargs: dict[str, Any], fields: dict[str, str]
) -> None:
    with pytest.raises(InvalidArguments) as caught:
        await invoke(handler, *args, **kwargs)
    assert caught.value.fields == fields


async def test_an_argument_named_like_the_call_is_refused_even_where_any_name_goes() -> None:
    with pytest.raises(InvalidArguments, match="_call"):
        await invoke(open_ended, "a", _call=1)


async def test_a_name_that_is_no_text_is_refused_even_where_any_name_goes() -> None:
    nameless: dict[Any, Any] = {1: "x"}
    with pytest.raises(InvalidArguments) as caught:
        Procedure("taskrealm.test", open_ended).invoke(a_call(), ["a"], nameless)
    assert caught.value.fields == {"1": UNKNOWN}


async def test_an_error_inside_the_handler_is_no_wrong_argument() -> None:
    def fail(_call: Call) -> None:
        raise TypeError("inside")

    with pytest.raises(TypeError, match="inside"):
        await invoke(fail)
