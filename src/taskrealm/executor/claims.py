"""What the jobs of a task take up while they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine import Claim

if TYPE_CHECKING:
    from ..tasks import Task


def claim_of(task: Task) -> Claim:
    """What the scheduler has to know of a job of *task*."""
    return Claim(
        task.name,
        slots=task.slots,
        group=task.group,
        most_running=task.most_running,
        most_running_per_user=task.most_running_per_user,
    )
