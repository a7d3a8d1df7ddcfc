"""What a task makes of the output of its program, without a node and a worker."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from taskrealm.engine import Step
from taskrealm.engine.calls import RESULT
from taskrealm.tasks import TaskError
from taskrealm.tasks.program import printed_result

if TYPE_CHECKING:
    from taskrealm.tasks import Output, ProgramTask


async def result_of(task: ProgramTask, output: Output) -> Any:
    """
    The result of a job of *task* whose program succeeded.

    Raises:
        TaskError: There is none; its cause is what the task's own code raised.
    """
    if not task.parses_result:
        return printed_result(output.stdout)
    head = {
        "step": RESULT,
        "task": task.name,
        "arguments": task.given(output.arguments),
        "files": [],
        "stdout": len(output.stdout),
        "context": {
            "job_id": "job",
            "task": task.name,
            "attempt": 1,
            "caller": asdict(output.caller),
            "directory": str(output.directory),
            "deadline": time.monotonic() + 60,
        },
    }
    step = Step({task.name: task}, head, output.stdout + output.stderr, lambda _: None)
    # A loop of its own needs a thread of its own.
    told, body = await asyncio.to_thread(step.run)
    if told["error"] is not None:
        raise TaskError(told["error"]) from step.cause
    return json.loads(body)
