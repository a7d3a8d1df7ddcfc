"""What the command line writes: sentences, tables and JSON lines, safe for a terminal."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

_PIPE_WIDTH: Final = 10_000  # columns; a table on a pipe is never cut


def visible(value: object) -> str:
    """
    *value* as one line of text that a terminal only displays.

    Control characters, line breaks and marks of writing direction come out as escapes such
    as `\\x1b`, so that what a job or a user is called cannot steer the reader's terminal.
    """
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in str(value)
    )


def say(message: str) -> None:
    """Write a sentence for people to standard error, line by line."""
    for line in message.splitlines():
        click.echo(visible(line), err=True)


def print_json(value: Any) -> None:
    """Write *value* as one JSON line to standard output, at once."""
    click.echo(json.dumps(value, ensure_ascii=True))


def console(*, stderr: bool = False) -> Console:
    """A console on standard output or standard error; colours only on a terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else _PIPE_WIDTH)


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table whose cells are taken as they are; None is an empty cell."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else visible(cell)) for cell in row))
    console().print(table)
