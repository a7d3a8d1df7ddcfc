"""Steps of a task's own code: what it is told of the job."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from taskrealm.engine import Step
from taskrealm.tasks import Caller, Context, FunctionTask, task
from taskrealm.tasks.python import declaration_of

if TYPE_CHECKING:
    from pathlib import Path


@task(name="looks")
def looks(context: Context) -> bool:
    """Tell whether the job was asked to stop."""
    return context.is_cancelled


def step(directory: Path) -> Step:
    declaration = declaration_of(looks)
    assert declaration is not None
    head = {
        "step": "function",
        "task": "looks",
        "arguments": {},
        "files": [],
        "context": {
            "job_id": "job",
            "task": "looks",
            "attempt": 2,
            "caller": asdict(Caller("ana", "user", "shop", ("staff",))),
            "directory": str(directory),
            "deadline": 5.0,
        },
    }
    return Step({"looks": FunctionTask(declaration)}, head, b"", lambda text: None)


def test_a_step_knows_its_job(tmp_path: Path) -> None:
    context = step(tmp_path).context

    assert context.caller == Caller("ana", "user", "shop", ("staff",))
    assert (context.job_id, context.attempt, context.directory) == ("job", 2, tmp_path)
    assert not context.is_cancelled


@pytest.mark.parametrize("is_asked_for", [True, False])
def test_who_looks_at_the_context_learns_that_the_step_was_stopped(
    tmp_path: Path, is_asked_for: bool
) -> None:
    stopped = step(tmp_path)
    if is_asked_for:
        assert not stopped.context.is_cancelled
    stopped.stop()

    assert stopped.context.is_cancelled
    head, _ = stopped.run()
    assert head["error"] == "The function was stopped"
