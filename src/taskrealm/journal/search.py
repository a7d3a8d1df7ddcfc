"""Finding text in what a job has printed, as people see it."""

from __future__ import annotations

import re
import time
from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .text import unfinished_before, whole_characters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .output import Chunk

BLOCK = 262_144  # bytes that are read at once
LINE = 4_096  # bytes after which a line counts as another one
SCANNED = 8_000_000  # bytes that one search looks through at most
PATIENCE = 0.25  # seconds after which a search stops, to be gone on with
BEFORE = 80  # bytes of a line that are shown before a match
AFTER = 160  # and behind it
LOOK_BACK = 4 * BEFORE  # bytes, as some of them may be no text

_ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[]PX^_][^\x07\x1b]{0,2048}(?:\x07|\x1b\\)|[ -/]*[0-Z\\`-~])"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Match:
    """A place where the text stands: the `offset` of its first byte, and what is around it."""

    offset: int
    before: str
    text: str
    after: str


@dataclass(frozen=True, slots=True)
class Found:
    """The matches of one search, the offset where to go on, and whether there is `more` to search."""

    matches: list[Match]
    next: int
    more: bool


class Needle:
    """A text to be looked for, in upper and lower case unless *match_case*."""

    def __init__(self, text: str, *, match_case: bool = False) -> None:
        self._bytes = text.encode()
        self._fold: Callable[[bytes], bytes]
        self._find: Callable[[bytes, int], tuple[int, int] | None]
        if match_case:
            self._fold, self._find = bytes, self._find_bytes
        elif text.isascii():
            self._bytes = self._bytes.lower()
            self._fold, self._find = bytes.lower, self._find_bytes
        else:
            self._fold, self._find = bytes, self._find_pattern
            self._pattern = re.compile(b"".join(map(_either, text)))
        self.overlap = 4 * len(self._bytes) + LOOK_BACK
        """Bytes within which one that is cut in two is found again."""

    def among(self, data: bytes, begin: int) -> Iterator[tuple[int, int, Match]]:
        """
        The matches in *data* from its byte *begin* on, the first one of each line; with the
        bytes where each begins and where the rest of its line is over.

        The `offset` of each is that in *data*.
        """
        visible, place = _without_escapes(data)
        haystack = self._fold(visible)
        position = place.shown(begin)
        while (found := self._find(haystack, position)) is not None:
            start, stop = found
            position = _line_end(visible, stop)
            at, over = place.printed(start), place.printed(position)
            yield at, over, _match(visible, at, start, stop, position)

    def _find_bytes(self, haystack: bytes, position: int) -> tuple[int, int] | None:
        start = haystack.find(self._bytes, position)
        return None if start < 0 else (start, start + len(self._bytes))

    def _find_pattern(self, haystack: bytes, position: int) -> tuple[int, int] | None:
        found = self._pattern.search(haystack, position)
        return None if found is None else found.span()


def search(read: Callable[[int, int], Chunk], needle: Needle, offset: int, limit: int) -> Found:
    """
    Look for *needle* from *offset* on in what *read* gives from an offset, so many bytes.

    It stops behind *limit* matches, `SCANNED` bytes or `PATIENCE` seconds; or at the end,
    and then a little before it, as what is printed there may go on.
    """
    matches: list[Match] = []
    position = told = offset
    deadline = time.monotonic() + PATIENCE
    while position < offset + SCANNED and time.monotonic() < deadline:
        chunk = read(max(0, position - LOOK_BACK), BLOCK + LOOK_BACK)
        if chunk.next <= position:
            chunk = read(position, BLOCK)
        if chunk.next <= position:
            return Found(matches, max(told, position - needle.overlap), more=False)
        base, data = chunk.offset, chunk.data
        position = max(position, base)
        end = len(data)
        if end - (position - base) >= BLOCK:
            end = _whole_lines(data)
            if base + end <= position:
                end = len(data) - needle.overlap
        for at, over, match in needle.among(data, position - base):
            if at >= end:
                break
            if len(matches) == limit:
                return Found(matches, base + at, more=True)
            matches.append(replace(match, offset=base + at))
            position = told = base + over
        position = max(position, base + end)
    return Found(matches, position, more=True)


@dataclass(frozen=True, slots=True)
class _Place:
    """Which byte of what was printed is which byte of what is shown of it."""

    shown_at: list[int]
    printed_at: list[int]

    def shown(self, printed: int) -> int:
        index = bisect_right(self.printed_at, printed) - 1
        shown = self.shown_at[index] + printed - self.printed_at[index]
        following = self.shown_at[index + 1 : index + 2]
        return min(shown, *following) if following else shown

    def printed(self, shown: int) -> int:
        index = bisect_right(self.shown_at, shown) - 1
        return self.printed_at[index] + shown - self.shown_at[index]


def _without_escapes(data: bytes) -> tuple[bytes, _Place]:
    shown_at, printed_at = [0], [0]
    if b"\x1b" not in data:
        return data, _Place(shown_at, printed_at)
    pieces = []
    length = position = 0
    for escape in _ESCAPES.finditer(data):
        pieces.append(data[position : escape.start()])
        length += escape.start() - position
        position = escape.end()
        shown_at.append(length)
        printed_at.append(position)
    pieces.append(data[position:])
    return b"".join(pieces), _Place(shown_at, printed_at)


def _either(character: str) -> bytes:
    """A pattern for *character* in upper and lower case."""
    forms = {character, character.lower(), character.upper()}
    return b"(?:" + b"|".join(re.escape(each.encode()) for each in sorted(forms)) + b")"


def _whole_lines(data: bytes) -> int:
    """The length of the lines in *data* that have an end."""
    return max(data.rfind(b"\n"), data.rfind(b"\r")) + 1


def _line_end(data: bytes, position: int) -> int:
    """Where the line is over that the byte at *position* is in."""
    end = min(position + LINE, len(data))
    ends = [data.find(mark, position, end) for mark in (b"\n", b"\r")]
    return min([end, *(each for each in ends if each >= 0)])


def _match(data: bytes, offset: int, start: int, stop: int, line_end: int) -> Match:
    line = max(data.rfind(mark, max(0, start - BEFORE), start) for mark in (b"\n", b"\r")) + 1
    before = data[line or max(0, start - BEFORE) : start]
    after = data[stop : min(line_end, stop + AFTER)]
    return Match(
        offset,
        before=_text(before[unfinished_before(before) :]),
        text=_text(data[start:stop]),
        after=_text(after[: whole_characters(after)]),
    )


def _text(data: bytes) -> str:
    return _CONTROL.sub("", data.decode(errors="replace"))
