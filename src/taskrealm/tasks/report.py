"""
Lets the program of a job report how far it is and what it meets, while it runs.

    from taskrealm.tasks import report

    report.progress(0.4, "page 12 of 30")
    report.message("The disk is nearly full", level="warning", data={"free": 1200})
    report.artifact("pages.pdf", title="All pages")
    if not report.ask("Overwrite 214 rows?", default=False, timeout=600):
        sys.exit("Nothing was changed")

From a shell: `. "$TASKREALM_SHELL"` and then `report_progress 0.4 "page 12 of 30"`. From
anything else: one JSON object a line, such as `{"progress": 0.4}`, written to the file that
`TASKREALM_REPORT` names.

Outside a job all this does nothing, and a question has its default for an answer. It needs
the standard library only.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE = "TASKREALM_REPORT"
"""The environment variable that names the pipe."""

DIRECTORY = "TASKREALM_DIRECTORY"
"""The environment variable that names the working directory, where answers are expected."""

SHELL = "TASKREALM_SHELL"
"""The environment variable that names a file of functions for the shell."""

SHELL_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "report.sh")
"""That file."""

VERSION = 1
"""The only version of a report so far; one that names none has this one."""

LEVELS = ("debug", "info", "warning", "error")
KEYS = ("progress", "message", "file", "ask", "result", "tag", "data")
"""A report has one of these keys at least."""

LINE_LIMIT = 16_384  # bytes of a report with its newline; up to 4096, several writers never mix


def progress(
    fraction: float | None, message: str | None = None, *, eta: float | None = None
) -> None:
    """
    Say that *fraction* of the job, from 0 to 1, is done, and about *eta* seconds remain.

    None means that nobody knows. Watchers see at most four reports a second, and the last.

    Raises:
        ValueError: *fraction* or *eta* is out of range.
    """
    if fraction is not None and not 0 <= fraction <= 1:
        raise ValueError(f"The fraction is {fraction}; it must be from 0 to 1, or None")
    if eta is not None and not (eta >= 0 and math.isfinite(eta)):
        raise ValueError(f"The eta is {eta}; it must be a number of seconds, or None")
    send({"progress": fraction, "message": message, "eta": eta})


def message(text: str, *, level: str = "info", data: Any = None) -> None:
    """
    Tell the job's owner something, with *data* of any kind that JSON has.

    A job has room for 1000 messages; further ones are only counted.

    Raises:
        ValueError: *level* is none of `LEVELS`, or all of it is too long.
        TypeError: JSON has no words for *data*.
    """
    if level not in LEVELS:
        raise ValueError(f"The level is {level!r}; it must be one of {', '.join(LEVELS)}")
    send({"message": text, "level": level, "data": data})


def tag(text: str) -> None:
    """
    Add a tag to the job, by which it can be found; it has 20 at most.

    Raises:
        ValueError: *text* is empty, or has more than 100 characters.
    """
    if not 0 < len(text) <= 100:
        raise ValueError(f"The tag {text!r} must have from 1 to 100 characters")
    send({"tag": text})


def data(**values: Any) -> None:
    """
    Note *values* about the job, by name; None takes a name away.

    They are part of the job as everybody sees it who may, 8 KB at most, and go on with it.

    Raises:
        ValueError: They are too long for one report.
        TypeError: JSON has no words for one of them.
    """
    send({"data": values})


def result(value: Any) -> None:
    """
    Let *value* be the result of the job, if it succeeds; the last one counts.

    What a task's `parse_result` makes counts for more, what was printed for less.

    Raises:
        ValueError: It is too long for a report; 16 KB as JSON is the most.
        TypeError: JSON has no words for it.
    """
    send({"result": value})


class NoAnswer(Exception):
    """
    Nobody answered: `reason` is `timeout`, `cancelled`, `invalid` or `outside`.

    `invalid` is a question that could not be asked, `outside` one asked where no job runs.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


_NOTHING: Any = object()

_SCHEMAS: dict[type, dict[str, Any]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
}


def ask(
    question: str,
    *,
    type: type = bool,
    choices: list[Any] | None = None,
    schema: Mapping[str, Any] | None = None,
    default: Any = _NOTHING,
    timeout: float | None = None,
) -> Any:
    """
    Ask the job's owner, and wait for the answer; its time limit goes on meanwhile.

    The answer is of *type* bool, int, float or str, or one of *choices*, or fits a JSON
    *schema* without references. When nobody answers within *timeout* seconds, and outside a
    job, it is the *default*.

    Raises:
        NoAnswer: There is no answer and no default, or the job is being stopped.
        ValueError: *type* is none of these.
    """
    if schema is None:
        if choices is not None:
            schema = {"enum": choices}
        elif type in _SCHEMAS:
            schema = _SCHEMAS[type]
        else:
            raise ValueError("The type must be bool, int, float or str; for others give a schema")
    ask: dict[str, Any] = {"question": question, "schema": schema, "timeout": timeout}
    if default is not _NOTHING:
        ask["default"] = default
    directory = os.environ.get(DIRECTORY)
    if directory and os.environ.get(VARIABLE):
        with _answers_in(directory) as (path, answers):
            if send({"ask": ask, "reply": path}):
                return _answer_of(json.loads(_line_from(answers)))
    if default is not _NOTHING:
        return default
    raise NoAnswer("outside", f"Nobody can be asked here, and there is no default: {question}")


@contextlib.contextmanager
def _answers_in(directory: str) -> Iterator[tuple[str, int]]:
    """A new pipe in *directory*: its path, and what is read from it."""
    path = os.path.join(directory, f".answer-{os.getpid()}-{os.urandom(4).hex()}")
    os.mkfifo(path, 0o600)
    try:
        # Opened for writing as well: there is no end before the answer.
        answers = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            yield path, answers
        finally:
            os.close(answers)
    finally:
        os.unlink(path)


def _line_from(pipe: int) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(pipe, LINE_LIMIT)
    return line


def _answer_of(line: dict[str, Any]) -> Any:
    if "answer" in line:
        return line["answer"]
    sentences = {
        "timeout": "Nobody answered in time",
        "invalid": f"The question could not be asked: {line.get('reason')}",
    }
    reason = line["refused"]
    raise NoAnswer(reason, sentences.get(reason, "The job is being stopped"))


def artifact(
    path: str | os.PathLike[str], title: str | None = None, name: str | None = None
) -> None:
    """
    Leave the file at *path*, in the job's working directory, for the job's owner.

    It is copied soon, while the program goes on: write it wholly before, and do not change
    it afterwards. *name* is what the owner reads instead of the file's own.

    Raises:
        ValueError: All of it is too long.
    """
    send({"file": os.path.abspath(path), "title": title, "name": name})


def main(words: list[str]) -> str | None:
    """Report what *words* of a command line say; gives what is wrong about them, if anything."""
    usage = (
        "Usage: python -m taskrealm.tasks.report FRACTION [MESSAGE]\n"
        f"       python -m taskrealm.tasks.report {'|'.join(LEVELS)} MESSAGE\n"
        "       python -m taskrealm.tasks.report --shell"
    )
    report: dict[str, Any]
    match words:
        case ["--shell"]:
            sys.stdout.write(f"{SHELL_FILE}\n")
            return None
        case [level, text] if level in LEVELS:
            report = {"message": text, "level": level}
        case [number, *text] if len(text) < 2 and _is_fraction(number):
            report = {"progress": float(number), "message": text[0] if text else None}
        case _:
            return usage
    try:
        send(report)
    except ValueError as error:
        return str(error)
    return None


def _is_fraction(word: str) -> bool:
    try:
        return 0 <= float(word) <= 1
    except ValueError:
        return False


def send(report: Mapping[str, Any]) -> bool:
    """
    Report what a line of JSON would that has these keys; whether there is somebody who reads it.

    Raises:
        ValueError: It is too long.
        TypeError: JSON has no words for something in it.
    """
    line = json.dumps(report, allow_nan=False).encode() + b"\n"
    if len(line) > LINE_LIMIT:
        raise ValueError(f"A report has at most {LINE_LIMIT} bytes as JSON, and this {len(line)}")
    path = os.environ.get(VARIABLE)
    if not path:
        return False
    try:
        # Without this flag it would wait for ever if nobody reads any more.
        pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False  # The job is over; what is reported now has no place left.
    try:
        os.set_blocking(pipe, True)
        while line:
            line = line[os.write(pipe, line) :]
    except OSError:
        return False  # A report is no reason for a program to fail.
    finally:
        os.close(pipe)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
