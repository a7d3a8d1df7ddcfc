"""Ranges of bytes that a request asks for (RFC 9110, section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

MOST = 16  # ranges in one request; who asks for more gets all of it
_SET = re.compile(r"bytes=(.+)", re.IGNORECASE | re.DOTALL)
_ONE = re.compile(r"([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18})")


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """The bytes from `begin` up to `end`, which is not one of them."""

    begin: int
    end: int

    def __len__(self) -> int:
        return self.end - self.begin

    def of(self, size: int) -> str:
        """It as `Content-Range` says it, of a whole of *size* bytes."""
        return f"bytes {self.begin}-{self.end - 1}/{size}"


class Unsatisfiable(Exception):
    """None of the ranges that were asked for is there."""


def ranges_of(header: str | None, size: int) -> list[Range] | None:
    """
    The parts that *header*, a `Range`, asks for of *size* bytes; None for the whole.

    What is not understood, is too much or overlaps is answered with the whole, as it may be.

    Raises:
        Unsatisfiable: Nothing of what it asks for is there.
    """
    asked = _SET.fullmatch(header.strip()) if header is not None else None
    if asked is None:
        return None
    found = []
    parts = [part.strip() for part in asked[1].split(",")]
    parts = [part for part in parts if part]
    if not 0 < len(parts) <= MOST:
        return None
    for part in parts:
        one = _ONE.fullmatch(part)
        if one is None:
            return None
        first, last, suffix = one.groups()
        if suffix is not None:
            begin, end = max(size - int(suffix), 0), size
        else:
            begin, end = int(first), min(int(last) + 1 if last else size, size)
            if last and int(last) < begin:
                return None
        if begin < end:
            found.append(Range(begin, end))
    if not found:
        raise Unsatisfiable
    if any(one.end > other.begin for one, other in pairwise(sorted(found))):
        return None
    return found


class Covered:
    """Which bytes of a whole of *size* bytes have been delivered."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._ranges: list[Range] = []

    @property
    def is_whole(self) -> bool:
        """Whether every byte has been delivered."""
        return self._size == 0 or self._ranges == [Range(0, self._size)]

    @property
    def pieces(self) -> int:
        """How many ranges apart from each other have been delivered."""
        return len(self._ranges)

    def add(self, begin: int, end: int) -> None:
        """The bytes from *begin* up to *end* have been delivered."""
        joined: list[Range] = []
        for each in sorted([*self._ranges, Range(begin, end)]):
            if joined and each.begin <= joined[-1].end:
                joined[-1] = Range(joined[-1].begin, max(joined[-1].end, each.end))
            else:
                joined.append(each)
        self._ranges = [each for each in joined if len(each)]
