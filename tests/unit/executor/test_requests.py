"""Requests that are repeated under a key: which are the same, and who goes first."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from taskrealm.executor.keys import Keys
from taskrealm.executor.requests import Request, by_key
from taskrealm.protocol.errors import InvalidArguments

LIMIT = 30.0  # seconds

SAME: list[Any] = [
    pytest.param(Request("a", (1,)), Request("a", [1]), id="a list and a tuple"),
    pytest.param(
        Request("a", (), {"x": 1, "y": {"p": 1, "q": 2}}),
        Request("a", (), {"y": {"q": 2, "p": 1}, "x": 1}),
        id="another order of names",
    ),
    pytest.param(
        Request("a", priority=1, tags=("b",)), Request("a", timeout=3.0), id="other options"
    ),
]
DIFFERENT: list[Any] = [
    pytest.param(Request("a"), Request("b"), id="another task"),
    pytest.param(Request("a", (1,)), Request("a", (2,)), id="another argument"),
    pytest.param(Request("a", (1, 2)), Request("a", (2, 1)), id="another order of arguments"),
    pytest.param(Request("a", ("1",)), Request("a", (1,)), id="text for a number"),
    pytest.param(Request("a", (True,)), Request("a", (1,)), id="a flag for a number"),
    pytest.param(Request("a", (), {"x": None}), Request("a"), id="nothing for a default"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_requests_for_the_same_thing_have_one_fingerprint(one: Request, other: Request) -> None:
    assert one.fingerprint() == other.fingerprint()


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_requests_for_different_things_have_different_fingerprints(
    one: Request, other: Request
) -> None:
    assert one.fingerprint() != other.fingerprint()


def test_within_one_call_a_key_stands_for_one_thing() -> None:
    requests = [Request("a", key="k"), Request("b"), Request("a", key="k"), Request("b")]

    assert by_key(requests) == {"k": requests[0], 1: requests[1], 3: requests[3]}
    with pytest.raises(InvalidArguments) as refusal:
        by_key([*requests, Request("c", key="k")])
    assert list(refusal.value.fields) == ["requests.4.key"]


async def test_who_wants_a_claimed_key_waits_until_it_is_released() -> None:
    keys = Keys()
    release = await keys.claim("ann", ["a", "b"])
    (await keys.claim("bob", ["a", "b"]))()
    waiting = [asyncio.create_task(keys.claim("ann", wanted)) for wanted in (["b", "c"], ["c"])]
    await asyncio.sleep(0)
    done = [task.done() for task in waiting]
    release()
    async with asyncio.timeout(LIMIT):
        for task in reversed(waiting):
            (await task)()

    assert done == [False, True]


async def test_many_who_want_overlapping_keys_all_get_them_in_turn() -> None:
    keys = Keys()
    holders = 0

    async def use(wanted: list[str]) -> None:
        nonlocal holders
        release = await keys.claim("ann", wanted)
        holders += 1
        assert holders == 1
        await asyncio.sleep(0)
        holders -= 1
        release()

    async with asyncio.timeout(LIMIT):
        await asyncio.gather(*(use(["x", str(number)]) for number in range(50)))
