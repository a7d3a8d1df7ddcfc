"""The procedure that lists jobs: by what they are, and by what they mention."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..access.rules import Right
from ..journal import STREAMS, Filter, Mention
from ..protocol import uris
from ..protocol.errors import InvalidArguments, NotAuthorized
from ..protocol.jobs import State, timestamp
from .arguments import expect, expect_moment, expect_number
from .offers import offer
from .shares import fitting
from .turns import Turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..journal import Journal, StoredStream
    from ..protocol.jobs import Job
    from ..tasks import Caller
    from ..wire import Call, Session
    from .audit import Audit
    from .callers import Callers, SessionCaller
    from .executor import Executor
    from .job_access import JobAccess
    from .rights import Rights
    from .shares import Shares

LOOKS = 10  # pages of the journal in which jobs that the caller may see are looked for at once
SEARCHED_AT_ONCE = 50  # jobs that are read to look for a text in them
SEARCH_TIME = 0.25  # seconds after which a search answers what it has found
LONGEST_TEXT = 200  # characters to look for
MOST_TASKS = 100  # tasks that can be named


@dataclass(slots=True)
class _Found:
    """What was found so far."""

    jobs: list[Job]
    before: str | None
    """Where it goes on; None at the end."""
    last: Job | None = None
    """The oldest job that was looked at."""


class History:
    """
    Answers which jobs there were.

    A job of somebody else is left out like one that does not exist, and output that the
    caller may not read mentions nothing.
    """

    def __init__(
        self,
        callers: Callers,
        rights: Rights,
        executor: Executor,
        journal: Journal,
        jobs: JobAccess,
        shares: Shares,
        audit: Audit,
        turns: Turns,
    ) -> None:
        self._callers = callers
        self._rights = rights
        self._executor = executor
        self._journal = journal
        self._jobs = jobs
        self._shares = shares
        self._audit = audit
        self._list = turns.taking(self._listed)
        # Searches wait for one another, and nobody else does for them.
        self._search = Turns(1).taking(self._listed)

    async def register(self, session: Session) -> None:
        """Offer the procedure in the realm that *session* has joined."""
        await offer(session, {uris.JOBS: self.jobs})

    async def jobs(
        self,
        call: Call,
        state: Any = None,
        task: Any = None,
        owner: Any = None,
        before: Any = None,
        limit: Any = 50,
        parent: Any = None,
        children: Any = False,
        tag: Any = None,
        since: Any = None,
        until: Any = None,
        text: Any = None,
        counts: Any = False,
    ) -> dict[str, Any]:
        """
        A page of jobs, newest first: `{jobs, next}`; those that wait say why, and their
        `position`. A page may hold fewer than there are, even none, as long as there is a `next`.

        With `parent` these are the children of that batch; otherwise children are among them
        only if `children` are asked for. `task` is a name or a list of them, each with `*` for
        any text. `text` is looked for, whatever its case, in arguments, tags, data and outcome,
        and in the output that the caller may read: in the first and the last mebibyte that are
        kept of each stream. A search looks for a quarter of a second, newest job first, then
        answers; `searched` is when the last one was submitted that it looked at. With `counts`
        the answer has how many jobs there are by state, up to 1000 each, whatever `state` says.
        """
        for name, value in {"owner": owner, "before": before, "parent": parent, "tag": tag}.items():
            expect(name, value, (str, type(None)), "text")
        expect_number("limit", limit, 1, 200)
        expect("children", children, bool, "true or false")
        expect("counts", counts, bool, "true or false")
        mention = _mention(text)
        if counts and (mention is not None or tag is not None):
            raise InvalidArguments(fields={"counts": "goes without text and tag"})
        caller = self._callers.of(call)
        whose = _whose(caller, owner)
        wanted = Filter(
            owner=whose,
            states=_states(state),
            tasks=_tasks(task),
            tag=tag,
            since=None if since is None else expect_moment("since", since),
            until=None if until is None else expect_moment("until", until),
            parent=parent,
            children=children or caller.scope.jobs is not None,
            scope=caller.scope,
        )
        answer = self._list if mention is None else self._search
        page: dict[str, Any] = await answer(call, caller, wanted, before, limit, mention)
        if counts:
            page["counts"] = await self._counts(caller, wanted)
        return page

    async def _listed(
        self,
        call: Call,
        caller: SessionCaller,
        wanted: Filter,
        before: str | None,
        limit: int,
        mention: Mention | None,
    ) -> dict[str, Any]:
        if wanted.parent is not None:
            await self._jobs.job(caller, wanted.parent, Right.SEE)
        else:
            self._audit.looked(caller, wanted.owner)
        if before is not None and caller.scope.is_narrow:
            await self._jobs.job(caller, before, Right.SEE)
        if mention is None:
            found = await self._found(caller, wanted, before, limit)
        else:
            found = await self._mentioning(caller, wanted, before, limit, mention)
        page = fitting(map(self._shown, found.jobs[:limit]), self._shares.page)
        is_whole = len(page) == len(found.jobs)
        answer = {"jobs": page, "next": found.before if is_whole else page[-1]["job_id"]}
        if mention is not None:
            answer["searched"] = None if found.last is None else timestamp(found.last.submitted_at)
        return answer

    async def _found(
        self, caller: SessionCaller, wanted: Filter, before: str | None, limit: int
    ) -> _Found:
        """The jobs before that one that the caller may see."""
        found = _Found([], before)
        for _ in range(LOOKS):
            page = await self._journal.page(wanted, before=found.before, limit=limit)
            found.jobs += await self._rights.seen(caller, page.jobs)
            found.before = page.before
            if found.before is None or len(found.jobs) >= limit:
                break
        return found

    async def _mentioning(
        self,
        caller: SessionCaller,
        wanted: Filter,
        before: str | None,
        limit: int,
        mention: Mention,
    ) -> _Found:
        """The same, but only those that mention the text, as far as the time goes."""
        found = _Found([], before)
        deadline = time.monotonic() + SEARCH_TIME
        while True:
            page = await self._journal.page(wanted, before=found.before, limit=SEARCHED_AT_ONCE)
            seen = await self._rights.seen(caller, page.jobs)
            readable = {job.job_id for job in await self._rights.readable(caller, seen)}
            shown = [self._executor.live(job.job_id) or job for job in seen]
            looked, hits = await asyncio.to_thread(
                _mentions, mention, shown, self._streams(readable), deadline
            )
            found.jobs += hits
            if looked:
                found.last = shown[looked - 1]
            if looked < len(shown):
                found.before = shown[looked - 1].job_id
                break
            found.before = page.before
            if found.before is None or len(found.jobs) >= limit or time.monotonic() > deadline:
                break
        return found

    def _streams(self, job_ids: set[str]) -> dict[str, list[StoredStream]]:
        # Here, because the store belongs to the thread of the loop.
        stored = self._journal.output.stored
        return {each: [stored(each, name) for name in STREAMS] for each in job_ids}

    async def _counts(self, caller: SessionCaller, wanted: Filter) -> dict[str, int]:
        """
        How many jobs there are in each state.

        Raises:
            NotAuthorized: They may be more than the caller may see.
        """
        if caller.role != "operator" and wanted.owner != caller.authid:
            raise NotAuthorized("Only your own jobs are counted for you")
        counted = await self._journal.counts_of(wanted.in_any_state())
        return {state.value: count for state, count in counted.items()}

    def _shown(self, job: Job) -> dict[str, Any]:
        newest = self._executor.live(job.job_id) or job
        waiting = self._executor.waiting(newest)
        if waiting is None:
            return newest.as_dict()
        position = self._executor.position(newest.job_id)
        return {**newest.as_dict(), "waiting": waiting, "position": position}


def _mentions(
    mention: Mention, jobs: Sequence[Job], streams: dict[str, list[StoredStream]], deadline: float
) -> tuple[int, list[Job]]:
    """How many of *jobs* there was time to look at, at least one, and which mention it."""
    hits = []
    for count, job in enumerate(jobs, 1):
        if mention.is_in_job(job) or any(
            mention.is_in_stream(each) for each in streams.get(job.job_id, ())
        ):
            hits.append(job)
        if time.monotonic() > deadline:
            return count, hits
    return len(jobs), hits


def _whose(caller: Caller, owner: str | None) -> str | None:
    """
    Whose jobs *caller* means by *owner*; None for everybody's that it may see.

    Raises:
        NotAuthorized: They are somebody else's, and not for *caller* to see.
    """
    if caller.role in ("backend", "operator"):
        return owner
    if owner not in (None, caller.authid):
        raise NotAuthorized("You may ask for your own jobs only")
    return caller.authid


def _states(state: Any) -> list[State] | None:
    if state is None:
        return None
    try:
        return [State(each) for each in (state if isinstance(state, list) else [state])]
    except ValueError:
        raise InvalidArguments(
            fields={"state": f"must be of {', '.join(State)}, or a list of them"}
        ) from None


def _tasks(task: Any) -> list[str] | None:
    if task is None:
        return None
    tasks = task if isinstance(task, list) else [task]
    if len(tasks) > MOST_TASKS or not all(isinstance(each, str) for each in tasks):
        raise InvalidArguments(
            fields={"task": f"must be text, or a list of at most {MOST_TASKS} texts"}
        )
    return tasks


def _mention(text: Any) -> Mention | None:
    if text is None:
        return None
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_TEXT or text.isspace():
        raise InvalidArguments(
            fields={"text": f"must be text to look for, of at most {LONGEST_TEXT} characters"}
        )
    return Mention(text)
