"""What has become of the children of a batch, for its owner and for its own code."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from ..protocol.jobs import Job, State
from .shares import size_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from ..journal import Journal

PAGE = 500  # children read at once
ROOM = 10_000_000  # bytes of JSON of the children's results that are repeated in that of a batch


async def children_of(journal: Journal, job_id: str) -> AsyncIterator[Job]:
    """The children of a batch, in its order."""
    since = 0
    while page := await journal.children(job_id, since=since, limit=PAGE):
        for child in page:
            yield child
        since += len(page)


async def summary(journal: Journal, job_id: str, counts: dict[str, int]) -> dict[str, Any]:
    """
    The result of a batch that does not make one itself: its children, with their results.

    What is too much for that is `omitted`, and left to be asked of the child.
    """
    children = []
    room = ROOM
    async for child in children_of(journal, job_id):
        entry: dict[str, Any] = {
            "job_id": child.job_id,
            "task": child.task,
            "state": child.state.value,
        }
        if (error := error_of(child)) is not None:
            entry["error"] = error
        elif child.outcome.get("artifact") or size_of(child.outcome["result"]) > room:
            entry["omitted"] = True
        else:
            entry["result"] = child.outcome["result"]
        room -= size_of(entry)
        children.append(entry)
    return {"total": len(children), "counts": counts, "children": children}


async def write_finished(journal: Journal, job_id: str, file: Path) -> None:
    """Write the children of a batch into *file*, as lines of JSON for its own code."""
    lines: list[str] = []
    async for child in children_of(journal, job_id):
        is_apart = child.outcome.get("artifact") is not None
        finished = {
            "job_id": child.job_id,
            "task": child.task,
            "arguments": child.arguments,
            "state": child.state.value,
            "error": error_of(child),
            "value": child.outcome.get("result"),
            "file": str(journal.output.result_file(child.job_id)) if is_apart else None,
        }
        lines.append(json.dumps(finished) + "\n")
        if len(lines) == PAGE:
            await asyncio.to_thread(_append, file, lines)
            lines = []
    await asyncio.to_thread(_append, file, lines)


def _append(file: Path, lines: list[str]) -> None:
    with file.open("a") as end:
        end.writelines(lines)


def error_of(job: Job) -> str | None:
    """Why a job that has ended did not succeed, as a sentence; None if it did."""
    outcome = job.outcome
    match job.state:
        case State.SUCCEEDED:
            return None
        case State.FAILED:
            return str(outcome.get("error") or "It failed")
        case State.CANCELLED:
            reason = f": {outcome['reason']}" if outcome.get("reason") else ""
            return f"It was cancelled by {outcome.get('by')}{reason}"
        case State.TIMED_OUT:
            return f"It ran longer than {job.timeout:g} s"
        case State.EXPIRED:
            return "It waited too long and was never started"
    return str(outcome.get("reason") or "Nobody knows how it ended")
