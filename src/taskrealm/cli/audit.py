"""The audit log on a terminal, as JSON lines and as CSV."""

from __future__ import annotations

import asyncio
import csv
import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

from .connection import Connection, connects
from .jobs import json_option
from .moments import Moment
from .terminal import print_json, visible

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS: Final = (
    *("id", "at", "actor", "role", "owner", "action", "object", "address", "outcome", "detail"),
)
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet takes for a formula."""
PAGE: Final = 100  # records that are shown unless more are asked for


@click.command()
@click.option("--by", "actor", metavar="USER", help="Who did it.")
@click.option("--owner", metavar="USER", help="For whom, or whose it was.")
@click.option("--action", help="What was done, such as cancel or admin.pause.")
@click.option("--object", help="To what: the id of a job, an upload, a token, a session.")
@click.option("--outcome", help="How it ended: ok, or the code of an error.")
@click.option("--since", type=Moment(), help="From this time on, or so long ago: 2h, 30d.")
@click.option("--until", type=Moment(), help="Before this time.")
@click.option("--after", type=click.IntRange(0), help="Behind the record with this id.")
@click.option(
    "--limit", type=click.IntRange(1), help=f"Only so many.  [default: {PAGE}; exports: all]"
)
@click.option("--follow", "-f", is_flag=True, help="Go on with new records until Ctrl-C.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, for spreadsheets.")
@json_option
@connects
def audit(
    connection: Connection,
    limit: int | None,
    follow: bool,
    as_csv: bool,
    as_json: bool,
    **wanted: Any,
) -> None:
    """
    Show or export who did what; for operators.

    The newest records come last. With --json or --csv all of them are printed, from the first
    on; the next export goes on with --after and the last id.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    is_export = as_json or as_csv or wanted["after"] is not None
    write = print_json if as_json else _csv() if as_csv else _print

    async def show() -> None:
        async with connection.joined() as client:
            if not is_export:
                newest = [each async for each in client.admin.audit(**wanted, limit=limit or PAGE)]
                for record in reversed(newest):
                    write(record)
                if not follow:
                    return
                wanted["after"] = newest[0]["id"] if newest else None
            else:
                wanted["after"] = wanted["after"] or 0
            async for record in client.admin.audit(**wanted, limit=limit, follow=follow):
                write(record)

    asyncio.run(show())


def _print(record: dict[str, Any]) -> None:
    """One line for people, in which nothing that users sent can steer the terminal."""
    at = datetime.fromisoformat(record["at"]).astimezone()
    actor = record["actor"] or "nobody"
    owner = f" for {record['owner']}" if record["owner"] not in (None, record["actor"]) else ""
    what = f" {record['object']}" if record["object"] else ""
    whence = f" from {record['address']}" if record["address"] else ""
    detail = json.dumps(record["detail"], ensure_ascii=False) if record["detail"] else ""
    line = f"{at:%Y-%m-%d %H:%M:%S}  {actor}: {record['action']}{what}{owner}{whence}"
    click.echo(visible(f"{line}: {record['outcome']}  {detail}".rstrip()))


def _csv() -> Callable[[dict[str, Any]], None]:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)

    def write(record: dict[str, Any]) -> None:
        writer.writerow([_cell(record[name]) for name in COLUMNS])
        sys.stdout.flush()

    return write


def _cell(value: Any) -> str:
    """*value* as a cell that is one line of text and no formula."""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=True)
    text = "" if value is None else visible(value)
    return f"'{text}" if text.startswith(FORMULA) else text
