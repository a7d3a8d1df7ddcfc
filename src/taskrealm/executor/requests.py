"""What somebody wants to be run, and what becomes of the request."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from ..protocol.errors import InvalidArguments
from ..protocol.jobs import Delivery, Job
from ..protocol.values import value
from ..tasks import MASK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ..tasks import Arguments, Task


@value
class Request:
    """What somebody wants to be run, and how."""

    task: str
    args: Sequence[Any] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    priority: int = 0
    timeout: float | None = None  # seconds; may only shorten what the task allows
    delay: float | None = None  # seconds
    not_before: datetime | None = None
    after: tuple[str, ...] = ()  # job ids, or "#" and the index of an earlier one of `exec_many`
    key: str | None = None
    retries: int | None = None  # may only lower what the task allows
    expires: float | None = None  # seconds in the queue; may only shorten what the task allows
    tags: tuple[str, ...] = ()
    deliver: Delivery = Delivery.USER
    traceparent: str | None = None
    schedule: str | None = None  # the name of the schedule that asks
    on_behalf_of: str | None = None  # the authid of who shall own the job, if not the caller
    teams: tuple[str, ...] = ()  # of that owner
    secrets: frozenset[str | int] = frozenset()
    """The names and the positions of arguments that are secrets."""

    def fingerprint(self) -> str:
        """
        What two requests have in common that ask for the same thing.

        Secrets leave no trace in it, and make no difference.
        """
        args = [MASK if at in self.secrets else each for at, each in enumerate(self.args)]
        kwargs = {name: MASK if name in self.secrets else self.kwargs[name] for name in self.kwargs}
        wanted = json.dumps(_plain([self.task, args, kwargs]), default=repr)
        return hashlib.sha256(wanted.encode()).hexdigest()


@value
class Prepared:
    """A request that its task has agreed to."""

    task: Task
    arguments: Arguments
    timeout: float
    retries: int
    expires: float | None


@value
class Accepted:
    """
    The answer to a request: the job that was made of it, and its place in the queue.

    A job that waits for its time, or waits no longer, has no place. The job is not new if
    the request was repeated under the key of an earlier one.
    """

    job: Job
    position: int | None
    is_new: bool = True


def with_secrets_named(request: Request, task: Task) -> Request:
    """*request* for a job of *task*, which says then what in it is secret."""
    return replace(request, secrets=task.secret_places) if task.secrets else request


def by_key(requests: Sequence[Request]) -> dict[str | int, Request]:
    """
    Each of *requests* by its key, or by its index if it has none.

    Raises:
        InvalidArguments: Two that ask for different things have the same key.
    """
    named: dict[str | int, Request] = {}
    for index, request in enumerate(requests):
        first = named.setdefault(index if request.key is None else request.key, request)
        if first is not request and first.fingerprint() != request.fingerprint():
            raise InvalidArguments(
                fields={f"requests.{index}.key": f"{request.key!r} stands for another job already"}
            )
    return named


def answers_to(
    requests: Sequence[Request], answers: Mapping[str | int, Accepted]
) -> list[Accepted]:
    """What each of *requests* is answered, of the *answers* by key or index."""
    told: set[str] = set()
    listed = []
    for index, request in enumerate(requests):
        answer = answers[index if request.key is None else request.key]
        # Who asks twice at once makes a new job by the first request only.
        listed.append(replace(answer, is_new=False) if answer.job.job_id in told else answer)
        told.add(answer.job.job_id)
    return listed


def require_earlier(requests: Sequence[Request]) -> None:
    """
    Make sure that `after` refers to earlier ones of *requests* only.

    Raises:
        InvalidArguments: It does not.
    """
    for index, request in enumerate(requests):
        for each in request.after:
            if each.startswith("#") and not (each[1:].isdecimal() and int(each[1:]) < index):
                name = "after" if len(requests) == 1 else f"requests.{index}.after"
                raise InvalidArguments(
                    fields={name: f"{each} is none of the requests before this one, from #0 on"}
                )


def with_job_ids(
    request: Request, requests: Sequence[Request], answers: Mapping[str | int, Accepted]
) -> Request:
    """*request* with the ids of the jobs that were made of the *requests* to which it refers."""
    if not request.after:
        return request

    def job_id(each: str) -> str:
        if not each.startswith("#"):
            return each
        index = int(each[1:])
        key = requests[index].key
        return answers[index if key is None else key].job.job_id

    return replace(request, after=tuple(job_id(each) for each in request.after))


def _plain(value: Any) -> Any:
    """*value* in a form whose JSON does not depend on the order of names."""
    if isinstance(value, Mapping):
        named = {str(name): _plain(each) for name, each in value.items()}
        return dict(sorted(named.items()))
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
