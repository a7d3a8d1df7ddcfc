"""The tasks of a node, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .loaded import Task


class Registry(Mapping[str, "Task"]):
    """Maps the name of each task to the task, in order of names."""

    def __init__(self, tasks: Iterable[Task] = ()) -> None:
        """
        Raises:
            TaskError: Two tasks have the same name.
        """
        self._tasks: dict[str, Task] = {}
        problems = []
        for task in sorted(tasks, key=lambda task: task.name):
            first = self._tasks.setdefault(task.name, task)
            if first is not task:
                problems.append(
                    f"{task.place}: the name {task.name!r} is taken by {first.place}; rename one"
                )
        if problems:
            raise TaskError(*problems)

    def __getitem__(self, name: str) -> Task:
        return self._tasks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)
