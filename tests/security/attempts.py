"""Calls by which somebody tries to get more than was given, each of which must be refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.security.evidence import NOT_AUTHORIZED as FORBIDDEN

from taskrealm.protocol import uris
from taskrealm.protocol.errors import (
    InvalidArguments,
    InvalidToken,
    NotAuthorized,
    UnknownJob,
    UnknownTask,
    UnknownUpload,
)
from taskrealm.protocol.scope import WHOLE, Scope

VICTIM = "victim_of_climbers"
TASK = "desk.convert"
CUSTOMER = {"on_behalf_of": "victim_customer"}
LOOKING = Scope(read_only=True)
ONE_TASK = Scope(tasks=(TASK,))
ONE_JOB = Scope(jobs=("0" * 32,))


@dataclass(frozen=True)
class Attempt:
    """One call that must be refused; in its arguments `<done>` stands for that of the victim."""

    name: str
    procedure: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    error: str = NotAuthorized.uri
    authid: str = ""
    role: str = "user"
    teams: tuple[str, ...] = ()
    scope: Scope = WHOLE

    @property
    def who(self) -> str:
        """Who tries it: for every attempt somebody else, unless it matters."""
        return self.authid or f"mallory_{''.join(c if c.isalnum() else '_' for c in self.name)}"

    @property
    def action(self) -> str:
        """What the audit log calls it: what the router refuses are mere calls."""
        if self.error == FORBIDDEN:
            return "call"
        if self.procedure.startswith(uris.RUN_PREFIX):
            return "run"
        return self.procedure.removeprefix("taskrealm.")


BY_TOKENS = [
    Attempt("a token of another", uris.MINT, kwargs={"user": VICTIM}),
    Attempt("to look at what is anothers", uris.MINT, (VICTIM,), {"read_only": True}),
    Attempt("of the operator", uris.MINT, ("operator",)),
    Attempt("of almost the same name", uris.MINT, ("Mallory_of_almost_the_same_name",)),
    Attempt("of another role", uris.MINT, kwargs={"role": "operator"}, error=InvalidArguments.uri),
    Attempt("of a wider scope", uris.MINT, kwargs={"scope": {}}, error=InvalidArguments.uri),
    Attempt("for longer", uris.MINT, kwargs={"minutes": 121}, error=InvalidArguments.uri),
    Attempt("for ever", uris.MINT, kwargs={"minutes": 1e308}, error=InvalidArguments.uri),
    Attempt("for a team", uris.MINT, kwargs={"teams": ["guards"]}, error=InvalidArguments.uri),
    Attempt(
        "for a task that is not ours",
        uris.MINT,
        kwargs={"tasks": ["desk.guarded"]},
        error=InvalidArguments.uri,
    ),
    Attempt(
        "for a job of another", uris.MINT, kwargs={"jobs": ["<done>"]}, error=InvalidArguments.uri
    ),
    Attempt("one of a task makes one", uris.MINT, scope=ONE_TASK, error=FORBIDDEN),
    Attempt("one of a job makes one", uris.MINT, scope=ONE_JOB, error=FORBIDDEN),
    Attempt("one for looking makes one", uris.MINT, scope=LOOKING, error=FORBIDDEN),
    Attempt("for looking that runs", uris.EXEC, (TASK,), scope=LOOKING, error=FORBIDDEN),
    Attempt(
        "for looking that runs by name", f"{uris.RUN_PREFIX}{TASK}", scope=LOOKING, error=FORBIDDEN
    ),
    Attempt("for looking that sends", uris.UPLOAD_BEGIN, ("a", 1), scope=LOOKING, error=FORBIDDEN),
    Attempt("for looking that stops", uris.CANCEL, ("<done>",), scope=LOOKING, error=FORBIDDEN),
    Attempt(
        "for looking that stops many",
        uris.CANCEL_MANY,
        (["<done>"],),
        scope=LOOKING,
        error=FORBIDDEN,
    ),
    Attempt(
        "for a task that runs another",
        uris.EXEC,
        ("desk.nap", ["x"]),
        scope=ONE_TASK,
        error=UnknownTask.uri,
    ),
    Attempt(
        "for a task that runs many",
        uris.EXEC_MANY,
        ([{"task": TASK}, {"task": "desk.nap", "args": ["x"]}],),
        scope=ONE_TASK,
        error=UnknownTask.uri,
    ),
    Attempt(
        "for a task that looks at anothers job",
        uris.JOB,
        ("<done>",),
        scope=ONE_TASK,
        error=UnknownJob.uri,
    ),
    Attempt("for a job that runs", uris.EXEC, (TASK,), scope=ONE_JOB, error=FORBIDDEN),
    Attempt(
        "for a job of its owner",
        uris.JOB,
        ("<running>",),
        authid=VICTIM,
        scope=ONE_JOB,
        error=UnknownJob.uri,
    ),
    Attempt(
        "an operator who may look pauses",
        uris.PAUSE,
        role="operator",
        scope=LOOKING,
        error=FORBIDDEN,
    ),
    Attempt(
        "an operator of one task reads the log",
        uris.AUDIT,
        role="operator",
        scope=ONE_TASK,
        error=FORBIDDEN,
    ),
    Attempt("a code of another", uris.TOKEN, ("<code>",), error=InvalidToken.uri),
    Attempt("no code at all", uris.TOKEN),
]
BY_BATCHES = [
    Attempt(
        "a task of others in a batch",
        uris.EXEC_MANY,
        ([{"task": TASK}, {"task": "desk.guarded"}],),
        error=UnknownTask.uri,
    ),
    Attempt(
        "a task for operators in a batch",
        uris.EXEC_MANY,
        ([{"task": "probe.operators"}],),
        error=UnknownTask.uri,
    ),
    Attempt("for another in a batch", uris.EXEC_MANY, ([{"task": TASK, **CUSTOMER}],)),
    Attempt(
        "after a job of another",
        uris.EXEC_MANY,
        ([{"task": TASK, "after": ["<done>"]}],),
        error=InvalidArguments.uri,
    ),
    Attempt(
        "as child of anothers job",
        uris.EXEC,
        (TASK,),
        {"parent": "<running>"},
        error=InvalidArguments.uri,
    ),
    Attempt(
        "with the role of an operator",
        uris.EXEC,
        (TASK,),
        {"role": "operator"},
        error=InvalidArguments.uri,
    ),
]
BY_NAMES = [
    Attempt("a task of a team by name", f"{uris.RUN_PREFIX}desk.guarded", error=UnknownTask.uri),
    Attempt("for operators by name", f"{uris.RUN_PREFIX}probe.operators", error=UnknownTask.uri),
    Attempt("a batch of others by name", f"{uris.RUN_PREFIX}probe.nothing", error=UnknownTask.uri),
    Attempt("no task by name", f"{uris.RUN_PREFIX}admin.pause", error=UnknownTask.uri),
    Attempt(
        "a team claimed by name",
        f"{uris.RUN_PREFIX}desk.guarded",
        role="backend",
        error=UnknownTask.uri,
    ),
]
BY_DELEGATION = [
    Attempt("a user for another", uris.EXEC, (TASK,), CUSTOMER),
    Attempt(
        "a user for oneself", uris.EXEC, (TASK,), {"on_behalf_of": "mallory_a_user_for_oneself"}
    ),
    Attempt("an operator for another", uris.EXEC, (TASK,), CUSTOMER, role="operator"),
    Attempt("a backend for anybody", uris.EXEC, (TASK,), CUSTOMER, role="backend"),
    Attempt(
        "a shop for others",
        uris.EXEC,
        (TASK,),
        {"on_behalf_of": VICTIM},
        authid="mallory_shop_1",
        role="backend",
    ),
    Attempt(
        "a shop for another task",
        uris.EXEC,
        ("desk.nap", ["x"]),
        CUSTOMER,
        authid="mallory_shop_2",
        role="backend",
    ),
    Attempt(
        "a shop for another team",
        uris.EXEC,
        (TASK,),
        {**CUSTOMER, "teams": ["guards"]},
        authid="mallory_shop_3",
        role="backend",
    ),
    Attempt("a shop that is a user", uris.EXEC, (TASK,), CUSTOMER, authid="mallory_shop_4"),
    Attempt(
        "a shop that asks",
        uris.CHECK,
        ("desk.nap",),
        CUSTOMER,
        authid="mallory_shop_5",
        role="backend",
    ),
    Attempt(
        "a shop in a batch",
        uris.EXEC_MANY,
        ([{"task": "desk.nap", **CUSTOMER}],),
        authid="mallory_shop_6",
        role="backend",
    ),
    Attempt(
        "a shop sends for others",
        uris.UPLOAD_BEGIN,
        ("a", 1),
        {"on_behalf_of": VICTIM},
        authid="mallory_shop_7",
        role="backend",
    ),
    Attempt(
        "a shop takes a file",
        uris.UPLOAD_REMOVE,
        ("<file>",),
        CUSTOMER,
        authid="mallory_shop_8",
        role="backend",
        error=UnknownUpload.uri,
    ),
    Attempt(
        "a shop of one task",
        uris.EXEC,
        (TASK,),
        CUSTOMER,
        authid="mallory_shop_9",
        role="backend",
        scope=Scope(tasks=("desk.nap",)),
        error=UnknownTask.uri,
    ),
    Attempt(
        "a shop makes tokens for others",
        uris.MINT,
        (VICTIM,),
        {"tasks": [TASK]},
        authid="mallory_shop_10",
        role="backend",
    ),
    Attempt(
        "a shop makes a token for all tasks",
        uris.MINT,
        ("victim_customer",),
        authid="mallory_shop_11",
        role="backend",
    ),
    Attempt(
        "a shop makes one for a team",
        uris.MINT,
        ("victim_customer",),
        {"tasks": [TASK], "teams": ["guards"]},
        authid="mallory_shop_12",
        role="backend",
    ),
    Attempt(
        "who may look makes one that runs",
        uris.MINT,
        (VICTIM,),
        {"tasks": [TASK]},
        authid="mallory_viewer_1",
        role="backend",
    ),
    Attempt(
        "who may look runs",
        uris.EXEC,
        (TASK,),
        {"on_behalf_of": VICTIM},
        authid="mallory_viewer_2",
        role="backend",
    ),
    Attempt(
        "who may look cancels",
        uris.CANCEL,
        ("<running>",),
        authid="mallory_viewer_3",
        role="backend",
    ),
    Attempt(
        "who may look answers",
        uris.ANSWER,
        ("<running>", "q", 1),
        authid="mallory_viewer_4",
        role="backend",
    ),
    Attempt(
        "who may look reads output",
        uris.OUTPUT,
        ("<done>",),
        authid="mallory_viewer_5",
        role="backend",
    ),
    Attempt(
        "who may look searches output",
        uris.SEARCH,
        ("<done>", "a"),
        authid="mallory_viewer_7",
        role="backend",
    ),
    Attempt(
        "who may look takes files",
        uris.ARTIFACT,
        ("<done>", "film.txt"),
        authid="mallory_viewer_6",
        role="backend",
    ),
    *(
        Attempt(
            f"a backend asks {uri}", uri, ("<running>", *more), role="backend", error=UnknownJob.uri
        )
        for uri, more in {
            uris.CANCEL: (),
            uris.ANSWER: ("q", 1),
            uris.JOB: (),
            uris.OUTPUT: (),
            uris.SEARCH: ("a",),
            uris.ARTIFACTS: (),
            uris.ARTIFACT: ("film.txt",),
        }.items()
    ),
    Attempt("a backend reads a stream", uris.EVENTS, (None, 0, 10, None, VICTIM), role="backend"),
    Attempt("a user lists", uris.JOBS, kwargs={"owner": VICTIM}),
]
BY_SCHEDULES = [
    Attempt(
        f"a {role} and schedules {how}",
        uris.SCHEDULE,
        ("of-the-victim", how),
        role=role,
        error=FORBIDDEN,
    )
    for role in ("user", "backend")
    for how in ("run", "pause", "resume")
] + [
    Attempt("a user reads schedules", uris.SCHEDULES, error=FORBIDDEN),
    Attempt(
        "a job of a schedule",
        uris.EXEC,
        (TASK,),
        {"schedule": "of-the-victim"},
        error=InvalidArguments.uri,
    ),
    Attempt(
        "a job with an owner", uris.EXEC, (TASK,), {"owner": VICTIM}, error=InvalidArguments.uri
    ),
]
ATTEMPTS = [*BY_TOKENS, *BY_BATCHES, *BY_NAMES, *BY_DELEGATION, *BY_SCHEDULES]
