"""Tasks that report while they run, have a say when they are cancelled, and take their time afterwards."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Annotated, Any, NoReturn

from pydantic import Field

from taskrealm.tasks import Caller, CommandTask, NotAuthorized, Output, Value

CLEANS_UP = """
trap 'echo cleaning; touch "$1.cleaned"; sleep 0.3; echo clean; exit 0' TERM
echo ready
while :; do sleep 0.05; done
"""


class Shell(CommandTask):
    """Run a script of the shell."""

    name = "steps.shell"
    script: str
    command = ("bash", "-c", Value("script"))


class Python(CommandTask):
    """Run a program in Python."""

    name = "steps.python"
    source: str
    command = (sys.executable, "-c", Value("source"))


class CleansUp(CommandTask):
    """Wait, and clean up when asked to stop."""

    name = "steps.cleans_up"
    mark: str
    command = ("bash", "-c", CLEANS_UP, "bash", Value("mark"))


class Guarded(CommandTask):
    """Wait, and be stopped by those only whom `by` allows."""

    name = "steps.guarded"
    by: str = "nobody"
    command = ("sleep", "600")

    async def may_cancel(self, caller: Caller) -> None:
        if caller.authid != self.by:
            raise NotAuthorized(f"Only {self.by} may stop this")


class Clumsy(CommandTask):
    """Wait, and give no answer when asked whether that may be stopped."""

    name = "steps.clumsy"
    raises: bool = False
    command = ("sleep", "600")

    def may_cancel(self, caller: Caller) -> Any:
        if self.raises:
            raise ZeroDivisionError("a secret")
        return False


class Digests(CommandTask):
    """Make a result in a coroutine that takes its time, and say when it is stopped."""

    name = "steps.digests"
    mark: str
    timeout = 2.0
    command = ("true", Value("mark"))

    async def parse_result(self, output: Output) -> Any:
        Path(f"{self.mark}.began").touch()
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            Path(f"{self.mark}.stopped").touch()
            raise


class Chews(CommandTask):
    """Make a result, and take a long time over it."""

    name = "steps.chews"
    mark: str
    seconds: Annotated[float, Field(ge=0, le=60)] = 60.0
    grace = 0.5
    command = ("true", Value("mark"))

    def parse_result(self, output: Output) -> Any:
        Path(f"{self.mark}.began").touch()
        time.sleep(self.seconds)
        return "chewed"


class Ponders(CommandTask):
    """Think about a request for longer than anybody waits."""

    name = "steps.ponders"
    mark: str
    command = ("true", Value("mark"))

    async def validate(self, caller: Caller) -> NoReturn:
        Path(f"{self.mark}.began").touch()
        try:
            await asyncio.sleep(600)
        finally:
            Path(f"{self.mark}.stopped").touch()
        raise AssertionError("nobody waits that long")


class Leaky(CommandTask):
    """Fail while looking at a request, with a secret at hand."""

    name = "steps.leaky"
    secret: str
    command = ("true", Value("secret"))

    def validate(self, caller: Caller) -> NoReturn:
        password = f"the password is {self.secret}"
        raise ZeroDivisionError(len(password))
