"""The kinds of task that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .batch import BatchTask
from .command import CommandTask
from .function import FunctionTask
from .multi import MultiTask
from .program import ProgramTask
from .python import PythonTask

if TYPE_CHECKING:
    from collections.abc import Callable

    from .definition import Definition
    from .loaded import Task

KINDS: dict[type[Definition], Callable[..., Task]] = {
    CommandTask: ProgramTask,
    MultiTask: BatchTask,
    PythonTask: FunctionTask,
}
"""What makes a task ready, by the base of its declaration."""


def ready(declaration: type[Definition]) -> Task:
    """
    The task that *declaration* stands for.

    Raises:
        TaskError: It is wrong; every problem is named.
    """
    (kind,) = (each for each in declaration.__mro__ if each in KINDS)
    return KINDS[kind](declaration)
