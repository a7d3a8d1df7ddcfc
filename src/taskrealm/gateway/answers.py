"""What clients are answered, as the document of the interface describes it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from ..protocol.jobs import Delivery, Intake, State


class Problem(BaseModel):
    """What went wrong (RFC 9457); a program goes by `code`."""

    title: str
    status: int
    detail: str = Field(description="A sentence for people")
    code: str = Field(description="The stable name of the problem, such as `queue_full`")
    fields: dict[str, str] | None = Field(
        None, description="What must be, for each field of the request that is refused"
    )
    retry_after: float | None = Field(None, description="Seconds")
    limit: int | None = None
    job_id: str | None = None
    state: State | None = None
    outcome: dict[str, Any] | None = None
    reference: str | None = Field(None, description="By which the node's log tells more")
    answered_by: str | None = None


class Limits(BaseModel):
    """What one job may use up; null is as much as there is."""

    memory: int | None = Field(description="Bytes")
    cpu: float | None = Field(description="Seconds of processor time")
    processes: int | None
    open_files: int | None
    output: int | None = Field(description="Bytes kept of each stream")
    overflow: str


class Durations(BaseModel):
    """How long jobs ran that succeeded, in seconds: a tenth of them shorter than `p10`."""

    n: int = Field(description="How many jobs these are")
    p10: float
    p50: float
    p90: float
    longest: float


class Outcome(BaseModel):
    """How a job ended."""

    job_id: str
    state: State
    ended_at: str
    duration: float | None = Field(description="Seconds; null if it never ran")


class Outcomes(BaseModel):
    """How the latest jobs of a task ended."""

    task: str
    jobs: int
    states: dict[State, int]
    durations: Durations | None
    last: Outcome | None


class TaskOutcomes(Outcomes):
    """How the latest jobs of a task ended, one by one."""

    latest: list[Outcome] = Field(description="Newest first")


class Task(BaseModel):
    """A task, and the JSON Schema of its parameters."""

    name: str
    title: str
    help: str
    parameters: dict[str, Any] = Field(description="JSON Schema (2020-12)")
    limits: Limits
    usual: Durations | None = Field(description="How long your jobs of it ran lately")
    last: Outcome | None = Field(description="How the last of them ended")


class Match(BaseModel):
    """A place in the output, with the rest of its line, as far as that is short."""

    offset: int = Field(description="The first byte of the text")
    before: str
    text: str
    after: str


class Found(BaseModel):
    """What was found in a part of the output."""

    stream: str
    matches: list[Match]
    next: int = Field(description="The byte where to go on")
    more: bool = Field(description="Whether there is output that was not looked through")
    size: int = Field(description="Bytes printed so far")


class Choice(BaseModel):
    """One value that a parameter may have."""

    value: Any
    title: str


class Choices(BaseModel):
    """What may be chosen for a parameter."""

    choices: list[Choice]
    more: bool = Field(description="Whether there are more than these")


class Checked(BaseModel):
    """What a request would do."""

    timeout: float = Field(description="Seconds")
    limits: Limits
    position: int | None = Field(description="The place in the queue; 0 starts at once")
    waiting: dict[str, Any] | None = Field(description="Why it would wait")
    intake: Intake


class Accepted(BaseModel):
    """The job that a request has made, or has made before under the same key."""

    job_id: str
    state: State
    position: int | None = Field(description="The place in the queue; 0 starts at once")
    is_new: bool


class Job(BaseModel):
    """A job; times in ISO 8601, durations in seconds."""

    job_id: str
    task: str
    owner: str
    submitted_by: str
    teams: list[str] = Field(description="The owner's, when the job was submitted")
    state: State
    arguments: dict[str, Any] = Field(description="Secrets are masked")
    priority: int
    attempt: int
    timeout: float
    tags: list[str]
    deliver: Delivery
    submitted_at: str
    started_at: str | None
    ended_at: str | None
    progress: dict[str, Any] | None
    data: dict[str, Any]
    parent: str | None
    after: list[str]


class Attempt(BaseModel):
    """One run of a job."""

    attempt: int
    started_at: str
    ended_at: str | None
    end: str | None
    reason: str | None


class WholeJob(Job):
    """A job, and how it goes just now."""

    position: int | None
    waiting: dict[str, Any] | None
    intake: Intake
    attempts: list[Attempt]
    output: dict[str, int] = Field(description="Bytes printed, by stream")


class Jobs(BaseModel):
    """A page of jobs, newest first."""

    jobs: list[Job]
    next: str | None = Field(description="`before` of the next page; null if this is the last")
    searched: str | None = Field(
        None, description="With `text`: when the last job was submitted that was looked at"
    )
    counts: dict[State, int] | None = Field(
        None, description="If asked for: how many there are by state, up to 1000 each"
    )


class Stopped(BaseModel):
    """What came of a wish to stop a job."""

    outcome: str = Field(description="`removed_from_queue`, `stopping` or `already_<state>`")


class NotStopped(BaseModel):
    """Why a job was not stopped."""

    error: str = Field(description="The URI of the error, whose last part is its code")
    message: str = Field(description="A sentence for people")


class StoppedMany(BaseModel):
    """What came of a wish to stop many jobs; both by job id."""

    answers: dict[str, str] = Field(
        description="`removed_from_queue`, `stopping` or `already_<state>`"
    )
    refused: dict[str, NotStopped]


class Unfinished(BaseModel):
    """A job that has not ended."""

    job_id: str
    state: State


class Token(BaseModel):
    """A token, for the header `Authorization: Bearer TOKEN`."""

    token: str
    expires_at: str | None


class Scope(BaseModel):
    """What a token is limited to; what is left out does not limit it."""

    tasks: list[str] | None = None
    jobs: list[str] | None = None
    read_only: bool = False


class Channel(BaseModel):
    """A channel, and who has opened it."""

    channel: str = Field(description="Its id")
    authid: str
    authrole: str
    scope: Scope
    expires_at: str | None = Field(description="When the token expires, and the channel closes")


class Minted(Token):
    """A token that was made for somebody."""

    id: str = Field(description="By which it can be revoked")
    scope: Scope


class Situation(BaseModel):
    """How busy the node is."""

    intake: Intake
    running: int
    queued: int
    delayed: int


class Statistics(Situation):
    """How busy the node is and was; durations in seconds, rates per minute."""

    uptime: float
    slots: int
    slots_used: int
    queue_limit: int
    queue_limit_per_user: int
    oldest: float | None = Field(description="For how long the first of the queue has waited")
    states: dict[State, int]
    rates: dict[str, dict[str, float]]
    tasks: dict[str, Any]


class Reloaded(BaseModel):
    """What has become of the tasks."""

    tasks: int
    added: list[str]
    removed: list[str]
    changed: list[str]
    mistakes: list[str] = Field(description="If there are any, nothing has changed")


class NodeLimits(BaseModel):
    """The slots of the node."""

    slots: int
    used: int
    groups: dict[str, int]
    slots_per_user: int | None


class Schedule(BaseModel):
    """When jobs of a task are made."""

    name: str
    task: str
    cron: str
    zone: str
    next: list[str]


class AuditRecord(BaseModel):
    """Who did what, for whom, from where, and how that ended."""

    id: int
    at: str
    actor: str | None
    role: str | None
    owner: str | None
    action: str
    object: str | None
    address: str | None
    outcome: str
    detail: dict[str, Any]


class AuditLog(BaseModel):
    """A page of the audit log."""

    records: list[AuditRecord]
    next: int | None = Field(description="`after`, or `before`, of the next page")


class Session(BaseModel):
    """Somebody who has joined."""

    session: int
    authid: str
    role: str
    teams: list[str]
    method: str | None = Field(description="How that was proven")
    token: str | None = Field(description="The id of the token")
    client: str | None
    address: str | None
    since: str | None
    expires_at: str | None
    scope: Scope


class Sessions(BaseModel):
    """A page of sessions."""

    sessions: list[Session]
    next: int | None


class TokenKept(BaseModel):
    """What the node keeps of a token: never itself."""

    id: str
    authid: str
    role: str
    teams: list[str]
    scope: Scope
    uses: int | None
    single_use: bool
    created: str
    expires_at: str
    issued_by: str | None
    used_at: str | None = Field(description="When somebody joined with it last")


class Tokens(BaseModel):
    """A page of tokens."""

    tokens: list[TokenKept]
    next: str | None


class OwnSession(Session):
    """A session of one's own."""

    is_current: bool = Field(description="Whether it is the one that asks")


class OwnSessions(BaseModel):
    """A page of one's own sessions."""

    sessions: list[OwnSession]
    next: int | None


class OwnToken(TokenKept):
    """A token of one's own."""

    is_current: bool = Field(description="Whether it is the one that asks")


class OwnTokens(BaseModel):
    """A page of one's own tokens."""

    tokens: list[OwnToken]
    next: str | None


class Load(BaseModel):
    """How busy the node was: the most of everything within each step."""

    at: str = Field(description="Now")
    step: float = Field(description="Seconds of one sample")
    columns: list[str] = Field(description="What each number of a sample is")
    samples: list[list[float]]


class Diagnostics(BaseModel):
    """How the node is, for who has to mend it; sizes in bytes, times in seconds."""

    at: str
    versions: dict[str, str]
    machine: dict[str, Any]
    uptime: float
    intake: Intake
    tasks: int
    components: list[dict[str, Any]]
    sessions: int
    lag: float = Field(description="How late the executor was at most in the last minutes")
    journal: dict[str, int]
    disk: dict[str, int]
    settings: str | None = Field(description="The beginning of the SHA-256 sum of the settings")
    policy: str | None
    reload: dict[str, Any] | None = Field(description="What came of the last one")


class Revoked(BaseModel):
    """How many tokens are no longer valid."""

    tokens: int


class User(BaseModel):
    """Somebody whom the node knows."""

    authid: str
    roles: list[str]
    teams: list[str]
    tokens: int
    methods: list[str] = Field(description="By which credentials here they can join")
    sessions: int
    jobs: dict[State, int]


class Users(BaseModel):
    """A page of users."""

    users: list[User]
    next: str | None


class Rights(BaseModel):
    """What somebody may do, as the rules say."""

    user: str
    role: str
    teams: list[str]
    asks: bool = Field(description="Whether the site's own function may refuse more")
    tasks: list[dict[str, Any]] = Field(description="Each with the rules that give its rights")


class Live(BaseModel):
    """The gateway answers."""

    status: str


class Ready(Live):
    """The executor answers, and its journal can be written."""

    intake: Intake
