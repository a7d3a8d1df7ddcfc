"""Tasks that show what happens to arguments, environments, signals and families."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

from pydantic import Field

from taskrealm.tasks import (
    Caller,
    CommandTask,
    Flag,
    Glued,
    InvalidArguments,
    Limits,
    Option,
    Output,
    Value,
)

ARGUMENTS = "import json, sys; print(json.dumps(sys.argv[1:]))"
SURROUNDINGS = """
import json, os, sys
print(json.dumps({
    "environment": dict(os.environ), "directory": os.getcwd(), "stdin": sys.stdin.read(),
    "is_leader": os.getsid(0) == os.getpid(), "content": os.listdir(),
}))
open("left", "w").close()
"""
FAMILY = """
import os, signal, subprocess, sys, time
if sys.argv[1] == "true":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
sleep = ["python3", "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"]
children = [subprocess.Popen(sleep, stdout=subprocess.PIPE) for _ in range(2)]
children.append(subprocess.Popen(sleep, stdout=subprocess.PIPE, start_new_session=True))
for child in children:
    child.stdout.readline()
print(*[os.getpid(), *(child.pid for child in children)], flush=True)
time.sleep(600)
"""


class Arguments(CommandTask):
    """Give back the arguments as the program got them."""

    name = "probe.arguments"
    text: str = "default"
    number: int = 7
    ratio: float = 0.5
    loud: bool = False
    spoken: bool = True
    tag: str | None = None
    glued: str | None = None
    dashed: str | None = None
    words: list[str] = []
    command = (
        sys.executable,
        "-c",
        ARGUMENTS,
        "constant",
        Value("text"),
        Value("number", dash=True),
        Value("ratio"),
        Flag("--loud", "loud"),
        Value("spoken"),
        Option("--tag", "tag"),
        Glued("--glued=", "glued"),
        Value("dashed", dash=True),
        Value("words"),
    )

    async def parse_result(self, output: Output) -> Any:
        return json.loads(output.stdout)


class Required(CommandTask):
    """Print what must be given."""

    name = "probe.required"
    given: str
    command = ("printf", "%s", Value("given"))


class Surroundings(CommandTask):
    """Give back what a program finds around itself."""

    name = "probe.surroundings"
    command = (sys.executable, "-c", SURROUNDINGS)
    environment = {"COLOUR": "blue"}

    def parse_result(self, output: Output) -> Any:
        return json.loads(output.stdout) | {"owner": output.caller.authid}


class Family(CommandTask):
    """Start a family that ignores polite signals, print the pids, and wait."""

    name = "probe.family"
    stubborn: bool = False
    command = (sys.executable, "-c", FAMILY, Value("stubborn"))
    grace = 0.5


class Shell(CommandTask):
    """Do what a script says."""

    name = "probe.shell"
    script: str
    command = ("bash", "-c", Value("script", dash=True))
    grace = 0.5


class Patient(Shell):
    """Ignore polite signals, with all the time in the world."""

    name = "probe.patient"
    script: str = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
    grace = 600.0


class Crowd(Shell):
    """Do what a script says, with few processes and files."""

    name = "probe.crowd"
    limits = Limits(processes=30, open_files=50)


class Memory(Shell):
    """Do what a script says, with little memory."""

    name = "probe.memory"
    limits = Limits(memory=60_000_000)


class Busy(Shell):
    """Do what a script says, with little processor time."""

    name = "probe.busy"
    limits = Limits(cpu=0.5)


class Nap(CommandTask):
    """Sleep."""

    name = "probe.nap"
    seconds: Annotated[float, Field(ge=0, le=600)] = 600.0
    command = ("sleep", Value("seconds"))
    timeout = 900.0


class Short(CommandTask):
    """Sleep longer than is allowed."""

    name = "probe.short"
    command = ("sleep", "600")
    timeout = 0.5


class Nothing(CommandTask):
    """Do nothing."""

    name = "probe.nothing"
    number: int = 0
    command = ("true", Value("number", dash=True))


class Operators(CommandTask):
    """Print who may run this."""

    name = "probe.operators"
    roles = frozenset({"operator"})
    command = ("echo", "operators")


class Even(CommandTask):
    """Take even numbers only, and say who asked."""

    name = "probe.even"
    number: int
    command = ("echo", Value("number"))

    async def validate(self, caller: Caller) -> dict[str, Any] | None:
        if self.number % 2:
            raise InvalidArguments(fields={"number": f"must be even, {caller.authid}"})
        return {"number": self.number * 10}


class Unready(CommandTask):
    """Have a result that cannot be read."""

    name = "probe.unready"
    command = ("echo", "not json")

    def parse_result(self, output: Output) -> Any:
        return json.loads(output.stdout)


class Talkative(CommandTask):
    """Print more than is kept, and have a result too big for an event."""

    name = "probe.talkative"
    command = ("seq", "1", "300000")
    limits = Limits(output=40_000)

    def parse_result(self, output: Output) -> Any:
        return list(range(60_000))


class Missing(CommandTask):
    """Name a program that is not there."""

    name = "probe.missing"
    command = ("no-such-program-anywhere",)


class Printed(CommandTask):
    """Print what is given, also colours and carriage returns."""

    name = "probe.printed"
    text: str
    command = ("printf", "%s", Value("text", dash=True))


class Script(CommandTask):
    """Run Python code."""

    name = "probe.script"
    code: str
    command = (sys.executable, "-c", Value("code", dash=True))
    grace = 0.5
    timeout = 60.0


class Flood(CommandTask):
    """Print so many bytes."""

    name = "probe.flood"
    size: Annotated[int, Field(ge=0)]
    command = ("head", "-c", Value("size"), "/dev/zero")
