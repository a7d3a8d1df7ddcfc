"""The procedures that read, and search, what jobs have printed."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..access.rules import Right
from ..journal import RESULT, STREAMS, Needle
from ..protocol import uris
from ..protocol.errors import InvalidArguments
from .arguments import expect, expect_number
from .offers import offer
from .pace import Pace
from .shares import fitting, size_of

if TYPE_CHECKING:
    from ..journal import Chunk, OutputStore
    from ..wire import Call, Session
    from .callers import Callers
    from .job_access import JobAccess
    from .shares import Shares

OUTPUT_RATE = 80_000_000  # bytes of output a second that are read by all together
PLAIN = bytes(range(32, 127)) + b"\t\n\r"  # bytes that take no more than two in JSON


LONGEST_NEEDLE = 200  # characters
SEARCHES_AT_ONCE = 2


class OutputReading:
    """Gives out the output of jobs, no faster than leaves time for everything else."""

    def __init__(
        self, callers: Callers, jobs: JobAccess, stored: OutputStore, shares: Shares
    ) -> None:
        self._callers = callers
        self._jobs = jobs
        self._stored = stored
        self._shares = shares
        self._reading = asyncio.Lock()
        self._pace = Pace(OUTPUT_RATE)
        self._searching = asyncio.Semaphore(SEARCHES_AT_ONCE)

    async def register(self, session: Session) -> None:
        """Offer the procedures in the realm that *session* has joined."""
        await offer(session, {uris.OUTPUT: self.output, uris.SEARCH: self.search})

    async def output(
        self, call: Call, job_id: Any, stream: Any = "stdout", offset: Any = 0, limit: Any = 65_536
    ) -> dict[str, Any]:
        """
        A piece of a job's output: `{stream, offset, next, text, size, kept, skipped, gap, end}`.

        It begins at `offset`, or `skipped` bytes behind it if so many are not kept, with all
        the `gap` before it; `size` is how many were printed so far, and `kept` how many of
        them are there still. The stream `result` is the JSON of a result that
        was too big for the terminal event.
        """
        if stream not in (*STREAMS, RESULT):
            raise InvalidArguments(fields={"stream": "must be stdout, stderr or result"})
        expect_number("offset", offset, 0, 2**53)
        expect_number("limit", limit, 4, 262_144)
        caller = self._callers.of(call)
        async with self._reading:
            await self._pace.wait()
            await call.room()
            job = await self._jobs.job(caller, job_id, Right.OUTPUT)
            # The state is asked for before the size: an end seen here is an end.
            has_ended = job.state.is_terminal
            size = self._stored.size(job.job_id, stream)
            chunk, text = self._read(job.job_id, stream, offset, limit)
            self._pace.spend(len(chunk.data))
            return {
                "stream": stream,
                "offset": chunk.offset,
                "next": chunk.next,
                "text": text,
                "size": size.printed,
                "kept": size.kept,
                "skipped": chunk.offset - offset,
                "gap": chunk.gap,
                "end": has_ended and chunk.next >= size.printed,
            }

    async def search(
        self,
        call: Call,
        job_id: Any,
        text: Any,
        stream: Any = "stdout",
        offset: Any = 0,
        limit: Any = 100,
        match_case: Any = False,
    ) -> dict[str, Any]:
        """
        Where `text` stands in a job's output: `{stream, matches, next, more, size}`.

        Each match is `{offset, before, text, after}`, the first one of its line, with the
        rest of that line around it; colours and what else steers a terminal count as not
        printed. One call does not search everything: as long as there is `more`, the next
        one goes on at `next`.
        """
        if stream not in STREAMS:
            raise InvalidArguments(fields={"stream": "must be stdout or stderr"})
        expect("text", text, str, "text")
        if not 0 < len(text) <= LONGEST_NEEDLE or not text.isprintable():
            raise InvalidArguments(
                fields={
                    "text": f"must be a piece of a line, of at most {LONGEST_NEEDLE} characters"
                }
            )
        expect_number("offset", offset, 0, 2**53)
        expect_number("limit", limit, 1, 1_000)
        expect("match_case", match_case, bool, "true or false")
        caller = self._callers.of(call)
        needle = Needle(text, match_case=match_case)
        async with self._searching:
            await call.room()
            job = await self._jobs.job(caller, job_id, Right.OUTPUT)
            size = self._stored.size(job.job_id, stream).printed
            found = await asyncio.to_thread(
                self._stored.search, job.job_id, stream, needle, offset, limit
            )
        matches = fitting((asdict(each) for each in found.matches), self._shares.page)
        is_whole = len(matches) == len(found.matches)
        return {
            "stream": stream,
            "matches": matches,
            "next": found.next if is_whole else found.matches[len(matches)].offset,
            "more": found.more or not is_whole,
            "size": size,
        }

    def _read(self, job_id: str, stream: str, offset: int, limit: int) -> tuple[Chunk, str]:
        """A chunk of output that fits into a message, and its text."""
        while True:
            chunk = self._stored.read(job_id, stream, offset, limit)
            text = chunk.data.decode(errors="replace")
            strange = len(chunk.data.translate(None, PLAIN))
            if 2 * len(chunk.data) + 4 * strange <= self._shares.page:
                return chunk, text
            size = size_of(text)
            if size <= self._shares.page:
                return chunk, text
            # Control characters and what is no text grow on the wire.
            limit = len(chunk.data) * self._shares.page // size
