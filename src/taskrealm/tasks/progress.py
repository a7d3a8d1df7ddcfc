"""Reads the progress of a job from what its program prints."""

from __future__ import annotations

import logging
import math
import re
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LINE_LIMIT = 8_192  # bytes kept of a line that has not ended
MESSAGE_LIMIT = 200  # characters of a progress message
ESTIMATE_AFTER = 1.0  # seconds of work before the time left is estimated from it

_ORDERS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is; None means unknown. `eta` is in seconds from now."""

    fraction: float | None = None
    message: str | None = None
    eta: float | None = None


class ProgressParser(ABC):
    """
    Reads the output of one job, line by line.

    Lines end in a newline or, as progress bars do, in a carriage return.
    """

    @cached_property
    def _pending(self) -> dict[str, bytes]:
        """The lines that have not ended, by stream."""
        return {}

    def feed(self, stream: str, data: bytes) -> Progress | None:
        """Take a chunk of `stdout` or `stderr`; what it says about progress, if anything."""
        pending = self._pending.get(stream, b"") + data
        end = max(pending.rfind(b"\n"), pending.rfind(b"\r")) + 1
        # Of a line without end its latest part tells most, and memory is bounded.
        rest = self._pending[stream] = pending[end:][-LINE_LIMIT:]
        progress = None
        if rest:
            progress = self.read_open(stream, rest.decode(errors="replace"))
        if progress is None and end > 0:
            lines = pending[:end].replace(b"\r", b"\n").decode(errors="replace")
            progress = self.read(stream, lines)
        return progress

    @abstractmethod
    def read(self, stream: str, lines: str) -> Progress | None:
        """What one or more whole *lines*, each ending in a newline, say about progress."""

    def read_open(self, stream: str, line: str) -> Progress | None:
        """
        What a *line* says that has not ended, if that cannot change any more.

        Bars that begin with a carriage return end only when the next one is drawn.
        """
        return None


@dataclass(frozen=True, slots=True)
class Pattern:
    r"""
    Makes parsers that look for a regular expression in each line.

    Its named groups say what is found: `percent`, or `fraction`, or `done` and `total`, and
    optionally `message`. `^` and `$` stand for the ends of a line.

        progress = Pattern(r"^(?P<done>\d+) of (?P<total>\d+)")
    """

    regex: str

    def __post_init__(self) -> None:
        groups = set(re.compile(self.regex).groupindex) - {"message"}
        if groups not in ({"percent"}, {"fraction"}, {"done", "total"}):
            raise ValueError(
                "The pattern needs a named group percent, or fraction, or both done and total, "
                r"such as (?P<percent>\d+)%"
            )

    def __call__(self) -> ProgressParser:
        return _PatternParser(re.compile(self.regex, re.MULTILINE))


class _PatternParser(ProgressParser):
    def __init__(self, regex: re.Pattern[str]) -> None:
        self._regex = regex

    def read(self, stream: str, lines: str) -> Progress | None:
        # A quick no for the many lines that say nothing, however many they are.
        if self._regex.search(lines) is None:
            return None
        for line in reversed(lines.split("\n")):
            *_, latest = [None, *self._regex.finditer(line)]
            if latest is not None:
                found = latest.groupdict()
                return Progress(fraction=_fraction(found), message=found.get("message"))
        return None


def _fraction(found: dict[str, str | None]) -> float | None:
    numbers = {name: _number(text) for name, text in found.items() if name != "message"}
    match numbers:
        case {"percent": float(percent)}:
            return percent / 100
        case {"fraction": float(fraction)}:
            return fraction
        case {"done": float(done), "total": float(total)} if total > 0:
            return done / total
    return None


Percent = Pattern(r"(?P<percent>\d{1,3}(?:\.\d+)?) ?%")
"""Makes parsers that take any `NN %` for the progress of the job."""


class FfmpegProgress(ProgressParser):
    """
    Understands ffmpeg with `-progress pipe:1`.

    How long the film is stands on standard error, unless `-loglevel` hides it.
    """

    _DURATION = re.compile(r"^ *Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)", re.MULTILINE)
    _ENTRY = re.compile(r"^(out_time_us|frame|speed|progress)= *(\S+)", re.MULTILINE)

    def __init__(self) -> None:
        self._duration = 0.0  # seconds of the longest input
        self._block: dict[str, str] = {}

    def read(self, stream: str, lines: str) -> Progress | None:
        """The progress at the last block of keys and values that is complete."""
        if stream == "stderr":
            for hours, minutes, seconds in self._DURATION.findall(lines):
                duration = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
                self._duration = max(self._duration, duration)
            return None
        latest = None
        for key, value in self._ENTRY.findall(lines):
            self._block[key] = value
            if key == "progress":
                latest = self._progress()
        return latest

    def _progress(self) -> Progress:
        done = (_number(self._block.get("out_time_us")) or 0.0) / 1e6
        speed = _number(self._block.get("speed", "").rstrip("x"))
        message = [f"frame {self._block['frame']}"] if "frame" in self._block else []
        if speed is not None:
            message.append(f"{speed:.3g}\N{MULTIPLICATION SIGN}")
        fraction = eta = None
        if self._block["progress"] == "end":
            fraction = 1.0
        elif self._duration > 0:
            fraction = done / self._duration
            if speed:
                eta = (self._duration - done) / speed
        return Progress(fraction, ", ".join(message) or None, eta)


class ProgressReader:
    """
    Asks the parser of a task, and makes its reports fit for everybody to see.

    A parser that fails is not asked again: progress is no reason for a job to fail.
    """

    def __init__(self, parser: ProgressParser, clock: Callable[[], float] = time.monotonic) -> None:
        self._parser: ProgressParser | None = parser
        self._clock = clock
        self._started = clock()

    def feed(self, stream: str, data: bytes) -> Progress | None:
        """Take a chunk of `stdout` or `stderr`; what it says about progress, if anything."""
        if self._parser is None:
            return None
        try:
            progress = self._parser.feed(stream, data)
            if progress is None:
                return None
            return presentable(progress, self._clock() - self._started)
        except Exception:
            log.exception("A progress parser failed; the job goes on without progress")
            self._parser = None
            return None


def presentable(progress: Progress, elapsed: float) -> Progress:
    """
    *progress* as everybody may see it, *elapsed* seconds after the start of the program.

    Without an estimate of the time left, that follows from the time passed so far, unless
    this is too short to tell.
    """
    fraction, eta = _finite(progress.fraction), _finite(progress.eta)
    if fraction is not None:
        fraction = min(max(fraction, 0.0), 1.0)
        if eta is None and fraction > 0 and elapsed >= ESTIMATE_AFTER:
            eta = elapsed * (1 - fraction) / fraction
    return Progress(
        fraction=fraction,
        message=None if progress.message is None else _printable(progress.message),
        eta=None if eta is None else max(eta, 0.0),
    )


def without_colours(text: str) -> str:
    """*text* without what a terminal takes for orders, such as to write in green."""
    return _ORDERS.sub("", text) if "\x1b" in text else text


def _printable(message: str) -> str:
    """*message* without colours and control characters, and not too long."""
    text = "".join(char for char in without_colours(message) if char.isprintable())
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
