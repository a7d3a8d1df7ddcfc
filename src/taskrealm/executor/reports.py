"""What the programs of a job report: the lines that they write into its pipe."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..tasks import Progress
from ..tasks.progress import presentable
from ..tasks.report import KEYS, LEVELS, LINE_LIMIT, VERSION
from ..tasks.values import Unfit, plain, visible
from .questions import question_of, refuse
from .sieve import ReportSieve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from ..engine import NamedPipes
    from .attempt import Reporter
    from .questions import Question

MESSAGE_LIMIT = 1_000  # messages of one attempt that become events; further ones are counted
TAG_LIMIT = 100  # characters
NOTHING: tuple[()] = ()
UNCOUNTED = tuple(f'"{key}"'.encode() for key in KEYS if key != "message")
"""What a line must contain to be read even when there is no room for messages any more."""
REST = 4.0  # times as long as a reading took, nothing more is read: others need the loop as well


@dataclass(slots=True)
class Reading:
    """What some lines say."""

    progress: Progress | None = None
    """The latest, or the latest after the first message."""
    messages: list[dict[str, Any]] = field(default_factory=list)
    """The data of each `message` event."""
    files: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    """Of each file that it leaves: path, title, and name."""
    questions: list[Question] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    result: tuple[Any, ...] = NOTHING
    """The latest, if there is one."""
    early: Progress | None = None
    """The latest before the first message, if there are messages."""


class ReportReader:
    """
    Makes something of the lines that come through a pipe, in whatever pieces.

    A line that is no report becomes a message that says why. Memory is bounded by the
    length of one line, and there are no more messages and questions than `MESSAGE_LIMIT`.
    """

    def __init__(self, directory: Path) -> None:
        """*directory* is the working directory of the job, where answers are expected."""
        self._directory = directory
        self._pending = b""
        self._is_too_long = False
        self._room = MESSAGE_LIMIT
        self._surplus = 0

    def feed(self, data: bytes) -> Reading:
        """Take a piece of what was written."""
        *lines, pending = (self._pending + data).split(b"\n")
        reading = Reading()
        if lines and self._is_too_long:
            self._is_too_long = False
            del lines[0]
        self.read(lines, reading)
        if not self._is_too_long and len(pending) >= LINE_LIMIT:
            self._is_too_long = True
            self._complain(reading, f"it has more than {LINE_LIMIT} bytes", pending)
        self._pending = b"" if self._is_too_long else pending
        return reading

    def end(self) -> Reading:
        """Take the last line, if nobody ended it, and say how many messages were too many."""
        reading = self.feed(b"\n") if self._pending else Reading()
        if self._surplus > 0:
            more = "message was" if self._surplus == 1 else "messages were"
            text = f"{self._surplus} more {more} not recorded: a job has room for {MESSAGE_LIMIT}"
            reading.messages.append(_message("warning", text))
        return reading

    def read(self, lines: list[bytes], reading: Reading) -> None:
        """Take whole lines, and add to *reading* what they say."""
        for line in lines:
            # Once there is no room any more, a flood costs no more than to be counted.
            if self._room == 0 and not any(key in line for key in UNCOUNTED):
                self._surplus += bool(line.strip())
            elif line.strip():
                try:
                    self._take(line, reading)
                except (ValueError, RecursionError) as error:
                    self._complain(reading, _reason(error), line)

    def _take(self, line: bytes, reading: Reading) -> None:
        if len(line) >= LINE_LIMIT:
            raise Unfit(f"it has more than {LINE_LIMIT} bytes")
        report = plain(json.loads(line.decode()))
        if not isinstance(report, dict):
            raise Unfit('it is no JSON object, such as {"progress": 0.5}')
        if report.get("version", VERSION) != VERSION:
            raise Unfit(f"its version is not {VERSION}, the only one that this node knows")
        if not report.keys() & set(KEYS):
            raise Unfit(f"it has none of {', '.join(KEYS)}")
        if "progress" in report:
            reading.progress = Progress(
                fraction=_number("progress", report["progress"], most=1),
                message=_text("message", report.get("message")),
                eta=_number("eta", report.get("eta")),
            )
        elif "message" in report:
            self._add(reading, _message_of(report))
        if "file" in report:
            reading.files.append(_file(report))
        if "data" in report and ("progress" in report or "message" not in report):
            if not isinstance(report["data"], dict):
                raise Unfit("its data must be an object, unless it belongs to a message")
            reading.data |= report["data"]
        if "tag" in report:
            reading.tags.append(_tag(report["tag"]))
        if "result" in report:
            reading.result = (report["result"],)
        if "ask" in report:
            self._ask(reading, question_of(report, self._directory))

    def _ask(self, reading: Reading, question: Question) -> None:
        if self._room == 0:
            self._surplus += 1
            reason = f"a job has room for {MESSAGE_LIMIT} messages and questions"
            question.reply.refuse("invalid", reason)
            return
        self._room -= 1
        reading.questions.append(question)

    def _complain(self, reading: Reading, reason: str, line: bytes) -> None:
        refuse(line, self._directory, reason)
        data = {"line": visible(line[:1_000].decode(errors="replace"))}
        self._add(reading, _message("error", f"A report was not understood: {reason}", data))

    def _add(self, reading: Reading, message: dict[str, Any]) -> None:
        if self._room == 0:
            self._surplus += 1
            return
        self._room -= 1
        if not reading.messages:
            reading.early, reading.progress = reading.progress, None
        reading.messages.append(message)


class Reports:
    """
    The pipe of one attempt, from `with` to the end of the block, and what comes through it.

    While messages are on their way to the journal nothing more is read, and whoever reports
    much is read with pauses: a flood waits in the programs that make it.
    """

    def __init__(
        self,
        pipes: NamedPipes,
        directory: Path,
        reporter: Reporter,
        on_file: Callable[[str, str | None, str | None], asyncio.Future[None]],
    ) -> None:
        """
        One of *pipes*, for an attempt in the working *directory*; *reporter* takes what is reported.

        *on_file* is given path, title and name of a file, and gives when it is kept.

        Raises:
            SpawnFailed: The pipe cannot be made.
        """
        self.result: tuple[Any, ...] = NOTHING
        """What the program has reported to be its result, if it has."""
        self._reporter = reporter
        self._on_file = on_file
        self._directory = directory
        # Made on first use: most jobs report nothing.
        self._made_reader: ReportReader | None = None
        self._sieve: ReportSieve | None = None
        self._started = time.monotonic()
        self._holds = 0
        self._is_over = False
        self._pipes = pipes
        self._pipe = pipes.lend(self._take)
        self.path = self._pipe.path
        """Where the pipe is."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pipes.take_back(self._pipe)
        self._is_over = True
        if self._made_reader is not None:
            self._tell(self._made_reader.end())

    def sift(self, data: bytes) -> bytes:
        """Take the reports out of *data*, a piece of standard output; gives the rest of it."""
        if self._sieve is None:
            self._sieve = ReportSieve()
        printed, lines = self._sieve.feed(data)
        self._hear(lines)
        return printed

    def rest(self) -> bytes:
        """The last line of standard output, if nobody ended it and it is no report."""
        if self._sieve is None:
            return b""
        printed, lines = self._sieve.end()
        self._hear(lines)
        return printed

    @property
    def _reader(self) -> ReportReader:
        if self._made_reader is None:
            self._made_reader = ReportReader(self._directory)
        return self._made_reader

    def _hear(self, lines: list[bytes]) -> None:
        if lines:
            reading = Reading()
            self._reader.read(lines, reading)
            self._tell(reading)

    def _take(self, data: bytes) -> None:
        began = time.monotonic()
        self._tell(self._reader.feed(data))
        self._hold()
        rest = REST * (time.monotonic() - began)
        asyncio.get_running_loop().call_later(rest, self._release)

    def _tell(self, reading: Reading) -> None:
        self._tell_progress(reading.early)
        if reading.messages:
            self._hold()
            recorded = self._reporter.messages(reading.messages)
            recorded.add_done_callback(lambda _: self._release())
        self._tell_progress(reading.progress)
        for path, title, name in reading.files:
            self._hold()
            self._on_file(path, title, name).add_done_callback(lambda _: self._release())
        if reading.tags or reading.data:
            self._reporter.update(reading.tags, reading.data)
        for question in reading.questions:
            self._reporter.ask(question)
        self.result = reading.result or self.result

    def _tell_progress(self, progress: Progress | None) -> None:
        if progress is not None:
            elapsed = time.monotonic() - self._started
            self._reporter.progress(presentable(progress, elapsed))

    def _hold(self) -> None:
        self._holds += 1
        if not self._is_over:
            self._pipe.pause()

    def _release(self) -> None:
        self._holds -= 1
        if self._holds == 0 and not self._is_over:
            self._pipe.resume()


def _message_of(report: dict[str, Any]) -> dict[str, Any]:
    text = _text("message", report["message"])
    level = report.get("level", "info")
    if text is None:
        raise Unfit("its message must be text")
    if level not in LEVELS:
        raise Unfit(f"its level must be one of {', '.join(LEVELS)}")
    return _message(level, text, report.get("data"))


def _message(level: str, text: str, data: Any = None) -> dict[str, Any]:
    return {"level": level, "text": text, "data": data}


def _file(report: dict[str, Any]) -> tuple[str, str | None, str | None]:
    path = _text("file", report["file"])
    if not path:
        raise Unfit("its file must be a path, as text")
    return path, _text("title", report.get("title")), _text("name", report.get("name"))


def _number(name: str, value: object, *, most: float = float("inf")) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        between = "from 0 to 1" if most == 1 else "of seconds"
        raise Unfit(f"its {name} must be a number {between}, or null")
    return float(value)


def _text(name: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise Unfit(f"its {name} must be text")
    return value


def _tag(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= TAG_LIMIT:
        raise Unfit(f"its tag must be text of at most {TAG_LIMIT} characters")
    return value


def _reason(error: ValueError | RecursionError) -> str:
    match error:
        case Unfit():
            return str(error)
        case UnicodeDecodeError():
            return "it is not UTF-8"
        case json.JSONDecodeError():
            return f"it is not JSON: {error.msg} at column {error.colno}"
    return "it is not JSON that can be read"
