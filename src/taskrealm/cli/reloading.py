"""What people who write tasks need: the schema of their files, and to have them taken."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import click

from ..settings import Settings
from ..tasks import tables
from . import exits
from .connection import Connection, connects
from .exits import Stopped
from .jobs import json_option
from .terminal import print_json, say, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "tasks": tables.schema,
    "settings": lambda: {"$schema": DIALECT, **Settings.model_json_schema()},
}


@click.command()
@json_option
@connects
def reload(connection: Connection, as_json: bool) -> None:
    """
    Let a node take its tasks as they are written now; for operators.

    If there is a mistake in them, every one is named, the node keeps the tasks that it
    has, and the exit code is 2. Jobs that wait or run are left alone.
    """
    answer = asyncio.run(_reload(connection))
    if as_json:
        print_json(answer)
    else:
        _tell(answer)
    if answer["mistakes"]:
        raise Stopped("Nothing was reloaded: the node keeps the tasks that it has", exits.USAGE)


@click.command()
@click.argument("kind", type=click.Choice(list(SCHEMAS)))
def schema(kind: str) -> None:
    """
    Print the JSON Schema of a kind of file, for editors.

    `tasks` are the TOML and YAML files in the folder of tasks, `settings` is taskrealm.toml.
    """
    click.echo(json.dumps(SCHEMAS[kind](), indent=2))


async def _reload(connection: Connection) -> dict[str, Any]:
    async with connection.joined() as client:
        return await client.reload()


def _tell(answer: Mapping[str, Any]) -> None:
    for mistake in answer["mistakes"]:
        say(visible(mistake))
    for word in ("added", "removed", "changed"):
        for name in answer[word]:
            click.echo(f"{word:8} {visible(name)}")
    if not answer["mistakes"]:
        click.echo(f"The node has {answer['tasks']} tasks")
