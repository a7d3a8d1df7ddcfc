"""What clients send: the JSON bodies of requests, and the parameters in their addresses."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from ..protocol.jobs import Delivery, State

URI = r"[a-z0-9_]+(\.[a-z0-9_]+)*"
"""A strict URI of WAMP: the router would end the session over anything else."""

LONGEST_URI = 500

JobId = Annotated[str, Field(description="The id of a job", min_length=1, max_length=100)]


class Body(BaseModel):
    """A JSON object; a name in it that is not known is a mistake."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """The parameters in an address; one that is not known is a mistake."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Body):
    """An empty object, or no body at all."""


class Choose(Body):
    """A parameter of a task, and the arguments given so far."""

    parameter: str = Field(description="The parameter whose choices are wanted")
    kwargs: dict[str, Any] | None = Field(None, description="Arguments by name")


class Options(Body):
    """How a task is to be run; what is left out is as the node has it."""

    args: list[Any] | None = Field(None, description="Arguments by position")
    kwargs: dict[str, Any] | None = Field(None, description="Arguments by name")
    priority: int = Field(0, ge=-1_000, le=1_000, description="Higher starts first")
    timeout: float | None = Field(None, gt=0, description="Seconds; may only shorten the task's")
    delay: float | None = Field(None, ge=0, description="Seconds to wait before the start")
    not_before: str | float | None = Field(
        None, description="When to start at the earliest: ISO 8601 with its offset from UTC"
    )
    after: list[str] = Field(
        [],
        max_length=100,
        description='Jobs that have to succeed before; in a batch `"#0"` is its first request',
    )
    key: str | None = Field(
        None, min_length=1, max_length=200, description="Repeating a request with it makes no job"
    )
    retries: int | None = Field(None, ge=0, description="May only lower the task's")
    expires: float | None = Field(None, gt=0, description="Seconds that it may wait for a slot")
    tags: list[Annotated[str, Field(max_length=100)]] = Field([], max_length=20)
    deliver: Annotated[Delivery, Field(strict=False)] = Field(
        Delivery.USER, description="Who receives the events of the job"
    )
    on_behalf_of: str | None = Field(
        None, description="For backends: the user whose job it will be, with that user's rights"
    )
    teams: list[str] = Field([], max_length=50, description="The teams of that user")


class Submit(Options):
    """A task to be run, and how."""

    task: str = Field(description="The name of the task")


class SubmitMany(Body):
    """Many requests, of which all are accepted or none."""

    requests: list[Submit] = Field(max_length=10_000)


class Cancel(Body):
    """Why a job is stopped."""

    reason: str | None = Field(None, max_length=1_000)
    now: bool = Field(False, description="Whether it gets no time to end by itself")


class CancelMany(Cancel):
    """Which jobs are stopped, and why."""

    job_ids: list[str] = Field(max_length=10_000, description="Each is stopped for itself")


class AnswerQuestion(Body):
    """The answer to a question that a job asks."""

    question: str = Field(description="The id of the question, as its event tells it")
    value: Any = Field(description="What fits the question")


class Call(Body):
    """A procedure to be called, and what it is given."""

    procedure: str = Field(
        description="Its URI, such as `taskrealm.tasks`", pattern=f"^{URI}$", max_length=LONGEST_URI
    )
    args: list[Any] = Field([], description="Arguments by position")
    kwargs: dict[str, Any] = Field({}, description="Arguments by name")


class SignIn(Body):
    """What is exchanged for a token: a code, or a password of a user."""

    code: str | None = Field(None, min_length=1, description="A one-time sign-in code")
    user: str | None = Field(None, min_length=1)
    password: str | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.code is None) is (self.user is None) or (self.user is None) is not (
            self.password is None
        ):
            raise PydanticCustomError("one_way", "must have a code, or a user and a password")
        return self


class Mint(Body):
    """A token that somebody wants to have; what is left out does not limit it."""

    user: str | None = Field(None, description="For whom; yourself if it is left out")
    tasks: list[str] | None = Field(None, description="The only tasks")
    jobs: list[str] | None = Field(None, description="The ids of the only jobs")
    read_only: bool = Field(False, description="Whether it may only look")
    uses: int | None = Field(None, ge=1, description="Sessions that may join with it")
    minutes: float = Field(60, gt=0, description="For how long it is valid")
    teams: list[str] | None = Field(None, description="Yours unless they are given")


class Drain(Body):
    """How a node drains."""

    limit: float | None = Field(None, ge=0, description="Seconds that running jobs have to end")


class ChangeLimits(Body):
    """New limits; what is left out stays as it is."""

    slots: int | None = Field(None, ge=1, le=1_024)
    groups: dict[str, int] | None = Field(None, description="Slots by the name of the group")
    slots_per_user: int | None = Field(None, ge=0, le=1_024, description="0 is no limit")


class SteerSchedule(Body):
    """What to do with a schedule."""

    action: Literal["pause", "resume", "run"]


class ListJobs(Query):
    """Which jobs are wanted."""

    state: list[State] = Field([], description="Only those in this state; may be repeated")
    task: list[str] = Field(
        [], description="Only those of this task; `*` stands for any text; may be repeated"
    )
    owner: str | None = Field(None, description="Whose; for backends and operators")
    before: str | None = Field(None, description="`next` of the page before")
    limit: int = Field(50, ge=1, le=200)
    parent: str | None = Field(None, description="The children of this batch")
    children: bool = Field(False, description="Whether children are among them")
    tag: str | None = Field(None, description="Only those with this tag")
    since: str | None = Field(
        None, description="Submitted then or later; ISO 8601 with its offset from UTC"
    )
    until: str | None = Field(None, description="Submitted before; ISO 8601 as well")
    text: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Only those that mention this, whatever its case: in arguments, tags, data, "
        "outcome, or in output that you may read",
    )
    counts: bool = Field(
        False, description="Whether to count jobs by state; goes without tag and text"
    )


class ListAudit(Query):
    """Which records of the audit log are wanted, and from where on."""

    after: int | None = Field(None, ge=0, description="Those behind this record, oldest first")
    before: int | None = Field(None, ge=0, description="Those before this record, newest first")
    actor: str | None = Field(None, description="Only what this authid has done")
    owner: str | None = Field(None, description="Only what was done for this authid")
    action: str | None = None
    object: str | None = None
    outcome: str | None = None
    since: str | None = Field(None, description="ISO 8601 with its offset from UTC")
    until: str | None = Field(None, description="ISO 8601 with its offset from UTC")
    limit: int = Field(100, ge=1)


class ListSessions(Query):
    """Whose sessions are wanted, and from where on."""

    user: str | None = Field(None, description="Everybody's if it is left out")
    after: int = Field(0, ge=0, description="`next` of the page before")


class ListTokens(Query):
    """Whose tokens are wanted, and from where on."""

    user: str | None = Field(None, description="Everybody's if it is left out")
    after: str = Field("", description="`next` of the page before")


class MoreSessions(Query):
    """From where on one's own sessions are wanted."""

    after: int = Field(0, ge=0, description="`next` of the page before")


class MoreTokens(Query):
    """From where on one's own tokens are wanted."""

    after: str = Field("", description="`next` of the page before")


class Span(Query):
    """How far back one looks."""

    span: int = Field(3_600, ge=60, le=604_800, description="Seconds")


class Latest(Query):
    """How many jobs of each task are looked at."""

    limit: int = Field(100, ge=1, le=500)


class ListUsers(Query):
    """From where on users are wanted, and how many."""

    after: str = Field("", description="`next` of the page before")
    limit: int = Field(100, ge=1, le=1_000)


class Whose(Query):
    """Whose rights are wanted."""

    user: str = Field(description="The authid")
    role: Literal["user", "backend", "operator"] = "user"
    teams: list[str] = Field([], description="A team of that user; may be repeated")


class Revoke(Body):
    """What is no longer to be valid: one of these."""

    token: str | None = Field(None, description="The id of a token")
    user: str | None = Field(None, description="Whose every token, and all else that was proven")


class Wait(Query):
    """For how long to wait."""

    wait: float = Field(0, ge=0, le=60, description="Seconds")
