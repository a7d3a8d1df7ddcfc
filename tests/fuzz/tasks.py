"""Tasks that do nothing, whatever they are called with."""

from __future__ import annotations

from typing import Any

from taskrealm.tasks import CommandTask, Value, task


class Echo(CommandTask):
    """Print a text."""

    name = "fuzz.echo"
    text: str = "nothing"
    command = ("printf", "%s", Value("text"))


@task(name="fuzz.give")
def give(value: Any = None, times: int = 1) -> Any:
    """Give back what was given."""
    return [value] * min(max(times, 0), 3)
