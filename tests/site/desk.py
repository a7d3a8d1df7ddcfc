"""Tasks of a site whose rules say who may do what with them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from taskrealm.tasks import (
    Caller,
    Child,
    Choices,
    CommandTask,
    InvalidArguments,
    MultiTask,
    Rate,
    Retry,
    Upload,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT = 'while [ ! -e "$0" ]; do sleep 0.02; done; {}'


class Convert(CommandTask):
    """Convert a film: print a line, and leave a file."""

    name = "desk.convert"
    preset: str = "720p"
    room: Annotated[str | None, Choices(command=("printf", "left\\nright\\n"))] = None
    artifacts = ("film.txt",)
    command = ("bash", "-c", 'echo "$0" | tee film.txt', Value("preset"), Value("room"))

    def validate(self, caller: Caller) -> dict[str, object] | None:
        if self.preset == "invalid":
            raise InvalidArguments(fields={"preset": "is invalid"})
        return {"preset": "4k"} if self.preset == "best" else None


class Nap(CommandTask):
    """Print a line once a file is there, and sleep."""

    name = "desk.nap"
    marker: str
    command = ("bash", "-c", WAIT.format("echo awake; exec sleep 600"), Value("marker"))
    grace = 0.2


class Flaky(CommandTask):
    """Fail once a file is there, to run again."""

    name = "desk.flaky"
    marker: str
    command = ("bash", "-c", WAIT.format("exit 75"), Value("marker"))
    retries = Retry(3, on=(75,), pause=0.01)


class Count(CommandTask):
    """Count the words in a file."""

    name = "desk.count"
    source: Annotated[Path, Upload()]
    command = ("wc", "-w", Value("source"))


class Rated(CommandTask):
    """May be asked for once in ten minutes."""

    name = "desk.rated"
    command = ("true",)
    rate = Rate(1, 600.0)


class Guarded(CommandTask):
    """Is for a team."""

    name = "desk.guarded"
    command = ("true",)
    roles = frozenset({"operator", "team:guards"})


class Bundle(MultiTask):
    """Convert a few films."""

    name = "desk.bundle"
    presets: list[str]
    task: str = "desk.convert"
    on_failure = "continue"

    def children(self) -> Iterator[Child]:
        for preset in self.presets:
            yield Child(self.task, {"preset": preset} if preset else {})


class Strict(Bundle):
    """Convert a few films, or none."""

    name = "desk.strict"
    on_failure = "stop"


class SlowBundle(Bundle):
    """Convert a few films, once a file is there."""

    name = "desk.slow_bundle"
    marker: str
    on_failure = "stop"

    def children(self) -> Iterator[Child]:
        while not Path(self.marker).exists():
            time.sleep(0.02)
        yield from super().children()
