"""Tasks that run again, expire, refuse to be repeated, and run by the clock."""

from __future__ import annotations

import os

from taskrealm.tasks import CommandTask, Output, Retry, Schedule, Value, task


class Retried(CommandTask):
    """Run a script of the shell, again after the failures that are named."""

    name = "timing.retried"
    script: str
    command = ("bash", "-c", Value("script"))
    grace = 30.0
    retries = Retry(2, on=(75, "SIGKILL", "timed_out"), pause=0.05)


class Patient(CommandTask):
    """Fail, and run again after a long time."""

    name = "timing.patient"
    command = ("false",)
    retries = Retry(2, on=(1,), pause=3_600, longest=3_600)


class Fresh(CommandTask):
    """Sleep, unless it has to wait for that."""

    name = "timing.fresh"
    command = ("sleep", "0")
    expires = 30.0


class Single(CommandTask):
    """Sleep, and refuse to be asked for twice by the same key."""

    name = "timing.single"
    seconds: float = 0.0
    command = ("sleep", Value("seconds"))
    duplicates = "refuse"


class Big(CommandTask):
    """Have a big result."""

    name = "timing.big"
    size: int
    command = ("true", Value("size"))

    def parse_result(self, output: Output) -> str:
        return "x" * self.size


@task(name="timing.connects", retries=Retry(2, on=("ConnectionError",), pause=0.05))
def connects(failure: str = "ConnectionResetError") -> str:
    """Fail at first, by what is asked for."""
    if os.environ["TASKREALM_ATTEMPT"] == "1":
        raise {"ConnectionResetError": ConnectionResetError, "ValueError": ValueError}[failure]
    return "connected"


class Yearly(CommandTask):
    """Greet the new year."""

    name = "timing.yearly"
    command = ("echo", "Happy new year")
    schedules = (Schedule("0 0 1 1 *", zone="Europe/Berlin", owner="new_year"),)
