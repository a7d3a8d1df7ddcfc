"""After which failures a task lets its jobs run again."""

from __future__ import annotations

from typing import Any

import pytest

from taskrealm.tasks import Retry


@pytest.mark.parametrize(
    ("on", "failure", "data", "name"),
    [
        pytest.param(("lost",), "lost", {}, "lost", id="lost"),
        pytest.param(("shortage",), "lost", {}, None, id="lost, but not named"),
        pytest.param(("timed_out",), "timed_out", {}, "timed_out", id="out of time"),
        pytest.param(("lost",), "timed_out", {}, None, id="out of time, but not named"),
        pytest.param((75,), "failed", {"exit_code": 75}, 75, id="an exit code"),
        pytest.param((75,), "failed", {"exit_code": 1}, None, id="another exit code"),
        pytest.param((1,), "failed", {"exit_code": True}, 1, id="what JSON may call one"),
        pytest.param(("SIGSEGV",), "failed", {"signal": "SIGSEGV"}, "SIGSEGV", id="a signal"),
        pytest.param(
            ("ValueError",), "failed", {"exception": "ValueError"}, "ValueError", id="an exception"
        ),
        pytest.param(
            ("OSError",), "failed", {"exception": "ConnectionResetError"}, "OSError", id="a family"
        ),
        pytest.param(
            ("ConnectionResetError",), "failed", {"exception": "OSError"}, None, id="not its base"
        ),
        pytest.param(
            ("Timeout",), "failed", {"exception": "requests.Timeout"}, "Timeout", id="its last word"
        ),
        pytest.param(
            ("requests.Timeout",), "failed", {"exception": "Timeout"}, None, id="less than named"
        ),
        pytest.param(("lost",), "failed", {"exception": "lost"}, None, id="no exception"),
        pytest.param(("ValueError",), "cancelled", {}, None, id="cancelled"),
        pytest.param((75,), "failed", {"exit_code": None, "signal": None}, None, id="nothing"),
    ],
)
def test_only_failures_that_are_named_lead_to_another_attempt(
    on: tuple[str | int, ...], failure: str, data: dict[str, Any], name: str | int | None
) -> None:
    retry = Retry(3, on=on)

    assert list(retry.problems()) == []
    assert retry.name_of(failure, data) == name


def test_a_number_stands_for_losses_and_shortages() -> None:
    assert Retry.of(2) == Retry(2, on=("lost", "shortage"), pause=1.0, longest=300.0)
    assert Retry.of(Retry(2)) == Retry(2)
