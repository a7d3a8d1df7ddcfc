"""What the jobs of a task take up while they run."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from ..engine import Claim
from ..tasks import TaskError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..settings import ExecutorSettings
    from ..tasks import Registry, Task


@functools.lru_cache(maxsize=1_000)
def claim_of(task: Task) -> Claim:
    """What the scheduler has to know of a job of *task*."""
    return Claim(
        task.name,
        slots=task.slots,
        group=task.group,
        most_running=task.most_running,
        most_running_per_user=task.most_running_per_user,
    )


def require_slots(registry: Registry, settings: ExecutorSettings) -> None:
    """
    Make sure that the node has what the jobs of each task take up.

    Raises:
        TaskError: It has not; each problem names the task and the setting.
    """
    problems = [
        f"{task.place}: {task.name}: {problem}"
        for task in registry.values()
        for problem in _problems(task, settings)
    ]
    if problems:
        raise TaskError(*problems)


def _problems(task: Task, settings: ExecutorSettings) -> Iterator[str]:
    if task.slots > settings.slots:
        yield (
            f"slots: it takes {task.slots} slots and the node has {settings.slots}; "
            "raise slots in [executor] of taskrealm.toml"
        )
    if settings.slots_per_user is not None and task.slots > settings.slots_per_user:
        yield (
            f"slots: it takes {task.slots} slots and a user may have {settings.slots_per_user}; "
            "raise slots_per_user in [executor] of taskrealm.toml"
        )
    if task.group is None:
        return
    size = settings.groups.get(task.group)
    if size is None:
        yield (
            f"group: the node knows no group {task.group!r}; add a line such as "
            f"{task.group} = {max(1, task.slots)} to [executor.groups] of taskrealm.toml"
        )
    elif task.slots > size:
        yield (
            f"group: it takes {task.slots} slots and the group {task.group} has {size}; "
            f"raise {task.group} in [executor.groups] of taskrealm.toml"
        )
