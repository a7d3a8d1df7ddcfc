"""How long jobs usually run and how they end, as far as the caller may see them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict, defaultdict
from typing import TYPE_CHECKING, Any

from ..access.rules import Right
from ..journal import JournalError
from ..protocol import uris
from ..protocol.jobs import State
from .arguments import expect, expect_number
from .offers import offer
from .shares import fitting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..journal import Journal, Outcome
    from ..tasks import Task
    from ..wire import Call, Session
    from .audit import Audit
    from .callers import Callers, SessionCaller
    from .executor import Executor
    from .rights import Rights
    from .shares import Shares

WINDOW = 100  # latest jobs of a task by which is told what is usual
LATEST_MOST = 500  # jobs that are told one by one
FRESH = 60.0  # seconds for which what is usual for somebody is not asked for again
REMEMBERED = 1_000  # people for whom it is kept

Usual = dict[str, dict[str, Any]]


class Outcomes:
    """
    Answers `taskrealm.outcomes`, and tells the catalogue what is usual.

    Operators are told of everybody's jobs, others of their own. However long the history is,
    only the latest jobs of each task are looked at.
    """

    def __init__(
        self,
        callers: Callers,
        rights: Rights,
        executor: Executor,
        journal: Journal,
        audit: Audit,
        shares: Shares,
    ) -> None:
        self._callers = callers
        self._rights = rights
        self._executor = executor
        self._journal = journal
        self._audit = audit
        self._shares = shares
        self._known: OrderedDict[str | None, tuple[float, asyncio.Task[Usual]]] = OrderedDict()

    async def register(self, session: Session) -> None:
        """Offer the procedure in the realm that *session* has joined."""
        await offer(session, {uris.OUTCOMES: self.outcomes})

    async def outcomes(
        self, call: Call, task: Any = None, limit: Any = WINDOW
    ) -> list[dict[str, Any]]:
        """
        How the latest `limit` jobs of each task ended, or of one `task`: a list of
        `{task, jobs, states, durations, last}`.

        `states` counts them by state. `durations` is `{n, p10, p50, p90, longest}` in seconds, of
        those that succeeded, or null. `last` is `{job_id, state, ended_at, duration}`, or null. Of
        one task there is `latest` too: all of them, newest first.
        """
        expect("task", task, (str, type(None)), "the name of a task")
        expect_number("limit", limit, 1, LATEST_MOST if task is not None else WINDOW)
        caller = self._callers.of(call)
        if task is not None:
            known = [await self._executor.task(task, caller)]
        else:
            found = await self._rights.catalogue(caller, self._executor.registry.values())
            known = [each for each, rights in found if Right.SEE in rights]
        names = [each.name for each in known]
        owner = _whose(caller)
        self._audit.looked(caller, owner, None if owner is not None else "outcomes")
        ended = await self._journal.outcomes(names, owner=owner, scope=caller.scope, limit=limit)
        by_task = _by_task(ended)
        told = [{"task": name, **summary(by_task[name])} for name in names]
        if task is not None:
            told[0]["latest"] = fitting(
                (each.as_dict() for each in by_task[task]), self._shares.page
            )
        return told

    async def usual(self, caller: SessionCaller, tasks: Sequence[Task]) -> Usual:
        """
        By task what `durations` and `last` would be just now, or were less than a minute ago.

        What cannot be read is left out: the catalogue does without it.
        """
        if caller.scope.jobs is not None:
            return {}
        owner, now = _whose(caller), time.monotonic()
        until, asking = self._known.get(owner, (0.0, None))
        if asking is None or (asking.done() and now >= until):
            asking = asyncio.create_task(self._ask(owner))
            self._known[owner] = now + FRESH, asking
            self._known.move_to_end(owner)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        told = await asyncio.shield(asking)
        return {task.name: told[task.name] for task in tasks if task.name in told}

    async def _ask(self, owner: str | None) -> Usual:
        try:
            ended = await self._journal.outcomes(
                list(self._executor.registry), owner=owner, limit=WINDOW
            )
        except JournalError:
            self._known.pop(owner, None)
            return {}
        return {task: summary(some) for task, some in _by_task(ended).items()}


def summary(ended: Sequence[Outcome]) -> dict[str, Any]:
    """What jobs that have *ended*, the newest first, have in common."""
    durations = sorted(
        each.duration
        for each in ended
        if each.state is State.SUCCEEDED and each.duration is not None
    )
    return {
        "jobs": len(ended),
        "states": dict(Counter(each.state.value for each in ended)),
        "durations": None
        if not durations
        else {
            "n": len(durations),
            **{f"p{part}": quantile(durations, part / 100) for part in (10, 50, 90)},
            "longest": durations[-1],
        },
        "last": ended[0].as_dict() if ended else None,
    }


def quantile(ordered: Sequence[float], part: float) -> float:
    """The value below which this *part* of *ordered* is, between its neighbours in proportion."""
    place = part * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _whose(caller: SessionCaller) -> str | None:
    return None if caller.role == "operator" else caller.authid


def _by_task(ended: Sequence[Outcome]) -> defaultdict[str, list[Outcome]]:
    by_task: defaultdict[str, list[Outcome]] = defaultdict(list)
    for each in ended:
        by_task[each.task].append(each)
    return by_task
