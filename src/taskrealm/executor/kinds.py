"""How each kind of task is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..tasks import BatchTask, FunctionTask, ProgramTask
from .batch import BatchAttempt
from .commands import CommandAttempt
from .functions import FunctionAttempt

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..protocol.jobs import Job
    from ..tasks import Arguments, Task
    from .attempt import Attempt, Reporter, Surroundings

ATTEMPTS: dict[type[Task], Callable[..., Attempt]] = {
    ProgramTask: CommandAttempt,
    FunctionTask: FunctionAttempt,
    BatchTask: BatchAttempt,
}
"""What runs the jobs of a task, by its kind."""


def attempt_at(
    job: Job, task: Task, arguments: Arguments, surroundings: Surroundings, reporter: Reporter
) -> Attempt:
    """A run of *job*, which has not begun."""
    return ATTEMPTS[type(task)](job, task, arguments, surroundings, reporter)
