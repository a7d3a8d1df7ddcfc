"""What a site's own function may answer, and what is none of that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from taskrealm.access.answers import identity_of

LONGEST = 3_600.0


@pytest.mark.capability("Z1")
@pytest.mark.parametrize(
    ("answer", "authid", "role", "teams"),
    [
        ("ana", "ana", "user", ()),
        (("shop", "backend"), "shop", "backend", ()),
        (["shop", "backend"], "shop", "backend", ()),
        ({"authid": "ana"}, "ana", "user", ()),
        ({"authid": "ana", "role": "operator", "teams": ["a"]}, "ana", "operator", ("a",)),
        ({"authid": "ana", "teams": ("a", "b"), "expires_in": 60}, "ana", "user", ("a", "b")),
    ],
    ids=repr,
)
def test_fair_answers(answer: Any, authid: str, role: str, teams: tuple[str, ...]) -> None:
    identity = identity_of(answer, longest=LONGEST)

    assert identity is not None
    assert (identity.authid, identity.role, identity.teams) == (authid, role, teams)


def test_none_is_no() -> None:
    assert identity_of(None, longest=LONGEST) is None


@pytest.mark.parametrize(("expires_in", "seconds"), [(60, 60), (1e9, LONGEST), (None, LONGEST)])
def test_a_session_ends_when_it_is_said_and_in_time(
    expires_in: float | None, seconds: float
) -> None:
    answer = {"authid": "ana", **({} if expires_in is None else {"expires_in": expires_in})}
    identity = identity_of(answer, longest=LONGEST)

    assert identity is not None
    assert identity.expires_at is not None
    remaining = (identity.expires_at - datetime.now(UTC)).total_seconds()
    assert seconds - 10 < remaining <= seconds


@pytest.mark.capability("Z6")
@pytest.mark.parametrize(
    "answer",
    [
        *(True, False, 0, 42, b"ana", "", "a\nb", "a" * 201, object()),
        *((), ("ana",), ("ana", "user", "x"), ("ana", "executor"), ("ana", None), (None, "user")),
        *({}, {"role": "user"}, {"authid": None}, {"authid": "ana", "admin": True}),
        *({"authid": "ana", "role": "gateway"}, {"authid": "ana", "role": ["user"]}),
        *({"authid": "ana", "teams": "editors"}, {"authid": "ana", "teams": [1]}),
        *({"authid": "ana", "expires_in": value} for value in (0, -1, "60", True, float("inf"))),
        {"authid": "ana", "expires_in": float("nan")},
        {"authid": "ana", "expires_in": None},
        iter(["ana", "user"]),
    ],
    ids=lambda each: repr(each).partition(" at 0x")[0][:40],
)
def test_whatever_else_is_no_answer(answer: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each says something else
        identity_of(answer, longest=LONGEST)
