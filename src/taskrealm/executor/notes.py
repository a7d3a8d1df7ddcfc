"""What the program of a job adds to it for others to read: tags, and data by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .feed import LatestFeed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..protocol.jobs import Job

TAGS = 20  # of one job
DATA_LIMIT = 8_192  # bytes as JSON, all names together


class Notes:
    """The tags and the data of one running job, whose changes go out at a bearable rate."""

    def __init__(self, emit: Callable[[dict[str, Any]], None]) -> None:
        """*emit* takes the data of an `updated` event."""
        self._feed = LatestFeed(emit)
        self._complaints: set[str] = set()

    def add(self, job: Job, tags: list[str], data: dict[str, Any]) -> tuple[Job, list[str]]:
        """
        *job* with further *tags*, and with *data*, in which null removes a name.

        Gives also what is to be complained about, each once: what is too much is left out.
        """
        complaints = []
        all_tags = tuple(dict.fromkeys((*job.tags, *tags)))
        if len(all_tags) > max(TAGS, len(job.tags)):
            complaints.append(f"A job has at most {TAGS} tags; further ones are not kept")
            all_tags = all_tags[: max(TAGS, len(job.tags))]
        merged = _merged(job.data, data)
        if any(merged.get(name) != value for name, value in data.items()):
            complaints.append(f"The data of a job has at most {DATA_LIMIT} bytes; more is not kept")
        if (all_tags, merged) != (job.tags, job.data):
            job = job.changed(tags=all_tags, data=merged)
            self._feed.add({"tags": list(all_tags), "data": merged})
        fresh = [each for each in complaints if each not in self._complaints]
        self._complaints.update(fresh)
        return job, fresh

    def take(self) -> dict[str, Any] | None:
        """Stop, and give the last change if it has not gone out yet."""
        return self._feed.take()


def _merged(data: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """*data* after *changes*, without those for which there is no room."""
    merged = dict(data)
    room = DATA_LIMIT - len(json.dumps(merged))
    for name, value in changes.items():
        room_then = room
        if name in merged:
            room_then += len(json.dumps({name: merged[name]}))
        if value is not None:
            room_then -= len(json.dumps({name: value}))
        if room_then >= 0:
            merged.pop(name, None)
            if value is not None:
                merged[name] = value
            room = room_then
    return merged
