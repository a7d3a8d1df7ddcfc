"""The client for programs without an event loop: web applications, scripts, tests."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ..wire import Disconnected
from .client import Client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ..protocol.errors import Error
    from ..protocol.jobs import Event
    from ..protocol.scope import Scope
    from .administration import Administration
    from .client import Request
    from .connection import Status
    from .cursor import OutputChunk
    from .files import Artifact, Source
    from .job import Job
    from .output import Match

    Arguments = Mapping[str, Any] | Sequence[Any]

T = TypeVar("T")


class BlockingClient:
    """
    `Client` for code that waits, as in Flask, Django or a script.

        with BlockingClient("ws://127.0.0.1:8080/ws", token="tr_…") as client:
            job = client.exec("video.transcode", {"source": "a.mp4"}, priority=5)
            for event in job:
                print(event.type, event.data)
            print(job.result())

    It has the methods of `Client`, with the same arguments and errors, and any number of
    threads may use it at once. The connection is kept by a thread of its own; a server that forks
    opens one in each of its processes.
    """

    def __init__(self, url: str, **options: Any) -> None:
        """*options* are those of `Client`, such as its `token`."""
        self._client = Client(url, **options)
        self._loop = _Loop()
        self.admin = BlockingAdministration(self._client.admin, self._loop)
        """What operators ask besides."""

    def __enter__(self) -> Self:
        """
        Join the realm.

        Raises:
            Refused: The node does not let us in.
            Unavailable: The node cannot be reached.
        """
        self._loop.start()
        try:
            self._loop.call(self._client.__aenter__())
        except BaseException:
            self._loop.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call(self._client.__aexit__())
        self._loop.stop()

    @property
    def authid(self) -> str:
        """Who we are to the node."""
        return self._client.authid

    @property
    def role(self) -> str:
        """The role that the node gives us."""
        return self._client.role

    @property
    def scope(self) -> Scope:
        """What the token limits us to."""
        return self._client.scope

    @property
    def status(self) -> Status:
        """How we stand with the node."""
        return self._client.status

    def tasks(self) -> list[dict[str, Any]]:
        """The tasks that we may run."""
        return self._loop.call(self._client.tasks())

    def check(self, task: str, arguments: Arguments = (), **options: Any) -> dict[str, Any]:
        """What `exec` would run."""
        return self._loop.call(self._client.check(task, arguments, **options))

    def exec(self, task: str, arguments: Arguments = (), **options: Any) -> BlockingJob:
        """Run *task*: the job, as soon as it has been accepted."""
        return self._blocking(self._loop.call(self._client.exec(task, arguments, **options)))

    def run(
        self,
        task: str,
        arguments: Arguments = (),
        *,
        patience: float | None = None,
        **options: Any,
    ) -> Any:
        """Run *task* and wait for its result, *patience* seconds at most; see `Client.run`."""
        return self._loop.call(self._client.run(task, arguments, patience=patience, **options))

    def exec_many(self, requests: Iterable[Request]) -> list[BlockingJob]:
        """Run many tasks by one call; all are accepted or none."""
        return [
            self._blocking(job) for job in self._loop.call(self._client.exec_many(list(requests)))
        ]

    def cancel_many(
        self, jobs: Iterable[str | BlockingJob], reason: str | None = None, *, now: bool = False
    ) -> dict[str, str | Error]:
        """Ask to stop many jobs by few calls; see `Client.cancel_many`."""
        job_ids = [each.job_id if isinstance(each, BlockingJob) else each for each in jobs]
        return self._loop.call(self._client.cancel_many(job_ids, reason, now=now))

    def upload(self, source: Source, **options: Any) -> str:
        """Send a file: its id, which is what a parameter that takes a file is given."""
        return self._loop.call(self._client.upload(source, **options))

    def remove_upload(self, file: str, **options: Any) -> None:
        """Remove a file that we have sent and no job needs any more."""
        self._loop.call(self._client.remove_upload(file, **options))

    def job(self, job_id: str) -> BlockingJob:
        """Any job that we may see."""

        async def find() -> Job:
            return self._client.job(job_id)

        return self._blocking(self._loop.call(find()))

    def jobs(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """The jobs that we may see, newest first."""
        return self._loop.iterate(self._client.jobs(**filters))

    def events(self) -> Iterator[Event]:
        """Every event of every job of ours, in order, from now on."""

        async def listen() -> AsyncIterator[Event]:
            return self._client.events()

        return self._loop.iterate(self._loop.call(listen()))

    def mint(self, user: str | None = None, **options: Any) -> dict[str, Any]:
        """Make a token for a page, a link or a program; the *options* are those of `Client.mint`."""
        return self._loop.call(self._client.mint(user, **options))

    def outcomes(self, task: str | None = None, *, limit: int = 100) -> list[dict[str, Any]]:
        """See `Client.outcomes`."""
        return self._loop.call(self._client.outcomes(task, limit=limit))

    def sessions(self) -> list[dict[str, Any]]:
        """See `Client.sessions`."""
        return self._loop.call(self._client.sessions())

    def end_session(self, session: int) -> None:
        """See `Client.end_session`."""
        self._loop.call(self._client.end_session(session))

    def tokens(self) -> list[dict[str, Any]]:
        """See `Client.tokens`."""
        return self._loop.call(self._client.tokens())

    def revoke(self, token: str) -> None:
        """See `Client.revoke`."""
        self._loop.call(self._client.revoke(token))

    def statistics(self) -> dict[str, Any]:
        """How many jobs wait and run; for operators."""
        return self._loop.call(self._client.statistics())

    def pause(self) -> dict[str, Any]:
        """Let no more jobs start until `resume`; for operators."""
        return self._loop.call(self._client.pause())

    def resume(self) -> dict[str, Any]:
        """Let jobs be taken and started again; for operators."""
        return self._loop.call(self._client.resume())

    def drain(self, limit: float | None = None) -> dict[str, Any]:
        """Let no more jobs be taken or started; for operators."""
        return self._loop.call(self._client.drain(limit))

    def schedules(self) -> list[dict[str, Any]]:
        """See `Client.schedules`."""
        return self._loop.call(self._client.schedules())

    def schedule(self, name: str, action: str) -> dict[str, Any]:
        """See `Client.schedule`."""
        return self._loop.call(self._client.schedule(name, action))

    def limits(self, **changes: Any) -> dict[str, Any]:
        """How many slots there are, after *changes* as for `Client.limits`; for operators."""
        return self._loop.call(self._client.limits(**changes))

    def _blocking(self, job: Job) -> BlockingJob:
        return BlockingJob(job, self._loop)


class BlockingAdministration:
    """The part of a `BlockingClient` that is for operators; see `Administration`."""

    def __init__(self, administration: Administration, loop: _Loop) -> None:
        self._administration = administration
        self._loop = loop

    def audit(self, **options: Any) -> Iterator[dict[str, Any]]:
        """The records of the audit log, newest first."""
        return self._loop.iterate(self._administration.audit(**options))

    def sessions(self, user: str | None = None) -> list[dict[str, Any]]:
        """Who has joined, everybody or one *user*."""
        return self._loop.call(self._administration.sessions(user))

    def end_session(self, session: int) -> None:
        """End a session at once."""
        self._loop.call(self._administration.end_session(session))

    def tokens(self, user: str | None = None) -> list[dict[str, Any]]:
        """The tokens that are valid now, by their ids."""
        return self._loop.call(self._administration.tokens(user))

    def revoke(self, *, token: str | None = None, user: str | None = None) -> int:
        """Make one *token* invalid, or all by which a *user* has joined; gives how many."""
        return self._loop.call(self._administration.revoke(token=token, user=user))

    def users(self) -> list[dict[str, Any]]:
        """The users that the node knows."""
        return self._loop.call(self._administration.users())

    def load(self, span: float = 3_600) -> dict[str, Any]:
        """See `Administration.load`."""
        return self._loop.call(self._administration.load(span))

    def diagnostics(self) -> dict[str, Any]:
        """See `Administration.diagnostics`."""
        return self._loop.call(self._administration.diagnostics())

    def rights(self, user: str, role: str = "user", teams: Sequence[str] = ()) -> dict[str, Any]:
        """What a *user* may do, and by which rules."""
        return self._loop.call(self._administration.rights(user, role, teams))


class BlockingJob:
    """One job; made by `BlockingClient`. Iterating over it gives its events, to the last."""

    def __init__(self, job: Job, loop: _Loop) -> None:
        self.job_id = job.job_id
        self._job = job
        self._loop = loop

    def __repr__(self) -> str:
        return f"<BlockingJob {self.job_id}>"

    def __iter__(self) -> Iterator[Event]:
        return self._loop.iterate(aiter(self._job))

    def result(self, timeout: float | None = None) -> Any:
        """
        The result, once the job has ended.

        Raises:
            JobEnded: It ended without one.
            TimeoutError: It has not ended within *timeout* seconds. It runs on.
        """
        return self._loop.call(self._job.result(timeout))

    def cancel(self, reason: str | None = None, *, now: bool = False) -> str:
        """Ask to stop the job, *now* without giving it time to end by itself."""
        return self._loop.call(self._job.cancel(reason, now=now))

    def answer(self, question: str, value: Any) -> None:
        """
        Answer a *question* that the job asks just now, by the id that its event tells.

        Raises:
            InvalidArguments: The answer does not fit the question.
            UnknownQuestion: The job does not ask this, or has its answer.
        """
        self._loop.call(self._job.answer(question, value))

    def snapshot(self) -> dict[str, Any]:
        """The job as the node knows it now."""
        return self._loop.call(self._job.snapshot())

    def output(self, stream: str | None = None, offset: int = 0) -> Iterator[OutputChunk]:
        """What the job prints, live to the end."""
        return self._loop.iterate(self._job.output(stream, offset))

    def search(
        self, text: str, stream: str | None = None, *, offset: int = 0, match_case: bool = False
    ) -> Iterator[Match]:
        """Where *text* stands in what the job has printed so far; see `Job.search`."""
        return self._loop.iterate(
            self._job.search(text, stream, offset=offset, match_case=match_case)
        )

    def artifacts(self) -> list[BlockingArtifact]:
        """The files that the job has left so far."""
        found = self._loop.call(self._job.artifacts())
        return [BlockingArtifact(each, self._loop) for each in found]

    def artifact(self, name: str) -> BlockingArtifact:
        """The file *name* that the job has left."""
        return BlockingArtifact(self._loop.call(self._job.artifact(name)), self._loop)


class BlockingArtifact:
    """A file that a job has left; made by `BlockingJob`."""

    def __init__(self, artifact: Artifact, loop: _Loop) -> None:
        self.name = artifact.name
        self.title = artifact.title
        self.media_type = artifact.media_type
        self.size = artifact.size
        self.sha256 = artifact.sha256
        self._artifact = artifact
        self._loop = loop

    def __repr__(self) -> str:
        return f"<BlockingArtifact {self.name}>"

    def pieces(self) -> Iterator[bytes]:
        """Its bytes, in pieces."""
        return self._loop.iterate(self._artifact.pieces())

    def read(self) -> bytes:
        """All of it, once its checksum has been compared."""
        return self._loop.call(self._artifact.read())

    def save(self, path: str | os.PathLike[str] = ".", **options: Any) -> Path:
        """Write it to the file *path*, or into that folder under its own name; gives the path."""
        return self._loop.call(self._artifact.save(path, **options))


class _Loop:
    """An event loop in a thread of its own, and calls into it that wait."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    def start(self) -> None:
        loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=loop.run_forever, name="taskrealm-client", daemon=True
        )
        self._thread.start()
        self._loop, self._pid = loop, os.getpid()

    def stop(self) -> None:
        loop, self._loop = self._loop, None
        if loop is not None and self._pid == os.getpid():
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join()
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """
        What *coroutine* gives.

        Raises:
            Disconnected: The client is closed, or was opened by another process.
        """
        if self._loop is None or self._pid != os.getpid():
            coroutine.close()
            raise Disconnected(
                "The client is closed"
                if self._loop is None
                else "The client belongs to the process that opened it: open one in each process"
            )
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # whoever interrupts us does not want it any more
            raise

    def iterate(self, items: AsyncIterator[T]) -> Iterator[T]:
        try:
            while True:
                try:
                    item = self.call(_next(items))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            if self._loop is not None and hasattr(items, "aclose"):
                self.call(items.aclose())


async def _next(items: AsyncIterator[T]) -> T:
    return await anext(items)
