"""URIs of the wire contract, and the names of per-user topics."""

from __future__ import annotations

import base64
import functools

TASKS = "taskrealm.tasks"
CHOICES = "taskrealm.choices"
CHECK = "taskrealm.check"
EXEC = "taskrealm.exec"
EXEC_MANY = "taskrealm.exec_many"
CANCEL = "taskrealm.cancel"
CANCEL_MANY = "taskrealm.cancel_many"
ANSWER = "taskrealm.answer"
JOB = "taskrealm.job"
JOBS = "taskrealm.jobs"
EVENTS = "taskrealm.events"
OUTPUT = "taskrealm.output"
SEARCH = "taskrealm.search"
TOKEN = "taskrealm.token"
MINT = "taskrealm.mint"
OUTCOMES = "taskrealm.outcomes"
OWN_SESSIONS = "taskrealm.sessions"
END_OWN_SESSION = "taskrealm.end_session"
OWN_TOKENS = "taskrealm.tokens"
REVOKE_OWN = "taskrealm.revoke"
HEALTH = "taskrealm.health"

UPLOAD_BEGIN = "taskrealm.upload.begin"
UPLOAD_APPEND = "taskrealm.upload.append"
UPLOAD_STATUS = "taskrealm.upload.status"
UPLOAD_FINISH = "taskrealm.upload.finish"
UPLOAD_REMOVE = "taskrealm.upload.remove"
ARTIFACTS = "taskrealm.artifacts"
ARTIFACT = "taskrealm.artifact"
RUN_PREFIX = "taskrealm.run."
"""Begins the URI of every task as a procedure of its own."""

DRAIN = "taskrealm.admin.drain"
LIMITS = "taskrealm.admin.limits"
PAUSE = "taskrealm.admin.pause"
RELOAD = "taskrealm.admin.reload"
RESUME = "taskrealm.admin.resume"
STATISTICS = "taskrealm.admin.statistics"
SCHEDULES = "taskrealm.admin.schedules"
SCHEDULE = "taskrealm.admin.schedule"
AUDIT = "taskrealm.admin.audit"
SESSIONS = "taskrealm.admin.sessions"
END_SESSION = "taskrealm.admin.end_session"
TOKENS = "taskrealm.admin.tokens"
REVOKE = "taskrealm.admin.revoke"
USERS = "taskrealm.admin.users"
RIGHTS = "taskrealm.admin.rights"
LOAD = "taskrealm.admin.load"
DIAGNOSTICS = "taskrealm.admin.diagnostics"

FILE_PROCEDURES = (
    *(UPLOAD_BEGIN, UPLOAD_APPEND, UPLOAD_STATUS, UPLOAD_FINISH, UPLOAD_REMOVE),
    *(ARTIFACTS, ARTIFACT),
)
"""The procedures that carry files."""

PROCEDURES = (
    *(TASKS, CHOICES, CHECK, EXEC, EXEC_MANY, CANCEL, CANCEL_MANY, ANSWER, JOB, JOBS),
    *(EVENTS, OUTPUT, SEARCH, TOKEN, MINT),
    *(OUTCOMES, OWN_SESSIONS, END_OWN_SESSION, OWN_TOKENS, REVOKE_OWN),
    *FILE_PROCEDURES,
)
"""Every procedure that a signed-in session may call."""

ADMIN_PROCEDURES = (
    *(DRAIN, LIMITS, PAUSE, RELOAD, RESUME, STATISTICS, SCHEDULES, SCHEDULE),
    *(AUDIT, SESSIONS, END_SESSION, TOKENS, REVOKE, USERS, RIGHTS, LOAD, DIAGNOSTICS),
)
"""Every procedure that only an operator may call."""

RECORD = "taskrealm.system.record"
"""Takes what the authority has to say for the audit log."""

REGISTERED = (*PROCEDURES, *ADMIN_PROCEDURES, HEALTH, RUN_PREFIX, RECORD)
"""What an executor registers; a prefix stands for whatever begins with it."""

CATALOG = "taskrealm.catalog"
USER_PREFIX = "taskrealm.user."
JOB_PREFIX = "taskrealm.job."
ERROR_PREFIX = "taskrealm.error."
SYSTEM_PREFIX = "taskrealm.system."

TAKEN_OVER = "taskrealm.close.taken_over"
"""Why a session was ended: its client has joined again."""
IDLE = "taskrealm.close.idle"
"""Why a session was ended: neither side had said anything for as long as the node waits."""
EXPIRED = "taskrealm.close.expired"
"""Why a session was ended: its token has expired."""
REVOKED = "taskrealm.close.revoked"
"""Why a session was ended: its token, its user or the session itself was revoked."""

AUTHENTICATE = "taskrealm.system.authenticate"
AUTHORIZE = "taskrealm.system.authorize"
"""A procedure that is never there, so that what is not decided in the router is refused."""
END = "taskrealm.system.end"
"""Ends a session, for the executor."""


@functools.lru_cache(maxsize=10_000)
def uid_of(authid: str) -> str:
    """
    The part of a URI that stands for *authid*.

    Any text fits into a strict WAMP URI this way: `"u"` and the unpadded lower-case
    base32 (RFC 4648) of its UTF-8 bytes.
    """
    return "u" + base64.b32encode(authid.encode()).decode().rstrip("=").lower()


def jobs_topic(owner: str) -> str:
    """The topic that carries the events of every job of *owner*."""
    return f"{USER_PREFIX}{uid_of(owner)}.jobs"


def job_topic(owner: str, job_id: str) -> str:
    """
    The topic that carries the events of one job of *owner* while somebody watches.

    It is for sessions that may not see all of its owner's jobs.
    """
    return f"{JOB_PREFIX}{uid_of(owner)}.{job_id}"


def queue_topic(owner: str) -> str:
    """The topic that carries the places in the queue of the jobs of *owner*, as they change."""
    return f"{USER_PREFIX}{uid_of(owner)}.queue"


def output_topic(owner: str, job_id: str) -> str:
    """The topic that carries the output of one job of *owner* while somebody watches."""
    return f"{USER_PREFIX}{uid_of(owner)}.output.{job_id}"
