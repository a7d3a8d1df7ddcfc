"""What a request says is believed as far as it deserves."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from pydantic import Field

from taskrealm.gateway.bodies import Body
from taskrealm.gateway.problems import Problem
from taskrealm.gateway.requests import UNKNOWN, address_of, bearer_of, parsed, validated
from taskrealm.protocol.errors import InvalidArguments


class Order(Body):
    """Something to validate."""

    name: str
    count: int = Field(1, ge=1)
    inner: Order | None = None


def request(**headers: str) -> Any:
    return make_mocked_request(
        "GET", "/", headers={name.replace("_", "-"): text for name, text in headers.items()}
    )


@pytest.mark.parametrize("text", ["Bearer tr_abc", "bearer tr_abc", "BEARER  tr_abc "])
def test_the_token_is_taken_from_the_header(text: str) -> None:
    assert bearer_of(request(Authorization=text)) == "tr_abc"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic dHJfYWJj",
        "tr_abc",
        "Bearer tr abc",
        "Bearer tr_\u00e4",
        "Bearer " + "x" * 8_193,
    ],
)
def test_what_is_no_bearer_token_is_refused(text: str) -> None:
    with pytest.raises(Problem) as problem:
        bearer_of(request(Authorization=text))

    assert problem.value.status == 401
    assert problem.value.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_router_says_where_a_request_comes_from() -> None:
    assert address_of(request(X_Forwarded_For="192.0.2.7")) == "192.0.2.7"
    assert address_of(request()) == UNKNOWN


def test_a_body_of_json_is_taken_as_it_is() -> None:
    body = b'{"a": [1, -2.5, "\\u00e4\\ud83d\\ude00", null, true], "b": {}}'

    assert parsed(body) == {"a": [1, -2.5, "ä😀", None, True], "b": {}}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="half of it"),
        pytest.param(b"{'a': 1}", id="Python"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param(b"NaN", id="no number"),
        pytest.param(b"[Infinity]", id="no finite number"),
        pytest.param(b"[1e999]", id="a number too large"),
        pytest.param(b"1" * 5_000, id="a number too long"),
        pytest.param(b'{"a": 1, "a": 2}', id="a name twice"),
        pytest.param(b'"\\ud800"', id="half a character"),
        pytest.param(b"[" * 100_000, id="too deep"),
        pytest.param(b"{}x", id="something behind"),
    ],
)
def test_what_others_would_read_otherwise_is_refused(body: bytes) -> None:
    with pytest.raises(Problem) as problem:
        parsed(body)

    assert problem.value.status == 400


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param({}, {"name": "is required"}, id="a name is missing"),
        pytest.param(
            {"name": "x", "nam": 1},
            {"nam": "is not known here; known are name, count, inner"},
            id="an unknown name",
        ),
        pytest.param({"name": 1}, {"name": "must be a valid string"}, id="of the wrong kind"),
        pytest.param({"name": "x", "count": True}, {"count": "must be a valid integer"}, id="bool"),
        pytest.param({"name": "x", "count": "1"}, {"count": "must be a valid integer"}, id="text"),
        pytest.param(
            {"name": "x", "count": 0}, {"count": "must be greater than or equal to 1"}, id="small"
        ),
        pytest.param(
            {"name": "x", "inner": {"name": "y", "z": 1}},
            {"inner.z": "is not known here"},
            id="deeper inside",
        ),
        pytest.param([], {"body": "must be an object"}, id="no object"),
    ],
)
def test_each_mistake_is_told_by_its_field(body: Any, fields: dict[str, str]) -> None:
    with pytest.raises(InvalidArguments) as refused:
        validated(Order, body)

    assert refused.value.fields == fields
