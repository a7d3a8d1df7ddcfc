"""Tasks that work on files their callers send, and leave some."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from taskrealm.tasks import (
    Artifact,
    CommandTask,
    Output,
    Upload,
    Value,
    task,
)

LOOK = """
import hashlib, json, os, sys
def look(path):
    with open(path, "rb") as file:
        found = os.fstat(file.fileno())
        return {"path": path, "name": os.path.basename(path), "mode": oct(found.st_mode & 0o777),
            "links": found.st_nlink, "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
            "is_here": os.path.dirname(path) == os.getcwd()}
print(json.dumps([look(path) for path in sys.argv[1:]]))
"""


class Look(CommandTask):
    """Look at files, and say what they are."""

    name = "papers.look"
    source: Annotated[Path, Upload()]
    more: list[Annotated[Path, Upload()]] = []
    command = (sys.executable, "-c", LOOK, Value("source"), Value("more"))

    def parse_result(self, output: Output) -> Any:
        return json.loads(output.stdout)


class Film(CommandTask):
    """Take short films only."""

    name = "papers.film"
    source: Annotated[Path, Upload(max=10_000, accept=[".mov", "video/*"])]
    command = ("cat", Value("source"))


class Waits(CommandTask):
    """Wait for a file beside the others before the first line of one is printed."""

    name = "papers.waits"
    source: Annotated[Path, Upload()]
    until: str
    command = (
        *("bash", "-c", 'while [ ! -e "$2" ]; do sleep 0.02; done; head -n 1 "$1"', "bash"),
        *(Value("source"), Value("until")),
    )
    retries = 1


class Vandal(CommandTask):
    """Overwrite the file that was given."""

    name = "papers.vandal"
    source: Annotated[Path, Upload()]
    command = ("bash", "-c", 'chmod 600 "$1" && echo spoilt > "$1"', "bash", Value("source"))


class Leave(CommandTask):
    """Do what a script says, and leave what it has made."""

    name = "papers.leave"
    script: str
    source: Annotated[Path | None, Upload()] = None
    artifacts = (
        "out.txt",
        "pages/*.png",
        "deep/**/*.csv",
        Artifact("report.pdf", title="The report", keep=2),
        Artifact("notes.log", always=True),
        "*.mov",
    )
    command = ("bash", "-c", Value("script"), "bash", Value("source"))
    grace = 0.5


class MustLeave(CommandTask):
    """Do what a script says, and leave a file."""

    name = "papers.must_leave"
    script: str
    artifacts = (Artifact("out.txt", required=True),)
    command = ("bash", "-c", Value("script"))


@task(name="papers.count", artifacts=("counts.json",))
def count(source: Annotated[Path, Upload(accept=[".txt"])]) -> int:
    """Count the words of a file, and leave the counts."""
    words = source.read_text().split()
    Path("counts.json").write_text(json.dumps({word: words.count(word) for word in words}))
    return len(words)


class Program(CommandTask):
    """Run a program in Python."""

    name = "papers.program"
    code: str
    artifacts = ("*.txt",)
    command = (sys.executable, "-c", Value("code"))
