"""What a job looks like on a terminal, on a pipe, and as JSON lines."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol, TextIO

from ..protocol.jobs import Event, EventType
from .terminal import console, print_json, say, visible

if TYPE_CHECKING:
    from rich.text import Text

    from ..client import OutputChunk

BAR_WIDTH: Final = 30  # columns


class Display(Protocol):
    """Where a job that is followed is shown."""

    def event(self, event: Event) -> None:
        """Show what happened to the job."""

    def output(self, chunk: OutputChunk) -> None:
        """Show what the job printed."""

    def note(self, sentence: str) -> None:
        """Show a sentence of our own."""

    def close(self) -> None:
        """Leave the terminal as an ordinary line finds it."""


class JsonLines:
    """Events and output as JSON lines on standard output."""

    def event(self, event: Event) -> None:
        print_json(event.as_dict())

    def output(self, chunk: OutputChunk) -> None:
        print_json(as_json(chunk))

    def note(self, sentence: str) -> None:
        say(sentence)

    def close(self) -> None:
        pass


class Lines:
    """
    The job's own output where it belongs; what happened to it in lines on standard error.

    Of its progress every further tenth is a line.
    """

    def __init__(self) -> None:
        self._tenths = 0

    def event(self, event: Event) -> None:
        if event.type is EventType.UPDATED:
            return
        if event.type is EventType.PROGRESS:
            tenths = int((event.data.get("fraction") or 0) * 10)
            if tenths <= self._tenths:
                return
            self._tenths = tenths
        say(sentence_of(event))

    def output(self, chunk: OutputChunk) -> None:
        write_output(chunk)

    def note(self, sentence: str) -> None:
        say(sentence)

    def close(self) -> None:
        pass


class LiveBar:
    """As `Lines`, with the progress in a bar below that is drawn again and again."""

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._bar: Text | None = None
        self._is_drawn = False
        self._line_is_open = False
        """Whether the job has printed a line that it has not ended; the bar waits meanwhile."""

    def event(self, event: Event) -> None:
        if event.type is EventType.UPDATED:
            return
        if event.type is EventType.PROGRESS:
            self._bar = bar_of(event.data)
            self._draw()
            return
        if event.type.is_terminal:
            self._bar = None
        self.note(sentence_of(event))

    def output(self, chunk: OutputChunk) -> None:
        self._erase()
        write_output(chunk)
        if _stream_of(chunk).isatty():
            self._line_is_open = not chunk.text.endswith("\n")
        self._draw()

    def note(self, sentence: str) -> None:
        self._erase()
        if self._line_is_open:
            self._line_is_open = False
            self._console.print()
        say(sentence)
        self._draw()

    def prompt(self, text: str) -> None:
        """Show *text* before the place where somebody may type; the bar waits meanwhile."""
        self._erase()
        if self._line_is_open:
            self._console.print()
        self._console.file.write(text)
        self._console.file.flush()
        self._line_is_open = True

    def resume(self) -> None:
        """Go on; a line has been typed."""
        self._line_is_open = False
        self._draw()

    def close(self) -> None:
        self._bar = None
        self._erase()

    def _draw(self) -> None:
        if self._bar is not None and not self._line_is_open:
            self._erase()
            self._console.print(self._bar, end="", no_wrap=True, overflow="ellipsis")
            self._is_drawn = True

    def _erase(self) -> None:
        if self._is_drawn:
            self._console.file.write("\r\x1b[2K")
            self._console.file.flush()
            self._is_drawn = False


def display(*, as_json: bool) -> Display:
    """The display for where standard output and standard error lead."""
    if as_json:
        return JsonLines()
    terminal = console(stderr=True)
    return LiveBar() if terminal.is_terminal and not terminal.is_dumb_terminal else Lines()


def write_output(chunk: OutputChunk) -> None:
    """Write what a job printed to the stream of the same name; unchanged, but for what is missing."""
    stream = _stream_of(chunk)
    if chunk.skipped:
        # In its place, so that in a file too the two sides do not run together unseen.
        stream.buffer.write(f"\n… {grouped(chunk.skipped)} bytes not kept …\n".encode())
    stream.buffer.write(chunk.text.encode())
    stream.flush()


def _stream_of(chunk: OutputChunk) -> TextIO:
    return sys.stderr if chunk.stream == "stderr" else sys.stdout


def as_json(chunk: OutputChunk) -> dict[str, Any]:
    """A chunk of output as it stands in a JSON line."""
    return {
        "type": "output",
        "stream": chunk.stream,
        "offset": chunk.offset,
        "next": chunk.next,
        "text": chunk.text,
        "skipped": chunk.skipped,
    }


def sentence_of(event: Event) -> str:
    """What happened, in one line for people that cannot steer their terminal."""
    return visible(_sentence(event))


def _sentence(event: Event) -> str:
    data = event.data
    match event.type:
        case EventType.DELAYED:
            return f"Job {event.job_id} {_waits(data)}"
        case EventType.RETRYING:
            left = data.get("retries_left")
            more = "" if left is None else f" ({left} more after that)"
            return f"Runs again in {clock(data['delay'])}: {data.get('reason')}{more}"
        case EventType.QUEUED:
            place = data.get("position")
            return (
                f"Job {event.job_id} is number {place} in the queue"
                if place
                else f"Job {event.job_id}"
            )
        case EventType.STARTED:
            return "Started"
        case EventType.PROGRESS:
            return " ".join(_progress(data))
        case EventType.ARTIFACT:
            name, size = visible(data.get("name", "")), grouped(data.get("size", 0))
            return f"Left {name}, {size} bytes; taskrealm get {event.job_id} fetches it"
        case EventType.MESSAGE:
            return f"{data.get('level')}: {data.get('text')}"
        case EventType.QUESTION:
            how = f"taskrealm answer {event.job_id} {data.get('question')} VALUE"
            return f"Asks: {data.get('text')} ({how} answers)"
        case EventType.ANSWERED if data.get("refused"):
            return "Nobody answered in time"
        case EventType.ANSWERED:
            return f"Answered{_by(data)}: {answer_text(data.get('answer'))}"
        case EventType.STOPPING:
            return f"Stopping{_by(data)}; what has not ended in {data.get('grace'):g} s is killed"
        case EventType.SUCCEEDED:
            return f"Succeeded{_duration(data)}{_result(data.get('result'))}"
        case EventType.FAILED:
            return f"Failed{_duration(data)}: {data.get('error')}"
        case EventType.CANCELLED:
            return f"Cancelled{_by(data)}"
        case EventType.TIMED_OUT:
            return f"Timed out after {data.get('timeout'):g} s"
        case EventType.EXPIRED:
            return f"Expired: {data.get('reason')}"
        case EventType.LOST:
            return f"Lost: {data.get('reason')}"
    return event.type.value.capitalize()


def bar_of(progress: dict[str, Any]) -> Text:
    """The bar for the data of a `progress` event, in one line."""
    from rich.text import Text

    fraction = progress.get("fraction")
    done = 0 if fraction is None else round(fraction * BAR_WIDTH)
    return Text.assemble(
        ("━" * done, "green"),
        ("─" * (BAR_WIDTH - done), "dim"),
        " ",
        visible("  ".join(_progress(progress))),
    )


def _progress(data: dict[str, Any]) -> list[str]:
    fraction, message, eta = data.get("fraction"), data.get("message"), data.get("eta")
    return [
        *([] if fraction is None else [f"{fraction:4.0%}".replace("%", " %")]),
        *([] if not message else [message]),
        *([] if eta is None else [f"about {clock(eta)} left"]),
    ]


def _waits(data: dict[str, Any]) -> str:
    """What a job waits for before it waits for a slot."""
    if data.get("number") is not None:
        return f"is child {data['number']} of {data['of']}"
    others = f" and after {', '.join(data['after'])}" if data.get("after") else ""
    if data.get("not_before") is None:
        return f"waits for {others.removeprefix(' and after ')}"
    moment = datetime.fromisoformat(data["not_before"]).astimezone()
    return f"may start at {moment:%Y-%m-%d %H:%M:%S}{others}"


def _by(data: dict[str, Any]) -> str:
    by = f" by {data['by']}" if data.get("by") else ""
    return f"{by} ({data['reason']})" if data.get("reason") else by


def _duration(data: dict[str, Any]) -> str:
    return "" if data.get("duration") is None else f" after {clock(data['duration'])}"


def _result(result: Any) -> str:
    # Text is what the program printed, and that has been shown already.
    return "" if result is None or isinstance(result, str) else f": {result}"


def answer_text(answer: Any) -> str:
    """An answer to a question of a job, for people."""
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)


def grouped(number: int) -> str:
    """*number* as people read it: `1 234 567`."""
    return f"{number:,}".replace(",", " ")


def clock(seconds: float) -> str:
    """*seconds* for people: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
