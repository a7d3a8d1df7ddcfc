"""The result of a job on its way into its terminal event, or into a file if it is big."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING, Any

from ..protocol.jobs import EventType
from ..tasks.artifacts import RESULT_NAME
from .attempt import Ending, failure

if TYPE_CHECKING:
    from .attempt import Surroundings


async def success(job_id: str, result: Any, duration: float, surroundings: Surroundings) -> Ending:
    """The end of a job with this *result*, which becomes an artifact if it is big."""
    data = {"result": result, "duration": duration}
    if result is None:
        return Ending(EventType.SUCCEEDED, data)
    text, sha256 = await asyncio.to_thread(_written, result)
    if len(text) <= surroundings.result_size:
        return Ending(EventType.SUCCEEDED, data)
    try:
        await asyncio.to_thread(surroundings.output.keep_result, job_id, text)
    except OSError as error:
        reason = f"The result of {len(text)} bytes could not be written: {error.strerror}"
        return failure(reason, exit_code=0, duration=duration)
    return Ending(
        EventType.SUCCEEDED,
        {**data, "result": None, "artifact": RESULT_NAME},
        artifact={
            "name": RESULT_NAME,
            "title": None,
            "media_type": "application/json",
            "size": len(text),
            "sha256": sha256,
            "expires_at": None,
        },
    )


def _written(result: Any) -> tuple[bytes, str]:
    """A result as JSON, and the checksum of that."""
    text = json.dumps(result).encode()
    return text, hashlib.sha256(text).hexdigest()
