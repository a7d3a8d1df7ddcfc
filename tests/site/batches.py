"""Batches that show how children run, fail, nest and are gathered."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from taskrealm.tasks import (
    Caller,
    Child,
    CommandTask,
    InvalidArguments,
    MultiTask,
    Secret,
    TaskError,
    Upload,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from taskrealm.tasks import Finished

LOG = """
echo "$1 begins" >> "$0"
if [ -n "$2" ]; then sleep "$2"; fi
echo "$1 ends" >> "$0"
echo "$1"
"""


class Step(CommandTask):
    """Write into a file when it begins and when it ends."""

    name = "batches.step"
    log: str
    number: int
    seconds: str = ""
    command = ("bash", "-c", LOG, Value("log"), Value("number"), Value("seconds"))


class Steps(MultiTask):
    """So many steps, one after the other."""

    name = "batches.steps"
    log: str
    count: Annotated[int, Field(ge=0)]
    seconds: str = ""

    def children(self) -> Iterator[Child]:
        for number in range(1, self.count + 1):
            arguments = {"log": self.log, "number": number, "seconds": self.seconds}
            yield Child("batches.step", arguments)


class Patient(Steps):
    """As steps, and again if its executor dies while it looks for them or gathers."""

    name = "batches.patient"
    retries = 3


class Couples(Steps):
    """Two steps at once."""

    name = "batches.couples"
    parallel = 2


class Lines(MultiTask):
    """Print each line of a file, found out in a coroutine."""

    name = "batches.lines"
    file: str

    async def children(self) -> list[Child]:
        text = await asyncio.to_thread(Path(self.file).read_text)
        return [Child("probe.printed", [line], tags=["line"]) for line in text.splitlines()]


class Counted(MultiTask):
    """Print numbers, which come one by one, and add them up."""

    name = "batches.counted"
    count: int
    parallel = None

    async def children(self) -> AsyncIterator[Child]:
        for number in range(self.count):
            await asyncio.sleep(0)
            yield Child("probe.printed", {"text": str(number)})
        print(f"{self.count} children")  # noqa: T201

    async def gather(self, children: Sequence[Finished]) -> Any:
        print("gathering")  # noqa: T201
        return sum(int(child.result) for child in children)


class Scripts(MultiTask):
    """Run each script of a list; stop when one fails."""

    name = "batches.scripts"
    scripts: list[str]
    parallel = 2

    def children(self) -> list[Child]:
        return [Child("probe.shell", {"script": script}) for script in self.scripts]


class Stubborn(Scripts):
    """Run each script of a list, whatever becomes of them."""

    name = "batches.all_scripts"
    on_failure = "continue"


class Judged(Stubborn):
    """Run each script of a list, and fail if too many have failed."""

    name = "batches.judged"

    def gather(self, children: Sequence[Finished]) -> Any:
        failed = [child.error for child in children if not child.succeeded]
        if len(failed) > 1:
            raise TaskError(f"{len(failed)} of {len(children)} failed: {failed[0]}")
        return {"failed": failed}


class Survivors(Steps):
    """So many steps, one after the other, also if one fails."""

    name = "batches.survivors"
    on_failure = "continue"


class Families(MultiTask):
    """Stubborn families, all at once."""

    name = "batches.families"
    count: int
    parallel = None
    timeout = 300.0

    def children(self) -> list[Child]:
        return [Child("probe.family", {"stubborn": True})] * self.count


class Patients(MultiTask):
    """Programs that take all the time in the world to stop."""

    name = "batches.patients"
    count: int
    parallel = None

    def children(self) -> list[Child]:
        return [Child("probe.patient")] * self.count


class Hurried(Families):
    """Stubborn families that have little time."""

    name = "batches.hurried"
    timeout = 3.0


class Tree(MultiTask):
    """Batches within batches, with steps at the leaves."""

    name = "batches.tree"
    log: str
    depth: int
    width: int = 2
    path: str = ""
    parallel = None

    def children(self) -> Iterator[Child]:
        for number in range(1, self.width + 1):
            if self.depth == 0:
                yield Child("batches.step", {"log": self.log, "number": number})
            else:
                yield Child(
                    "batches.tree",
                    {
                        "log": self.log,
                        "depth": self.depth - 1,
                        "width": self.width,
                        "path": f"{self.path}.{number}",
                    },
                )

    def gather(self, children: Sequence[Finished]) -> Any:
        return sum(child.result if self.depth else 1 for child in children)


class Endless(MultiTask):
    """Contain itself."""

    name = "batches.endless"
    depth: int = 0
    grows: bool = False

    def children(self) -> list[Child]:
        depth = self.depth + 1 if self.grows else self.depth
        return [Child("batches.endless", {"depth": depth, "grows": self.grows})]


class Mixed(MultiTask):
    """Ask for whatever is named."""

    name = "batches.mixed"
    wanted: list[tuple[str, dict[str, Any]]]

    def children(self) -> list[Child]:
        return [Child(task, arguments) for task, arguments in self.wanted]


class Lenient(Mixed):
    """Ask for whatever is named, and go on without what is refused."""

    name = "batches.lenient"
    on_failure = "continue"


class Broken(MultiTask):
    """Do not come so far as to have children."""

    name = "batches.broken"
    how: str = "raises"

    def children(self) -> Any:
        match self.how:
            case "raises":
                return [1 / 0]
            case "refuses":
                raise TaskError("There is nothing in the folder")
            case "nothing":
                return None
            case "text":
                return ["probe.nothing"]
            case "many":
                return (Child("probe.nothing") for _ in range(10_001))
            case "sleeps":
                print(os.getpid(), flush=True)  # noqa: T201
                time.sleep(600)
        return []


class Fussy(MultiTask):
    """Take even numbers only."""

    name = "batches.fussy"
    number: int

    def validate(self, caller: Caller) -> None:
        if self.number % 2:
            raise InvalidArguments(fields={"number": "must be even"})

    def children(self) -> list[Child]:
        return [Child("probe.printed", [str(self.number)])]


class Halves(MultiTask):
    """Report how far each child is."""

    name = "batches.halves"
    mark: str
    parallel = 2

    def children(self) -> list[Child]:
        script = (
            'python3 -m taskrealm.tasks.report 0.5; while [ ! -e "$MARK" ]; do sleep 0.05; done'
        ).replace("$MARK", self.mark)
        return [Child("probe.shell", {"script": script})] * 2 + [Child("probe.nothing")] * 2


class Weighty(MultiTask):
    """Gather results that are too big for an event."""

    name = "batches.weighty"

    def children(self) -> list[Child]:
        return [Child("probe.talkative")]

    def gather(self, children: Sequence[Finished]) -> Any:
        return len(children[0].result)


class Slow(MultiTask):
    """Take long to gather."""

    name = "batches.slow"
    mark: str
    retries = 2

    def children(self) -> list[Child]:
        return [Child("probe.printed", ["once"])]

    def gather(self, children: Sequence[Finished]) -> Any:
        if not Path(self.mark).exists():
            Path(self.mark).touch()
            time.sleep(600)
        return children[0].result


DIGESTS = """
import hashlib, os, pathlib, sys, time
seen = os.environ["PASSWORD"], sys.stdin.read()
print(*(hashlib.sha256(each.encode()).hexdigest() for each in seen), flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.02)
"""


class Door(CommandTask):
    """Say what password was received, and wait for a file before it ends."""

    name = "batches.door"
    password: Secret
    end: str
    command = (sys.executable, "-c", DIGESTS, Value("end"))
    environment = {"PASSWORD": Value("password")}
    stdin = Value("password")


class Doors(MultiTask):
    """Hand a password on, by name and by position."""

    name = "batches.doors"
    password: Secret
    end: str
    parallel = 2

    def children(self) -> list[Child]:
        return [
            Child("batches.door", {"password": self.password, "end": self.end}),
            Child("batches.door", [self.password, self.end]),
        ]

    def gather(self, children: Sequence[Finished]) -> Any:
        return [child.arguments["password"] for child in children]


class Readers(MultiTask):
    """Hand files on, by name, by position and in a list; and read one."""

    name = "batches.readers"
    source: Annotated[Path, Upload()]
    more: list[Annotated[Path, Upload()]]

    def children(self) -> list[Child]:
        print(self.source.read_text())  # noqa: T201
        return [
            Child("papers.look", {"source": self.source, "more": self.more}),
            Child("papers.look", [self.source]),
        ]
