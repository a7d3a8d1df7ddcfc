"""Answers are JSON that every client can read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from taskrealm.gateway.app import response
from taskrealm.gateway.problems import problem_of
from taskrealm.gateway.routes import Reply
from taskrealm.protocol.errors import Error, InvalidArguments, RateLimited
from taskrealm.wire import Disconnected, Refused


@pytest.mark.parametrize("value", [None, 0, "äöü 😀", "half \ud800", {"a": [1.5, True]}])
def test_a_value_arrives_as_it_was(value: Any) -> None:
    body = response(Reply(value)).body

    assert isinstance(body, bytes)
    assert json.loads(body) == value


def test_without_content_there_is_no_body() -> None:
    assert response(Reply(None, status=204)).body is None


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidArguments(fields={"a": "must be"}), 422, "invalid_arguments"),
        (RateLimited(retry_after=1.2), 429, "rate_limited"),
        (Error("something new"), 502, "internal"),
        (Refused("taskrealm.error.not_authorized", "no"), 403, "not_authorized"),
        (Refused("wamp.error.no_auth_method", "no such way"), 401, "invalid_token"),
        (Disconnected("state/router.sock is gone"), 503, "unavailable"),
        (ValueError("secret"), 500, "internal"),
    ],
)
def test_what_went_wrong_has_a_status_and_a_code(error: Exception, status: int, code: str) -> None:
    problem = problem_of(error)
    body = problem.response().body

    assert isinstance(body, bytes)
    assert (problem.status, json.loads(body)["code"]) == (status, code)
    assert b"secret" not in body
    assert b"router.sock" not in body


def test_whoever_asks_too_often_is_told_when_to_come_back() -> None:
    assert problem_of(RateLimited(retry_after=1.2)).headers["Retry-After"] == "2"
