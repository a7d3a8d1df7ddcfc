"""Who has joined a node, and how operators end sessions."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import click

from .connection import Connection, connects
from .jobs import json_option
from .terminal import print_json, print_table, say

own_option = click.option("--own", is_flag=True, help="Those of your own, for who is no operator.")


@click.group()
def sessions() -> None:
    """List who has joined, and end sessions: operators everybody's, others --own ones."""


@sessions.command()
@click.option("--of", metavar="USER", help="Only those of this user.")
@own_option
@json_option
@connects
def ls(connection: Connection, of: str | None, own: bool, as_json: bool) -> None:
    """List who has joined: in which role, how, from where, since and until when."""
    if own and of is not None:
        raise click.UsageError("Give --own or --of, not both")

    async def ask() -> list[dict[str, Any]]:
        async with connection.joined() as client:
            return await (client.sessions() if own else client.admin.sessions(of))

    found = asyncio.run(ask())
    if as_json:
        for each in found:
            print_json(each)
        return
    headings = ["session", "user", "role", "by", "from", "since", "until", "limited to"]
    print_table(headings, [_row(each) for each in found])


@sessions.command()
@click.argument("numbers", metavar="SESSION...", type=int, nargs=-1, required=True)
@own_option
@json_option
@connects
def end(connection: Connection, numbers: tuple[int, ...], own: bool, as_json: bool) -> None:
    """
    End sessions at once, by their numbers.

    Their clients may join again, if the tokens by which they joined are valid still:
    `taskrealm tokens rm` makes them invalid.
    """

    async def ask() -> None:
        async with connection.joined() as client:
            for number in numbers:
                await (client if own else client.admin).end_session(number)
                if as_json:
                    print_json({"session": number, "ended": True})
                else:
                    say(f"Session {number} is over")

    asyncio.run(ask())


def _row(told: dict[str, Any]) -> list[object]:
    scope = [f"{name} {value}" for name, value in told["scope"].items()]
    return [
        told["session"],
        told["authid"],
        told["role"],
        told["method"],
        told["address"],
        _local(told["since"]),
        _local(told["expires_at"]),
        ", ".join(scope) or None,
    ]


def _local(moment: str | None) -> str | None:
    if moment is None:
        return None
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S}"
