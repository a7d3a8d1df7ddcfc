"""Which jobs of the past are wanted, and how they are found without reading all of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import product
from typing import TYPE_CHECKING, Any

from ..protocol.jobs import State, timestamp
from ..protocol.scope import WHOLE, Scope
from .rows import SIDES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import datetime

    from ..protocol.jobs import Job

COUNTED = 1_000  # jobs of one state that are counted at most
TASKS_AT_ONCE = 15  # tasks in one query, each with walks of its own for each state
TAGGED_AT_ONCE = 2_000  # jobs with a tag that are looked at for one page
SLACK = 1_000  # milliseconds between the moment in the id of a job and that of its submission

Values = dict[str, Any]

_UNFILED, _FILED = SIDES

TASKS = f"""
    with recursive walk (task) as (
        select min(task) from {_FILED} union all
        select (select min(task) from {_FILED} and task > walk.task) from walk
        where walk.task is not null
    ) select task from walk where task is not null union select task from {_UNFILED}
"""
"""The names of all tasks of which there are jobs: of the filed, from one to the next."""

FIRST_SINCE = "select number from jobs where job_id >= :id order by job_id limit 1"
LAST_UNTIL = "select number from jobs where job_id <= :id order by job_id desc limit 1"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which jobs are wanted: those that fit everything that is given."""

    owner: str | None = None
    states: Collection[State] | None = None
    """Any of these."""
    tasks: Collection[str] | None = None
    """Any of these names; in each, `*` stands for any text."""
    tag: str | None = None
    since: datetime | None = None
    """Submitted then or later."""
    until: datetime | None = None
    """Submitted before."""
    parent: str | None = None
    """Children of this batch."""
    children: bool = True
    """Whether children of batches are among them, if none is named."""
    scope: Scope = WHOLE

    @property
    def is_few(self) -> bool:
        """Whether it names a batch, or jobs: then there are not many."""
        return self.parent is not None or self.scope.jobs is not None

    @property
    def has_patterns(self) -> bool:
        """Whether what is named are not all names."""
        return any("*" in each for each in self.tasks or ())

    def in_any_state(self) -> Filter:
        """The same, whatever the state."""
        return replace(self, states=None)

    def among(self, known: Iterable[str]) -> Filter:
        """The same, with the names of those *known* tasks that fit instead of patterns."""
        patterns = tuple(_literal(each) for each in self.tasks or ())
        fitting = [each for each in known if any(fnmatchcase(each, it) for it in patterns)]
        return replace(self, tasks=tuple(fitting))


@dataclass(frozen=True, slots=True)
class Page:
    """Jobs, newest first, and how it goes on."""

    jobs: list[Job]
    before: str | None
    """The id of the job before which further ones may be; None at the end."""


@dataclass(frozen=True, slots=True)
class Span:
    """The numbers between which jobs are looked for."""

    first: int | None = None
    last: int | None = None
    end: int | None = None
    """The first one that is not wanted any more."""

    @property
    def condition(self) -> str:
        """It in SQL, behind other conditions."""
        return "".join(
            f" and number {sign} :{name}"
            for name, sign in (("first", ">="), ("last", "<="), ("end", "<"))
            if getattr(self, name) is not None
        )

    def values(self) -> Values:
        """What stands for the names in it."""
        return {"first": self.first, "last": self.last, "end": self.end}


def moment_id(moment: datetime, *, is_end: bool) -> str:
    """What sorts before, or behind, the id of every job that was submitted at *moment*."""
    milliseconds = int(moment.timestamp() * 1_000) + (SLACK if is_end else -SLACK)
    return f"{min(max(0, milliseconds), 2**48 - 1):012x}" + ("~" if is_end else "")


def values_of(wanted: Filter, span: Span) -> Values:
    """What stands for the names in the queries made of the two."""
    return {
        **span.values(),
        "owner": wanted.owner,
        "tag": wanted.tag,
        "since": None if wanted.since is None else timestamp(wanted.since),
        "until": None if wanted.until is None else timestamp(wanted.until),
        "parent": wanted.parent,
        "tasks": json.dumps(None if wanted.tasks is None else list(wanted.tasks)),
        "scope_tasks": json.dumps(wanted.scope.tasks),
        "scope_jobs": json.dumps(wanted.scope.jobs),
    }


def numbers(wanted: Filter, span: Span) -> Iterator[tuple[str, Values]]:
    """Queries for the numbers of the first `:limit` jobs that are *wanted*, newest first in each."""
    if wanted.is_few:
        few = " and ".join([*_few(wanted), *_unindexed(wanted)])
        yield (
            f"select number from jobs where {few}{span.condition} order by number desc limit :limit",
            {},
        )
        return
    for names, tasks in _task_groups(wanted):
        # One short walk along an index for each state and task, whatever the filters. A single
        # query over several of them would have to read and sort every job that fits.
        walks = " union all ".join(
            f"select * from (select number from {walk}{span.condition}"
            " order by number desc limit :limit)"
            for walk in _walks(wanted, names)
        )
        yield f"select number from ({walks}) order by number desc limit :limit", tasks


def counts(wanted: Filter, span: Span) -> Iterator[tuple[str, Values]]:
    """Queries for states and how many jobs there are in each; none counts beyond `COUNTED`."""
    if wanted.is_few:
        few = " and ".join([*_few(wanted), *_unindexed(wanted)])
        yield f"select state, count(*) from jobs where {few}{span.condition} group by state", {}
        return
    for names, tasks in _task_groups(wanted):
        yield (
            " union all ".join(
                f"select '{state.value}', (select count(*) from"
                f" (select 1 from {walk}{span.condition} limit {COUNTED}))"
                for state in _states(wanted)
                for walk in _walks(replace(wanted, states=[state]), names)
            ),
            tasks,
        )


def tagged(wanted: Filter, span: Span) -> str:
    """A query for the numbers of the newest jobs with the tag of *wanted*, whatever else they are."""
    owner = "" if wanted.owner is None else " and owner = :owner"
    return (
        f"select number from tags where tag = :tag{owner}{span.condition}"
        f" order by number desc limit {TAGGED_AT_ONCE}"
    )


def fitting(wanted: Filter) -> str:
    """A query for those of `:numbers` that are *wanted*, newest first."""
    few = _few(wanted) if wanted.is_few else ["+child = 0"] if not wanted.children else []
    conditions = ["number in (select value from json_each(:numbers))", *few, *_unindexed(wanted)]
    return f"select number from jobs where {' and '.join(conditions)} order by number desc limit :limit"


def _few(wanted: Filter) -> list[str]:
    few = []
    if wanted.scope.jobs is not None:
        few.append("job_id in (select value from json_each(:scope_jobs))")
    if wanted.parent is not None:
        few.append("parent = :parent")
    elif not wanted.children:
        few.append("+child = 0")
    return few


def _unindexed(wanted: Filter) -> list[str]:
    """What jobs have to fit that are found otherwise: the sign keeps other indexes out of it."""
    conditions = [f"+state in ({', '.join(repr(each.value) for each in _states(wanted))})"]
    if wanted.owner is not None:
        conditions.append("+owner = :owner")
    if wanted.tasks is not None:
        conditions.append("+task in (select value from json_each(:tasks))")
    return [*conditions, *_beside(wanted)]


def _beside(wanted: Filter) -> list[str]:
    """What is looked up for each job."""
    conditions = []
    if wanted.scope.tasks is not None:
        conditions.append("+task in (select value from json_each(:scope_tasks))")
    if wanted.is_few and wanted.tag is not None:
        conditions.append("exists (select 1 from tags where tag = :tag and number = jobs.number)")
    moment = (
        "(select json_extract(request, '$.submitted_at') from requests"
        " where requests.number = jobs.number)"
    )
    if wanted.since is not None:
        conditions.append(f"{moment} >= :since")
    if wanted.until is not None:
        conditions.append(f"{moment} < :until")
    return conditions


def _walks(wanted: Filter, tasks: Sequence[str]) -> Iterator[str]:
    """What each walk reads, with its conditions; *tasks* are the names for the task of each, if any."""
    beside = "".join(f" and {each}" for each in _beside(wanted))
    owner = "" if wanted.owner is None else " and owner = :owner"
    for state in _states(wanted):
        sides = SIDES if state.is_terminal else (_UNFILED,)
        for side, child in product(sides, (0, 1) if wanted.children else (0,)):
            for task in (f" and task = :{name}" for name in tasks) if tasks else ("",):
                yield f"{side} and state = '{state.value}' and child = {child}{owner}{task}{beside}"


def _task_groups(wanted: Filter) -> Iterator[tuple[list[str], Values]]:
    """Groups of tasks as names and values; one without a task if all are wanted."""
    if wanted.tasks is None:
        yield [], {}
        return
    tasks = list(dict.fromkeys(wanted.tasks))
    for start in range(0, len(tasks), TASKS_AT_ONCE):
        group = {f"task{each}": task for each, task in enumerate(tasks[start:][:TASKS_AT_ONCE])}
        yield list(group), group


def _states(wanted: Filter) -> list[State]:
    return sorted(State if wanted.states is None else {State(each) for each in wanted.states})


def _literal(pattern: str) -> str:
    """*pattern*, in which nothing but `*` has a meaning."""
    return "".join(f"[{each}]" if each in "[?" else each for each in pattern)
