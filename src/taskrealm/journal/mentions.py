"""Whether a job mentions a text: in what it was given, in how it ended, in what it printed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..protocol.jobs import Job
    from .output import StoredStream

SPAN = 1_048_576  # bytes at the beginning, and at the end, of a stream in which is looked
BLOCK = 65_536  # bytes that are looked through at once


class Mention:
    """A text to look for, whatever its case."""

    def __init__(self, text: str) -> None:
        self._text = text.casefold()
        # Of a text that begins at the end of a block the rest is in the next one.
        self._overlap = len(text.encode(errors="replace")) * 4

    def is_in_job(self, job: Job) -> bool:
        """
        Whether it is in the arguments, tags or data of *job*, or in how it ended.

        Secrets are none of these: what stands there in their place is a mask.
        """
        shown = (job.arguments, job.tags, job.data, job.outcome)
        return any(self._text in each.casefold() for each in _texts(shown))

    def is_in_stream(self, stream: StoredStream) -> bool:
        """Whether it is in the first or the last `SPAN` bytes that are kept of *stream*."""
        return any(
            self._text in data.decode(errors="replace").casefold()
            for data in stream.blocks(SPAN, BLOCK, self._overlap)
        )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield str(name)
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif value is not None:
        yield json.dumps(value)
