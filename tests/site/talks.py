"""Tasks whose programs print on a terminal, or report on their standard output."""

from __future__ import annotations

import sys
from typing import Any

from taskrealm.tasks import (
    BarProgress,
    CommandTask,
    CurlProgress,
    Flag,
    Percent,
    RsyncFilesProgress,
    RsyncProgress,
    Terminal,
    Value,
    report,
    task,
)


class OnTerminal(CommandTask):
    """Run a script of the shell whose output is a terminal."""

    name = "talks.on_terminal"
    script: str
    command = ("bash", "-c", Value("script"))
    terminal = Terminal(columns=100, lines=40)
    progress = Percent
    grace = 1.0


class OnStdout(CommandTask):
    """Run a program in Python that reports on its standard output."""

    name = "talks.on_stdout"
    source: str
    command = (sys.executable, "-c", Value("source"))
    reports_on_stdout = True


class CopiesFiles(CommandTask):
    """Copy a folder, at a bearable rate."""

    name = "talks.copies"
    source: str
    target: str
    command = (
        *("rsync", "-a", "--no-inc-recursive", "--info=progress2", "--bwlimit=8000"),
        Value("source"),
        Value("target"),
    )
    progress = RsyncProgress


class CopiesEachFile(CopiesFiles):
    """Copy a folder and tell the progress of each file."""

    name = "talks.copies_each"
    command = (
        *("rsync", "-a", "--progress", "--bwlimit=8000"),
        Value("source"),
        Value("target"),
    )
    progress = RsyncFilesProgress


class Fetches(CommandTask):
    """Fetch something, at a bearable rate."""

    name = "talks.fetches"
    url: str
    has_bar: bool = False
    command = (
        *("curl", "--limit-rate", "3M", "-o", "fetched", Flag("-#", "has_bar")),
        Value("url"),
    )
    progress = CurlProgress


class Counts(CommandTask):
    """Count, with a bar of tqdm."""

    name = "talks.counts"
    source: str
    command = (sys.executable, "-c", Value("source"))
    progress = BarProgress


class CountsOnTerminal(Counts):
    """Count, with a bar of tqdm on a terminal."""

    name = "talks.counts_on_terminal"
    terminal = True


class AsksAgain(CommandTask):
    """Ask whether to go on, in each attempt anew."""

    name = "talks.asks_again"
    command = (
        sys.executable,
        "-c",
        "from taskrealm.tasks import report; print(report.ask('Go on?', timeout=600))",
    )
    retries = 1


@task(name="talks.function_asks")
def function_asks() -> Any:
    """Ask from within a function in Python."""
    report.tag("asked")
    return report.ask("How many?", type=int)
