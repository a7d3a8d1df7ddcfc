"""Which files a task leaves for the owners of its jobs."""

from __future__ import annotations

import fnmatch
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .values import Unfit, require_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RESULT_NAME = "result.json"
"""The artifact that a result becomes which is too big for an event."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """
    Files that a job leaves: those whose path below its working directory fits *pattern*.

    In it `*`, `?` and `[…]` stand for parts of one name, and `**` for any folders. A file
    of this name must be there if it is *required*, or else the job fails. It is kept *keep*
    days, or as long as its job. Jobs that fail or are stopped leave it only if *always*.
    """

    pattern: str
    title: str | None = None
    keep: float | None = None
    always: bool = False
    required: bool = False

    @property
    def is_one(self) -> bool:
        """Whether it names a single file."""
        return not any(sign in self.pattern for sign in "*?[")

    def matches(self, path: str) -> bool:
        """Whether *path*, relative and with slashes, is that of such a file."""
        return _match(self.pattern.split("/"), path.split("/"))


def declared(artifacts: Sequence[str | Artifact]) -> tuple[Artifact, ...]:
    """What a task has declared, each as an `Artifact`."""
    return tuple(Artifact(each) if isinstance(each, str) else each for each in artifacts)


def problems(artifacts: object) -> Iterator[str]:
    """What is wrong with the *artifacts* of a task."""
    if isinstance(artifacts, str) or not isinstance(artifacts, list | tuple):
        yield 'must be a list, such as ["out.mp4", Artifact("*.png", title="Pages")]'
        return
    for each in artifacts:
        if not isinstance(each, str | Artifact):
            yield f"{each!r} is neither a pattern nor an Artifact"
            continue
        artifact = Artifact(each) if isinstance(each, str) else each
        if not isinstance(artifact.pattern, str) or not _is_below(artifact.pattern):
            yield (
                f"{artifact.pattern!r} must name files below the working directory, without '..'"
                " and without a '/' at its beginning or end"
            )
        elif artifact.pattern == RESULT_NAME:
            yield f"{RESULT_NAME} is the name of results that are too big for an event: take another"
        if artifact.keep is not None and not (
            isinstance(artifact.keep, int | float)
            and math.isfinite(artifact.keep)
            and artifact.keep > 0
        ):
            yield f"{artifact.pattern!r}: keep must be a number of days, more than 0"
        if artifact.title is not None and not isinstance(artifact.title, str):
            yield f"{artifact.pattern!r}: title must be text"


def _is_below(pattern: str) -> bool:
    try:
        require_text(pattern)
    except Unfit:
        return False
    return all(part not in ("", ".", "..") for part in pattern.split("/"))


def _match(pattern: list[str], path: list[str]) -> bool:
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(_match(pattern[1:], path[skipped:]) for skipped in range(len(path) + 1))
    return bool(path) and fnmatch.fnmatchcase(path[0], pattern[0]) and _match(pattern[1:], path[1:])
