"""What is wrong with a task itself, not with what a caller asked of it."""

from __future__ import annotations


class TaskError(Exception):
    """
    A task cannot be loaded, or its own code failed.

    `problems` holds one sentence for each thing that is wrong. A `parse_result` raises it
    with one sentence for the owner to end the job as failed.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
