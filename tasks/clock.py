"""Tell the time."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from taskrealm.tasks import CommandTask, Flag, Glued


class Date(CommandTask):
    """
    Tell the date and time.

    It is the time of the machine that runs the task, in its own time zone or in UTC.
    """

    name = "date"
    format: Annotated[
        str, Field(max_length=200, description="As for strftime: %Y is the year, %H the hour")
    ] = "%Y-%m-%d %H:%M:%S %Z"
    utc: Annotated[bool, Field(title="UTC", description="In UTC, wherever the machine is")] = False
    command = ("date", Flag("--utc", "utc"), Glued("+", "format"))
    timeout = 10.0
