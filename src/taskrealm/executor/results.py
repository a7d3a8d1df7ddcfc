"""The result of a job on its way into its terminal event, or into a file if it is big."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from ..protocol.jobs import EventType
from .attempt import Ending, failure

if TYPE_CHECKING:
    from .attempt import Surroundings

RESULT_NAME = "result.json"  # the artifact that a result becomes which is too big for an event


async def success(job_id: str, result: Any, duration: float, surroundings: Surroundings) -> Ending:
    """The end of a job with this *result*, which becomes an artifact if it is big."""
    data = {"result": result, "duration": duration}
    if result is None:
        return Ending(EventType.SUCCEEDED, data)
    text = await asyncio.to_thread(json.dumps, result)
    if len(text) <= surroundings.result_size:
        return Ending(EventType.SUCCEEDED, data)
    try:
        await asyncio.to_thread(surroundings.output.keep_result, job_id, text.encode())
    except OSError as error:
        reason = f"The result of {len(text)} bytes could not be written: {error.strerror}"
        return failure(reason, exit_code=0, duration=duration)
    return Ending(
        EventType.SUCCEEDED,
        {**data, "result": None, "artifact": RESULT_NAME},
        artifact={"name": RESULT_NAME, "media_type": "application/json", "size": len(text)},
    )
