"""Reading one output stream from the node page by page, the next ones asked for in advance."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from .cursor import Ask, OutputChunk, OutputCursor

PAGE = 262_144  # bytes asked for at once
AHEAD = 4  # pages that may be on their way
OVERLAP = 3  # bytes that a page may end before its limit, not to cut a character
NO_CHARACTER = "\N{REPLACEMENT CHARACTER}"  # stands for bytes that are no text, however many


class Pages:
    """
    What a cursor is behind with, read at the pace of whoever takes it.

    As long as more than a page is known to be there, the next pages are asked for before the
    last one has come: the way to the node and back costs its time once, and not for each. One
    page may cut a character where another begins. So they overlap, and a page that cannot be
    fitted to the end of the one before is dropped, and asked for again.
    """

    def __init__(
        self,
        cursor: OutputCursor,
        ask: Callable[[str, int, int], Coroutine[Any, Any, Mapping[str, Any]]],
        *,
        size: int = PAGE,
    ) -> None:
        """*ask* gets the page of a stream from an offset on, with *size* bytes at most."""
        self._cursor = cursor
        self._ask = ask
        self._size = size
        self._coming: deque[tuple[Ask, asyncio.Task[Mapping[str, Any]]]] = deque()
        self._end = ""

    async def read(self) -> list[OutputChunk]:
        """What to deliver of the next page; the cursor takes nothing until it has come."""
        ask = wanted = self._cursor.ask()
        page: Mapping[str, Any] | None = None
        if self._coming:
            ask, coming = self._coming.popleft()
            page = _fitted(await coming, ask.offset, wanted.offset, self._end)
        if page is None:
            self.close()
            ask = wanted
            page = await self._ask(self._cursor.stream, ask.offset, self._size)
        self._end = page["text"][-OVERLAP:]
        chunks = self._cursor.answer(ask, page)
        self._read_ahead(page)
        return chunks

    def close(self) -> None:
        """Drop what is on its way."""
        for _, coming in self._coming:
            coming.cancel()
        self._coming.clear()

    def _read_ahead(self, page: Mapping[str, Any]) -> None:
        """Ask for what follows *page*, as far as that is known to be there."""
        if page["next"] - page["offset"] < self._size - OVERLAP:
            return  # what takes more room on the wire comes in shorter pages than was asked for
        now = self._cursor.ask()
        begin = self._coming[-1][0].offset + self._size - OVERLAP if self._coming else now.offset
        while len(self._coming) < AHEAD and begin + self._size <= page["size"]:
            coming = asyncio.create_task(self._ask(self._cursor.stream, begin, self._size))
            # Looked at here, so that nobody is warned about one that fails and is not wanted.
            coming.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._coming.append((replace(now, offset=begin), coming))
            begin += self._size - OVERLAP


def _fitted(page: Mapping[str, Any], asked: int, offset: int, end: str) -> Mapping[str, Any] | None:
    """
    The *page* from *asked* on without what comes before *offset*, where text ends with *end*.

    None if that cannot be told from the text alone, or a part of it is missing.
    """
    if asked == offset:
        return page
    surplus = offset - asked
    if page["offset"] != asked or not 0 < surplus <= OVERLAP or NO_CHARACTER in end:
        return None
    return {**page, "offset": offset, "text": page["text"][_characters(end, surplus) :]}


def _characters(end: str, size: int) -> int:
    """How many characters the last *size* bytes of a text become that ends with *end*."""
    count = 0
    for character in reversed(end):
        length = len(character.encode())
        if length > size:
            break
        size -= length
        count += 1
    # Of a character that is cut, each byte that is left becomes one that says so.
    return count + size
