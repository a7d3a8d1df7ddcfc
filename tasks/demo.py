"""Try out what a job can do, without doing anything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from pydantic import Field

from taskrealm.tasks import CommandTask, Output, Pattern, Value

PROGRAMS = Path(__file__).resolve().parent / "programs"


class Count(CommandTask):
    """
    Count slowly.

    Run it, watch it in two windows at once, close one and come back; or cancel it half way.
    """

    name = "demo.count"
    to: Annotated[int, Field(ge=1, le=100_000, description="The last number")] = 10
    interval: Annotated[float, Field(ge=0, le=60, description="Seconds before each number")] = 1.0
    command = (sys.executable, str(PROGRAMS / "count.py"), Value("to"), Value("interval"))
    progress = Pattern(r"^(?P<message>(?P<done>\d+) of (?P<total>\d+))$")

    def parse_result(self, output: Output) -> int:
        return self.to


class Fail(CommandTask):
    """
    Fail.

    Shows what its owner learns about a program that prints an error and gives up.
    """

    name = "demo.fail"
    code: Annotated[int, Field(ge=1, le=255, description="The program's exit code")] = 1
    message: Annotated[str, Field(description="What it says on standard error")] = "As you wish"
    command = (
        sys.executable,
        str(PROGRAMS / "fail.py"),
        Value("code"),
        Value("message", dash=True),
    )
    timeout = 10.0
