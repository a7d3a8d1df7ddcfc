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
    from ..journal import OutputStore
    from .attempt import Surroundings


async def success(
    job_id: str,
    result: Any,
    duration: float,
    surroundings: Surroundings,
    *,
    is_small: bool = False,
) -> Ending:
    """
    The end of a job with this *result*, which becomes an artifact if it is big.

    One that *is_small* is looked at here and now; any other one could hold up the loop.
    """
    data = {"result": result, "duration": duration}
    if result is None:
        return Ending(EventType.SUCCEEDED, data)
    text = _written(result) if is_small else await asyncio.to_thread(_written, result)
    if len(text) <= surroundings.result_size:
        return Ending(EventType.SUCCEEDED, data)
    try:
        sha256 = await asyncio.to_thread(_kept, surroundings.output, job_id, text)
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


def _written(result: Any) -> bytes:
    return json.dumps(result).encode()


def _kept(output: OutputStore, job_id: str, text: bytes) -> str:
    """Keep *text* as the result of a job; gives the checksum."""
    output.keep_result(job_id, text)
    return hashlib.sha256(text).hexdigest()
