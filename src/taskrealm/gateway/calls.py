"""The routes that do what the procedures of the wire contract do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..protocol import uris
from ..protocol.errors import UnknownTask
from ..protocol.jobs import TRACEPARENT
from . import answers, bodies
from .results import result
from .routes import PREFIX, Answer, Asked, Reply, Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from .routes import Handler


def given(*models: BaseModel | None) -> dict[str, Any]:
    """What the client has said, by name; the rest is for the procedure to decide."""
    said: dict[str, Any] = {}
    for model in models:
        if model is not None:
            said |= model.model_dump(mode="json", exclude_unset=True)
    return said


def calling(uri: str, *names: str, status: int = 200) -> Handler:
    """
    What calls the procedure *uri* and answers its result, with *status*.

    The parts *names* of the address are its arguments by position, and what the client has
    said in the body and behind the `?` those by name.
    """

    async def handle(asked: Asked) -> Reply:
        args = [asked.path(name) for name in names]
        value = await asked.session.call(uri, *args, **given(asked.query, asked.body))
        return Reply(value, status=status)

    return handle


async def one_task(asked: Asked) -> Reply:
    """One of the tasks that the bearer may run."""
    name = asked.path("task")
    for task in await asked.session.call(uris.TASKS):
        if task["name"] == name:
            return Reply(task)
    raise UnknownTask(f"There is no task {name!r} that you may run")


async def outcomes(asked: Asked) -> Reply:
    """How the latest jobs of one task ended."""
    [told] = await asked.session.call(uris.OUTCOMES, asked.path("task"), **given(asked.query))
    return Reply(told)


async def submit(asked: Asked) -> Reply:
    """Run a task."""
    accepted = await asked.session.call(uris.EXEC, **given(asked.body), **_trace(asked))
    return Reply(
        accepted,
        status=202 if accepted["is_new"] else 200,
        headers={"Location": _place(accepted)},
    )


async def cancel(asked: Asked) -> Reply:
    """Stop a job."""
    outcome = await asked.session.call(uris.CANCEL, asked.path("job_id"), **given(asked.body))
    return Reply({"outcome": outcome})


async def sign_in(asked: Asked) -> Reply:
    """Exchange a code, or a password, for a token."""
    proof: bodies.SignIn = asked.body
    ticket = proof.code or proof.password or ""
    bearers = asked.gateway.bearers
    async with bearers.passing(ticket, asked.address, user=proof.user or "") as session:
        return Reply(await session.call(uris.TOKEN, proof.code))


def _trace(asked: Asked) -> dict[str, str]:
    """The trace that a request belongs to; a header that makes no sense is as good as none."""
    traces = asked.request.headers.getall("traceparent", [])
    is_one = len(traces) == 1 and re.fullmatch(TRACEPARENT, traces[0])
    return {"traceparent": traces[0]} if is_one else {}


def _place(accepted: Mapping[str, Any]) -> str:
    return f"{PREFIX}/jobs/{accepted['job_id']}"


PLACE = {"Location": "The address of the job"}

ROUTES = (
    Route(
        *("GET", "/tasks", calling(uris.TASKS)),
        group="Tasks",
        summary="The tasks that you may run",
        answers={200: Answer("They, with their parameters", list[answers.Task])},
    ),
    Route(
        *("GET", "/tasks/{task}", one_task),
        group="Tasks",
        summary="One task",
        answers={200: Answer("It, with its parameters", answers.Task)},
        problems=(404,),
    ),
    Route(
        *("GET", "/tasks/{task}/outcomes", outcomes),
        group="Tasks",
        summary="How your latest jobs of a task ended, and how long they ran",
        query=bodies.Latest,
        answers={200: Answer("They", answers.TaskOutcomes)},
        problems=(404,),
    ),
    Route(
        *("GET", "/outcomes", calling(uris.OUTCOMES)),
        group="Tasks",
        summary="How your latest jobs ended, task by task",
        description="Of everybody's jobs for operators. Looks at 100 jobs of each task at most.",
        query=bodies.Latest,
        answers={200: Answer("All tasks", list[answers.Outcomes])},
    ),
    Route(
        *("POST", "/tasks/{task}/check", calling(uris.CHECK, "task")),
        group="Tasks",
        summary="Check arguments without running the task",
        body=bodies.Options,
        answers={200: Answer("What it would do", answers.Checked)},
        problems=(404, 413),
    ),
    Route(
        *("POST", "/tasks/{task}/choices", calling(uris.CHOICES, "task")),
        group="Tasks",
        summary="What may be chosen for a parameter",
        body=bodies.Choose,
        answers={200: Answer("The choices", answers.Choices)},
        problems=(404,),
    ),
    Route(
        *("POST", "/jobs", submit),
        group="Jobs",
        summary="Run a task",
        description="The answer comes at once; the job runs on, whether anybody waits or not.",
        body=bodies.Submit,
        headers={"traceparent": "The trace that the job belongs to (W3C Trace Context)"},
        answers={
            202: Answer("The job is accepted", answers.Accepted, headers=PLACE),
            200: Answer(
                "It was accepted before, under the same key", answers.Accepted, headers=PLACE
            ),
        },
        problems=(404, 409, 413, 429),
    ),
    Route(
        *("POST", "/jobs/batch", calling(uris.EXEC_MANY, status=202)),
        group="Jobs",
        summary="Run many tasks, all or none",
        body=bodies.SubmitMany,
        answers={202: Answer("All are accepted, in this order", list[answers.Accepted])},
        problems=(404, 409, 413, 429),
    ),
    Route(
        *("POST", "/jobs/cancel", calling(uris.CANCEL_MANY)),
        group="Jobs",
        summary="Stop many jobs, each for itself",
        body=bodies.CancelMany,
        answers={200: Answer("What came of it for each", answers.StoppedMany)},
    ),
    Route(
        *("GET", "/jobs", calling(uris.JOBS)),
        group="Jobs",
        summary="A page of jobs, newest first",
        query=bodies.ListJobs,
        answers={200: Answer("The page", answers.Jobs)},
        problems=(404,),
    ),
    Route(
        *("GET", "/jobs/{job_id}", calling(uris.JOB, "job_id")),
        group="Jobs",
        summary="One job, and how it goes",
        answers={200: Answer("The job", answers.WholeJob)},
        problems=(404,),
    ),
    Route(
        *("POST", "/jobs/{job_id}/cancel", cancel),
        group="Jobs",
        summary="Stop a job, whether it waits or runs",
        body=bodies.Cancel,
        answers={200: Answer("What came of it", answers.Stopped)},
        problems=(404,),
    ),
    Route(
        *("POST", "/jobs/{job_id}/answer", calling(uris.ANSWER, "job_id", status=204)),
        group="Jobs",
        summary="Answer a question that a job asks",
        body=bodies.AnswerQuestion,
        answers={204: Answer("The job has its answer")},
        problems=(404,),
    ),
    Route(
        *("GET", "/jobs/{job_id}/result", result),
        group="Jobs",
        summary="The result of a job, just as its task has made it",
        query=bodies.Wait,
        answers={
            200: Answer("The result", Any),
            202: Answer(
                "It has not ended; ask again",
                answers.Unfinished,
                headers={"Retry-After": "Seconds after which it is worth while to ask"},
            ),
        },
        problems=(404, 409),
    ),
    Route(
        *("POST", "/token", sign_in),
        group="Access",
        summary="Exchange a one-time sign-in code, or a password, for a token",
        body=bodies.SignIn,
        answers={200: Answer("The token", answers.Token)},
        problems=(401, 403, 429),
        bearer=False,
    ),
    Route(
        *("POST", "/mint", calling(uris.MINT)),
        group="Access",
        summary="Make a token that can do no more than you, such as for a page",
        body=bodies.Mint,
        answers={200: Answer("The token", answers.Minted)},
        problems=(404,),
    ),
)
