"""What users may do, as operators see it."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from ..access.identity import ROLES
from .connection import Connection, connects
from .jobs import json_option
from .terminal import print_json, print_table, say


@click.command()
@click.argument("name", metavar="USER")
@click.option("--role", type=click.Choice(ROLES), default="user", show_default=True)
@click.option("--team", "teams", multiple=True, help="A team of theirs; may be given often.")
@json_option
@connects
def rights(
    connection: Connection, name: str, role: str, teams: tuple[str, ...], as_json: bool
) -> None:
    """
    Show what a user may do, and by which rules; for operators.

    Rules are told by their numbers, in the order of router/roles.toml.
    """

    async def ask() -> dict[str, Any]:
        async with connection.joined() as client:
            return await client.admin.rights(name, role, teams)

    found = asyncio.run(ask())
    if as_json:
        print_json(found)
        return
    kinds = ["see", "run", "output", "cancel"]
    rows = [
        [each["task"], *(_reason(each["rights"].get(kind)) for kind in kinds)]
        for each in found["tasks"]
    ]
    print_table(["task", *kinds], rows)
    if found["asks"]:
        say("The site's own function is asked too, and may refuse more")


def _reason(reason: dict[str, Any] | None) -> str:
    if reason is None:
        return "no"
    numbers = ", ".join(map(str, reason["rules"]))
    return f"rule {numbers}" if numbers else "operator"
