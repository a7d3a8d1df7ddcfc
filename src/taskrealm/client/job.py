"""A job that a program holds: its events, its result, its output."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..protocol import uris
from ..protocol.errors import UnknownArtifact
from ..protocol.jobs import TERMINAL, Delivery, Event, State
from .events import PAGE, StreamReset
from .files import Artifact
from .outcomes import result_of
from .output import read_output, read_result, search_output
from .stream import Position, Stream
from .window import Window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from .connection import Connection
    from .cursor import OutputChunk
    from .following import Following
    from .output import Match

CHILDREN_PAGE = 200  # children of a batch asked for at once
EPOCH = "job"  # the events of a job are a stream of their own that never starts anew


class Job:
    """
    One job; made by `Client.exec` or `Client.job`.

    Iterating over it gives its events from the first to the terminal one, as often as one
    likes, across lost connections. It raises `StreamReset` where the node's journal has some
    of them no more.
    """

    job_id: str
    owner: str
    """For whom the job runs; empty until it is known."""
    delivery: Delivery

    def __init__(
        self,
        connection: Connection,
        following: Following,
        job_id: str,
        *,
        owner: str = "",
        delivery: Delivery = Delivery.USER,
    ) -> None:
        """A job whose *owner* is not known is asked for before its first use."""
        self.job_id = job_id
        self.owner = owner
        self.delivery = delivery
        self._connection = connection
        self._following = following
        self._attaching = None if owner else asyncio.Lock()
        # Whatever is older than the window, or may have been missed since, which is what a
        # doubt says, is asked of the journal by whoever reads it.
        self._window = Window()
        self._doubts = 0 if owner else 1
        self._end: Mapping[str, Any] | None = None
        self._state: State | None = None
        # Set for a moment when there is something to read, and when it has ended or may have.
        self._news = asyncio.Event()
        self._turn = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Job {self.job_id}>"

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._events()

    async def result(self, timeout: float | None = None) -> Any:
        """
        The result, once the job has ended; one that is too big for an event is fetched.

        Raises:
            JobEnded: It ended without one; see `outcomes` for how.
            TimeoutError: It has not ended within *timeout* seconds. It runs on.
            UnknownJob: There is no such job, or not one that we may see.
        """
        async with asyncio.timeout(timeout):
            await self.attach()
            checked = 0
            while self._end is None:
                if checked < self._doubts:
                    checked = self._doubts
                    self._look_at(await self._connection.insist(uris.JOB, self.job_id))
                else:
                    self._connection.require()
                    await self._turn.wait()
            assert self._state is not None
            result = result_of(self.job_id, self._state, self._end)
            if self._end.get("artifact"):
                return await read_result(self, self._connection)
            return result

    async def cancel(self, reason: str | None = None, *, now: bool = False) -> str:
        """
        Ask to stop the job, *now* without giving it time to end by itself.

        Returns `removed_from_queue`, `stopping`, or `already_` and the state it ended in.
        """
        answer = await self._connection.call(uris.CANCEL, self.job_id, reason=reason, now=now)
        return str(answer)

    async def answer(self, question: str, value: Any) -> None:
        """
        Answer a *question* that the job asks just now, by the id that its event tells.

        Raises:
            InvalidArguments: The answer does not fit the question.
            UnknownQuestion: The job does not ask this, or has its answer.
            NotAuthorized: It is not ours to answer.
        """
        await self._connection.call(uris.ANSWER, self.job_id, question, value)

    async def snapshot(self) -> dict[str, Any]:
        """The job as the node knows it now."""
        snapshot: dict[str, Any] = await self._connection.call(uris.JOB, self.job_id)
        return snapshot

    async def children(self) -> list[Job]:
        """The jobs that the job has made, if it is a batch, in its order."""
        found: list[str] = []
        is_last = False
        while not is_last:
            before = found[-1] if found else None
            page = await self._connection.call(
                uris.JOBS, parent=self.job_id, before=before, limit=CHILDREN_PAGE
            )
            found += [child["job_id"] for child in page["jobs"]]
            is_last = page["next"] is None
        return [any_job(self._connection, self._following, job_id) for job_id in reversed(found)]

    def output(self, stream: str | None = None, offset: int = 0) -> AsyncIterator[OutputChunk]:
        """
        What the job prints on *stream*, `"stdout"` or `"stderr"` or both, live to the end.

        `"result"` is the JSON of a result that is too big for an event.

        Of a long stream the node keeps the beginning and the end. What nobody can deliver any
        more is counted in the chunk behind it.

        It begins at byte *offset*, which only makes sense for one stream.
        """
        return read_output(self, self._connection, stream, offset)

    def search(
        self, text: str, stream: str | None = None, *, offset: int = 0, match_case: bool = False
    ) -> AsyncIterator[Match]:
        """
        Where *text*, a piece of a line, stands in what the job has printed so far.

        The node looks for it, first in what went to standard output, then in standard error,
        or in one *stream* from byte *offset* on: the first place in each line, upper and
        lower case alike unless *match_case*, colours left aside.

        Raises:
            InvalidArguments: *text* is empty, longer than 200 characters, or no piece of a line.
        """
        return search_output(
            self.job_id, self._connection, text, stream, offset=offset, match_case=match_case
        )

    async def artifacts(self) -> list[Artifact]:
        """The files that the job has left so far."""
        found = await self._connection.insist(uris.ARTIFACTS, self.job_id)
        return [
            Artifact(**each, job_id=self.job_id, _connection=self._connection) for each in found
        ]

    async def artifact(self, name: str) -> Artifact:
        """
        The file *name* that the job has left.

        Raises:
            UnknownArtifact: There is none, or none any more.
        """
        for artifact in await self.artifacts():
            if artifact.name == name:
                return artifact
        raise UnknownArtifact(f"Job {self.job_id} has no artifact {name!r}, or none any more")

    @property
    def has_ended(self) -> bool:
        """Whether the job is known to have ended."""
        return self._end is not None

    @property
    def doubts(self) -> int:
        """How many times there was reason to ask whether something has been missed."""
        return self._doubts

    async def attach(self) -> None:
        """Find out about a job that was not submitted through this client."""
        if self._attaching is None:
            return
        async with self._attaching:
            if not self.owner:
                snapshot = await self._connection.insist(uris.JOB, self.job_id)
                self._look_at(snapshot)
                self.delivery = Delivery(snapshot["deliver"])
                self.owner = snapshot["owner"]
                if not self.has_ended:
                    await self._following.attach(self)

    def feed(self, event: dict[str, Any]) -> None:
        """Take an *event* of this job that has arrived."""
        if event["job_seq"] <= self._window.newest:
            return
        self._window.add(event["job_seq"], event)
        if event["type"] in TERMINAL:
            self._state, self._end = State(event["type"]), event
            self.wake()
        else:
            self.stir()

    def doubt(self) -> None:
        """Let whoever follows this job ask what has been missed."""
        self._doubts += 1
        self.wake()

    def stir(self) -> None:
        """Let whoever reads look again."""
        _pulse(self._news)

    def wake(self) -> None:
        """Let whoever waits look again, for something to read or for the end."""
        self.stir()
        _pulse(self._turn)

    async def news(self) -> None:
        """
        Wait until it is worth looking again.

        Raises:
            Disconnected: The client was closed.
            Refused: The node lets us in no more.
        """
        self._connection.require()
        await self._news.wait()

    async def _events(self) -> AsyncIterator[Event]:
        await self.attach()
        stream = Stream(Position(EPOCH, 0), place_of=_place_in_job)
        checked = 0
        while True:
            ready: list[dict[str, Any]] = []
            if stream.position.seq < self._window.newest:
                event = self._window.after(stream.position.seq)
                if event is None:
                    stream.doubt()
                else:
                    ready = stream.take([event])
            elif checked < self._doubts:
                checked = self._doubts
                stream.doubt()
            if (position := stream.question()) is not None:
                ready += await self._ask(stream, position)
            elif not ready:
                await self.news()
            for event in ready:
                yield Event.from_dict(event)
                if event["type"] in TERMINAL:
                    return

    async def _ask(self, stream: Stream, position: Position) -> list[dict[str, Any]]:
        """The events that follow *position*, as far as the answer to this question goes."""
        if position.epoch is None:
            # The stream has found a hole in the journal that asking again will not fill.
            raise StreamReset([await self.snapshot()])
        heard = self._window.newest
        page = await self._connection.insist(
            uris.EVENTS, job_id=self.job_id, since=position.seq, limit=PAGE
        )
        events = page["events"]
        last = events[-1]["job_seq"] if events else position.seq
        newest = last + 1 if page["more"] else max(last, heard)
        answer = {"recovered": True, "epoch": EPOCH, "seq": newest, "events": events}
        ready = stream.answered(answer).events
        for event in ready:
            self.feed(event)
        if page["ended"] and not page["more"]:
            if not ready:
                raise StreamReset([await self.snapshot()])
            # Unless the last of them is the end, there is nothing else to wait for.
            stream.doubt()
        return ready

    def _look_at(self, snapshot: Mapping[str, Any]) -> None:
        state = State(snapshot["state"])
        if state.is_terminal:
            self._state, self._end = state, snapshot
            self.wake()


def _pulse(event: asyncio.Event) -> None:
    event.set()
    event.clear()


def any_job(connection: Connection, following: Following, job_id: str) -> Job:
    """The job with this id, to be followed from its first event."""
    job = following.find(job_id)
    if job is None:
        job = Job(connection, following, job_id)
        following.add(job)
    return job


def _place_in_job(event: Mapping[str, Any]) -> Position:
    return Position(EPOCH, event["job_seq"])
