"""How each kind of task is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..tasks import BatchTask, ProgramTask
from .batch import BatchAttempt
from .command import CommandAttempt

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..protocol.jobs import Job
    from ..tasks import Arguments, Task
    from .attempt import Attempt, Reporter, Surroundings

ATTEMPTS: dict[type[Task], Callable[..., Attempt]] = {
    ProgramTask: CommandAttempt,
    BatchTask: BatchAttempt,
}
"""What runs the jobs of a task, by its kind."""


def attempt_at(
    job: Job, task: Task, arguments: Arguments, surroundings: Surroundings, reporter: Reporter
) -> Attempt:
    """A run of *job*, which has not begun."""
    return ATTEMPTS[type(task)](job, task, arguments, surroundings, reporter)
