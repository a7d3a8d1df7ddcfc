"""Every outcome has its exit code."""

from __future__ import annotations

from typing import Any

import pytest

from taskrealm.cli import exits
from taskrealm.protocol import errors
from taskrealm.protocol.jobs import EventType


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(errors.InvalidArguments(fields={"a": "is wrong"}), 3, id="refused arguments"),
        pytest.param(errors.TooLarge(limit=1), 3, id="an argument too large"),
        pytest.param(errors.NotAuthorized("no"), 4, id="not allowed"),
        pytest.param(errors.InvalidToken("no"), 4, id="a bad token"),
        pytest.param(errors.UnknownTask("no"), 5, id="no such task"),
        pytest.param(errors.UnknownJob("no"), 5, id="no such job"),
        pytest.param(errors.QueueFull(limit=1), 6, id="queue full"),
        pytest.param(errors.Unavailable("no"), 7, id="nobody there"),
        pytest.param(errors.Internal(reference="x"), 1, id="a fault of the server"),
        pytest.param(errors.Error("new"), 1, id="an error we do not know"),
    ],
)
def test_an_error_has_its_code(error: errors.Error, code: int) -> None:
    assert exits.of_error(error) == code


@pytest.mark.parametrize(
    ("ending", "data", "code"),
    [
        pytest.param("succeeded", {"result": 1}, 0, id="succeeded"),
        pytest.param("failed", {"exit_code": 42, "signal": None}, 42, id="the program's own"),
        pytest.param("failed", {"exit_code": None, "signal": "SIGKILL"}, 137, id="by a signal"),
        pytest.param("failed", {"exit_code": None, "signal": None}, 1, id="never started"),
        pytest.param("failed", {"exit_code": 0, "signal": None}, 1, id="its result was refused"),
        pytest.param("timed_out", {"timeout": 1.0}, 124, id="timed out"),
        pytest.param("cancelled", {"by": "ana"}, 130, id="cancelled"),
        pytest.param("lost", {"reason": "crash"}, 1, id="lost"),
        pytest.param("expired", {}, 1, id="expired"),
    ],
)
def test_a_job_that_ended_has_its_code(ending: str, data: dict[str, Any], code: int) -> None:
    assert exits.of_job(EventType(ending), data) == code
