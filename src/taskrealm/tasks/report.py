"""
Lets the program of a job report how far it is and what it meets, while it runs.

    from taskrealm.tasks import report

    report.progress(0.4, "page 12 of 30")
    report.message("The disk is nearly full", level="warning", data={"free": 1200})
    report.artifact("pages.pdf", title="All pages")

From a shell: `python -m taskrealm.tasks.report 0.4 "page 12 of 30"`. From anything else: one
JSON object a line, such as `{"progress": 0.4}`, written to the file that `TASKREALM_REPORT` names.

Outside a job all this does nothing. It needs the standard library only.
"""

from __future__ import annotations

import json
import math
import os
import sys
from typing import Any

VARIABLE = "TASKREALM_REPORT"
"""The environment variable that names the pipe."""

VERSION = 1
"""The only version of a report so far; one that names none has this one."""

LEVELS = ("debug", "info", "warning", "error")
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
    _send({"progress": fraction, "message": message, "eta": eta})


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
    _send({"message": text, "level": level, "data": data})


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
    _send({"file": os.path.abspath(path), "title": title, "name": name})


def main(words: list[str]) -> str | None:
    """Report what *words* of a command line say; gives what is wrong about them, if anything."""
    usage = (
        "Usage: python -m taskrealm.tasks.report FRACTION [MESSAGE]\n"
        f"       python -m taskrealm.tasks.report {'|'.join(LEVELS)} MESSAGE"
    )
    report: dict[str, Any]
    match words:
        case [level, text] if level in LEVELS:
            report = {"message": text, "level": level}
        case [number, *text] if len(text) < 2 and _is_fraction(number):
            report = {"progress": float(number), "message": text[0] if text else None}
        case _:
            return usage
    try:
        _send(report)
    except ValueError as error:
        return str(error)
    return None


def _is_fraction(word: str) -> bool:
    try:
        return 0 <= float(word) <= 1
    except ValueError:
        return False


def _send(report: dict[str, Any]) -> None:
    line = json.dumps(report, allow_nan=False).encode() + b"\n"
    if len(line) > LINE_LIMIT:
        raise ValueError(f"A report has at most {LINE_LIMIT} bytes as JSON, and this {len(line)}")
    path = os.environ.get(VARIABLE)
    if not path:
        return
    try:
        # Without this flag it would wait for ever if nobody reads any more.
        pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return  # The job is over; what is reported now has no place left.
    try:
        os.set_blocking(pipe, True)
        while line:
            line = line[os.write(pipe, line) :]
    except OSError:
        return  # A report is no reason for a program to fail.
    finally:
        os.close(pipe)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
