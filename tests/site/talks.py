"""Tasks whose programs print on a terminal, or report on their standard output."""

from __future__ import annotations

import sys

from taskrealm.tasks import CommandTask, Percent, Terminal, Value


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
